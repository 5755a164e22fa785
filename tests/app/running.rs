//! Generating, cancelling, queueing, going back, failing.

use egui::{Event, ImeEvent, Key, Modifiers};
use egui_kittest::kittest::Queryable;
use storm_studio::app::RunState;
use storm_studio::diffusion::{Method, Methods};
use storm_studio::storm::ObjectiveKind;

use super::{app, click, edit, studio, type_prompt, wait, wait_until_idle};

#[test]
fn generate_fills_both_canvases() {
    let folder = tempfile::tempdir().unwrap();
    let mut harness = studio(folder.path());
    edit(&mut harness, |content| content.settings.steps = 4);
    harness.get_by_label("Standard canvas, empty");
    click(&mut harness, "Generate");
    wait(&mut harness, "the first preview", |app| {
        app.state().shown_step(Method::Storm).is_some()
    });
    wait_until_idle(&mut harness);
    for name in ["Standard", "STORM"] {
        harness.get_by_label(&format!("{name} canvas, finished picture"));
    }
    let run = app(&harness).state().shown_run().unwrap();
    assert_eq!(run.storm.readings.len(), 4);
    assert_ne!(
        run.storm.picture.as_ref().unwrap().image,
        run.standard.picture.as_ref().unwrap().image,
        "STORM changed nothing"
    );
}

#[test]
fn attend_and_excite_runs_on_words_that_no_relation_joins() {
    let folder = tempfile::tempdir().unwrap();
    let mut harness = studio(folder.path());
    type_prompt(&mut harness, "a cat and a dog");
    edit(&mut harness, |content| content.settings.steps = 2);
    harness.get_by_label_contains("STORM needs to know where things belong");
    edit(&mut harness, |content| {
        content.settings.optimisation.objective = ObjectiveKind::AttendAndExcite;
    });
    click(&mut harness, "Generate");
    wait_until_idle(&mut harness);
    let run = app(&harness).state().shown_run().unwrap();
    assert!(run.request.layout.relations.is_empty());
    assert!(run.storm.picture.as_ref().unwrap().updates > 0);
}

#[test]
fn a_finished_picture_is_judged_by_the_detector_and_a_step_by_attention() {
    let folder = tempfile::tempdir().unwrap();
    let mut harness = studio(folder.path());
    edit(&mut harness, |content| content.settings.steps = 4);
    click(&mut harness, "Generate");
    wait_until_idle(&mut harness);
    let count =
        |harness: &super::Studio, text: &str| harness.query_all_by_label_contains(text).count();
    assert_eq!(count(&harness, "by detector"), 2);
    let run = app(&harness).state().shown_run().unwrap();
    let sighted = run.storm.picture.as_ref().unwrap().sighted.clone();
    assert!(sighted.unwrap().names.contains(&"cat".to_string()));
    let app = harness.state_mut().as_mut().unwrap();
    app.state_mut().view.step = Some(1);
    harness.run_steps(2);
    assert_eq!(count(&harness, "by detector"), 0);
    assert_eq!(count(&harness, "by attention"), 2);
}

#[test]
fn a_wide_picture_has_wide_canvases() {
    let folder = tempfile::tempdir().unwrap();
    let mut harness = studio(folder.path());
    edit(&mut harness, |content| {
        content.settings.steps = 2;
        content.settings.size = Some([128, 64]);
    });
    click(&mut harness, "Generate");
    wait_until_idle(&mut harness);
    for name in ["Standard", "STORM"] {
        let label = format!("{name} canvas, finished picture");
        let canvas = harness.get_by_label(&label);
        let size = canvas.rect().size();
        assert!((size.x / size.y - 2.0).abs() < 0.02, "{size:?}");
    }
    let run = app(&harness).state().shown_run().unwrap();
    let picture = run.storm.picture.as_ref().unwrap();
    assert_eq!(picture.image.dimensions(), (128, 64));
    let last = run.storm.readings.last().unwrap().as_ref().unwrap();
    assert_eq!(last.objects.len(), 2);
}

#[test]
fn cancelling_in_the_middle_leaves_no_picture_and_a_usable_window() {
    let folder = tempfile::tempdir().unwrap();
    let mut harness = studio(folder.path());
    edit(&mut harness, |content| content.settings.steps = 400);
    harness.key_press_modifiers(Modifiers::COMMAND, Key::Enter);
    wait(&mut harness, "a step", |app| {
        app.state().shown_step(Method::Storm).is_some()
    });
    harness.key_press(Key::Escape);
    wait_until_idle(&mut harness);
    let run = app(&harness).state().shown_run().unwrap();
    assert_eq!(run.state, RunState::Cancelled);
    assert!(run.storm.picture.is_none());
    assert!(
        run.steps_made() < 100,
        "it went on for {} steps",
        run.steps_made()
    );
    // The next one runs as if nothing had been.
    edit(&mut harness, |content| content.settings.steps = 2);
    click(&mut harness, "Generate");
    wait_until_idle(&mut harness);
    assert_eq!(
        app(&harness).state().shown_run().unwrap().state,
        RunState::Done
    );
}

#[test]
fn what_is_changed_while_running_goes_into_the_next_request() {
    let folder = tempfile::tempdir().unwrap();
    let mut harness = studio(folder.path());
    edit(&mut harness, |content| content.settings.steps = 3);
    click(&mut harness, "Generate");
    edit(&mut harness, |content| {
        content.settings.steps = 2;
        content.settings.methods = Methods::Standard;
    });
    click(&mut harness, "Queue another");
    wait_until_idle(&mut harness);
    let runs = &app(&harness).state().session.runs;
    let asked: Vec<usize> = runs.iter().map(|run| run.request.settings.steps).collect();
    assert_eq!(asked, [3, 2]);
    assert!(runs[1].storm.picture.is_none() && runs[1].standard.picture.is_some());
}

#[test]
fn finishing_one_keeps_its_pictures_and_drops_the_rest() {
    let folder = tempfile::tempdir().unwrap();
    let mut harness = studio(folder.path());
    edit(&mut harness, |content| {
        content.settings.steps = 3;
        content.seeds.text = "1-50".to_string();
    });
    click(&mut harness, "Generate");
    wait(&mut harness, "a seed", |app| {
        app.state().shown_run().is_some()
    });
    click(&mut harness, "Finish this one, then stop");
    wait_until_idle(&mut harness);
    let runs = &app(&harness).state().session.runs;
    assert!(runs.len() < 50);
    assert!(runs.iter().all(|run| run.storm.picture.is_some()));
}

#[test]
fn going_back_shows_the_step_as_it_was() {
    let folder = tempfile::tempdir().unwrap();
    let mut harness = studio(folder.path());
    edit(&mut harness, |content| content.settings.steps = 4);
    click(&mut harness, "Generate");
    wait_until_idle(&mut harness);
    click(&mut harness, "One step back");
    click(&mut harness, "One step back");
    harness.get_by_label("STORM canvas, step 2 of 4");
    assert_eq!(app(&harness).state().shown_step(Method::Storm), Some(1));
    click(&mut harness, "Newest step");
    harness.get_by_label("STORM canvas, finished picture");
}

#[test]
fn an_impossible_request_says_what_to_do_and_its_button_does_it() {
    let folder = tempfile::tempdir().unwrap();
    let mut harness = studio(folder.path());
    edit(&mut harness, |content| {
        content.settings.steps = 2;
        content.is_proposed = false;
        let mut reverse = content.assignment.relations[0];
        (reverse.subject, reverse.object) = (reverse.object, reverse.subject);
        content.assignment.relations.push(reverse);
    });
    click(&mut harness, "Generate");
    wait(&mut harness, "the message", |app| {
        app.state().session.message.is_some()
    });
    let message = app(&harness).state().session.message.clone().unwrap();
    assert!(message.is_error);
    assert!(
        message
            .text
            .starts_with("The relations contradict each other"),
        "{}",
        message.text
    );
    harness.run_steps(2);
    click(&mut harness, "Start the relations over");
    assert!(app(&harness).state().session.message.is_none());
    assert_eq!(app(&harness).state().draft.assignment.relations.len(), 1);
    edit(&mut harness, |content| content.settings.steps = 2);
    click(&mut harness, "Generate");
    wait_until_idle(&mut harness);
    assert_eq!(
        app(&harness).state().shown_run().unwrap().state,
        RunState::Done
    );
}

#[test]
fn escape_stops_what_is_in_work_and_says_that_what_waits_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let mut harness = studio(folder.path());
    edit(&mut harness, |content| content.settings.steps = 400);
    click(&mut harness, "Generate");
    edit(&mut harness, |content| content.settings.steps = 2);
    click(&mut harness, "Queue another");
    wait(&mut harness, "a step", |app| {
        app.state().shown_step(Method::Storm).is_some()
    });
    harness.key_press(Key::Escape);
    harness.run_steps(2);
    harness.get_by_label_contains("the request that waits goes on");
    wait_until_idle(&mut harness);
    let runs = &app(&harness).state().session.runs;
    let states: Vec<RunState> = runs.iter().map(|run| run.state).collect();
    assert_eq!(states, [RunState::Cancelled, RunState::Done]);
}

#[test]
fn what_waits_can_be_dropped_after_the_stop() {
    let folder = tempfile::tempdir().unwrap();
    let mut harness = studio(folder.path());
    edit(&mut harness, |content| content.settings.steps = 400);
    click(&mut harness, "Generate");
    click(&mut harness, "Queue another");
    wait(&mut harness, "a step", |app| {
        app.state().shown_step(Method::Storm).is_some()
    });
    click(&mut harness, "Cancel");
    harness.run_steps(2);
    click(&mut harness, "Drop them too");
    wait_until_idle(&mut harness);
    let runs = &app(&harness).state().session.runs;
    let is_stopped = |run: &storm_studio::app::Run| run.state == RunState::Cancelled;
    assert!(runs.iter().all(is_stopped));
}

#[test]
fn escape_ends_a_composition_and_not_the_run() {
    let folder = tempfile::tempdir().unwrap();
    let mut harness = studio(folder.path());
    edit(&mut harness, |content| content.settings.steps = 400);
    click(&mut harness, "Generate");
    super::type_prompt(&mut harness, "a ");
    let preedit = |text: &str| {
        Event::Ime(ImeEvent::Preedit {
            text: text.to_string(),
            active_range_chars: None,
        })
    };
    harness.event(preedit("neko"));
    harness.run_steps(2);
    // The key and the end of the composition come in either order.
    harness.event(preedit(""));
    harness.key_press(Key::Escape);
    harness.run_steps(2);
    let state = app(&harness).state();
    assert_eq!(state.draft.prompt, "a ");
    assert!(state.session.is_busy() && !state.session.is_cancelling);
    assert!(harness.get_by_label("Prompt").is_focused());
    harness.event(preedit("inu"));
    harness.run_steps(2);
    harness.key_press(Key::Escape);
    harness.event(preedit(""));
    harness.run_steps(2);
    let state = app(&harness).state();
    assert_eq!(state.draft.prompt, "a ");
    assert!(state.session.is_busy() && !state.session.is_cancelling);
    // What comes later is meant for the run.
    harness.run_steps(60);
    harness.key_press(Key::Escape);
    wait_until_idle(&mut harness);
    let run = app(&harness).state().shown_run().unwrap();
    assert_eq!(run.state, RunState::Cancelled);
}
