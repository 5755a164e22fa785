//! What cannot be done ends in words, before it costs anything where that can be known.

use super::*;

#[test]
fn impossible_requests_end_in_words_and_leave_the_engine_usable() {
    let engine = engine();
    let base = || cat_and_dog(RelationKind::LeftOf, 2);
    let mut cases: Vec<(&str, Request)> = Vec::new();
    let mut add = |words: &'static str, change: fn(&mut Request)| {
        let mut request = base();
        change(&mut request);
        cases.push((words, request));
    };
    add("prompt is empty", |request| {
        request.prompt = "  ".to_string()
    });
    add("between 1 and 1000", |request| request.settings.steps = 0);
    add("give at least one", |request| request.seeds.clear());
    add("100", |request| request.settings.guidance_scale = f64::NAN);
    add("choose sides", |request| {
        request.settings.size = Some([0, 64])
    });
    add("where things belong", |request| {
        request.layout = Layout::default()
    });
    add("token", |request| {
        request.layout.objects[0].tokens = vec![77]
    });
    add("token", |request| {
        request.layout.objects[0].tokens = vec![0]
    });
    add("cat", |request| {
        request.layout.objects[1].tokens = vec![2];
    });
    for (words, request) in cases {
        let events = run(&engine, request);
        match events.last() {
            Some(Event::Failed { error, .. }) => {
                let message = error.to_string();
                assert!(message.contains(words), "{message:?} lacks {words:?}");
            }
            other => panic!("{words}: {other:?}"),
        }
    }
    assert_eq!(pictures(&run(&engine, base())).len(), 2);
}

#[test]
fn a_decode_that_overflows_is_told_without_a_picture_or_the_wrong_advice() {
    let copy = copy_folder("narrow-sd1");
    let weights = copy.path().join(VAE);
    let mut tensors = read(&weights);
    let last = tensors.get_mut("decoder.conv_out.weight").unwrap();
    let count = last.bytes.len() / 4;
    last.bytes = 3e38f32.to_le_bytes().repeat(count);
    write(&tensors, &weights);
    let source = CheckpointSource::Folder(copy.path().to_path_buf());
    let engine = Engine::start(ComputeDevice::cpu(None), source, 0, Arc::new(|| ()));
    let mut request = cat_and_dog(RelationKind::LeftOf, 1);
    request.settings.methods = Methods::Standard;
    request.settings.size = Some([64, 64]);
    let events = run(&engine, request);
    assert!(pictures(&events).is_empty());
    match events.last() {
        Some(Event::Failed { error, .. }) => {
            let message = error.to_string();
            assert!(message.contains("autoencoder"), "{message}");
            assert!(!message.contains("f32"), "{message}");
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn wishes_without_room_are_refused_before_the_first_step() {
    let engine = engine();
    let mut request = cat_and_dog(RelationKind::LeftOf, 4);
    request.layout.targets = vec![ObjectTarget {
        object: 0,
        shape: Shape::Rectangle(Area {
            x: 0.1,
            y: 0.1,
            width: 0.03,
            height: 0.5,
        }),
        ..ObjectTarget::default()
    }]
    .into();
    let events = run(&engine, request);
    assert!(
        !events
            .iter()
            .any(|event| matches!(event, Event::Stepped(_)))
    );
    let Some(Event::Failed { error, .. }) = events.last() else {
        panic!("{:?}", events.last());
    };
    assert!(error.to_string().contains("16 × 16 cells"), "{error}");
}
