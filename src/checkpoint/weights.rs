//! Weight files into modules, with every tensor accounted for.
//!
//! burn-store reads the safetensors, transposes linear layers and renames norm
//! parameters; this file adds the spellings in circulation and turns whatever is
//! missing, unknown or misshapen into an error that names it.

use burn::tensor::DType;
use burn_store::{
    ApplyResult, FloatCastAdapter, KeyRemapper, ModuleAdapter, ModuleSnapshot,
    PyTorchToBurnAdapter, SafetensorsStore,
};

use super::CheckpointError;
use super::files::WeightFile;

/// Other spellings of weight keys in circulation, as (pattern, our spelling):
/// text encoders from before transformers 5 prefix everything with
/// `text_model.`, and VAEs from before diffusers 0.13 name the parts of their
/// attention as the original code did. The detector was saved as nested
/// `Sequential`s, which number their parts.
const SPELLINGS: &[(&str, &str)] = &[
    (r"^text_model\.", ""),
    (r"(attentions\.\d+)\.query\.", "$1.to_q."),
    (r"(attentions\.\d+)\.key\.", "$1.to_k."),
    (r"(attentions\.\d+)\.value\.", "$1.to_v."),
    (r"(attentions\.\d+)\.proj_attn\.", "$1.to_out.0."),
    (r"^(\d)\.0\.", "blocks.$1.conv."),
    (r"^(\d)\.1\.", "blocks.$1.norm."),
    (r"^6\.", "conv_out."),
];

/// Buffers that older versions saved and that hold nothing learned.
const IGNORED: &[&str] = &["embeddings.position_ids"];

/// Loads `weights` into `module`, as `dtype` on the module's device. `file` is
/// the name used in messages.
///
/// # Errors
/// If the file is not safetensors, or its tensors are not exactly the module's.
pub(super) fn load<M: ModuleSnapshot>(
    module: &mut M,
    file: &str,
    weights: WeightFile,
    dtype: DType,
) -> Result<(), CheckpointError> {
    let store = match weights {
        WeightFile::Bytes(bytes) => SafetensorsStore::from_bytes(Some(bytes.to_vec())),
        WeightFile::Path(path) => SafetensorsStore::from_file(path),
    };
    let mut store = store
        .remap(spellings())
        .skip_enum_variants(true)
        .allow_partial(true)
        .validate(false)
        .with_from_adapter(PyTorchToBurnAdapter.chain(FloatCastAdapter::to(dtype)));
    let result = module
        .load_from(&mut store)
        .map_err(|error| CheckpointError::Damaged {
            file: file.to_string(),
            reason: error.to_string(),
        })?;
    account_for_all(file, &result)
}

fn spellings() -> KeyRemapper {
    SPELLINGS
        .iter()
        .fold(KeyRemapper::new(), |remapper, (pattern, spelling)| {
            remapper
                .add_pattern(pattern, *spelling)
                .expect("the patterns above are valid regular expressions")
        })
}

fn account_for_all(file: &str, result: &ApplyResult) -> Result<(), CheckpointError> {
    let file = file.to_string();
    if let Some(error) = result.errors.first() {
        return Err(CheckpointError::WrongTensor {
            file,
            reason: error.to_string(),
        });
    }
    if let Some((tensor, _)) = result.missing.first() {
        return Err(CheckpointError::MissingTensor {
            file,
            tensor: tensor.clone(),
            count: result.missing.len(),
        });
    }
    let mut unknown = result.unused.iter();
    if let Some(tensor) = unknown.find(|tensor| !IGNORED.contains(&tensor.as_str())) {
        return Err(CheckpointError::UnknownTensor {
            file,
            tensor: tensor.clone(),
            count: 1 + unknown.count(),
        });
    }
    Ok(())
}
