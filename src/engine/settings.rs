//! How pictures are made, whatever they show.

use serde::{Deserialize, Serialize};

use crate::diffusion::{Methods, Optimisation, PredictionType, SchedulerKind};
use crate::parameters::Description;

/// The part of a [`Request`](super::Request) apart from its words and seeds: the
/// window edits it, a picture carries it, the benchmark varies it.
///
/// Whatever a file lacks has its default, so that pictures of an older version
/// can be made again.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Settings {
    /// Which methods to run, from the same noise.
    pub methods: Methods,
    /// Denoising steps; PNDM makes one prediction more.
    pub steps: usize,
    /// How closely the picture follows the words.
    pub guidance_scale: f64,
    /// `None`: the checkpoint's own.
    pub scheduler: Option<SchedulerKind>,
    /// What the UNet predicts; `None`: what the checkpoint says.
    pub prediction_type: Option<PredictionType>,
    /// Width and height in pixels; `None`: what the model was trained on.
    pub size: Option<[usize; 2]>,
    /// What STORM does.
    #[serde(flatten)]
    pub optimisation: Optimisation,
    /// Predict both methods in one batch; costs memory, saves time.
    pub batch_methods: bool,
}

/// Denoising steps.
pub const STEPS: Description = Description::count("Steps", 1..=1000).named(
    "steps",
    "Denoising steps: more steps give finer pictures and take longer.",
);

/// Guidance scale.
pub const GUIDANCE_SCALE: Description = Description::number("Guidance scale", 0.0..=100.0, 0.1)
    .named(
        "guidance_scale",
        "How closely the picture follows the words; at 1 or below the negative prompt is ignored.",
    );

/// Whether both methods share a batch.
pub const BATCH_METHODS: Description = Description::switch("Both in one batch").named(
    "batch_methods",
    "Predict both methods in one batch; costs memory, saves time.",
);

impl Default for Settings {
    fn default() -> Self {
        Self {
            methods: Methods::default(),
            steps: 50,
            guidance_scale: 7.5,
            scheduler: None,
            prediction_type: None,
            size: None,
            optimisation: Optimisation::default(),
            batch_methods: true,
        }
    }
}
