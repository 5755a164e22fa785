//! The session model fed with events by hand.

use super::*;
use crate::app::state::message::Remedy;
use crate::checkpoint::CheckpointSource;
use crate::storm::objective::RelationReading;

fn reading(signed_distance: f64) -> Reading {
    Reading {
        objects: Vec::new(),
        relations: vec![RelationReading {
            signed_distance,
            margin: 0.35,
            holds: signed_distance >= 0.35,
        }],
        satisfied: false,
        copies: Vec::new(),
    }
}

fn stepped(seed: u64, step: usize, methods: &[Method]) -> Event {
    Event::Stepped(StepEvent {
        request: RequestId(1),
        seed,
        methods: methods.to_vec(),
        step,
        step_count: 4,
        timestep: 900.0,
        reading: Some(reading(step as f64)),
        seconds: 0.5 * (step + 1) as f64,
    })
}

/// A session with request 1 for `seeds`, begun.
fn begun(seeds: Vec<u64>) -> Session {
    let mut session = Session::new(CheckpointSource::Embedded);
    let request = Request {
        seeds,
        ..Request::default()
    };
    session.submitted(RequestId(1), Arc::new(request));
    session.apply(Event::Started {
        request: RequestId(1),
    });
    session
}

fn seed_started(seed: u64) -> Event {
    Event::SeedStarted {
        request: RequestId(1),
        seed,
        step_count: 4,
        size: [64, 64],
    }
}

const BOTH: [Method; 2] = [Method::Standard, Method::Storm];

#[test]
fn a_shared_step_counts_for_both_methods_and_a_forked_one_for_its_own() {
    let mut session = begun(vec![7]);
    session.apply(seed_started(7));
    session.apply(stepped(7, 0, &BOTH));
    session.apply(stepped(7, 1, &[Method::Storm]));
    let run = session.newest_run().unwrap();
    assert_eq!(run.storm.last_step(), Some(1));
    assert_eq!(run.standard.last_step(), Some(0));
    assert_eq!(run.steps_made(), 2);
    // Three of eight steps took a second.
    assert_eq!(run.progress(), (3, 8));
    assert!((run.seconds_left().unwrap() - 5.0 / 3.0).abs() < 1e-12);
    assert_eq!(run.current_step(), (2, None));
}

#[test]
fn methods_that_take_turns_are_told_apart_and_seeds_to_come_take_time_too() {
    let mut session = begun(vec![7, 8]);
    session.apply(seed_started(7));
    for step in 0..4 {
        session.apply(stepped(7, step, &[Method::Standard]));
    }
    session.apply(stepped(7, 0, &[Method::Storm]));
    let run = session.newest_run().unwrap();
    assert_eq!(run.progress(), (5, 8));
    assert_eq!(run.current_step(), (1, Some(Method::Storm)));
    // Five steps took half a second; three are left of this seed and eight of the next.
    assert!((run.seconds_left().unwrap() - 1.1).abs() < 1e-12);
}

#[test]
fn a_reading_asked_for_between_steps_is_the_one_before() {
    let mut session = begun(vec![7]);
    session.apply(seed_started(7));
    session.apply(stepped(7, 0, &BOTH));
    session.apply(stepped(7, 2, &BOTH));
    let trace = &session.newest_run().unwrap().storm;
    assert_eq!(trace.reading(1), Some(&reading(0.0)));
    assert_eq!(trace.reading(9), Some(&reading(2.0)));
}

#[test]
fn cancelling_keeps_finished_seeds_and_marks_the_one_in_work() {
    let mut session = begun(vec![1, 2]);
    session.apply(seed_started(1));
    session.apply(stepped(1, 0, &BOTH));
    session.apply(seed_started(2));
    session.apply(Event::Cancelled {
        request: RequestId(1),
    });
    let states: Vec<RunState> = session.runs.iter().map(|run| run.state).collect();
    assert_eq!(states, [RunState::Done, RunState::Cancelled]);
    assert!(!session.is_busy());
}

#[test]
fn a_failure_says_what_to_do_and_leaves_the_queue() {
    let mut session = begun(vec![1]);
    session.submitted(RequestId(2), Arc::new(Request::default()));
    let error = EngineError::Request(crate::storm::Missing::Places.into());
    session.apply(Event::Failed {
        request: RequestId(1),
        error: Arc::new(error),
    });
    let message = session.message.clone().unwrap();
    assert!(message.is_error);
    assert_eq!(message.remedy, Some(Remedy::StandardOnly));
    assert!(
        message
            .text
            .starts_with("STORM needs to know where things belong")
    );
    assert!(session.running.is_none() && session.is_busy());
}

#[test]
fn errors_become_sentences() {
    assert_eq!(sentence("the prompt is empty"), "The prompt is empty.");
    assert_eq!(sentence("Done."), "Done.");
    assert_eq!(sentence(""), "");
}
