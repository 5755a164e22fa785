//! A sweep: a request for each cell of a grid over one or two settings.

use std::sync::Arc;

use super::StudioApp;
use crate::app::draft::DraftError;
use crate::app::state::message::sentence;
use crate::app::state::sweeps::{self, MadeSweep};
use crate::app::state::view::CanvasMode;
use crate::engine::{Request, Sweep};
use crate::prompt::carried_layout;

/// Requests with their names, row by row.
type Cells = Vec<(Request, String)>;

impl StudioApp {
    /// Queues a request for each cell of the sweep that the settings describe.
    pub(super) fn make_sweep(&mut self) {
        self.state.draft.seeds_mut().settle();
        let requests = match self.sweep_requests() {
            Ok(Some(requests)) => requests,
            Ok(None) => return,
            Err(problem) => return self.say(&sentence(&problem), true),
        };
        let (sweep, requests) = requests;
        let cells = requests.into_iter().map(|(request, name)| {
            let id = self.engine.submit(request.clone());
            self.state.session.submitted(id, Arc::new(request));
            (id, name)
        });
        let cells = cells.collect();
        self.state.sweeps.add(MadeSweep { sweep, cells });
        self.state.view.run = None;
        self.state.view.step = None;
        self.state.view.mode = CanvasMode::Grid;
    }

    /// Every cell's request with its name; `None` if the fields are empty.
    ///
    /// # Errors
    /// What is wrong with the draft, with a value or with a cell's prompt.
    fn sweep_requests(&self) -> Result<Option<(Sweep, Cells)>, String> {
        let draft = &self.state.draft;
        let Some(sweep) = sweeps::parse(&self.state.view.sweep).map_err(plain)? else {
            return Ok(None);
        };
        let mut base = draft.request().map_err(plain)?;
        base.networks = Arc::clone(self.state.networks.library());
        let mut cells = sweep.requests(&base).map_err(plain)?;
        for (cell, _) in &mut cells {
            if cell.is_read_otherwise_than(&base) {
                let [old, new] = [&base, &*cell].map(|it| draft.read(&it.prompt, &it.settings));
                let (old, new) = old.zip(new).ok_or(DraftError::NoModel).map_err(plain)?;
                cell.layout = carried_layout(&base.layout, &old, &new).map_err(plain)?;
            }
            let checked = cell.check();
            checked.map_err(|error| format!("{error} (“{}”)", cell.prompt))?;
        }
        Ok(Some((sweep, cells)))
    }
}

fn plain(error: impl std::fmt::Display) -> String {
    error.to_string()
}
