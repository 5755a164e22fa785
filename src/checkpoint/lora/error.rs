//! Why a LoRA cannot be used, in words that say what to do.

use super::super::CheckpointError;
use super::super::conversion::WeightType;

/// Nothing of any LoRA is applied where one of these comes.
#[derive(Debug, thiserror::Error)]
pub enum LoraError {
    /// It cannot be read, or is no safetensors file.
    #[error(transparent)]
    File(#[from] CheckpointError),
    /// The tensors are those of something else.
    #[error("{file} is {what}, not a LoRA; open it for what it is, or choose another file")]
    Other { file: String, what: String },
    /// A form that is not known.
    #[error(
        "{file} is a LyCORIS file of the form {form}; LoRA, LoCon, DoRA, LoHa and LoKr are known"
    )]
    Form { file: String, form: &'static str },
    /// It belongs to another kind of model.
    #[error(
        "{file} was made for {made_for}, and the model is {model}; choose a LoRA for this model"
    )]
    OtherFamily {
        file: String,
        made_for: String,
        model: String,
    },
    /// One half without the other.
    #[error("{file} lacks the {lacks} half of {module}; the file is incomplete, download it again")]
    Incomplete {
        file: String,
        module: String,
        lacks: &'static str,
    },
    /// Tensors of two forms for one layer.
    #[error(
        "{file} has tensors of two forms for {module}, and {tensor} belongs to neither alone; the file is damaged, download it again"
    )]
    Mixed {
        file: String,
        module: String,
        tensor: String,
    },
    /// A layer that the model does not have.
    #[error(
        "{file} changes the layer {module}, which the model does not have ({count} such in all); \
         it was made for another model"
    )]
    UnknownModule {
        file: String,
        module: String,
        count: usize,
    },
    /// Halves that do not multiply to the layer's shape.
    #[error("{file}: the halves of {module} have the shapes {found}, the layer needs {wanted:?}")]
    Shape {
        file: String,
        module: String,
        found: String,
        wanted: Vec<usize>,
    },
    /// A number that is none.
    #[error("{file}: the tensor {tensor} has values that are not finite; the file is damaged")]
    NotFinite { file: String, tensor: String },
    /// The model's numbers with it leave the range of their type.
    #[error(
        "with these LoRAs the weight {tensor} leaves the range of {weight_type}; lower their \
         weights{}",
        after_overflow(*.weight_type)
    )]
    Overflow {
        tensor: String,
        weight_type: WeightType,
    },
    /// The device took no more.
    #[error("the device failed while LoRAs were merged: {0}; try --device cpu")]
    Device(String),
}

fn after_overflow(weight_type: WeightType) -> &'static str {
    match weight_type {
        WeightType::F16 => ", or take full precision (--dtype f32)",
        WeightType::F32 => "",
    }
}
