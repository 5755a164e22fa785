//! What has its place on the screen: long prompts, many relations, panes, other writing.

use egui::accesskit::Role;
use egui::{FontId, Rect, pos2, vec2};
use egui_kittest::kittest::{NodeT, Queryable};
use storm_studio::app::{Normalisation, Preferences};
use storm_studio::prompt::{AssignedObject, Assignment, PromptWeights};
use storm_studio::storm::relation::{Relation, RelationKind};

use super::{Studio, app, click, edit, studio, studio_with, type_prompt, wait_until_idle};

/// A prompt as people write them.
const SIXTY_WORDS: &str = "a highly detailed photograph of a cat to the left of a dog in a wide \
    green meadow on a late summer afternoon, soft golden light, long shadows, shallow depth of \
    field, tiny yellow flowers in the grass, a few white clouds in a deep blue sky, sharp focus, \
    muted natural colours, fine grain, taken from a low angle with an old wooden camera, quiet \
    and peaceful mood, award winning picture";

fn canvas_width(harness: &Studio) -> f32 {
    let canvas = harness.get_by_label("STORM canvas, empty");
    canvas.rect().width()
}

#[test]
fn a_prompt_of_sixty_words_is_read_whole_and_takes_nothing_from_the_pictures() {
    let folder = tempfile::tempdir().unwrap();
    let mut harness = studio(folder.path());
    let (width, field) = (
        canvas_width(&harness),
        harness.get_by_label("Prompt").rect().height(),
    );
    assert!(width >= 343.0, "{width}");
    type_prompt(&mut harness, SIXTY_WORDS);
    harness.run_steps(3);
    assert!(SIXTY_WORDS.split_whitespace().count() >= 60);
    // But for the one line that says what toybox has never seen.
    harness.get_by_label_contains("has never seen");
    let taken = width - canvas_width(&harness);
    assert!((0.0..=28.0).contains(&taken), "{taken}");
    let grown = harness.get_by_label("Prompt").rect().height();
    assert!(grown > field + 30.0, "{grown} is hardly more than {field}");
    // What is assigned is there, and what is far away after a click.
    harness.get_by_label_contains(" cat, subject");
    harness.get_by_label_contains(" dog, object");
    assert!(harness.query_by_label_contains(" camera").is_none());
    let gap = harness.query_all_by_label_contains(" more words").last();
    gap.unwrap().click();
    harness.run_steps(2);
    harness.get_by_label_contains(" camera");
    click(&mut harness, "Fewer words");
    assert!(harness.query_by_label_contains(" camera").is_none());
}

#[test]
fn enter_ends_the_writing_and_pasted_lines_are_joined() {
    let folder = tempfile::tempdir().unwrap();
    let mut harness = studio(folder.path());
    type_prompt(&mut harness, "a cat left of a dog");
    harness.event(egui::Event::Paste(",\nin the grass".to_string()));
    harness.run_steps(2);
    harness.key_press(egui::Key::Enter);
    harness.run_steps(2);
    let prompt = &app(&harness).state().draft.prompt;
    assert_eq!(prompt, "a cat left of a dog, in the grass");
    assert!(!harness.get_by_label("Prompt").is_focused());
}

#[test]
fn a_relation_that_nobody_asked_for_never_stands_in_the_way() {
    let folder = tempfile::tempdir().unwrap();
    let mut harness = studio(folder.path());
    let filler = ["very fine"; 40].join(" ");
    let prompt = format!("a cat to the left of a dog, {filler}, a bird above a boat");
    type_prompt(&mut harness, &prompt);
    // In chunks, as prompts are read else, no word lies beyond.
    edit(&mut harness, |content| {
        content.settings.prompt_weights = PromptWeights::Literal;
    });
    harness.run_steps(2);
    let is_disabled = |harness: &Studio| {
        let button = harness.get_by_label("Generate");
        button.accesskit_node().is_disabled()
    };
    assert!(!is_disabled(&harness));
    let words = harness.query_all_by_label_contains("beyond what the text encoder reads");
    assert!(words.count() > 0);
    // What a person assigned does.
    edit(&mut harness, |content| {
        let boat = content.prompt.find("boat").unwrap();
        content.assignment.objects[1].noun = boat..boat + 4;
        content.is_proposed = false;
    });
    harness.run_steps(2);
    assert!(is_disabled(&harness));
}

/// Three objects, by two relations.
fn three_objects(harness: &mut Studio) {
    edit(harness, |content| {
        content.prompt = "a cat, a dog and a bird".to_string();
        content.settings.steps = 4;
    });
    edit(harness, |content| {
        let object = |word: &str| {
            let start = content.prompt.find(word).unwrap();
            AssignedObject {
                noun: start..start + word.len(),
                attributes: Vec::new(),
            }
        };
        let relation = |subject, kind, object| Relation {
            subject,
            kind,
            object,
        };
        content.assignment = Assignment {
            objects: ["cat", "dog", "bird"].map(object).into(),
            relations: vec![
                relation(0, RelationKind::LeftOf, 1),
                relation(1, RelationKind::Above, 2),
            ],
            targets: Default::default(),
        };
        content.is_proposed = false;
    });
}

#[test]
fn two_relations_have_their_verdicts_apart_in_every_mode() {
    let folder = tempfile::tempdir().unwrap();
    let mut harness = studio(folder.path());
    three_objects(&mut harness);
    click(&mut harness, "Generate");
    wait_until_idle(&mut harness);
    for mode in ["Side by side", "Wipe", "One at a time"] {
        click(&mut harness, mode);
        harness.run_steps(4);
        let mut canvases = harness.query_all_by_label_contains("canvas, finished picture");
        let canvas = canvases.next().unwrap();
        let (left, bottom) = (canvas.rect().left(), canvas.rect().bottom());
        let end = harness.get_by_label("Timeline").rect().top();
        let lines: Vec<Rect> = harness
            .query_all_by_role(Role::Label)
            .map(|label| label.rect())
            .filter(|rect| rect.top() >= bottom && rect.bottom() <= end)
            .filter(|rect| rect.left() > 256.0 && rect.right() < 1008.0)
            .collect();
        assert!(lines.len() >= 6, "{mode}: only {lines:?} beside {left}");
        for (index, first) in lines.iter().enumerate() {
            for second in &lines[index + 1..] {
                let both = first.intersect(*second);
                let overlaps = both.width() > 1.0 && both.height() > 1.0;
                assert!(!overlaps, "{mode}: {first:?} and {second:?}");
            }
        }
    }
}

#[test]
fn three_objects_leave_the_other_words_in_sight() {
    let folder = tempfile::tempdir().unwrap();
    let mut harness = studio(folder.path());
    three_objects(&mut harness);
    click(&mut harness, "Generate");
    wait_until_idle(&mut harness);
    harness.state_mut().as_mut().unwrap().state_mut().view.step = Some(0);
    harness.run_steps(3);
    let ranking = harness.get_by_label_contains("Point at a place");
    let other = harness.get_by_label("Heatmap of and");
    assert!(other.rect().height() > 40.0);
    assert!(
        other.rect().bottom() < ranking.rect().top(),
        "the strip ends at {:?}, the ranking begins at {:?}",
        other.rect(),
        ranking.rect()
    );
}

#[test]
fn the_maps_say_which_scale_they_are_on_and_can_share_one() {
    let folder = tempfile::tempdir().unwrap();
    let mut harness = studio(folder.path());
    edit(&mut harness, |content| content.settings.steps = 2);
    click(&mut harness, "Generate");
    wait_until_idle(&mut harness);
    harness.run_steps(2);
    let of = |harness: &Studio| app(harness).state().view.normalisation;
    click(&mut harness, "Each map on a scale of its own");
    assert_eq!(of(&harness), Normalisation::Shared);
    click(&mut harness, "All maps on one scale");
    assert_eq!(of(&harness), Normalisation::PerMap);
}

#[test]
fn a_dragged_edge_is_kept_and_the_canvases_get_the_rest() {
    let folder = tempfile::tempdir().unwrap();
    let mut harness = studio(folder.path());
    let kept = |harness: &Studio| app(harness).preferences().panes;
    let before = kept(&harness);
    // The test's margin of 8, the pane, and half of the gap.
    let edge = pos2(8.0 + before.settings + 2.0, 400.0);
    harness.hover_at(edge);
    harness.run_steps(2);
    harness.drag_at(edge);
    harness.run_steps(2);
    harness.hover_at(edge + vec2(60.0, 0.0));
    harness.run_steps(2);
    harness.drop_at(edge + vec2(60.0, 0.0));
    harness.run_steps(3);
    let after = kept(&harness);
    assert!(
        (after.settings - before.settings - 60.0).abs() < 4.0,
        "{before:?} became {after:?}"
    );
    assert_eq!(
        (after.attention, after.bottom),
        (before.attention, before.bottom)
    );
    let left = harness.get_by_label("Side by side").rect().left();
    // The next session begins with it.
    let preferences = Preferences {
        panes: after,
        ..Preferences::default()
    };
    let harness = studio_with(folder.path(), egui::Theme::Dark, preferences);
    assert_eq!(kept(&harness), after);
    assert_eq!(
        harness.get_by_label("Side by side").rect().left().round(),
        left.round()
    );
}

#[test]
fn panes_that_are_folded_away_give_their_room() {
    let folder = tempfile::tempdir().unwrap();
    let mut harness = studio(folder.path());
    let before = canvas_width(&harness);
    for pane in ["attention", "timeline and gallery", "settings"] {
        click(&mut harness, &format!("Show {pane}"));
    }
    assert!(canvas_width(&harness) > before + 100.0);
    assert!(harness.query_by_label("Timeline").is_none());
}

#[test]
fn other_writing_is_drawn_with_the_systems_fonts_or_it_is_said_what_to_install() {
    const WORDS: [&str; 3] = ["猫", "고양이", "बिल्ली"];
    let folder = tempfile::tempdir().unwrap();
    let mut harness = studio(folder.path());
    type_prompt(&mut harness, &WORDS.join(" "));
    harness.run_steps(4);
    let text: String = WORDS.concat();
    let font = FontId::proportional(15.0);
    let is_there = harness
        .ctx
        .fonts_mut(|fonts| fonts.has_glyphs(&font, &text));
    if !is_there {
        harness.get_by_label_contains("install Noto Sans");
        return;
    }
    let picture = harness.render().unwrap();
    // A box has nothing inside; a character of this kind has.
    let chip = harness
        .get_by_label_contains(&format!(" {}", WORDS[0]))
        .rect();
    let inside = Rect::from_min_size(chip.left_top() + vec2(11.0, 8.0), vec2(7.0, 8.0));
    let bright = |x: u32, y: u32| picture.get_pixel(x, y).0[0] > 120;
    let (mut ink, mut all) = (0, 0);
    for y in inside.top() as u32..inside.bottom() as u32 {
        for x in inside.left() as u32..inside.right() as u32 {
            ink += u32::from(bright(x, y));
            all += 1;
        }
    }
    assert!(10 * ink > all, "only {ink} of {all} pixels of {chip:?}");
    // The same words in a sentence, and in the list of results.
    edit(&mut harness, |content| content.settings.steps = 2);
    for word in [WORDS[0], WORDS[1]] {
        harness.get_by_label_contains(&format!(" {word}")).click();
        harness.run_steps(2);
    }
    let sentence = format!("● {}", WORDS[0]);
    harness.get_by_label(&sentence);
    assert!(app(&harness).state().session.message.is_none());
}
