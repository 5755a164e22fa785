//! Finished pictures are kept, and those kept earlier come back: what the gallery's
//! thread tells becomes what the window shows.

use std::path::PathBuf;
use std::sync::Arc;

use super::StudioApp;
use super::restoring::restore_request;
use crate::app::state::action::KeptAction;
use crate::app::state::kept::{GalleryPreferences, Keeping, Then};
use crate::app::state::message::sentence;
use crate::app::state::session::RunKey;
use crate::diffusion::Method;
use crate::gallery::{EntryId, Gallery, Mark, News, Opened, own_folder};

impl StudioApp {
    /// Keeps finished pictures from now on, in this user's folder.
    pub fn keep_pictures(&mut self, ctx: &egui::Context) {
        let repaint = ctx.clone();
        let wake = Arc::new(move || repaint.request_repaint());
        let output = self.state.files.output().clone();
        self.state.kept.start(own_folder(), &output, wake);
    }

    /// The same with a gallery that a test made over `folder`.
    pub fn keep_pictures_with(&mut self, gallery: Gallery, folder: PathBuf) {
        let output = self.state.files.output().clone();
        self.state.kept.start_with(gallery, folder, &output);
    }

    /// Writes a picture that has just come.
    pub(super) fn keep_picture(&mut self, key: RunKey, method: Method) {
        let state = &self.state;
        if let Some(run) = state.session.run(key) {
            let with_settings = state.view.saves_settings;
            state
                .kept
                .keep(run, method, state.files.output(), with_settings);
        }
    }

    /// Takes in what the gallery's thread tells.
    pub(super) fn take_gallery_news(&mut self) {
        while let Some(news) = self.state.kept.news() {
            match news {
                News::Kept { run, path, .. } => {
                    let (request, seed) = run;
                    let key = RunKey { request, seed };
                    if self.state.kept.preferences().keeping == Keeping::Output {
                        let name = path.file_stem().unwrap_or_default().to_string_lossy();
                        let method = match name.contains("-standard") {
                            true => Method::Standard,
                            false => Method::Storm,
                        };
                        self.rescue.saved(key, [method]);
                        self.state.files.saved(path);
                    }
                }
                News::Thumbnail { id, method, image } => {
                    self.state.kept.arrived.push((id, method, image));
                }
                News::Opened(opened) => self.opened(*opened),
                News::Trashed(ids) => self.forget(&ids),
                News::Gone(id) => {
                    self.state.kept.wanted.remove(&id);
                    self.say(
                        "That picture is not there any more: it was deleted or moved.",
                        true,
                    );
                }
                News::OpenFailed(problem)
                | News::ListFailed(problem)
                | News::KeepFailed(problem)
                | News::TrashFailed(problem)
                | News::MarkFailed(problem) => self.say(&sentence(&problem), true),
                News::Listed(_) | News::Briefs(_) | News::Removed(_) | News::Marked(..) => {}
            }
        }
    }

    pub(super) fn act_on_kept(&mut self, action: KeptAction) {
        match action {
            KeptAction::Open(id, then) => match self.state.kept.opened.get(&id) {
                Some(&key) if self.state.session.run(key).is_some() => self.go_on(key, then),
                _ => self.state.kept.open(&id, then),
            },
            KeptAction::Star(id, is_set) => self.state.kept.mark(&id, Mark::Starred, is_set),
            KeptAction::Trash(id) => self.state.kept.trash(&id),
            KeptAction::Prefer(preferences) => self.prefer(preferences),
        }
    }

    fn prefer(&mut self, preferences: GalleryPreferences) {
        let output = self.state.files.output().clone();
        self.state.kept.change(preferences, &output);
    }

    /// An entry was read: it becomes a run that the canvases can show.
    fn opened(&mut self, opened: Opened) {
        let Some(then) = self.state.kept.wanted.remove(&opened.id) else {
            return;
        };
        let id = opened.id.clone();
        let Some(key) = self.state.session.add_opened(opened) else {
            return;
        };
        self.state.kept.opened.insert(id, key);
        self.go_on(key, then);
    }

    fn go_on(&mut self, key: RunKey, then: Then) {
        self.state.view.run = Some(key);
        self.state.view.step = None;
        if then == Then::Restore
            && let Some(run) = self.state.session.run(key)
        {
            let request = Arc::clone(&run.request);
            restore_request(&mut self.state.draft, &request, request.seeds.clone());
        }
    }

    /// Pictures that were deleted are shown nowhere any more.
    fn forget(&mut self, ids: &[EntryId]) {
        for id in ids {
            let kept = &mut self.state.kept;
            let keys = [kept.run_of(id), kept.opened.remove(id)];
            for key in keys.into_iter().flatten() {
                self.state.session.forget(key);
                if self.state.view.run == Some(key) {
                    self.state.view.run = None;
                }
            }
        }
        let text = match ids {
            [] => return,
            [_] => "The picture is in the system's trash.".to_owned(),
            many => format!("{} pictures are in the system's trash.", many.len()),
        };
        self.say(&text, false);
    }
}
