//! Which model, from where, and in which numbers: arguments that several commands share.

use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};

use clap::Args;

use super::Failure;
use super::values::{count, path};
use crate::checkpoint::CheckpointSource;
use crate::device::{ComputeDevice, DevicePreference, Precision, set_cpu_threads};

#[derive(Debug, Default, Args)]
pub(super) struct ModelArguments {
    /// A diffusers folder or a .safetensors file; without it the embedded model
    #[arg(long, value_name = "PATH", value_parser = path())]
    pub(super) model: Option<PathBuf>,
    #[command(flatten)]
    pub(super) parts: ModelParts,
}

/// What a model in one file may leave out.
#[derive(Debug, Default, Args)]
pub(super) struct ModelParts {
    /// The autoencoder of a model in one file that has none: a .safetensors file or a vae folder
    #[arg(long, value_name = "PATH", value_parser = path())]
    vae: Option<PathBuf>,
    /// A diffusers folder whose configs and tokenizer describe a model in one file
    #[arg(long, value_name = "DIR", value_parser = path())]
    model_config: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy, Default, Args)]
pub(super) struct DeviceArguments {
    #[arg(long, default_value = "auto", help = DevicePreference::NAMES.join(", "))]
    pub(super) device: DevicePreference,
    #[arg(
        long,
        default_value = "auto",
        help = format!(
            "What weights are kept and computed in: {}; auto is f16 for large models on a GPU \
             that has it",
            Precision::NAMES.join(", ")
        )
    )]
    pub(super) dtype: Precision,
}

#[derive(Debug, Clone, Copy, Default, Args)]
pub(super) struct ThreadArguments {
    /// Most processor threads to compute with; without it one per core, which is the most that helps
    #[arg(long, value_name = "COUNT", value_parser = count)]
    threads: Option<NonZeroUsize>,
}

impl ThreadArguments {
    /// Bounds the threads; what is to be said about it.
    pub(super) fn apply(self) -> Option<String> {
        let used = set_cpu_threads(self.threads);
        let asked = self.threads.filter(|asked| *asked > used)?;
        Some(format!(
            "--threads {asked}: more threads than processor cores only hinder each other; using {used}"
        ))
    }
}

impl ModelArguments {
    pub(super) fn source(&self) -> Result<CheckpointSource, Failure> {
        self.parts.source(self.model.as_deref())
    }
}

impl ModelParts {
    /// What `model` names, with these parts.
    pub(super) fn source(&self, model: Option<&Path>) -> Result<CheckpointSource, Failure> {
        let mut source = match model {
            Some(path) => CheckpointSource::from_path(path).map_err(Failure::model)?,
            None => CheckpointSource::Embedded,
        };
        match &mut source {
            CheckpointSource::File(file) => {
                file.vae.clone_from(&self.vae);
                file.configs.clone_from(&self.model_config);
            }
            _ if self.vae.is_some() || self.model_config.is_some() => {
                return Err(Failure::usage(
                    "--vae and --model-config belong to a model in one .safetensors file",
                ));
            }
            _ => {}
        }
        Ok(source)
    }
}

impl DeviceArguments {
    pub(super) fn open(self) -> Result<ComputeDevice, Failure> {
        ComputeDevice::open(self.device)
            .and_then(|device| device.with_precision(self.dtype))
            .map_err(Failure::device)
    }
}
