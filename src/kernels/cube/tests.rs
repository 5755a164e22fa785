//! The kernels for GPUs against burn's own operations on the CPU.

use std::sync::OnceLock;

use burn::module::Module;
use burn::nn::conv::Conv2dConfig;
use burn::nn::{GroupNormConfig, LayerNormConfig, LinearConfig, PaddingConfig2d};
use burn::tensor::{Device, Distribution, Tensor, Tolerance};

use crate::device::{ComputeDevice, DevicePreference};
use crate::kernels::gradients::gradients;
use crate::kernels::{
    Activation, CellLayer, attention, attention_with_probabilities, concatenated, geglu,
    grid_added, group_norm, layer_norm, linear_added, sequence_to_grid_added, silu,
};

fn close<const D: usize>(gpu: Tensor<D>, cpu: Tensor<D>) {
    assert_eq!(gpu.dims(), cpu.dims());
    let tolerance = Tolerance::<f32>::rel_abs(1e-4, 1e-4);
    gpu.into_data()
        .assert_approx_eq::<f32>(&cpu.into_data(), tolerance);
}

fn gpu() -> Device {
    static DEVICE: OnceLock<ComputeDevice> = OnceLock::new();
    let device = DEVICE.get_or_init(|| {
        ComputeDevice::open(DevicePreference::Gpu).expect("a Vulkan driver is there")
    });
    device.burn().clone()
}

#[test]
fn kernels_on_a_gpu_compute_what_burn_does_on_the_cpu() {
    let (gpu, cpu) = (gpu(), Device::flex());
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

    // The last context is too long for the kernel of short ones.
    for (positions, context) in [(9, 9), (9, 200), (33, 77), (1, 1), (9, 300)] {
        let sequence = |length| random([1, 2, length, 40]).reshape([2, length, 40]);
        let (query, context) = (sequence(positions), sequence(context));
        let of = |device: &Device| {
            let [query, context] = [&query, &context].map(|it| it.clone().to_device(device));
            let alone = attention(query.clone(), context.clone(), context.clone(), 4);
            let with_mean = attention_with_probabilities(query, context.clone(), context, 4);
            (alone, with_mean)
        };
        let ((alone, (attended, mean)), (_, (expected, expected_mean))) = (of(&gpu), of(&cpu));
        close(alone, expected.clone());
        close(attended, expected);
        close(mean, expected_mean);
    }

    // One lies as a convolution writes it, the other row by row.
    let (sample, skip) = (random([2, 24, 7, 5]), random([2, 5, 7, 5]));
    let both = concatenated(
        conv.clone()
            .fork(&gpu)
            .forward(sample.clone().to_device(&gpu)),
        skip.clone().to_device(&gpu),
    );
    close(both, Tensor::cat(vec![conv.forward(sample), skip], 1));
}

/// The gradients of `on_gpu` there are those of `on_cpu` here, by each of `inputs`.
fn same_way_back<const N: usize, const D: usize, const O: usize>(
    inputs: [Tensor<D>; N],
    on_gpu: impl Fn([Tensor<D>; N]) -> Tensor<O>,
    on_cpu: impl Fn([Tensor<D>; N]) -> Tensor<O>,
) {
    let there = inputs.clone().map(|input| input.to_device(&gpu()));
    for (ours, theirs) in gradients(there, &on_gpu)
        .into_iter()
        .zip(gradients(inputs, &on_cpu))
    {
        ours.assert_approx_eq::<f32>(&theirs, Tolerance::rel_abs(1e-3, 3e-4));
    }
}

#[test]
fn ways_back_on_a_gpu_are_those_on_the_cpu() {
    let (gpu, cpu) = (gpu(), Device::flex());
    let random =
        |shape: [usize; 4]| Tensor::<4>::random(shape, Distribution::Normal(0.5, 1.0), &cpu);
    let rows = |length, width| random([1, 2, length, width]).reshape([2, length, width]);

    let mut norm = GroupNormConfig::new(4, 24).init(&cpu);
    let numbers = || random([1, 1, 1, 24]).reshape([24]);
    norm.gamma = norm.gamma.map(|gamma| gamma.map(|_| numbers()));
    norm.beta = norm.beta.map(|beta| beta.map(|_| numbers()));
    let there = norm.clone().fork(&gpu);
    let shift = random([1, 1, 2, 24]).reshape([2, 24]);
    for activation in [Activation::Identity, Activation::Silu] {
        for shift in [None, Some(shift.clone())] {
            let on_gpu = shift.clone().map(|shift| shift.to_device(&gpu));
            same_way_back(
                [random([2, 24, 7, 5])],
                |[sample]| group_norm(&there, sample, on_gpu.clone(), activation),
                |[sample]| {
                    let sample = match shift.clone() {
                        Some(shift) => sample.add(shift.reshape([2, 24, 1, 1])),
                        None => sample,
                    };
                    match activation {
                        Activation::Identity => norm.forward(sample),
                        Activation::Silu => burn::tensor::activation::silu(norm.forward(sample)),
                    }
                },
            );
        }
    }

    let norm = LayerNormConfig::new(40).with_epsilon(1e-5).init(&cpu);
    let there = norm.clone().fork(&gpu);
    same_way_back(
        [rows(9, 40)],
        |[rows]| layer_norm(&there, 1e-5, rows),
        |[rows]| norm.forward(rows),
    );
    let gate = LinearConfig::new(40, 36).init(&cpu);
    let there = gate.clone().fork(&gpu);
    same_way_back(
        [rows(9, 40)],
        |[rows]| geglu(&there, rows),
        |[rows]| geglu(&gate, rows),
    );
    let layer = LinearConfig::new(40, 40).init(&cpu);
    let there = layer.clone().fork(&gpu);
    same_way_back(
        [rows(9, 40), rows(9, 40)],
        |[rows, residual]| linear_added(&there, rows, residual),
        |[rows, residual]| layer.forward(rows).add(residual),
    );

    same_way_back(
        [random([2, 6, 7, 5]), random([2, 9, 7, 5])],
        |[sample, skip]| concatenated(sample, skip),
        |[sample, skip]| Tensor::cat(vec![sample, skip], 1),
    );

    for (positions, context) in [(9, 9), (33, 77), (5, 1), (6, 300)] {
        let inputs = [rows(positions, 40), rows(context, 40), rows(context, 40)];
        let alone = |[query, key, value]: [Tensor<3>; 3]| attention(query, key, value, 4);
        same_way_back(inputs.clone(), alone, alone);
        // Both outputs lead back to what they share.
        let both = |[query, key, value]: [Tensor<3>; 3]| {
            let (attended, mean) = attention_with_probabilities(query, key, value, 4);
            Tensor::cat(vec![attended, mean.mul_scalar(20.0)], 2)
        };
        same_way_back(inputs.clone(), both, both);
        // A prompt's keys and values are constants.
        let [query, key, value] = inputs;
        let of = |device: Device| {
            let constants = [&key, &value].map(|it| it.clone().to_device(&device));
            move |[query]: [Tensor<3>; 1]| {
                let [key, value] = constants.clone();
                both([query, key, value])
            }
        };
        same_way_back([query], of(gpu.clone()), of(cpu.clone()));
    }
}
