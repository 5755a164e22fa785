//! The window: everything egui.
//!
//! Engine events go into [`state`]; the panels show it and the [`draft`] of the
//! next request, and ask for [`studio::action`]s; [`studio`] does them.
//! One folder is one subject, one panel is one file.

mod attention;
mod canvases;
mod draft;
mod files;
pub mod look;
mod paint;
mod prompt;
mod settings;
mod shell;
mod state;
mod studio;
mod timeline;

pub use attention::word_maps::word_map;
pub use draft::{Draft, DraftContent, DraftError};
pub use paint::colour_map::ColourMap;
pub use paint::paint_callback::DeviceDrawing;
pub use shell::preferences::Preferences;
pub use shell::window::{AppError, AppOptions, run};
pub use state::State;
pub use state::models::{Models, RememberedModels};
pub use state::session::{ModelState, Run, RunKey, RunState, Session};
pub use state::view::{CanvasMode, Normalisation, View};
pub use studio::StudioApp;
pub use studio::action::Action;
