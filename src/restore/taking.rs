//! A request put together from another program's settings: what is possible here
//! is taken, everything else is remembered by its name.

use serde_json::{Map, Value};

use super::prompt_syntax;
use super::restored::{NotTaken, RestoredSettings};
use super::{Found, Program};
use crate::diffusion::parameters::Name;
use crate::diffusion::scheduler::SamplerName;
use crate::diffusion::{NoiseKind, TimestepSpacing};
use crate::engine::{LARGEST_SIDE, Request};
use crate::parameters::Kind;
use crate::prompt::PromptWeights;
use crate::storm::ParameterGroup;

/// What is taken of one picture so far.
pub(super) struct Taking {
    program: Program,
    request: Request,
    not_taken: Vec<NotTaken>,
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
        }
    }

    /// Both prompts; the prompt of a request is one line.
    pub(super) fn prompts(&mut self, prompt: &str, negative_prompt: &str) {
        let line = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
        self.request.prompt = line(prompt);
        self.request.negative_prompt = line(negative_prompt);
        for prompt in [prompt, negative_prompt] {
            self.not_taken.extend(prompt_syntax::without_effect(prompt));
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

    pub(super) fn finish(self) -> RestoredSettings {
        RestoredSettings {
            program: self.program,
            taken: self.request,
            not_taken: self.not_taken,
        }
    }

    pub(super) fn found(self) -> Found {
        Found::Settings(Box::new(self.finish()))
    }
}

/// A value of JSON as a person would write it; `None` for what says nothing: null,
/// false, an empty text, list or object, and the `None` of Python programs.
pub(super) fn text_of(value: &Value) -> Option<String> {
    match value {
        Value::Null | Value::Bool(false) => None,
        Value::Bool(true) => Some("on".to_owned()),
        Value::String(text) => {
            let text = text.trim();
            (!matches!(text, "" | "None" | "null" | "[]" | "{}" | "False")).then(|| text.to_owned())
        }
        Value::Number(number) => Some(match number.as_f64() {
            // Programs that keep every number as a float write 20.0 steps.
            Some(float) if number.is_f64() && float.fract() == 0.0 && float.abs() < 1e15 => {
                format!("{float:.0}")
            }
            _ => number.to_string(),
        }),
        Value::Array(items) => {
            let texts: Vec<String> = items.iter().filter_map(text_of).collect();
            (!texts.is_empty()).then(|| texts.join(", "))
        }
        Value::Object(fields) => {
            let name = ["name", "model_name"].iter().find_map(|key| {
                let name = fields.get(*key)?;
                text_of(name)
            });
            name.or_else(|| (!fields.is_empty()).then(|| value.to_string()))
        }
    }
}

/// The value of the first of `keys` that says something.
pub(super) fn value(settings: &Map<String, Value>, keys: &[&str]) -> Option<String> {
    keys.iter().find_map(|key| text_of(settings.get(*key)?))
}

/// A text of JSON; programs write prompts as texts, or not at all.
pub(super) fn text<'a>(settings: &'a Map<String, Value>, keys: &[&str]) -> &'a str {
    let mut texts = keys.iter().filter_map(|key| settings.get(*key)?.as_str());
    texts.next().unwrap_or_default()
}

/// Names of networks with their strengths, as `detail:0.8, light:1`.
pub(super) fn networks(list: Option<&Value>, name_keys: &[&str], weight_keys: &[&str]) -> String {
    let items = list.and_then(Value::as_array).into_iter().flatten();
    let named = items.filter_map(|item| {
        let fields = match item {
            Value::Object(fields) => fields,
            // Fooocus writes [name, weight, hash].
            Value::Array(parts) => {
                let name = text_of(parts.first()?)?;
                let weight = parts.get(1).and_then(text_of).unwrap_or_default();
                return Some(format!("{name}:{weight}"));
            }
            other => return text_of(other),
        };
        let name = value(fields, name_keys)?;
        let weight = value(fields, weight_keys);
        Some(match weight {
            Some(weight) => format!("{name}:{weight}"),
            None => name,
        })
    });
    named.collect::<Vec<_>>().join(", ")
}
