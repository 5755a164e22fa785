//! Words, chips, relations, notation and undo.

use egui::{Event, ImeEvent, Key, Modifiers};
use egui_kittest::kittest::Queryable;
use storm_studio::storm::ObjectiveKind;
use storm_studio::storm::relation::RelationKind;

use super::{Studio, app, click, edit, studio, type_prompt};

/// Labels of the draft's objects, in the order of its first relation.
fn pair(harness: &Studio) -> Option<(String, RelationKind, String)> {
    let layout = app(harness).state().draft.layout().ok()?;
    let relation = layout.relations.first()?;
    let label = |object: usize| layout.objects[object].label.clone();
    Some((
        label(relation.subject),
        relation.kind,
        label(relation.object),
    ))
}

fn is(subject: &str, kind: RelationKind, object: &str) -> Option<(String, RelationKind, String)> {
    Some((subject.to_string(), kind, object.to_string()))
}

#[test]
fn typing_a_prompt_proposes_its_relation_and_shows_its_tokens() {
    let folder = tempfile::tempdir().unwrap();
    let mut harness = studio(folder.path());
    assert_eq!(pair(&harness), is("cat", RelationKind::LeftOf, "dog"));
    type_prompt(&mut harness, "a fish below a red boat");
    assert_eq!(pair(&harness), is("fish", RelationKind::Below, "boat"));
    harness.get_by_label("2 fish, subject");
    harness.get_by_label("5 red, attribute");
    harness.get_by_label("6 boat, object");
    assert!(harness.query_by_label_contains(" cat, ").is_none());
}

#[test]
fn what_the_prompt_says_and_cannot_be_placed_is_said_below_its_relations() {
    let folder = tempfile::tempdir().unwrap();
    let mut harness = studio(folder.path());
    assert!(
        harness
            .query_by_label_contains("can't be steered")
            .is_none()
    );
    type_prompt(&mut harness, "a cat left of a dog, in front of a tree");
    assert_eq!(pair(&harness), is("cat", RelationKind::LeftOf, "dog"));
    harness.get_by_label_contains("“in front of” can't be steered");
    // Who says by hand where things are needs no reading.
    click(&mut harness, "2 cat, subject");
    assert!(
        harness
            .query_by_label_contains("can't be steered")
            .is_none()
    );
}

#[test]
fn an_input_method_writes_into_the_prompt_while_it_composes() {
    let folder = tempfile::tempdir().unwrap();
    let mut harness = studio(folder.path());
    type_prompt(&mut harness, "a ");
    let prompt = |harness: &Studio| app(harness).state().draft.prompt.clone();
    for composed in ["n", "ñ", "ñandu", "ñandú"] {
        harness.event(Event::Ime(ImeEvent::Preedit {
            text: composed.to_string(),
            active_range_chars: None,
        }));
        harness.step();
        assert_eq!(prompt(&harness), format!("a {composed}"));
    }
    harness.event(Event::Ime(ImeEvent::Commit("ñandú".to_string())));
    harness.run_steps(2);
    assert_eq!(prompt(&harness), "a ñandú");
    harness.get_by_label_contains(" ñandú");
}

#[test]
fn clicking_chips_assigns_subject_object_and_attribute_and_clears_again() {
    let folder = tempfile::tempdir().unwrap();
    let mut harness = studio(folder.path());
    type_prompt(&mut harness, "red bird tree blue flower");
    click(&mut harness, "2 bird");
    click(&mut harness, "3 tree");
    assert_eq!(pair(&harness), is("bird", RelationKind::LeftOf, "tree"));
    click(&mut harness, "1 red");
    let layout = app(&harness).state().draft.layout().unwrap();
    assert_eq!(layout.objects[0].attributes, [vec![1]]);
    click(&mut harness, "2 bird, subject");
    assert_eq!(pair(&harness), None);
    // The tree waits for another partner.
    click(&mut harness, "5 flower");
    assert_eq!(pair(&harness), is("tree", RelationKind::LeftOf, "flower"));
}

#[test]
fn the_keyboard_clicks_words_too() {
    let folder = tempfile::tempdir().unwrap();
    let mut harness = studio(folder.path());
    type_prompt(&mut harness, "bird tree flower");
    for key in [Key::Num1, Key::Num3] {
        harness.key_press_modifiers(Modifiers::ALT, key);
        harness.run_steps(2);
    }
    assert_eq!(pair(&harness), is("bird", RelationKind::LeftOf, "flower"));
    let text = &app(&harness).state().draft.prompt;
    assert_eq!(text, "bird tree flower", "the digits went into the prompt");
}

#[test]
fn the_relation_is_picked_in_its_sentence() {
    let folder = tempfile::tempdir().unwrap();
    let mut harness = studio(folder.path());
    click(&mut harness, "Relation");
    click(&mut harness, "above");
    assert_eq!(pair(&harness), is("cat", RelationKind::Above, "dog"));
    assert!(!app(&harness).state().draft.is_proposed);
}

#[test]
fn the_original_notation_follows_the_chips_and_the_other_way_round() {
    let folder = tempfile::tempdir().unwrap();
    let mut harness = studio(folder.path());
    let notation = |harness: &Studio| harness.get_by_label("Token indices").value();
    assert_eq!(notation(&harness).as_deref(), Some("[[2,8],[None,None]]"));
    harness.get_by_label("Token indices").focus();
    harness.step();
    harness.key_press_modifiers(Modifiers::COMMAND, Key::A);
    harness.step();
    harness
        .get_by_label("Token indices")
        .type_text("[[8,2],[7,None]]");
    harness.run_steps(2);
    assert_eq!(pair(&harness), is("dog", RelationKind::LeftOf, "cat"));
    let layout = app(&harness).state().draft.layout().unwrap();
    assert_eq!(layout.objects[0].attributes, [vec![7]]);
}

#[test]
fn undo_brings_a_deleted_words_assignment_back() {
    let folder = tempfile::tempdir().unwrap();
    let mut harness = studio(folder.path());
    edit(&mut harness, |content| content.is_proposed = false);
    // The undoer makes a point of what has been stable for a second.
    harness.run_steps(120);
    type_prompt(&mut harness, "a cat to the left of a");
    assert_eq!(pair(&harness), None);
    harness.run_steps(120);
    harness.key_press_modifiers(Modifiers::COMMAND, Key::Z);
    harness.run_steps(2);
    assert_eq!(
        app(&harness).state().draft.prompt,
        "a cat to the left of a dog"
    );
    assert_eq!(pair(&harness), is("cat", RelationKind::LeftOf, "dog"));
    harness.key_press_modifiers(Modifiers::COMMAND.plus(Modifiers::SHIFT), Key::Z);
    harness.run_steps(2);
    assert_eq!(app(&harness).state().draft.prompt, "a cat to the left of a");
}

#[test]
fn a_second_relation_is_added_and_removed() {
    let folder = tempfile::tempdir().unwrap();
    let mut harness = studio(folder.path());
    // A sentence of its own has no part in the first relation.
    type_prompt(&mut harness, "a cat to the left of a dog. a tree");
    click(&mut harness, "Add a relation or a place");
    click(&mut harness, "A relation between two words");
    click(&mut harness, "11 tree");
    click(&mut harness, "8 dog, object");
    let relations = |harness: &Studio| app(harness).state().draft.assignment.relations.len();
    assert_eq!(relations(&harness), 2);
    let removes: Vec<_> = harness.get_all_by_label("Remove this relation").collect();
    removes[1].click();
    harness.run_steps(2);
    assert_eq!(relations(&harness), 1);
    assert_eq!(pair(&harness), is("cat", RelationKind::LeftOf, "dog"));
}

#[test]
fn chips_show_words_with_their_weight_and_never_the_syntax() {
    let folder = tempfile::tempdir().unwrap();
    let mut harness = studio(folder.path());
    type_prompt(&mut harness, "a (cat:1.3) left of a [dog");
    assert_eq!(pair(&harness), is("cat", RelationKind::LeftOf, "dog"));
    harness.get_by_label("2 cat, subject, weight 1.3");
    harness.get_by_label("6 dog, object, weight 0.91");
    harness.get_by_label_contains("“[” has no partner");
    assert!(harness.query_by_label_contains("2 (").is_none());
    // The released code takes every character as it is.
    edit(&mut harness, |content| {
        content.settings.optimisation.objective = ObjectiveKind::Reference;
    });
    harness.get_by_label("3 cat, subject");
    assert!(harness.query_by_label_contains("has no partner").is_none());
}

#[test]
fn a_long_prompt_tells_its_chunks_and_a_word_of_the_second_can_be_chosen() {
    let folder = tempfile::tempdir().unwrap();
    let mut harness = studio(folder.path());
    type_prompt(
        &mut harness,
        "a cat left of a dog BREAK a bird above a boat",
    );
    harness.get_by_label_contains("2 chunks");
    let layout = app(&harness).state().draft.layout().unwrap();
    let labels: Vec<&str> = layout.objects.iter().map(|it| it.label.as_str()).collect();
    assert_eq!(labels, ["cat", "dog", "bird", "boat"]);
}
