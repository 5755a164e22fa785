//! The families of models: told when a checkpoint is opened, asked by everyone who
//! treats one differently.

use std::ops::Range;

use strum::{Display, VariantArray};

use crate::models::config::UNetConfig;
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
}

impl Family {
    /// The family that a UNet of this config is of.
    pub(super) fn of(unet: &UNetConfig) -> Self {
        if unet.use_linear_projection {
            Self::V2
        } else {
            Self::V1
        }
    }

    /// The columns of the maps that the released code compares in a step's own
    /// losses: for 2.x it leaves out the end token and the padding.
    pub(super) fn released_columns(self, facts: &PromptFacts) -> Range<usize> {
        match self {
            Self::V1 => facts.columns.clone(),
            Self::V2 => facts.prompt_columns.clone(),
        }
    }
}
