//! What a model knows: words that it was never taught, and examples of those that it was.

use std::path::Path;

use egui_kittest::kittest::Queryable;
use storm_studio::app::StudioApp;
use storm_studio::storm::relation::RelationKind;

use super::models::drop_on_window;
use super::{Studio, app, click, edit, studio, type_prompt, wait, wait_until_idle};
use crate::checkpoints::copy_into;

const VOCABULARY: &str = r#"{
    "objects": [
        {"word": "goat", "plural": "goats"}, {"word": "owl", "plural": "owls"},
        {"word": "cow", "plural": "cows"}
    ],
    "colours": ["green", "white"],
    "sizes": {"small": ["small"], "big": ["big"]},
    "numbers": [{"word": "two", "count": 2}],
    "most_objects": 3,
    "filler": ["a", "an", "and", "above", "left", "of", "right", "the", "to", ","]
}"#;

/// A window with a narrow model called “farm”, which has this vocabulary.
fn farm(folder: &Path, vocabulary: Option<&str>) -> Studio {
    let mut harness = studio(folder);
    let model = folder.join("farm");
    copy_into("narrow-sd1", &model);
    if let Some(text) = vocabulary {
        std::fs::write(model.join("vocabulary.json"), text).unwrap();
    }
    drop_on_window(&mut harness, &model);
    let is_farm = |app: &StudioApp| {
        let model = app.state().session.model();
        model.is_some_and(|model| model.name == "farm")
    };
    wait(&mut harness, "the farm", is_farm);
    harness.run_steps(2);
    harness
}

/// Makes a small picture.
fn generate(harness: &mut Studio) {
    edit(harness, |content| {
        content.settings.steps = 2;
        content.settings.size = Some([256, 256]);
    });
    click(harness, "Generate");
    wait_until_idle(harness);
    harness.step();
    assert!(app(harness).state().shown_run().is_some());
}

#[test]
fn chips_of_words_that_the_model_was_never_taught_are_marked_and_others_are_offered() {
    let folder = tempfile::tempdir().unwrap();
    let mut harness = farm(folder.path(), Some(VOCABULARY));
    type_prompt(&mut harness, "a goat to the left of a dragon");
    harness.run_steps(2);
    harness.get_by_label_contains(" goat, subject");
    let marked = " dragon, object, never seen by farm";
    harness.get_by_label_contains(marked);
    harness.get_by_label("farm knows goat, owl and cow; it has never seen “dragon”.");
    // Under the pointer stands all that it knows, and over the chip why it is marked.
    harness.get_by_label_contains("farm knows goat").hover();
    harness.run_steps(20);
    harness.get_by_label_contains("2 colours (green, white)");
    harness.get_by_label_contains(marked).hover();
    harness.run_steps(20);
    harness.get_by_label_contains("farm has never seen “dragon”");
    harness.remove_cursor();
    // It is not said again above the window when a picture is made.
    generate(&mut harness);
    let message = app(&harness).state().session.message.as_ref();
    assert!(
        message.is_none_or(|message| !message.text.contains("seen")),
        "{message:?}"
    );

    type_prompt(&mut harness, "a goat to the left of a white owl");
    harness.run_steps(2);
    assert!(harness.query_by_label_contains("never seen").is_none());
    type_prompt(&mut harness, "two goats to the left of two owls");
    harness.run_steps(2);
    let too_many = "farm paints 3 objects at most; 4 are asked for.";
    harness.get_by_label(too_many);
    // And of numbers that were set beside the prompt.
    type_prompt(&mut harness, "a goat to the left of an owl");
    harness.run_steps(2);
    assert!(harness.query_by_label(too_many).is_none());
    edit(&mut harness, |content| {
        content.assignment.targets.edit(1, |it| it.copies = 3);
    });
    harness.run_steps(2);
    harness.get_by_label(too_many);
}

#[test]
fn a_model_that_does_not_say_what_it_knows_marks_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let mut harness = farm(folder.path(), None);
    type_prompt(&mut harness, "five goats to the left of a dragon");
    harness.run_steps(2);
    assert!(harness.query_by_label_contains("never seen").is_none());
    assert!(harness.query_by_label_contains("farm paints").is_none());
    harness.get_by_label("a red balloon above a green car");
}

#[test]
fn examples_are_of_words_that_the_model_knows_and_a_click_writes_them() {
    let folder = tempfile::tempdir().unwrap();
    let mut harness = farm(folder.path(), Some(VOCABULARY));
    assert!(
        harness
            .query_by_label("a red balloon above a green car")
            .is_none()
    );
    // An assignment of the person's own goes with the words that it was made for.
    edit(&mut harness, |content| content.is_proposed = false);
    click(&mut harness, "a goat to the left of a white owl");
    let draft = &app(&harness).state().draft;
    assert_eq!(draft.prompt, "a goat to the left of a white owl");
    assert!(draft.is_proposed);
    let layout = draft.layout().unwrap();
    let labels = layout.objects.iter().map(|object| object.label.as_str());
    assert_eq!(labels.collect::<Vec<_>>(), ["goat", "owl"]);
    assert_eq!(layout.relations[0].kind, RelationKind::LeftOf);
    click(&mut harness, "two cows");
    let draft = &app(&harness).state().draft;
    assert_eq!(
        draft
            .layout()
            .unwrap()
            .targets
            .iter()
            .next()
            .unwrap()
            .copies,
        2
    );
    // With a picture there is something to look at.
    click(&mut harness, "a goat to the left of an owl");
    generate(&mut harness);
    assert!(harness.query_by_label("two cows").is_none());
}
