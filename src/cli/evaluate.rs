//! `evaluate`: the spatial benchmark, made, resumed, split or put together.

mod tasks;

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use indicatif::{ProgressBar, ProgressStyle};

use super::engine_answers::{failure, wait_for_model};
use super::evaluate_arguments::EvaluateArguments;
use super::generate_plan::seeds;
use super::interrupt::Interrupt;
use super::prompt::prompt_tokenizer;
use super::prompt_file::read_prompts;
use super::report::Report;
use super::{Failure, output};
use crate::checkpoint::{Checkpoint, CheckpointSource, StableDiffusion};
use crate::device::{ComputeDevice, ComputeThreads};
use crate::diffusion::Optimisation;
use crate::engine::{self, Engine, ModelNeeds};
use crate::evaluate::cost::PassCosts;
use crate::evaluate::prompts::{parse_pairs, prompts};
use crate::evaluate::results::merge;
use crate::evaluate::{
    EvaluateError, EvaluatedMethod, Evaluator, ListedPrompt, PictureRecord, Plan, Progress,
    ResultsFolder, Settings, Shard, SpatialPrompt, Summary, owlvit, table,
};
use crate::models::ObjectDetector;
use crate::prompt::{Assignment, propose};
use crate::storm::ObjectiveKind;

pub(super) fn run(arguments: &EvaluateArguments) -> Result<(), Failure> {
    if !arguments.tasks.is_empty() {
        return tasks::run(arguments);
    }
    let layout = layout_folder(&arguments.layout)?;
    let (records, methods) = if arguments.merge.is_empty() {
        let plan = plan(arguments)?;
        let results = make(arguments, &plan, layout.is_some())?;
        let wanted: HashSet<_> = plan.prompts.iter().collect();
        let records = results.records().iter().filter(|record| {
            wanted.contains(&record.prompt)
                && plan.seeds.contains(&record.seed)
                && plan.methods.contains(&record.method)
        });
        let records = records.map(|record| (arguments.output.clone(), record.clone()));
        (records.collect(), plan.methods)
    } else {
        let (_, records) = merge(&arguments.merge).map_err(Failure::file)?;
        let methods = methods_of(&records);
        (records, methods)
    };
    if let Some(target) = layout {
        let count = owlvit::lay_out(&records, target).map_err(Failure::file)?;
        output::say(format_args!(
            "{count} pictures laid out in {}",
            target.display()
        ));
    }
    show(&records, &methods, arguments.json)
}

fn plan(arguments: &EvaluateArguments) -> Result<Plan, Failure> {
    let prompts = match &arguments.prompts {
        Some(file) => {
            let is_judged = arguments.model.model.is_none();
            placed(read_prompts(file)?, is_judged)?
        }
        None => {
            let pairs = parse_pairs(&arguments.pairs).map_err(Failure::usage)?;
            prompts(&pairs, arguments.colours)
        }
    };
    Ok(Plan {
        prompts,
        // For people, on standard error, also where standard output is for a program.
        seeds: seeds(&arguments.seeds, &Report::new(false)),
        methods: distinct(&arguments.methods),
        shard: arguments.shard.unwrap_or(Shard::WHOLE),
    })
}

/// Those of a file's prompts that can be steered, and where the embedded model's
/// detector judges, those that it can judge; every other is listed with its reason.
fn placed(listed: Vec<ListedPrompt>, is_judged: bool) -> Result<Vec<SpatialPrompt>, Failure> {
    let tokenizer = prompt_tokenizer()?;
    let detector = is_judged.then(ObjectDetector::embedded).transpose();
    let detector = detector.map_err(Failure::model)?;
    let mut placed: Vec<SpatialPrompt> = Vec::new();
    let mut left_out: Vec<String> = Vec::new();
    let count = listed.len();
    for ListedPrompt { text, said } in listed {
        let tokens = tokenizer.encode(&text);
        let Some(mut prompt) = SpatialPrompt::read(&text, &Assignment::proposed(&tokens)) else {
            let notes = propose(&tokens.words).notes.into_iter();
            let notes: Vec<String> = notes.map(|note| note.to_string()).collect();
            let reason = match notes.is_empty() {
                true => "it names no relation between two objects".to_owned(),
                false => notes.join("; "),
            };
            left_out.push(format!("“{text}”: {reason}"));
            continue;
        };
        if let Some((subject, relation, object)) = said {
            let is_so = prompt.relation == relation
                && subject.ends_with(&prompt.subject.noun)
                && object.ends_with(&prompt.object.noun);
            if !is_so {
                let (read, first, second) = (prompt.relation, &prompt.subject, &prompt.object);
                left_out.push(format!(
                    "“{text}”: read as {first} {read} {second}, but the file says {subject} \
                     {relation} {object}"
                ));
                continue;
            }
            // The whole name, as “traffic light”, for whoever judges.
            prompt.subject.noun = subject;
            prompt.object.noun = object;
        }
        let unknown = detector.as_ref().and_then(|detector| {
            let mut nouns = [&prompt.subject.noun, &prompt.object.noun].into_iter();
            nouns.find(|noun| !detector.names().contains(noun)).cloned()
        });
        match unknown {
            Some(noun) => left_out.push(format!("“{text}”: the detector does not know “{noun}”")),
            None if placed.contains(&prompt) => {
                left_out.push(format!("“{text}”: it is there twice"));
            }
            None => placed.push(prompt),
        }
    }
    if !left_out.is_empty() {
        let some = left_out.len();
        output::say(format_args!("{some} of {count} prompts are left out:"));
        left_out
            .iter()
            .for_each(|line| output::say(format_args!("  {line}")));
    }
    match placed.is_empty() {
        true => Err(Failure::usage("none of the prompts can be evaluated")),
        false => Ok(placed),
    }
}

fn distinct<T: Copy + PartialEq>(all: &[T]) -> Vec<T> {
    let mut distinct: Vec<T> = Vec::new();
    for &one in all {
        if !distinct.contains(&one) {
            distinct.push(one);
        }
    }
    distinct
}

/// Makes what the results folder lacks.
fn make(
    arguments: &EvaluateArguments,
    plan: &Plan,
    has_layout: bool,
) -> Result<ResultsFolder, Failure> {
    let mut made = None;
    with_evaluator(
        arguments,
        &plan.methods,
        has_layout,
        &mut |evaluator, settings| {
            let opened = ResultsFolder::open(&arguments.output, plan.shard, settings);
            let mut results = opened.map_err(Failure::file)?;
            let bar = progress_bar();
            let ended = evaluator.run(plan, &mut results, &mut |Progress { done, wanted }| {
                bar.set_length(wanted as u64);
                bar.set_position(done as u64);
            });
            bar.finish_and_clear();
            made = Some(results);
            Ok(ended)
        },
    )?;
    Ok(made.expect("it was made, or there was a failure"))
}

/// What is done with an engine whose model is loaded.
type Work<'w> =
    &'w mut dyn FnMut(&Evaluator<'_>, &Settings) -> Result<Result<(), EvaluateError>, Failure>;

/// Starts everything that makes and judges pictures, and does `work` with it.
fn with_evaluator(
    arguments: &EvaluateArguments,
    methods: &[EvaluatedMethod],
    has_layout: bool,
    work: Work<'_>,
) -> Result<(), Failure> {
    let optimisation = optimisation(arguments, methods)?;
    let source = source(arguments, has_layout)?;
    // For people, on standard error, also where standard output is for a program.
    let mut report = Report::new(false);
    if let Some(note) = arguments.threads.apply() {
        report.note(&note);
    }
    let device = arguments.device.open()?;
    let _threads = ComputeThreads::with_this_one();
    let costs = costs(&source, &device, &optimisation, &mut report)?;
    let detector = match source {
        CheckpointSource::Embedded => Some(ObjectDetector::embedded().map_err(Failure::model)?),
        _ => None,
    };
    let engine = Engine::start(device, source, 0, Arc::new(|| ()));
    let model = wait_for_model(&engine, &mut report)?;
    report.device(&model);
    let mut walk = engine::Settings::for_new_pictures(&model.own_walk, slowest(methods));
    arguments.sampler.apply(&mut walk);
    let settings = Settings {
        model: model.name.clone(),
        model_hash: model.hash.wait().to_owned(),
        steps: arguments.steps.unwrap_or(walk.steps),
        scheduler: walk.scheduler.unwrap_or(model.own_walk.scheduler),
        schedule: walk.schedule,
        timestep_spacing: walk.timestep_spacing,
        guidance_scale: arguments.guidance_scale.unwrap_or(walk.guidance_scale),
        methods: methods
            .iter()
            .map(|method| (*method, method.optimisation(&optimisation)))
            .collect(),
    };
    let stopper = engine.stopper();
    let interrupt = Interrupt::listen(move || stopper.cancel_all());
    let evaluator = Evaluator {
        engine: &engine,
        model: &model,
        costs,
        detector,
        settings: &settings,
    };
    let ended = work(&evaluator, &settings)?;
    if interrupt.is_set() {
        return Err(Failure::interrupted());
    }
    ended.map_err(evaluate_failure)
}

/// The objective whose defaults all methods are walked with, since they are compared
/// in the same walk: the released one's where it is among them.
fn slowest(methods: &[EvaluatedMethod]) -> ObjectiveKind {
    let released = EvaluatedMethod::Objective(ObjectiveKind::Reference);
    match methods.contains(&released) {
        true => ObjectiveKind::Reference,
        false => ObjectiveKind::default(),
    }
}

/// The model to evaluate; only the embedded one can be judged here.
fn source(arguments: &EvaluateArguments, has_layout: bool) -> Result<CheckpointSource, Failure> {
    let source = arguments.model.source()?;
    if source != CheckpointSource::Embedded && !has_layout {
        return Err(Failure::usage(
            "the detector knows the embedded model's pictures only; lay those of another model \
             out for VISOR's own judge with --layout owlvit DIR",
        ));
    }
    Ok(source)
}

/// What the parameter file and the arguments say; all methods of one run share it.
fn optimisation(
    arguments: &EvaluateArguments,
    methods: &[EvaluatedMethod],
) -> Result<Optimisation, Failure> {
    let given = &arguments.storm_parameters;
    if given.objective.is_some() {
        return Err(Failure::usage(
            "objectives are chosen with --methods here; leave --objective out",
        ));
    }
    let objectives = methods.iter().filter_map(|method| match method {
        EvaluatedMethod::Standard => None,
        EvaluatedMethod::Objective(objective) => Some(*objective),
    });
    let objectives: Vec<_> = objectives.collect();
    let mut optimisation = given.read_file(Optimisation::default())?;
    given.apply(&objectives, &mut optimisation)?;
    Ok(optimisation)
}

/// Measured on a model of its own, which is gone before the engine loads one.
fn costs(
    source: &CheckpointSource,
    device: &ComputeDevice,
    optimisation: &Optimisation,
    report: &mut Report,
) -> Result<PassCosts, Failure> {
    let checkpoint = Checkpoint::open(source, device.burn()).map_err(Failure::model)?;
    let (weight_type, needs) = ModelNeeds::on(&checkpoint, device);
    report.needs(&needs);
    needs.check(0).map_err(Failure::model)?;
    let model = StableDiffusion::build(checkpoint, weight_type, &mut |_| true);
    let model = model.map_err(Failure::model)?;
    let measured = PassCosts::measure(&model, &optimisation.update, needs.native_activations());
    drop(model);
    device.burn().memory_cleanup();
    measured.map_err(Failure::run)
}

fn layout_folder(layout: &[PathBuf]) -> Result<Option<&Path>, Failure> {
    match layout {
        [] => Ok(None),
        [kind, folder] if kind == Path::new("owlvit") => Ok(Some(folder)),
        _ => Err(Failure::usage(
            "the only layout is owlvit; write --layout owlvit DIR",
        )),
    }
}

/// In the order in which menus show them.
fn methods_of(records: &[(PathBuf, PictureRecord)]) -> Vec<EvaluatedMethod> {
    let has = |method: &EvaluatedMethod| records.iter().any(|(_, record)| record.method == *method);
    EvaluatedMethod::all().filter(has).collect()
}

fn show(
    records: &[(PathBuf, PictureRecord)],
    methods: &[EvaluatedMethod],
    json: bool,
) -> Result<(), Failure> {
    let records: Vec<&PictureRecord> = records.iter().map(|(_, record)| record).collect();
    let summary = Summary::new(&records, methods);
    if json {
        let mut methods = summary.methods.iter();
        methods.try_for_each(|method| output::line(method.to_json()))
    } else {
        output::line(table::table(&summary).trim_end())
    }
}

fn progress_bar() -> ProgressBar {
    let style = ProgressStyle::with_template("{bar:32} {pos}/{len} pictures, {eta} left");
    ProgressBar::new(0).with_style(style.expect("the template above is valid"))
}

fn evaluate_failure(error: EvaluateError) -> Failure {
    match error {
        EvaluateError::Engine(error) => failure(&error),
        EvaluateError::Results(_) => Failure::file(error),
        EvaluateError::UnknownObject { .. } | EvaluateError::Prompt(_) => Failure::usage(error),
        EvaluateError::EngineEnded => Failure::run(error),
        EvaluateError::Interrupted => Failure::interrupted(),
    }
}
