//! Comparison methods that know places, sizes and numbers: losses on boxes and on
//! moments, with the same maps, targets, update rule and stop as the transport.

use super::attention::AttentionMaps;
use super::frame::Frame;
use super::kind::ObjectiveKind;
use super::layout::Layout;
use super::objective::{Evaluation, Objective, ObjectiveError, Reading, StepContext};
use super::peaks::{Boxes, peaks};
use super::placement::{Body, Placement};
use super::prompt_facts::PromptFacts;
use super::reader::Reader;
use super::reading_parameters::ReadingParameters;
use super::word_maps::{WordMap, WordMaps};

#[cfg(test)]
mod tests;

/// Which loss.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum RivalLoss {
    /// (1 − share of the attention in the boxes)² (Chen et al. 2023, arXiv
    /// 2304.03373).
    LayoutGuidance,
    /// Inner-box and outer-box constraints (Xie et al. 2023, arXiv 2307.10816).
    BoxDiff,
    /// The first, with a share for the box of every copy.
    BoxPerCopy,
    /// Centroid and second moments of the whole target.
    Moments,
    /// The same of every copy, of the cells that are nearest to it, with its share.
    MomentsPerCopy,
}

/// One of them, as an objective.
#[derive(Debug)]
pub struct Rival {
    kind: ObjectiveKind,
    loss: RivalLoss,
    reader: Reader,
    /// Standard deviation of a blob, as a fraction of the shorter side.
    blob: f64,
}

/// A loss with its slope by the map's share or by its response `[cells]`.
enum Found {
    Share(f64, Vec<f64>),
    Response(f64, Vec<f64>),
}

impl Rival {
    /// Checks layout and parameters.
    ///
    /// # Errors
    /// [`ObjectiveError::Parameter`] or [`ObjectiveError::Layout`].
    pub(super) fn new(
        (kind, loss): (ObjectiveKind, RivalLoss),
        layout: Layout,
        readings: &ReadingParameters,
        prompt: &PromptFacts,
    ) -> Result<Self, ObjectiveError> {
        let mut reader = Reader::new(layout, readings, prompt)?;
        if readings.bare_map {
            reader = reader.reading_bare();
        }
        Ok(Self {
            kind,
            loss,
            reader,
            blob: readings.blob,
        })
    }

    fn evaluate_towards(&self, maps: &WordMaps<'_>, reading: Reading) -> Evaluation {
        let frame = maps.frame;
        let placements = self.reader.all_placements(frame, &reading, self.blob);
        let compared = self.reader.compared(maps);
        let mut gradients = maps.zero_gradients();
        let mut loss = 0.0;
        for (object, placement) in placements.iter().enumerate() {
            if !self.reader.layout().moves(object) {
                continue;
            }
            let map = &compared[object];
            match self.of_object(frame, object, map, placement) {
                Found::Share(value, slopes) => {
                    loss += value;
                    map.add_share_gradient(&slopes, 1.0, &mut gradients[object]);
                }
                Found::Response(value, slopes) => {
                    loss += value;
                    gradients[object] = slopes;
                }
            }
        }
        let nothing = maps.zero_gradients();
        let gradient = match self.reader.is_bare() {
            true => maps.backward_both(&nothing, &gradients),
            false => maps.backward(&gradients),
        };
        Evaluation {
            loss,
            gradient,
            reading,
            coordinate: None,
        }
    }

    fn of_object(
        &self,
        frame: Frame,
        object: usize,
        map: &WordMap,
        placement: &Placement,
    ) -> Found {
        let share = &map.share;
        match self.loss {
            RivalLoss::LayoutGuidance => {
                let inside = self.boxes(frame, object, placement).together();
                let missing = 1.0 - dot(share, &inside);
                let slopes = inside.iter().map(|part| -2.0 * missing * part).collect();
                Found::Share(missing * missing, slopes)
            }
            RivalLoss::BoxPerCopy => {
                let boxes = self.boxes(frame, object, placement);
                let count = boxes.each().len() as f64;
                let mut slopes = vec![0.0; share.len()];
                let mut value = 0.0;
                for inside in boxes.each() {
                    let missing = 1.0 - count * dot(share, inside);
                    value += missing * missing / count;
                    add(&mut slopes, inside, -2.0 * missing);
                }
                Found::Share(value, slopes)
            }
            RivalLoss::BoxDiff => {
                let (value, slopes) = peaks(&map.response, &self.boxes(frame, object, placement));
                Found::Response(value, slopes)
            }
            RivalLoss::Moments => {
                let all = vec![1.0; share.len()];
                let (value, slopes) = moments_lack(frame, share, &all, &wanted(placement));
                Found::Share(value, slopes)
            }
            RivalLoss::MomentsPerCopy => {
                let target = wanted(placement);
                let parts = nearest(frame, &placement.bodies);
                let count = placement.bodies.len() as f64;
                let mut slopes = vec![0.0; share.len()];
                let mut value = 0.0;
                for part in &parts {
                    let (lack, slope) = moments_lack(frame, share, part, &target);
                    let missing = 1.0 - count * dot(share, part);
                    value += (lack + missing * missing) / count;
                    add(&mut slopes, &slope, 1.0 / count);
                    add(&mut slopes, part, -2.0 * missing);
                }
                Found::Share(value, slopes)
            }
        }
    }

    fn boxes(&self, frame: Frame, object: usize, placement: &Placement) -> Boxes {
        Boxes::of(frame, self.reader.layout().targets.of(object), placement)
    }
}

/// What the moments are those of.
fn wanted(placement: &Placement) -> Vec<f64> {
    let spread = placement.spread.as_ref().or(placement.region.as_ref());
    spread.cloned().unwrap_or_default()
}

/// The cells that are nearest to each body, as parts of 0 or 1.
fn nearest(frame: Frame, bodies: &[Body]) -> Vec<Vec<f64>> {
    let mut parts = vec![vec![0.0; frame.cells()]; bodies.len()];
    let owner = |cell: usize| {
        let [x, y] = frame.position(cell);
        let distance = |body: &Body| (body.centre[0] - x).powi(2) + (body.centre[1] - y).powi(2);
        let numbered = bodies.iter().enumerate();
        numbered.min_by(|(_, a), (_, b)| distance(a).total_cmp(&distance(b)))
    };
    let owners: Vec<Option<usize>> = (0..frame.cells())
        .map(|cell| owner(cell).map(|(index, _)| index))
        .collect();
    for (index, part) in parts.iter_mut().enumerate() {
        for (slot, owner) in part.iter_mut().zip(&owners) {
            *slot = f64::from(u8::from(*owner == Some(index)));
        }
    }
    parts
}

/// Mass, centre and standard deviations of the cells of a part.
struct Moments {
    mass: f64,
    centre: [f64; 2],
    deviation: [f64; 2],
    both: f64,
}

impl Moments {
    fn of(frame: Frame, share: &[f64], part: &[f64]) -> Self {
        let weights = || share.iter().zip(part).map(|(a, p)| a * p).enumerate();
        let mass = weights().map(|(_, w)| w).sum::<f64>().max(1e-9);
        let mut centre = [0.0; 2];
        for (cell, weight) in weights() {
            let place = frame.position(cell);
            (0..2).for_each(|axis| centre[axis] += weight * place[axis] / mass);
        }
        let (mut squares, mut both) = ([0.0; 2], 0.0);
        for (cell, weight) in weights() {
            let place = frame.position(cell);
            let away = [0, 1].map(|axis| place[axis] - centre[axis]);
            (0..2).for_each(|axis| squares[axis] += weight * away[axis].powi(2) / mass);
            both += weight * away[0] * away[1] / mass;
        }
        Self {
            mass,
            centre,
            deviation: squares.map(|square| square.max(1e-6).sqrt()),
            both,
        }
    }
}

/// The squared differences of the moments of a part from the target's, in frame
/// units, and their slopes by the share.
fn moments_lack(frame: Frame, share: &[f64], part: &[f64], target: &[f64]) -> (f64, Vec<f64>) {
    let (own, goal) = (
        Moments::of(frame, share, part),
        Moments::of(frame, target, part),
    );
    let scale = 1.0 / (goal.deviation[0] * goal.deviation[1]);
    let centre = [0, 1].map(|axis| own.centre[axis] - goal.centre[axis]);
    let deviation = [0, 1].map(|axis| own.deviation[axis] - goal.deviation[axis]);
    let both = own.both - goal.both;
    let value = centre.iter().chain(&deviation).map(|d| d * d).sum::<f64>() + scale * both * both;
    let slopes = (0..share.len()).map(|cell| {
        let place = frame.position(cell);
        let away = [0, 1].map(|axis| place[axis] - own.centre[axis]);
        let mut slope = 0.0;
        for axis in [0, 1] {
            slope += 2.0 * centre[axis] * away[axis];
            let square = away[axis].powi(2) - own.deviation[axis].powi(2);
            slope += deviation[axis] * square / own.deviation[axis];
        }
        slope += 2.0 * scale * both * (away[0] * away[1] - own.both);
        part[cell] * slope / own.mass
    });
    (value, slopes.collect())
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

fn add(slopes: &mut [f64], part: &[f64], weight: f64) {
    slopes
        .iter_mut()
        .zip(part)
        .for_each(|(s, p)| *s += weight * p);
}

impl Objective for Rival {
    fn kind(&self) -> ObjectiveKind {
        self.kind
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
