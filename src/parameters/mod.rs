//! What a person can set, described once.
//!
//! Values stay plain fields of plain structs. A [`Description`] beside each is the
//! one home of its name, words, range and flag: the window's row, the command
//! line, validation and the README's table are made from it.

mod description;
mod layer_choice;
mod value;

pub use description::{Description, Flag, Kind, ParameterError, Unit};
pub use layer_choice::{LayerBlock, LayerChoice, LayerChoiceError};
pub use value::{Field, Value};
