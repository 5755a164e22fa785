//! Perceptual colour maps for heatmaps: a value from 0 to 1 becomes a colour
//! whose lightness grows evenly with it.

use egui::Color32;
use serde::{Deserialize, Serialize};

/// matplotlib's tables of 256 colours (van der Walt and Smith 2015, CC0), RGB bytes.
static VIRIDIS: &[u8; 768] = include_bytes!("colour_maps/viridis.rgb");
static INFERNO: &[u8; 768] = include_bytes!("colour_maps/inferno.rgb");

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
        std::array::from_fn(|index| {
            let [red, green, blue, _] = self.entry(index).to_array();
            [red, green, blue]
        })
    }

    /// The colour of `value`, clamped to 0..=1; NaN is drawn as 0.
    pub fn colour(self, value: f32) -> Color32 {
        self.entry((value.clamp(0.0, 1.0) * 255.0).round() as usize)
    }

    /// One of the 256 colours.
    fn entry(self, index: usize) -> Color32 {
        let from_table = |table: &[u8; 768]| {
            Color32::from_rgb(table[3 * index], table[3 * index + 1], table[3 * index + 2])
        };
        match self {
            Self::Viridis => from_table(VIRIDIS),
            Self::Inferno => from_table(INFERNO),
            Self::Greys => Color32::from_gray(index as u8),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Relative luminance, which every perceptual map lets grow.
    fn luminance(colour: Color32) -> f64 {
        crate::app::look::theme::relative_luminance(colour)
    }

    #[test]
    fn lightness_never_falls() {
        for map in ColourMap::ALL {
            for step in 1..=255_u8 {
                let at = |step: u8| luminance(map.colour(f32::from(step) / 255.0));
                assert!(at(step) >= at(step - 1) - 1e-3, "{map:?} at {step}");
            }
        }
    }

    #[test]
    fn the_ends_are_matplotlibs() {
        assert_eq!(ColourMap::Viridis.colour(0.0), Color32::from_rgb(68, 1, 84));
        assert_eq!(
            ColourMap::Viridis.colour(1.0),
            Color32::from_rgb(253, 231, 37)
        );
        assert_eq!(
            ColourMap::Inferno.colour(1.0),
            Color32::from_rgb(252, 255, 164)
        );
        assert_eq!(ColourMap::Greys.colour(f32::NAN), Color32::BLACK);
        assert_eq!(ColourMap::Greys.colour(7.0), Color32::WHITE);
    }
}
