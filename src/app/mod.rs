//! The window: everything egui.
//!
//! Engine events go into [`state`]; the panels show it and the [`draft`] of the
//! next request, and ask for [`state::action`]s; [`studio`] does them.
//! One folder is one subject, one panel is one file; folders stand in the order
//! in which they may use each other:
//!
//! | folder | what lives there |
//! | --- | --- |
//! | `studio` | the program behind the window: events in, panels out, actions done |
//! | `shell` | around the panels: panes, bars, messages, keys, what is remembered |
//! | `canvases` | the pictures, what is drawn over them, all results |
//! | `attention`, `timeline`, `prompt`, `settings` | the other panels |
//! | `paint` | numbers made visible, by the window's device or as textures |
//! | `files` | dialogs, saving, reading settings back |
//! | `look` | colours, type, icons, marks, names and keys |
//! | `state` | what the panels share; nothing of egui |
//! | `draft` | the next request; nothing of egui |

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

pub use crate::film::word_attention::mean_map;
pub use draft::{Draft, DraftContent, DraftError};
pub use files::dialogs::{Answer, Dialogs};
pub use paint::device_drawing::DeviceDrawing;
pub use shell::preferences::Preferences;
pub use state::State;
pub use state::action::{Action, KeptAction, Wanted};
pub use state::kept::{GalleryPreferences, Keeping, Then};
pub use state::model_choices::{ModelChoices, RememberedModels};
pub use state::session::{ModelState, Run, RunKey, RunState, Session};
pub use state::view::{CanvasMode, Normalisation, View};
pub use studio::StudioApp;
pub use window::{AppError, AppOptions, run};
