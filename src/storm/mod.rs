//! Spatial Transport Optimization: attention maps in, loss and dloss/dA out.
//!
//! A [`Layout`] of objects and relations and the maps of one prediction go into
//! an [`Objective`]; where things stand, a loss and its gradient come out. Plain
//! Rust on slices: no model, no device, no clock.

// What is asked for and what comes in.
pub mod attention;
pub mod geometry;
pub mod layout;
pub mod mask;
pub mod object_target;
pub mod prompt_facts;
pub mod relation;

// The interface, its settings, and the choice of an objective.
pub mod kind;
pub mod objective;
pub mod parameters;
pub mod reading_parameters;

// From attention to the map of a word, and the common reading of the maps.
pub mod frame;
pub mod reader;
pub mod smoothing;
pub mod spread;
pub mod token_softmax;
pub mod word_maps;

// Where objects should go and what it costs to bring them there.
pub mod distribution_loss;
mod peaks;
pub mod placement;
mod rooms;
pub mod target;
pub mod transport;

// The objectives: the default, comparison methods, the released code.
pub mod attend_and_excite;
pub mod centroid;
pub mod reference;
pub mod rivals;
#[expect(
    clippy::module_inception,
    reason = "the default objective and the room share their name, as in the design"
)]
pub mod storm;

#[cfg(test)]
mod fixtures;

pub use attention::{AttentionError, AttentionMaps};
pub use geometry::Geometry;
pub use kind::{Missing, ObjectiveKind, UpdateRuleKind, build};
pub use layout::{Layout, LayoutError};
pub use mask::Mask;
pub use object_target::{Area, ObjectTarget, Shape, Size, SizeExtents, Targets};
pub use objective::{
    CopyReading, Evaluation, ObjectReading, Objective, ObjectiveError, Reading, Refinement,
    RelationReading, StepContext,
};
pub use parameters::{ObjectiveParameters, Parameter, ParameterGroup};
pub use prompt_facts::PromptFacts;
pub use reading_parameters::ReadingParameters;
pub use reference::ReferenceParameters;
pub use relation::{Axis, ObjectTokens, Relation, RelationKind};
