//! Copies, sizes and regions: proposed, drawn, dragged, by the keyboard, undone.

use egui::{Key, Modifiers};
use egui_kittest::kittest::Queryable;
use storm_studio::storm::{ObjectTarget, Shape, Size};

use super::{Studio, app, click, edit, studio, type_prompt};

fn target(harness: &Studio, object: usize) -> Option<ObjectTarget> {
    app(harness)
        .state()
        .draft
        .assignment
        .targets
        .of(object)
        .cloned()
}

/// The middle of what a screen reader calls so.
fn middle(harness: &Studio, label: &str) -> egui::Pos2 {
    harness.get_by_label_contains(label).rect().center()
}

#[test]
fn numbers_and_sizes_of_the_prompt_are_proposed_and_each_is_switched_off() {
    let folder = tempfile::tempdir().unwrap();
    let mut harness = studio(folder.path());
    type_prompt(&mut harness, "two cats left of a big dog");
    assert_eq!(target(&harness, 0).map(|it| it.copies), Some(2));
    assert_eq!(target(&harness, 1).and_then(|it| it.size), Some(Size::Big));
    harness.run_steps(2);
    // Before the first run every copy has its handle on the empty canvas.
    let left = middle(&harness, "cats, copy 1 of 2")
        .x
        .max(middle(&harness, "cats, copy 2 of 2").x);
    assert!(left < middle(&harness, "Size of dog").x);
    let off: Vec<_> = harness.get_all_by_label("Forget this place").collect();
    assert_eq!(off.len(), 2);
    off[0].click();
    harness.run_steps(2);
    assert_eq!(target(&harness, 0), None);
    assert_eq!(target(&harness, 1).and_then(|it| it.size), Some(Size::Big));
    assert_eq!(app(&harness).state().draft.assignment.relations.len(), 1);
}

#[test]
fn a_copy_is_moved_by_the_keyboard_and_undo_brings_it_back() {
    let folder = tempfile::tempdir().unwrap();
    let mut harness = studio(folder.path());
    type_prompt(&mut harness, "two cats");
    edit(&mut harness, |content| content.is_proposed = false);
    harness.run_steps(120);
    harness.get_by_label_contains("cats, copy 2 of 2").focus();
    harness.run_steps(2);
    harness.key_press_modifiers(Modifiers::SHIFT, Key::ArrowDown);
    harness.run_steps(2);
    let moved = target(&harness, 0).unwrap();
    let Shape::Points(places) = &moved.shape else {
        panic!("{moved:?}");
    };
    assert_eq!(places.len(), 2);
    assert!(
        (places[1][1] - 0.55).abs() < 0.011 && (places[0][1] - 0.5).abs() < 0.011,
        "{places:?}"
    );
    harness.run_steps(120);
    harness.key_press_modifiers(Modifiers::COMMAND, Key::Z);
    harness.run_steps(2);
    assert_eq!(
        target(&harness, 0).map(|it| it.shape),
        Some(Shape::Anywhere)
    );
    // Plus makes every copy larger, Delete forgets all of it.
    harness.get_by_label_contains("cats, copy 1 of 2").focus();
    harness.run_steps(2);
    harness.key_press(Key::Plus);
    harness.run_steps(2);
    let size = target(&harness, 0).and_then(|it| it.size);
    assert!(
        matches!(size, Some(Size::Extent(extent)) if extent > 0.2),
        "{size:?}"
    );
    harness.get_by_label_contains("cats, copy 1 of 2").focus();
    harness.run_steps(2);
    harness.key_press(Key::Delete);
    harness.run_steps(2);
    assert_eq!(target(&harness, 0), None);
}

#[test]
fn a_region_is_drawn_on_the_empty_canvas_and_dragged() {
    let folder = tempfile::tempdir().unwrap();
    let mut harness = studio(folder.path());
    type_prompt(&mut harness, "a cat to the left of a dog");
    click(&mut harness, "Add a relation or a place");
    click(&mut harness, "More of the dog");
    click(&mut harness, "Rectangle on the canvas");
    let begun = target(&harness, 1).unwrap();
    assert!(matches!(begun.shape, Shape::Rectangle(_)), "{begun:?}");
    let canvas = harness.get_by_label("STORM canvas, empty").rect();
    let at = |x: f32, y: f32| canvas.lerp_inside(egui::vec2(x, y));
    harness.drag_at(at(0.6, 0.2));
    harness.run_steps(2);
    harness.hover_at(at(0.75, 0.4));
    harness.run_steps(2);
    harness.hover_at(at(0.9, 0.6));
    harness.run_steps(2);
    harness.drop_at(at(0.9, 0.6));
    harness.run_steps(3);
    let Some(Shape::Rectangle(area)) = target(&harness, 1).map(|it| it.shape) else {
        panic!("it is a rectangle");
    };
    for (found, wanted) in [
        (area.x, 0.6),
        (area.y, 0.2),
        (area.width, 0.3),
        (area.height, 0.4),
    ] {
        assert!((found - wanted).abs() < 0.02, "{area:?}");
    }
    // The form is done; now its handle moves it.
    let handle = middle(&harness, "Region of dog");
    harness.drag_at(handle);
    harness.run_steps(2);
    harness.hover_at(handle + egui::vec2(0.0, 0.1 * canvas.height()));
    harness.run_steps(2);
    harness.drop_at(handle + egui::vec2(0.0, 0.1 * canvas.height()));
    harness.run_steps(2);
    let Some(Shape::Rectangle(moved)) = target(&harness, 1).map(|it| it.shape) else {
        panic!("it is a rectangle");
    };
    assert!((moved.y - area.y - 0.1).abs() < 0.02, "{moved:?}");
    assert!((moved.width - area.width).abs() < 1e-9);
    // A wish of the person's is kept by the next request.
    let request = app(&harness).state().draft.request().unwrap();
    assert_eq!(request.layout.targets.len(), 1);
    click(&mut harness, "Lock the place");
    let locked = middle(&harness, "Region of dog");
    harness.drag_at(locked);
    harness.run_steps(2);
    harness.hover_at(locked + egui::vec2(0.0, 40.0));
    harness.run_steps(2);
    harness.drop_at(locked + egui::vec2(0.0, 40.0));
    harness.run_steps(2);
    let Some(Shape::Rectangle(kept)) = target(&harness, 1).map(|it| it.shape) else {
        panic!("it is a rectangle");
    };
    assert_eq!(kept, moved);
}
