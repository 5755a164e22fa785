//! Reads the maps against a layout: where objects are, where they should be and
//! which relations hold.
//!
//! Every objective reads with the same yardstick, so that the screen can compare
//! them.

mod arrival;
mod placements;

use std::ops::Range;

use super::attention::AttentionMaps;
use super::distribution_loss::DistributionLoss;
use super::frame::Frame;
use super::layout::Layout;
use super::objective::CopyReading;
use super::objective::{ObjectReading, ObjectiveError, Reading, RelationReading};
use super::parameters::ParameterGroup;
use super::placement::{Body, Placement, Usual};
use super::prompt_facts::PromptFacts;
use super::reading_parameters::ReadingParameters;
use super::relation::Relation;
use super::smoothing::Smoothing;
use super::spread::spread;
use super::target::{Gaps, project};
use super::word_maps::{WordMap, WordMaps};

/// A checked layout with everything needed to read maps against it.
#[derive(Debug, Clone)]
pub struct Reader {
    layout: Layout,
    /// What relations must have to hold.
    gaps: Gaps,
    /// What targets are placed for.
    target_gaps: Gaps,
    smoothing: Smoothing,
    /// Number of tokens that maps must have.
    tokens: usize,
    /// Tokens of the softmax.
    range: Range<usize>,
    absent_below: f64,
    presence_threshold: f64,
    largest_spread: f64,
    free_target_tolerance: f64,
    usual: Usual,
    /// Whether distributions are compared with the bare maps.
    is_bare: bool,
    shapes_below: f64,
    arrived_below: f64,
    arrived_inside: f64,
    arrived_power: f64,
    /// Whether the bare maps are read for plain relations too.
    needs_bare: bool,
}

impl Reader {
    /// Checks layout and parameters.
    ///
    /// # Errors
    /// [`ObjectiveError::Parameter`] or [`ObjectiveError::Layout`].
    pub fn new(
        layout: Layout,
        parameters: &ReadingParameters,
        prompt: &PromptFacts,
    ) -> Result<Self, ObjectiveError> {
        parameters.validate()?;
        layout.validate(prompt.tokens)?;
        let range = if parameters.include_padding {
            prompt.columns.clone()
        } else {
            prompt.prompt_columns.clone()
        };
        // Without padding in the softmax, a token after the prompt has no map.
        layout.validate(range.end + 1)?;
        Ok(Self {
            layout,
            gaps: parameters.gaps(),
            target_gaps: parameters.gaps().for_targets(parameters.overshoot),
            smoothing: Smoothing::gaussian(parameters.smoothing_sigma),
            tokens: prompt.tokens,
            range,
            absent_below: parameters.absent_below,
            presence_threshold: parameters.presence_threshold,
            largest_spread: parameters.largest_spread,
            free_target_tolerance: parameters.free_target_tolerance,
            usual: Usual {
                deviation: parameters.blob,
            },
            is_bare: parameters.bare_map,
            shapes_below: parameters.shapes_below,
            arrived_below: parameters.arrived_below,
            arrived_inside: parameters.arrived_inside,
            arrived_power: parameters.arrived_power,
            needs_bare: false,
        })
    }

    /// Reads the bare maps for plain relations too.
    #[must_use]
    pub fn reading_bare(mut self) -> Self {
        self.needs_bare = true;
        self
    }

    /// The layout, checked.
    pub fn layout(&self) -> &Layout {
        &self.layout
    }

    /// The maps of all objects, in the order of the layout.
    ///
    /// # Errors
    /// [`ObjectiveError::Attention`] or [`ObjectiveError::TokenCount`].
    pub fn object_maps(&self, maps: &AttentionMaps) -> Result<WordMaps<'_>, ObjectiveError> {
        self.word_maps(maps, self.smoothing, Vec::new())
    }

    /// As [`Reader::object_maps`], with another smoothing.
    ///
    /// # Errors
    /// As [`Reader::object_maps`].
    pub fn object_maps_smoothed(
        &self,
        maps: &AttentionMaps,
        smoothing: Smoothing,
    ) -> Result<WordMaps<'_>, ObjectiveError> {
        self.word_maps(maps, smoothing, Vec::new())
    }

    /// The maps of all objects, followed by those of all attributes in the
    /// order of [`Reader::attributes`].
    ///
    /// # Errors
    /// As [`Reader::object_maps`].
    pub fn all_maps(&self, maps: &AttentionMaps) -> Result<WordMaps<'_>, ObjectiveError> {
        self.word_maps(
            maps,
            self.smoothing,
            self.attributes().map(|(_, tokens)| tokens).collect(),
        )
    }

    /// Every attribute's tokens with the index of its object.
    pub fn attributes(&self) -> impl Iterator<Item = (usize, &[usize])> {
        let objects = self.layout.objects.iter().enumerate();
        objects.flat_map(|(index, object)| {
            let words = object.attributes.iter();
            words.map(move |tokens| (index, tokens.as_slice()))
        })
    }

    /// Refuses maps that are not finite or belong to another tokenizer.
    ///
    /// # Errors
    /// [`ObjectiveError::Attention`] or [`ObjectiveError::TokenCount`].
    pub fn check(&self, maps: &AttentionMaps) -> Result<(), ObjectiveError> {
        maps.check()?;
        if maps.tokens != self.tokens {
            return Err(ObjectiveError::TokenCount {
                expected: self.tokens,
                found: maps.tokens,
            });
        }
        Ok(())
    }

    fn word_maps<'a>(
        &'a self,
        maps: &AttentionMaps,
        smoothing: Smoothing,
        attributes: Vec<&'a [usize]>,
    ) -> Result<WordMaps<'a>, ObjectiveError> {
        self.check(maps)?;
        let objects = self.layout.objects.iter();
        let mut words: Vec<&[usize]> = objects.map(|object| object.tokens.as_slice()).collect();
        words.extend(attributes);
        let range = self.range.clone();
        let read = WordMaps::forward(maps, range, smoothing, words);
        if !self.layout.has_distributions() {
            return Ok(match self.needs_bare {
                true => read.with_bare(maps),
                false => read,
            });
        }
        self.layout.check_room(read.frame, &self.gaps, self.usual)?;
        Ok(read.with_bare(maps))
    }

    /// The maps that are compared with distributions, in the order of the words.
    pub fn compared<'m>(&self, maps: &'m WordMaps<'_>) -> &'m [WordMap] {
        match self.is_bare && !maps.bare.is_empty() {
            true => &maps.bare,
            false => &maps.words,
        }
    }

    /// Whether those are the bare ones.
    pub fn is_bare(&self) -> bool {
        self.is_bare
    }

    /// Reads the objects' maps.
    pub fn read(&self, maps: &WordMaps<'_>) -> Reading {
        let frame = maps.frame;
        let objects = &maps.words[..self.layout.objects.len()];
        let absent: Vec<bool> = objects
            .iter()
            .map(|map| map.mean_response() < self.absent_below)
            .collect();
        let centroids: Vec<[f64; 2]> = objects
            .iter()
            .zip(&absent)
            .map(|(map, &absent)| match absent {
                false => frame.centroid(&map.share),
                // An object without a place is taken to stand in the middle, so
                // that the others leave room for it.
                true => frame.extent().map(|side| 0.5 * side),
            })
            .collect();
        let placements = self.placements(frame, &centroids);
        let targets = match placements.is_empty() {
            true => project(frame, &self.layout, &self.target_gaps, &centroids),
            false => placements.iter().map(middle).collect(),
        };
        let relations: Vec<RelationReading> = self
            .layout
            .relations
            .iter()
            .map(|relation| self.read_relation(frame, relation, &centroids, &absent))
            .collect();
        let arrived = self.layout.targets.iter().all(|wanted| {
            let (place, target) = (centroids[wanted.object], targets[wanted.object]);
            let distance = (place[0] - target[0]).hypot(place[1] - target[1]);
            distance <= self.free_target_tolerance * frame.shorter_side()
        });
        let compared = self.compared(maps);
        let mut meter = DistributionLoss::default();
        let objects: Vec<ObjectReading> = (0..objects.len())
            .map(|index| ObjectReading {
                centroid: frame.to_fractions(centroids[index]),
                target: frame.to_fractions(targets[index]),
                presence: objects[index].presence(),
                absent: absent[index],
                distance: placements
                    .get(index)
                    .map(|it| meter.distance(frame, &compared[index].share, it)),
                extent: placements
                    .get(index)
                    .and(maps.bare.get(index))
                    .map(|map| extent(frame, map)),
                spread: spread(frame, &objects[index].share, centroids[index])
                    / frame.shorter_side(),
            })
            .collect();
        // What nothing moves, nothing gathers either.
        let is_gathered = |index: usize, object: &ObjectReading| {
            object.spread <= self.largest_spread || !self.layout.moves(index)
        };
        let is_there_once = |(index, object): (usize, &ObjectReading)| {
            !object.absent
                && object.presence >= self.presence_threshold
                && is_gathered(index, object)
        };
        let satisfied = match placements.is_empty() {
            true => {
                arrived
                    && objects.iter().enumerate().all(is_there_once)
                    && (relations.iter().all(|relation| relation.holds)
                        || self.are_in_boxes(maps, &relations, &targets))
            }
            false => {
                let numbered = objects.iter().enumerate();
                relations.iter().all(|it| it.signed_distance > 0.0)
                    && numbered
                        .zip(&placements)
                        .all(|(object, to)| self.has_arrived(object, maps, to))
            }
        };
        Reading {
            satisfied,
            objects,
            relations,
            copies: copies(frame, &placements),
        }
    }

    fn read_relation(
        &self,
        frame: Frame,
        relation: &Relation,
        centroids: &[[f64; 2]],
        absent: &[bool],
    ) -> RelationReading {
        let geometry = relation.kind.geometry();
        let centres = [relation.subject, relation.object].map(|object| centroids[object]);
        let bounds = [self.gaps.near, self.gaps.far];
        let signed_distance = geometry.signed_distance(frame.extent(), centres, bounds);
        let margin = self.gaps.margin(geometry, frame, &self.layout);
        RelationReading {
            signed_distance,
            margin,
            holds: signed_distance >= margin
                && !absent[relation.subject]
                && !absent[relation.object],
        }
    }
}

/// The mean of an object's copies, in frame units.
fn middle(placement: &Placement) -> [f64; 2] {
    let count = placement.bodies.len().max(1) as f64;
    [0, 1].map(|axis| {
        let along = placement.bodies.iter().map(|body| body.centre[axis]);
        along.sum::<f64>() / count
    })
}

fn copies(frame: Frame, placements: &[Placement]) -> Vec<CopyReading> {
    let objects = placements.iter().enumerate();
    objects
        .flat_map(|(object, placement)| {
            let bodies = placement.bodies.iter();
            bodies.map(move |body| CopyReading {
                object,
                centre: frame.to_fractions(body.centre),
                extent: body.extent / frame.shorter_side(),
            })
        })
        .collect()
}

/// The diameter of the disc that a map fills to half of its height, as a fraction of
/// the shorter side.
fn extent(frame: Frame, map: &WordMap) -> f64 {
    let half = 0.5 * map.presence();
    let cells = map
        .response
        .iter()
        .filter(|&&m| m >= half && m > 0.0)
        .count() as f64;
    let area = cells * frame.cell().powi(2);
    2.0 * (area / std::f64::consts::PI).sqrt() / frame.shorter_side()
}

#[cfg(test)]
mod tests;
