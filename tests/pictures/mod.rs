//! Settings out of picture files, as the programs that saved them wrote them
//! (tests/fixtures/make_pictures.py), and as version 0.1.0 of this one did.

mod programs;

use std::path::PathBuf;

use serde_json::Value;
use storm_studio::diffusion::{NoiseKind, SchedulerKind, SigmaSchedule};
use storm_studio::engine::{LoraChoice, Settings};
use storm_studio::export::metadata::own_of;
use storm_studio::export::png::read_texts;
use storm_studio::restore::{Program, RestoreError, RestoredSettings, read_picture};

pub(crate) fn picture(name: &str) -> PathBuf {
    crate::fixture::folder().join("pictures").join(name)
}

fn restored(name: &str) -> RestoredSettings {
    match read_picture(&picture(name)) {
        Ok(restored) => *restored,
        Err(error) => panic!("{name}: {error}"),
    }
}

fn refused(name: &str) -> RestoreError {
    match read_picture(&picture(name)) {
        Ok(restored) => panic!("{name} gave {restored:?}"),
        Err(error) => error,
    }
}

#[test]
fn jpeg_and_webp_say_what_the_png_says() {
    for name in ["a1111.jpg", "a1111.webp"] {
        assert_eq!(restored(name), restored("a1111.png"), "{name}");
    }
}

#[test]
fn what_can_not_be_read_says_so_in_a_sentence() {
    for (name, words) in [
        ("diffusionbee.png", "holds DiffusionBee's settings"),
        ("comfyui-drawing.png", "only the drawing of a ComfyUI graph"),
        ("comfyui-cyclic.png", "graph leads back to itself at node"),
        ("a1111-none.png", "holds no settings"),
        ("plain.png", "holds no settings"),
        ("gone.png", "can't be opened"),
        (
            "lying.jpg",
            "holds no settings; open a picture as its program saved it (its EXIF is damaged",
        ),
        (
            "lying.webp",
            "holds no settings; open a picture as its program saved it (its EXIF is damaged",
        ),
    ] {
        let text = refused(name).to_string();
        assert!(text.contains(words), "{text}");
        assert!(text.starts_with(name), "{text}");
    }
    let text = read_picture(&crate::fixture::folder().join("README.md"));
    let text = text.unwrap_err().to_string();
    assert!(text.contains("not a readable PNG"), "{text}");
    let message = restored("two-parameters.png").message(None);
    assert!(message.contains("says its settings twice"), "{message}");
}

/// Whatever is cut off or changed ends in settings or in a sentence.
#[test]
fn damaged_files_are_read_or_refused_and_never_more() {
    let folder = tempfile::tempdir().unwrap();
    for name in [
        "a1111.jpg",
        "a1111.webp",
        "draw-things.jpg",
        "comfyui.webp",
        "comfyui.png",
    ] {
        let whole = std::fs::read(picture(name)).unwrap();
        let path = folder.path().join(name);
        for cut in (0..whole.len()).step_by(7) {
            std::fs::write(&path, &whole[..cut]).unwrap();
            let _ = read_picture(&path);
            let mut changed = whole.clone();
            changed[cut] ^= 0xFF;
            std::fs::write(&path, &changed).unwrap();
            if let Err(error) = read_picture(&path) {
                assert!(error.to_string().starts_with(name), "{error}");
            }
        }
    }
}

#[test]
fn an_infotext_gives_what_means_the_same_here_and_names_the_rest() {
    let restored = restored("a1111.png");
    assert_eq!(restored.program, Program::Automatic1111);
    let settings = Settings {
        steps: 20,
        guidance_scale: 35.0,
        scheduler: Some(SchedulerKind::Ddim),
        size: Some([512, 768]),
        rng: NoiseKind::Nv,
        clip_skip: 2,
        ..Settings::default()
    };
    assert_eq!(restored.taken.settings, settings);
    assert_eq!(restored.taken.seeds, [123_456_789]);
    let message = restored.message(Some("toybox"));
    for name in [
        "Hires upscale 2",
        "Hires upscaler R-ESRGAN 4x+",
        "Denoising strength 0.55",
        "another model, dreamshaper_8",
    ] {
        assert!(message.contains(name), "{message}");
    }
    assert!(!message.contains("Version"), "{message}");
}

#[test]
fn impossible_values_are_said_by_name_and_none_is_bent() {
    let restored = restored("a1111-impossible.png");
    let settings = Settings {
        scheduler: Some(SchedulerKind::Ddim),
        rng: NoiseKind::Nv,
        ..Settings::default()
    };
    assert_eq!(restored.taken.settings, settings);
    assert_eq!(restored.taken.seeds, [0u64; 0]);
    let message = restored.message(None);
    for words in [
        "Steps 5000 (a whole number from 1 to 1000)",
        "CFG scale NaN (a number from 0 to 100)",
        "Seed -12345 (a whole number from 0",
        "Size 0x0 (width and height from 1 to 4096)",
    ] {
        assert!(message.contains(words), "{message}");
    }
}

#[test]
fn an_infotext_of_fooocus_is_read_under_its_name() {
    let restored = restored("fooocus-a1111.png");
    assert_eq!(restored.program, Program::Fooocus);
    assert_eq!(restored.taken.seeds, [7]);
    assert!(restored.message(None).contains("Sharpness 2"));
    let loras = restored.taken.settings.loras.iter();
    let loras: Vec<String> = loras.map(LoraChoice::tag).collect();
    assert_eq!(loras, ["<lora:sd_xl_offset:0.1>", "<lora:light:-0.5>"]);
}

/// The hashes that each program writes, of LoRAs and textual inversions.
#[test]
fn the_hashes_that_programs_write_are_kept_for_comparing() {
    let hashes = |name: &str| -> Vec<(String, Option<String>)> {
        let networks = restored(name).networks.into_iter();
        networks.map(|it| (it.name, it.hash)).collect()
    };
    let hashed = |name: &str, hash: &str| (name.to_owned(), Some(hash.to_owned()));
    let detail = hashed("detail", "0123abcd4567");
    let taught = hashed("easynegative", "c74b4e810b");
    assert_eq!(hashes("a1111.png"), [detail.clone(), taught]);
    assert_eq!(hashes("swarmui.png"), [detail]);
    let offset = hashed("sd_xl_offset", "4852686128");
    assert_eq!(hashes("fooocus.png"), [offset]);
    assert_eq!(hashes("comfyui.png"), [("detail".to_owned(), None)]);
}

/// The leaves of a JSON value, each with its place.
fn leaves(value: &Value, place: &str, into: &mut Vec<(String, Value)>) {
    let children: Vec<(String, &Value)> = match value {
        Value::Object(fields) => fields.iter().map(|(key, it)| (key.clone(), it)).collect(),
        Value::Array(items) => items
            .iter()
            .enumerate()
            .map(|(i, it)| (i.to_string(), it))
            .collect(),
        _ => return into.push((place.to_string(), value.clone())),
    };
    for (key, child) in children {
        leaves(child, &format!("{place}/{key}"), into);
    }
}

/// Saved by version 0.1.0 with almost every setting away from its default.
#[test]
fn a_picture_of_an_older_version_restores_the_same_settings() {
    let name = "storm-studio-0.1.0.png";
    let restored = restored(name);
    assert_eq!(restored.program, Program::StormStudio);
    let request = &restored.taken;
    assert_eq!(request.seeds, [u64::MAX]);
    assert_eq!(request.negative_prompt, "tree, Häuser");
    assert_eq!(request.settings.guidance_scale, 5.25);
    assert_eq!(request.settings.size, Some([64, 80]));
    assert_eq!(request.layout.relations.len(), 2);
    assert_eq!(request.layout.objects[1].attributes, [[9]]);
    assert_eq!(
        restored.message(Some("toybox")),
        "The picture's settings are back; Generate makes it again."
    );

    // Whatever the file says is still said under the same key.
    let file = std::fs::File::open(picture(name)).unwrap();
    let texts = read_texts(std::io::BufReader::new(file)).unwrap();
    let written: Value = own_of(&texts).unwrap().unwrap();
    let now = serde_json::to_value(request).unwrap();
    let mut said = Vec::new();
    leaves(&written["request"], "", &mut said);
    assert!(said.len() > 60, "{said:?}");
    for (place, value) in said {
        assert_eq!(now.pointer(&place), Some(&value), "{place}");
    }
}
