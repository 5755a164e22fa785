//! The window: everything egui.
//!
//! Engine events go into [`state`]; the panels show it and the [`draft`] of the
//! next request, and ask for [`state::action`]s; [`studio`] does them.
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
mod window;

pub use attention::word_attention::mean_map;
pub use draft::{Draft, DraftContent, DraftError};
pub use paint::device_drawing::DeviceDrawing;
pub use shell::preferences::Preferences;
pub use state::State;
pub use state::action::Action;
pub use state::model_choices::{ModelChoices, RememberedModels};
pub use state::session::{ModelState, Run, RunKey, RunState, Session};
pub use state::view::{CanvasMode, Normalisation, View};
pub use studio::StudioApp;
pub use window::{AppError, AppOptions, run};
