//! Whether weights and activations are kept in whole or in half precision.

use burn::tensor::DType;
use strum::{EnumString, VariantNames};

use super::{ComputeDevice, DeviceError};

/// What the person asked weights to be kept and computed in; as text the names of
/// [`Self::NAMES`] and those that other programs use for the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, EnumString, VariantNames)]
#[strum(
    ascii_case_insensitive,
    serialize_all = "lowercase",
    parse_err_ty = UnknownPrecision,
    parse_err_fn = unknown_precision
)]
pub enum Precision {
    /// Halves for large models on a GPU that computes in them.
    #[default]
    Auto,
    /// f32.
    #[strum(to_string = "f32", serialize = "fp32", serialize = "float32")]
    Whole,
    /// f16.
    #[strum(to_string = "f16", serialize = "fp16", serialize = "float16")]
    Half,
}

impl Precision {
    /// The names that help and messages say.
    pub const NAMES: &[&str] = Self::VARIANTS;
}

fn unknown_precision(name: &str) -> UnknownPrecision {
    UnknownPrecision(name.to_string())
}

/// A name that is no [`Precision`].
#[derive(Debug, thiserror::Error)]
#[error("“{0}” is no number type; choose one of {names}", names = Precision::NAMES.join(", "))]
pub struct UnknownPrecision(String);

/// Weights above which halves are worth their rounding, in bytes of f32. The
/// embedded model lies far below, Stable Diffusion far above.
const LARGE_MODEL: u64 = 512 << 20;

impl ComputeDevice {
    /// The same device with another choice of precision.
    ///
    /// # Errors
    /// If halves are asked for and the device does not compute in them.
    pub fn with_precision(mut self, precision: Precision) -> Result<Self, DeviceError> {
        if precision == Precision::Half && !self.has_halves() {
            return Err(DeviceError::NoHalves(self.to_string()));
        }
        self.precision = precision;
        Ok(self)
    }

    /// Whether a model whose weights are `bytes` in f32 is kept in f16 here.
    pub fn uses_halves(&self, bytes: u64) -> bool {
        match self.precision {
            Precision::Whole => false,
            Precision::Half => true,
            Precision::Auto => {
                let is_real = self.gpu.as_ref().is_some_and(|gpu| !gpu.is_software());
                is_real && bytes > LARGE_MODEL && self.has_halves()
            }
        }
    }

    fn has_halves(&self) -> bool {
        let shaders = self.gpu.as_ref().is_some_and(|gpu| {
            let features = gpu.device.features();
            features.contains(wgpu::Features::SHADER_F16)
        });
        shaders && self.burn.supports_dtype(DType::F16)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cpu_computes_in_whole_precision_and_says_so() {
        let cpu = ComputeDevice::cpu(None);
        assert!(!cpu.uses_halves(u64::MAX));
        let error = cpu.with_precision("fp16".parse().unwrap()).unwrap_err();
        assert!(error.to_string().contains("f32"), "{error}");
        assert_eq!("Float32".parse::<Precision>().unwrap(), Precision::Whole);
        let error = "bf8".parse::<Precision>().unwrap_err();
        assert!(error.to_string().contains("auto, f32, f16"), "{error}");
    }
}
