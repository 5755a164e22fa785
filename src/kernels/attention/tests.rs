//! Attention against chains of burn's own operations, there and back.

use super::super::gradients::assert_gradient;
use super::*;
use burn::tensor::{Device, Distribution, Tolerance};

#[test]
fn heads_side_by_side_give_what_separate_heads_do() {
    let device = Device::flex();
    for (batch, positions, context, heads, head_width) in [
        (2, 256, 77, 4, 16),
        (1, 64, 64, 4, 32),
        (2, 700, 700, 2, 40),
        (1, 1, 3, 1, 1),
        (3, 5, 1, 2, 7),
    ] {
        let random = |positions| {
            let shape = [batch, positions, heads * head_width];
            Tensor::<3>::random(shape, Distribution::Normal(0.0, 2.0), &device)
        };
        let (query, key, value) = (random(positions), random(context), random(context));
        let (expected, expected_maps) =
            chain_with_probabilities(query.clone(), key.clone(), value.clone(), heads);
        let tolerance = Tolerance::<f32>::absolute(3e-5);
        let attended = attention(query.clone(), key.clone(), value.clone(), heads);
        attended
            .into_data()
            .assert_approx_eq::<f32>(&expected.clone().into_data(), tolerance);
        let (attended, maps) = attention_with_probabilities(query, key, value, heads);
        attended
            .into_data()
            .assert_approx_eq::<f32>(&expected.into_data(), tolerance);
        maps.into_data()
            .assert_approx_eq::<f32>(&expected_maps.into_data(), tolerance);
    }
}

#[test]
fn the_way_back_is_that_of_the_chain_of_operations() {
    let device = Device::flex();
    for (batch, positions, context, heads, head_width) in [
        (2, 256, 77, 4, 16),
        (1, 64, 64, 4, 32),
        (1, 700, 700, 2, 40),
        (1, 1, 3, 1, 1),
        (3, 5, 1, 2, 7),
    ] {
        let random = |positions| {
            let shape = [batch, positions, heads * head_width];
            Tensor::<3>::random(shape, Distribution::Normal(0.0, 1.0), &device)
        };
        let chain = |[query, key, value]: [Tensor<3>; 3]| {
            chain_with_probabilities(query, key, value, heads).0
        };
        let inputs = [random(positions), random(context), random(context)];
        assert_gradient(
            inputs.clone(),
            |[query, key, value]| attention(query, key, value, heads),
            chain,
        );
        // Both outputs lead back to what they share.
        let both = |(attended, mean): (Tensor<3>, Tensor<3>)| {
            let mean = mean.mul_scalar(20.0);
            Tensor::cat(vec![attended, mean], 2)
        };
        assert_gradient(
            inputs.clone(),
            |[query, key, value]| both(attention_with_probabilities(query, key, value, heads)),
            |[query, key, value]| both(chain_with_probabilities(query, key, value, heads)),
        );
        // A prompt's keys and values are constants.
        let [query, key, value] = inputs;
        let constants = || [key.clone(), value.clone()].map(Tensor::autodiff);
        assert_gradient(
            [query],
            |[query]| {
                let [key, value] = constants();
                attention(query, key, value, heads)
            },
            |[query]| {
                let [key, value] = constants();
                chain([query, key, value])
            },
        );
    }
}

/// As with [`SCORES_AT_ONCE`] scores and more.
#[test]
fn scores_far_apart_leave_one_key() {
    let device = Device::flex();
    let ones = |scale: f32| Tensor::<3>::ones([1, 4, 8], &device).mul_scalar(scale);
    let steps = Tensor::<1>::from_floats([0.0, 1.0, 2.0, 3.0], &device).reshape([1, 4, 1]);
    let key = ones(1e4).mul(steps.clone());
    let value = ones(1.0).mul(steps);
    let (attended, maps) = attention_with_probabilities(ones(1e3), key, value, 2);
    let attended: Vec<f32> = attended.into_data().try_to_vec().unwrap();
    assert!(attended.iter().all(|value| *value == 3.0));
    let maps: Vec<f32> = maps.into_data().try_to_vec().unwrap();
    assert!(maps[..3].iter().all(|share| *share < 1e-30) && maps[3] == 1.0);
}
