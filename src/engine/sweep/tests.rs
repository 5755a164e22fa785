//! Sweeps: what an axis is, what is refused, and the requests that come of it.

use super::*;
use crate::diffusion::NoiseKind;
use crate::diffusion::SchedulerKind;
use crate::engine::LoraChoice;

fn sweep(axes: &[&str]) -> Result<Option<Sweep>, SweepError> {
    let axes: Result<Vec<Axis>, SweepError> = axes.iter().map(|axis| axis.parse()).collect();
    Sweep::new(axes?)
}

fn requests(axes: &[&str]) -> Vec<(Request, String)> {
    let sweep = sweep(axes).unwrap().unwrap();
    sweep.requests(&Request::default()).unwrap()
}

#[test]
fn each_cell_has_its_values_and_nothing_else_changes() {
    let cells = requests(&["steps=10, 20,30", "guidance-scale=5,7.5"]);
    let seen: Vec<(usize, f64)> = cells
        .iter()
        .map(|(request, _)| (request.settings.steps, request.settings.guidance_scale))
        .collect();
    assert_eq!(
        seen,
        [
            (10, 5.0),
            (20, 5.0),
            (30, 5.0),
            (10, 7.5),
            (20, 7.5),
            (30, 7.5)
        ]
    );
    assert_eq!(cells[4].1, "steps=20 guidance_scale=7.5");
    let mut same = cells[3].0.clone();
    same.settings.steps = 50;
    assert_eq!(same, Request::default());
    let table = sweep(&["steps=10,20", "storm.margin=0.2,0.4"])
        .unwrap()
        .unwrap();
    assert_eq!(table.columns(), ["Steps 10", "Steps 20"]);
    assert!(table.rows()[1].ends_with(" 0.4"), "{:?}", table.rows());
}

#[test]
fn every_setting_has_its_one_name() {
    for (axis, check) in [
        ("seed=3", (|it| it.seeds == [3]) as fn(&Request) -> bool),
        ("size=64x96", |it| it.settings.size == Some([64, 96])),
        ("sampler=dpm++2m", |it| {
            it.settings.scheduler == Some(SchedulerKind::Dpmpp2m)
        }),
        ("schedule=karras", |it| it.settings.schedule.is_some()),
        ("timestep-spacing=trailing", |it| {
            it.settings.timestep_spacing.is_some()
        }),
        ("prompt_weights=literal", |it| {
            it.settings.prompt_weights == crate::prompt::PromptWeights::Literal
        }),
        ("rng=nv", |it| it.settings.rng == NoiseKind::Nv),
        ("objective=centroid", |it| {
            it.settings.optimisation.objective.to_string() == "centroid"
        }),
        ("negative_prompt=a; b, c", |it| {
            it.negative_prompt.starts_with('a')
        }),
        ("prompt=a cat; a cat, red", |it| it.prompt == "a cat"),
        ("step_size=0.1", |it| {
            it.settings.optimisation.update.step_size == 0.1
        }),
        ("window=0.3", |it| {
            it.settings.optimisation.update.least_noise == 0.0
        }),
        ("batch_methods=false", |it| !it.settings.batch_methods),
    ] {
        assert!(check(&requests(&[axis])[0].0), "{axis}");
    }
}

#[test]
fn wrong_sweeps_are_answered_with_right_ones() {
    for (axes, words) in [
        (&["steps"][..], "write a setting and its values"),
        (&["steps=10,,20"], "write a setting and its values"),
        (&["steps=1", "seed=1", "size=64"], "one or two settings"),
        (&["steps=1", "steps=2"], "over steps twice"),
    ] {
        let error = sweep(axes).unwrap_err().to_string();
        assert!(error.contains(words), "{error}");
    }
    let many = format!("seed={}", vec!["1"; 401].join(","));
    assert!(matches!(sweep(&[&many]), Err(SweepError::TooMany(401))));
    for (axis, words) in [
        ("stpes=1", "seed, size, scheduler"),
        ("steps=many", "many"),
        ("steps=0", "between 1 and 1000"),
        ("sampler=best", "best"),
        ("size=big", "512x768"),
        ("seed=-1", "whole number"),
    ] {
        let sweep = sweep(&[axis]).unwrap().unwrap();
        let error = sweep.requests(&Request::default()).unwrap_err().to_string();
        assert!(error.contains(words), "{error}");
    }
}

#[test]
fn words_of_the_prompt_give_way_all_at_once_and_only_where_they_stand_by_themselves() {
    let base = Request {
        prompt: "a cat left of a dog, a catalogue, (dog:1.2), <lora:dog:1>".to_owned(),
        negative_prompt: "two dogs, dog".to_owned(),
        ..Request::default()
    };
    let cells = |axes: &[&str]| sweep(axes).unwrap().unwrap().requests(&base);
    let seen = cells(&["prompt:cat=dog, red bird", "prompt:dog=cat"]).unwrap();
    let prompts: Vec<&str> = seen.iter().map(|(it, _)| it.prompt.as_str()).collect();
    assert_eq!(
        prompts,
        [
            "a dog left of a cat, a catalogue, (cat:1.2), <lora:cat:1>",
            "a red bird left of a cat, a catalogue, (cat:1.2), <lora:cat:1>"
        ]
    );
    assert_eq!(seen[0].0.negative_prompt, "two dogs, cat");
    assert_eq!(seen[1].1, "prompt:cat=red bird prompt:dog=cat");
    let table = sweep(&["prompt:left of=left of,above"]).unwrap().unwrap();
    assert_eq!(table.columns(), ["left of", "above"]);
    let error = cells(&["prompt:bird=cat"]).unwrap_err().to_string();
    assert!(error.contains("“bird” is not in the prompt"), "{error}");
}

#[test]
fn a_lora_has_its_weights() {
    let detail = LoraChoice::new("Detail", 1.0);
    let mut base = Request {
        prompt: "a cat <lora:style-2:0.5:1> here".to_owned(),
        ..Request::default()
    };
    base.settings.loras = vec![detail];
    let axes = ["lora:detail=0.4,0.8", "lora:style-2=-1"];
    let table = sweep(&axes).unwrap().unwrap();
    assert_eq!(table.columns(), ["detail 0.4", "detail 0.8"]);
    let cells = table.requests(&base).unwrap();
    let weights: Vec<f64> = cells
        .iter()
        .map(|(it, _)| it.settings.loras[0].weight)
        .collect();
    assert_eq!(weights, [0.4, 0.8]);
    assert_eq!(cells[0].0.prompt, "a cat <lora:style-2:-1> here");
    for (axis, words) in [
        ("lora:other=1", "no LoRA of that name"),
        ("lora:detail=a", "number"),
    ] {
        let sweep = sweep(&[axis]).unwrap().unwrap();
        let error = sweep.requests(&base).unwrap_err().to_string();
        assert!(error.contains(words), "{error}");
    }
}

#[test]
fn an_objective_that_knows_no_targets_is_asked_for_relations_alone() {
    let mut base = Request::default();
    base.layout.targets.edit(0, |target| target.copies = 2);
    let sweep = sweep(&["objective=storm,attend-and-excite"])
        .unwrap()
        .unwrap();
    let cells = sweep.requests(&base).unwrap();
    let has_targets = |cell: usize| !cells[cell].0.layout.targets.is_empty();
    assert_eq!([has_targets(0), has_targets(1)], [true, false]);
}
