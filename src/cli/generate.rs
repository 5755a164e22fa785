//! `generate`: pictures without a window, through the same engine as the window's.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::io::IsTerminal;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use image::RgbImage;

use super::Failure;
use super::animation::Animation;
use super::arguments::GenerateArguments;
use super::interrupt::Interrupt;
use super::network_arguments::tell_walks;
use super::relations;
use super::report::{self, Report};
use super::save::{SaveResult, Saver};
use crate::checkpoint::CheckpointSource;
use crate::diffusion::{Method, Methods};
use crate::engine::{
    Engine, EngineError, Event, ModelInfo, Request, RequestId, SeedList, Settings, seeds_text,
};
use crate::export::{GridError, check_writable};
use crate::prompt::{Assignment, TokenizedPrompt};
use crate::restore::read_picture;
use crate::storm::Layout;

/// An animation reads each step soon after it was made; nobody else reads any.
const STORE_BYTES: usize = 64 << 20;

pub(super) fn run(arguments: GenerateArguments) -> Result<(), Failure> {
    let is_for_a_program = arguments.json;
    let done = make(arguments);
    if let Err(failure) = &done
        && is_for_a_program
    {
        report::failed(failure);
    }
    done
}

fn make(mut arguments: GenerateArguments) -> Result<(), Failure> {
    // What is wrong is said before the model is loaded.
    let like = arguments.like.as_deref().map(read_picture).transpose();
    let like = like.map_err(Failure::file)?;
    let taken = like.as_ref().map(|like| &like.taken);
    settings(&mut arguments, Settings::default(), taken)?;
    let (networks, loras) = arguments.networks.read()?;
    let source = source(&arguments)?;
    check_files(&arguments, taken)?;
    let mut report = Report::new(arguments.json);
    if let Some(note) = arguments.threads.apply() {
        report.note(&note);
    }
    let device = arguments.device.open()?;
    let store_bytes = arguments.animation.as_ref().map_or(0, |_| STORE_BYTES);
    let engine = Engine::start(device, source, store_bytes, Arc::new(|| ()));
    let model = wait_for_model(&engine, &mut report)?;
    report.device(&model);
    if let Some(like) = &like {
        report.note(&like.message(Some(&model.name)));
    }
    let mut settings = settings(&mut arguments, Settings::of_model(&model.own_walk), taken)?;
    if !loras.is_empty() {
        settings.loras = loras;
    }
    let mut request = request(&arguments, settings, taken, &model, &report)?;
    request.networks = Arc::new(networks);
    let read = model
        .tokenizer
        .read(&request.prompt, request.settings.reading());
    tell_walks(&request, &read, &report);
    let stopper = engine.stopper();
    let interrupt = Interrupt::listen(move || stopper.cancel_all());
    let animation = arguments.animation.map(|path| {
        (
            path,
            Animation::new(model.preview_rgb.clone(), request.settings.methods.list()),
        )
    });
    let mut run = Run {
        saver: Saver::new(&arguments.output, &request, &model),
        animation,
        trajectory: arguments.trajectory,
        pictures: BTreeMap::new(),
        report: &mut report,
    };
    let id = engine.submit(request);
    run.report.check()?;
    let ended = run.listen(&engine, id);
    let rest = run.save_grid().and(run.save_animation());
    if interrupt.is_set() {
        return Err(Failure::interrupted());
    }
    ended.and(rest)?;
    report.check()
}

/// What the parameter file, the flags and `--set` say; where they say nothing, what
/// the picture of `--like` has, and without one `defaults`.
fn settings(
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
    let mut settings = Settings {
        methods,
        rng: arguments.rng.unwrap_or(base.rng),
        prompt_weights: arguments.prompt_weights.unwrap_or(base.prompt_weights),
        prediction_type: arguments.prediction_type.or(base.prediction_type),
        size: size.or(base.size),
        optimisation,
        ..base
    };
    arguments.sampler.apply(&mut settings);
    given.apply_to(&arguments.parameters, &mut settings)?;
    Ok(settings)
}

/// The prompt that is given, or that of the picture.
fn prompt<'a>(arguments: &'a GenerateArguments, like: Option<&'a Request>) -> &'a str {
    let given = arguments.prompt.as_deref();
    given.unwrap_or_else(|| like.map_or("", |like| &like.prompt))
}

fn source(arguments: &GenerateArguments) -> Result<CheckpointSource, Failure> {
    if arguments.sd_2_1 && arguments.model.model.is_none() {
        return Err(Failure::usage(
            "Stable Diffusion 2.1 is not part of this program; give its folder with --model",
        ));
    }
    arguments.model.source()
}

/// Refuses files that could not be saved, before anything is made for them.
fn check_files(arguments: &GenerateArguments, taken: Option<&Request>) -> Result<(), Failure> {
    let is_gif = |path: &Path| {
        let extension = path.extension().and_then(OsStr::to_str);
        extension.is_some_and(|extension| extension.eq_ignore_ascii_case("gif"))
    };
    if let Some(path) = arguments.animation.as_ref().filter(|path| !is_gif(path)) {
        return Err(Failure::usage(format!(
            "an animation is a GIF; give {} a name that ends in .gif",
            path.display()
        )));
    }
    let files = [&arguments.animation, &arguments.trajectory];
    let mut files = files.into_iter().flatten();
    arguments
        .output
        .check(prompt(arguments, taken))
        .and_then(|()| files.try_for_each(|path| check_writable(path)))
        .map_err(Failure::file)
}

/// Waits until the engine has loaded its model.
pub(super) fn wait_for_model(
    engine: &Engine,
    report: &mut Report,
) -> Result<Arc<ModelInfo>, Failure> {
    while let Some(event) = engine.wait_event() {
        match event {
            Event::ModelReady(model) => {
                report.own_walk(&model.own_walk);
                model.notices.iter().for_each(|notice| report.note(notice));
                return Ok(model);
            }
            Event::ModelFailed { error, .. } => return Err(Failure::model(error)),
            Event::ModelLoading { name, .. } => report.loading(&name),
            Event::ModelOpened(needs) => report.needs(&needs),
            Event::ModelProgress(fraction) => report.loaded(fraction),
            Event::CheckingDevice => report.note(
                "Checking the graphics adapter against the CPU; this happens once and takes a while",
            ),
            _ => {}
        }
        report.check()?;
    }
    Err(Failure::run("the engine ended before the model was ready"))
}

fn request(
    arguments: &GenerateArguments,
    mut settings: Settings,
    like: Option<&Request>,
    model: &ModelInfo,
    report: &Report,
) -> Result<Request, Failure> {
    let text = prompt(arguments, like);
    let tokens: TokenizedPrompt = model.tokenizer.read(text, settings.reading());
    let layout = if text.trim().is_empty() {
        // The engine refuses it with the better message.
        Layout::default()
    } else {
        let can_ask = std::io::stdin().is_terminal() && !arguments.yes && !arguments.json;
        let known = like.and_then(|like| known_layout(like, text, &tokens));
        let is_free = like.is_some() && !arguments.storm && settings.methods == Methods::Both;
        if known.is_none() && is_free && !names_a_relation(arguments, &tokens) {
            report.note(
                "The prompt names no relation between two objects, so the standard picture alone \
                 is made; say one with --relation \"cat left-of dog\"",
            );
            settings.methods = Methods::Standard;
        }
        relations::layout(arguments, &tokens, settings.methods, known, can_ask, report)?
    };
    let seeds = match (&arguments.seeds, like) {
        (Some(list), _) => seeds(list, report),
        (None, Some(like)) if !like.seeds.is_empty() => like.seeds.clone(),
        (None, _) => vec![0],
    };
    let negative_prompt = arguments.negative_prompt.clone();
    let trajectory_method = settings.methods.list().last().copied();
    Ok(Request {
        prompt: text.to_owned(),
        negative_prompt: negative_prompt
            .unwrap_or_else(|| like.map_or_else(String::new, |like| like.negative_prompt.clone())),
        seeds,
        layout,
        settings,
        networks: Arc::default(),
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

/// One request and what has come of it.
struct Run<'a> {
    saver: Saver,
    animation: Option<(PathBuf, Animation)>,
    trajectory: Option<PathBuf>,
    /// By method, then in the order of the seeds.
    pictures: BTreeMap<Method, Vec<Arc<RgbImage>>>,
    report: &'a mut Report,
}

impl Run<'_> {
    /// Follows the events until the request has ended.
    fn listen(&mut self, engine: &Engine, id: RequestId) -> Result<(), Failure> {
        while let Some(event) = engine.wait_event() {
            self.report.event(&event);
            self.report.check()?;
            match event {
                Event::Stepped(step) => {
                    if let Some((_, animation)) = &mut self.animation {
                        animation.stepped(engine, &step);
                    }
                }
                Event::Picture(picture) => {
                    if let Some((_, animation)) = &mut self.animation {
                        animation.finished(&picture);
                    }
                    let path = self.saver.picture(&picture).map_err(Failure::file)?;
                    self.report.saved(&picture, &path);
                    let pictures = self.pictures.entry(picture.method).or_default();
                    pictures.push(picture.image);
                }
                Event::Trajectory(trajectory) => {
                    // Of the first seed; the file is named once.
                    if let Some(path) = self.trajectory.take() {
                        let saved = self.saver.trajectory(&trajectory, &path);
                        self.report.wrote(&saved.map_err(Failure::file)?);
                    }
                }
                Event::Failed { request, error } if request == id => {
                    return Err(failure(&error));
                }
                Event::Finished { request, .. } | Event::Cancelled { request } if request == id => {
                    return Ok(());
                }
                _ => {}
            }
        }
        Err(Failure::run(
            "the engine ended before the pictures were done",
        ))
    }

    /// How the first seed's pictures came about, as far as they came.
    fn save_animation(&mut self) -> Result<(), Failure> {
        let Some((path, animation)) = self.animation.take() else {
            return Ok(());
        };
        let path = animation.save(&path).map_err(Failure::file)?;
        self.report.wrote(&path);
        Ok(())
    }

    /// All pictures in one: a row per method, a column per seed.
    fn save_grid(&mut self) -> Result<(), Failure> {
        let rows: Vec<&[Arc<RgbImage>]> = self.pictures.values().map(Vec::as_slice).collect();
        if rows.iter().map(|row| row.len()).sum::<usize>() < 2 {
            return Ok(());
        }
        grid_told(self.saver.grid(&rows), self.report)
    }
}

/// Says where the grid is, or why there is none: each picture has a file of its
/// own, so a grid that would be too large is no failure.
fn grid_told(saved: SaveResult, report: &Report) -> Result<(), Failure> {
    match saved {
        Ok(path) => report.wrote(&path),
        Err(error) if error.is::<GridError>() => {
            report.note(&format!("No grid is made: {error}"));
        }
        Err(error) => return Err(Failure::file(error)),
    }
    Ok(())
}

/// An error of the engine with the exit code of its kind.
pub(super) fn failure(error: &Arc<EngineError>) -> Failure {
    match **error {
        EngineError::Request(_) => Failure::usage(error),
        EngineError::Checkpoint(_)
        | EngineError::Lora(_)
        | EngineError::BufferLimit { .. }
        | EngineError::Memory { .. }
        | EngineError::NoModel => Failure::model(error),
        EngineError::DeviceLost(_) => Failure::device(error),
        EngineError::Denoise(_)
        | EngineError::HalvesOverflowed
        | EngineError::OutOfMemory(_)
        | EngineError::Breakdown(_) => Failure::run(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_grid_that_would_be_too_large_is_no_failure() {
        let report = Report::new(false);
        let too_large = GridError::TooLarge {
            width: 40_000,
            height: 68,
        };
        assert!(grid_told(Err(Box::new(too_large)), &report).is_ok());
        let full = std::io::Error::from(std::io::ErrorKind::StorageFull);
        let failure = grid_told(Err(Box::new(full)), &report).unwrap_err();
        assert_eq!(failure.code, 6);
    }

    #[test]
    fn a_lost_device_has_the_exit_code_of_devices() {
        let lost = failure(&Arc::new(EngineError::DeviceLost("a card".to_string())));
        assert_eq!(lost.code, 4);
        assert!(lost.to_string().contains("a card"), "{lost}");
        let memory = failure(&Arc::new(EngineError::OutOfMemory("a card".to_string())));
        assert_eq!(memory.code, 5);
    }
}
