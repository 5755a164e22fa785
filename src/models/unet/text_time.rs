//! What Stable Diffusion XL is told besides the prompt's tokens ("text_time"): the prompt
//! as a whole, and how the picture was cut.
//!
//! Podell et al. 2023 (arXiv 2307.01952), section 2.2, call it micro-conditioning:
//! in training each picture was given with its size before it was scaled and with
//! where it was cropped, so that neither has to be learned as a look.

use burn::module::Module;
use burn::nn::{Linear, LinearConfig};
use burn::tensor::activation::silu;
use burn::tensor::{Device, Tensor, TensorData};
use serde::{Deserialize, Serialize};

use super::time_embedding::Sinusoids;
use crate::models::config::{TextTime, UNetConfig};

/// The sizes that a picture is conditioned on, in pixels.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct MicroConditioning {
    /// Width and height that the picture is to look as if it had had before it was
    /// scaled; small ones make it look blurred.
    pub original_size: [usize; 2],
    /// How much is to look cut off at the left and at the top.
    pub crop: [usize; 2],
    /// Width and height that it is to look made for.
    pub target_size: [usize; 2],
}

impl MicroConditioning {
    /// Of a picture of this width and height that is whole.
    pub fn of_picture(size: [usize; 2]) -> Self {
        Self {
            original_size: size,
            crop: [0, 0],
            target_size: size,
        }
    }

    /// The six numbers in the order in which the UNet reads them: heights before
    /// widths, top before left (diffusers' `time_ids`).
    pub fn time_ids(&self) -> [usize; TextTime::NUMBERS] {
        let [width, height] = self.original_size;
        let [left, top] = self.crop;
        let [target_width, target_height] = self.target_size;
        [height, width, top, left, target_height, target_width]
    }
}

/// The same for a batch of prompts, as the UNet adds it to its time embedding:
/// [batch, time_embedding_dim]. No timestep changes it.
#[derive(Debug, Clone)]
pub struct AddedCondition(pub(super) Tensor<2>);

/// diffusers' `add_time_proj` (no weights) and `add_embedding`.
#[derive(Module, Debug)]
pub(super) struct TextTimeEmbedding {
    linear_1: Linear,
    linear_2: Linear,
    #[module(skip)]
    told: TextTime,
    #[module(skip)]
    sinusoids: Sinusoids,
}

impl TextTimeEmbedding {
    /// For a UNet that is told something.
    pub(super) fn new(config: &UNetConfig, device: &Device) -> Option<Self> {
        let told = config.text_time()?;
        let width = config.time_embedding_dim();
        Some(Self {
            linear_1: LinearConfig::new(told.width(), width).init(device),
            linear_2: LinearConfig::new(width, width).init(device),
            told,
            sinusoids: Sinusoids::new(config),
        })
    }

    /// The pooled states of prompts [batch, pooled] and the sizes of their pictures,
    /// the same for all.
    pub(super) fn forward(&self, pooled: Tensor<2>, sizes: &MicroConditioning) -> AddedCondition {
        let weight = self.linear_1.weight.val();
        let [batch, _] = pooled.dims();
        let numbers = sizes.time_ids().into_iter();
        let of_number = |number: usize| self.sinusoids.of(number as f64, self.told.sinusoids);
        let sinusoids: Vec<f32> = numbers.flat_map(of_number).collect();
        let data = TensorData::new(sinusoids.clone(), [1, sinusoids.len()]);
        let sinusoids = Tensor::<2>::from_data(data, &weight.device()).cast(weight.dtype());
        let all = vec![pooled.cast(weight.dtype()), sinusoids.repeat_dim(0, batch)];
        let hidden = silu(self.linear_1.forward(Tensor::cat(all, 1)));
        AddedCondition(self.linear_2.forward(hidden))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_six_numbers_go_rows_first() {
        let sizes = MicroConditioning {
            original_size: [1200, 1000],
            crop: [40, 16],
            target_size: [1344, 768],
        };
        assert_eq!(sizes.time_ids(), [1000, 1200, 16, 40, 768, 1344]);
        let whole = MicroConditioning::of_picture([832, 1216]);
        assert_eq!(whole.time_ids(), [1216, 832, 0, 0, 1216, 832]);
    }
}
