//! How pictures are made, whatever they show.

use serde::{Deserialize, Serialize};

use super::networks::LoraChoice;
use crate::diffusion::parameters::{Name, SetError, set};
use crate::diffusion::{
    Method, Methods, NoiseKind, Optimisation, OwnWalk, PredictionType, SchedulerKind,
    SigmaSchedule, TimestepSpacing,
};
use crate::models::unet::MicroConditioning;
use crate::parameters::Description;
use crate::prompt::PromptWeights;
use crate::storm::ObjectiveKind;
use crate::storm::parameters::described;

/// The part of a [`Request`](super::Request) apart from its words and seeds: the
/// window edits it, a picture carries it, the benchmark varies it.
///
/// Whatever a file lacks has its default, so that pictures of an older version
/// can be made again; new pictures have [`Settings::for_new_pictures`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Settings {
    /// Which methods to run, from the same noise.
    pub methods: Methods,
    /// Denoising steps; PNDM makes one prediction more.
    pub steps: usize,
    /// How closely the picture follows the words.
    pub guidance_scale: f64,
    /// How much of the guided prediction is brought back to the spread of the
    /// prompt's own, from 0 to 1.
    #[serde(skip_serializing_if = "is_default")]
    pub guidance_rescale: f64,
    /// `None`: the checkpoint's own.
    pub scheduler: Option<SchedulerKind>,
    /// The noise levels of samplers that can visit any; `None`: the checkpoint's
    /// own.
    #[serde(skip_serializing_if = "is_default")]
    pub schedule: Option<SigmaSchedule>,
    /// `None`: the checkpoint's own, or the sampler's.
    #[serde(skip_serializing_if = "is_default")]
    pub timestep_spacing: Option<TimestepSpacing>,
    /// Whose noise the seeds stand for.
    #[serde(skip_serializing_if = "is_default")]
    pub rng: NoiseKind,
    /// What the UNet predicts; `None`: what the checkpoint says.
    pub prediction_type: Option<PredictionType>,
    /// Width and height in pixels; `None`: what the model was trained on.
    pub size: Option<[usize; 2]>,
    /// Width and height that the picture is to look as if it had had before it was
    /// scaled, for models that are told it; `None`: the picture's own.
    #[serde(skip_serializing_if = "is_default")]
    pub original_size: Option<[usize; 2]>,
    /// How much is to look cut off at the left and at the top, for the same models.
    #[serde(skip_serializing_if = "is_default")]
    pub crop: Option<[usize; 2]>,
    /// Width and height that it is to look made for; `None`: the picture's own.
    #[serde(skip_serializing_if = "is_default")]
    pub target_size: Option<[usize; 2]>,
    /// How brackets in the prompts are read, and what weights do. Pictures that do
    /// not say it were made of literal prompts.
    #[serde(default = "literal", skip_serializing_if = "is_literal")]
    pub prompt_weights: PromptWeights,
    /// LoRAs, beside those that the prompt names.
    #[serde(skip_serializing_if = "is_default")]
    pub loras: Vec<LoraChoice>,
    /// From which layer of the text encoder, counted from the last, its states come.
    #[serde(skip_serializing_if = "is_first")]
    pub clip_skip: usize,
    /// What STORM does.
    #[serde(flatten)]
    pub optimisation: Optimisation,
    /// Predict both methods in one batch; costs memory, saves time.
    pub batch_methods: bool,
}

described! {
    Settings in "request" read by ObjectiveKind::ALL;

    /// Denoising steps: more steps give finer pictures and take longer.
    steps => Description::count("Steps", 1..=1000)
        .flag("steps", &["n_inference_steps"]).prominent();
    /// How closely the picture follows the words; at 1 or below the negative prompt is ignored.
    guidance_scale => Description::number("Guidance scale", 0.0..=100.0, 0.1)
        .flag("guidance-scale", &["guidance_scale"]).prominent();
    /// How much of the contrast that guidance adds is taken back; 0.7 suits models whose noise leaves
    /// no signal.
    guidance_rescale => Description::number("Guidance rescale", 0.0..=1.0, 0.01)
        .flag("guidance-rescale", &["guidance_rescale"]);
    /// From which layer of the text encoder, counted from the last, the prompt's states come; 2 suits
    /// models that were trained so.
    clip_skip => Description::count("Clip skip", 1..=12)
        .flag("clip-skip", &["clip_skip"]);
    /// Predict both methods in one batch; costs memory, saves time.
    batch_methods => Description::switch("Both in one batch");
}

/// Keys that came later are written only where they say something, so that older
/// programs know every key of a plain picture.
fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

fn is_first(layer: &usize) -> bool {
    *layer == 1
}

fn literal() -> PromptWeights {
    PromptWeights::Literal
}

fn is_literal(weights: &PromptWeights) -> bool {
    *weights == PromptWeights::Literal
}

impl Settings {
    /// How the prompts are read: the released code knows no weights.
    pub fn reading(&self) -> PromptWeights {
        let is_reference = self.methods.includes(Method::Storm)
            && self.optimisation.objective == ObjectiveKind::Reference;
        match is_reference {
            true => PromptWeights::Literal,
            false => self.prompt_weights,
        }
    }

    /// The defaults of new pictures of a model that is meant to be walked like
    /// that, with an objective. The released method goes on as it was released:
    /// the model's own sampler and 50 steps.
    pub fn for_new_pictures(own: &OwnWalk, objective: ObjectiveKind) -> Self {
        let mut settings = Self::default();
        settings.optimisation.objective = objective;
        if objective != ObjectiveKind::Reference {
            settings.steps = NEW_STEPS;
            if own.takes_any_sampler() {
                settings.scheduler = Some(NEW_SAMPLER);
            }
        }
        settings.steps = own.steps.unwrap_or(settings.steps);
        settings.guidance_scale = own.guidance_scale.unwrap_or(settings.guidance_scale);
        settings
    }

    /// Another model or objective comes in the place of one: what was a default of
    /// the `old` becomes that of the `new`; what a model `asks` for replaces what a
    /// person chose for another.
    pub fn change_defaults(&mut self, old: &Self, new: &Self, asks: Option<&OwnWalk>) {
        let must = |asked: Option<bool>| asked == Some(true);
        if self.steps == old.steps || must(asks.map(|own| own.steps.is_some())) {
            self.steps = new.steps;
        }
        let guided = asks.map(|own| own.guidance_scale.is_some());
        if self.guidance_scale == old.guidance_scale || must(guided) {
            self.guidance_scale = new.guidance_scale;
        }
        if self.scheduler == old.scheduler {
            self.scheduler = new.scheduler;
        }
    }
}

/// Sampler and steps of new pictures where the model asks for none of its own: of
/// those measured on the embedded model the best for its time (README, Samplers).
const NEW_SAMPLER: SchedulerKind = SchedulerKind::Dpmpp2m;
const NEW_STEPS: usize = 20;

impl Default for Settings {
    fn default() -> Self {
        Self {
            methods: Methods::default(),
            steps: 50,
            guidance_scale: 7.5,
            guidance_rescale: 0.0,
            scheduler: None,
            schedule: None,
            timestep_spacing: None,
            rng: NoiseKind::Cpu,
            prediction_type: None,
            size: None,
            original_size: None,
            crop: None,
            target_size: None,
            prompt_weights: PromptWeights::default(),
            loras: Vec::new(),
            clip_skip: 1,
            optimisation: Optimisation::default(),
            batch_methods: true,
        }
    }
}

impl Settings {
    /// What a model that is told sizes is told of a picture of `size`.
    pub fn micro_conditioning(&self, size: [usize; 2]) -> MicroConditioning {
        let whole = MicroConditioning::of_picture(size);
        MicroConditioning {
            original_size: self.original_size.unwrap_or(whole.original_size),
            crop: self.crop.unwrap_or(whole.crop),
            target_size: self.target_size.unwrap_or(whole.target_size),
        }
    }

    /// Whether it says anything that only models which are told sizes read.
    pub fn names_sizes(&self) -> bool {
        [self.original_size, self.crop, self.target_size]
            .iter()
            .any(Option::is_some)
    }

    /// Sets the parameter that `name` means: of the request, or one that the
    /// objective reads.
    ///
    /// # Errors
    /// [`SetError`], and then nothing has changed.
    pub fn set(&mut self, name: &Name, text: &str) -> Result<(), SetError> {
        let objectives = [self.optimisation.objective];
        match set(&mut [self], name, text, &objectives) {
            Err(SetError::Unknown { .. }) => {
                set(&mut self.optimisation.groups(), name, text, &objectives)
            }
            done => done,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diffusion::SchedulerConfig;

    fn own(json: &str) -> OwnWalk {
        let config = SchedulerConfig::from_json(json.as_bytes()).unwrap();
        config.own_walk(false)
    }

    fn defaults(own: &OwnWalk) -> Settings {
        Settings::for_new_pictures(own, ObjectiveKind::default())
    }

    #[test]
    fn a_model_that_says_nothing_is_walked_with_the_best_and_others_as_they_say() {
        let plain = defaults(&own(r#"{"_class_name": "PNDMScheduler"}"#));
        assert_eq!(plain.scheduler, Some(NEW_SAMPLER));
        assert_eq!((plain.steps, plain.guidance_scale), (NEW_STEPS, 7.5));
        let euler = defaults(&own(r#"{"_class_name": "EulerDiscreteScheduler"}"#));
        assert_eq!((euler.scheduler, euler.steps), (None, NEW_STEPS));
        let consistent = defaults(&own(r#"{"_class_name": "LCMScheduler"}"#));
        assert_eq!((consistent.scheduler, consistent.steps), (None, 4));
        // As it was released.
        let plain = own(r#"{"_class_name": "PNDMScheduler"}"#);
        let released = Settings::for_new_pictures(&plain, ObjectiveKind::Reference);
        assert_eq!((released.scheduler, released.steps), (None, 50));
    }

    #[test]
    fn a_model_for_few_steps_brings_its_defaults_and_takes_them_along_when_it_goes() {
        let plain = own(r#"{"_class_name": "PNDMScheduler"}"#);
        let consistent = own(r#"{"_class_name": "LCMScheduler"}"#);
        let (usual, few) = (defaults(&plain), defaults(&consistent));
        let mut settings = Settings {
            steps: 25,
            ..usual.clone()
        };
        settings.change_defaults(&usual, &few, Some(&consistent));
        assert_eq!((settings.steps, settings.guidance_scale), (4, 1.0));
        assert_eq!(settings.scheduler, None);
        settings.guidance_scale = 1.5;
        settings.change_defaults(&few, &usual, Some(&plain));
        assert_eq!((settings.steps, settings.guidance_scale), (NEW_STEPS, 1.5));
        assert_eq!(settings.scheduler, Some(NEW_SAMPLER));
        settings.steps = 30;
        settings.change_defaults(&usual, &usual, Some(&plain));
        assert_eq!(settings.steps, 30);
    }
}
