//! A comparison method: Attend-and-Excite (Chefer et al. 2023, arXiv
//! 2301.13826), which keeps objects from going missing and knows no places.

use super::attention::AttentionMaps;
use super::layout::Layout;
use super::objective::{Evaluation, Objective, ObjectiveError, Reading, Refinement, StepContext};
use super::parameters::{AttendAndExciteParameters, StormParameters};
use super::prompt_facts::PromptFacts;
use super::reader::Reader;
use super::smoothing::Smoothing;

/// The published smoothing width, in cells, with its published kernel: the
/// released STORM code took over both.
const SIGMA: f64 = 0.5;

/// Loss: the largest over the objects of 1 − (strongest response).
#[derive(Debug)]
pub struct AttendAndExcite {
    reader: Reader,
    parameters: AttendAndExciteParameters,
}

impl AttendAndExcite {
    /// Checks layout and parameters; `storm` serves the readings and the choice
    /// of the softmax's columns.
    ///
    /// # Errors
    /// [`ObjectiveError::Parameter`] or [`ObjectiveError::Layout`].
    pub fn new(
        layout: Layout,
        storm: &StormParameters,
        parameters: AttendAndExciteParameters,
        prompt: &PromptFacts,
    ) -> Result<Self, ObjectiveError> {
        parameters.validate()?;
        Ok(Self {
            reader: Reader::new(layout, storm, prompt)?,
            parameters,
        })
    }
}

impl Objective for AttendAndExcite {
    fn name(&self) -> &'static str {
        "attend-and-excite"
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
        let smoothing = Smoothing::released(SIGMA);
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
        evaluation.checked(self.name())
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
            &StormParameters::default(),
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
