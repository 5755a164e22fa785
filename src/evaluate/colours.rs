//! The colours that a prompt of the benchmark can ask for: those of the embedded model's
//! world. Which one an object in a picture has is the detector's to say.

use serde::{Deserialize, Serialize};
use strum::{EnumString, IntoStaticStr, VariantArray};

/// A colour that a prompt can ask for.
///
/// The order is that in which recipe/config.json names them.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    Hash,
    Serialize,
    Deserialize,
    EnumString,
    IntoStaticStr,
    VariantArray,
)]
#[serde(rename_all = "lowercase")]
#[strum(serialize_all = "lowercase")]
pub enum Colour {
    Red,
    Orange,
    Yellow,
    Green,
    Blue,
    Purple,
    Pink,
    Black,
}

impl Colour {
    /// Every colour.
    pub const ALL: &[Colour] = Self::VARIANTS;

    /// The word for it in a prompt.
    pub fn name(self) -> &'static str {
        self.into()
    }

    /// The colour that a word names.
    pub fn of_name(word: &str) -> Option<Self> {
        word.parse().ok()
    }
}
