//! The kernels for GPUs, written in cubecl and launched through burn's wgpu.
//!
//! Sums are taken in f32 whatever the numbers are stored in. Feature maps are
//! written with their channels side by side in memory, as burn's convolutions read
//! them: the tensor keeps its shape [batch, channels, height, width], only its
//! strides differ, and the convolution after it copies nothing.

mod attention;
mod elementwise;
mod normalisation;
mod reduction;

pub(super) use attention::softmax_with_mean;
pub(super) use elementwise::{add_bias, geglu, silu};
pub(super) use normalisation::{group_norm, layer_norm};

use burn::backend::tensor::FloatTensor;
use burn::backend::{Cube, TensorMetadata};
use burn::tensor::Shape;
use burn_cubecl::ops::numeric::empty_device_dtype;

/// A tensor of burn's wgpu.
pub(super) type CubeTensor = FloatTensor<Cube>;

/// Most units of a cube that reduces together; every device has so many.
const UNITS: u32 = 256;

/// Memory for a tensor of `shape` beside `like`.
fn empty_like(like: &CubeTensor, shape: impl Into<Shape>) -> CubeTensor {
    empty_device_dtype(
        like.client.clone(),
        like.device(),
        shape.into(),
        like.dtype(),
    )
}

#[cfg(test)]
mod tests {
    use burn::module::Module;
    use burn::nn::conv::Conv2dConfig;
    use burn::nn::{GroupNormConfig, LayerNormConfig, LinearConfig, PaddingConfig2d};
    use burn::tensor::{Device, Distribution, Tensor, Tolerance};

    use crate::device::{ComputeDevice, DevicePreference};
    use crate::kernels::{
        Activation, CellLayer, attention_with_probabilities, geglu, grid_added, group_norm,
        layer_norm, linear_added, sequence_to_grid_added, silu,
    };

    fn close<const D: usize>(gpu: Tensor<D>, cpu: Tensor<D>) {
        assert_eq!(gpu.dims(), cpu.dims());
        let tolerance = Tolerance::<f32>::rel_abs(1e-4, 1e-4);
        gpu.into_data()
            .assert_approx_eq::<f32>(&cpu.into_data(), tolerance);
    }

    /// Burn's own operations on the CPU are the measure; one test, since a device
    /// is opened once.
    #[test]
    fn kernels_on_a_gpu_compute_what_burn_does_on_the_cpu() {
        let gpu = ComputeDevice::open(DevicePreference::Gpu).expect("a Vulkan driver is there");
        let (gpu, cpu) = (gpu.burn().clone(), Device::flex());
        let random =
            |shape: [usize; 4]| Tensor::<4>::random(shape, Distribution::Normal(2.0, 1.0), &cpu);

        let norm = GroupNormConfig::new(4, 24).init(&cpu);
        let conv = Conv2dConfig::new([24, 24], [3, 3])
            .with_padding(PaddingConfig2d::Explicit(1, 1, 1, 1))
            .init(&cpu);
        let on_gpu = (norm.clone().fork(&gpu), conv.clone().fork(&gpu));
        let sample = random([2, 24, 7, 5]);
        let shift = random([1, 24, 1, 1]).reshape([1, 24]);
        let expected = norm.forward(sample.clone().add(shift.clone().reshape([1, 24, 1, 1])));
        let expected = burn::tensor::activation::silu(expected);
        let sample = sample.to_device(&gpu);
        let shift = Some(shift.to_device(&gpu));
        let normed = group_norm(&on_gpu.0, sample, shift, Activation::Silu);
        close(normed.clone(), expected.clone());
        // What a convolution makes of it lies otherwise in memory.
        let expected = norm.forward(conv.forward(expected));
        let normed = group_norm(
            &on_gpu.0,
            on_gpu.1.forward(normed),
            None,
            Activation::Identity,
        );
        close(normed, expected);

        let rows = random([1, 2, 9, 40]).reshape([2, 9, 40]);
        let norm = LayerNormConfig::new(40).with_epsilon(1e-5).init(&cpu);
        let normed = layer_norm(&norm.clone().fork(&gpu), 1e-5, rows.clone().to_device(&gpu));
        close(normed, norm.forward(rows.clone()));
        let numbers = rows.clone().reshape([18, 40]);
        close(
            silu(numbers.clone().to_device(&gpu)),
            burn::tensor::activation::silu(numbers),
        );
        let gate = LinearConfig::new(40, 36).init(&cpu);
        close(
            geglu(&gate.clone().fork(&gpu), rows.clone().to_device(&gpu)),
            geglu(&gate, rows.clone()),
        );

        let layer = LinearConfig::new(40, 24).init(&cpu);
        let residual = random([1, 2, 9, 24]).reshape([2, 9, 24]);
        let expected = layer.forward(rows.clone()).add(residual.clone());
        let added = linear_added(
            &layer.fork(&gpu),
            rows.clone().to_device(&gpu),
            residual.to_device(&gpu),
        );
        close(added, expected);

        let point = Conv2dConfig::new([24, 20], [1, 1]).init(&cpu);
        let (sample, residual) = (random([2, 24, 7, 5]), random([2, 20, 7, 5]));
        let expected = point.forward(sample.clone()).add(residual.clone());
        let on_gpu = (point.clone().fork(&gpu), residual.to_device(&gpu));
        let added = grid_added(&on_gpu.0, sample.clone().to_device(&gpu), on_gpu.1.clone());
        close(added, expected.clone());
        let hidden = sample.reshape([2, 24, 35]).swap_dims(1, 2).to_device(&gpu);
        let layer = CellLayer::Convolution(&on_gpu.0);
        close(sequence_to_grid_added(layer, hidden, on_gpu.1), expected);

        for context in [9, 300] {
            let context = random([1, 2, context, 40]).reshape([2, context, 40]);
            let of = |device: &Device| {
                let [query, context] = [&rows, &context].map(|it| it.clone().to_device(device));
                attention_with_probabilities(query, context.clone(), context, 4)
            };
            let ((attended, mean), (expected, expected_mean)) = (of(&gpu), of(&cpu));
            close(attended, expected);
            close(mean, expected_mean);
        }
    }
}
