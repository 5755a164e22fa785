//! The interface of every objective: attention maps in, loss and dloss/dA out.
//!
//! An objective is a pure function on the host; the pipeline knows only this
//! trait and the screen only the readings.

use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::attention::{AttentionError, AttentionMaps};
use super::kind::{Missing, ObjectiveKind};
use super::relation::LayoutError;
use crate::parameters::ParameterError;

/// Where in the sampling a call happens.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct StepContext {
    /// Index of the scheduler call, from 0.
    pub step_index: usize,
    /// Number of scheduler calls.
    pub step_count: usize,
    /// Noise per signal σ, as [`noise_on_32_cells`] has it.
    pub noise: f64,
}

/// The noise per signal that hides on latents of 32 cells a side what `sigma` hides on
/// some whose shorter side has `side` cells: twice the side shows through twice the
/// noise (the shift of noise with resolution of Hoogeboom et al. 2023, arXiv 2301.11093).
pub fn noise_on_32_cells(sigma: f64, side: usize) -> f64 {
    sigma * 32.0 / side as f64
}

impl StepContext {
    /// Fraction 0..1 of the sampling that is behind this step.
    pub fn progress(self) -> f64 {
        self.step_index as f64 / self.step_count.max(1) as f64
    }
}

/// A training-free objective on cross-attention maps.
pub trait Objective: Send {
    /// Which of the objectives it is.
    fn kind(&self) -> ObjectiveKind;

    /// Where the objects are; cheap, without gradient, done on every step.
    ///
    /// # Errors
    /// [`ObjectiveError`] if the maps can't be used.
    fn read(&self, maps: &AttentionMaps, context: StepContext) -> Result<Reading, ObjectiveError>;

    /// Loss and dloss/dA of an update.
    ///
    /// # Errors
    /// [`ObjectiveError`] if the maps can't be used or the result overflowed.
    fn evaluate(
        &self,
        maps: &AttentionMaps,
        context: StepContext,
    ) -> Result<Evaluation, ObjectiveError>;

    /// How many objects and copies it moves, each twice that it resizes; two by default.
    fn bodies(&self) -> usize {
        2
    }

    /// Whether it does not move anything yet, whatever the maps. `false` by default.
    fn waits(&self, _: StepContext) -> bool {
        false
    }

    /// How this step repeats its update, decided on the maps before the first
    /// one. `None`, the default, means that it does not.
    ///
    /// # Errors
    /// [`ObjectiveError`] if the maps can't be used.
    fn refinement(
        &self,
        maps: &AttentionMaps,
        context: StepContext,
    ) -> Result<Option<Refinement>, ObjectiveError> {
        let _ = (maps, context);
        Ok(None)
    }

    /// As [`Objective::evaluate`], for the updates inside a refinement; only
    /// the released objective tells them apart.
    ///
    /// # Errors
    /// As [`Objective::evaluate`].
    fn evaluate_in_refinement(
        &self,
        maps: &AttentionMaps,
        context: StepContext,
    ) -> Result<Evaluation, ObjectiveError> {
        self.evaluate(maps, context)
    }
}

/// A refinement: predict and update again, before the step's own update, while
/// the loss is above a bound.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Refinement {
    /// The loss at which it ends.
    pub until: f64,
    /// Largest number of updates in it.
    pub limit: usize,
}

/// What the maps say about the picture as it is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Reading {
    /// One entry for each object of the layout.
    pub objects: Vec<ObjectReading>,
    /// One entry for each relation of the layout.
    pub relations: Vec<RelationReading>,
    /// All relations and places hold with their margin, no object is missing
    /// and each is there once, so that no update is needed.
    pub satisfied: bool,
    /// Where copies, sizes or regions are asked for: every copy of every object, where
    /// it should be.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub copies: Vec<CopyReading>,
}

/// One copy of an object, where it should be.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct CopyReading {
    /// Index into the objects of the layout.
    pub object: usize,
    /// Its centre (x, y), as fractions of width and height.
    pub centre: [f64; 2],
    /// Its diameter, as a fraction of the shorter side.
    pub extent: f64,
}

/// One object as the maps show it.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct ObjectReading {
    /// Mean place (x, y), as fractions 0..=1 of width and height.
    pub centroid: [f64; 2],
    /// Where it should be, in the same unit; the centroid itself if nothing
    /// moves it.
    pub target: [f64; 2],
    /// Strongest response 0..=1 of its smoothed map.
    pub presence: f64,
    /// Whether its map is too weak to have a place.
    pub absent: bool,
    /// How far its map is from the distribution asked for, in squared sides: the
    /// Sinkhorn divergence; only where copies, a size or a region are asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub distance: Option<f64>,
    /// Diameter of the disc that its bare map fills to half of its height, as a
    /// fraction of the shorter side; only there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub extent: Option<f64>,
    /// Standard deviation of its map along the direction in which it is widest,
    /// as a fraction of the shorter side; large for twins.
    #[serde(default)]
    pub spread: f64,
}

/// One relation as the maps show it.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct RelationReading {
    /// Positive when the relation is true. Along an axis, the distance of the
    /// centroids as a fraction of the frame; for "next to", how far the
    /// distance is inside its bounds, as a fraction of the shorter side.
    pub signed_distance: f64,
    /// The signed distance asked for, in the same unit.
    pub margin: f64,
    /// Whether the signed distance reaches the margin and neither is absent.
    pub holds: bool,
}

/// One evaluation.
#[derive(Debug, Clone, PartialEq)]
pub struct Evaluation {
    /// The loss.
    pub loss: f64,
    /// dloss/dA, laid out as [`AttentionMaps::values`].
    pub gradient: Vec<f32>,
    /// The reading of the same maps.
    pub reading: Reading,
    /// Only of the released objective: how much further right and down the
    /// object's centroid is than the subject's, in cells, not below 0, divided
    /// by 10.
    pub coordinate: Option<[f64; 2]>,
}

/// Why an objective can't be built or evaluated.
#[derive(Debug, Clone, PartialEq, Error)]
pub enum ObjectiveError {
    /// The maps are NaN, infinite or misshapen.
    #[error(transparent)]
    Attention(#[from] AttentionError),
    /// The layout can't be drawn.
    #[error(transparent)]
    Layout(#[from] LayoutError),
    /// A parameter is out of its range.
    #[error(transparent)]
    Parameter(#[from] ParameterError),
    /// The maps have another number of tokens than the prompt.
    #[error(
        "the maps have {found} tokens but the prompt was read with {expected}; load the model's own tokenizer"
    )]
    TokenCount {
        /// Tokens of the prompt.
        expected: usize,
        /// Tokens of the maps.
        found: usize,
    },
    /// Loss or gradient is not a finite number.
    #[error(
        "the loss of “{objective}” is not a finite number; reset its parameters to their defaults"
    )]
    NonFiniteResult { objective: ObjectiveKind },
    /// The layout gives the objective nothing to do.
    #[error(transparent)]
    Missing(#[from] Missing),
}

impl Evaluation {
    /// Refuses a loss or gradient that is not finite.
    ///
    /// # Errors
    /// [`ObjectiveError::NonFiniteResult`].
    pub(super) fn checked(self, objective: ObjectiveKind) -> Result<Self, ObjectiveError> {
        if self.loss.is_finite() && self.gradient.iter().all(|value| value.is_finite()) {
            Ok(self)
        } else {
            Err(ObjectiveError::NonFiniteResult { objective })
        }
    }
}
