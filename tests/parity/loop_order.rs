//! The order of losses and updates: the loop, driven by the recorded losses,
//! must refine where, and as long as, the release did.

use std::collections::BTreeMap;
use std::sync::Mutex;

use burn::tensor::{Device, Tensor, TensorData};
use storm_studio::checkpoint::{CheckpointSource, StableDiffusion};
use storm_studio::diffusion::noise::torch_randn;
use storm_studio::diffusion::{
    Denoising, LossReport, Method, NoiseKind, NoiseStream, Observer, SpatialUpdateParameters,
    StepReport, UpdateReport, UpdateRule,
};
use storm_studio::models::unet::{Activations, PromptContext};
use storm_studio::storm::objective::ObjectiveError;
use storm_studio::storm::{
    AttentionMaps, Evaluation, Objective, ObjectiveKind, Reading, ReferenceParameters, Refinement,
    StepContext,
};

use super::fixtures::Part;
use super::recording::LossKind;
use crate::fixture::{Fixture, folder, numbers};

/// Says what the release said, whatever the maps.
struct Replay {
    losses: Vec<(usize, LossKind)>,
    values: Vec<f32>,
    /// How often each kind was asked for in the step at hand.
    asked: Mutex<(usize, [usize; 2])>,
}

impl Replay {
    fn answer(&self, maps: &AttentionMaps, context: StepContext, refines: bool) -> Evaluation {
        let step = context.step_index;
        let mut asked = self.asked.lock().unwrap();
        if asked.0 != step {
            *asked = (step, [0, 0]);
        }
        let of_kind =
            self.losses.iter().enumerate().filter(|(_, (at, kind))| {
                *at == step && (*kind == LossKind::Refinement) == refines
            });
        let count = &mut asked.1[usize::from(refines)];
        let (number, _) = of_kind.clone().nth(*count).unwrap_or_else(|| {
            panic!("step {step} asks for a loss that the release did not compute")
        });
        *count += 1;
        let mut gradient = vec![0.0; maps.values.len()];
        // Steep enough to be clipped in refinements, flat enough not to be elsewhere.
        for pixel in gradient.chunks_exact_mut(maps.tokens) {
            pixel[2] = if refines { 1e6 } else { 1e-6 };
        }
        // Not one value for all pixels, or the softmax would cancel it.
        gradient[2] *= 2.0;
        Evaluation {
            loss: f64::from(self.values[number]),
            gradient,
            reading: nothing_holds(),
            coordinate: None,
        }
    }
}

fn nothing_holds() -> Reading {
    Reading {
        objects: Vec::new(),
        relations: Vec::new(),
        satisfied: false,
        copies: Vec::new(),
    }
}

impl Objective for Replay {
    fn kind(&self) -> ObjectiveKind {
        ObjectiveKind::Reference
    }

    fn read(&self, _: &AttentionMaps, _: StepContext) -> Result<Reading, ObjectiveError> {
        Ok(nothing_holds())
    }

    fn evaluate(
        &self,
        maps: &AttentionMaps,
        context: StepContext,
    ) -> Result<Evaluation, ObjectiveError> {
        Ok(self.answer(maps, context, false))
    }

    fn evaluate_in_refinement(
        &self,
        maps: &AttentionMaps,
        context: StepContext,
    ) -> Result<Evaluation, ObjectiveError> {
        Ok(self.answer(maps, context, true))
    }

    /// The recorded gates were open at every threshold step.
    fn refinement(
        &self,
        _: &AttentionMaps,
        context: StepContext,
    ) -> Result<Option<Refinement>, ObjectiveError> {
        let parameters = ReferenceParameters::default();
        let threshold = parameters.threshold(context.step_index);
        Ok(threshold.map(|threshold| Refinement {
            until: 1.0 - threshold,
            limit: parameters.refinement_limit,
        }))
    }
}

/// Keeps the loss of every report.
#[derive(Default)]
struct Losses(Vec<(usize, f32)>);

impl Observer for Losses {
    fn keep_going(&self) -> bool {
        true
    }

    fn evaluated(&mut self, report: LossReport<'_>) {
        self.0.push((report.index, report.evaluation.loss as f32));
    }

    fn updated(&mut self, report: UpdateReport<'_>) {
        self.0.push((report.index, report.evaluation.loss as f32));
        let moved = report.latents_after.clone() - report.latents_before.clone();
        let square = |value: &f32| f64::from(*value).powi(2);
        let moved = numbers(moved).iter().map(square).sum::<f64>().sqrt();
        let is_steep = report.evaluation.gradient[2] > 1.0;
        assert_eq!(is_steep, report.gradient_norm > 1.0);
        let expected = if is_steep {
            report.step_size
        } else {
            report.step_size * report.gradient_norm
        };
        assert!((report.length / expected - 1.0).abs() < 1e-9);
        // The differences of latents near 3 are known to 2e-7 each.
        assert!(
            (moved - expected).abs() < 1e-3 * expected + 1e-5,
            "{moved} {expected}"
        );
    }

    fn stepped(&mut self, _: StepReport<'_>) {}
}

/// A narrow model at its smallest size.
struct Narrow {
    model: StableDiffusion,
    context: PromptContext,
    noise: Tensor<4>,
}

impl Narrow {
    fn load() -> Self {
        let device = Device::flex();
        let source = CheckpointSource::from_path(&folder().join("narrow-sd1")).unwrap();
        let model = StableDiffusion::load(&source, &device).unwrap();
        let hidden = Fixture::open("narrow-sd1.safetensors").tensor("text.hidden", &device);
        let noise = TensorData::new(torch_randn(0, 256), [1, 4, 8, 8]);
        Self {
            context: model.unet.prompt_context(hidden),
            noise: Tensor::from_data(noise, &device),
            model,
        }
    }

    fn run(
        &self,
        steps: usize,
        objective: &dyn Objective,
        update_rule: &UpdateRule,
        observer: &mut dyn Observer,
    ) {
        let config = self.model.description.scheduler.clone();
        let denoising = Denoising {
            unet: &self.model.unet,
            context: &self.context,
            scheduler: config.kind().build(&config, steps).unwrap(),
            guidance_scale: 7.5,
            guidance_rescale: 0.0,
            latents: self.noise.clone(),
            noise: NoiseStream::new(NoiseKind::Cpu, 0, &self.model.device),
            methods: vec![Method::Storm],
            objective: Some(objective),
            update_rule,
            attention_res: 16,
            attention_layers: None,
            batch_lanes: true,
            activations: Activations::Keep,
        };
        denoising.run(observer).unwrap();
    }
}

#[test]
fn refinements_begin_and_end_where_the_releases_did() {
    let narrow = Narrow::load();
    let rule = UpdateRule::Clipped(ReferenceParameters::default());
    for name in ["left-blue-dog", "above", "sd2-left"] {
        let part = Part::open(name);
        let objective = Replay {
            losses: part.losses(),
            values: part.floats("values").to_vec(),
            asked: Mutex::default(),
        };
        let mut found = Losses::default();
        narrow.run(part.recording.run.steps, &objective, &rule, &mut found);
        let recorded = part.losses().into_iter().zip(part.floats("values"));
        // Step 0 updates nothing, so its loss is not asked for.
        let recorded = recorded.filter(|((step, _), _)| *step > 0);
        let recorded: Vec<(usize, f32)> = recorded.map(|((step, _), v)| (step, *v)).collect();
        assert_eq!(found.0, recorded, "{name}");
    }
}

/// An objective that refines in step 0 and is never content.
struct Stubborn;

impl Objective for Stubborn {
    fn kind(&self) -> ObjectiveKind {
        ObjectiveKind::Reference
    }

    fn read(&self, _: &AttentionMaps, _: StepContext) -> Result<Reading, ObjectiveError> {
        Ok(nothing_holds())
    }

    fn evaluate(&self, maps: &AttentionMaps, _: StepContext) -> Result<Evaluation, ObjectiveError> {
        let mut gradient = vec![0.0; maps.values.len()];
        gradient[2] = 1.0;
        Ok(Evaluation {
            loss: 1.0,
            gradient,
            reading: nothing_holds(),
            coordinate: None,
        })
    }

    fn refinement(
        &self,
        _: &AttentionMaps,
        context: StepContext,
    ) -> Result<Option<Refinement>, ObjectiveError> {
        let refinement = Refinement {
            until: 0.5,
            limit: 5,
        };
        Ok((context.step_index == 0).then_some(refinement))
    }
}

/// Counts the updates of each step.
#[derive(Default)]
struct Updates(BTreeMap<usize, usize>);

impl Observer for Updates {
    fn keep_going(&self) -> bool {
        true
    }

    fn updated(&mut self, report: UpdateReport<'_>) {
        *self.0.entry(report.index).or_default() += 1;
    }

    fn stepped(&mut self, _: StepReport<'_>) {}
}

/// Attend-and-Excite refines under our rule, which bounds the updates of a picture.
#[test]
fn refinements_are_bounded_and_leave_the_updates_of_the_picture() {
    let narrow = Narrow::load();
    let rule = UpdateRule::Normalised(SpatialUpdateParameters {
        window: 1.0,
        updates_per_picture: 3,
        updates_per_step: 1,
        ..Default::default()
    });
    let mut found = Updates::default();
    narrow.run(8, &Stubborn, &rule, &mut found);
    // Five of the refinement and the step's own; then one a step.
    assert_eq!(found.0, BTreeMap::from([(0, 6), (1, 1), (2, 1)]));
}
