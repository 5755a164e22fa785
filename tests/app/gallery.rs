//! Kept pictures: finished ones are in files at once, and a new window shows them.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use egui::{Event, Key, Modifiers, PointerButton};
use egui_kittest::kittest::Queryable;
use storm_studio::diffusion::Method;
use storm_studio::gallery::{Gallery, Home};

use super::{Studio, app, click, edit, studio, wait, wait_until_idle};

/// Deletes for good: these tests have no trash.
fn remove(paths: &[PathBuf]) -> Result<(), String> {
    let mut paths = paths.iter();
    paths.try_for_each(|path| std::fs::remove_file(path).map_err(|error| error.to_string()))
}

/// A window that keeps its pictures in `folder`.
fn keeping_studio(output: &Path, folder: &Path) -> Studio {
    let mut harness = studio(output);
    let home = Home {
        folder: folder.to_path_buf(),
        limit: Some(2000 << 20),
    };
    let gallery = Gallery::with_trash(Some(home), Arc::new(|| ()), remove);
    let app = harness.state_mut().as_mut().unwrap();
    app.keep_pictures_with(gallery, folder.to_path_buf());
    harness
}

fn make(harness: &mut Studio, prompt: &str, seed: &str) {
    edit(harness, |content| {
        content.settings.steps = 2;
        content.seeds.text = seed.to_string();
        content.seeds.locked = true;
    });
    super::type_prompt(harness, prompt);
    click(harness, "Generate");
    wait_until_idle(harness);
}

fn files(folder: &Path) -> usize {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    entries
        .filter(|entry| !entry.file_name().to_string_lossy().starts_with('.'))
        .count()
}

fn kept(harness: &Studio) -> usize {
    app(harness).state().kept.catalogue.entries().len()
}

/// The entry of that name; the title of a canvas may say the same.
fn entry<'a>(harness: &'a Studio, label: &'a str) -> egui_kittest::Node<'a> {
    harness.get_by_role_and_label(egui::accesskit::Role::Button, label)
}

/// Both clicks in one frame: frames of a test are too long for a double click.
fn double_click(harness: &mut Studio, label: &str) {
    let pos = entry(harness, label).rect().center();
    let button = |pressed| Event::PointerButton {
        pos,
        button: PointerButton::Primary,
        pressed,
        modifiers: Modifiers::NONE,
    };
    let events = &mut harness.input_mut().events;
    events.push(Event::PointerMoved(pos));
    events.extend([true, false, true, false].map(button));
    harness.step();
}

#[test]
fn what_was_made_is_there_next_time_and_is_found_shown_and_deleted() {
    let output = tempfile::tempdir().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let mut first = keeping_studio(output.path(), folder.path());
    make(&mut first, "a cat above a dog", "3");
    make(&mut first, "a bird above a boat", "4");
    wait(&mut first, "the files", |app| {
        let entries = app.state().kept.catalogue.entries();
        entries.len() == 2 && entries.iter().all(|entry| entry.files.len() == 2)
    });
    assert_eq!(files(folder.path()), 4);
    // Nothing was saved by the person.
    assert_eq!(files(output.path()), 0);
    let made = app(&first).state().session.runs[0].clone();
    drop(first);

    let mut second = keeping_studio(output.path(), folder.path());
    wait(&mut second, "the list", |app| {
        app.state().kept.catalogue.unread() == 0 && app.state().kept.catalogue.entries().len() == 2
    });
    click(&mut second, "Gallery");
    second.get_by_label("Search the prompts").focus();
    second.step();
    second
        .get_by_label("Search the prompts")
        .type_text("CAT dog");
    second.run_steps(3);
    assert!(second.query_by_label("seed 4").is_none());
    click(&mut second, "seed 3");
    wait(&mut second, "the picture", |app| {
        app.state().view.run.is_some()
    });
    let run = app(&second).state().shown_run().unwrap();
    for method in [Method::Standard, Method::Storm] {
        let [ours, theirs] = [run, &made].map(|run| run.trace(method).picture.as_ref().unwrap());
        assert_eq!(ours.image, theirs.image);
    }
    // Another prompt stands in the field until its settings are taken back.
    assert_ne!(app(&second).state().draft.prompt, made.request.prompt);
    double_click(&mut second, "seed 3");
    wait(&mut second, "the settings", |app| {
        app.state().draft.prompt == "a cat above a dog"
    });
    assert_eq!(app(&second).state().draft.seeds.text, "3");

    entry(&second, "seed 3").click_secondary();
    second.run_steps(2);
    click(&mut second, "Move to the trash");
    wait(&mut second, "the trash", |app| {
        app.state().kept.catalogue.entries().len() == 1
    });
    second.run_steps(2);
    assert_eq!(files(folder.path()), 2);
    assert!(second.query_by_label("seed 3").is_none());
    assert!(app(&second).state().view.run.is_none());
}

#[test]
fn a_picture_deleted_behind_the_window_is_said_and_nothing_is_kept_if_so_wished() {
    let output = tempfile::tempdir().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let mut harness = keeping_studio(output.path(), folder.path());
    make(&mut harness, "a cat to the left of a dog", "3");
    wait(&mut harness, "the file", |app| {
        let entries = app.state().kept.catalogue.entries();
        entries.first().is_some_and(|entry| entry.files.len() == 2)
    });
    let entry = app(&harness).state().kept.catalogue.entries()[0].clone();
    for (_, path) in &entry.files {
        std::fs::remove_file(path).unwrap();
    }
    // The run itself is shown as before.
    assert!(
        app(&harness)
            .state()
            .shown_run()
            .unwrap()
            .storm
            .picture
            .is_some()
    );
    drop(harness);

    std::fs::write(folder.path().join("20200101-000000-000-9.png"), "none").unwrap();
    let mut harness = keeping_studio(output.path(), folder.path());
    wait(&mut harness, "the list", |app| {
        app.state().kept.catalogue.entries().len() == 1 && app.state().kept.catalogue.unread() == 0
    });
    click(&mut harness, "Gallery");
    let label = "20200101-000000-000-";
    click(&mut harness, label);
    wait(&mut harness, "what is wrong", |app| {
        let message = app.state().session.message.as_ref();
        message.is_some_and(|message| message.text.contains("can't be read"))
    });
    std::fs::remove_file(folder.path().join("20200101-000000-000-9.png")).unwrap();
    click(&mut harness, label);
    wait(&mut harness, "that it is gone", |app| {
        let message = app.state().session.message.as_ref();
        message.is_some_and(|message| message.text.contains("not there any more"))
    });
    assert_eq!(kept(&harness), 0);

    click(&mut harness, "Where finished pictures are kept");
    click(&mut harness, "Keep nothing");
    harness.key_press(Key::Escape);
    make(&mut harness, "a cat to the left of a dog", "5");
    harness.run_steps(5);
    assert_eq!(files(folder.path()), 0);
}
