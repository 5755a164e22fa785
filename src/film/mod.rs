//! What a run did step by step, as something to carry away: strips of heatmaps,
//! animations and trajectories, the same from the window and the command line.

mod animation;
mod frames;
pub mod looks;
mod overlay;
mod strip;
mod trajectory;
pub mod word_attention;

pub use animation::{animation, write_animation};
pub use frames::{Film, FilmError, StripWord};
pub use strip::strip;
pub use trajectory::write_trajectory;
