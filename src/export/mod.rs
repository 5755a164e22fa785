//! What leaves the program: pictures with their settings, grids, animations,
//! trajectories, and names for all of them that never overwrite a file.

pub mod animation;
pub mod compare;
pub mod file_names;
pub mod grid;
pub mod labelled_grid;
pub mod lettering;
pub mod metadata;
mod order;
pub mod output_folder;
pub mod picture_format;
pub mod png;
pub mod trajectory;

pub use self::png::{PngError, TextChunk};
pub use compare::{Difference, TensorDifference, compare};
pub use file_names::{SaveError, check_writable, file_stem, save_new};
pub use grid::{GridError, GridLayout, grid, side_by_side};
pub use labelled_grid::labelled_grid;
pub use metadata::{ImageSettings, OWN_KEYWORD, PARAMETERS_KEYWORD};
pub use output_folder::OutputFolder;
pub use picture_format::PictureFormat;
pub use trajectory::{Trajectory, TrajectoryError, TrajectoryTensor, TrajectoryWriter};
