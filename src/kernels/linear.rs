//! Linear layers with what is added to them, and those between pictures and sequences.

mod added_on_gpu;

use burn::backend::autodiff::checkpoint::strategy::CheckpointStrategy;
use burn::backend::tensor::FloatTensor;
use burn::backend::{Autodiff, Backend, Dispatch, Flex, TensorMetadata, backend_extension};
use burn::nn::Linear;
use burn::nn::conv::Conv2d;
use burn::tensor::Tensor;

use super::differentiable::differentiable;
use super::flex::linear::Weights;
use super::{Kernels, flex};
use added_on_gpu::added_on_gpu;

/// `layer` on `input` [batch, positions, inputs] → [batch, positions, outputs].
pub(crate) fn linear(layer: &Linear, input: Tensor<3>) -> Tensor<3> {
    if !super::has_flex_kernels(&input) {
        return layer.forward(input);
    }
    let weight = layer.weight.val();
    let bias = match &layer.bias {
        Some(bias) => bias.val(),
        None => Tensor::zeros([weight.dims()[1]], &weight.device()),
    };
    Tensor::from_dispatch(Dispatch::linear(
        input.into_dispatch(),
        weight.into_dispatch(),
        bias.into_dispatch(),
    ))
}

/// `residual` + `layer` on `input`, [batch, positions, outputs].
pub(crate) fn linear_added(layer: &Linear, input: Tensor<3>, residual: Tensor<3>) -> Tensor<3> {
    let (Some(kernels), Some(bias)) = (super::kernels_for(&input), &layer.bias) else {
        return residual.add(layer.forward(input));
    };
    let (weight, bias) = (layer.weight.val(), bias.val());
    match kernels {
        Kernels::Flex | Kernels::FlexWithGradient => Tensor::from_dispatch(Dispatch::linear_added(
            input.into_dispatch(),
            weight.into_dispatch(),
            bias.into_dispatch(),
            residual.into_dispatch(),
        )),
        Kernels::Cube | Kernels::CubeWithGradient => added_on_gpu(input, weight, bias, residual),
    }
}

/// A linear layer over channels at every cell: 1 × 1 convolution in Stable
/// Diffusion 1.x, linear layer in 2.x, the same arithmetic in other shapes.
#[derive(Debug, Clone, Copy)]
pub(crate) enum CellLayer<'a> {
    Convolution(&'a Conv2d),
    Linear(&'a Linear),
}

/// `layer` on `sample` [batch, channels, height, width] → [batch, height · width, outputs].
pub(crate) fn grid_to_sequence(layer: CellLayer, sample: Tensor<4>) -> Tensor<3> {
    let (true, Some((weight, bias, outputs_first))) =
        (super::has_flex_kernels(&sample), layer.parameters())
    else {
        return plain_grid_to_sequence(layer, sample);
    };
    Tensor::from_dispatch(Dispatch::grid_to_sequence(
        sample.into_dispatch(),
        weight.into_dispatch(),
        bias.into_dispatch(),
        outputs_first,
    ))
}

/// `residual` [batch, outputs, height, width] + `layer` on `hidden`
/// [batch, height · width, channels].
pub(crate) fn sequence_to_grid_added(
    layer: CellLayer,
    hidden: Tensor<3>,
    residual: Tensor<4>,
) -> Tensor<4> {
    let (Some(kernels), Some((weight, bias, outputs_first))) =
        (super::kernels_for(&hidden), layer.parameters())
    else {
        return plain_sequence_to_grid_added(layer, hidden, residual);
    };
    match kernels {
        Kernels::Flex | Kernels::FlexWithGradient => {
            Tensor::from_dispatch(Dispatch::sequence_to_grid_added(
                hidden.into_dispatch(),
                weight.into_dispatch(),
                bias.into_dispatch(),
                residual.into_dispatch(),
                outputs_first,
            ))
        }
        Kernels::Cube | Kernels::CubeWithGradient => {
            let [_, _, height, width] = residual.dims();
            let weight = match outputs_first {
                true => weight.transpose(),
                false => weight,
            };
            let added = added_on_gpu(hidden, weight, bias, to_sequence(residual));
            to_grid(added, height, width)
        }
    }
}

/// `residual` [batch, outputs, height, width] + `conv`, which is 1 × 1, on
/// `sample` [batch, channels, height, width].
pub(crate) fn grid_added(conv: &Conv2d, sample: Tensor<4>, residual: Tensor<4>) -> Tensor<4> {
    let layer = CellLayer::Convolution(conv);
    match (super::kernels_for(&sample), layer.parameters()) {
        (Some(Kernels::Flex | Kernels::FlexWithGradient), Some((weight, bias, outputs_first))) => {
            Tensor::from_dispatch(Dispatch::grid_added(
                sample.into_dispatch(),
                weight.into_dispatch(),
                bias.into_dispatch(),
                residual.into_dispatch(),
                outputs_first,
            ))
        }
        // There a grid is a sequence already: its channels lie side by side.
        (Some(Kernels::Cube | Kernels::CubeWithGradient), Some(_)) => {
            sequence_to_grid_added(layer, to_sequence(sample), residual)
        }
        _ => conv.forward(sample).add(residual),
    }
}

/// [`grid_to_sequence`] of burn's own operations.
fn plain_grid_to_sequence(layer: CellLayer, sample: Tensor<4>) -> Tensor<3> {
    match layer {
        CellLayer::Convolution(conv) => to_sequence(conv.forward(sample)),
        CellLayer::Linear(linear) => linear.forward(to_sequence(sample)),
    }
}

/// [`sequence_to_grid_added`] of burn's own operations.
fn plain_sequence_to_grid_added(
    layer: CellLayer,
    hidden: Tensor<3>,
    residual: Tensor<4>,
) -> Tensor<4> {
    let [_, _, height, width] = residual.dims();
    let projected = match layer {
        CellLayer::Convolution(conv) => conv.forward(to_grid(hidden, height, width)),
        CellLayer::Linear(linear) => to_grid(linear.forward(hidden), height, width),
    };
    projected.add(residual)
}

impl CellLayer<'_> {
    /// Weight as a matrix, bias, and whether the weight's rows are the outputs';
    /// nothing without a bias.
    fn parameters(self) -> Option<(Tensor<2>, Tensor<1>, bool)> {
        match self {
            Self::Convolution(conv) => {
                let [outputs, inputs, ..] = conv.weight.dims();
                let weight = conv.weight.val().reshape([outputs, inputs]);
                Some((weight, conv.bias.as_ref()?.val(), true))
            }
            Self::Linear(linear) => Some((linear.weight.val(), linear.bias.as_ref()?.val(), false)),
        }
    }
}

/// [batch, channels, height, width] → [batch, height · width, channels]; copies
/// nothing where channels lie side by side in memory.
pub(crate) fn to_sequence(sample: Tensor<4>) -> Tensor<3> {
    let [batch, channels, height, width] = sample.dims();
    sample
        .permute([0, 2, 3, 1])
        .reshape([batch, height * width, channels])
}

/// [batch, height · width, channels] → [batch, channels, height, width], whose channels
/// lie side by side in memory.
fn to_grid(sequence: Tensor<3>, height: usize, width: usize) -> Tensor<4> {
    let [batch, _, channels] = sequence.dims();
    sequence
        .reshape([batch, height, width, channels])
        .permute([0, 3, 1, 2])
}

/// Differentiable by what is no weight.
#[backend_extension(Flex, Autodiff)]
trait LinearOperation: Backend {
    fn linear(
        input: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: FloatTensor<Self>,
    ) -> FloatTensor<Self>;

    fn linear_added(
        input: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        residual: FloatTensor<Self>,
    ) -> FloatTensor<Self>;

    fn grid_to_sequence(
        sample: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        outputs_first: bool,
    ) -> FloatTensor<Self>;

    fn sequence_to_grid_added(
        hidden: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        residual: FloatTensor<Self>,
        outputs_first: bool,
    ) -> FloatTensor<Self>;

    fn grid_added(
        sample: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        residual: FloatTensor<Self>,
        outputs_first: bool,
    ) -> FloatTensor<Self>;
}

impl LinearOperation for Flex {
    fn linear(
        input: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: FloatTensor<Self>,
    ) -> FloatTensor<Self> {
        flex::linear::linear(&input, &Weights::new(&weight, Some(&bias), false), None)
    }

    fn linear_added(
        input: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        residual: FloatTensor<Self>,
    ) -> FloatTensor<Self> {
        let weights = Weights::new(&weight, Some(&bias), false);
        flex::linear::linear(&input, &weights, Some(residual))
    }

    fn grid_to_sequence(
        sample: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        outputs_first: bool,
    ) -> FloatTensor<Self> {
        let weights = Weights::new(&weight, Some(&bias), outputs_first);
        flex::linear::grid_to_sequence(&sample, &weights)
    }

    fn sequence_to_grid_added(
        hidden: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        residual: FloatTensor<Self>,
        outputs_first: bool,
    ) -> FloatTensor<Self> {
        let weights = Weights::new(&weight, Some(&bias), outputs_first);
        flex::linear::sequence_to_grid_added(&hidden, &weights, residual)
    }

    fn grid_added(
        sample: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        residual: FloatTensor<Self>,
        outputs_first: bool,
    ) -> FloatTensor<Self> {
        let weights = Weights::new(&weight, Some(&bias), outputs_first);
        flex::linear::grid_added(&sample, &weights, residual)
    }
}

impl<C: CheckpointStrategy> LinearOperation for Autodiff<Flex, C> {
    fn linear(
        input: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: FloatTensor<Self>,
    ) -> FloatTensor<Self> {
        let weights = Weights::new(weight.primitive(), Some(bias.primitive()), false);
        let output = flex::linear::linear(input.primitive(), &weights, None);
        differentiable::<Flex, C, 1>([&input], output, move |gradient, _| {
            [Some(flex::linear::linear(&gradient, &weights.back(), None))]
        })
    }

    fn linear_added(
        input: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        residual: FloatTensor<Self>,
    ) -> FloatTensor<Self> {
        let weights = Weights::new(weight.primitive(), Some(bias.primitive()), false);
        let added = residual.primitive().clone();
        let output = flex::linear::linear(input.primitive(), &weights, Some(added));
        differentiable::<Flex, C, 2>([&input, &residual], output, move |gradient, _| {
            let of_input = flex::linear::linear(&gradient, &weights.back(), None);
            [Some(of_input), Some(gradient)]
        })
    }

    fn grid_to_sequence(
        sample: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        outputs_first: bool,
    ) -> FloatTensor<Self> {
        let weights = Weights::new(weight.primitive(), Some(bias.primitive()), outputs_first);
        let shape = sample.primitive().shape().dims::<4>();
        let output = flex::linear::grid_to_sequence(sample.primitive(), &weights);
        differentiable::<Flex, C, 1>([&sample], output, move |gradient, _| {
            let back = weights.back();
            let nothing = zeros(shape);
            let of_sample = flex::linear::sequence_to_grid_added(&gradient, &back, nothing);
            [Some(of_sample)]
        })
    }

    fn sequence_to_grid_added(
        hidden: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        residual: FloatTensor<Self>,
        outputs_first: bool,
    ) -> FloatTensor<Self> {
        let weights = Weights::new(weight.primitive(), Some(bias.primitive()), outputs_first);
        let added = residual.primitive().clone();
        let output = flex::linear::sequence_to_grid_added(hidden.primitive(), &weights, added);
        differentiable::<Flex, C, 2>([&hidden, &residual], output, move |gradient, _| {
            let of_hidden = flex::linear::grid_to_sequence(&gradient, &weights.back());
            [Some(of_hidden), Some(gradient)]
        })
    }

    fn grid_added(
        sample: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        residual: FloatTensor<Self>,
        outputs_first: bool,
    ) -> FloatTensor<Self> {
        let weights = Weights::new(weight.primitive(), Some(bias.primitive()), outputs_first);
        let shape = sample.primitive().shape().dims::<4>();
        let added = residual.primitive().clone();
        let output = flex::linear::grid_added(sample.primitive(), &weights, added);
        differentiable::<Flex, C, 2>([&sample, &residual], output, move |gradient, _| {
            let of_sample = flex::linear::grid_added(&gradient, &weights.back(), zeros(shape));
            [Some(of_sample), Some(gradient)]
        })
    }
}

fn zeros(shape: [usize; 4]) -> FloatTensor<Flex> {
    flex::tensor(vec![0.0; shape.iter().product()], shape)
}

#[cfg(test)]
mod tests;
