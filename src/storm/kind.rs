//! The objectives to choose from, and what each of them is.

use serde::{Deserialize, Serialize};
use strum::{Display, EnumString, IntoStaticStr, VariantArray};
use thiserror::Error;

use super::attend_and_excite::AttendAndExcite;
use super::centroid::Centroid;
use super::distribution_loss::BALANCED;
use super::layout::Layout;
use super::objective::{Objective, ObjectiveError};
use super::parameters::ObjectiveParameters;
use super::prompt_facts::PromptFacts;
use super::reference::Reference;
use super::rivals::{Rival, RivalLoss};
use super::storm::Storm;
use crate::choices;

/// The objectives; as text by the names used in files and on the command line.
#[derive(
    Debug,
    Clone,
    Copy,
    Default,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Serialize,
    Deserialize,
    Display,
    EnumString,
    IntoStaticStr,
    VariantArray,
)]
#[serde(rename_all = "kebab-case")]
#[strum(
    serialize_all = "kebab-case",
    parse_err_ty = UnknownObjective,
    parse_err_fn = UnknownObjective::of
)]
pub enum ObjectiveKind {
    /// The default: optimal transport, every direction right.
    #[default]
    Storm,
    /// A hinge on the distance of centroids.
    Centroid,
    /// Attend-and-Excite, which knows no places.
    AttendAndExcite,
    /// Cross-entropy, the transport's end where nothing is carried.
    CrossEntropy,
    /// Balanced transport, its end where everything is.
    BalancedTransport,
    /// Layout guidance: the share of the attention in a box.
    LayoutGuidance,
    /// BoxDiff's inner and outer constraints.
    #[strum(serialize = "boxdiff", to_string = "box-diff")]
    BoxDiff,
    /// A share in a box for each copy.
    BoxPerCopy,
    /// Centroid and second moments.
    Moments,
    /// The same for each copy.
    MomentsPerCopy,
    /// The released STORM code with its quirks.
    Reference,
}

/// What an objective must be given to have something to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Need {
    /// Objects, wherever they are.
    Objects,
    /// Objects and where they belong: a relation or a place.
    Places,
    /// Exactly two objects; it reads their relation in the prompt.
    Pair,
}

/// Which rule says when the latents follow an objective's gradient, and how far.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UpdateRuleKind {
    /// Ours: a length that the noise sets, whatever the gradient's own.
    Normalised,
    /// The released code's: the gradient clipped to norm 1.
    Clipped,
}

/// What is to be known of an objective; what each parameter's readers are stands
/// with the parameters.
struct Facts {
    label: &'static str,
    explanation: &'static str,
    need: Need,
    update_rule: UpdateRuleKind,
}

impl ObjectiveKind {
    /// Every objective, in the order in which menus show them.
    pub const ALL: &'static [ObjectiveKind] = ObjectiveKind::VARIANTS;

    /// The identifier used in files and on the command line.
    pub fn identifier(self) -> &'static str {
        self.into()
    }

    /// The name on the screen.
    pub fn label(self) -> &'static str {
        self.facts().label
    }

    /// What it does, in a line.
    pub fn explanation(self) -> &'static str {
        self.facts().explanation
    }

    /// Whether it moves objects only to where a relation, or a given place, wants
    /// them.
    pub fn needs_relation(self) -> bool {
        self.facts().need == Need::Places
    }

    /// Whether it knows numbers, sizes, places and regions.
    pub fn knows_targets(self) -> bool {
        self.facts().need == Need::Places
    }

    /// The rule that it is meant to be followed with.
    pub fn update_rule(self) -> UpdateRuleKind {
        self.facts().update_rule
    }

    /// Whether there is something for it to do in `layout`: the one answer of
    /// window, command line, benchmark and engine.
    ///
    /// # Errors
    /// What is missing, and what to do.
    pub fn check(self, layout: &Layout) -> Result<(), Missing> {
        let objects = layout.objects.len();
        let has_places = !layout.relations.is_empty() || !layout.targets.is_empty();
        match self.facts().need {
            Need::Places if !has_places => Err(Missing::Places),
            Need::Objects if objects == 0 => Err(Missing::Objects),
            Need::Pair if objects != 2 => Err(Missing::Pair { found: objects }),
            Need::Places | Need::Objects | Need::Pair => Ok(()),
        }
    }

    fn facts(self) -> Facts {
        match self {
            Self::Storm => Facts {
                label: "Transport",
                explanation: "Optimal transport, with every direction right",
                need: Need::Places,
                update_rule: UpdateRuleKind::Normalised,
            },
            Self::Centroid => Facts {
                label: "Centroid",
                explanation: "A pull on the distance of the objects' centres",
                need: Need::Places,
                update_rule: UpdateRuleKind::Normalised,
            },
            Self::AttendAndExcite => Facts {
                label: "Attend & Excite",
                explanation: "Keeps every object in the picture; knows no places",
                need: Need::Objects,
                update_rule: UpdateRuleKind::Normalised,
            },
            Self::CrossEntropy => Facts {
                label: "Cross-entropy",
                explanation: "Attention vanishes and is born where it should be, and is not carried",
                need: Need::Places,
                update_rule: UpdateRuleKind::Normalised,
            },
            Self::BalancedTransport => Facts {
                label: "Balanced transport",
                explanation: "All attention is carried, however far",
                need: Need::Places,
                update_rule: UpdateRuleKind::Normalised,
            },
            Self::LayoutGuidance => Facts {
                label: "Layout guidance",
                explanation: "The share of the attention in a box (Chen et al. 2023)",
                need: Need::Places,
                update_rule: UpdateRuleKind::Normalised,
            },
            Self::BoxDiff => Facts {
                label: "BoxDiff",
                explanation: "Strong attention in a box and weak outside (Xie et al. 2023)",
                need: Need::Places,
                update_rule: UpdateRuleKind::Normalised,
            },
            Self::BoxPerCopy => Facts {
                label: "Box per copy",
                explanation: "A share of the attention in the box of each copy",
                need: Need::Places,
                update_rule: UpdateRuleKind::Normalised,
            },
            Self::Moments => Facts {
                label: "Moments",
                explanation: "Centre and spread of the attention",
                need: Need::Places,
                update_rule: UpdateRuleKind::Normalised,
            },
            Self::MomentsPerCopy => Facts {
                label: "Moments per copy",
                explanation: "Centre, spread and share of the attention around each copy",
                need: Need::Places,
                update_rule: UpdateRuleKind::Normalised,
            },
            Self::Reference => Facts {
                label: "Released code",
                explanation: "The released STORM code with its quirks",
                need: Need::Pair,
                update_rule: UpdateRuleKind::Clipped,
            },
        }
    }
}

/// What a layout lacks for an objective to have something to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum Missing {
    #[error("STORM needs to know where things belong; choose two words of the prompt")]
    Places,
    #[error("STORM needs to know what to keep in the picture; choose a word of the prompt")]
    Objects,
    #[error(
        "the reference method needs exactly two objects, a subject and an object, but the layout \
         has {found}; choose two or use the method “storm”"
    )]
    Pair { found: usize },
}

/// The text names no objective.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("“{0}” is no method; use {known}", known = choices::all::<ObjectiveKind>())]
pub struct UnknownObjective(pub String);

impl UnknownObjective {
    fn of(text: &str) -> Self {
        Self(text.to_owned())
    }
}

/// Builds an objective for one picture.
///
/// # Errors
/// [`ObjectiveError::Layout`] or [`ObjectiveError::Parameter`] in words, and
/// [`ObjectiveError::Missing`] for `reference` without exactly two objects.
pub fn build(
    kind: ObjectiveKind,
    layout: Layout,
    parameters: &ObjectiveParameters,
    prompt: &PromptFacts,
) -> Result<Box<dyn Objective>, ObjectiveError> {
    let readings = &parameters.readings;
    Ok(match kind {
        ObjectiveKind::Storm => Box::new(Storm::new(
            layout,
            readings.clone(),
            parameters.storm.clone(),
            prompt,
        )?),
        ObjectiveKind::Centroid => {
            let own = parameters.centroid.clone();
            Box::new(Centroid::new(layout, readings, own, prompt)?)
        }
        ObjectiveKind::AttendAndExcite => {
            let own = parameters.attend_and_excite.clone();
            Box::new(AttendAndExcite::new(layout, readings, own, prompt)?)
        }
        ObjectiveKind::CrossEntropy => Box::new(Storm::end_of_family(
            kind,
            layout,
            readings.clone(),
            0.0,
            prompt,
        )?),
        ObjectiveKind::BalancedTransport => Box::new(Storm::end_of_family(
            kind,
            layout,
            readings.clone(),
            BALANCED,
            prompt,
        )?),
        ObjectiveKind::LayoutGuidance
        | ObjectiveKind::BoxDiff
        | ObjectiveKind::BoxPerCopy
        | ObjectiveKind::Moments
        | ObjectiveKind::MomentsPerCopy => {
            let loss = match kind {
                ObjectiveKind::LayoutGuidance => RivalLoss::LayoutGuidance,
                ObjectiveKind::BoxDiff => RivalLoss::BoxDiff,
                ObjectiveKind::BoxPerCopy => RivalLoss::BoxPerCopy,
                ObjectiveKind::Moments => RivalLoss::Moments,
                _ => RivalLoss::MomentsPerCopy,
            };
            Box::new(Rival::new((kind, loss), layout, readings, prompt)?)
        }
        ObjectiveKind::Reference => {
            let own = parameters.reference.clone();
            Box::new(Reference::new(layout, readings, own, prompt)?)
        }
    })
}

#[cfg(test)]
mod tests;
