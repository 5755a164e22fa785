//! Opening models: dropped, listed, opened before; and files that are none.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use egui::accesskit::Role;
use egui_kittest::kittest::Queryable;
use storm_studio::app::{Preferences, RememberedModels, RunState};
use storm_studio::checkpoint::CheckpointSource;

use super::{Studio, app, click, edit, studio, studio_with, wait, wait_until_idle};
use crate::bad_files::narrow_file;
use crate::checkpoints::{copy_folder, copy_into};
use crate::ldm_names::{read, write};

#[derive(Debug)]
struct Dropped(PathBuf);

impl egui::DroppedFile for Dropped {
    fn path(&self) -> &Path {
        &self.0
    }

    fn bytes(&self) -> Result<Vec<u8>, String> {
        std::fs::read(&self.0).map_err(|error| error.to_string())
    }
}

/// As a person drags it from a file manager.
pub(super) fn drop_on_window(harness: &mut Studio, path: &Path) {
    let file = Arc::new(Dropped(path.to_path_buf()));
    harness.input_mut().dropped_files.push(file);
    harness.step();
}

fn name_of(path: &Path) -> String {
    path.file_name().unwrap().to_str().unwrap().to_string()
}

fn wait_for_model(harness: &mut Studio, name: &str) {
    wait(harness, "the model", |app| {
        let model = app.state().session.model();
        model.is_some_and(|model| model.name == name)
    });
    harness.step();
}

pub(super) fn wait_for_error(harness: &mut Studio) -> String {
    wait(harness, "the message", |app| {
        let message = app.state().session.message.as_ref();
        message.is_some_and(|message| message.is_error)
    });
    harness.run_steps(2);
    let message = app(harness).state().session.message.as_ref();
    message.unwrap().text.clone()
}

/// Makes a small picture of both methods with the model that is there.
fn generate(harness: &mut Studio, size: Option<[usize; 2]>) {
    edit(harness, |content| {
        content.settings.steps = 2;
        content.settings.size = size;
    });
    click(harness, "Generate");
    wait_until_idle(harness);
    let run = app(harness).state().shown_run().unwrap();
    assert_eq!(run.state, RunState::Done);
    assert!(run.storm.picture.is_some() && run.standard.picture.is_some());
}

#[test]
fn a_dropped_folder_opens_generates_and_is_remembered() {
    let output = tempfile::tempdir().unwrap();
    let mut harness = studio(output.path());
    let model = copy_folder("narrow-sd1");
    let name = name_of(model.path());
    drop_on_window(&mut harness, model.path());
    wait_for_model(&mut harness, &name);
    generate(&mut harness, Some([256, 256]));
    let run = app(&harness).state().shown_run().unwrap();
    assert_eq!(run.model.as_ref().unwrap().name, name);
    assert_eq!(run.size, [256, 256]);
    let remembered = app(&harness).preferences().models;
    let source = CheckpointSource::Folder(model.path().to_path_buf());
    assert_eq!(remembered.recent, [source]);

    click(&mut harness, "Use the embedded model");
    wait_for_model(&mut harness, "toybox");
    generate(&mut harness, None);
}

#[test]
fn a_dropped_file_that_is_no_model_says_so_and_toybox_goes_on() {
    let output = tempfile::tempdir().unwrap();
    let mut harness = studio(output.path());
    let bad = output.path().join("v1-5.safetensors");
    std::fs::write(&bad, b"PK\x03\x04\x00\x00archive/data.pkl").unwrap();
    drop_on_window(&mut harness, &bad);
    let message = wait_for_error(&mut harness);
    assert!(message.starts_with("v1-5 did not load"), "{message}");
    assert!(message.contains("pickle"), "{message}");
    harness.get_by_label("Open another model…");
    generate(&mut harness, None);
    let run = app(&harness).state().shown_run().unwrap();
    assert_eq!(run.model.as_ref().unwrap().name, "toybox");
    assert!(app(&harness).preferences().models.recent.is_empty());
    // A path with nothing there.
    drop_on_window(&mut harness, &output.path().join("gone"));
    let message = wait_for_error(&mut harness);
    assert!(message.contains("no model at"), "{message}");
}

#[test]
fn a_folder_called_toybox_is_a_folder() {
    let output = tempfile::tempdir().unwrap();
    let mut harness = studio(output.path());
    assert!(harness.query_by_label("Use the embedded model").is_none());
    let folder = output.path().join("toybox");
    copy_into("narrow-sd1", &folder);
    drop_on_window(&mut harness, &folder);
    wait(&mut harness, "the folder", |app| {
        let model = app.state().session.model();
        model.is_some_and(|model| !model.is_embedded())
    });
    harness.step();
    click(&mut harness, "Use the embedded model");
    wait(&mut harness, "the embedded model", |app| {
        let model = app.state().session.model();
        model.is_some_and(|model| model.is_embedded())
    });
}

#[test]
fn a_damaged_scheduler_config_offers_another_model_and_costs_nothing() {
    let output = tempfile::tempdir().unwrap();
    let mut harness = studio(output.path());
    let model = copy_folder("narrow-sd1");
    let config = model.path().join("scheduler/scheduler_config.json");
    std::fs::write(config, "{\"beta_start\": ").unwrap();
    drop_on_window(&mut harness, model.path());
    let message = wait_for_error(&mut harness);
    assert!(message.contains("scheduler_config.json"), "{message}");
    harness.get_by_label("Open another model…");
    let session = &app(&harness).state().session;
    assert!(session.model().is_some_and(|model| model.is_embedded()));
    generate(&mut harness, None);
}

#[test]
fn a_model_that_fails_half_way_gives_way_to_toybox() {
    let output = tempfile::tempdir().unwrap();
    let mut harness = studio(output.path());
    let model = copy_folder("narrow-sd1");
    let weights = model
        .path()
        .join("unet/diffusion_pytorch_model.safetensors");
    let mut tensors = read(&weights);
    let damaged = tensors.get_mut("conv_out.weight").unwrap();
    damaged.bytes[..4].copy_from_slice(&f32::NAN.to_le_bytes());
    write(&tensors, &weights);
    drop_on_window(&mut harness, model.path());
    let message = wait_for_error(&mut harness);
    assert!(message.contains("conv_out.weight"), "{message}");
    wait_for_model(&mut harness, "toybox");
    // The reason is still to be read.
    assert_eq!(wait_for_error(&mut harness), message);
    generate(&mut harness, None);
}

#[test]
fn stable_diffusion_xl_offers_its_sizes_and_the_sizes_that_it_is_told() {
    let output = tempfile::tempdir().unwrap();
    let mut harness = studio(output.path());
    assert!(harness.query_by_label("Aspect").is_none());
    let model = copy_folder("narrow-sdxl");
    drop_on_window(&mut harness, model.path());
    wait_for_model(&mut harness, &name_of(model.path()));
    let menu = harness.get_by_role_and_label(Role::ComboBox, "Aspect");
    menu.click_accesskit();
    harness.run_steps(3);
    harness.get_by_label("832 × 1216").click_accesskit();
    harness.run_steps(3);
    let size = |harness: &Studio| app(harness).state().draft.settings.size;
    assert_eq!(size(&harness), Some([832, 1216]));
    harness.get_by_label("More of sampling").click_accesskit();
    harness.run_steps(12);
    for label in ["Original width", "Crop at the top", "Target height"] {
        harness.get_by_label(label);
    }
    generate(&mut harness, Some([128, 128]));
    let run = app(&harness).state().shown_run().unwrap();
    assert_eq!(run.size, [128, 128]);
}

#[test]
fn a_file_without_an_autoencoder_asks_for_one() {
    let output = tempfile::tempdir().unwrap();
    let mut harness = studio(output.path());
    let mut tensors = narrow_file();
    tensors.retain(|name, _| !name.starts_with("first_stage_model."));
    let file = output.path().join("pruned.safetensors");
    write(&tensors, &file);
    drop_on_window(&mut harness, &file);
    let message = wait_for_error(&mut harness);
    assert!(message.contains("no autoencoder"), "{message}");
    harness.get_by_label("Choose an autoencoder…");
}

#[test]
fn the_menu_lists_what_was_opened_before_and_what_a_folder_holds() {
    let output = tempfile::tempdir().unwrap();
    let shelf = tempfile::tempdir().unwrap();
    let model = copy_folder("narrow-sd2");
    std::fs::rename(model.path(), shelf.path().join("shelved")).unwrap();
    std::fs::write(shelf.path().join("broken.safetensors"), b"GGUF").unwrap();
    let before = copy_folder("narrow-sd1");
    let preferences = Preferences {
        models: RememberedModels {
            recent: vec![CheckpointSource::Folder(before.path().to_path_buf())],
            folder: Some(shelf.path().to_path_buf()),
        },
        ..Preferences::default()
    };
    let mut harness = studio_with(output.path(), egui::Theme::Dark, preferences);
    wait(&mut harness, "the list", |app| {
        app.state().models.found().is_some()
    });
    click(&mut harness, "Open…");
    harness.get_by_label("1 more cannot be opened");
    click(&mut harness, "shelved (Stable Diffusion 2.x)");
    wait_for_model(&mut harness, "shelved");
    click(&mut harness, "Open…");
    let name = name_of(before.path());
    click(&mut harness, &name);
    wait_for_model(&mut harness, &name);
    let recent = app(&harness).preferences().models.recent;
    let names: Vec<String> = recent.iter().map(CheckpointSource::name).collect();
    assert_eq!(names, [name, "shelved".to_string()]);
}
