//! diffusers' `Attention`: multi-head attention that can also return its probabilities.
//!
//! [`crate::kernels`] computes it, with the probabilities only where a layer's maps
//! are wanted. Keys and values of the prompt depend on the prompt alone, so they
//! are a value of their own ([`KeyValue`]), made once per prompt.

use burn::module::Module;
use burn::nn::{Linear, LinearConfig};
use burn::tensor::{DType, Device, Tensor};

use crate::kernels;

/// Shape of an [`Attention`] layer.
#[derive(Debug, Clone, Copy)]
pub struct AttentionConfig {
    /// Width of the queries' side, input and output.
    pub query_dim: usize,
    /// Width of what keys and values are made from.
    pub context_dim: usize,
    pub heads: usize,
    /// Whether the query, key and value projections have a bias (the autoencoder's do).
    pub projection_bias: bool,
    /// Compute scores and softmax in f32 even where the weights are halves
    /// (Stable Diffusion 2.1 overflows f16 otherwise).
    pub upcast: bool,
}

/// Multi-head attention with separate query, key, value and output projections.
#[derive(Module, Debug)]
pub struct Attention {
    to_q: Linear,
    to_k: Linear,
    to_v: Linear,
    to_out: Vec<Linear>,
    heads: usize,
    upcast: bool,
}

/// Keys and values of one attention layer, each [batch, positions, heads · head_dim].
#[derive(Debug, Clone)]
pub struct KeyValue {
    key: Tensor<3>,
    value: Tensor<3>,
}

impl KeyValue {
    /// The samples `start .. start + length` of the batch.
    pub fn narrow(&self, start: usize, length: usize) -> Self {
        Self {
            key: self.key.clone().narrow(0, start, length),
            value: self.value.clone().narrow(0, start, length),
        }
    }

    /// The whole batch, `times` times over.
    pub fn repeat(&self, times: usize) -> Self {
        Self {
            key: self.key.clone().repeat_dim(0, times),
            value: self.value.clone().repeat_dim(0, times),
        }
    }
}

impl AttentionConfig {
    /// A layer with untrained weights.
    pub fn init(&self, device: &Device) -> Attention {
        let projection = |input, output, bias| {
            LinearConfig::new(input, output)
                .with_bias(bias)
                .init(device)
        };
        let (query, context) = (self.query_dim, self.context_dim);
        Attention {
            to_q: projection(query, query, self.projection_bias),
            to_k: projection(context, query, self.projection_bias),
            to_v: projection(context, query, self.projection_bias),
            to_out: vec![projection(query, query, true)],
            heads: self.heads,
            upcast: self.upcast,
        }
    }
}

impl Attention {
    /// Keys and values of `context` [batch, positions, context_dim].
    pub fn key_value(&self, context: Tensor<3>) -> KeyValue {
        KeyValue {
            key: kernels::linear(&self.to_k, context.clone()),
            value: kernels::linear(&self.to_v, context),
        }
    }

    /// `residual` + attention of `hidden` [batch, positions, query_dim] to itself;
    /// all of one shape.
    pub fn self_attention(&self, hidden: Tensor<3>, residual: Tensor<3>) -> Tensor<3> {
        let key_value = self.key_value(hidden.clone());
        self.forward(hidden, &key_value, residual)
    }

    /// `residual` + attention of `hidden` [batch, positions, query_dim] to given
    /// keys and values; all of one shape.
    pub fn forward(
        &self,
        hidden: Tensor<3>,
        key_value: &KeyValue,
        residual: Tensor<3>,
    ) -> Tensor<3> {
        let dtype = hidden.dtype();
        let query = self.raise(kernels::linear(&self.to_q, hidden));
        let key = self.raise(key_value.key.clone());
        let value = self.raise(key_value.value.clone());
        let attended = kernels::attention(query, key, value, self.heads);
        kernels::linear_added(&self.to_out[0], attended.cast(dtype), residual)
    }

    /// As [`Self::forward`], and the attention probabilities averaged over the
    /// heads: [batch, positions, context positions], each row summing to 1.
    pub fn forward_with_probabilities(
        &self,
        hidden: Tensor<3>,
        key_value: &KeyValue,
        residual: Tensor<3>,
    ) -> (Tensor<3>, Tensor<3>) {
        let query = self.raise(kernels::linear(&self.to_q, hidden));
        let key = self.raise(key_value.key.clone());
        let value = key_value.value.clone();
        let (attended, averaged) =
            kernels::attention_with_probabilities(query, key, value, self.heads);
        let added = kernels::linear_added(&self.to_out[0], attended, residual);
        (added, averaged)
    }

    fn raise(&self, tensor: Tensor<3>) -> Tensor<3> {
        if self.upcast {
            tensor.cast(DType::F32)
        } else {
            tensor
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use burn::tensor::{Distribution, Int, TensorData, Tolerance};

    #[test]
    fn the_explicit_path_agrees_with_the_fused_one_and_rows_sum_to_one() {
        let device = Device::flex();
        device.seed(1);
        let layer = AttentionConfig {
            query_dim: 24,
            context_dim: 10,
            heads: 3,
            projection_bias: false,
            upcast: false,
        }
        .init(&device);
        let hidden = Tensor::<3>::random([2, 35, 24], Distribution::Default, &device);
        let context = Tensor::<3>::random([2, 7, 10], Distribution::Default, &device);
        let key_value = layer.key_value(context);
        let fused = layer.forward(hidden.clone(), &key_value, hidden.clone());
        let (explicit, maps) = layer.forward_with_probabilities(hidden.clone(), &key_value, hidden);
        let tolerance = Tolerance::<f32>::absolute(1e-5);
        fused
            .into_data()
            .assert_approx_eq::<f32>(&explicit.into_data(), tolerance);
        assert_eq!(maps.dims(), [2, 35, 7]);
        let sums = maps.sum_dim(2).into_data();
        Tensor::<3>::ones([2, 35, 1], &device)
            .into_data()
            .assert_approx_eq::<f32>(&sums, tolerance);
    }

    /// Half precision ends at 65504; Stable Diffusion 2.1's scores pass it, so
    /// its config asks for `upcast_attention`.
    #[test]
    fn upcasting_keeps_scores_that_half_precision_cannot_hold() {
        let device = Device::flex();
        let plain = AttentionConfig {
            query_dim: 16,
            context_dim: 8,
            heads: 1,
            projection_bias: false,
            upcast: false,
        }
        .init(&device)
        .map(&mut Steady);
        let mut raised = plain.clone();
        raised.upcast = true;
        // Scores of about a million, each key's a tenth apart from the next one's;
        // every other query looks for the smallest instead of the largest.
        let rows = |count: usize, width: usize, row: &dyn Fn(usize) -> f32| {
            let values: Vec<f32> = (0..count).flat_map(|r| vec![row(r); width]).collect();
            Tensor::<3>::from_data(TensorData::new(values, [1, count, width]), &device)
        };
        let hidden = rows(6, 16, &|row| if row % 2 == 0 { 450.0 } else { -450.0 });
        let context = rows(5, 8, &|row| 300.0 + 60.0 * row as f32);
        let both = |layer: &Attention, dtype| {
            let key_value = layer.key_value(context.clone().cast(dtype));
            let hidden = hidden.clone().cast(dtype);
            let nothing = hidden.zeros_like();
            let (attended, maps) =
                layer.forward_with_probabilities(hidden.clone(), &key_value, nothing.clone());
            let fused = layer.forward(hidden, &key_value, nothing);
            [attended, maps, fused].map(|tensor| tensor.cast(DType::F32).into_data())
        };
        let whole = both(&plain, DType::F32);
        let half = both(&raised.map(&mut Half), DType::F16);
        for (half, whole) in half.iter().zip(&whole) {
            half.assert_approx_eq::<f32>(whole, Tolerance::rel_abs(0.05, 0.05));
        }
        let overflowed = both(&plain.map(&mut Half), DType::F16);
        let values: Vec<f32> = overflowed[1].clone().try_to_vec().unwrap();
        assert!(values.iter().any(|value| !value.is_finite()));
    }

    /// Sets all weights to numbers near 0.15, the same ones every time.
    struct Steady;

    impl burn::module::ModuleMapper for Steady {
        fn map_float<const D: usize>(
            &mut self,
            param: burn::module::Param<Tensor<D>>,
        ) -> burn::module::Param<Tensor<D>> {
            param.map(|tensor| {
                let shape = tensor.shape();
                let count = shape.num_elements() as i64;
                let steps = Tensor::<1, Int>::arange(0..count, &tensor.device()).float();
                let values = steps.sin().mul_scalar(0.03).add_scalar(0.15);
                values.reshape(shape)
            })
        }
    }

    /// Casts all weights to half precision.
    struct Half;

    impl burn::module::ModuleMapper for Half {
        fn map_float<const D: usize>(
            &mut self,
            param: burn::module::Param<Tensor<D>>,
        ) -> burn::module::Param<Tensor<D>> {
            param.map(|tensor| tensor.cast(DType::F16))
        }
    }
}
