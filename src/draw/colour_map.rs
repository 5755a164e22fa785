//! Perceptual colour maps for heatmaps: a value from 0 to 1 becomes a colour
//! whose lightness grows evenly with it.

use serde::{Deserialize, Serialize};

/// matplotlib's tables of 256 colours (van der Walt and Smith 2015, CC0), RGB bytes.
static VIRIDIS: &[u8; 768] = include_bytes!("colour_maps/viridis.rgb");
static INFERNO: &[u8; 768] = include_bytes!("colour_maps/inferno.rgb");

/// The colours of objects on a dark ground: the first relation's subject and object,
/// then the second's. From the set of Okabe and Ito, which is told apart with every
/// common colour blindness.
pub const OBJECT_COLOURS: [[u8; 3]; 4] = [
    [0xE6, 0x9F, 0x00],
    [0x56, 0xB4, 0xE9],
    [0xCC, 0x79, 0xA7],
    [0xF0, 0xE4, 0x42],
];

/// The colour maps that can be chosen.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ColourMap {
    /// Dark violet to yellow.
    #[default]
    Viridis,
    /// Black over red to pale yellow.
    Inferno,
    /// Black to white.
    Greys,
}

impl ColourMap {
    /// Every colour map, in the order in which menus show them.
    pub const ALL: [Self; 3] = [Self::Viridis, Self::Inferno, Self::Greys];

    /// The name shown in menus.
    pub fn name(self) -> &'static str {
        match self {
            Self::Viridis => "Viridis",
            Self::Inferno => "Inferno",
            Self::Greys => "Greys",
        }
    }

    /// All colours from dark to bright, RGB bytes.
    pub fn table(self) -> [[u8; 3]; 256] {
        std::array::from_fn(|index| self.entry(index))
    }

    /// The colour of `value`, clamped to 0..=1, as RGB bytes; NaN is drawn as 0.
    pub fn colour(self, value: f32) -> [u8; 3] {
        self.entry((value.clamp(0.0, 1.0) * 255.0).round() as usize)
    }

    /// One of the 256 colours.
    fn entry(self, index: usize) -> [u8; 3] {
        let from_table =
            |table: &[u8; 768]| [table[3 * index], table[3 * index + 1], table[3 * index + 2]];
        match self {
            Self::Viridis => from_table(VIRIDIS),
            Self::Inferno => from_table(INFERNO),
            Self::Greys => [index as u8; 3],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Luma of Rec. 709, which every perceptual map lets grow.
    fn luma([red, green, blue]: [u8; 3]) -> f64 {
        0.2126 * f64::from(red) + 0.7152 * f64::from(green) + 0.0722 * f64::from(blue)
    }

    #[test]
    fn lightness_never_falls() {
        for map in ColourMap::ALL {
            for step in 1..=255_u8 {
                let at = |step: u8| luma(map.colour(f32::from(step) / 255.0));
                assert!(at(step) >= at(step - 1) - 0.5, "{map:?} at {step}");
            }
        }
    }

    #[test]
    fn the_ends_are_matplotlibs() {
        assert_eq!(ColourMap::Viridis.colour(0.0), [68, 1, 84]);
        assert_eq!(ColourMap::Viridis.colour(1.0), [253, 231, 37]);
        assert_eq!(ColourMap::Inferno.colour(1.0), [252, 255, 164]);
        assert_eq!(ColourMap::Greys.colour(f32::NAN), [0; 3]);
        assert_eq!(ColourMap::Greys.colour(7.0), [255; 3]);
    }
}
