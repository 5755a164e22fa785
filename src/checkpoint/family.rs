//! The families of models: told when a checkpoint is opened, asked by everyone who
//! treats one differently.

use std::ops::Range;

use strum::{Display, VariantArray};

use super::prediction::PredictionSource;
use crate::diffusion::PredictionType;
use crate::models::LatentRgb;
use crate::models::config::{SampleSize, UNetConfig};
use crate::storm::PromptFacts;

/// The families that are supported.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Display, VariantArray)]
pub enum Family {
    /// CLIP ViT-L/14, 8 heads everywhere, convolutions as projections.
    #[strum(to_string = "Stable Diffusion 1.x")]
    V1,
    /// OpenCLIP ViT-H/14, heads of 64 numbers, linear projections.
    #[strum(to_string = "Stable Diffusion 2.x")]
    V2,
    /// CLIP ViT-L/14 beside OpenCLIP ViT-bigG/14, transformers of several blocks, the
    /// picture's sizes told.
    #[strum(to_string = "Stable Diffusion XL")]
    Xl,
}

/// The sizes that Stable Diffusion XL was trained on most, width and height in pixels:
/// about a megapixel each.
const XL_SIZES: &[[usize; 2]] = &[
    [1024, 1024],
    [1152, 896],
    [896, 1152],
    [1216, 832],
    [832, 1216],
    [1344, 768],
    [768, 1344],
    [1536, 640],
    [640, 1536],
];

impl Family {
    /// The family that a UNet of this config is of.
    pub(super) fn of(unet: &UNetConfig) -> Self {
        if unet.text_time().is_some() {
            Self::Xl
        } else if unet.use_linear_projection {
            Self::V2
        } else {
            Self::V1
        }
    }

    /// What its UNets predict where a file does not say, and whether all do.
    pub(super) fn usual_prediction(self) -> (PredictionType, PredictionSource) {
        match self {
            Self::V1 => (PredictionType::Epsilon, PredictionSource::Told),
            // 2.0-base predicts the noise and looks the same as 2.0 and 2.1.
            Self::V2 => (PredictionType::VPrediction, PredictionSource::Guessed),
            // Some models made from it predict the velocity.
            Self::Xl => (PredictionType::Epsilon, PredictionSource::Guessed),
        }
    }

    /// Side of the latents that its models were trained on: of 2.x those that
    /// predict the velocity on pictures of 768 × 768 pixels, XL on 1024 × 1024, all
    /// others on 512 × 512.
    pub(super) fn sample_size(self, prediction: PredictionType) -> SampleSize {
        SampleSize::Side(match (self, prediction) {
            (Self::Xl, _) => 128,
            (Self::V2, PredictionType::VPrediction) => 96,
            (Self::V1 | Self::V2, _) => 64,
        })
    }

    /// The tokenizer_config.json of the published folders, as far as it matters.
    pub(super) fn tokenizer_config(self) -> &'static [u8] {
        match self {
            Self::V1 | Self::Xl => br#"{"pad_token": "<|endoftext|>"}"#,
            Self::V2 => br#"{"pad_token": "!"}"#,
        }
    }

    /// The published versions of it.
    fn versions(self) -> &'static [&'static str] {
        match self {
            Self::V1 => &["1.4", "1.5"],
            Self::V2 => &["2.0", "2.1"],
            Self::Xl => &["XL (base)"],
        }
    }

    /// Sizes of pictures worth offering beside the model's own, width and height in
    /// pixels.
    pub fn sizes(self) -> &'static [[usize; 2]] {
        match self {
            Self::V1 | Self::V2 => &[],
            Self::Xl => XL_SIZES,
        }
    }

    /// The colours of its latents, where a checkpoint brings none.
    pub(super) fn latent_rgb(self) -> LatentRgb {
        match self {
            Self::V1 | Self::V2 => LatentRgb::STABLE_DIFFUSION,
            Self::Xl => LatentRgb::STABLE_DIFFUSION_XL,
        }
    }

    /// What its autoencoder's output is scaled by, which no tensor tells.
    pub(super) fn scaling_factor(self) -> f64 {
        match self {
            Self::V1 | Self::V2 => 0.18215,
            Self::Xl => 0.13025,
        }
    }

    /// The columns of the maps that the released code compares in a step's own
    /// losses: for 2.x it leaves out the end token and the padding, and so it does here
    /// for XL, which that code does not know.
    pub(super) fn released_columns(self, facts: &PromptFacts) -> Range<usize> {
        match self {
            Self::V1 => facts.columns.clone(),
            Self::V2 | Self::Xl => facts.prompt_columns.clone(),
        }
    }
}

/// What this program can open, as the ending of a sentence.
pub(super) fn supported() -> String {
    let versions = Family::VARIANTS.iter().flat_map(|family| family.versions());
    let versions: Vec<&str> = versions.copied().collect();
    let (last, rest) = versions.split_last().expect("every family has a version");
    format!(
        "supported are Stable Diffusion {} and {last} text-to-image models, as a diffusers folder \
         or as one .safetensors file",
        rest.join(", ")
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_supported_names_every_version() {
        let words = "supported are Stable Diffusion 1.4, 1.5, 2.0, 2.1 and XL (base) text-to-";
        assert!(supported().starts_with(words));
    }

    #[test]
    fn models_of_2_that_predict_the_velocity_make_the_larger_pictures() {
        let side = |family: Family| family.sample_size(PredictionType::VPrediction);
        assert_eq!(side(Family::V1), SampleSize::Side(64));
        assert_eq!(side(Family::V2), SampleSize::Side(96));
        assert_eq!(side(Family::Xl), SampleSize::Side(128));
        let base = Family::V2.sample_size(PredictionType::Epsilon);
        assert_eq!(base, SampleSize::Side(64));
    }

    #[test]
    fn the_sizes_of_xl_are_near_a_megapixel_and_multiples_of_its_cells() {
        for &[width, height] in Family::Xl.sizes() {
            assert!(width.is_multiple_of(64) && height.is_multiple_of(64));
            let megapixels = (width * height) as f64 / f64::from(1 << 20);
            assert!((0.93..1.03).contains(&megapixels), "{width} × {height}");
        }
    }

    #[test]
    fn of_2_the_released_code_compares_the_prompts_own_columns() {
        let facts = PromptFacts::new("a cat", 77, 3);
        assert_eq!(Family::V1.released_columns(&facts), 1..76);
        assert_eq!(Family::V2.released_columns(&facts), 1..3);
    }
}
