//! Feature maps cut into strips of rows, so that no tensor is as large as the whole.
//!
//! What is computed is what the whole map would give: convolutions see the row
//! beyond each end of their strip, and group norms measure all strips first.

use burn::module::Param;
use burn::nn::GroupNorm;
use burn::tensor::{DType, Tensor};

/// A feature map [1, channels, height, width] as strips [1, channels, rows, width],
/// from the top.
#[derive(Debug, Clone)]
pub(super) struct Strips {
    parts: Vec<Tensor<4>>,
}

impl Strips {
    /// Cuts `sample` [1, channels, height, width] every `rows` rows.
    pub(super) fn cut(sample: Tensor<4>, rows: usize) -> Self {
        Self {
            parts: sample.split(rows.max(1), 2),
        }
    }

    /// The whole map.
    pub(super) fn join(self) -> Tensor<4> {
        Tensor::cat(self.parts, 2)
    }

    /// Through a layer that looks one row beyond what it computes, and makes
    /// `times` rows of each. Strips are let go as they have been used.
    pub(super) fn through(self, times: usize, layer: &dyn Fn(Tensor<4>) -> Tensor<4>) -> Self {
        let mut parts = self.parts.into_iter().peekable();
        let mut above: Option<Tensor<4>> = None;
        let mut computed = Vec::new();
        while let Some(part) = parts.next() {
            let rows = part.dims()[2];
            let below = parts.peek().map(|next| next.clone().narrow(2, 0, 1));
            let last_row = part.clone().narrow(2, rows - 1, 1);
            let rows_above = usize::from(above.is_some());
            let seen: Vec<_> = above.into_iter().chain([part]).chain(below).collect();
            let output = layer(Tensor::cat(seen, 2));
            computed.push(output.narrow(2, times * rows_above, times * rows));
            above = Some(last_row);
        }
        Self { parts: computed }
    }

    /// Strip by strip with those of `other`, of the same height.
    pub(super) fn zip(self, other: Self, join: &dyn Fn(Tensor<4>, Tensor<4>) -> Tensor<4>) -> Self {
        let pairs = self.parts.into_iter().zip(other.parts);
        Self {
            parts: pairs.map(|(one, other)| join(one, other)).collect(),
        }
    }

    /// `norm` with the statistics of the whole map.
    pub(super) fn measured<'a>(&self, norm: &'a GroupNorm) -> MeasuredNorm<'a> {
        let cells: Vec<f64> = self
            .parts
            .iter()
            .map(|part| (part.dims()[2] * part.dims()[3]) as f64)
            .collect();
        let all: f64 = cells.iter().sum();
        let shares: Vec<f64> = cells.iter().map(|cells| cells / all).collect();
        let measured: Vec<[Tensor<3>; 2]> = self
            .parts
            .iter()
            .map(|part| {
                // Squares leave the range of f16.
                let grouped = grouped(norm, part.clone().cast(DType::F32));
                let mean = grouped.clone().mean_dim(2);
                let variance = grouped.sub(mean.clone()).square().mean_dim(2);
                [mean, variance]
            })
            .collect();
        let weighted = |of: &dyn Fn(&[Tensor<3>; 2]) -> Tensor<3>| {
            let terms = measured.iter().zip(&shares);
            let sum = terms.map(|(part, share)| of(part).mul_scalar(*share));
            sum.reduce(Tensor::add).expect("a map has a strip")
        };
        let mean = weighted(&|[mean, _]| mean.clone());
        // Within the strips, and between them.
        let variance = weighted(&|[part_mean, variance]| {
            let apart = part_mean.clone().sub(mean.clone());
            variance.clone().add(apart.square())
        });
        MeasuredNorm {
            norm,
            deviation: variance.add_scalar(norm.epsilon).sqrt(),
            mean,
        }
    }
}

/// A group norm that knows the statistics of the map whose parts it is given.
pub(super) struct MeasuredNorm<'a> {
    norm: &'a GroupNorm,
    /// [1, groups, 1]
    mean: Tensor<3>,
    deviation: Tensor<3>,
}

impl MeasuredNorm<'_> {
    /// [1, channels, rows, width] → the same shape.
    pub(super) fn forward(&self, part: Tensor<4>) -> Tensor<4> {
        let (shape, dtype) = (part.dims(), part.dtype());
        let normalised = grouped(self.norm, part.cast(DType::F32))
            .sub(self.mean.clone())
            .div(self.deviation.clone());
        let affine = |parameter: &Option<Param<Tensor<1>>>| {
            let parameter = parameter.as_ref().map(Param::val);
            parameter
                .expect("the autoencoder's norms have weights and biases")
                .cast(DType::F32)
                .reshape([1, shape[1], 1, 1])
        };
        normalised
            .reshape(shape)
            .mul(affine(&self.norm.gamma))
            .add(affine(&self.norm.beta))
            .cast(dtype)
    }
}

/// [1, channels, rows, width] → [1, groups, numbers of a group].
fn grouped(norm: &GroupNorm, part: Tensor<4>) -> Tensor<3> {
    let [batch, channels, rows, width] = part.dims();
    let groups = norm.num_groups;
    part.reshape([batch, groups, channels / groups * rows * width])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::models::resample::Upsample2D;
    use crate::models::resnet::ResnetConfig;
    use burn::tensor::{Device, Distribution, Tolerance};

    #[test]
    fn strips_compute_what_the_whole_map_does() {
        let device = Device::flex();
        device.seed(4);
        let resnet = ResnetConfig {
            channels_in: 8,
            channels_out: 12,
            time_embedding_dim: None,
            norm_num_groups: 4,
            norm_eps: 1e-6,
        };
        let resnet = resnet.init(&device);
        let upsample = Upsample2D::new(12, &device);
        // Rows that differ much, so that a strip's own statistics would be others.
        let rows = Tensor::<1>::from_floats([0.0, 3.0, -9.0, 20.0, 1.0, 7.0, -2.0], &device);
        let sample = Tensor::<4>::random([1, 8, 7, 5], Distribution::Default, &device)
            .add(rows.reshape([1, 1, 7, 1]));
        let whole = upsample.forward(resnet.forward(sample.clone(), None));
        for rows in [1, 2, 3, 7, 100] {
            let strips = Strips::cut(sample.clone(), rows);
            let strips = resnet.forward_in_strips(strips);
            let joined = strips.through(2, &|part| upsample.forward(part)).join();
            let tolerance = Tolerance::<f32>::absolute(1e-4);
            joined
                .into_data()
                .assert_approx_eq(&whole.to_data(), tolerance);
        }
    }
}
