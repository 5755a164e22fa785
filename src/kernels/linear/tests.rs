//! Linear layers and their way back, against chains of burn's operations.

use super::super::gradients::assert_gradient;
use super::*;
use burn::nn::LinearConfig;
use burn::nn::conv::Conv2dConfig;
use burn::tensor::{Device, Distribution, Tolerance};

fn close<const D: usize>(one: Tensor<D>, other: Tensor<D>) {
    assert_eq!(one.dims(), other.dims());
    let tolerance = Tolerance::<f32>::absolute(2e-5);
    one.into_data()
        .assert_approx_eq::<f32>(&other.into_data(), tolerance);
}

#[test]
fn products_with_bias_and_residual_are_the_chain_of_operations() {
    let device = Device::flex();
    for (batch, positions, inputs, outputs) in [
        (2, 256, 64, 512),
        (1, 1, 1, 1),
        (3, 77, 33, 20),
        (2, 1024, 40, 40),
    ] {
        let layer = LinearConfig::new(inputs, outputs).init(&device);
        let random = |width| {
            let shape = [batch, positions, width];
            Tensor::<3>::random(shape, Distribution::Normal(0.0, 1.0), &device)
        };
        let (input, residual) = (random(inputs), random(outputs));
        let expected = layer.forward(input.clone());
        close(linear(&layer, input.clone()), expected.clone());
        let before = residual.to_data();
        let added = linear_added(&layer, input.clone(), residual.clone());
        assert_eq!(residual.to_data(), before);
        close(added, expected.add(residual.clone()));
        assert_gradient(
            [input.clone()],
            |[input]| linear(&layer, input),
            |[input]| layer.forward(input),
        );
        assert_gradient(
            [input, residual],
            |[input, residual]| linear_added(&layer, input, residual),
            |[input, residual]| residual.add(layer.forward(input)),
        );
    }
}

#[test]
fn a_layer_at_every_cell_goes_to_sequences_and_back() {
    let device = Device::flex();
    for (batch, channels, outputs, height, width) in
        [(2, 64, 64, 16, 16), (1, 3, 5, 1, 1), (2, 20, 30, 5, 7)]
    {
        let conv = Conv2dConfig::new([channels, outputs], [1, 1]).init(&device);
        let linear = LinearConfig::new(channels, outputs).init(&device);
        let sample = Tensor::<4>::random(
            [batch, channels, height, width],
            Distribution::Normal(0.0, 1.0),
            &device,
        );
        let residual = Tensor::<4>::random(
            [batch, outputs, height, width],
            Distribution::Default,
            &device,
        );
        let expected = conv.forward(sample.clone());
        let layer = CellLayer::Convolution(&conv);
        close(
            grid_to_sequence(layer, sample.clone()),
            to_sequence(expected.clone()),
        );
        close(
            grid_added(&conv, sample.clone(), residual.clone()),
            expected.clone().add(residual.clone()),
        );
        let hidden = to_sequence(sample.clone());
        close(
            sequence_to_grid_added(layer, hidden.clone(), residual.clone()),
            expected.add(residual.clone()),
        );
        let expected = linear.forward(hidden.clone());
        let by_linear = CellLayer::Linear(&linear);
        close(
            grid_to_sequence(by_linear, sample.clone()),
            expected.clone(),
        );
        close(
            sequence_to_grid_added(by_linear, hidden.clone(), residual.clone()),
            to_grid(expected, height, width).add(residual.clone()),
        );
        if channels == outputs {
            assert_gradient(
                [sample.clone(), residual.clone()],
                |[sample, residual]| grid_added(&conv, sample, residual),
                |[sample, residual]| conv.forward(sample).add(residual),
            );
        }
        for layer in [layer, by_linear] {
            assert_gradient(
                [sample.clone()],
                |[sample]| grid_to_sequence(layer, sample),
                |[sample]| plain_grid_to_sequence(layer, sample),
            );
            assert_gradient(
                [hidden.clone()],
                |[hidden]| {
                    let residual = residual.clone().autodiff();
                    sequence_to_grid_added(layer, hidden, residual)
                },
                |[hidden]| {
                    let residual = residual.clone().autodiff();
                    plain_sequence_to_grid_added(layer, hidden, residual)
                },
            );
            assert_gradient(
                [residual.clone()],
                |[residual]| {
                    let hidden = hidden.clone().autodiff();
                    sequence_to_grid_added(layer, hidden, residual)
                },
                |[residual]| {
                    let hidden = hidden.clone().autodiff();
                    plain_sequence_to_grid_added(layer, hidden, residual)
                },
            );
        }
    }
}
