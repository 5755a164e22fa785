//! Whole runs through the engine on the embedded model.

mod models;
mod refusals;

use std::sync::Arc;

use storm_studio::checkpoint::CheckpointSource;
use storm_studio::device::ComputeDevice;
use storm_studio::diffusion::{Method, Methods};
use storm_studio::engine::{Engine, EngineError, Event, Picture, Recipe, Request, Settings};
use storm_studio::export::metadata::own_of;
use storm_studio::export::png::read_png;
use storm_studio::prompt::PromptWeights;
use storm_studio::storm::{
    Area, Layout, ObjectTarget, ObjectTokens, ObjectiveKind, Relation, RelationKind, Shape, Size,
};

use crate::checkpoints::{VAE, copy_folder, copy_into};
use crate::fixture::folder;
use crate::ldm_names::{read, write};

/// "a cat to the left of a dog": the cat is token 2, the dog token 8.
pub fn cat_and_dog(kind: RelationKind, steps: usize) -> Request {
    let object = |label: &str, token| ObjectTokens {
        tokens: vec![token],
        attributes: Vec::new(),
        label: label.to_string(),
    };
    Request {
        prompt: "a cat to the left of a dog".to_string(),
        layout: Layout {
            objects: vec![object("cat", 2), object("dog", 8)],
            relations: vec![Relation {
                subject: 0,
                kind,
                object: 1,
            }],
            targets: Default::default(),
        },
        settings: Settings {
            steps,
            ..Default::default()
        },
        ..Default::default()
    }
}

/// The embedded model on the CPU.
pub fn engine() -> Engine {
    engine_of(CheckpointSource::Embedded)
}

fn engine_of(source: CheckpointSource) -> Engine {
    Engine::start(ComputeDevice::cpu(None), source, 1 << 26, Arc::new(|| ()))
}

/// All events of one request.
pub fn run(engine: &Engine, request: Request) -> Vec<Event> {
    let id = engine.submit(request);
    let mut events = Vec::new();
    while let Some(event) = engine.wait_event() {
        let ended = matches!(
            &event,
            Event::Finished { request, .. }
            | Event::Cancelled { request }
            | Event::Failed { request, .. } if *request == id
        );
        events.push(event);
        if ended {
            break;
        }
    }
    events
}

pub fn pictures(events: &[Event]) -> Vec<&Picture> {
    let pictures = events.iter().filter_map(|event| match event {
        Event::Picture(picture) => Some(picture),
        _ => None,
    });
    pictures.collect()
}

#[test]
fn the_standard_twin_is_the_picture_that_a_standard_run_makes() {
    let engine = engine();
    let both = run(&engine, cat_and_dog(RelationKind::LeftOf, 6));
    let mut alone = cat_and_dog(RelationKind::LeftOf, 6);
    alone.settings.methods = Methods::Standard;
    let alone = run(&engine, alone);
    let (both, alone) = (pictures(&both), pictures(&alone));
    assert_eq!((both.len(), alone.len()), (2, 1));
    assert_eq!(both[0].method, Method::Standard);
    assert_eq!(both[0].image, alone[0].image);
    // And STORM did something.
    assert!(both[1].updates > 0);
    assert_ne!(both[0].image, both[1].image);
}

#[test]
fn storm_moves_the_objects_to_the_sides_that_the_relation_names() {
    let engine = engine();
    for kind in [
        RelationKind::LeftOf,
        RelationKind::RightOf,
        RelationKind::Above,
        RelationKind::Below,
    ] {
        let mut request = cat_and_dog(kind, 20);
        request.settings.methods = Methods::Storm;
        let events = run(&engine, request);
        let distances: Vec<f64> = events
            .iter()
            .filter_map(|event| match event {
                Event::Stepped(step) => {
                    let reading = step.reading.as_ref()?;
                    Some(reading.relations[0].signed_distance)
                }
                _ => None,
            })
            .collect();
        let last = distances[distances.len() - 1];
        assert!(last > 0.1, "{kind}: {distances:?}");
    }
}

#[test]
fn an_update_moves_as_far_as_its_step_and_tints_nothing() {
    let engine = engine();
    for keep_mean in [true, false] {
        let mut request = cat_and_dog(RelationKind::RightOf, 6);
        request.settings.methods = Methods::Storm;
        request.trajectory = Some(Method::Storm);
        request.settings.optimisation.update.keep_mean = keep_mean;
        let events = run(&engine, request);
        let trajectory = events.iter().find_map(|event| match event {
            Event::Trajectory(trajectory) => Some(trajectory),
            _ => None,
        });
        let tensors = &trajectory.expect("the run was recorded").tensors;
        let values = |name: &str| {
            let found = tensors.iter().find(|tensor| tensor.name == name);
            &found.expect("the first update was recorded").values
        };
        let (before, after) = (values("update.0.before"), values("update.0.after"));
        let moved: Vec<f64> = before
            .iter()
            .zip(after)
            .map(|(before, after)| f64::from(after - before))
            .collect();
        let length = moved.iter().map(|x| x * x).sum::<f64>().sqrt();
        let asked = f64::from(values("update.0.step_size")[0]);
        assert!((length / asked - 1.0).abs() < 1e-4, "{length} for {asked}");
        // Mean shift of the channel that shifts most.
        let cells = moved.len() / 4;
        let means = moved
            .chunks_exact(cells)
            .map(|channel| channel.iter().sum::<f64>().abs() / cells as f64);
        let shift = means.fold(0.0, f64::max);
        assert_eq!(shift < 1e-5, keep_mean, "{shift}");
    }
}

#[test]
fn a_cancelled_run_ends_within_a_step_and_makes_no_picture() {
    let engine = engine();
    let id = engine.submit(cat_and_dog(RelationKind::LeftOf, 50));
    let behind = engine.submit(cat_and_dog(RelationKind::LeftOf, 50));
    let mut steps = 0;
    let mut steps_after = 0;
    let mut cancelled = Vec::new();
    while let Some(event) = engine.wait_event() {
        match event {
            Event::Stepped(_) => {
                steps += 1;
                if steps == 3 {
                    engine.cancel_all();
                } else if steps > 3 {
                    steps_after += 1;
                }
            }
            Event::Picture(_) => panic!("a cancelled run decodes nothing"),
            Event::Cancelled { request } => {
                cancelled.push(request);
                if cancelled.len() == 2 {
                    break;
                }
            }
            _ => {}
        }
    }
    assert_eq!(cancelled, [id, behind]);
    // Two lanes report each step; those of the step in work may still come.
    assert!(steps_after <= 2, "{steps_after} steps after the cancel");
    // The engine is still good.
    let events = run(&engine, cat_and_dog(RelationKind::LeftOf, 2));
    assert_eq!(pictures(&events).len(), 2);
}

#[test]
fn the_prompt_comes_as_the_model_read_it_before_its_first_seed() {
    let engine = engine();
    let mut request = cat_and_dog(RelationKind::LeftOf, 1);
    request.seeds = vec![1, 2];
    let events = run(&engine, request);
    let place = |wanted: fn(&Event) -> bool| events.iter().position(wanted).unwrap();
    let read = place(|event| matches!(event, Event::PromptRead { .. }));
    assert!(read < place(|event| matches!(event, Event::SeedStarted { .. })));
    let Event::PromptRead { prompt, .. } = &events[read] else {
        unreachable!();
    };
    assert_eq!(prompt.words[1].text, "cat");
    assert_eq!(prompt.words[1].tokens, 2..3);
    let reads = events
        .iter()
        .filter(|event| matches!(event, Event::PromptRead { .. }));
    assert_eq!(reads.count(), 1);
}

#[test]
fn attend_and_excite_keeps_objects_without_a_relation_between_them() {
    let engine = engine();
    let mut request = cat_and_dog(RelationKind::LeftOf, 3);
    request.layout.relations.clear();
    let events = run(&engine, request.clone());
    let refused = matches!(events.last(), Some(Event::Failed { .. }));
    assert!(refused, "STORM knows not where to move them");

    request.settings.optimisation.objective = ObjectiveKind::AttendAndExcite;
    let events = run(&engine, request);
    let pictures = pictures(&events);
    assert_eq!(pictures.len(), 2);
    assert!(pictures[1].updates > 0);
    assert_ne!(pictures[0].image, pictures[1].image);
}

#[test]
fn a_standard_picture_needs_nothing_of_the_objective() {
    let engine = engine();
    let mut request = cat_and_dog(RelationKind::LeftOf, 1);
    request.settings.methods = Methods::Standard;
    request.settings.optimisation.objective = ObjectiveKind::Reference;
    request.layout.objects.truncate(1);
    request.layout.relations.clear();
    let events = run(&engine, request);
    assert_eq!(pictures(&events).len(), 1);
    let read = events.iter().any(|event| match event {
        Event::Stepped(step) => step.reading.is_some(),
        _ => false,
    });
    assert!(read, "where the cat is can be shown all the same");
}

#[test]
fn a_long_prompt_says_which_words_are_lost() {
    let engine = engine();
    let mut request = cat_and_dog(RelationKind::LeftOf, 1);
    request.prompt.push_str(&" red".repeat(80));
    request.prompt.push_str(" turtle");
    request.settings.methods = Methods::Standard;
    let notice = |events: &[Event]| {
        events.iter().find_map(|event| match event {
            Event::Notice { notice, .. } => Some(notice.to_string()),
            _ => None,
        })
    };
    // In chunks all of them are read.
    let events = run(&engine, request.clone());
    assert_eq!((notice(&events), pictures(&events).len()), (None, 1));
    request.settings.prompt_weights = PromptWeights::Literal;
    let events = run(&engine, request.clone());
    assert!(notice(&events).unwrap().ends_with("turtle"));
    assert_eq!(pictures(&events).len(), 1);
    // A hundred thousand characters are no sentence.
    request.settings.prompt_weights = PromptWeights::A1111;
    request.prompt = "a cat and a dog, ".repeat(6_000);
    let events = run(&engine, request);
    let notice = notice(&events).unwrap();
    assert!(notice.contains("more") && notice.len() < 500, "{notice}");
    assert_eq!(pictures(&events).len(), 1);
}

/// `saved-by-0.1.0.png` is STORM's, with a window of 0.8 of three steps.
#[test]
fn a_recipe_of_the_first_version_still_runs() {
    let file = std::fs::File::open(folder().join("saved-by-0.1.0.png")).unwrap();
    let saved = read_png(std::io::BufReader::new(file)).unwrap();
    let recipe = own_of::<Recipe>(&saved.texts).unwrap().unwrap();
    assert_eq!(recipe.request.settings.optimisation.update.window, 0.8);
    // Of the same model it would be the same picture, but that one is gone.
    let events = run(&engine(), recipe.request);
    assert!(pictures(&events)[0].updates > 0);
}

/// The objects' extents in the standard picture's last step, and the wanted extents
/// of the copies in STORM's first.
fn extents(events: &[Event]) -> (Vec<Option<f64>>, Vec<f64>) {
    let steps = || {
        events.iter().filter_map(|event| match event {
            Event::Stepped(step) => Some((step.methods.clone(), step.reading.clone()?)),
            _ => None,
        })
    };
    let of = |method| steps().filter(move |(methods, _)| methods.contains(&method));
    let standard = of(Method::Standard).next_back();
    let standard = standard.map_or(Vec::new(), |(_, reading)| {
        reading.objects.iter().map(|object| object.extent).collect()
    });
    let (_, storm) = of(Method::Storm).next().expect("STORM ran");
    (
        standard,
        storm.copies.iter().map(|copy| copy.extent).collect(),
    )
}

#[test]
fn a_big_object_is_seen_from_the_standard_picture_and_copies_are_placed() {
    let mut request = cat_and_dog(RelationKind::LeftOf, 4);
    request.layout.targets = vec![
        ObjectTarget {
            object: 0,
            copies: 2,
            ..ObjectTarget::default()
        },
        ObjectTarget {
            object: 1,
            size: Some(Size::Big),
            ..ObjectTarget::default()
        },
    ]
    .into();
    // The embedded model says how large its big things are.
    let engine = engine();
    let events = run(&engine, request.clone());
    let (_, wanted) = extents(&events);
    assert_eq!(pictures(&events).len(), 2);
    // Two cats, then the dog.
    assert_eq!((wanted.len(), wanted[2]), (3, 0.4375));
    // Of others it is seen from the standard picture.
    let other = engine_of(CheckpointSource::Folder(folder().join("narrow-sd1")));
    let (standard, wanted) = extents(&run(&other, request.clone()));
    let usual = standard[1].expect("sizes are read where wishes are");
    assert!((wanted[2] - (1.5 * usual).clamp(0.05, 1.0)).abs() < 1e-9);

    // The same picture comes without its standard twin, and from the saved text.
    let mut alone = request.clone();
    alone.settings.methods = Methods::Storm;
    let again = run(&engine, alone);
    let (both, alone) = (pictures(&events), pictures(&again));
    assert_eq!(alone.len(), 1);
    assert_eq!(both[1].image, alone[0].image);
    let text = serde_json::to_string(&request).unwrap();
    assert_eq!(serde_json::from_str::<Request>(&text).unwrap(), request);
}
