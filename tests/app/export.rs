//! Saving without a dialog, and settings coming back from the file.

use egui::{Key, Modifiers};
use egui_kittest::kittest::Queryable;
use storm_studio::app::DraftContent;
use storm_studio::diffusion::{Methods, SchedulerKind};
use storm_studio::engine::{Recipe, Settings};
use storm_studio::export::metadata::own_of;
use storm_studio::export::png::read_png;
use storm_studio::prompt::PromptWeights;
use storm_studio::storm::{ObjectiveKind, RelationKind};

use crate::fixture::folder as fixtures;

use super::{app, click, edit, studio, wait, wait_until_idle};

#[test]
fn ctrl_s_writes_both_pictures_with_their_recipe_and_opening_one_brings_it_back() {
    let folder = tempfile::tempdir().unwrap();
    let mut harness = studio(folder.path());
    edit(&mut harness, |content| {
        content.settings.steps = 8;
        content.settings.guidance_scale = 4.5;
        content.negative_prompt = "tree".to_string();
        content.seeds.text = "11".to_string();
    });
    click(&mut harness, "Generate");
    wait(&mut harness, "the first step", |app| {
        app.state()
            .session
            .runs
            .iter()
            .any(|run| run.steps_made() > 0)
    });
    // Too early: it says so, until the picture is saved.
    harness.key_press_modifiers(Modifiers::COMMAND, Key::S);
    wait_until_idle(&mut harness);
    assert!(app(&harness).state().session.message.is_some());
    harness.key_press_modifiers(Modifiers::COMMAND, Key::S);
    wait(&mut harness, "the file", |app| {
        app.state().files.last_saved().is_some()
    });
    assert!(app(&harness).state().session.message.is_none());

    let prompt = folder.path().join("a cat to the left of a dog");
    let saved = prompt.join("11.png");
    assert!(prompt.join("11-standard.png").is_file());
    let file = std::fs::File::open(&saved).unwrap();
    let read = read_png(std::io::BufReader::new(file)).unwrap();
    let run = app(&harness).state().shown_run().unwrap();
    assert_eq!(read.image, *run.storm.picture.as_ref().unwrap().image);
    let recipe: Recipe = own_of(&read.texts).unwrap().unwrap();
    assert_eq!(recipe.request.seeds, [11]);
    assert_eq!(recipe.request.layout, run.request.layout);

    let made = app(&harness).state().draft.content().clone();
    edit(&mut harness, |content| *content = DraftContent::default());
    harness.state_mut().as_mut().unwrap().open(saved);
    wait(&mut harness, "the settings", |app| {
        app.state().draft.negative_prompt == "tree"
    });
    let restored = app(&harness).state().draft.content();
    assert_eq!(restored.assignment, made.assignment);
    assert_eq!(restored.seeds, made.seeds);
    assert_eq!(restored.settings.guidance_scale, 4.5);
    assert_eq!(restored.settings.steps, 8);
}

/// `saved-by-0.1.0.png` was made by that version: `generate --storm --prompt
/// "a cat above a dog" --negative-prompt tree --seeds 7 --steps 3 --guidance-scale 40
/// --scheduler ddim --size 128x64 --objective centroid --margin 0.2 --step-size 0.2
/// --window 0.8 --updates-per-picture 700 --attention-res 8`.
#[test]
fn a_picture_of_the_first_version_brings_all_its_settings_back() {
    let folder = tempfile::tempdir().unwrap();
    let mut harness = studio(folder.path());
    let picture = fixtures().join("saved-by-0.1.0.png");
    harness.state_mut().as_mut().unwrap().open(picture);
    wait(&mut harness, "the settings", |app| {
        app.state().draft.negative_prompt == "tree"
    });
    let mut expected = Settings {
        methods: Methods::Storm,
        steps: 3,
        guidance_scale: 40.0,
        scheduler: Some(SchedulerKind::Ddim),
        size: Some([128, 64]),
        // Nor weights of words.
        prompt_weights: PromptWeights::Literal,
        ..Settings::default()
    };
    let optimisation = &mut expected.optimisation;
    optimisation.objective = ObjectiveKind::Centroid;
    optimisation.parameters.readings.margin = 0.2;
    // Objects were carried to blobs, and kept there by terms of their own.
    optimisation.parameters.readings.arrived_inside = 1.0;
    optimisation.parameters.readings.arrived_power = 1.0;
    let storm = &mut optimisation.parameters.storm;
    (storm.relaxed_relations, storm.into_boxes) = (false, false);
    (storm.presence_weight, storm.non_overlap_weight) = (0.02, 0.02);
    storm.peaks_weight = 0.0;
    // And carried there by the attention as it is.
    (storm.box_power, storm.fill_power, storm.least_box) = (1.0, 1.0, 0.0);
    optimisation.update.step_size = 0.2;
    // It knew no least noise, and counts steps.
    optimisation.update.least_noise = 0.0;
    optimisation.update.updates_per_step = 1;
    // Nor did a length depend on how many are moved.
    optimisation.update.shared = false;
    optimisation.update.window = 0.8;
    optimisation.update.updates_per_picture = 700;
    optimisation.update.attention_res = 8;
    let draft = &app(&harness).state().draft;
    assert_eq!(draft.settings, expected);
    assert_eq!(draft.prompt, "a cat above a dog");
    assert_eq!(draft.seeds.seeds().unwrap(), [7]);
    assert_eq!(draft.assignment.relations[0].kind, RelationKind::Above);
}

#[test]
fn a_picture_saved_without_settings_says_nothing_of_itself() {
    let folder = tempfile::tempdir().unwrap();
    let mut harness = studio(folder.path());
    edit(&mut harness, |content| {
        content.settings.steps = 2;
        content.seeds.text = "12".to_string();
    });
    click(&mut harness, "Generate");
    wait_until_idle(&mut harness);
    click(&mut harness, "Export");
    click(&mut harness, "Keep the settings in them");
    harness.key_press_modifiers(Modifiers::COMMAND, Key::S);
    wait(&mut harness, "the file", |app| {
        app.state().files.last_saved().is_some()
    });
    let saved = app(&harness).state().files.last_saved().unwrap();
    let file = std::fs::File::open(saved).unwrap();
    let read = read_png(std::io::BufReader::new(file)).unwrap();
    assert!(read.texts.is_empty());
    let run = app(&harness).state().shown_run().unwrap();
    assert_eq!(read.image, *run.storm.picture.as_ref().unwrap().image);
}

#[test]
fn a_sweep_over_words_queues_a_request_for_each_of_the_grid() {
    let folder = tempfile::tempdir().unwrap();
    let mut harness = studio(folder.path());
    edit(&mut harness, |content| {
        content.settings.steps = 2;
        content.seeds.text = "5".to_string();
    });
    harness.get_by_label("Sweep").click_accesskit();
    harness.run_steps(8);
    for (field, text) in [
        ("Sweep over the columns", "prompt:dog=bird, boat"),
        ("Sweep over the rows", "steps=1, 2"),
    ] {
        harness.get_by_label(field).scroll_to_me();
        harness.run_steps(2);
        harness.get_by_label(field).focus();
        harness.step();
        harness.get_by_label(field).type_text(text);
        harness.run_steps(2);
    }
    harness.get_by_label("Make the sweep").click_accesskit();
    wait_until_idle(&mut harness);
    let runs = &app(&harness).state().session.runs;
    let made: Vec<(&str, usize, &str)> = runs
        .iter()
        .map(|run| {
            let request = &run.request;
            let object = request.layout.relations[0].object;
            let label = request.layout.objects[object].label.as_str();
            (request.prompt.as_str(), request.settings.steps, label)
        })
        .collect();
    let (bird, boat) = ("a cat to the left of a bird", "a cat to the left of a boat");
    assert_eq!(
        made,
        [
            (bird, 1, "bird"),
            (boat, 1, "boat"),
            (bird, 2, "bird"),
            (boat, 2, "boat")
        ]
    );
}
