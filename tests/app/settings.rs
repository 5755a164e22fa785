//! The settings on the left: what was set stays, and what is shown has effect.

use std::path::Path;

use egui::{Key, Modifiers};
use egui_kittest::kittest::Queryable;
use image::RgbImage;
use storm_studio::diffusion::Method;
use storm_studio::engine::{Recipe, Request, Settings};
use storm_studio::export::png::write_png;
use storm_studio::storm::ObjectiveKind;

use super::{Studio, app, edit, studio, wait};

/// A picture as this program saves it, made with `settings`.
fn saved_picture(folder: &Path, settings: &Settings) -> std::path::PathBuf {
    let recipe = Recipe {
        program: "Storm Studio".to_string(),
        model: "toybox".to_string(),
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
    for &objective in ObjectiveKind::ALL {
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
            let place = ObjectiveKind::ALL.iter().position(|it| *it == objective);
            let is_shown = harness.query_all_by_label(label).next().is_some();
            assert_eq!(is_shown, readers[place.unwrap()], "{label} of {objective}");
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
