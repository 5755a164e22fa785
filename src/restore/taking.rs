//! A request put together from another program's settings: what is possible here
//! is taken, everything else is remembered by its name.

use serde_json::{Map, Value};

use super::json::text_of;
use super::networks::{self, NamedNetwork};
use super::prompt_syntax;
use super::restored::{NotTaken, RestoredSettings};
use super::{Found, Program};
use crate::diffusion::parameters::Name;
use crate::diffusion::scheduler::SamplerName;
use crate::diffusion::{NoiseKind, TimestepSpacing};
use crate::engine::{LARGEST_SIDE, LoraChoice, Request, UsedKind};
use crate::parameters::Kind;
use crate::prompt::PromptWeights;
use crate::storm::ParameterGroup;

/// What is taken of one picture so far.
pub(super) struct Taking {
    program: Program,
    request: Request,
    not_taken: Vec<NotTaken>,
    networks: Vec<NamedNetwork>,
}

impl Taking {
    /// Nothing yet; whatever the picture does not say keeps its default, and there
    /// are no seeds.
    pub(super) fn of(program: Program) -> Self {
        let mut request = Request {
            seeds: Vec::new(),
            ..Request::default()
        };
        request.settings.prompt_weights = program.prompt_weights();
        Self {
            program,
            request,
            not_taken: Vec::new(),
            networks: Vec::new(),
        }
    }

    /// Both prompts; the prompt of a request is one line.
    pub(super) fn prompts(&mut self, prompt: &str, negative_prompt: &str) {
        let line = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
        self.request.prompt = line(prompt);
        self.request.negative_prompt = line(negative_prompt);
        for prompt in [prompt, negative_prompt] {
            self.not_taken.extend(prompt_syntax::without_effect(prompt));
            for name in prompt_syntax::embeddings(prompt) {
                self.network(UsedKind::TextualInversion, name, None);
            }
        }
    }

    /// A LoRA by the name of its file, with its weights in the text encoder and in the
    /// UNet as the picture has them, and its hash.
    pub(super) fn lora(&mut self, name: &str, weights: [&str; 2], hash: Option<&str>) {
        let numbers = weights.map(|weight| weight.trim().parse::<f64>());
        let finite = match numbers {
            [Ok(text_encoder), Ok(unet)] => Some([text_encoder, unet]),
            _ => None,
        };
        let finite = finite.filter(|weights| weights.iter().all(|weight| weight.is_finite()));
        let name = networks::stem(name);
        let Some(weights) = finite else {
            let value = format!("{name}:{}", weights.join(":"));
            let rule = "its weights are numbers such as 0.8".to_owned();
            return self.not_taken.push(NotTaken::rule("LoRA", &value, rule));
        };
        if weights != [0.0; 2] {
            let lora = LoraChoice::with_weights(name, weights);
            self.request.settings.loras.push(lora);
            self.network(UsedKind::Lora, name, hash);
        }
    }

    /// A network that the picture names, and its hash.
    pub(super) fn network(&mut self, kind: UsedKind, name: &str, hash: Option<&str>) {
        let network = NamedNetwork::new(kind, name, hash);
        let is_same = |known: &&mut NamedNetwork| known.kind == kind && known.name == network.name;
        match self.networks.iter_mut().find(is_same) {
            Some(known) => known.hash = known.hash.take().or(network.hash),
            None => self.networks.push(network),
        }
    }

    /// How the prompts were read, where that is not as the program usually does.
    pub(super) fn prompt_weights(&mut self, rule: Option<PromptWeights>) {
        if let Some(rule) = rule {
            self.request.settings.prompt_weights = rule;
        }
    }

    /// The parameter `key`, which the picture calls `name`; it stays as it is if that
    /// value is impossible.
    pub(super) fn parameter(&mut self, key: &str, name: &str, value: Option<String>) {
        let Some(value) = value else {
            return;
        };
        let settings = &mut self.request.settings;
        let Err(wrong) = settings.set(&Name::Key(key.to_owned()), &value) else {
            return;
        };
        let mut parameters = settings.parameters().iter();
        let description = parameters.find(|it| it.description.key == key);
        let rule = description.and_then(|it| {
            let kind = match it.description.kind {
                Kind::Count { .. } => "a whole number from",
                _ => "a number from",
            };
            Some(format!("{kind} {}", it.description.range()?))
        });
        let rule = rule.unwrap_or_else(|| wrong.to_string());
        self.not_taken.push(NotTaken::rule(name, &value, rule));
    }

    /// Width and height as they stand in the picture, as `512x768`.
    pub(super) fn size(&mut self, name: &str, value: Option<String>) {
        let Some(value) = value else {
            return;
        };
        let mut numbers = value.split(|it: char| !it.is_ascii_digit());
        let mut next = || numbers.by_ref().find(|it| !it.is_empty())?.parse().ok();
        let sides = next().zip(next()).map(|(width, height)| [width, height]);
        let is_possible = |side: &usize| (1..=LARGEST_SIDE).contains(side);
        let sides = sides.filter(|sides: &[usize; 2]| sides.iter().all(is_possible));
        self.request.settings.size = sides;
        if sides.is_none() {
            let rule = format!("width and height from 1 to {LARGEST_SIDE}");
            self.not_taken.push(NotTaken::rule(name, &value, rule));
        }
    }

    /// The same from two values.
    pub(super) fn sides(&mut self, width: Option<String>, height: Option<String>) {
        if let (Some(width), Some(height)) = (width, height) {
            self.size("size", Some(format!("{width}x{height}")));
        }
    }

    pub(super) fn seed(&mut self, name: &str, value: Option<String>) {
        let Some(value) = value else {
            return;
        };
        match value.parse() {
            Ok(seed) => self.request.seeds = vec![seed],
            Err(_) => {
                let rule = format!("a whole number from 0 to {}", u64::MAX);
                self.not_taken.push(NotTaken::rule(name, &value, rule));
            }
        }
    }

    /// The sampler and the schedule that it walks, each with the name that the
    /// picture has for it.
    pub(super) fn sampler(
        &mut self,
        (sampler_key, sampler): (&str, Option<&str>),
        (schedule_key, schedule): (&str, Option<&str>),
    ) {
        let Some(sampler) = sampler.filter(|name| !name.is_empty()) else {
            return;
        };
        let not_known = || "not known here, the model's own is used".to_owned();
        let Ok((name, unknown)) = SamplerName::from_infotext(sampler, schedule) else {
            let rule = NotTaken::rule(sampler_key, sampler, not_known());
            return self.not_taken.push(rule);
        };
        let facts = name.scheduler.sampler();
        let settings = &mut self.request.settings;
        settings.scheduler = Some(name.scheduler);
        settings.schedule = name
            .schedule
            .filter(|schedule| facts.is_scheduled() && facts.schedules.contains(schedule));
        if let Some(unknown) = unknown {
            let rule = NotTaken::rule(schedule_key, &unknown, not_known());
            self.not_taken.push(rule);
        } else if let Some(schedule) = name.schedule
            && !facts.schedules.contains(&schedule)
        {
            let named = schedule.facts().infotext_name;
            self.no_effect(schedule_key, named);
        }
    }

    pub(super) fn spacing(&mut self, spacing: TimestepSpacing) {
        self.request.settings.timestep_spacing = Some(spacing);
    }

    pub(super) fn noise(&mut self, noise: NoiseKind) {
        self.request.settings.rng = noise;
    }

    pub(super) fn model(&mut self, name: Option<&str>) {
        self.not_taken.extend(name.map(NotTaken::model));
    }

    pub(super) fn no_effect(&mut self, name: &str, value: &str) {
        self.not_taken.push(NotTaken::no_effect(name, value));
    }

    /// Every entry of `settings` that says something, but for the keys in `told`.
    pub(super) fn others(&mut self, settings: &Map<String, Value>, told: &[&str]) {
        for (key, value) in settings {
            if !told.contains(&key.as_str())
                && let Some(value) = text_of(value)
            {
                self.no_effect(key, &value);
            }
        }
    }

    pub(super) fn finish(mut self) -> RestoredSettings {
        let Request {
            prompt, settings, ..
        } = &mut self.request;
        // What the prompt asks for itself is not asked for twice.
        let is_read = settings.prompt_weights != PromptWeights::Literal;
        let is_tagged =
            |lora: &LoraChoice| is_read && prompt.contains(&format!("<lora:{}:", lora.name));
        settings.loras.retain(|lora| !is_tagged(lora));
        RestoredSettings {
            program: self.program,
            model_hash: None,
            taken: self.request,
            not_taken: self.not_taken,
            networks: self.networks,
            differences: Vec::new(),
        }
    }

    pub(super) fn found(self) -> Found {
        Found::Settings(Box::new(self.finish()))
    }
}
