//! What a person asks for.

use serde::{Deserialize, Serialize};

use crate::diffusion::{Method, PredictionType, SchedulerKind, SpatialUpdateParameters};
use crate::storm::{Layout, ObjectiveKind, ObjectiveParameters};

/// Identifies a request within one engine; counts up from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct RequestId(pub u64);

/// Everything that determines the pictures of one run. Immutable once
/// submitted; what a person changes meanwhile goes into the next one.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Request {
    pub prompt: String,
    pub negative_prompt: String,
    /// One picture per seed and method, in this order.
    pub seeds: Vec<u64>,
    /// Which methods to run, from the same noise.
    pub methods: Vec<Method>,
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
    /// Objects and relations by token positions of this prompt; empty if only
    /// the standard method runs.
    pub layout: Layout,
    pub objective: ObjectiveKind,
    pub objective_parameters: ObjectiveParameters,
    pub update: SpatialUpdateParameters,
    /// Predict both methods in one batch; costs memory, saves time.
    pub batch_methods: bool,
    /// Keep this method's embeddings, latents and losses for a trajectory file.
    pub trajectory: Option<Method>,
}

impl Default for Request {
    fn default() -> Self {
        Self {
            prompt: String::new(),
            negative_prompt: String::new(),
            seeds: vec![0],
            methods: vec![Method::Standard, Method::Storm],
            steps: 50,
            guidance_scale: 7.5,
            scheduler: None,
            prediction_type: None,
            size: None,
            layout: Layout::default(),
            objective: ObjectiveKind::default(),
            objective_parameters: ObjectiveParameters::default(),
            update: SpatialUpdateParameters::default(),
            batch_methods: true,
            trajectory: None,
        }
    }
}
