//! The kept pictures as the window has them: the gallery's thread, what it listed,
//! and which of its entries are pictures of this session.

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use image::RgbImage;
use serde::{Deserialize, Serialize};

use super::session::{Run, RunKey};
use crate::app::files::saving;
use crate::diffusion::Method;
use crate::export::OutputFolder;
use crate::gallery::{Catalogue, Entry, EntryId, Gallery, Home, Keep, Mark, News, Place};

/// Where finished pictures are kept without being asked.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Keeping {
    /// In a folder of the program's, within a bound.
    #[default]
    Gallery,
    /// In the output folder, as Ctrl+S saves them; nothing is removed there.
    Output,
    Nothing,
}

impl Keeping {
    /// Every choice with its name in menus.
    pub const ALL: [(Self, &str); 3] = [
        (Self::Gallery, "In a folder of the program's"),
        (Self::Output, "In the output folder"),
        (Self::Nothing, "Keep nothing"),
    ];
}

/// What is remembered between sessions.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct GalleryPreferences {
    pub keeping: Keeping,
    /// Most megabytes in the program's own folder.
    pub megabytes: u64,
}

impl Default for GalleryPreferences {
    fn default() -> Self {
        Self {
            keeping: Keeping::default(),
            megabytes: 2000,
        }
    }
}

impl GalleryPreferences {
    /// Bounds of the bound.
    pub const MEGABYTES: std::ops::RangeInclusive<u64> = 10..=1_000_000;
}

/// What follows once an entry is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Then {
    /// The canvases show it.
    Show,
    /// Its settings come back.
    Restore,
}

/// The kept pictures.
pub struct Kept {
    gallery: Option<Gallery>,
    pub catalogue: Catalogue,
    preferences: GalleryPreferences,
    own_folder: Option<PathBuf>,
    /// Where `gallery` looks now.
    home: Option<Home>,
    /// Entries of this session's runs.
    of_runs: HashMap<RunKey, EntryId>,
    /// Entries that are being read.
    pub(crate) wanted: HashMap<EntryId, Then>,
    /// Thumbnails that came and are no textures yet.
    pub arrived: Vec<(EntryId, Method, Result<RgbImage, String>)>,
    /// Runs that are shown as kept: entries of earlier sessions that were opened.
    pub opened: HashMap<EntryId, RunKey>,
}

impl Kept {
    /// Keeps nothing until [`Self::start`].
    pub fn new(preferences: GalleryPreferences) -> Self {
        Self {
            gallery: None,
            catalogue: Catalogue::default(),
            preferences,
            own_folder: None,
            home: None,
            of_runs: HashMap::new(),
            wanted: HashMap::new(),
            arrived: Vec::new(),
            opened: HashMap::new(),
        }
    }

    /// Begins to keep pictures, in `own_folder` unless the person wants otherwise.
    pub fn start(
        &mut self,
        own_folder: Option<PathBuf>,
        output: &OutputFolder,
        wake: Arc<dyn Fn() + Send + Sync>,
    ) {
        self.own_folder = own_folder;
        self.home = self.home_of(output);
        self.gallery = Some(Gallery::start(self.home.clone(), wake));
    }

    /// The same with a gallery that a test made.
    pub fn start_with(&mut self, gallery: Gallery, own_folder: PathBuf, output: &OutputFolder) {
        self.own_folder = Some(own_folder);
        self.home = self.home_of(output);
        self.gallery = Some(gallery);
    }

    /// Whether pictures can be kept at all.
    pub fn is_started(&self) -> bool {
        self.gallery.is_some()
    }

    pub fn preferences(&self) -> &GalleryPreferences {
        &self.preferences
    }

    /// The folder that is shown.
    pub fn folder(&self) -> Option<&Path> {
        self.home.as_ref().map(|home| home.folder.as_path())
    }

    /// Other preferences, or another output folder.
    pub fn change(&mut self, preferences: GalleryPreferences, output: &OutputFolder) {
        self.preferences = preferences;
        let home = self.home_of(output);
        if home != self.home {
            self.home.clone_from(&home);
            self.of_runs.clear();
            if let Some(gallery) = &self.gallery {
                gallery.move_to(home);
            }
        }
    }

    fn home_of(&self, output: &OutputFolder) -> Option<Home> {
        match self.preferences.keeping {
            Keeping::Nothing => None,
            Keeping::Output => Some(Home {
                folder: output.path().to_path_buf(),
                limit: None,
            }),
            Keeping::Gallery => Some(Home {
                folder: self.own_folder.clone()?,
                limit: Some(self.preferences.megabytes << 20),
            }),
        }
    }

    /// Writes a finished picture of a run.
    pub fn keep(&self, run: &Run, method: Method, output: &OutputFolder, with_settings: bool) {
        let Some(gallery) = &self.gallery else {
            return;
        };
        let Some(picture) = &run.trace(method).picture else {
            return;
        };
        let mut texts = saving::texts(run, method);
        let place = match self.preferences.keeping {
            Keeping::Nothing => return,
            Keeping::Gallery => Place::Gallery,
            Keeping::Output => {
                if !with_settings {
                    texts.clear();
                }
                Place::File(output.picture(&run.request.prompt, run.key.seed, method))
            }
        };
        gallery.keep(Keep {
            run: (run.key.request, run.key.seed),
            method,
            image: Arc::clone(&picture.image),
            texts,
            place,
        });
    }

    /// The next news, with the catalogue already changed by it.
    pub fn news(&mut self) -> Option<News> {
        let news = self.gallery.as_ref()?.try_news()?;
        self.catalogue.take(&news);
        if let News::Kept { run, entry, .. } = &news {
            let (request, seed) = *run;
            let key = RunKey { request, seed };
            self.of_runs.insert(key, entry.id.clone());
        }
        Some(news)
    }

    /// Reads an entry, to do something with it then.
    pub fn open(&mut self, id: &EntryId, then: Then) {
        let (Some(gallery), Some(entry)) = (&self.gallery, self.catalogue.entry(id)) else {
            return;
        };
        self.wanted.insert(id.clone(), then);
        gallery.open(entry);
    }

    pub fn trash(&self, id: &EntryId) {
        if let (Some(gallery), Some(entry)) = (&self.gallery, self.catalogue.entry(id)) {
            gallery.trash([entry]);
        }
    }

    pub fn mark(&self, id: &EntryId, mark: Mark, is_set: bool) {
        if let Some(gallery) = &self.gallery {
            gallery.mark(id, mark, is_set);
        }
    }

    /// The pictures of a run are in a file of the person's: they stay.
    pub fn saved(&self, key: RunKey) {
        if let Some(id) = self.entry_of(key).filter(|_| self.home.is_some()) {
            self.mark(&id, Mark::Saved, true);
        }
    }

    /// The entry that holds a run's pictures.
    pub fn entry_of(&self, key: RunKey) -> Option<EntryId> {
        let opened = self.opened.iter();
        let mut opened = opened.filter(|(_, run)| **run == key).map(|(id, _)| id);
        self.of_runs.get(&key).or_else(|| opened.next()).cloned()
    }

    /// The run of this session whose pictures an entry holds.
    pub fn run_of(&self, id: &EntryId) -> Option<RunKey> {
        let mut runs = self.of_runs.iter();
        runs.find(|(_, of)| *of == id).map(|(key, _)| *key)
    }

    /// Entries that are runs of this session, which are shown as such.
    pub fn entries_of_runs(&self) -> HashSet<&EntryId> {
        self.of_runs.values().collect()
    }

    /// Wishes for thumbnails of what is on the screen.
    pub fn wish(&self, entry: &Entry, method: Method) {
        if let Some(gallery) = &self.gallery {
            gallery.wish_thumbnail(entry, method);
        }
    }

    /// Takes back the wishes that are not fulfilled yet.
    pub fn forget_wishes(&self) -> Vec<(EntryId, Method)> {
        let gallery = self.gallery.as_ref();
        gallery.map(Gallery::forget_wishes).unwrap_or_default()
    }
}
