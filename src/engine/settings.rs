//! How pictures are made, whatever they show.

use serde::{Deserialize, Serialize};

use crate::diffusion::parameters::{Name, SetError, set};
use crate::diffusion::{Methods, Optimisation, PredictionType, SchedulerKind};
use crate::parameters::Description;
use crate::storm::ObjectiveKind;
use crate::storm::parameters::described;

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

described! {
    Settings in "request" read by ObjectiveKind::ALL;

    /// Denoising steps: more steps give finer pictures and take longer.
    steps => Description::count("Steps", 1..=1000)
        .flag("steps", &["n_inference_steps"]).prominent();
    /// How closely the picture follows the words; at 1 or below the negative prompt is ignored.
    guidance_scale => Description::number("Guidance scale", 0.0..=100.0, 0.1)
        .flag("guidance-scale", &["guidance_scale"]).prominent();
    /// Predict both methods in one batch; costs memory, saves time.
    batch_methods => Description::switch("Both in one batch");
}

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

impl Settings {
    /// Sets the parameter that `name` means: of the request, or one that the
    /// objective reads.
    ///
    /// # Errors
    /// [`SetError`], and then nothing has changed.
    pub fn set(&mut self, name: &Name, text: &str) -> Result<(), SetError> {
        let objectives = [self.optimisation.objective];
        match set(&mut [self], name, text, &objectives) {
            Err(SetError::Unknown { .. }) => {
                set(&mut self.optimisation.groups(), name, text, &objectives)
            }
            done => done,
        }
    }
}
