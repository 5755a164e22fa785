//! Whole runs of the narrow Stable Diffusion XL: the engine, its pictures, a walk that is cut off.

use std::path::Path;
use std::sync::Arc;

use serde_json::json;
use storm_studio::checkpoint::CheckpointSource;
use storm_studio::device::ComputeDevice;
use storm_studio::diffusion::{Method, Methods, SchedulerKind};
use storm_studio::engine::{Engine, Event, Notice, Recipe, Request};
use storm_studio::export::metadata::own_of;
use storm_studio::storm::RelationKind;

use crate::checkpoints::copy_folder;
use crate::engine::{cat_and_dog, pictures, run};
use crate::fixture::folder;
use crate::single_files::edit_config;

fn start(folder: &Path) -> Engine {
    let source = CheckpointSource::from_path(folder).unwrap();
    Engine::start(ComputeDevice::cpu(None), source, 1 << 26, Arc::new(|| ()))
}

/// Two steps of both methods at a size that the narrow model makes quickly.
fn request() -> Request {
    let mut request = cat_and_dog(RelationKind::LeftOf, 2);
    request.settings.size = Some([256, 192]);
    request
}

#[test]
fn both_methods_make_pictures_and_what_they_were_told_is_saved() {
    let engine = start(&folder().join("narrow-sdxl"));
    let mut request = request();
    let plain = run(&engine, request.clone());
    assert_eq!(pictures(&plain).len(), 2);
    let storm = pictures(&plain)[1];
    assert_eq!(storm.method, Method::Storm);
    assert!(storm.updates > 0);
    assert_eq!(storm.scheduler, SchedulerKind::Euler);
    assert_eq!(storm.image.dimensions(), (256, 192));

    request.settings.original_size = Some([64, 64]);
    request.settings.crop = Some([32, 0]);
    let told = run(&engine, request.clone());
    let (before, after) = (&pictures(&plain)[0].image, &pictures(&told)[0].image);
    assert_ne!(
        before.as_raw(),
        after.as_raw(),
        "the sizes change the picture"
    );
    let model = plain.iter().find_map(|event| match event {
        Event::ModelReady(info) => Some(info),
        _ => None,
    });
    let recipe = Recipe::new(pictures(&told)[0], &request, model.unwrap());
    let read: Recipe = own_of(&recipe.text_chunks()).unwrap().unwrap();
    assert_eq!(read.request.settings.original_size, Some([64, 64]));
    assert_eq!(read.request.settings.crop, Some([32, 0]));
    assert_eq!(read.request.settings.target_size, None);
    let again = run(&engine, read.request);
    assert_eq!(pictures(&again)[0].image.as_raw(), after.as_raw());
}

#[test]
fn fewer_layers_make_another_update_and_those_that_are_missing_are_named() {
    let engine = start(&folder().join("narrow-sdxl"));
    let mut request = request();
    request.settings.methods = Methods::Storm;
    let all = run(&engine, request.clone());
    let chosen = "up_blocks.0.attentions.1.transformer_blocks.1-3";
    let update = &mut request.settings.optimisation.update;
    update.attention_layers = Some(chosen.parse().unwrap());
    let some = run(&engine, request.clone());
    let raw = |events: &[Event]| pictures(events)[0].image.as_raw().clone();
    assert_ne!(raw(&all), raw(&some));
    let update = &mut request.settings.optimisation.update;
    update.attention_layers = Some("down_blocks.0".parse().unwrap());
    let events = run(&engine, request);
    let failed = events.iter().find_map(|event| match event {
        Event::Failed { error, .. } => Some(error.to_string()),
        _ => None,
    });
    let failed = failed.unwrap();
    assert!(
        failed.contains("no cross-attention layers down_blocks.0"),
        "{failed}"
    );
}

#[test]
fn sizes_that_a_model_is_not_told_are_said_to_have_no_effect() {
    let engine = crate::engine::engine();
    let mut request = cat_and_dog(RelationKind::LeftOf, 1);
    request.settings.methods = Methods::Standard;
    request.settings.target_size = Some([1024, 1024]);
    let events = run(&engine, request);
    let said = |event: &Event| {
        matches!(
            event,
            Event::Notice {
                notice: Notice::SizesUntold,
                ..
            }
        )
    };
    assert!(events.iter().any(said));
}

#[test]
fn turbo_and_lightning_bring_their_few_steps_with_their_scheduler() {
    // As stabilityai/sdxl-turbo has it, and ByteDance/SDXL-Lightning's card asks for.
    for (class, kind) in [
        (
            "EulerAncestralDiscreteScheduler",
            SchedulerKind::EulerAncestral,
        ),
        ("EulerDiscreteScheduler", SchedulerKind::Euler),
    ] {
        let copy = copy_folder("narrow-sdxl");
        edit_config(
            &copy.path().join("scheduler/scheduler_config.json"),
            |config| {
                config["_class_name"] = json!(class);
                config["timestep_spacing"] = json!("trailing");
            },
        );
        let engine = start(copy.path());
        let mut ready = None;
        while ready.is_none() {
            match engine.wait_event() {
                Some(Event::ModelReady(info)) => ready = Some(info),
                Some(_) => {}
                None => panic!("the model did not load"),
            }
        }
        let info = ready.unwrap();
        let own = &info.own_walk;
        assert_eq!((own.scheduler, own.steps), (kind, Some(4)));
        assert_eq!(own.guidance_scale, Some(1.0));
        assert!(info.is_told_sizes && info.family.sizes().contains(&[832, 1216]));
        let mut request = request();
        request.settings.guidance_scale = 1.0;
        assert_eq!(pictures(&run(&engine, request)).len(), 2);
    }
}
