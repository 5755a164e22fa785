//! One model gives way to another, and stays where the other cannot come.

use super::*;

#[test]
fn the_old_model_stays_until_the_files_of_the_next_one_are_in_order() {
    let engine = engine();
    let mut request = cat_and_dog(RelationKind::LeftOf, 400);
    let running = engine.submit(request.clone());
    while !matches!(engine.wait_event(), Some(Event::Stepped(_))) {}
    // Behind the run: one that is given up, and one that is not there.
    engine.load(CheckpointSource::Folder(folder().join("narrow-sd1")));
    engine.cancel_loading();
    engine.load(CheckpointSource::Folder(folder().join("no-such-model")));
    engine.cancel_all();
    let mut failures = Vec::new();
    while failures.len() < 2 {
        match engine.wait_event().expect("the engine goes on") {
            Event::ModelFailed { error, .. } => failures.push(error.to_string()),
            Event::ModelOpened(needs) => panic!("{needs:?}"),
            Event::Finished { request, .. } => assert_ne!(request, running),
            _ => {}
        }
    }
    assert!(failures[0].contains("cancelled"), "{failures:?}");
    assert!(failures[1].contains("no model at"), "{failures:?}");
    request.settings.steps = 1;
    let events = run(&engine, request);
    assert_eq!(pictures(&events).len(), 2);
}

#[test]
fn a_scheduler_config_is_read_before_the_old_model_goes() {
    let engine = engine();
    while !matches!(engine.wait_event(), Some(Event::ModelReady(_))) {}
    for (config, words) in [
        (r#"{"_class_name": "PNDMScheduler", "beta_st"#, "download"),
        (r#"{"num_train_timesteps": "many"}"#, "another kind"),
        (r#"{"trained_betas": [0.1, 0.2]}"#, "trained_betas"),
        (r#"{"beta_end": 2}"#, "beta_end"),
    ] {
        let copy = copy_folder("narrow-sd1");
        let file = "scheduler/scheduler_config.json";
        std::fs::write(copy.path().join(file), config).unwrap();
        engine.load(CheckpointSource::Folder(copy.path().to_path_buf()));
        let error = loop {
            match engine.wait_event().expect("the engine goes on") {
                Event::ModelFailed { error, .. } => break error,
                Event::ModelLoading { .. } => {}
                other => panic!("{other:?}"),
            }
        };
        assert!(matches!(*error, EngineError::Checkpoint(_)), "{error:?}");
        let message = error.to_string();
        assert!(message.contains("scheduler_config.json"), "{message}");
        assert!(message.contains(words), "{message}");
    }
    let events = run(&engine, cat_and_dog(RelationKind::LeftOf, 1));
    assert_eq!(pictures(&events).len(), 2);
}

#[test]
fn a_folder_called_as_the_embedded_model_is_a_folder() {
    let shelf = tempfile::tempdir().unwrap();
    let folder = shelf.path().join("toybox");
    copy_into("narrow-sd1", &folder);
    let source = CheckpointSource::from_path(&folder).unwrap();
    let engine = Engine::start(ComputeDevice::cpu(None), source, 0, Arc::new(|| ()));
    loop {
        match engine.wait_event().expect("the engine goes on") {
            Event::ModelReady(model) => {
                assert_eq!(model.name, "toybox");
                assert!(!model.is_embedded());
                break;
            }
            Event::ModelFailed { error, .. } => panic!("{error}"),
            _ => {}
        }
    }
}
