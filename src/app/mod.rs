//! The window: everything egui.
//!
//! Engine events go into the [`session`] model; the panels show it and the
//! [`draft`] of the next request, and ask for [`action`]s; [`studio`] does them.
//! One panel is one file.

mod action;
mod assigning;
mod attention;
mod canvas;
mod canvases_panel;
mod chips;
mod colour_map;
mod draft;
mod drop_hint;
mod exporting;
mod files;
mod frame_meter;
mod gallery;
mod heatmap;
mod icons;
mod looks;
mod message;
mod message_bar;
mod model_panel;
mod models;
mod objective_settings;
mod paint_callback;
mod panes;
mod pictures;
mod preferences;
mod prompt_panel;
mod relation_sentences;
mod rescue;
mod restoring;
mod run_buttons;
mod saving;
mod seeds;
mod session;
mod setting_row;
mod settings;
mod settings_panel;
mod shortcuts;
mod state;
mod status_bar;
mod step_plot;
mod storm_settings;
mod studio;
pub mod theme;
mod thresholds;
mod timeline;
mod transport_overlay;
mod verdict;
mod view;
mod window;
mod wipe;
mod word_maps;

pub use action::Action;
pub use colour_map::ColourMap;
pub use draft::{Draft, DraftContent, DraftError};
pub use models::{Models, RememberedModels};
pub use paint_callback::DeviceDrawing;
pub use preferences::Preferences;
pub use session::{ModelState, Run, RunKey, RunState, Session};
pub use settings::{Methods, Settings};
pub use state::State;
pub use studio::StudioApp;
pub use view::{CanvasMode, Normalisation, View};
pub use window::{AppError, AppOptions, run};
pub use word_maps::word_map;
