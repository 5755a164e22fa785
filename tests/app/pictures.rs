//! Pictures dropped on the window: settings come back, or it is said whose they
//! are and nothing changes; and seeds left to the program.

use storm_studio::app::Preferences;

use super::models::{drop_on_window, wait_for_error};
use super::{Studio, app, click, edit, starting_studio, studio, wait, wait_until_idle};
use crate::pictures::picture;

fn message(harness: &Studio) -> String {
    let message = &app(harness).state().session.message;
    message
        .as_ref()
        .map_or_else(String::new, |it| it.text.clone())
}

#[test]
fn dropped_pictures_that_can_not_be_read_change_nothing_and_say_why() {
    let folder = tempfile::tempdir().unwrap();
    let mut harness = studio(folder.path());
    let before = app(&harness).state().draft.content().clone();
    for (name, words) in [
        ("diffusionbee.png", "DiffusionBee's settings"),
        ("lying.jpg", "EXIF is damaged"),
        ("comfyui-cyclic.png", "leads back to itself"),
        ("a1111-none.png", "no settings"),
        ("comfyui-drawing.png", "ComfyUI graph"),
    ] {
        drop_on_window(&mut harness, &picture(name));
        wait(&mut harness, name, |app| {
            let message = app.state().session.message.as_ref();
            message.is_some_and(|message| message.text.contains(words))
        });
        let text = wait_for_error(&mut harness);
        assert!(text.starts_with(name) && text.ends_with('.'), "{text}");
    }
    assert_eq!(app(&harness).state().draft.content(), &before);
}

#[test]
fn a_dropped_webp_of_comfyui_brings_its_settings() {
    let folder = tempfile::tempdir().unwrap();
    let mut harness = studio(folder.path());
    drop_on_window(&mut harness, &picture("comfyui.webp"));
    wait(&mut harness, "the settings", |app| {
        app.state().draft.negative_prompt == "blurry"
    });
    harness.run_steps(2);
    assert!(message(&harness).contains("Its LoRA detail is missing here"));
    let draft = &app(&harness).state().draft;
    assert_eq!(draft.seeds.text, "156680208700286");
    assert_eq!(draft.settings.size, Some([512, 768]));
}

#[test]
fn a_dropped_infotext_is_taken_as_it_is_and_what_is_missing_is_listed() {
    let folder = tempfile::tempdir().unwrap();
    let mut harness = studio(folder.path());
    edit(&mut harness, |content| {
        content.seeds.text = "31".to_string()
    });
    drop_on_window(&mut harness, &picture("a1111-impossible.png"));
    wait(&mut harness, "the settings", |app| {
        app.state().draft.prompt == "a cat to the left of a dog"
            && app.state().session.message.is_some()
    });
    harness.run_steps(2);
    // No seed could be taken, so the field is left alone.
    assert_eq!(app(&harness).state().draft.seeds.text, "31");
    assert!(
        message(&harness).contains("Seed -12345"),
        "{}",
        message(&harness)
    );

    drop_on_window(&mut harness, &picture("a1111.png"));
    wait(&mut harness, "the seed", |app| {
        app.state().draft.seeds.text == "123456789"
    });
    // Frames that show the settings leave them as they are.
    harness.run_steps(5);
    let draft = &app(&harness).state().draft;
    assert_eq!(draft.settings.guidance_scale, 35.0);
    assert_eq!(draft.settings.size, Some([512, 768]));
    assert!(
        message(&harness).contains("Denoising strength 0.55"),
        "{}",
        message(&harness)
    );
}

/// The words of its two relations are found with the model's tokenizer; the
/// program's own proposal would have one.
#[test]
fn a_picture_dropped_while_the_model_loads_keeps_its_relations() {
    let folder = tempfile::tempdir().unwrap();
    let preferences = Preferences::default();
    let mut harness = starting_studio(folder.path(), egui::Theme::Dark, preferences);
    drop_on_window(&mut harness, &picture("storm-studio-0.1.0.png"));
    wait(&mut harness, "the settings", |app| {
        app.state().session.message.is_some()
    });
    wait(&mut harness, "the model", |app| {
        app.state().session.model().is_some()
    });
    harness.run_steps(3);
    let draft = &app(&harness).state().draft;
    assert_eq!(draft.prompt, "a red cat to the left of a blue dog");
    assert_eq!(draft.assignment.relations.len(), 2, "{:?}", draft.content());
    assert!(!draft.is_proposed);
}

#[test]
fn a_seed_left_to_the_program_shows_in_the_field_and_is_another_next_time() {
    let folder = tempfile::tempdir().unwrap();
    let mut harness = studio(folder.path());
    edit(&mut harness, |content| {
        content.settings.steps = 1;
        content.seeds.text = "-1".to_string();
    });
    let mut made = Vec::new();
    for _ in 0..2 {
        click(&mut harness, "Generate");
        wait_until_idle(&mut harness);
        let run = app(&harness).state().session.newest_run().unwrap();
        assert_eq!(
            app(&harness).state().draft.seeds.text,
            run.key.seed.to_string()
        );
        made.push(run.key.seed);
    }
    assert_ne!(made[0], made[1]);
}
