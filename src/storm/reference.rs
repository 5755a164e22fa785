//! The objective of the released STORM code (Han et al., CVPR 2025), reproduced
//! with its quirks, to repeat published results and to compare with.
//!
//! Its plan does not matter, vertical relations act along x, and "right" and
//! "below" act as "left" and "above"; the default objective has none of that.

mod fields;
mod parameters;
mod sinkhorn;
#[cfg(test)]
mod tests;

use std::ops::Range;

use super::attention::AttentionMaps;
use super::frame::Frame;
use super::kind::ObjectiveKind;
use super::layout::Layout;
use super::objective::{Evaluation, Objective, ObjectiveError, Reading, Refinement, StepContext};
use super::parameters::ParameterGroup;
use super::prompt_facts::PromptFacts;
use super::reader::Reader;
use super::reading_parameters::ReadingParameters;
use super::token_softmax::TokenSoftmax;
use fields::{RelationWords, Side, TINY, directional_field, step_weight};
pub use parameters::ReferenceParameters;
use sinkhorn::{dense_transport, source_transport};

/// First step whose loss has the attribute term.
const ATTRIBUTE_FROM_STEP: usize = 7;

/// The released objective for one prompt.
#[derive(Debug)]
pub struct Reference {
    reader: Reader,
    parameters: ReferenceParameters,
    words: RelationWords,
    subject: usize,
    object: usize,
    /// Tokens of the softmax in the loss of the step itself.
    step_range: Range<usize>,
    /// Tokens of the softmax inside refinement.
    refinement_range: Range<usize>,
}

/// A map and what the loss asks of it.
struct Map {
    /// The map `[cells]` divided by (its sum + 1e-8).
    share: Vec<f64>,
    /// That divisor.
    divisor: f64,
    /// dloss/dshare `[cells]`.
    slope: Vec<f64>,
}

impl Map {
    fn new(response: &[f64]) -> Self {
        let divisor = response.iter().sum::<f64>() + TINY;
        Self {
            share: response.iter().map(|m| m / divisor).collect(),
            divisor,
            slope: vec![0.0; response.len()],
        }
    }

    /// Σ share · coordinate / (Σ share + 1e-8), x or y, in cells.
    fn centroid(&self, frame: Frame, axis: usize) -> f64 {
        let sum: f64 = self.share.iter().sum();
        let moment = |(index, share)| share * coordinate(frame, index, axis);
        let moments: f64 = self.share.iter().enumerate().map(moment).sum();
        moments / (sum + TINY)
    }

    /// Adds dloss/dshare of a loss that has `slope` by the centroid.
    fn add_centroid_slope(&mut self, frame: Frame, axis: usize, slope: f64) {
        let centroid = self.centroid(frame, axis);
        let scale = slope / (self.share.iter().sum::<f64>() + TINY);
        for (index, slot) in self.slope.iter_mut().enumerate() {
            *slot += scale * (coordinate(frame, index, axis) - centroid);
        }
    }

    /// dloss/d(response) `[cells]`.
    fn response_slope(&self) -> Vec<f64> {
        let mean: f64 = self.share.iter().zip(&self.slope).map(|(a, g)| a * g).sum();
        let divisor = self.divisor;
        self.slope.iter().map(|g| (g - mean) / divisor).collect()
    }
}

/// Column (axis 0) or row (axis 1) of a cell, counted from 0.
fn coordinate(frame: Frame, index: usize, axis: usize) -> f64 {
    if axis == 0 {
        (index % frame.columns) as f64
    } else {
        (index / frame.columns) as f64
    }
}

impl Reference {
    /// Takes a layout of two objects; its first relation says which is the
    /// subject, otherwise the first object is. Only the first attribute of each
    /// object is used, as `[[2, 9], [None, 8]]` can name one.
    ///
    /// `readings` decide only what is shown of the maps.
    ///
    /// # Errors
    /// [`ObjectiveError::Missing`], [`ObjectiveError::Layout`] or
    /// [`ObjectiveError::Parameter`].
    pub fn new(
        layout: Layout,
        readings: &ReadingParameters,
        parameters: ReferenceParameters,
        prompt: &PromptFacts,
    ) -> Result<Self, ObjectiveError> {
        parameters.validate()?;
        ObjectiveKind::Reference.check(&layout)?;
        let subject = layout
            .relations
            .first()
            .map_or(0, |relation| relation.subject);
        let reader = Reader::new(layout, readings, prompt)?;
        let step_range = prompt.released_columns.clone();
        // A token after these has no map in the step's own loss.
        reader.layout().validate(step_range.end + 1)?;
        Ok(Self {
            reader,
            parameters,
            words: RelationWords::find(&prompt.prompt),
            subject,
            object: 1 - subject,
            step_range,
            refinement_range: prompt.columns.clone(),
        })
    }

    /// The coordinate that opens the refinement: along x if the prompt has
    /// "left" or "right", along y otherwise. The refinement runs if it is
    /// above 0.
    ///
    /// # Errors
    /// As [`Objective::read`].
    pub fn gate(&self, maps: &AttentionMaps) -> Result<f64, ObjectiveError> {
        self.reader.check(maps)?;
        let softmax = TokenSoftmax::forward(maps, self.step_range.clone());
        let frame = frame_of(maps);
        let nouns = self.noun_maps(frame, &softmax);
        Ok(coordinate_of(frame, &nouns)[self.words.gate_axis()])
    }

    /// The two nouns' smoothed maps, subject first.
    fn noun_maps(&self, frame: Frame, softmax: &TokenSoftmax) -> [Map; 2] {
        let smoothing = self.parameters.smoothing();
        [self.subject, self.object].map(|index| {
            let map = softmax.mean_map(&self.reader.layout().objects[index].tokens);
            Map::new(&smoothing.apply(frame.rows, frame.columns, &map))
        })
    }

    fn evaluate_over(
        &self,
        maps: &AttentionMaps,
        step_index: usize,
        range: Range<usize>,
    ) -> Result<Evaluation, ObjectiveError> {
        let reading = self.read_maps(maps)?;
        let frame = frame_of(maps);
        let softmax = TokenSoftmax::forward(maps, range);
        let mut nouns = self.noun_maps(frame, &softmax);
        let coordinate = Some(coordinate_of(frame, &nouns));
        let mut loss = self.add_relation(frame, step_index, &mut nouns);
        let mut attributes: Vec<(&[usize], Map)> = Vec::new();
        if step_index >= ATTRIBUTE_FROM_STEP {
            loss += self.add_attributes(&softmax, &mut nouns, &mut attributes);
        }

        let smoothing = self.parameters.smoothing();
        let objects = &self.reader.layout().objects;
        let mut slopes: Vec<(&[usize], Vec<f64>)> = Vec::new();
        for (map, index) in nouns.iter().zip([self.subject, self.object]) {
            let slope = smoothing.adjoint(frame.rows, frame.columns, &map.response_slope());
            slopes.push((&objects[index].tokens, slope));
        }
        for (tokens, map) in &attributes {
            slopes.push((tokens, map.response_slope()));
        }
        let slopes: Vec<(&[usize], &[f64])> = slopes
            .iter()
            .map(|(tokens, slope)| (*tokens, slope.as_slice()))
            .collect();
        let evaluation = Evaluation {
            loss,
            gradient: softmax.backward(&slopes),
            reading,
            coordinate,
        };
        evaluation.checked(self.kind())
    }

    /// Adds the slopes of the two transports, subject's and object's, and
    /// returns their loss. The cost of each lies on the other's map, on one side
    /// of the other's centroid.
    fn add_relation(&self, frame: Frame, step_index: usize, nouns: &mut [Map; 2]) -> f64 {
        let axis = self.words.cost_axis();
        let w = step_weight(step_index);
        let mut loss = 0.0;
        for (own, other, side) in [(0, 1, Side::Less), (1, 0, Side::Greater)] {
            let centroid = nouns[other].centroid(frame, axis);
            let field: Vec<[f64; 2]> = (0..frame.cells())
                .map(|index| {
                    if self.words.has_direction() {
                        directional_field(side, index % frame.columns, centroid, w)
                    } else {
                        [1.0, 0.0]
                    }
                })
                .collect();
            let share = nouns[other].share.clone();
            let cost: Vec<f64> = share.iter().zip(&field).map(|(m, f)| m * f[0]).collect();
            let transport = source_transport(&nouns[own].share, &cost);
            loss += transport.loss;
            let mut centroid_slope = 0.0;
            for (i, [value, derivative]) in field.into_iter().enumerate() {
                centroid_slope += transport.cost[i] * share[i] * derivative;
                nouns[own].slope[i] += transport.mass[i];
                nouns[other].slope[i] += transport.cost[i] * value;
            }
            nouns[other].add_centroid_slope(frame, axis, centroid_slope);
        }
        loss
    }

    /// Adds the slopes of the attribute term and returns it: the mean over the
    /// objects that have an attribute.
    fn add_attributes<'a>(
        &'a self,
        softmax: &TokenSoftmax,
        nouns: &mut [Map; 2],
        attributes: &mut Vec<(&'a [usize], Map)>,
    ) -> f64 {
        let objects = &self.reader.layout().objects;
        let named: Vec<(usize, &[usize])> = [self.subject, self.object]
            .into_iter()
            .enumerate()
            .filter_map(|(noun, index)| Some((noun, objects[index].attributes.first()?.as_slice())))
            .collect();
        let weight = 1.0 / named.len().max(1) as f64;
        let mut loss = 0.0;
        for (noun, tokens) in named {
            let mut attribute = Map::new(&softmax.mean_map(tokens));
            loss += weight * add_attribute(&mut nouns[noun], &mut attribute, weight);
            attributes.push((tokens, attribute));
        }
        loss
    }

    fn read_maps(&self, maps: &AttentionMaps) -> Result<Reading, ObjectiveError> {
        let mut reading = self.reader.read(&self.reader.object_maps(maps)?);
        reading.satisfied = false;
        Ok(reading)
    }
}

/// Adds weight · slopes of one noun's transport to its attribute and returns
/// the unweighted loss.
///
/// C = 0.5 |i − j| + 0.5 |noun_i − attribute_j| over flattened indices, divided
/// by its maximum.
fn add_attribute(noun: &mut Map, attribute: &mut Map, weight: f64) -> f64 {
    let narrow = |map: &Map| -> Vec<f32> { map.share.iter().map(|&v| v as f32).collect() };
    let (source, target) = (narrow(noun), narrow(attribute));
    let cells = source.len();
    let mut cost: Vec<f32> = (0..cells * cells)
        .map(|index| {
            let (i, j) = (index / cells, index % cells);
            0.5 * i.abs_diff(j) as f32 + 0.5 * (source[i] - target[j]).abs()
        })
        .collect();
    let largest = (0..cost.len())
        .max_by(|&i, &j| cost[i].total_cmp(&cost[j]))
        .unwrap_or(0);
    // One cell has no distance at all; the released code divides 0 by 0 there.
    let scale = 1.0 / cost[largest].max(f32::MIN_POSITIVE);
    cost.iter_mut().for_each(|c| *c *= scale);
    let mut transport = dense_transport(&source, &target, &cost);
    let through_scale: f64 = transport
        .cost
        .iter()
        .zip(&cost)
        .map(|(slope, c)| f64::from(*slope) * f64::from(*c))
        .sum();
    transport.cost[largest] -= through_scale as f32;
    for (index, &cost_slope) in transport.cost.iter().enumerate() {
        let (i, j) = (index / cells, index % cells);
        let difference = source[i] - target[j];
        if difference != 0.0 {
            let slope = 0.5 * f64::from(cost_slope * scale * difference.signum());
            noun.slope[i] += weight * slope;
            attribute.slope[j] -= weight * slope;
        }
    }
    for i in 0..cells {
        noun.slope[i] += weight * f64::from(transport.source[i]);
        attribute.slope[i] += weight * f64::from(transport.target[i]);
    }
    f64::from(transport.loss)
}

/// [`Evaluation::coordinate`] of the two nouns' maps, subject first.
fn coordinate_of(frame: Frame, [subject, object]: &[Map; 2]) -> [f64; 2] {
    [0, 1].map(|axis| {
        let difference = object.centroid(frame, axis) - subject.centroid(frame, axis);
        difference.max(0.0) / 10.0
    })
}

fn frame_of(maps: &AttentionMaps) -> Frame {
    Frame {
        rows: maps.rows,
        columns: maps.columns,
    }
}

impl Objective for Reference {
    fn kind(&self) -> ObjectiveKind {
        ObjectiveKind::Reference
    }

    /// The common reading; it is never satisfied, because the released code
    /// updates on every step of its window.
    fn read(&self, maps: &AttentionMaps, _: StepContext) -> Result<Reading, ObjectiveError> {
        self.read_maps(maps)
    }

    fn evaluate(
        &self,
        maps: &AttentionMaps,
        context: StepContext,
    ) -> Result<Evaluation, ObjectiveError> {
        self.evaluate_over(maps, context.step_index, self.step_range.clone())
    }

    fn evaluate_in_refinement(
        &self,
        maps: &AttentionMaps,
        context: StepContext,
    ) -> Result<Evaluation, ObjectiveError> {
        self.evaluate_over(maps, context.step_index, self.refinement_range.clone())
    }

    /// At the threshold steps inside the update window, if the gate is open.
    fn refinement(
        &self,
        maps: &AttentionMaps,
        context: StepContext,
    ) -> Result<Option<Refinement>, ObjectiveError> {
        match self.parameters.threshold(context.step_index) {
            Some(threshold) if self.gate(maps)? > 0.0 => Ok(Some(Refinement {
                until: 1.0 - threshold,
                limit: self.parameters.refinement_limit,
            })),
            _ => Ok(None),
        }
    }
}
