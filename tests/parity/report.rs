//! What was found in one recording, in a few lines and in a table.

use std::time::Instant;

use storm_studio::device::ComputeDevice;

use super::models::{Models, scheduler};
use super::recording::{LossKind, Recording, kinds};
use super::single_steps::{self, StepErrors};
use super::stored_maps::{self, LossErrors, largest_error, relative};
use super::whole_run;

/// A figure and the largest value it may have.
struct Goal {
    what: &'static str,
    figure: f64,
    most: f64,
}

/// The errors of one recording.
pub struct RunReport {
    name: String,
    model: String,
    losses: LossErrors,
    /// Unless they were left out.
    steps: Option<StepErrors>,
    /// Largest |error|.
    text_embeddings: f64,
    /// Largest relative error of the losses up to the first update.
    first_losses: f64,
    /// Largest |error| of the first latents that were recorded.
    first_latents: f64,
    /// Per scheduler call: its index and the largest |error| of its latents.
    latents: Vec<(usize, f64)>,
    /// Per step: its index and the relative error of its first loss.
    step_losses: Vec<(usize, f64)>,
    /// Steps with another number of updates: index, ours, theirs.
    updates: Vec<(usize, usize, usize)>,
    /// Largest |error| of the small picture, if both have one.
    picture: Option<f64>,
    seconds: f64,
}

impl RunReport {
    /// Checks one recording; `fast` leaves the single steps out, which take as
    /// long as the whole run.
    pub fn make(
        recording: &Recording,
        models: &Models,
        device: &ComputeDevice,
        fast: bool,
    ) -> Self {
        let began = Instant::now();
        let (folder, model) = models.of(recording, device.burn());
        let scheduler = scheduler(recording, model.description.scheduler.kind());
        let end_token = model
            .description
            .tokenizer
            .encode(&recording.run.prompt)
            .end;
        let objective = recording.objective(end_token);
        let losses = stored_maps::check(recording, &*objective);
        let steps = (!fast).then(|| single_steps::check(recording, &model, scheduler, &*objective));
        drop(model);
        let ours = whole_run::repeat(recording, &folder, scheduler, device);
        let error = |name: &str| {
            let (ours, theirs) = (ours.values(name)?, recording.values(name)?);
            Some(largest_error(ours, theirs))
        };
        let latents: Vec<(usize, f64)> = recording
            .latents()
            .into_iter()
            .map(|(index, _)| {
                let error = error(&format!("latents.{index}"));
                (index, error.unwrap_or(f64::INFINITY))
            })
            .collect();
        Self {
            name: recording.name.clone(),
            model: format!(
                "{}, {scheduler}",
                folder.file_name().unwrap_or_default().display()
            ),
            losses,
            steps,
            text_embeddings: error("text_embeddings").unwrap_or(f64::INFINITY),
            first_losses: first_losses(&ours, recording),
            first_latents: latents.first().map_or(f64::INFINITY, |(_, error)| *error),
            latents,
            step_losses: step_losses(&ours, recording),
            updates: other_updates(&ours, recording),
            picture: error("image_64"),
            seconds: began.elapsed().as_secs_f64(),
        }
    }

    fn goals(&self) -> Vec<Goal> {
        let goal = |what, figure, most| Goal { what, figure, most };
        let mut goals = vec![
            goal("losses from stored maps", self.losses.value, 1e-3),
            goal("grad_maps from stored maps", self.losses.gradient, 1e-2),
            goal("text embeddings", self.text_embeddings, 1e-4),
            goal("first losses", self.first_losses, 1e-3),
            goal("first recorded latents", self.first_latents, 2e-3),
        ];
        if let Some(steps) = &self.steps {
            goals.push(goal("one update, relative", steps.update, 1e-2));
            goals.push(goal("one scheduler step", steps.step, 2e-3));
        }
        goals
    }

    /// Every goal missed, in words.
    pub fn missed(&self) -> Vec<String> {
        let goals = self.goals().into_iter();
        goals
            .filter(|goal| goal.figure.is_nan() || goal.figure > goal.most)
            .map(|Goal { what, figure, most }| {
                format!("{}, {what}: {figure:.1e} > {most:.0e}", self.name)
            })
            .collect()
    }

    /// All that was found, with the drift of the whole run.
    pub fn print(&self) {
        println!("{} ({}, {:.0} s)", self.name, self.model, self.seconds);
        for Goal { what, figure, most } in self.goals() {
            println!("  {what:27} {figure:8.1e}  (goal {most:.0e})");
        }
        println!("  {:27} {:8.1e}", "coordinates", self.losses.coordinate);
        if let Some(picture) = self.picture {
            println!("  {:27} {picture:8.1e}  (of 1)", "picture, 64 × 64");
        }
        let listed = |pairs: &[(usize, f64)]| {
            let pairs = pairs
                .iter()
                .map(|(index, error)| format!("{index}: {error:.1e}"));
            pairs.collect::<Vec<_>>().join(", ")
        };
        println!(
            "  first loss of each step, relative  {}",
            listed(&self.step_losses)
        );
        println!(
            "  latents after each call, absolute  {}",
            listed(&self.latents)
        );
        for (step, ours, theirs) in &self.updates {
            println!("  step {step} has {ours} updates instead of {theirs}");
        }
    }
}

/// One line per recording.
pub fn print_table(reports: &[RunReport]) {
    let width = reports.iter().map(|it| it.name.len()).max().unwrap_or(0);
    println!(
        "\n{:width$}  losses  {:>8} {:>8}  {:>8} {:>8} {:>8}  updates  {:>8} {:>8}  {:>8} {:>8}",
        "run",
        "loss",
        "grad",
        "text",
        "1st loss",
        "1st lat.",
        "update",
        "step",
        "last lat.",
        "picture"
    );
    for report in reports {
        let losses = &report.losses;
        let steps = report.steps.as_ref();
        let updates = steps.map_or("–".to_string(), |steps| steps.updates.to_string());
        println!(
            "{:width$}  {:6}  {:8.1e} {:8.1e}  {:8.1e} {:8.1e} {:8.1e}  {updates:>7}  {:>8} {:>8}  {:>8} {:>8}",
            report.name,
            losses.losses,
            losses.value,
            losses.gradient,
            report.text_embeddings,
            report.first_losses,
            report.first_latents,
            cell(steps.map(|steps| steps.update)),
            cell(steps.map(|steps| steps.step)),
            cell(report.latents.last().map(|(_, error)| *error)),
            cell(report.picture),
        );
    }
}

/// A figure of the table, or a dash where it was left out.
fn cell(figure: Option<f64>) -> String {
    figure.map_or("–".to_string(), |figure| format!("{figure:.1e}"))
}

/// Value of the `number`th loss.
fn loss(recording: &Recording, number: usize) -> f64 {
    let value = recording.values(&format!("loss.{number}.value"));
    value.map_or(f64::NAN, |value| f64::from(value[0]))
}

/// Largest relative error of the losses that no update came before; in a run
/// without updates, of the first two steps.
fn first_losses(ours: &Recording, theirs: &Recording) -> f64 {
    let steps = theirs.loss_steps();
    let first_update = kinds(&steps)
        .iter()
        .position(|kind| *kind != LossKind::First);
    let last = first_update.unwrap_or(1).min(steps.len() - 1);
    let errors = (0..=last).map(|number| relative(loss(ours, number), loss(theirs, number)));
    errors.fold(0.0, |most, error| if error <= most { most } else { error })
}

/// Numbers of the first losses by step.
fn firsts(recording: &Recording) -> Vec<(usize, usize)> {
    let steps = recording.loss_steps();
    let kinds = kinds(&steps).into_iter().enumerate();
    let firsts = kinds.filter(|(_, kind)| *kind == LossKind::First);
    firsts.map(|(number, _)| (steps[number], number)).collect()
}

fn step_losses(ours: &Recording, theirs: &Recording) -> Vec<(usize, f64)> {
    let pairs = firsts(ours).into_iter().zip(firsts(theirs));
    pairs
        .map(|((_, our_number), (step, number))| {
            (step, relative(loss(ours, our_number), loss(theirs, number)))
        })
        .collect()
}

fn other_updates(ours: &Recording, theirs: &Recording) -> Vec<(usize, usize, usize)> {
    let count = |recording: &Recording, step: usize| {
        let steps = recording.loss_steps().into_iter();
        steps.filter(|it| *it == step).count().saturating_sub(1)
    };
    (0..theirs.calls())
        .map(|step| (step, count(ours, step), count(theirs, step)))
        .filter(|(_, ours, theirs)| ours != theirs)
        .collect()
}
