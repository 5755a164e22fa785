//! What leaves the program: pictures with their settings, grids, trajectories,
//! and names for all of them that never overwrite a file.

pub mod animation;
pub mod compare;
pub mod file_names;
pub mod grid;
pub mod metadata;
mod order;
pub mod output_folder;
pub mod png;
pub mod trajectory;

pub use self::png::{PngError, TextChunk};
pub use compare::{Difference, TensorDifference, compare};
pub use file_names::{SaveError, check_writable, file_stem, save_new};
pub use grid::{GridError, GridLayout, grid, side_by_side};
pub use metadata::{ImageSettings, OWN_KEYWORD, PARAMETERS_KEYWORD};
pub use output_folder::OutputFolder;
pub use trajectory::{Trajectory, TrajectoryError, TrajectoryTensor, TrajectoryWriter};
