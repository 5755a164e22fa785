//! A comparison method: Attend-and-Excite (Chefer et al. 2023, arXiv
//! 2301.13826), which keeps objects from going missing and knows no places.

use super::attention::AttentionMaps;
use super::kind::ObjectiveKind;
use super::layout::Layout;
use super::objective::{Evaluation, Objective, ObjectiveError, Reading, Refinement, StepContext};
use super::parameters::{ParameterGroup, parameters};
use super::prompt_facts::PromptFacts;
use super::reader::Reader;
use super::reading_parameters::ReadingParameters;
use super::smoothing::Smoothing;
use crate::parameters::Description;

/// The published smoothing width, in cells, with its published kernel: the
/// released STORM code took over both.
const SIGMA: f64 = 0.5;
const KERNEL_SIZE: usize = 3;

parameters! {
    /// Parameters of Attend-and-Excite, with the paper's defaults: steps 0, 10
    /// and 20 of 50.
    pub struct AttendAndExciteParameters
        in "attend_and_excite" read by &[ObjectiveKind::AttendAndExcite];

    /// Fractions of the sampling at which the updates are repeated, with the response that the
    /// weakest object must reach, as 0: 0.05, 0.2: 0.5.
    thresholds: Vec<(f64, f64)> = vec![(0.0, 0.05), (0.2, 0.5), (0.4, 0.8)]
        => Description::fraction_thresholds("Thresholds").flag("thresholds", &[]);
    /// Largest number of updates at such a step.
    refinement_limit: usize = 20 => Description::count("Refinements", 0..=100_000)
        .flag("max-refinement-steps", &["max_refinement_steps"]);
}

impl AttendAndExciteParameters {
    /// The threshold of a step that refines.
    pub fn threshold(&self, context: StepContext) -> Option<f64> {
        let steps = context.step_count as f64;
        let at_step = |fraction: f64| (fraction * steps).round() as usize == context.step_index;
        let found = self
            .thresholds
            .iter()
            .find(|(fraction, _)| at_step(*fraction));
        found.map(|&(_, threshold)| threshold)
    }
}

/// Loss: the largest over the objects of 1 − (strongest response).
#[derive(Debug)]
pub struct AttendAndExcite {
    reader: Reader,
    parameters: AttendAndExciteParameters,
}

impl AttendAndExcite {
    /// Checks layout and parameters; of the readings' only the choice of the
    /// softmax's columns has a part in the loss.
    ///
    /// # Errors
    /// [`ObjectiveError::Parameter`] or [`ObjectiveError::Layout`].
    pub fn new(
        layout: Layout,
        readings: &ReadingParameters,
        parameters: AttendAndExciteParameters,
        prompt: &PromptFacts,
    ) -> Result<Self, ObjectiveError> {
        parameters.validate()?;
        Ok(Self {
            reader: Reader::new(layout, readings, prompt)?,
            parameters,
        })
    }
}

impl Objective for AttendAndExcite {
    fn kind(&self) -> ObjectiveKind {
        ObjectiveKind::AttendAndExcite
    }

    /// The common reading; it is never satisfied, because the published method
    /// updates on every step of its window.
    fn read(&self, maps: &AttentionMaps, _: StepContext) -> Result<Reading, ObjectiveError> {
        let mut reading = self.reader.read(&self.reader.object_maps(maps)?);
        reading.satisfied = false;
        Ok(reading)
    }

    fn evaluate(
        &self,
        maps: &AttentionMaps,
        context: StepContext,
    ) -> Result<Evaluation, ObjectiveError> {
        let reading = self.read(maps, context)?;
        let smoothing = Smoothing::released(SIGMA, KERNEL_SIZE);
        let words = self.reader.object_maps_smoothed(maps, smoothing)?;
        let mut gradients = words.zero_gradients();
        let weakest = (0..words.words.len())
            .min_by(|&i, &j| {
                words.words[i]
                    .presence()
                    .total_cmp(&words.words[j].presence())
            })
            .expect("a valid layout has an object");
        let map = &words.words[weakest];
        gradients[weakest][map.strongest] = -1.0;
        let evaluation = Evaluation {
            loss: 1.0 - map.presence(),
            gradient: words.backward(&gradients),
            reading,
            coordinate: None,
        };
        evaluation.checked(self.kind())
    }

    /// At the threshold steps: until the weakest object's response reaches the
    /// threshold.
    fn refinement(
        &self,
        _: &AttentionMaps,
        context: StepContext,
    ) -> Result<Option<Refinement>, ObjectiveError> {
        let threshold = self.parameters.threshold(context);
        Ok(threshold.map(|threshold| Refinement {
            until: 1.0 - threshold,
            limit: self.parameters.refinement_limit,
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::super::fixtures::{CONTEXT, TOKENS, assert_gradient, facts, maps, pair};
    use super::super::relation::RelationKind;
    use super::*;

    fn objective() -> AttendAndExcite {
        AttendAndExcite::new(
            pair(RelationKind::LeftOf),
            &ReadingParameters::default(),
            AttendAndExciteParameters::default(),
            &facts(),
        )
        .unwrap()
    }

    #[test]
    fn only_the_weakest_object_is_excited_at_its_strongest_cell() {
        let spots: [(&[usize], [f64; 2], f64, f64); 2] = [
            (&[2], [0.25, 0.3], 0.12, 0.05),
            (&[4, 5], [0.7, 0.6], 0.12, 0.02),
        ];
        let maps = maps(6, 7, &spots);
        let evaluation = objective().evaluate(&maps, CONTEXT).unwrap();
        assert!(evaluation.loss > 0.0 && evaluation.loss < 1.0);
        assert!(!evaluation.reading.satisfied);
        assert_gradient(&maps, &evaluation.gradient, 1e-3, |changed| {
            objective().evaluate(changed, CONTEXT).unwrap().loss
        });
        // The dog's spot is around row 3, column 4; nothing is asked elsewhere.
        for (cell, pixel) in evaluation.gradient.chunks_exact(TOKENS).enumerate() {
            let near = (cell / 7).abs_diff(3) <= 1 && (cell % 7).abs_diff(4) <= 1;
            assert_eq!(pixel.iter().any(|g| *g != 0.0), near, "cell {cell}");
            assert!(!near || (pixel[4] < 0.0 && pixel[5] < 0.0 && pixel[2] > 0.0));
        }
    }

    #[test]
    fn refinement_happens_at_the_published_steps_of_fifty() {
        let maps = maps(4, 4, &[]);
        let found: Vec<(usize, f64)> = (0..51)
            .filter_map(|step_index| {
                let context = StepContext {
                    step_index,
                    step_count: 51,
                    noise: 1.0,
                };
                let refinement = objective().refinement(&maps, context).unwrap()?;
                assert_eq!(refinement.limit, 20);
                Some((step_index, refinement.until))
            })
            .collect();
        assert_eq!(found.len(), 3);
        for ((step, until), (expected_step, threshold)) in
            found.into_iter().zip([(0, 0.05), (10, 0.5), (20, 0.8)])
        {
            assert_eq!(step, expected_step);
            assert!((until - (1.0 - threshold)).abs() < 1e-12);
        }
    }
}
