//! diffusers' `UniPCMultistepScheduler`: each prediction corrects the step before it, then predicts the next.

use std::collections::VecDeque;

use burn::tensor::Tensor;

use super::{
    DrawNoise, ModelCall, NoiseSchedule, PredictionType, Sampler, Scheduler, SchedulerConfig,
    SchedulerError, SchedulerStep, SigmaSchedule, SigmaWalk, TimestepSpacing, WholeTimesteps,
};

pub(super) const SAMPLER: Sampler = Sampler {
    label: "UniPC",
    explanation: "Corrects each step by the next prediction: good from 10 steps on.",
    infotext_name: "UniPC",
    class_name: "UniPCMultistepScheduler",
    comfy_name: Some("uni_pc"),
    aliases: &["uni_pc_bh2"],
    own_spacing: TimestepSpacing::Linspace,
    spaces_timesteps: true,
    schedules: SigmaSchedule::ALL,
    automatic_schedule: SigmaSchedule::Model,
    predictions_per_step: 1,
    is_stochastic: false,
    build,
};

/// Unified predictor-corrector (Zhao et al. 2023), which predicts x0.
#[derive(Debug, Clone)]
struct UniPcScheduler {
    prediction_type: PredictionType,
    calls: Vec<ModelCall>,
    /// One more than calls.
    sigmas: Vec<f64>,
    /// Most predictions that a step reads.
    order: usize,
    /// `solver_type` "bh1": B(h) = h instead of e^h − 1.
    is_bh1: bool,
    lower_order_final: bool,
    /// Steps whose outcome the next prediction does not correct.
    uncorrected: Vec<usize>,
    /// x0 of the last predictions, newest first.
    originals: VecDeque<Tensor<4>>,
    /// Where the last step began, corrected, and its order.
    begun: Option<(Tensor<4>, usize)>,
    /// How far the latents were moved from outside since then.
    moved: Option<Tensor<4>>,
}

fn build(config: &SchedulerConfig, steps: usize) -> Result<Box<dyn Scheduler>, SchedulerError> {
    let schedule = NoiseSchedule::new(config, true);
    let walk = SigmaWalk::whole(config, &schedule, steps, WholeTimesteps::Round);
    Ok(Box::new(UniPcScheduler {
        prediction_type: config.prediction_type,
        calls: walk.plain_calls(),
        sigmas: walk.sigmas,
        order: config.solver_order.unwrap_or(2).clamp(1, MOST_ORDER),
        is_bh1: config.solver_type.as_deref() == Some("bh1"),
        lower_order_final: config.lower_order_final.unwrap_or(true),
        uncorrected: config.disable_corrector.clone().unwrap_or_default(),
        originals: VecDeque::with_capacity(MOST_ORDER),
        begun: None,
        moved: None,
    }))
}

/// Above it the method is not stable.
const MOST_ORDER: usize = 3;

/// The way from one noise level to a later one, as both halves of the method need it.
struct Way {
    /// Of the sample that it begins with.
    of_sample: f64,
    /// −√ᾱ (e^−h − 1): of the newest x0.
    of_original: f64,
    /// −√ᾱ B(h): of the weighted changes of x0.
    of_changes: f64,
    /// Where the older predictions lie, in units of h; negative.
    ratios: Vec<f64>,
    /// Right-hand sides of equation 10 of the paper.
    b: Vec<f64>,
}

impl UniPcScheduler {
    /// From `sigmas[start]` to the level after it with `order` predictions.
    fn way(&self, start: usize, order: usize) -> Way {
        let (from, to) = (self.sigmas[start], self.sigmas[start + 1]);
        let h = (from / to).ln();
        let phi_1 = (-h).exp_m1();
        let b_h = if self.is_bh1 { -h } else { phi_1 };
        let older = (1..order).map(|back| (from / self.sigmas[start - back]).ln() / h);
        let mut b = Vec::with_capacity(order);
        let mut phi = phi_1 / -h - 1.0;
        let mut factorial = 1.0;
        for index in 1..=order {
            b.push(phi * factorial / b_h);
            factorial *= (index + 1) as f64;
            phi = phi / -h - 1.0 / factorial;
        }
        let signal = 1.0 / to.hypot(1.0);
        Way {
            of_sample: (to / to.hypot(1.0)) / (from / from.hypot(1.0)),
            of_original: -signal * phi_1,
            of_changes: -signal * b_h,
            ratios: older.collect(),
            b,
        }
    }

    /// Along `way` from `start`, with x0 seen before and, in a corrector, at its
    /// end; `originals` begins with the one at the start of the way.
    fn go(&self, way: &Way, start: &Tensor<4>, at_end: Option<&Tensor<4>>) -> Tensor<4> {
        let first = &self.originals[0];
        let kept = start.clone().mul_scalar(way.of_sample);
        let plain = kept.add(first.clone().mul_scalar(way.of_original));
        let older = self.originals.iter().skip(1).zip(&way.ratios);
        let changes = older.map(|(old, ratio)| old.clone().sub(first.clone()).div_scalar(*ratio));
        let mut changes: Vec<Tensor<4>> = changes.collect();
        changes.extend(at_end.map(|end| end.clone().sub(first.clone())));
        let weights = match (changes.len(), at_end) {
            (0, _) => return plain,
            (1, _) => vec![0.5],
            (_, None) => solve(&way.ratios, &way.b),
            (_, Some(_)) => {
                let ratios: Vec<f64> = way.ratios.iter().copied().chain([1.0]).collect();
                solve(&ratios, &way.b)
            }
        };
        let changes = changes.into_iter().zip(weights);
        changes.fold(plain, |sum, (change, weight)| {
            sum.add(change.mul_scalar(weight * way.of_changes))
        })
    }
}

/// Solves Σ_j ratios_j^i x_j = b_i, i from 0, by elimination: a Vandermonde system
/// of at most [`MOST_ORDER`].
fn solve(ratios: &[f64], b: &[f64]) -> Vec<f64> {
    let count = ratios.len();
    let mut rows: Vec<Vec<f64>> = (0..count)
        .map(|power| {
            let powers = ratios.iter().map(|ratio| ratio.powi(power as i32));
            powers.chain([b[power]]).collect()
        })
        .collect();
    for pivot in 0..count {
        // The ratios differ, so no pivot vanishes.
        let (upper, lower) = rows.split_at_mut(pivot + 1);
        let lead = &upper[pivot];
        for row in lower {
            let factor = row[pivot] / lead[pivot];
            row.iter_mut()
                .zip(lead)
                .for_each(|(value, lead)| *value -= factor * lead);
        }
    }
    let mut solution = vec![0.0; count];
    for index in (0..count).rev() {
        let row = &rows[index];
        let known: f64 = (index + 1..count)
            .map(|other| row[other] * solution[other])
            .sum();
        solution[index] = (row[count] - known) / row[index];
    }
    solution
}

impl Scheduler for UniPcScheduler {
    fn calls(&self) -> &[ModelCall] {
        &self.calls
    }

    fn moved(&mut self, by: &Tensor<4>) {
        self.moved = Some(by.clone());
    }

    fn step(
        &mut self,
        model_output: Tensor<4>,
        index: usize,
        mut sample: Tensor<4>,
        _: DrawNoise<'_>,
    ) -> SchedulerStep {
        let original =
            self.calls[index].predicted_original(self.prediction_type, &model_output, &sample);
        let moved = self.moved.take();
        let begun = self.begun.take();
        let begun = begun.filter(|_| !self.uncorrected.contains(&index.wrapping_sub(1)));
        if let Some((start, order)) = begun {
            let way = self.way(index - 1, order);
            sample = self.go(&way, &start, Some(&original));
            if let Some(by) = moved {
                sample = sample.add(by);
            }
        }
        self.originals.truncate(MOST_ORDER - 1);
        self.originals.push_front(original.clone());
        let left = self.calls.len() - index;
        let last = self.sigmas[index + 1] == 0.0;
        let order = match self.lower_order_final || last {
            true => self.order.min(left),
            false => self.order,
        };
        let order = order.min(index + 1);
        let prev_sample = self.go(&self.way(index, order), &sample, None);
        self.begun = Some((sample, order));
        SchedulerStep {
            prev_sample,
            pred_original_sample: original,
        }
    }

    fn fork(&self) -> Box<dyn Scheduler> {
        Box::new(self.clone())
    }
}
