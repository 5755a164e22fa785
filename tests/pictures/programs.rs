//! Pictures after each program's own format, and what comes back from them.

use super::*;

/// What comes back from one picture.
struct Expected {
    steps: usize,
    guidance_scale: f64,
    seed: u64,
    size: [usize; 2],
    scheduler: SchedulerKind,
    schedule: Option<SigmaSchedule>,
    rng: NoiseKind,
    negative_prompt: &'static str,
    /// With weights in the text encoder and in the UNet.
    loras: &'static [(&'static str, [f64; 2])],
    clip_skip: usize,
    /// What the message names.
    told: &'static [&'static str],
}

const CLOSE: Expected = Expected {
    steps: 20,
    guidance_scale: 7.5,
    seed: 7,
    size: [512, 512],
    scheduler: SchedulerKind::EulerAncestral,
    schedule: None,
    rng: NoiseKind::Cpu,
    negative_prompt: "blurry",
    loras: &[],
    clip_skip: 1,
    told: &[],
};

/// The table of the README: each program's own file.
fn pictures_of_programs() -> Vec<(&'static [&'static str], Program, Expected)> {
    use SchedulerKind::{Dpmpp2m, Dpmpp2mSde, Euler, EulerAncestral};
    let karras = Some(SigmaSchedule::Karras);
    vec![
        (
            &["forge.png"],
            Program::Forge,
            Expected {
                steps: 24,
                guidance_scale: 6.0,
                seed: 99,
                scheduler: Dpmpp2mSde,
                schedule: karras,
                told: &["freeu_enabled True", "dreamshaper_8"],
                ..CLOSE
            },
        ),
        (
            &["comfyui.png", "comfyui.webp"],
            Program::ComfyUi,
            Expected {
                guidance_scale: 8.0,
                seed: 156_680_208_700_286,
                size: [512, 768],
                scheduler: Dpmpp2m,
                schedule: karras,
                loras: &[("detail", [1.0, 0.8])],
                clip_skip: 2,
                told: &["v1-5-pruned"],
                ..CLOSE
            },
        ),
        (
            &["invokeai.png"],
            Program::InvokeAi,
            Expected {
                steps: 30,
                size: [512, 640],
                scheduler: Dpmpp2m,
                schedule: karras,
                loras: &[("detail", [0.75, 0.75])],
                clip_skip: 2,
                told: &["weights in the prompt cat++", "dreamshaper-8"],
                ..CLOSE
            },
        ),
        (
            &["invokeai-2.png"],
            Program::InvokeAi,
            Expected {
                steps: 50,
                told: &["stable-diffusion-1.5"],
                ..CLOSE
            },
        ),
        (
            &["invokeai-1.png"],
            Program::InvokeAi,
            Expected {
                steps: 50,
                size: [512, 768],
                ..CLOSE
            },
        ),
        (
            &["swarmui.png", "swarmui.jpg"],
            Program::SwarmUi,
            Expected {
                guidance_scale: 7.0,
                seed: 42,
                size: [1024, 1024],
                scheduler: Euler,
                schedule: karras,
                loras: &[("detail", [0.25, 0.5])],
                clip_skip: 2,
                told: &["refinerupscale 2", "sd_xl_base_1.0"],
                ..CLOSE
            },
        ),
        (
            &["fooocus.png", "fooocus.jpg"],
            Program::Fooocus,
            Expected {
                steps: 30,
                guidance_scale: 4.0,
                size: [1152, 896],
                scheduler: Dpmpp2mSde,
                schedule: karras,
                loras: &[("sd_xl_offset", [0.1, 0.1])],
                clip_skip: 2,
                told: &["sharpness 2", "performance Speed", "styles"],
                ..CLOSE
            },
        ),
        (
            &["easy-diffusion.png", "easy-diffusion.webp"],
            Program::EasyDiffusion,
            Expected {
                steps: 25,
                negative_prompt: "",
                loras: &[("detail", [0.5, 0.5])],
                clip_skip: 2,
                told: &["sd-v1-5"],
                ..CLOSE
            },
        ),
        (
            &["easy-diffusion-names.png"],
            Program::EasyDiffusion,
            Expected {
                steps: 25,
                negative_prompt: "",
                told: &["sd-v1-5"],
                ..CLOSE
            },
        ),
        (
            &["novelai.png", "novelai.webp"],
            Program::NovelAi,
            Expected {
                steps: 28,
                guidance_scale: 5.0,
                size: [768, 512],
                scheduler: EulerAncestral,
                schedule: karras,
                told: &["{cat}", "dynamic_thresholding on", "NovelAI Diffusion V3"],
                ..CLOSE
            },
        ),
        (
            &["draw-things.png", "draw-things.jpg"],
            Program::DrawThings,
            Expected {
                scheduler: Dpmpp2m,
                schedule: karras,
                rng: NoiseKind::Nv,
                negative_prompt: "",
                loras: &[("detail_lora_f16", [0.6, 0.6])],
                clip_skip: 2,
                told: &["sd_v1.5_f16.ckpt"],
                ..CLOSE
            },
        ),
    ]
}

#[test]
fn pictures_of_every_program_give_their_settings_and_name_the_rest() {
    for (names, program, expected) in pictures_of_programs() {
        for name in names {
            let restored = restored(name);
            assert_eq!(restored.program, program, "{name}");
            let taken = &restored.taken;
            assert!(taken.prompt.ends_with("to the left of a dog"), "{name}");
            assert_eq!(taken.negative_prompt, expected.negative_prompt, "{name}");
            assert_eq!(taken.seeds, [expected.seed], "{name}");
            let settings = &taken.settings;
            assert_eq!(settings.steps, expected.steps, "{name}");
            assert_eq!(settings.guidance_scale, expected.guidance_scale, "{name}");
            assert_eq!(settings.size, Some(expected.size), "{name}");
            assert_eq!(settings.scheduler, Some(expected.scheduler), "{name}");
            assert_eq!(settings.schedule, expected.schedule, "{name}");
            assert_eq!(settings.rng, expected.rng, "{name}");
            let loras = settings.loras.iter();
            let loras: Vec<_> = loras.map(|it| (it.name.as_str(), it.weights())).collect();
            assert_eq!(loras, expected.loras, "{name}");
            assert_eq!(settings.clip_skip, expected.clip_skip, "{name}");
            let message = restored.message(Some("toybox"));
            assert!(!message.contains("LoRA"), "{name}: {message}");
            for told in expected.told {
                assert!(message.contains(told), "{name}: {message}");
            }
        }
    }
    assert_eq!(
        restored("invokeai.png").taken.settings.guidance_rescale,
        0.25
    );
    assert_eq!(restored("novelai.png").taken.settings.guidance_rescale, 0.5);
}
