//! The small model compiled into the program, so that it runs with nothing downloaded.
//!
//! The same folder layout as on disk; its model card lies beside it in assets/toybox.

/// Name of the embedded model.
pub const NAME: &str = "toybox";

macro_rules! toybox {
    ($($file:literal),* $(,)?) => {
        &[$(($file, include_bytes!(concat!(
            env!("CARGO_MANIFEST_DIR"), "/assets/toybox/", $file
        )) as &[u8])),*]
    };
}

static FILES: &[(&str, &[u8])] = toybox![
    "model_index.json",
    "latent_rgb.json",
    "vocabulary.json",
    "preview_decoder/config.json",
    "preview_decoder/diffusion_pytorch_model.safetensors",
    "scheduler/scheduler_config.json",
    "text_encoder/config.json",
    "text_encoder/model.safetensors",
    "tokenizer/tokenizer.json",
    "tokenizer/tokenizer_config.json",
    "tokenizer/special_tokens_map.json",
    "unet/config.json",
    "unet/diffusion_pytorch_model.safetensors",
    "vae/config.json",
    "vae/diffusion_pytorch_model.safetensors",
];

/// The bytes of `file`, a path with `/` inside the layout.
pub(super) fn file(file: &str) -> Option<&'static [u8]> {
    let found = FILES.iter().find(|(name, _)| *name == file);
    found.map(|(_, bytes)| *bytes)
}
