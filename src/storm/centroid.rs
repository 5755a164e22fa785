//! A comparison method: a hinge on the distance of centroids, with presence and
//! balance, after InfSplign (Rastegar et al. 2025, arXiv 2512.17851).
//!
//! It moves every part of a map alike, which is what true transport is compared
//! with.

use super::attention::AttentionMaps;
use super::frame::Frame;
use super::kind::ObjectiveKind;
use super::layout::Layout;
use super::objective::{Evaluation, Objective, ObjectiveError, Reading, StepContext};
use super::parameters::{ParameterGroup, parameters};
use super::prompt_facts::PromptFacts;
use super::reader::Reader;
use super::reading_parameters::ReadingParameters;
use super::word_maps::WordMaps;
use crate::parameters::Description;

parameters! {
    /// Parameters of the hinge on centroids; its margin and bounds are those of
    /// the readings.
    pub struct CentroidParameters in "centroid" read by &[ObjectiveKind::Centroid];

    /// Strength of moving the objects' centres to the distance asked for.
    relation_weight: f64 = 1.0 => Description::weight("Relation weight");
    /// Strength of keeping every object's attention compact.
    presence_weight: f64 = 0.5 => Description::weight("Presence weight");
    /// Strength of keeping related objects' attention equally compact.
    balance_weight: f64 = 0.25 => Description::weight("Balance weight");
}

/// The hinge on centroids.
#[derive(Debug)]
pub struct Centroid {
    reader: Reader,
    parameters: CentroidParameters,
    /// Bounds of the distance of "next to", in shorter sides.
    distance_bounds: [f64; 2],
    /// In shorter sides.
    free_target_tolerance: f64,
}

/// The loss so far and its slopes by each object's share a `[cells]`.
struct Terms {
    frame: Frame,
    centroids: Vec<[f64; 2]>,
    loss: f64,
    share_slopes: Vec<Vec<f64>>,
}

impl Centroid {
    /// Checks layout and parameters.
    ///
    /// # Errors
    /// [`ObjectiveError::Parameter`] or [`ObjectiveError::Layout`].
    pub fn new(
        layout: Layout,
        readings: &ReadingParameters,
        parameters: CentroidParameters,
        prompt: &PromptFacts,
    ) -> Result<Self, ObjectiveError> {
        parameters.validate()?;
        Ok(Self {
            reader: Reader::new(layout, readings, prompt)?,
            parameters,
            distance_bounds: [readings.next_to_near, readings.next_to_far],
            free_target_tolerance: readings.free_target_tolerance,
        })
    }

    /// Adds what every relation lacks, max(0, margin − signed distance), and
    /// for "next to" how far the distance is outside its bounds.
    fn add_relations(&self, reading: &Reading, terms: &mut Terms) {
        let weight = self.parameters.relation_weight;
        let relations = &self.reader.layout().relations;
        for (relation, found) in relations.iter().zip(&reading.relations) {
            let (subject, object) = (relation.subject, relation.object);
            let shortfall = found.margin - found.signed_distance;
            if shortfall <= 0.0 || has_absent(reading, &[subject, object]) {
                continue;
            }
            let centres = [subject, object].map(|object| terms.centroids[object]);
            let extent = terms.frame.extent();
            let geometry = relation.kind.geometry();
            let slope = geometry.slope(extent, centres, self.distance_bounds);
            terms.loss += weight * shortfall;
            // The shortfall falls as the signed distance grows.
            terms.add_place(object, slope.map(|s| -weight * s));
            terms.add_place(subject, slope.map(|s| weight * s));
        }
    }

    /// Adds how far every object with a given place is outside its tolerance.
    fn add_free_targets(&self, reading: &Reading, terms: &mut Terms) {
        let weight = self.parameters.relation_weight;
        for target in self.reader.layout().targets.iter() {
            let object = target.object;
            let place = terms.frame.from_fractions(reading.objects[object].target);
            let (direction, distance) = terms.direction(place, terms.centroids[object]);
            let outside = distance - self.free_target_tolerance;
            if outside > 0.0 && !has_absent(reading, &[object]) {
                terms.loss += weight * outside;
                let slope = direction.map(|d| weight * d / terms.frame.shorter_side());
                terms.add_place(object, slope);
            }
        }
    }

    /// Adds the presence term, the variance of each object's map (a map without
    /// an object is spread out), and the balance term, the difference of the
    /// variances of related objects.
    fn add_variances(&self, maps: &WordMaps<'_>, reading: &Reading, terms: &mut Terms) {
        let present = |object: &usize| !reading.objects[*object].absent;
        let variances: Vec<f64> = (0..reading.objects.len())
            .map(|object| {
                let share = &maps.words[object].share;
                let squares = terms.squares(object);
                share.iter().zip(squares).map(|(a, s)| a * s).sum()
            })
            .collect();
        for object in (0..variances.len()).filter(present) {
            let weight = self.parameters.presence_weight;
            terms.add_variance(object, variances[object], weight);
        }
        for relation in &self.reader.layout().relations {
            let (subject, object) = (relation.subject, relation.object);
            if has_absent(reading, &[subject, object]) {
                continue;
            }
            let weight =
                self.parameters.balance_weight * (variances[subject] - variances[object]).signum();
            terms.add_variance(subject, variances[subject], weight);
            terms.add_variance(object, variances[object], -weight);
        }
    }

    fn evaluate_towards(&self, maps: &WordMaps<'_>, reading: Reading) -> Evaluation {
        let objects = reading.objects.len();
        let mut terms = Terms {
            frame: maps.frame,
            centroids: maps.words[..objects]
                .iter()
                .map(|map| maps.frame.centroid(&map.share))
                .collect(),
            loss: 0.0,
            share_slopes: maps.zero_gradients(),
        };
        self.add_relations(&reading, &mut terms);
        self.add_free_targets(&reading, &mut terms);
        self.add_variances(maps, &reading, &mut terms);
        let mut gradients = maps.zero_gradients();
        for (object, slope) in terms.share_slopes.iter().enumerate() {
            if !has_absent(&reading, &[object]) {
                maps.words[object].add_share_gradient(slope, 1.0, &mut gradients[object]);
            }
        }
        Evaluation {
            loss: terms.loss,
            gradient: maps.backward(&gradients),
            reading,
            coordinate: None,
        }
    }
}

impl Terms {
    /// Unit vector between two places and their distance in shorter sides.
    fn direction(&self, from: [f64; 2], to: [f64; 2]) -> ([f64; 2], f64) {
        let difference = [to[0] - from[0], to[1] - from[1]];
        let distance = difference[0].hypot(difference[1]);
        let direction = if distance > 0.0 {
            difference.map(|d| d / distance)
        } else {
            [1.0, 0.0]
        };
        (direction, distance / self.frame.shorter_side())
    }

    /// Squared distance of every cell from an object's centroid.
    fn squares(&self, object: usize) -> impl Iterator<Item = f64> + use<> {
        let (frame, centroid) = (self.frame, self.centroids[object]);
        (0..frame.cells()).map(move |index| {
            let [x, y] = frame.position(index);
            (x - centroid[0]).powi(2) + (y - centroid[1]).powi(2)
        })
    }

    /// Adds a slope by an object's centroid.
    fn add_place(&mut self, object: usize, [by_x, by_y]: [f64; 2]) {
        for (index, slot) in self.share_slopes[object].iter_mut().enumerate() {
            let [x, y] = self.frame.position(index);
            *slot += by_x * x + by_y * y;
        }
    }

    /// Adds weight · variance; the centroid inside has no slope of its own.
    fn add_variance(&mut self, object: usize, variance: f64, weight: f64) {
        self.loss += weight * variance;
        let squares = self.squares(object);
        for (slot, square) in self.share_slopes[object].iter_mut().zip(squares) {
            *slot += weight * square;
        }
    }
}

fn has_absent(reading: &Reading, objects: &[usize]) -> bool {
    objects.iter().any(|&object| reading.objects[object].absent)
}

impl Objective for Centroid {
    fn kind(&self) -> ObjectiveKind {
        ObjectiveKind::Centroid
    }

    fn bodies(&self) -> usize {
        self.reader.layout().bodies()
    }

    fn waits(&self, context: StepContext) -> bool {
        self.reader.waits(context)
    }

    fn read(&self, maps: &AttentionMaps, _: StepContext) -> Result<Reading, ObjectiveError> {
        Ok(self.reader.read(&self.reader.object_maps(maps)?))
    }

    fn evaluate(&self, maps: &AttentionMaps, _: StepContext) -> Result<Evaluation, ObjectiveError> {
        let words = self.reader.object_maps(maps)?;
        let reading = self.reader.read(&words);
        self.evaluate_towards(&words, reading).checked(self.kind())
    }
}

#[cfg(test)]
mod tests {
    use super::super::fixtures::{CONTEXT, Spot, assert_gradient, descend, facts, maps, pair};
    use super::super::relation::{ObjectTarget, RelationKind};
    use super::*;

    const APART: [Spot<'_>; 2] = [
        (&[2], [0.8, 0.3], 0.1, 0.04),
        (&[4, 5], [0.2, 0.7], 0.15, 0.03),
    ];

    fn objective(layout: Layout, change: impl FnOnce(&mut CentroidParameters)) -> Centroid {
        let mut parameters = CentroidParameters::default();
        change(&mut parameters);
        Centroid::new(layout, &ReadingParameters::default(), parameters, &facts()).unwrap()
    }

    #[test]
    fn the_gradient_of_every_term_matches_central_differences() {
        let maps = maps(5, 8, &APART);
        for &kind in RelationKind::ALL {
            let mut layout = pair(kind);
            layout.targets = vec![ObjectTarget::at(1, [0.9, 0.2])].into();
            let centroid = objective(layout, |_| {});
            let evaluation = centroid.evaluate(&maps, CONTEXT).unwrap();
            assert_gradient(&maps, &evaluation.gradient, 1e-3, |changed| {
                centroid.evaluate(changed, CONTEXT).unwrap().loss
            });
        }
    }

    #[test]
    fn the_loss_is_the_shortfall_until_the_margin_is_reached() {
        let only_relation = |p: &mut CentroidParameters| {
            p.presence_weight = 0.0;
            p.balance_weight = 0.0;
            p.relation_weight = 2.0;
        };
        let maps = maps(12, 12, &APART);
        let wrong = objective(pair(RelationKind::LeftOf), only_relation);
        let evaluation = wrong.evaluate(&maps, CONTEXT).unwrap();
        let [cat, dog] = [0, 1].map(|i| evaluation.reading.objects[i].centroid[0]);
        assert!((evaluation.loss - 2.0 * (0.35 - (dog - cat))).abs() < 1e-12);
        // Asked the other way round, the same maps have the distance reversed.
        let strict = objective(pair(RelationKind::RightOf), only_relation);
        let other = strict.evaluate(&maps, CONTEXT).unwrap();
        assert!(dog < cat);
        let expected = 2.0 * (0.35 - (cat - dog)).max(0.0);
        assert!((other.loss - expected).abs() < 1e-12);
        assert!(other.loss < evaluation.loss);
    }

    #[test]
    fn presence_and_balance_are_the_variances_and_their_difference() {
        let maps = maps(12, 12, &APART);
        let loss = |presence: f64, balance: f64| {
            let centroid = objective(pair(RelationKind::RightOf), |p| {
                p.relation_weight = 0.0;
                p.presence_weight = presence;
                p.balance_weight = balance;
            });
            centroid.evaluate(&maps, CONTEXT).unwrap().loss
        };
        let reader = objective(pair(RelationKind::RightOf), |_| {}).reader;
        let words = reader.object_maps(&maps).unwrap();
        let [cat, dog] = [0, 1].map(|object| {
            // Half the mean squared distance of two independent points.
            let share = &words.words[object].share;
            let mut sum = 0.0;
            for (i, a) in share.iter().enumerate() {
                for (j, b) in share.iter().enumerate() {
                    let (p, q) = (words.frame.position(i), words.frame.position(j));
                    sum += a * b * ((p[0] - q[0]).powi(2) + (p[1] - q[1]).powi(2));
                }
            }
            0.5 * sum
        });
        assert!((loss(1.0, 0.0) - (cat + dog)).abs() < 1e-12);
        assert!((loss(0.0, 1.0) - (cat - dog).abs()).abs() < 1e-12);
        assert!((cat - dog).abs() > 1e-4);
    }

    #[test]
    fn descent_brings_about_every_relation() {
        for &kind in RelationKind::ALL {
            // Wrong for all: the cat right below the dog, and far from it.
            let (cat, dog) = match kind {
                RelationKind::RightOf | RelationKind::Below => ([0.3, 0.3], [0.7, 0.7]),
                _ => ([0.7, 0.7], [0.3, 0.3]),
            };
            let spots: [Spot<'_>; 2] = [(&[2], cat, 0.1, 0.04), (&[4, 5], dog, 0.1, 0.04)];
            let mut maps = maps(12, 12, &spots);
            let centroid = objective(pair(kind), |_| {});
            let steps = descend(&centroid, &mut maps, 300);
            let reading = centroid.read(&maps, CONTEXT).unwrap();
            assert!(
                reading.relations[0].holds,
                "{kind} after {steps}: {reading:?}"
            );
        }
    }
}
