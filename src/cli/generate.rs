//! `generate`: pictures without a window, through the same engine as the window's.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use image::RgbImage;

use super::Failure;
use super::arguments::GenerateArguments;
use super::engine_answers::{failure, wait_for_model};
use super::generate_plan::{Job, PromptReader, jobs, other_files, prompts, settings};
use super::interrupt::Interrupt;
use super::network_arguments::tell_walks;
use super::report::{self, Report};
use super::save::{Kind, SaveResult, Saver};
use super::sweep_pictures::SweepPictures;
use crate::checkpoint::CheckpointSource;
use crate::diffusion::Method;
use crate::draw::ColourMap;
use crate::engine::{Engine, Event, ModelInfo, RequestId, Settings, StepEvent, StepKey, Sweep};
use crate::export::animation::AnimationKind;
use crate::export::{GridError, OutputFolder, PictureFormat, check_writable, save_new};
use crate::film::{Film, animation, strip, write_animation};
use crate::restore::read_picture;

/// Each step is taken out soon after it was made; nobody else reads any.
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
    let mut like = like.map_err(Failure::file)?;
    let (networks, loras) = arguments.networks.read()?;
    if let Some(like) = &mut like {
        like.compare(&networks);
    }
    let taken = like.as_ref().map(|like| &like.taken);
    settings(&mut arguments, Settings::default(), taken)?;
    let sweep = Sweep::new(arguments.sweep.clone()).map_err(Failure::usage)?;
    let prompts = prompts(&arguments, taken)?;
    let source = source(&arguments)?;
    check_files(&arguments, &prompts[0])?;
    let mut report = Report::new(arguments.json);
    if let Some(note) = arguments.threads.apply() {
        report.note(&note);
    }
    let device = arguments.device.open()?;
    let is_filmed = arguments.animation.is_some() || arguments.strip.is_some();
    let store_bytes = if is_filmed { STORE_BYTES } else { 0 };
    let engine = Engine::start(device, source, store_bytes, Arc::new(|| ()));
    let model = wait_for_model(&engine, &mut report)?;
    report.device(&model);
    if let Some(like) = &mut like {
        like.compare_model(&model);
        report.note(&like.message(Some(&model.name)));
        if let Some(missing) = like.missing_inversions(&networks) {
            report.note(&missing);
        }
    }
    let taken = like.as_ref().map(|like| &like.taken);
    let objective = arguments.storm_parameters.objective.unwrap_or_default();
    let defaults = Settings::for_new_pictures(&model.own_walk, objective);
    let mut settings = settings(&mut arguments, defaults, taken)?;
    if !loras.is_empty() {
        settings.loras = loras;
    }
    let asked = (prompts.as_slice(), sweep.as_ref());
    let reader = PromptReader {
        model: &model,
        networks: &Arc::new(networks),
    };
    let jobs = jobs(&arguments, asked, &settings, taken, reader, &report)?;
    if let Some(Job { request, .. }) = jobs.first() {
        let reading = request.settings.reading();
        let read = model.tokenizer.read(&request.prompt, reading);
        tell_walks(request, &read, &report);
    }
    let stopper = engine.stopper();
    let interrupt = Interrupt::listen(move || stopper.cancel_all());
    let mut run = Run {
        arguments: &arguments,
        model: &model,
        film: None,
        trajectory: arguments.trajectory.clone(),
        sweep: sweep.map(|sweep| SweepPictures::new(sweep, &jobs)),
        report: &mut report,
    };
    let mut ended = Ok(());
    for (number, job) in jobs.into_iter().enumerate() {
        ended = run.job(&engine, number, job);
        if ended.is_err() || interrupt.is_set() {
            break;
        }
    }
    let rest = run.save_sweep().and(run.save_film());
    if interrupt.is_set() {
        return Err(Failure::interrupted());
    }
    ended.and(rest)?;
    report.check()
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
fn check_files(arguments: &GenerateArguments, prompt: &str) -> Result<(), Failure> {
    if let Some(path) = &arguments.animation
        && AnimationKind::of_path(path).is_none()
    {
        let (rule, path) = (AnimationKind::RULE, path.display());
        return Err(Failure::usage(format!("{path}: {rule}")));
    }
    if let Some(path) = &arguments.strip
        && PictureFormat::of_path(path).is_none()
    {
        return Err(Failure::usage(format!(
            "{}: a strip is a picture; give it a name that ends in .png, .webp or .jpg",
            path.display()
        )));
    }
    let mut files = other_files(arguments);
    arguments
        .output
        .check(prompt)
        .and_then(|()| files.try_for_each(check_writable))
        .map_err(Failure::file)
}

/// All requests of one line and what has come of them.
struct Run<'a> {
    arguments: &'a GenerateArguments,
    model: &'a Arc<ModelInfo>,
    /// The first seed's steps, if somebody wants to see them.
    film: Option<(u64, Film)>,
    trajectory: Option<PathBuf>,
    sweep: Option<SweepPictures>,
    report: &'a mut Report,
}

/// One request and its pictures.
struct Made {
    saver: Saver,
    /// By method, then in the order of the seeds.
    pictures: BTreeMap<Method, Vec<Arc<RgbImage>>>,
}

impl Run<'_> {
    fn output(&self) -> (&OutputFolder, Kind) {
        let kind = Kind {
            format: self.arguments.format,
            quality: self.arguments.quality,
        };
        (&self.arguments.output, kind)
    }

    /// Makes the pictures of one request; those that are there already are left out
    /// where the person wants it so.
    fn job(&mut self, engine: &Engine, number: usize, job: Job) -> Result<(), Failure> {
        let Job {
            mut request,
            cell,
            mut is_partial,
        } = job;
        let saver = Saver::new(self.output(), &request, self.model, cell.as_ref());
        if self.arguments.resume || self.arguments.shard.is_some() {
            let methods = request.settings.methods.list();
            let before = request.seeds.len();
            request
                .seeds
                .retain(|seed| !methods.iter().all(|method| saver.has(*seed, *method)));
            let there = before - request.seeds.len();
            if there > 0 {
                is_partial = true;
                let prompt = &request.prompt;
                self.report.note(&format!(
                    "“{prompt}”: {there} of {before} seeds are there already"
                ));
            }
        }
        if request.seeds.is_empty() && is_partial {
            return Ok(());
        }
        let is_filmed = self.arguments.animation.is_some() || self.arguments.strip.is_some();
        if is_filmed && number == 0 {
            let seed = request.seeds.first().copied().unwrap_or_default();
            let request = Arc::new(request.clone());
            self.film = Some((seed, Film::new(&self.model.preview_rgb, &request)));
        }
        let mut made = Made {
            saver,
            pictures: BTreeMap::new(),
        };
        let methods = request.settings.methods.list();
        let id = engine.submit(request);
        self.report.check()?;
        let ended = self.listen(engine, id, number, &mut made);
        if let Some(sweep) = &mut self.sweep {
            sweep.last = Some((made.saver, methods));
        } else if !is_partial {
            let saved = self.save_grid(&made);
            return ended.and(saved);
        }
        ended
    }

    /// Follows the events until the request has ended.
    fn listen(
        &mut self,
        engine: &Engine,
        id: RequestId,
        number: usize,
        made: &mut Made,
    ) -> Result<(), Failure> {
        while let Some(event) = engine.wait_event() {
            self.report.event(&event);
            self.report.check()?;
            match event {
                Event::Stepped(step) => self.film_step(engine, &step),
                Event::Picture(picture) => {
                    if let Some((seed, film)) = &mut self.film
                        && *seed == picture.seed
                        && number == 0
                    {
                        film.add_picture(&picture);
                    }
                    let is_there = self.arguments.shard.is_some() || self.arguments.resume;
                    if !(is_there && made.saver.has(picture.seed, picture.method)) {
                        let path = made.saver.picture(&picture).map_err(Failure::file)?;
                        self.report.saved(&picture, self.model, &path);
                    }
                    if let Some(sweep) = &mut self.sweep {
                        sweep.add(number, &picture);
                    }
                    let pictures = made.pictures.entry(picture.method).or_default();
                    pictures.push(picture.image);
                }
                Event::Trajectory(trajectory) => {
                    // Of the first seed; the file is named once.
                    if let Some(path) = self.trajectory.take() {
                        let saved = made.saver.trajectory(&trajectory, &path);
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

    /// Takes a step of the first seed out of the store, which may drop it soon.
    fn film_step(&mut self, engine: &Engine, step: &StepEvent) {
        let Some((seed, film)) = &mut self.film else {
            return;
        };
        if *seed != step.seed || step.request != FIRST {
            return;
        }
        for &method in &step.methods {
            let key = StepKey {
                request: step.request,
                seed: step.seed,
                method,
                step: step.step,
            };
            if let Some(record) = engine.store().get(key) {
                film.add_step(step.step, method, record);
            }
        }
    }

    /// How the first seed's pictures came about, as far as they came.
    fn save_film(&mut self) -> Result<(), Failure> {
        let Some((_, film)) = self.film.take() else {
            return Ok(());
        };
        if let Some(path) = &self.arguments.animation {
            let frames = animation(&film, self.arguments.overlays).map_err(Failure::run)?;
            let path = write_animation(path, &frames).map_err(Failure::file)?;
            self.report.wrote(&path);
        }
        if let Some(path) = &self.arguments.strip {
            let picture = strip(&film, &[], ColourMap::default()).map_err(Failure::run)?;
            let format = PictureFormat::of_path(path).unwrap_or_default();
            let quality = self.arguments.quality;
            let saved = save_new(path, |file| format.write(file, &picture, &[], quality));
            self.report.wrote(&saved.map_err(Failure::file)?);
        }
        Ok(())
    }

    /// All pictures of a request in one: a row per method, a column per seed.
    fn save_grid(&mut self, made: &Made) -> Result<(), Failure> {
        let rows: Vec<&[Arc<RgbImage>]> = made.pictures.values().map(Vec::as_slice).collect();
        if rows.iter().map(|row| row.len()).sum::<usize>() < 2 {
            return Ok(());
        }
        grid_told(made.saver.grid(&rows), self.report)
    }

    /// A sweep's pictures under their labels, one grid a seed, as far as they came.
    fn save_sweep(&mut self) -> Result<(), Failure> {
        let Some(sweep) = self.sweep.take() else {
            return Ok(());
        };
        for saved in sweep.save() {
            grid_told(saved, self.report)?;
        }
        Ok(())
    }
}

/// The first request of an engine.
const FIRST: RequestId = RequestId(1);

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
}
