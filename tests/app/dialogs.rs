//! Paths, where the system's dialog does not open or does not answer.

use std::path::Path;

use egui_kittest::kittest::Queryable;
use storm_studio::app::{Answer, Dialogs, Wanted};

use super::{Studio, app, click, edit, studio, wait, wait_until_idle};

/// Neither a portal nor zenity: the answer is there at once, and none.
struct NoDialogs;

impl Dialogs for NoDialogs {
    fn ask(&self, _wanted: &Wanted, _output: &Path) -> Answer {
        Box::pin(std::future::ready(None))
    }
}

/// A portal that takes the call and never answers.
struct Hanging;

impl Dialogs for Hanging {
    fn ask(&self, _wanted: &Wanted, _output: &Path) -> Answer {
        Box::pin(std::future::pending())
    }
}

fn with(dialogs: impl Dialogs + 'static, folder: &Path) -> Studio {
    let mut harness = studio(folder);
    let app = harness.state_mut().as_mut().unwrap();
    app.state_mut().files.set_dialogs(Box::new(dialogs));
    harness
}

/// Waits for the field and writes a path into it.
fn write_path(harness: &mut Studio, path: &Path) {
    wait(harness, "the field", |app| {
        app.state().files.no_answer().is_some()
    });
    harness.run_steps(2);
    let text = path.display().to_string();
    harness.get_by_label("Path").focus();
    harness.step();
    harness.get_by_label("Path").type_text(&text);
    harness.run_steps(2);
    click(harness, "Take this path");
}

#[test]
fn without_any_dialog_a_path_can_be_written_again_and_again() {
    let folder = tempfile::tempdir().unwrap();
    let mut harness = with(NoDialogs, folder.path());
    edit(&mut harness, |content| {
        content.settings.steps = 2;
        content.seeds.text = "5".to_string();
    });
    click(&mut harness, "Generate");
    wait_until_idle(&mut harness);
    let elsewhere = folder.path().join("elsewhere");
    click(&mut harness, "Export");
    click(&mut harness, "Choose the output folder…");
    write_path(&mut harness, &elsewhere);
    assert_eq!(app(&harness).state().files.output().path(), elsewhere);
    assert!(harness.query_by_label("Path").is_none());
    // The next one is asked for as if nothing had been.
    let other = folder.path().join("other");
    click(&mut harness, "Export");
    click(&mut harness, "Choose the output folder…");
    write_path(&mut harness, &other);
    assert_eq!(app(&harness).state().files.output().path(), other);
}

#[test]
fn a_dialog_that_never_answers_gives_way_to_the_field_and_to_other_dialogs() {
    let folder = tempfile::tempdir().unwrap();
    let mut harness = with(Hanging, folder.path());
    click(&mut harness, "Open…");
    click(&mut harness, "Open a folder…");
    assert!(app(&harness).state().files.is_dialog_open());
    wait(&mut harness, "the field", |app| {
        app.state().files.no_answer().is_some()
    });
    harness.run_steps(2);
    harness.get_by_label_contains("has not answered yet");
    click(&mut harness, "Close the path field");
    assert!(harness.query_by_label("Path").is_none());
    // A dialog can be asked for again, and what is written then opens.
    let app = harness.state_mut().as_mut().unwrap();
    app.state_mut().files.set_dialogs(Box::new(NoDialogs));
    click(&mut harness, "Open…");
    click(&mut harness, "Open a folder…");
    write_path(&mut harness, &folder.path().join("nothing here"));
    wait(&mut harness, "the refusal", |app| {
        let message = &app.state().session.message;
        message.as_ref().is_some_and(|message| message.is_error)
    });
}
