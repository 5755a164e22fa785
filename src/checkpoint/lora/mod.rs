//! LoRA files: small additions to the weights of a model, several at once.
//!
//! A file is read by its tensors: [`module_names`] knows the spellings of trainers,
//! [`file`] puts them together as each [`module`]'s form asks, [`contribution`] multiplies them
//! out by their [`halves`], [`merge`] adds them
//! to the model's own numbers. Those are read anew from the mapped checkpoint, so
//! that no second copy is kept, and what is taken off leaves no trace.

mod contribution;
mod error;
mod file;
mod halves;
mod merge;
mod module;
mod module_names;

pub use error::LoraError;
pub use file::LoraFile;
pub use merge::MergedLora;
pub(super) use merge::{Additions, adjusted};
