//! When the latents are updated and how far: our rule and the released code's.
//!
//! The objective says in which direction; the rule knows nothing of its loss.

use serde::de::Error;
use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value};

use super::scheduler::ModelCall;
use crate::parameters::{Description, LayerChoice};
use crate::storm::parameters::parameters;
use crate::storm::reading_parameters::PLACING;
use crate::storm::{ObjectiveKind, ReferenceParameters, StepContext};

/// The objectives that our rule is for.
const OURS: &[ObjectiveKind] = &[
    ObjectiveKind::Storm,
    ObjectiveKind::Centroid,
    ObjectiveKind::AttendAndExcite,
    ObjectiveKind::CrossEntropy,
    ObjectiveKind::BalancedTransport,
    ObjectiveKind::LayoutGuidance,
    ObjectiveKind::BoxDiff,
    ObjectiveKind::BoxPerCopy,
    ObjectiveKind::Moments,
    ObjectiveKind::MomentsPerCopy,
];

/// Most updates: more than anybody waits for.
const MOST_UPDATES: usize = 100_000;

parameters! {
    /// When to update the latents and by how much.
    pub struct SpatialUpdateParameters in "update" read by OURS;

    /// Length of one update (the release's 20 on 64 × 64 latents is 0.156); too large breaks the
    /// picture.
    step_size: f64 = 0.045 => Description::number("Step size", 0.0..=10.0, 0.001)
        .fraction_of("the length of the initial noise").flag("step-size", &["step_size"]).prominent();
    /// Whether that is the length for two objects or copies, and goes with the square root of how many
    /// are moved: one alone is not moved harder than one of two, nor three more weakly. One that is to
    /// change its size counts twice.
    shared: bool = true => Description::switch("Length for two"), read by PLACING;
    /// The updates happen while there is at least so much noise, whatever the sampler and however many
    /// its steps; 0 counts steps instead, as the window says.
    least_noise: f64 = 1.6 => Description::number("Least noise", 0.0..=1000.0, 0.05)
        .counted_in("noise per signal (σ)").flag("least-noise", &["least_noise"]).prominent();
    /// Where the least noise is 0, the updates happen in this first part of the steps.
    window: f64 = 0.5 => Description::number("Window", 0.0..=1.0, 0.01)
        .fraction_of("the steps").flag("window", &[]).prominent();
    /// At most so many updates in one picture.
    updates_per_picture: usize = 25 => Description::count("Updates per picture", 0..=MOST_UPDATES)
        .flag("updates-per-picture", &["updates_per_picture"]).prominent();
    /// At most so many updates in one step, each only where the one before was not enough; one where
    /// noise leaves room for 26 steps or more.
    updates_per_step: usize = 2 => Description::count("Updates per step", 0..=MOST_UPDATES)
        .flag("updates-per-step", &["updates_per_step"]);
    /// What is left of the step size at the end of the updates; it falls evenly with log σ, or with
    /// the steps where those are counted.
    final_step_scale: f64 = 0.5 => Description::number("Final step scale", 0.0..=1.0, 0.01);
    /// Whether an update leaves the mean of every latent channel as it is, so that it moves things
    /// and tints nothing.
    keep_mean: bool = true => Description::switch("Keep the tone");
    /// Side of the attention grid that is read; the level of the model nearest to it is taken.
    attention_res: usize = 16 => Description::count("Attention grid", 1..=4096)
        .counted_in("cells").flag("attention-res", &["attention_res"]), read by ObjectiveKind::ALL;
    /// Cross-attention layers that are read, in the words of the weight keys; they bring their grid
    /// with them.
    attention_layers: Option<LayerChoice> = None => Description::layers("Attention layers")
        .flag("attention-layers", &["attention_layers"]), read by ObjectiveKind::ALL;
}

/// Below so many updates that noise leaves room for, each is longer. At 25 steps
/// there are 13, and the step size was chosen there.
const USUAL_UPDATES: f64 = 13.0;
/// With so many steps that noise leaves room for, as 50 have, one update in each
/// is enough.
const ENOUGH_STEPS: usize = 26;
/// How many times longer at most: of a step of 0.062 that is the release's.
const MOST_STRETCH: f64 = 2.5;

/// A place in a walk.
#[derive(Debug, Clone, Copy)]
pub struct WalkPlace<'a> {
    pub context: StepContext,
    /// All calls of the walk.
    pub calls: &'a [ModelCall],
    /// How many objects and copies are moved.
    pub bodies: usize,
}

impl WalkPlace<'_> {
    fn sigma(self) -> f64 {
        self.calls[self.context.step_index].sigma
    }
}

impl SpatialUpdateParameters {
    /// Whether updates are measured by noise rather than by steps.
    fn is_by_noise(&self) -> bool {
        self.least_noise > 0.0
    }

    /// Whether a step lies where updates happen.
    fn is_in_window(&self, place: WalkPlace<'_>) -> bool {
        let StepContext {
            step_index,
            step_count,
            ..
        } = place.context;
        match self.is_by_noise() {
            true => place.sigma() >= self.least_noise,
            false => (step_index as f64) < self.window * step_count as f64,
        }
    }

    /// Length of an update, for latents of `numbers` numbers.
    fn update_length(&self, place: WalkPlace<'_>, numbers: usize) -> f64 {
        let (progress, stretch) = match self.is_by_noise() {
            true => (self.noise_progress(place), self.stretch(place.calls)),
            false => {
                let window = (self.window * place.context.step_count as f64).max(1.0);
                let progress = (place.context.step_index as f64 / window).min(1.0);
                (progress, 1.0)
            }
        };
        let scale = 1.0 - (1.0 - self.final_step_scale) * progress;
        let share = match self.shared {
            true => (0.5 * place.bodies as f64).sqrt(),
            false => 1.0,
        };
        // The initial noise has one unit per number, so its length is √numbers.
        self.step_size * share * stretch * scale * (numbers as f64).sqrt()
    }

    /// How much of the way in log σ from the first call to the least noise is
    /// behind this one, from 0 to 1.
    fn noise_progress(&self, place: WalkPlace<'_>) -> f64 {
        let way = (place.calls[0].sigma / self.least_noise).ln();
        let gone = (place.calls[0].sigma / place.sigma()).ln();
        if way > 0.0 {
            (gone / way).clamp(0.0, 1.0)
        } else {
            1.0
        }
    }

    /// In how many calls there is noise enough to update.
    fn steps_with_room(&self, calls: &[ModelCall]) -> usize {
        let counts = |call: &&ModelCall| call.keeps_moves && call.sigma >= self.least_noise;
        calls.iter().filter(counts).count()
    }

    /// At most so many updates in a step of such a walk.
    fn most_in_a_step(&self, calls: &[ModelCall]) -> usize {
        match self.is_by_noise() {
            true => {
                let enough = ENOUGH_STEPS.div_ceil(self.steps_with_room(calls).max(1));
                self.updates_per_step.min(enough)
            }
            false => self.updates_per_step,
        }
    }

    /// How many times longer an update is because there are few of them.
    fn stretch(&self, calls: &[ModelCall]) -> f64 {
        let updates = self.steps_with_room(calls) * self.updates_per_step;
        let stretch = (USUAL_UPDATES / updates.max(1) as f64).sqrt();
        stretch.clamp(1.0, MOST_STRETCH)
    }
}

/// Reads the parameters of a saved picture. One from before they were measured by
/// noise has a window and no least noise, counts steps, and updates once in each; one
/// from before the length was for two says nothing of it.
pub(super) fn read_update<'de, D: Deserializer<'de>>(
    stored: D,
) -> Result<SpatialUpdateParameters, D::Error> {
    let mut stored = Map::deserialize(stored)?;
    if stored.contains_key("window") && !stored.contains_key("least_noise") {
        stored.insert("least_noise".to_string(), Value::from(0.0));
        let updates = stored.entry("updates_per_step");
        updates.or_insert(Value::from(1));
    }
    if stored.contains_key("least_noise") {
        let shared = stored.entry("shared");
        shared.or_insert(Value::from(false));
    }
    serde_json::from_value(Value::Object(stored)).map_err(Error::custom)
}

/// When the latents follow the gradient, and how far.
#[derive(Debug, Clone, PartialEq)]
pub enum UpdateRule {
    /// Ours: a length that the noise sets, whatever the gradient's own, while there
    /// is much noise.
    Normalised(SpatialUpdateParameters),
    /// The released code's: once in every step of its window along the
    /// gradient clipped to norm 1, with a step size falling over all steps.
    Clipped(ReferenceParameters),
}

impl Default for UpdateRule {
    fn default() -> Self {
        Self::Normalised(SpatialUpdateParameters::default())
    }
}

impl UpdateRule {
    /// How many updates a step may make after `made` of them in earlier steps;
    /// those of refinements count for neither.
    pub fn updates_left(&self, place: WalkPlace<'_>, made: usize) -> usize {
        match self {
            Self::Normalised(ours) if ours.is_in_window(place) => {
                let left = ours.updates_per_picture.saturating_sub(made);
                left.min(ours.most_in_a_step(place.calls))
            }
            Self::Clipped(released) if released.updates(place.context.step_index) => 1,
            _ => 0,
        }
    }

    /// The step size for latents of `numbers` numbers, in units of what the UNet sees.
    pub fn step_size(&self, place: WalkPlace<'_>, numbers: usize) -> f64 {
        match self {
            Self::Normalised(ours) => ours.update_length(place, numbers),
            Self::Clipped(released) => released.step_size(place.context),
        }
    }

    /// Whether an update leaves the mean of every channel as it is.
    pub fn keeps_mean(&self) -> bool {
        matches!(self, Self::Normalised(ours) if ours.keep_mean)
    }

    /// How far the latents move along a gradient of that length.
    pub fn length(&self, step_size: f64, gradient_norm: f64) -> f64 {
        match self {
            Self::Normalised(_) => step_size,
            Self::Clipped(_) => step_size * gradient_norm.min(1.0),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diffusion::{SchedulerConfig, SchedulerKind, SigmaSchedule};

    /// A walk with the noise of Stable Diffusion.
    fn walk(kind: SchedulerKind, steps: usize, schedule: Option<SigmaSchedule>) -> Vec<ModelCall> {
        let json = r#"{"beta_start": 0.00085, "beta_end": 0.012,
            "beta_schedule": "scaled_linear", "steps_offset": 1}"#;
        let mut config = SchedulerConfig::from_json(json.as_bytes()).unwrap();
        config.schedule = schedule;
        kind.build(&config, steps).unwrap().calls().to_vec()
    }

    fn at(calls: &[ModelCall], step_index: usize) -> WalkPlace<'_> {
        let context = StepContext {
            step_index,
            step_count: calls.len(),
            noise: 1.0,
        };
        WalkPlace {
            context,
            calls,
            bodies: 2,
        }
    }

    /// The calls that update, and the length of the first as a share of the noise.
    fn updates(rule: &UpdateRule, calls: &[ModelCall]) -> (Vec<usize>, f64) {
        let left = |index: &usize| {
            calls[*index].keeps_moves && rule.updates_left(at(calls, *index), 0) > 0
        };
        let indices = (0..calls.len()).filter(left).collect();
        (indices, rule.step_size(at(calls, 0), 1024) / 32.0)
    }

    #[test]
    fn fifty_steps_of_pndm_update_where_the_first_half_of_the_steps_was() {
        let calls = walk(SchedulerKind::Pndm, 50, None);
        let (by_noise, first) = updates(&UpdateRule::default(), &calls);
        let steps = UpdateRule::Normalised(SpatialUpdateParameters {
            least_noise: 0.0,
            ..Default::default()
        });
        let (by_steps, first_by_steps) = updates(&steps, &calls);
        assert_eq!(by_noise, by_steps);
        assert_eq!(by_steps, (0..26).collect::<Vec<_>>());
        assert!((first - 0.045).abs() < 1e-12 && (first_by_steps - 0.045).abs() < 1e-12);
        let last = UpdateRule::default().step_size(at(&calls, 25), 1024) / 32.0;
        assert!((0.0225..0.0229).contains(&last), "{last}");
    }

    #[test]
    fn every_sampler_and_number_of_steps_updates_over_the_same_noise() {
        let karras = Some(SigmaSchedule::Karras);
        for (kind, schedule) in [
            (SchedulerKind::Ddim, None),
            (SchedulerKind::Euler, karras),
            (SchedulerKind::Dpmpp2m, karras),
            (SchedulerKind::Heun, None),
        ] {
            for steps in [4, 8, 15, 25, 50] {
                let calls = walk(kind, steps, schedule);
                let (indices, first) = updates(&UpdateRule::default(), &calls);
                // A share of the steps, never of the picture's finest ones.
                let last = indices[indices.len() - 1];
                assert!(calls[last].sigma >= 1.6, "{kind} {steps}");
                let next = calls[last + 1..].iter().find(|call| call.keeps_moves);
                assert!(next.is_none_or(|call| call.sigma < 1.6), "{kind} {steps}");
                // Fewer updates are longer, within the release's length.
                assert!((0.045..=0.156).contains(&first), "{kind} {steps}: {first}");
                if steps <= 4 {
                    assert!(first > 0.065, "{kind} {steps}: {first}");
                }
            }
        }
    }

    #[test]
    fn a_step_updates_twice_where_there_are_few() {
        let rule = UpdateRule::default();
        for (steps, most) in [(8, 2), (20, 2), (25, 2), (50, 1)] {
            let calls = walk(SchedulerKind::Dpmpp2m, steps, None);
            assert_eq!(rule.updates_left(at(&calls, 0), 0), most, "{steps}");
        }
    }

    #[test]
    fn our_updates_are_bounded_per_step_and_per_picture_and_have_the_length_they_say() {
        let rule = UpdateRule::Normalised(SpatialUpdateParameters {
            least_noise: 0.0,
            updates_per_step: 3,
            updates_per_picture: 10,
            ..Default::default()
        });
        let calls = walk(SchedulerKind::Ddim, 50, None);
        assert_eq!(rule.updates_left(at(&calls, 0), 0), 3);
        assert_eq!(rule.updates_left(at(&calls, 24), 8), 2);
        assert_eq!(rule.updates_left(at(&calls, 24), 11), 0);
        assert_eq!(rule.updates_left(at(&calls, 25), 0), 0);
        let length = |index| rule.step_size(at(&calls, index), 1024);
        assert!((length(25) - 0.5 * length(0)).abs() < 1e-12);
        assert_eq!(rule.length(3.0, 1e-9), 3.0);
        assert_eq!(rule.length(3.0, 1e9), 3.0);
    }

    #[test]
    fn an_update_is_as_long_for_each_object_however_many_are_moved() {
        let calls = walk(SchedulerKind::Ddim, 25, None);
        let length = |rule: &UpdateRule, bodies| {
            let place = at(&calls, 0);
            rule.step_size(WalkPlace { bodies, ..place }, 1024)
        };
        let rule = UpdateRule::default();
        // Orthogonal moves of one length each.
        for bodies in 1..5 {
            let each = length(&rule, bodies) / (bodies as f64).sqrt();
            assert!((each * 2.0f64.sqrt() - length(&rule, 2)).abs() < 1e-12);
        }
        let rule = UpdateRule::Normalised(SpatialUpdateParameters {
            shared: false,
            ..Default::default()
        });
        assert_eq!(length(&rule, 1), length(&rule, 3));
    }

    #[test]
    fn the_released_rule_clips_and_does_not_stretch() {
        let rule = UpdateRule::Clipped(ReferenceParameters::default());
        assert_eq!(rule.length(20.0, 0.25), 5.0);
        assert_eq!(rule.length(20.0, 7.0), 20.0);
        let calls = walk(SchedulerKind::Ddim, 50, None);
        let updates: Vec<usize> = (0..50)
            .filter(|&i| rule.updates_left(at(&calls, i), 99) == 1)
            .collect();
        assert_eq!(updates, (1..25).collect::<Vec<_>>());
    }

    #[test]
    fn a_recipe_that_knows_only_a_window_counts_steps() {
        let read = |json: &str| read_update(&mut serde_json::Deserializer::from_str(json)).unwrap();
        let older = read(r#"{"window": 0.8, "step_size": 0.2}"#);
        assert_eq!((older.window, older.least_noise), (0.8, 0.0));
        assert_eq!(older.updates_per_step, 1);
        assert!(!older.shared && !read(r#"{"least_noise": 2.0}"#).shared);
        let newer = serde_json::to_string(&SpatialUpdateParameters::default()).unwrap();
        assert_eq!(read(&newer), SpatialUpdateParameters::default());
        assert_eq!(read("{}"), SpatialUpdateParameters::default());
    }
}
