//! What a pass is estimated to hold, against the bytes that it holds.

use burn::tensor::{Device, Distribution, Tensor};
use storm_studio::models::config::UNetConfig;
use storm_studio::models::memory::BackwardPass;
use storm_studio::models::unet::{Activations, Capture, Grid, MicroConditioning, PromptContext};
use storm_studio::models::{UNet2DConditionModel, config::TextTime};

use crate::allocation::most_held;

/// Stable Diffusion XL's form, wide enough that activations outweigh all else.
const XL: &str = r#"{
    "block_out_channels": [32, 64, 128], "attention_head_dim": [2, 4, 8], "norm_num_groups": 8,
    "cross_attention_dim": 48, "transformer_layers_per_block": [1, 2, 6],
    "down_block_types": ["DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D"],
    "up_block_types": ["CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D"],
    "use_linear_projection": true, "addition_embed_type": "text_time",
    "addition_time_embed_dim": 8, "projection_class_embeddings_input_dim": 68}"#;
/// Stable Diffusion 1.x's.
const SD1: &str = r#"{
    "block_out_channels": [32, 64, 128, 128], "attention_head_dim": 4, "norm_num_groups": 8,
    "cross_attention_dim": 48}"#;

const LATENTS: Grid = Grid {
    rows: 64,
    columns: 64,
};

struct Scene {
    unet: UNet2DConditionModel,
    config: UNetConfig,
    context: PromptContext,
    latents: Tensor<4>,
}

fn scene(json: &str) -> Scene {
    let device = Device::flex();
    let config = UNetConfig::from_json(json.as_bytes()).unwrap();
    let unet = config.init(&device);
    let random = |shape: [usize; 3]| Tensor::<3>::random(shape, Distribution::Default, &device);
    let context = unet.prompt_context(random([1, 77, 48]));
    let pooled = config.text_time().map_or(1, |told: TextTime| told.pooled);
    let pooled = random([1, 1, pooled]).reshape([1, pooled]);
    let sizes = MicroConditioning::of_picture([512, 512]);
    let context = match unet.added_condition(pooled, &sizes) {
        Some(added) => context.with_added(added),
        None => context,
    };
    let latents = Tensor::random(
        [1, 4, LATENTS.rows, LATENTS.columns],
        Distribution::Default,
        &device,
    );
    Scene {
        unet,
        config,
        context,
        latents,
    }
}

impl Scene {
    fn capture(&self) -> Capture {
        self.unet.capture(LATENTS, 16, None).unwrap()
    }

    fn update(&self, activations: Activations) {
        let (unet, latents) = (&self.unet, self.latents.clone());
        let tracked = unet
            .map_gradient(
                latents,
                500.0,
                &self.context,
                self.capture(),
                activations,
                &|| true,
            )
            .unwrap();
        let weights = tracked.maps().clone();
        let gradient = tracked.backward(weights, &|| true).unwrap();
        drop(gradient.into_data());
    }

    fn predict(&self) {
        let latents = self.latents.clone();
        let capture = Some(self.capture());
        let predicted = self
            .unet
            .predict(latents, 500.0, &self.context, capture, &|| true);
        drop(predicted.unwrap().sample.into_data());
    }
}

/// Measured over estimated.
fn share(what: &str, held: usize, numbers: usize) -> f64 {
    let share = held as f64 / (4 * numbers) as f64;
    let (held, estimated) = (held as f64 / 1e6, 4e-6 * numbers as f64);
    println!("{what}: {held:.1} MB held, {estimated:.1} MB estimated, {share:.2}");
    share
}

#[test]
fn passes_hold_about_what_is_estimated() {
    for (family, json) in [("SD 1.x", SD1), ("SDXL", XL)] {
        let scene = scene(json);
        // Weights come into being where they are first read.
        scene.predict();
        scene.update(Activations::Keep);
        let config = &scene.config;
        let capture = scene.capture();
        let held = most_held(|| scene.predict()).1;
        let estimated = config.prediction_memory(LATENTS, 1).numbers;
        let prediction = share(&format!("{family}, prediction"), held, estimated);
        let held = most_held(|| scene.update(Activations::Recompute)).1;
        let estimated = config
            .gradient_memory(LATENTS, capture, BackwardPass::Fused)
            .numbers;
        let update = share(&format!("{family}, update"), held, estimated);
        let held_keeping = most_held(|| scene.update(Activations::Keep)).1;
        let estimated = config
            .kept_gradient_memory(LATENTS, capture, BackwardPass::Fused)
            .numbers;
        let kept = share(
            &format!("{family}, update that keeps"),
            held_keeping,
            estimated,
        );
        for share in [prediction, update, kept] {
            assert!((0.3..1.1).contains(&share), "{family}: {share}");
        }
        // What is computed again is not held.
        assert!(
            held < held_keeping / 2,
            "{family}: {held} and {held_keeping}"
        );
    }
}
