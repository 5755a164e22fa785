//! Files written and read back.

use super::*;
use crate::app::state::session::{RunKey, RunState, Trace};
use crate::diffusion::{SchedulerKind, SigmaSchedule};
use crate::engine::{Picture, Request};

fn run(methods: &[Method]) -> Run {
    let key = RunKey {
        request: RequestId(1),
        seed: 7,
    };
    let trace = |method: Method, grey: u8| Trace {
        picture: methods.contains(&method).then(|| Picture {
            request: key.request,
            seed: key.seed,
            method,
            image: Arc::new(RgbImage::from_pixel(3, 2, Rgb([grey; 3]))),
            scheduler: SchedulerKind::Ddim,
            schedule: SigmaSchedule::Model,
            updates: 0,
            gradient_passes: 0,
            networks: Arc::default(),
            sighted: None,
            seconds: 1.0,
        }),
        ..Trace::default()
    };
    Run {
        key,
        request: Arc::new(Request {
            prompt: "a cat: left/right?".to_string(),
            ..Request::default()
        }),
        model: None,
        prompt: None,
        step_count: 1,
        size: [3, 2],
        state: RunState::Done,
        seconds: 1.0,
        storm: trace(Method::Storm, 200),
        standard: trace(Method::Standard, 50),
        texts: Vec::new(),
    }
}

#[test]
fn names_are_those_of_the_command_line_and_nothing_is_overwritten() {
    let folder = tempfile::tempdir().unwrap();
    let run = run(&[Method::Standard, Method::Storm]);
    let save = || {
        let writings = pictures(&run, &OutputFolder::from(folder.path()));
        let saved = writings.into_iter().map(|(_, writing)| writing.run());
        saved.collect::<Result<Vec<_>, _>>().unwrap()
    };
    let prompt = folder.path().join("a cat_ left_right_");
    let named = |names: [&str; 2]| names.map(|name| prompt.join(name));
    assert_eq!(save(), named(["7-standard.png", "7.png"]));
    assert_eq!(save(), named(["7-standard-2.png", "7-2.png"]));
}

#[test]
fn a_comparison_has_standard_on_the_left() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("both.png");
    let saved = comparison(&run(&[Method::Standard, Method::Storm]), path)
        .unwrap()
        .run()
        .unwrap();
    let image = image::open(saved).unwrap().into_rgb8();
    let row = u32::from(image.height() as u16 / 2);
    assert_eq!(image.get_pixel(PADDING, row), &Rgb([50; 3]));
    assert_eq!(
        image.get_pixel(image.width() - 1 - PADDING, row),
        &Rgb([200; 3])
    );
    assert!(comparison(&run(&[Method::Storm]), "x.png".into()).is_none());
}
