//! One picture, judged: a line of a results folder.

use serde::{Deserialize, Serialize};

use super::method::EvaluatedMethod;
use super::prompts::SpatialPrompt;
use crate::storm::{ReadingParameters, RelationKind};

/// A picture and what came of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PictureRecord {
    /// The sentence, for readers of the file.
    pub text: String,
    pub prompt: SpatialPrompt,
    pub seed: u64,
    pub method: EvaluatedMethod,
    /// Its file, inside the results folder.
    pub picture: String,
    pub cost: Cost,
    /// `None` if no detector knows the model's objects.
    pub verdict: Option<Verdict>,
}

/// What a picture took.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct Cost {
    /// Time of this method's own computations, from the noise to the picture.
    pub seconds: f64,
    /// Scheduler calls.
    pub steps: usize,
    /// Passes with gradients.
    pub gradient_passes: usize,
    /// Updates of the latents, each with a backward pass.
    pub updates: usize,
    /// All of it in full forward passes of one sample.
    pub unet_equivalents: f64,
}

/// What a picture shows.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Verdict {
    pub subject: Sighting,
    pub object: Sighting,
    /// Subject and object are there once each and nothing else is.
    pub exactly_one: bool,
    /// Mean absolute difference, 0 to 1, from the standard picture of the same
    /// noise outside the objects of both; `None` for that picture itself, or
    /// where nothing is outside.
    pub background_change: Option<f64>,
}

/// One of the two objects asked for.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Sighting {
    pub found: bool,
    /// Strongest score, 0 to 1, also where it is not found.
    pub confidence: f32,
    /// Its place, as fractions of width and height.
    pub x: f64,
    pub y: f64,
    /// Whether it has the colour asked for, if one is.
    pub has_its_colour: Option<bool>,
}

impl Verdict {
    /// Both objects are there.
    pub fn finds_both(&self) -> bool {
        self.subject.found && self.object.found
    }

    /// Both are there and their relation is true.
    pub fn is_right(&self, relation: RelationKind) -> bool {
        let [subject, object] = [self.subject, self.object].map(|it| [it.x, it.y]);
        let is_true = || {
            // A direction has no bounds; “next to” has those that STORM steers by.
            let gaps = ReadingParameters::default().gaps();
            let geometry = relation.geometry();
            geometry.is_true_of([subject, object], 1.0, [gaps.near, gaps.far])
        };
        self.finds_both() && is_true()
    }

    /// Both are there with the colours asked for; `None` if none is asked for.
    pub fn has_right_colours(&self) -> Option<bool> {
        let colours = [self.subject, self.object].map(|sighting| sighting.has_its_colour);
        let asked = colours.iter().any(Option::is_some);
        let wrong = colours.contains(&Some(false));
        asked.then_some(self.finds_both() && !wrong)
    }

    /// Nothing is wrong: objects, relation, number and colours.
    pub fn is_flawless(&self, relation: RelationKind) -> bool {
        self.is_right(relation) && self.exactly_one && self.has_right_colours() != Some(false)
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    pub(in crate::evaluate) fn sighting(found: bool, x: f64, y: f64) -> Sighting {
        Sighting {
            found,
            confidence: if found { 0.9 } else { 0.2 },
            x,
            y,
            has_its_colour: None,
        }
    }

    pub(in crate::evaluate) fn verdict(subject: Sighting, object: Sighting) -> Verdict {
        Verdict {
            subject,
            object,
            exactly_one: true,
            background_change: None,
        }
    }

    #[test]
    fn a_relation_is_judged_along_its_own_axis() {
        let seen = verdict(sighting(true, 0.2, 0.7), sighting(true, 0.6, 0.7));
        assert!(seen.is_right(RelationKind::LeftOf));
        assert!(!seen.is_right(RelationKind::RightOf));
        assert!(!seen.is_right(RelationKind::Above) && !seen.is_right(RelationKind::Below));
        let missing = verdict(sighting(true, 0.2, 0.7), sighting(false, 0.6, 0.7));
        assert!(!missing.is_right(RelationKind::LeftOf));
    }

    #[test]
    fn colours_count_only_where_they_are_asked_for_and_with_both_objects() {
        let mut seen = verdict(sighting(true, 0.2, 0.2), sighting(true, 0.6, 0.7));
        assert_eq!(seen.has_right_colours(), None);
        assert!(seen.is_flawless(RelationKind::Above));
        seen.subject.has_its_colour = Some(true);
        assert_eq!(seen.has_right_colours(), Some(true));
        seen.object.has_its_colour = Some(false);
        assert_eq!(seen.has_right_colours(), Some(false));
        assert!(!seen.is_flawless(RelationKind::Above));
        seen.object.has_its_colour = None;
        seen.object.found = false;
        assert_eq!(seen.has_right_colours(), Some(false));
    }
}
