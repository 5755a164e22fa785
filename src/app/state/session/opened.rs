//! Pictures that were kept earlier, shown as runs of this session.

use std::sync::Arc;

use super::{Run, RunKey, RunState, Session, Trace};
use crate::diffusion::{SchedulerKind, SigmaSchedule};
use crate::engine::{Picture, RequestId};
use crate::gallery::Opened;

/// Kept pictures that stay opened at most.
const MOST_OPENED: usize = 16;

impl Session {
    /// Takes in pictures that were kept earlier → the run that they are shown as, of
    /// a request that no engine has; `None` if there are none.
    pub fn add_opened(&mut self, opened: Opened) -> Option<RunKey> {
        let first = opened.pictures.first()?;
        let (width, height) = first.image.dimensions();
        let number = self.next_opened;
        self.next_opened -= 1;
        let key = RunKey {
            request: RequestId(number),
            seed: opened.request.seeds.first().copied().unwrap_or_default(),
        };
        let mut run = Run {
            key,
            request: Arc::clone(&opened.request),
            model: None,
            prompt: None,
            step_count: 1,
            size: [width as usize, height as usize],
            state: RunState::Done,
            seconds: 0.0,
            storm: Trace::default(),
            standard: Trace::default(),
            texts: Vec::new(),
        };
        let settings = &opened.request.settings;
        for picture in opened.pictures {
            let method = picture.method;
            run.texts.push((method, picture.texts));
            run.trace_mut(method).picture = Some(Picture {
                request: key.request,
                seed: key.seed,
                method,
                image: picture.image,
                scheduler: settings.scheduler.unwrap_or(SchedulerKind::Pndm),
                schedule: settings.schedule.unwrap_or(SigmaSchedule::Model),
                updates: 0,
                gradient_passes: 0,
                seconds: 0.0,
                sighted: None,
                networks: Arc::default(),
            });
        }
        if self.opened.len() == MOST_OPENED {
            self.opened.remove(0);
        }
        self.opened.push(run);
        Some(key)
    }

    /// Forgets a run whose pictures were deleted, unless it is still in work.
    pub fn forget(&mut self, key: RunKey) {
        let is_it = |run: &Run| run.key == key && run.state != RunState::Running;
        self.opened.retain(|run| !is_it(run));
        self.runs.retain(|run| !is_it(run));
        let runs = self.runs.iter().enumerate();
        self.index = runs.map(|(index, run)| (run.key, index)).collect();
    }
}
