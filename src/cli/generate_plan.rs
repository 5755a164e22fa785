//! What one line of `generate` asks for: requests with their settings, prompts and
//! seeds, from flags, a picture, a file of prompts or a sweep.

use std::io::IsTerminal;
use std::path::Path;
use std::sync::Arc;

use super::Failure;
use super::arguments::GenerateArguments;
use super::prompt_file::read_prompts;
use super::relations;
use super::report::Report;
use crate::diffusion::Methods;
use crate::engine::{ModelInfo, NetworkLibrary, Request, SeedList, Settings, Sweep, seeds_text};
use crate::prompt::{Assignment, TokenizedPrompt, carried_layout};
use crate::storm::Layout;

/// One request, and its cell if it is one of a sweep's.
pub(super) struct Job {
    pub(super) request: Request,
    pub(super) cell: Option<Cell>,
    /// Some of its seeds are other parts' or were made before.
    pub(super) is_partial: bool,
}

/// Where a picture stands in its sweep.
#[derive(Debug, Clone)]
pub(super) struct Cell {
    /// Its settings.
    pub(super) name: String,
    /// That of the sweep, whose folder all its pictures go to.
    pub(super) prompt: String,
}

/// What the parameter file, the flags and `--set` say; where they say nothing, what
/// the picture of `--like` has, and without one `defaults`.
pub(super) fn settings(
    arguments: &mut GenerateArguments,
    defaults: Settings,
    like: Option<&Request>,
) -> Result<Settings, Failure> {
    let base = like.map_or(defaults, |like| like.settings.clone());
    let given = &mut arguments.storm_parameters;
    let mut optimisation = given.read_file(base.optimisation.clone())?;
    let objective = given.objective.get_or_insert(optimisation.objective);
    optimisation.objective = *objective;
    let methods = match (arguments.standard, arguments.storm) {
        (true, true) => {
            return Err(Failure::usage(
                "--standard and --storm exclude each other; without either, both methods run",
            ));
        }
        (true, _) => Methods::Standard,
        (_, true) => Methods::Storm,
        _ => base.methods,
    };
    let size = arguments.size.map(|size| size.0);
    let original_size = arguments.original_size.map(|size| size.0);
    let crop = arguments.crop.map(|crop| crop.0);
    let target_size = arguments.target_size.map(|size| size.0);
    let mut settings = Settings {
        methods,
        rng: arguments.rng.unwrap_or(base.rng),
        prompt_weights: arguments.prompt_weights.unwrap_or(base.prompt_weights),
        prediction_type: arguments.prediction_type.or(base.prediction_type),
        size: size.or(base.size),
        original_size: original_size.or(base.original_size),
        crop: crop.or(base.crop),
        target_size: target_size.or(base.target_size),
        optimisation,
        ..base
    };
    arguments.sampler.apply(&mut settings);
    given.apply_to(&arguments.parameters, &mut settings)?;
    Ok(settings)
}

/// The prompts: the given one, that of the picture, or those of the file.
pub(super) fn prompts(
    arguments: &GenerateArguments,
    like: Option<&Request>,
) -> Result<Vec<String>, Failure> {
    if let Some(file) = &arguments.prompts {
        let prompts = read_prompts(file)?.into_iter();
        return Ok(prompts.map(|prompt| prompt.text).collect());
    }
    let given = arguments.prompt.clone();
    let taken = || like.map_or_else(String::new, |like| like.prompt.clone());
    Ok(vec![given.unwrap_or_else(taken)])
}

/// Reads prompts as the engine will.
#[derive(Clone, Copy)]
pub(super) struct PromptReader<'a> {
    pub(super) model: &'a ModelInfo,
    pub(super) networks: &'a Arc<NetworkLibrary>,
}

impl PromptReader<'_> {
    fn read(self, prompt: &str, settings: &Settings) -> TokenizedPrompt {
        let known = self.networks.known_words(self.model.text_width);
        let tokenizer = &self.model.tokenizer;
        tokenizer.read_with(prompt, settings.reading(), &known)
    }
}

/// Everything that is asked for, in order.
///
/// # Errors
/// If words, relations or the values of a sweep make no sense.
pub(super) fn jobs(
    arguments: &GenerateArguments,
    (prompts, sweep): (&[String], Option<&Sweep>),
    settings: &Settings,
    like: Option<&Request>,
    reader: PromptReader<'_>,
    report: &Report,
) -> Result<Vec<Job>, Failure> {
    let seeds = match (&arguments.seeds, like) {
        (Some(list), _) => seeds(list, report),
        (None, Some(like)) if !like.seeds.is_empty() => like.seeds.clone(),
        (None, _) => vec![0],
    };
    let mut requests = Vec::new();
    let mut unplaced = Vec::new();
    for prompt in prompts {
        let read = request(arguments, (prompt, &seeds), settings, like, reader, report)?;
        if read.settings.methods != settings.methods {
            unplaced.push(prompt.as_str());
        }
        requests.push(read);
    }
    tell_unplaced(&unplaced, like.is_some(), report);
    let mut jobs = Vec::new();
    for request in requests {
        let Some(sweep) = sweep else {
            jobs.push(Job {
                request,
                cell: None,
                is_partial: false,
            });
            continue;
        };
        for (mut cell, name) in sweep.requests(&request).map_err(Failure::usage)? {
            if cell.is_read_otherwise_than(&request) {
                cell.layout = cell_layout(arguments, &request, &cell, reader, report)?;
            }
            let prompt = request.prompt.clone();
            jobs.push(Job {
                request: cell,
                cell: Some(Cell { name, prompt }),
                is_partial: false,
            });
        }
    }
    if let Some(shard) = arguments.shard {
        let mut number = 0;
        for job in &mut jobs {
            job.request.seeds.retain(|_| {
                number += 1;
                shard.has(number - 1)
            });
            job.is_partial = true;
        }
    }
    // A recording is of one seed.
    for job in jobs.iter_mut().skip(1) {
        job.request.trajectory = None;
    }
    Ok(jobs)
}

/// What is asked of a sweep's cell that has another prompt: what the flags say, where
/// its words are there, else what was asked of the first prompt.
fn cell_layout(
    arguments: &GenerateArguments,
    base: &Request,
    cell: &Request,
    reader: PromptReader<'_>,
    report: &Report,
) -> Result<Layout, Failure> {
    let [old, new] = [base, cell].map(|it| reader.read(&it.prompt, &it.settings));
    let methods = cell.settings.methods;
    if !arguments.relation.is_empty()
        && let Ok(said) = relations::layout(arguments, &new, methods, None, false, report)
    {
        return Ok(said);
    }
    let layout = carried_layout(&base.layout, &old, &new).map_err(Failure::usage)?;
    let mut asked = cell.clone();
    asked.layout = layout.clone();
    asked
        .check()
        .map_err(|error| Failure::usage(format!("“{}”: {error}", cell.prompt)))?;
    Ok(layout)
}

/// Lists the prompts whose words name no place: their pictures are standard ones.
fn tell_unplaced(unplaced: &[&str], is_like: bool, report: &Report) {
    match unplaced {
        [] => {}
        [_] if is_like => report.note(
            "The prompt names no relation between two objects, so the standard picture alone is \
             made; say one with --relation \"cat left-of dog\"",
        ),
        some => {
            let count = some.len();
            report.note(&format!(
                "Of {count} prompts only the standard picture is made, since they name no \
                 relation between two objects:"
            ));
            some.iter()
                .for_each(|prompt| report.note(&format!("  {prompt}")));
        }
    }
}

fn request(
    arguments: &GenerateArguments,
    (text, seeds): (&str, &[u64]),
    settings: &Settings,
    like: Option<&Request>,
    reader: PromptReader<'_>,
    report: &Report,
) -> Result<Request, Failure> {
    let mut settings = settings.clone();
    let tokens = reader.read(text, &settings);
    let layout = if text.trim().is_empty() {
        // The engine refuses it with the better message.
        Layout::default()
    } else {
        let is_of_many = arguments.prompts.is_some();
        let is_for_a_person = std::io::stdin().is_terminal() && !arguments.yes && !arguments.json;
        let known = like.and_then(|like| known_layout(like, text, &tokens));
        let is_free = (like.is_some() || is_of_many) && !arguments.storm;
        if is_free
            && known.is_none()
            && settings.methods == Methods::Both
            && !names_a_relation(arguments, &tokens)
        {
            settings.methods = Methods::Standard;
        }
        let can_ask = is_for_a_person && !is_of_many;
        relations::layout(arguments, &tokens, settings.methods, known, can_ask, report)?
    };
    let negative_prompt = arguments.negative_prompt.clone();
    let trajectory_method = settings.methods.list().last().copied();
    Ok(Request {
        prompt: text.to_owned(),
        negative_prompt: negative_prompt
            .unwrap_or_else(|| like.map_or_else(String::new, |like| like.negative_prompt.clone())),
        seeds: seeds.to_vec(),
        layout,
        settings,
        networks: Arc::clone(reader.networks),
        trajectory: arguments.trajectory.as_ref().and(trajectory_method),
    })
}

/// The objects and relations that a picture names, if its prompt is asked for and
/// this model has the tokens.
fn known_layout<'a>(
    like: &'a Request,
    prompt: &str,
    tokens: &TokenizedPrompt,
) -> Option<&'a Layout> {
    let layout = &like.layout;
    let is_known = like.prompt == prompt
        && !layout.objects.is_empty()
        && layout.validate(tokens.tokens.len()).is_ok();
    is_known.then_some(layout)
}

fn names_a_relation(arguments: &GenerateArguments, tokens: &TokenizedPrompt) -> bool {
    let is_said = arguments.token_indices.is_some() || !arguments.relation.is_empty();
    is_said || !Assignment::proposed(tokens).relations.is_empty()
}

/// The seeds that are asked for; those drawn are told, since they are in no argument.
pub(super) fn seeds(list: &SeedList, report: &Report) -> Vec<u64> {
    let seeds = list.seeds();
    if list.has_random() {
        let list = seeds_text(&seeds).replace(' ', "");
        report.note(&format!("Seeds drawn: --seeds {list}"));
    }
    seeds
}

/// Whether a sweep's pictures have one name for all seeds.
pub(super) fn sweep_seed(sweep: &Sweep, seeds: &[u64], seed: u64) -> u64 {
    match sweep.is_over("seed") {
        true => seeds.first().copied().unwrap_or(seed),
        false => seed,
    }
}

/// The files that the run writes besides its pictures.
pub(super) fn other_files(arguments: &GenerateArguments) -> impl Iterator<Item = &Path> {
    let files = [
        &arguments.animation,
        &arguments.trajectory,
        &arguments.strip,
    ];
    files.into_iter().flatten().map(|path| path.as_path())
}
