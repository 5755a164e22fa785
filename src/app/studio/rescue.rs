//! Nothing finished is lost: which pictures are in files already, and what is
//! done when the device that computes is gone for good.

use std::collections::HashSet;

use crate::app::files::saving;
use crate::app::state::session::{RunKey, Session};
use crate::diffusion::Method;
use crate::engine::{EngineError, Event};
use crate::export::OutputFolder;

/// What has been saved, and whether there is a device to go on with.
#[derive(Debug, Default)]
pub struct Rescue {
    saved: HashSet<(RunKey, Method)>,
    /// No request can succeed any more.
    pub device_is_lost: bool,
    /// The person wants the program to be started again.
    pub wants_restart: bool,
}

impl Rescue {
    /// Remembers that these pictures are in files.
    pub fn saved(&mut self, run: RunKey, methods: impl IntoIterator<Item = Method>) {
        let methods = methods.into_iter();
        self.saved.extend(methods.map(|method| (run, method)));
    }

    /// Whether all of these pictures are in files.
    pub fn has_saved(&self, run: RunKey, methods: &[Method]) -> bool {
        let mut methods = methods.iter();
        methods.all(|method| self.saved.contains(&(run, *method)))
    }

    /// Whether `event` tells, for the first time, that the device is lost.
    pub fn learns_of_loss(&mut self, event: &Event) -> bool {
        let (Event::Failed { error, .. } | Event::ModelFailed { error, .. }) = event else {
            return false;
        };
        let is_loss = matches!(**error, EngineError::DeviceLost(_));
        let is_news = is_loss && !self.device_is_lost;
        self.device_is_lost |= is_loss;
        is_news
    }

    /// Writes every finished picture that is in no file yet, at once, because
    /// the program may not last; the message says where.
    pub fn save_all(&mut self, session: &mut Session, output: &OutputFolder) {
        let mut count = 0;
        for run in &session.runs {
            for (method, writing) in saving::pictures(run, output) {
                if !self.saved.insert((run.key, method)) {
                    continue;
                }
                match writing.run() {
                    Ok(_) => count += 1,
                    Err(problem) => tracing::error!("{problem}"),
                }
            }
        }
        if let Some(message) = &mut session.message
            && count > 0
        {
            message.text += &format!(" The finished pictures ({count}) are saved in {output}.");
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use image::{Rgb, RgbImage};

    use super::*;
    use crate::app::state::message::Remedy;
    use crate::checkpoint::CheckpointSource;
    use crate::diffusion::{SchedulerKind, SigmaSchedule};
    use crate::engine::{Picture, Request, RequestId};

    const REQUEST: RequestId = RequestId(1);

    /// A session in which one picture of two is finished.
    fn half_finished() -> Session {
        let mut session = Session::new(CheckpointSource::Embedded);
        let request = Request {
            prompt: "a cat".to_string(),
            ..Request::default()
        };
        session.submitted(REQUEST, Arc::new(request));
        session.apply(Event::Started { request: REQUEST });
        session.apply(Event::SeedStarted {
            request: REQUEST,
            seed: 7,
            step_count: 4,
            size: [3, 2],
        });
        session.apply(Event::Picture(Picture {
            request: REQUEST,
            seed: 7,
            method: Method::Standard,
            image: Arc::new(RgbImage::from_pixel(3, 2, Rgb([9; 3]))),
            scheduler: SchedulerKind::Ddim,
            schedule: SigmaSchedule::Model,
            updates: 0,
            gradient_passes: 0,
            networks: Arc::default(),
            sighted: None,
            seconds: 1.0,
        }));
        session
    }

    #[test]
    fn a_lost_device_saves_what_is_finished_once_and_offers_a_restart() {
        let folder = tempfile::tempdir().unwrap();
        let (mut rescue, mut session) = (Rescue::default(), half_finished());
        let lost = Event::Failed {
            request: REQUEST,
            error: Arc::new(EngineError::DeviceLost("a card".to_string())),
        };
        assert!(rescue.learns_of_loss(&lost));
        session.apply(lost.clone());
        rescue.save_all(&mut session, &folder.path().into());
        let message = session.message.clone().unwrap();
        assert_eq!(message.remedy, Some(Remedy::Restart));
        assert!(
            message.text.contains("(1) are saved in"),
            "{}",
            message.text
        );
        let files = || {
            std::fs::read_dir(folder.path().join("a cat"))
                .unwrap()
                .count()
        };
        assert_eq!(files(), 1);
        // The next request tells the same, and nothing is written twice.
        assert!(!rescue.learns_of_loss(&lost) && rescue.device_is_lost);
        rescue.save_all(&mut session, &folder.path().into());
        assert_eq!(files(), 1);
    }

    #[test]
    fn pictures_that_were_saved_are_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let (mut rescue, mut session) = (Rescue::default(), half_finished());
        rescue.saved(session.runs[0].key, [Method::Standard]);
        rescue.save_all(&mut session, &folder.path().into());
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    }
}
