//! The default objective: every object is carried to its place by optimal
//! transport.
//!
//! Method.md's terms: a Sinkhorn divergence to a blob at the nearest places that
//! satisfy all relations, plus presence, non-overlap and attributes.

use std::cell::RefCell;

use super::attention::AttentionMaps;
use super::frame::Frame;
use super::layout::Layout;
use super::objective::{Evaluation, Objective, ObjectiveError, Reading, StepContext};
use super::parameters::StormParameters;
use super::prompt_facts::PromptFacts;
use super::reader::Reader;
use super::target::blob;
use super::transport::{SelfPotential, Transport};
use super::word_maps::{WordMap, WordMaps};

#[cfg(test)]
mod tests;

/// Spatial Transport Optimization with true optimal transport.
#[derive(Debug)]
pub struct Storm {
    reader: Reader,
    parameters: StormParameters,
    /// Objects that a relation or a free target moves.
    moved: Vec<bool>,
    /// Pairs of related objects, each once.
    pairs: Vec<(usize, usize)>,
    /// Kernels and buffers for the frame of the last maps.
    transport: RefCell<Option<Transport>>,
}

/// The terms collected so far: their sum and dL/dm of every word.
struct Terms {
    loss: f64,
    gradients: Vec<Vec<f64>>,
}

impl Storm {
    /// Checks layout and parameters.
    ///
    /// # Errors
    /// [`ObjectiveError::Parameter`] or [`ObjectiveError::Layout`].
    pub fn new(
        layout: Layout,
        parameters: StormParameters,
        prompt: &PromptFacts,
    ) -> Result<Self, ObjectiveError> {
        let mut moved = vec![false; layout.objects.len()];
        let reader = Reader::new(layout, &parameters, prompt)?;
        let layout = reader.layout();
        let mut pairs: Vec<(usize, usize)> = layout
            .relations
            .iter()
            .map(|r| (r.subject.min(r.object), r.subject.max(r.object)))
            .collect();
        pairs.sort_unstable();
        pairs.dedup();
        for &(first, second) in &pairs {
            moved[first] = true;
            moved[second] = true;
        }
        for target in &layout.free_targets {
            moved[target.object] = true;
        }
        Ok(Self {
            reader,
            parameters,
            moved,
            pairs,
            transport: RefCell::new(None),
        })
    }

    /// Loss and gradient with the targets of `reading` held constant.
    fn evaluate_towards(&self, maps: &WordMaps<'_>, reading: Reading) -> Evaluation {
        let mut terms = Terms {
            loss: 0.0,
            gradients: maps.zero_gradients(),
        };
        self.add_transport(maps, &reading, &mut terms);
        self.add_presence(maps, &reading, &mut terms);
        self.add_non_overlap(maps, &reading, &mut terms);
        Evaluation {
            loss: terms.loss,
            gradient: maps.backward(&terms.gradients),
            reading,
        }
    }

    /// Adds the transport of every moved object to its blob, and of every
    /// attribute to its object.
    fn add_transport(&self, maps: &WordMaps<'_>, reading: &Reading, terms: &mut Terms) {
        let frame = maps.frame;
        let mut slot = self.transport.borrow_mut();
        if slot.as_ref().is_some_and(|kept| kept.frame() != frame) {
            *slot = None;
        }
        let transport =
            slot.get_or_insert_with(|| Transport::new(frame, self.parameters.transport()));
        let self_potentials: Vec<Option<SelfPotential>> = (0..reading.objects.len())
            .map(|object| {
                let needed = self.is_carried(object, reading)
                    || self
                        .carried_attributes(maps, reading)
                        .any(|(of, _)| of == object);
                needed.then(|| transport.solve_self(&maps.words[object].share))
            })
            .collect();
        for (object, self_potential) in self_potentials.iter().enumerate() {
            let Some(self_potential) = self_potential else {
                continue;
            };
            if self.is_carried(object, reading) {
                let target = self.target_blob(frame, reading.objects[object].target);
                let self_target = transport.solve_self(&target);
                let share = &maps.words[object].share;
                let divergence =
                    transport.divergence_between(share, self_potential, &target, &self_target);
                let weight = self.parameters.transport_weight;
                terms.add(
                    &maps.words[object],
                    object,
                    weight,
                    divergence.value,
                    &divergence.gradient,
                );
            }
        }
        for (object, word) in self.carried_attributes(maps, reading) {
            let Some(self_object) = &self_potentials[object] else {
                continue;
            };
            let share = &maps.words[word].share;
            let self_attribute = transport.solve_self(share);
            let divergence = transport.divergence_between(
                share,
                &self_attribute,
                &maps.words[object].share,
                self_object,
            );
            let weight = self.parameters.attribute_weight;
            terms.add(
                &maps.words[word],
                word,
                weight,
                divergence.value,
                &divergence.gradient,
            );
        }
    }

    fn is_carried(&self, object: usize, reading: &Reading) -> bool {
        self.parameters.transport_weight > 0.0
            && self.moved[object]
            && !reading.objects[object].absent
    }

    /// Object and word index of every attribute whose object and itself have a
    /// place.
    fn carried_attributes<'a>(
        &'a self,
        maps: &'a WordMaps<'_>,
        reading: &'a Reading,
    ) -> impl Iterator<Item = (usize, usize)> + 'a {
        let first_word = reading.objects.len();
        self.reader
            .attributes()
            .enumerate()
            .map(move |(index, (object, _))| (object, first_word + index))
            .filter(move |&(object, word)| {
                self.parameters.attribute_weight > 0.0
                    && !reading.objects[object].absent
                    && maps.words[word].mean_response() >= self.parameters.absent_below
            })
    }

    fn target_blob(&self, frame: Frame, target: [f64; 2]) -> Vec<f64> {
        let deviation = self.parameters.blob * frame.shorter_side();
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
            terms.add(a, first, weight, overlap, &slopes[0]);
            b.add_share_gradient(&slopes[1], weight, &mut terms.gradients[second]);
        }
    }
}

impl Terms {
    /// Adds weight · value, whose gradient by the word's share is given.
    fn add(&mut self, map: &WordMap, word: usize, weight: f64, value: f64, share_gradient: &[f64]) {
        self.loss += weight * value;
        map.add_share_gradient(share_gradient, weight, &mut self.gradients[word]);
    }
}

impl Objective for Storm {
    fn name(&self) -> &'static str {
        "storm"
    }

    fn read(&self, maps: &AttentionMaps, _: StepContext) -> Result<Reading, ObjectiveError> {
        Ok(self.reader.read(&self.reader.object_maps(maps)?))
    }

    fn evaluate(&self, maps: &AttentionMaps, _: StepContext) -> Result<Evaluation, ObjectiveError> {
        let words = self.reader.all_maps(maps)?;
        let reading = self.reader.read(&words);
        self.evaluate_towards(&words, reading).checked(self.name())
    }
}
