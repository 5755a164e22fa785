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
/// can be made again.
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

    /// The defaults for a model that is meant to be walked like that.
    pub fn of_model(own: &OwnWalk) -> Self {
        let defaults = Self::default();
        Self {
            steps: own.steps.unwrap_or(defaults.steps),
            guidance_scale: own.guidance_scale.unwrap_or(defaults.guidance_scale),
            ..defaults
        }
    }

    /// Another model comes in the place of one: what was the old one's default
    /// becomes the new one's, where either asks for other than usual.
    pub fn change_model(&mut self, old: Option<&OwnWalk>, new: &OwnWalk) {
        let old = old.map_or_else(Self::default, Self::of_model);
        let asked = Self::of_model(new);
        if asked.steps != old.steps && (new.steps.is_some() || self.steps == old.steps) {
            self.steps = asked.steps;
        }
        let is_own = self.guidance_scale == old.guidance_scale;
        if asked.guidance_scale != old.guidance_scale && (new.guidance_scale.is_some() || is_own) {
            self.guidance_scale = asked.guidance_scale;
        }
    }
}

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

    #[test]
    fn a_model_for_few_steps_brings_its_defaults_and_takes_them_along_when_it_goes() {
        let plain = own(r#"{"_class_name": "PNDMScheduler"}"#);
        let consistent = own(r#"{"_class_name": "LCMScheduler"}"#);
        let mut settings = Settings {
            steps: 25,
            ..Settings::default()
        };
        settings.change_model(None, &plain);
        assert_eq!((settings.steps, settings.guidance_scale), (25, 7.5));
        settings.change_model(Some(&plain), &consistent);
        assert_eq!((settings.steps, settings.guidance_scale), (4, 1.0));
        settings.guidance_scale = 1.5;
        settings.change_model(Some(&consistent), &plain);
        assert_eq!((settings.steps, settings.guidance_scale), (50, 1.5));
    }
}
