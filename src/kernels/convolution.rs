//! 3 × 3 convolutions, nearly all of a UNet's and a decoder's arithmetic.

use burn::backend::autodiff::checkpoint::strategy::CheckpointStrategy;
use burn::backend::tensor::FloatTensor;
use burn::backend::{
    Autodiff, Backend, Dispatch, DispatchDevice, Flex, TensorMetadata, backend_extension,
};
use burn::nn::PaddingConfig2d;
use burn::nn::conv::Conv2d;
use burn::tensor::{Device, Tensor};

use super::differentiable::differentiable;
use super::flex;

/// `layer` on `sample` [batch, channels, height, width]. Differentiable by the
/// sample only: weights are constants here.
pub(crate) fn conv2d(layer: &Conv2d, sample: Tensor<4>) -> Tensor<4> {
    if !super::has_flex_kernels(&sample) || !is_plain_3x3(layer) {
        return layer.forward(sample);
    }
    let bias = match &layer.bias {
        Some(bias) => bias.val(),
        None => Tensor::zeros([layer.weight.dims()[0]], &sample.device().inner()),
    };
    Tensor::from_dispatch(Dispatch::conv3x3(
        sample.into_dispatch(),
        layer.weight.val().into_dispatch(),
        bias.into_dispatch(),
        layer.stride[0],
    ))
}

/// Whether a convolution's weight of `shape` [outputs, inputs, rows, columns] is best
/// kept with its channels side by side in memory: burn's convolutions on a GPU read it
/// so, and otherwise copy it at every call.
pub(crate) fn wants_channels_last(device: &Device, shape: &[usize]) -> bool {
    let is_point = shape[2..].iter().all(|side| *side == 1);
    !is_point
        && matches!(
            device.clone().inner().as_dispatch(),
            DispatchDevice::Cube(_)
        )
}

/// Whether a layer is a 3 × 3 convolution of stride 1 or 2 with one cell of zeros
/// around its input.
fn is_plain_3x3(layer: &Conv2d) -> bool {
    layer.kernel_size == [3, 3]
        && layer.groups == 1
        && layer.dilation == [1, 1]
        && (layer.stride == [1, 1] || layer.stride == [2, 2])
        && matches!(layer.padding, PaddingConfig2d::Explicit(1, 1, 1, 1))
}

#[backend_extension(Flex, Autodiff)]
trait Conv3x3Operation: Backend {
    fn conv3x3(
        sample: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        stride: usize,
    ) -> FloatTensor<Self>;
}

impl Conv3x3Operation for Flex {
    fn conv3x3(
        sample: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        stride: usize,
    ) -> FloatTensor<Self> {
        flex::convolution::conv3x3(&sample, &weight, &bias, stride)
    }
}

impl<C: CheckpointStrategy> Conv3x3Operation for Autodiff<Flex, C> {
    fn conv3x3(
        sample: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        stride: usize,
    ) -> FloatTensor<Self> {
        let (weight, bias) = (weight.primitive().clone(), bias.primitive().clone());
        let [_, _, height, width] = sample.primitive().shape().dims::<4>();
        let output = Flex::conv3x3(sample.primitive().clone(), weight.clone(), bias, stride);
        differentiable::<Flex, C, 1>([&sample], output, move |gradient, _| {
            let size = [height, width];
            [Some(flex::convolution::conv3x3_backward(
                &gradient, &weight, stride, size,
            ))]
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use burn::nn::conv::Conv2dConfig;
    use burn::tensor::{Distribution, Tolerance};

    fn layer(channels: [usize; 2], stride: usize, with_bias: bool) -> Conv2d {
        let config = Conv2dConfig::new(channels, [3, 3])
            .with_stride([stride, stride])
            .with_padding(PaddingConfig2d::Explicit(1, 1, 1, 1))
            .with_bias(with_bias);
        config.init(&Device::flex())
    }

    #[test]
    fn output_and_gradient_are_those_of_burns_own_convolution() {
        let device = Device::flex();
        for (batch, channels, height, width, stride) in [
            (2, [64, 64], 16, 16, 1),
            (1, [3, 5], 1, 1, 1),
            (1, [40, 70], 9, 7, 1),
            (3, [33, 1], 1, 5, 1),
            (2, [64, 48], 16, 16, 2),
            (1, [5, 6], 7, 9, 2),
            (1, [128, 160], 40, 24, 1),
            (3, [17, 33], 15, 19, 1),
            (1, [40, 16], 33, 58, 1),
            (2, [260, 270], 23, 24, 1),
        ] {
            let layer = layer(channels, stride, channels[0] != 40);
            assert!(is_plain_3x3(&layer));
            let shape = [batch, channels[0], height, width];
            let sample = Tensor::<4>::random(shape, Distribution::Normal(0.0, 1.0), &device);
            let tolerance = Tolerance::<f32>::absolute(2e-5);
            let expected = layer.forward(sample.clone());
            let output = conv2d(&layer, sample.clone());
            assert_eq!(output.dims(), expected.dims());
            output
                .into_data()
                .assert_approx_eq::<f32>(&expected.clone().into_data(), tolerance);

            let weights =
                Tensor::<4>::random(expected.dims(), Distribution::Normal(0.0, 1.0), &device);
            let gradient = |forward: &dyn Fn(Tensor<4>) -> Tensor<4>| {
                let sample = sample.clone().autodiff().require_grad();
                let output = forward(sample.clone()).mul(weights.clone());
                let mut gradients = output.sum().backward();
                sample.grad_remove(&mut gradients).unwrap().into_data()
            };
            gradient(&|sample| conv2d(&layer, sample))
                .assert_approx_eq::<f32>(&gradient(&|sample| layer.forward(sample)), tolerance);
        }
    }

    #[test]
    fn other_convolutions_are_left_to_burn() {
        let device = Device::flex();
        let point = Conv2dConfig::new([4, 4], [1, 1]).init(&device);
        let one_sided = Conv2dConfig::new([4, 4], [3, 3])
            .with_stride([2, 2])
            .with_padding(PaddingConfig2d::Explicit(0, 0, 1, 1))
            .init(&device);
        let sample = Tensor::<4>::random([1, 4, 6, 6], Distribution::Default, &device);
        for (layer, side) in [(point, 6), (one_sided, 3)] {
            assert!(!is_plain_3x3(&layer));
            let output = conv2d(&layer, sample.clone());
            assert_eq!(output.dims(), [1, 4, side, side]);
        }
    }
}
