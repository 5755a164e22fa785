//! The linear map from latents to colours that previews are drawn with.
//!
//! A least-squares fit of the decoder; it costs twelve products per cell
//! instead of a decode, which is what makes a preview at every step free. A
//! checkpoint with a preview decoder ([`super::autoencoder_tiny`]) paints them
//! instead, and the map only passes its colours on.

use serde::{Deserialize, Serialize};

/// Colour in [-1, 1] = latents · factors + bias, on latents as the UNet sees them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LatentRgb {
    /// One row per latent channel; columns are red, green, blue.
    pub factors: [[f32; 3]; 4],
    /// Added to red, green, blue.
    pub bias: [f32; 3],
}

impl LatentRgb {
    /// The published map shared by Stable Diffusion 1.x and 2.x (the factors
    /// that stable-diffusion.cpp uses).
    pub const STABLE_DIFFUSION: Self = Self {
        factors: [
            [0.337366, 0.216344, 0.257386],
            [0.165636, 0.386828, 0.046994],
            [-0.267803, 0.237036, 0.223517],
            [-0.178022, -0.200862, -0.678514],
        ],
        bias: [-0.017478, -0.055834, -0.105825],
    };

    /// The published map of Stable Diffusion XL (ComfyUI's factors).
    pub const STABLE_DIFFUSION_XL: Self = Self {
        factors: [
            [0.3651, 0.4232, 0.4341],
            [-0.2533, -0.0042, 0.1068],
            [0.1076, 0.1111, -0.0362],
            [-0.3165, -0.2492, -0.2188],
        ],
        bias: [0.1084, -0.0175, -0.0011],
    };

    /// Of a picture already painted: three planes of colours and one unused.
    pub const PAINTED: Self = Self {
        factors: [
            [1.0, 0.0, 0.0],
            [0.0, 1.0, 0.0],
            [0.0, 0.0, 1.0],
            [0.0, 0.0, 0.0],
        ],
        bias: [0.0; 3],
    };

    /// Draws latents [4, height, width] (row-major, channel slowest) as RGB
    /// bytes [height, width, 3]. `latents` must hold 4 · height · width numbers.
    pub fn draw(&self, latents: &[f32]) -> Vec<u8> {
        let cells = latents.len() / 4;
        let mut rgb = Vec::with_capacity(3 * cells);
        for cell in 0..cells {
            for colour in 0..3 {
                let mut value = self.bias[colour];
                for (channel, row) in self.factors.iter().enumerate() {
                    value += latents[channel * cells + cell] * row[colour];
                }
                rgb.push(to_byte(value));
            }
        }
        rgb
    }
}

/// [-1, 1] → 0 to 255, clamped and rounded.
fn to_byte(value: f32) -> u8 {
    ((value + 1.0) * 127.5).round().clamp(0.0, 255.0) as u8
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_channel_moves_the_colour_by_its_row() {
        let map = LatentRgb {
            factors: [[1.0, 0.0, 0.0], [0.0, 0.5, 0.0], [0.0; 3], [0.0; 3]],
            bias: [0.0, 0.0, -2.0],
        };
        // Two cells: channel 0 is 1 in the first, channel 1 is -1 in the second.
        let rgb = map.draw(&[1.0, 0.0, 0.0, -1.0, 0.0, 0.0, 0.0, 0.0]);
        assert_eq!(rgb, [255, 128, 0, 128, 64, 0]);
    }
}
