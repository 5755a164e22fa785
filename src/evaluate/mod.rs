//! The spatial benchmark: does a picture show what the prompt says about places?
//!
//! Prompts × seeds × methods run through the engine; every picture is judged by
//! a detector and kept as one line of a file, so that a run can be interrupted,
//! split over machines and put together again. The figures are VISOR's (Gokhale
//! et al. 2022, arXiv 2212.10015) and a few harder ones.

// What is asked for.
pub mod colours;
pub mod method;
pub mod pairs;
pub mod plan;
pub mod prompt_file;
pub mod prompts;

// Making pictures and judging them.
pub mod cost;
pub mod judge;
pub mod run;

// Keeping what came of it.
mod record_files;
pub mod records;
pub mod results;
pub mod settings;

// From records to figures.
pub mod bootstrap;
pub mod figures;
pub mod owlvit;
pub mod summary;
pub mod table;

// The tasks beyond a relation of two.
pub mod tasks;

pub use figures::Figure;
pub use method::EvaluatedMethod;
pub use plan::{Plan, Shard};
pub use prompt_file::{ListedPrompt, PromptFileError};
pub use prompts::{Pair, PromptError, SpatialPrompt};
pub use records::PictureRecord;
pub use results::{ResultsError, ResultsFolder};
pub use run::{EvaluateError, Evaluator, Progress};
pub use settings::Settings;
pub use summary::{MethodSummary, Summary};
