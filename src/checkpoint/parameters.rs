//! What a network needs: the names and shapes of its parameters, as PyTorch's files have them.
//!
//! burn makes a parameter when it is first read, so walking a new network's
//! parameters allocates nothing, however large it is.

use burn::module::{Module, ModuleVisitor, Param};
use burn::tensor::Tensor;

/// One parameter of a network.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Parameter {
    /// Its weight key in diffusers and transformers.
    pub(super) name: String,
    /// Its shape in a file.
    pub(super) shape: Vec<usize>,
    /// Whether burn has it the other way round: linear layers are
    /// [output, input] in files and [input, output] in burn.
    pub(super) transposed: bool,
}

impl Parameter {
    /// How many numbers it holds.
    pub(super) fn numbers(&self) -> usize {
        self.shape.iter().product()
    }
}

/// The parameters of `module`, in the order in which a traversal meets them.
pub(super) fn parameters<M: Module>(module: &M) -> Vec<Parameter> {
    let mut collector = Collector::default();
    module.visit(&mut collector);
    collector.parameters
}

#[derive(Default)]
struct Collector {
    path: ModulePath,
    parameters: Vec<Parameter>,
}

impl ModuleVisitor for Collector {
    fn enter_module(&mut self, name: &str, container: &str) {
        self.path.enter(name, container);
    }

    fn exit_module(&mut self, _: &str, container: &str) {
        self.path.exit(container);
    }

    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        let shape = param.lazy_shape();
        self.parameters.push(self.path.parameter(&shape));
    }
}

/// Where a traversal of a module is.
#[derive(Default)]
pub(super) struct ModulePath {
    names: Vec<String>,
    containers: Vec<String>,
}

impl ModulePath {
    pub(super) fn enter(&mut self, name: &str, container: &str) {
        self.containers.push(container.to_string());
        // The variant of an enum is no part of a weight's name.
        if !container.starts_with("Enum:") {
            self.names.push(name.to_string());
        }
    }

    pub(super) fn exit(&mut self, container: &str) {
        self.containers.pop();
        if !container.starts_with("Enum:") {
            self.names.pop();
        }
    }

    /// The parameter here, which has `shape` in burn.
    pub(super) fn parameter(&self, shape: &[usize]) -> Parameter {
        let mut names: Vec<&str> = self.names.iter().map(String::as_str).collect();
        let leaf = names
            .last_mut()
            .expect("a parameter is a field of a module");
        // burn's norms call them so.
        match *leaf {
            "gamma" => *leaf = "weight",
            "beta" => *leaf = "bias",
            _ => {}
        }
        let owner = self.containers.iter().rev();
        let owner = owner.into_iter().find(|kind| kind.starts_with("Struct:"));
        let transposed = shape.len() == 2 && owner.is_some_and(|owner| owner == "Struct:Linear");
        let mut shape = shape.to_vec();
        if transposed {
            shape.reverse();
        }
        Parameter {
            name: names.join("."),
            shape,
            transposed,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::models::config::UNetConfig;
    use burn::tensor::Device;

    #[test]
    fn a_full_size_unet_is_described_without_being_made() {
        let unet = UNetConfig::default().init(&Device::flex());
        let parameters = parameters(&unet);
        let find = |name: &str| {
            let found = parameters.iter().find(|parameter| parameter.name == name);
            found.unwrap_or_else(|| panic!("{name}")).clone()
        };
        // As diffusers' state_dict of its default UNet has them.
        let linear = find("down_blocks.0.attentions.0.transformer_blocks.0.attn2.to_k.weight");
        assert_eq!((linear.shape, linear.transposed), (vec![320, 1280], true));
        let feed_forward = find("mid_block.attentions.0.transformer_blocks.0.ff.net.0.proj.weight");
        assert_eq!(feed_forward.shape, [10240, 1280]);
        let convolution = find("up_blocks.3.attentions.2.proj_in.weight");
        assert_eq!(convolution.shape, [320, 320, 1, 1]);
        assert!(!convolution.transposed);
        assert_eq!(find("conv_norm_out.weight").shape, [320]);
        assert_eq!(find("time_embedding.linear_1.bias").shape, [1280]);
        // Stable Diffusion 1.x, but for the wider prompt of the default config.
        let numbers: usize = parameters.iter().map(Parameter::numbers).sum();
        assert_eq!(numbers, 859_520_964 + WIDER_PROMPT);
    }

    /// 16 cross-attentions, keys and values, 1280 - 768 columns more each: five
    /// at 320 channels, five at 640, six at 1280.
    const WIDER_PROMPT: usize = 2 * 512 * (5 * 320 + 5 * 640 + 6 * 1280);
}
