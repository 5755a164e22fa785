//! The settings on the left: what was set stays, and what is shown has effect.

use std::path::Path;

use egui::accesskit::Role;
use egui::{Key, Modifiers};
use egui_kittest::kittest::{NodeT, Queryable};
use image::RgbImage;
use storm_studio::diffusion::{Method, SchedulerKind, SigmaSchedule};
use storm_studio::engine::{Recipe, Request, Settings};
use storm_studio::export::png::write_png;
use storm_studio::storm::ObjectiveKind;

use super::{Studio, app, edit, studio, wait};

/// A picture as this program saves it, made with `settings`.
fn saved_picture(folder: &Path, settings: &Settings) -> std::path::PathBuf {
    let recipe = Recipe {
        program: "Storm Studio".to_string(),
        model: "toybox".to_string(),
        // As pictures of earlier versions.
        model_hash: None,
        device: "CPU".to_string(),
        method: Method::Storm,
        networks: Vec::new(),
        request: Request {
            prompt: "a tree to the left of a boat".to_string(),
            settings: settings.clone(),
            ..Request::default()
        },
    };
    let path = folder.join("saved.png");
    let file = std::fs::File::create(&path).unwrap();
    write_png(file, &RgbImage::new(8, 8), &recipe.text_chunks()).unwrap();
    path
}

fn restore(harness: &mut Studio, settings: &Settings) {
    let folder = tempfile::tempdir().unwrap();
    let picture = saved_picture(folder.path(), settings);
    harness.state_mut().as_mut().unwrap().open(picture);
    wait(harness, "the settings", |app| {
        app.state().draft.prompt.contains("boat")
    });
    harness.run_steps(3);
}

#[test]
fn settings_of_an_earlier_embedded_model_come_back_and_it_is_said() {
    let folder = tempfile::tempdir().unwrap();
    let mut harness = studio(folder.path());
    restore(&mut harness, &Settings::default());
    assert_eq!(
        app(&harness).state().draft.prompt,
        "a tree to the left of a boat"
    );
    let message = app(&harness).state().session.message.clone().unwrap();
    assert!(
        message
            .text
            .contains("with toybox 0, an earlier embedded model"),
        "{message:?}"
    );
    assert!(
        !message.text.contains("Generate makes it again"),
        "{message:?}"
    );
}

/// As a screen reader does, wherever the panel is scrolled to.
fn press(harness: &mut Studio, label: &str) {
    harness.get_by_label(label).click_accesskit();
    harness.run_steps(2);
}

/// Goes through every field with the keyboard.
fn tab_through(harness: &mut Studio) {
    for _ in 0..90 {
        harness.key_press_modifiers(Modifiers::NONE, Key::Tab);
        harness.step();
    }
}

#[test]
fn settings_outside_of_what_is_usual_come_back_and_stay_while_they_are_shown() {
    let folder = tempfile::tempdir().unwrap();
    for &objective in ObjectiveKind::ALL {
        let mut harness = studio(folder.path());
        let mut settings = Settings {
            steps: 999,
            guidance_scale: 40.0,
            size: Some([4096, 4096]),
            ..Settings::default()
        };
        let optimisation = &mut settings.optimisation;
        optimisation.objective = objective;
        optimisation.update.step_size = 2.0;
        optimisation.update.updates_per_picture = 700;
        optimisation.update.updates_per_step = 60;
        optimisation.update.attention_res = 256;
        let parameters = &mut optimisation.parameters;
        parameters.storm.transport_weight = 500.0;
        // More digits than a field has room for.
        parameters.storm.marginal_tolerance = 1.25e-11;
        parameters.readings.absent_below = 1.5e-8;
        parameters.readings.margin = 0.123_456_789;
        parameters.centroid.relation_weight = 500.0;
        parameters.attend_and_excite.refinement_limit = 300;
        parameters.reference.refinement_limit = 300;
        parameters.reference.end_of_updates = 2000;
        assert!(optimisation.groups().iter().all(|it| it.validate().is_ok()));
        restore(&mut harness, &settings);
        press(&mut harness, "More of STORM");
        harness.run_steps(20);
        assert_eq!(
            app(&harness).state().draft.settings,
            settings,
            "{objective}"
        );
        assert!(
            harness
                .query_all_by_label("Attention grid")
                .next()
                .is_some()
        );
        tab_through(&mut harness);
        assert_eq!(
            app(&harness).state().draft.settings,
            settings,
            "{objective}"
        );
    }
}

#[test]
fn the_window_shows_what_the_objective_reads_and_resets_it() {
    let folder = tempfile::tempdir().unwrap();
    let mut harness = studio(folder.path());
    press(&mut harness, "More of STORM");
    harness.run_steps(20);
    use ObjectiveKind::{AttendAndExcite, Centroid, Reference, Storm};
    let objectives = [Storm, Centroid, AttendAndExcite, Reference];
    for (place, objective) in objectives.into_iter().enumerate() {
        edit(&mut harness, |content| {
            content.settings.optimisation.objective = objective;
        });
        harness.run_steps(2);
        for (label, readers) in [
            ("Margin", [true, true, false, false]),
            ("Epsilon", [true, false, false, false]),
            ("Step size", [true, true, true, false]),
            ("Relation weight", [false, true, false, false]),
            ("Thresholds", [false, false, true, true]),
            ("Scale factor", [false, false, false, true]),
            ("Attention grid", [true, true, true, true]),
        ] {
            let is_shown = harness.query_all_by_label(label).next().is_some();
            assert_eq!(is_shown, readers[place], "{label} of {objective}");
        }
    }
    edit(&mut harness, |content| {
        content
            .settings
            .optimisation
            .parameters
            .reference
            .scale_range
            .1 = 0.25;
    });
    press(&mut harness, "Reset last scale");
    let settings = &app(&harness).state().draft.settings;
    let range = settings.optimisation.parameters.reference.scale_range;
    assert_eq!(range, (1.0, 0.5));
}

/// Opens the menu `menu` with the pointer and chooses `entry`, to which it may have
/// to be scrolled.
fn choose(harness: &mut Studio, menu: &str, entry: &str) {
    harness.get_by_role_and_label(Role::ComboBox, menu).click();
    harness.run_steps(3);
    harness.get_by_label(entry).scroll_to_me();
    harness.run_steps(20);
    harness.get_by_label(entry).click();
    harness.run_steps(3);
}

#[test]
fn samplers_and_schedules_are_chosen_from_menus_and_what_does_not_apply_is_grey() {
    let folder = tempfile::tempdir().unwrap();
    let mut harness = studio(folder.path());
    wait(&mut harness, "the model", |app| {
        app.state().session.model().is_some()
    });
    harness.run_steps(2);
    let settings = |harness: &Studio| app(harness).state().draft.settings.clone();
    // The best by measurement, for a model that leaves it open.
    let usual = settings(&harness);
    assert_eq!(usual.scheduler, Some(SchedulerKind::Dpmpp2m));
    assert!(harness.query_by_label("Reset sampler").is_none());
    choose(&mut harness, "Sampler", "Euler");
    choose(&mut harness, "Schedule", "Karras");
    let chosen = settings(&harness);
    assert_eq!(chosen.scheduler, Some(SchedulerKind::Euler));
    assert_eq!(chosen.schedule, Some(SigmaSchedule::Karras));
    // LCM visits the timesteps that its model was distilled on.
    choose(&mut harness, "Sampler", "LCM");
    assert_eq!(settings(&harness).schedule, None);
    harness
        .get_by_role_and_label(Role::ComboBox, "Schedule")
        .click();
    harness.run_steps(3);
    let karras = harness.get_by_label("Karras");
    assert!(karras.accesskit_node().is_disabled());
    karras.click();
    harness.run_steps(3);
    assert_eq!(settings(&harness).schedule, None);
    harness.key_press(Key::Escape);
    harness.run_steps(2);
    press(&mut harness, "Reset sampler");
    assert_eq!(settings(&harness), usual);
}

#[test]
fn the_released_objective_brings_the_walk_it_was_released_with() {
    let folder = tempfile::tempdir().unwrap();
    let mut harness = studio(folder.path());
    wait(&mut harness, "the model", |app| {
        app.state().session.model().is_some()
    });
    let walk = |harness: &Studio| {
        let settings = &app(harness).state().draft.settings;
        (settings.scheduler, settings.steps)
    };
    let usual = walk(&harness);
    let mut objective = |kind: ObjectiveKind| {
        harness
            .get_by_role_and_label(Role::ComboBox, "Objective")
            .scroll_to_me();
        harness.run_steps(3);
        choose(&mut harness, "Objective", kind.label());
        walk(&harness)
    };
    assert_eq!(objective(ObjectiveKind::Reference), (None, 50));
    assert_eq!(objective(ObjectiveKind::Storm), usual);
}
