//! What the window remembers from one session to the next.

use serde::{Deserialize, Serialize};

use super::panes::PaneSizes;
use crate::app::draft::DraftContent;
use crate::app::state::kept::GalleryPreferences;
use crate::app::state::model_choices::RememberedModels;
use crate::app::state::networks::RememberedNetworks;
use crate::app::state::view::View;

/// Where it stands in eframe's storage; raised when a change makes old values useless.
pub const KEY: &str = "studio-1";

/// Everything remembered; window size and theme are remembered by eframe.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Preferences {
    pub draft: DraftContent,
    pub view: View,
    pub panes: PaneSizes,
    pub models: RememberedModels,
    pub networks: RememberedNetworks,
    pub gallery: GalleryPreferences,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn preferences_come_back_and_an_older_file_keeps_what_it_has() {
        let mut preferences = Preferences::default();
        preferences.draft.prompt = "a bird above a boat".to_string();
        preferences.panes.attention = 333.0;
        let text = serde_json::to_string(&preferences).unwrap();
        assert_eq!(
            serde_json::from_str::<Preferences>(&text).unwrap(),
            preferences
        );

        let older = r#"{"panes": {"attention": 222.0}, "gone": 1}"#;
        let read: Preferences = serde_json::from_str(older).unwrap();
        assert_eq!(read.panes.attention, 222.0);
        assert_eq!(read.draft, DraftContent::default());
    }
}
