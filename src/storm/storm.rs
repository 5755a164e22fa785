//! The default objective: every object is carried to its place by optimal
//! transport.
//!
//! Its terms: unbalanced transport of every object's map into a box at the nearest places
//! that satisfy all relations, to blobs of its copies, or to the distribution of the
//! region that it fills, plus peaks, attributes, and presence and non-overlap where they
//! are asked for. As an option, and in pictures from before, plain relations are carried
//! to blobs by balanced transport (the Sinkhorn divergence) instead.

mod settings;
mod terms;

use std::cell::RefCell;

pub use settings::StormParameters;
use terms::Terms;

use super::attention::AttentionMaps;
use super::distribution_loss::{DistributionLoss, Gradient, Lack, Relaxation};
use super::frame::Frame;
use super::kind::ObjectiveKind;
use super::layout::Layout;
use super::objective::{Evaluation, Objective, ObjectiveError, Reading, StepContext};
use super::parameters::ParameterGroup;
use super::peaks::{Boxes, has_peaks, peaks};
use super::placement::Placement;
use super::prompt_facts::PromptFacts;
use super::reader::Reader;
use super::reading_parameters::ReadingParameters;
use super::target::blob;
use super::transport::Transport;
use super::word_maps::{WordMap, WordMaps};

#[cfg(test)]
mod tests;

/// Spatial Transport Optimization with true optimal transport.
#[derive(Debug)]
pub struct Storm {
    kind: ObjectiveKind,
    reader: Reader,
    readings: ReadingParameters,
    parameters: StormParameters,
    /// Pairs of related objects, each once.
    pairs: Vec<(usize, usize)>,
    /// Kernels and buffers for the frame of the last maps.
    transport: RefCell<Option<Transport>>,
    distributions: RefCell<DistributionLoss>,
}

impl Storm {
    /// Checks layout and parameters.
    ///
    /// # Errors
    /// [`ObjectiveError::Parameter`] or [`ObjectiveError::Layout`].
    pub fn new(
        layout: Layout,
        readings: ReadingParameters,
        parameters: StormParameters,
        prompt: &PromptFacts,
    ) -> Result<Self, ObjectiveError> {
        parameters.validate()?;
        let mut reader = Reader::new(layout, &readings, prompt)?;
        if parameters.relaxed_relations && readings.bare_map {
            reader = reader.reading_bare();
        }
        let layout = reader.layout();
        let mut pairs: Vec<(usize, usize)> = layout
            .relations
            .iter()
            .map(|r| (r.subject.min(r.object), r.subject.max(r.object)))
            .collect();
        pairs.sort_unstable();
        pairs.dedup();
        Ok(Self {
            kind: ObjectiveKind::Storm,
            reader,
            readings,
            parameters,
            pairs,
            transport: RefCell::new(None),
            distributions: RefCell::default(),
        })
    }

    /// One end of its family of losses, for comparison: relations too are carried by
    /// it, at this relaxation radius.
    ///
    /// # Errors
    /// As [`Storm::new`].
    pub fn end_of_family(
        kind: ObjectiveKind,
        layout: Layout,
        readings: ReadingParameters,
        radius: f64,
        prompt: &PromptFacts,
    ) -> Result<Self, ObjectiveError> {
        let parameters = StormParameters {
            relaxation_radius: radius,
            relaxed_relations: true,
            into_boxes: false,
            box_power: 1.0,
            fill_power: 1.0,
            peaks_weight: 0.0,
            ..StormParameters::default()
        };
        Ok(Self {
            kind,
            ..Self::new(layout, readings, parameters, prompt)?
        })
    }

    /// Loss and gradient with the targets of `reading` held constant.
    fn evaluate_towards(&self, maps: &WordMaps<'_>, reading: Reading) -> Evaluation {
        let mut terms = Terms {
            loss: 0.0,
            gradients: maps.zero_gradients(),
            bare_gradients: match maps.bare.is_empty() {
                true => Vec::new(),
                false => maps.zero_gradients(),
            },
        };
        let placements = self.placements(maps.frame, &reading);
        match placements.is_empty() {
            true => self.add_transport(maps, &reading, &mut terms),
            false => self.add_distributions(maps, &reading, &placements, &mut terms),
        }
        self.add_presence(maps, &reading, &mut terms);
        self.add_non_overlap(maps, &reading, &mut terms);
        Evaluation {
            loss: terms.loss,
            gradient: maps.backward_both(&terms.gradients, &terms.bare_gradients),
            reading,
            coordinate: None,
        }
    }

    /// What the maps are carried to by unbalanced transport; nothing where the plain
    /// transport does.
    fn placements(&self, frame: Frame, reading: &Reading) -> Vec<Placement> {
        if self.parameters.relaxed_relations {
            return self
                .reader
                .all_placements(frame, reading, self.readings.blob);
        }
        self.reader.placements_of(frame, reading)
    }

    /// Adds what every object lacks of its distribution, and every attribute of that
    /// of its object.
    fn add_distributions(
        &self,
        maps: &WordMaps<'_>,
        reading: &Reading,
        placements: &[Placement],
        terms: &mut Terms,
    ) {
        let frame = maps.frame;
        let has_wishes = self.reader.layout().has_distributions();
        let relaxation = self.parameters.relaxation(has_wishes);
        let compared = self.reader.compared(maps);
        let is_bare = self.reader.is_bare();
        let mut losses = self.distributions.borrow_mut();
        for (object, placement) in placements.iter().enumerate() {
            // The bare map of an object that is nowhere still has a shape.
            let is_there = is_bare || !reading.objects[object].absent;
            let is_moved = self.reader.layout().moves(object);
            if is_there && is_moved && self.parameters.transport_weight > 0.0 {
                // A box only holds together: what is to grow is carried to all of its size.
                let share = &compared[object].share;
                let is_small = self.reader.is_too_small(frame, object, share, placement);
                let relaxation = Relaxation {
                    into_homes: relaxation.into_homes && !is_small,
                    ..relaxation
                };
                if !(relaxation.into_homes && self.is_left_to_peaks(frame, object, placement)) {
                    let lack = losses.lack(frame, &compared[object], placement, relaxation);
                    let weight = self.parameters.transport_weight;
                    terms.add_lack(&compared[object], (object, is_bare), weight, &lack);
                }
            }
            if is_there && is_moved {
                self.add_peaks(frame, (object, &compared[object]), placement, terms);
            }
            let home = match &placement.spread {
                Some(spread) if is_moved => spread,
                _ => &compared[object].share,
            };
            for word in self.present_attributes(object, maps) {
                let share = &compared[word].share;
                let lack = losses.towards(frame, share, home, relaxation);
                let weight = self.parameters.attribute_weight;
                terms.add_lack(&compared[word], (word, is_bare), weight, &lack);
            }
        }
    }

    /// Whether an object is asked to be so small that attention reaches over the edge of its
    /// box wherever it lies: what transport would still carry in then is no longer of the object.
    fn is_left_to_peaks(&self, frame: Frame, object: usize, placement: &Placement) -> bool {
        let target = self.reader.layout().targets.of(object);
        let has_size = target.is_some_and(|target| target.size.is_some());
        let mut bodies = placement.bodies.iter();
        has_size
            && self.parameters.peaks_weight > 0.0
            && bodies.all(|body| body.extent < self.parameters.least_box * frame.cell())
    }

    /// Adds the highest responses in and outside of an object's boxes, where they are
    /// asked for.
    fn add_peaks(
        &self,
        frame: Frame,
        (object, map): (usize, &WordMap),
        placement: &Placement,
        terms: &mut Terms,
    ) {
        let weight = self.parameters.peaks_weight;
        let target = self.reader.layout().targets.of(object);
        let asked = target.filter(|target| weight > 0.0 && has_peaks(target, placement));
        if asked.is_none() {
            return;
        }
        let (value, slopes) = peaks(&map.response, &Boxes::of(frame, asked, placement));
        let gradient = Gradient::Response(slopes);
        let lack = Lack { value, gradient };
        terms.add_lack(map, (object, self.reader.is_bare()), weight, &lack);
    }

    /// Adds the transport of every moved object to its blob, and of every
    /// attribute to its object, which is held constant there.
    fn add_transport(&self, maps: &WordMaps<'_>, reading: &Reading, terms: &mut Terms) {
        let frame = maps.frame;
        let mut slot = self.transport.borrow_mut();
        if slot.as_ref().is_some_and(|kept| kept.frame() != frame) {
            *slot = None;
        }
        let transport =
            slot.get_or_insert_with(|| Transport::new(frame, self.parameters.transport()));
        for (object, object_reading) in reading.objects.iter().enumerate() {
            if object_reading.absent {
                continue;
            }
            let is_moved = self.reader.layout().moves(object);
            let is_carried = is_moved && self.parameters.transport_weight > 0.0;
            let attributes = self.present_attributes(object, maps);
            if !is_carried && attributes.is_empty() {
                continue;
            }
            let share = &maps.words[object].share;
            let self_object = transport.solve_self(share);
            if is_carried {
                let target = self.target_blob(frame, object_reading.target);
                let self_target = transport.solve_self(&target);
                let found =
                    transport.divergence_between(share, &self_object, &target, &self_target);
                let weight = self.parameters.transport_weight;
                terms.add(maps, object, weight, found.value, &found.gradient);
            }
            for word in attributes {
                let attribute = &maps.words[word].share;
                let self_attribute = transport.solve_self(attribute);
                let found =
                    transport.divergence_between(attribute, &self_attribute, share, &self_object);
                let weight = self.parameters.attribute_weight;
                terms.add(maps, word, weight, found.value, &found.gradient);
            }
        }
    }

    /// Word indices of the attributes of an object that have a place themselves;
    /// none if the term is off.
    fn present_attributes(&self, object: usize, maps: &WordMaps<'_>) -> Vec<usize> {
        if self.parameters.attribute_weight == 0.0 {
            return Vec::new();
        }
        let first_word = self.reader.layout().objects.len();
        self.reader
            .attributes()
            .enumerate()
            .filter(|&(_, (of, _))| of == object)
            .map(|(index, _)| first_word + index)
            .filter(|&word| maps.words[word].mean_response() >= self.readings.absent_below)
            .collect()
    }

    fn target_blob(&self, frame: Frame, target: [f64; 2]) -> Vec<f64> {
        let deviation = self.readings.blob * frame.shorter_side();
        blob(frame, frame.from_fractions(target), deviation)
    }

    /// Adds 1 − (strongest response) of every object; for an absent object
    /// −ln of it, whose gradient with respect to A does not vanish with the
    /// response.
    fn add_presence(&self, maps: &WordMaps<'_>, reading: &Reading, terms: &mut Terms) {
        let weight = self.parameters.presence_weight;
        if weight == 0.0 {
            return;
        }
        for (object, object_reading) in reading.objects.iter().enumerate() {
            let map = &maps.words[object];
            let response = map.presence().max(f64::MIN_POSITIVE);
            let (term, slope) = if object_reading.absent {
                (-response.ln(), -1.0 / response)
            } else {
                (1.0 - response, -1.0)
            };
            terms.loss += weight * term;
            terms.gradients[object][map.strongest] += weight * slope;
        }
    }

    /// Adds Σ min(a_s, a_o) of every related pair; where both are equal the
    /// gradient is shared.
    fn add_non_overlap(&self, maps: &WordMaps<'_>, reading: &Reading, terms: &mut Terms) {
        let weight = self.parameters.non_overlap_weight;
        if weight == 0.0 {
            return;
        }
        for &(first, second) in &self.pairs {
            if reading.objects[first].absent || reading.objects[second].absent {
                continue;
            }
            let (a, b) = (&maps.words[first], &maps.words[second]);
            let mut overlap = 0.0;
            let mut slopes = [vec![0.0; a.share.len()], vec![0.0; a.share.len()]];
            for (cell, (&p, &q)) in a.share.iter().zip(&b.share).enumerate() {
                overlap += p.min(q);
                slopes[0][cell] = if p < q {
                    1.0
                } else if p > q {
                    0.0
                } else {
                    0.5
                };
                slopes[1][cell] = 1.0 - slopes[0][cell];
            }
            terms.add(maps, first, weight, overlap, &slopes[0]);
            // The value is counted once, its slope by the second map as well.
            terms.add(maps, second, weight, 0.0, &slopes[1]);
        }
    }
}

impl Objective for Storm {
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
        let words = self.reader.all_maps(maps)?;
        let reading = self.reader.read(&words);
        self.evaluate_towards(&words, reading).checked(self.kind())
    }
}
