//! The gallery's thread on folders of files: kept, bounded, found again, damaged.

use std::fs;
use std::sync::OnceLock;

use image::{Rgb, RgbImage};

use super::super::Gallery;
use super::*;
use crate::export::{ImageSettings, PARAMETERS_KEYWORD, TextChunk};

/// Where the tests' own trash lies.
static TRASH: OnceLock<tempfile::TempDir> = OnceLock::new();

fn to_test_trash(paths: &[PathBuf]) -> Result<(), String> {
    let trash = TRASH.get_or_init(|| tempfile::tempdir().unwrap());
    for path in paths {
        let target = trash.path().join(path.file_name().unwrap());
        fs::rename(path, target).map_err(|error| error.to_string())?;
    }
    Ok(())
}

fn refuse(_: &[PathBuf]) -> Result<(), String> {
    Err("there is none".to_owned())
}

fn gallery(folder: &Path, limit: Option<u64>) -> Gallery {
    let folder = folder.to_path_buf();
    Gallery::with_trash(Some(Home { folder, limit }), Arc::new(|| ()), to_test_trash)
}

fn infotext(prompt: &str, seed: u64) -> Vec<TextChunk> {
    let settings = ImageSettings {
        prompt: prompt.to_owned(),
        steps: Some(20),
        cfg_scale: Some(5.0),
        seed: Some(seed),
        ..ImageSettings::default()
    };
    vec![TextChunk::new(PARAMETERS_KEYWORD, settings.to_infotext())]
}

fn keep(gallery: &Gallery, run: u64, method: Method, prompt: &str) {
    let shade = (run * 40) as u8;
    // Noise that a PNG can't make small.
    let mut state = run as u32 + 1;
    let image = RgbImage::from_fn(32, 32, |_, _| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        Rgb([shade, (state >> 24) as u8, (state >> 16) as u8])
    });
    gallery.keep(Keep {
        run: (RequestId(run), 7),
        method,
        image: Arc::new(image),
        texts: infotext(prompt, 7),
        place: Place::Gallery,
    });
}

/// The news up to the first that `is_it`.
fn wait<T>(gallery: &Gallery, mut is_it: impl FnMut(&News) -> Option<T>) -> T {
    loop {
        let news = gallery.wait_news().expect("the thread goes on");
        if let Some(found) = is_it(&news) {
            return found;
        }
    }
}

fn listed(gallery: &Gallery) -> Vec<Entry> {
    wait(gallery, |news| match news {
        News::Listed(entries) => Some(entries.clone()),
        _ => None,
    })
}

fn kept(gallery: &Gallery) -> Entry {
    wait(gallery, |news| match news {
        News::Kept { entry, .. } => Some(entry.clone()),
        News::KeepFailed(error) => panic!("{error}"),
        _ => None,
    })
}

#[test]
fn what_was_kept_is_there_after_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let home = folder.path().join("gallery");
    let first = gallery(&home, Some(1 << 20));
    assert!(listed(&first).is_empty());
    keep(&first, 1, Method::Standard, "a Cat left of a dog");
    keep(&first, 1, Method::Storm, "a Cat left of a dog");
    // Dropped at once: what was to be written is written.
    drop(first);
    let again = gallery(&home, Some(1 << 20));
    let entries = listed(&again);
    assert_eq!(entries.len(), 1);
    assert_eq!(entries[0].files.len(), 2);
    let facts = wait(&again, |news| match news {
        News::Briefs(briefs) => Some(briefs[0].1.clone()),
        _ => None,
    });
    let facts = facts.facts().unwrap();
    assert_eq!(
        (facts.prompt.as_str(), facts.seed),
        ("a Cat left of a dog", Some(7))
    );
    again.open(&entries[0]);
    let opened = wait(&again, |news| match news {
        News::Opened(opened) => Some(opened.clone()),
        _ => None,
    });
    assert_eq!(opened.request.settings.steps, 20);
    assert_eq!(opened.pictures.len(), 2);
    assert_eq!(opened.pictures[0].image.get_pixel(0, 0)[0], 40);
    again.wish_thumbnail(&entries[0], Method::Storm);
    let thumbnail = wait(&again, |news| match news {
        News::Thumbnail { image, .. } => Some(image.clone()),
        _ => None,
    });
    assert_eq!(thumbnail.unwrap(), *opened.pictures[1].image);
}

#[test]
fn the_oldest_make_room_and_marked_ones_stay() {
    let folder = tempfile::tempdir().unwrap();
    let gallery = gallery(folder.path(), Some(9000));
    let mut ids = Vec::new();
    for run in 0..2 {
        keep(&gallery, run, Method::Storm, "a cat");
        ids.push(kept(&gallery).id);
    }
    gallery.mark(&ids[0], Mark::Starred, true);
    wait(&gallery, |news| {
        matches!(news, News::Marked(..)).then_some(())
    });
    for run in 2..5 {
        keep(&gallery, run, Method::Storm, "a cat");
        ids.push(kept(&gallery).id);
    }
    drop(gallery);
    let again = self::gallery(folder.path(), Some(9000));
    let left = listed(&again);
    let bytes: u64 = left.iter().map(|entry| entry.bytes).sum();
    assert!(bytes <= 9000, "{bytes}");
    assert!(
        left.iter()
            .any(|entry| entry.id == ids[0] && entry.marks.starred)
    );
    assert!(left.iter().any(|entry| entry.id == ids[4]));
    assert!(left.iter().all(|entry| entry.id != ids[1]));
}

#[test]
fn unreadable_files_and_those_that_are_gone_are_said() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("1.png"), "no picture").unwrap();
    let whole = tempfile::tempdir().unwrap();
    let other = gallery(whole.path(), None);
    keep(&other, 1, Method::Storm, "a cat");
    let entry = kept(&other);
    let bytes = fs::read(&entry.files[0].1).unwrap();
    fs::write(folder.path().join("2.png"), &bytes[..bytes.len() / 2]).unwrap();
    let gallery = gallery(folder.path(), None);
    let mut entries = listed(&gallery);
    entries.sort_by(|a, b| a.id.cmp(&b.id));
    let briefs = wait(&gallery, |news| match news {
        News::Briefs(briefs) => Some(briefs.clone()),
        _ => None,
    });
    let brief = |id: &EntryId| &briefs.iter().find(|(of, _)| of == id).unwrap().1;
    assert!(matches!(brief(&entries[0].id), Brief::Unreadable(_)));
    // Its head is whole.
    assert!(matches!(brief(&entries[1].id), Brief::Known(_)));
    for entry in &entries {
        gallery.open(entry);
        let error = wait(&gallery, |news| match news {
            News::OpenFailed(error) => Some(error.clone()),
            _ => None,
        });
        assert!(error.contains("can't be read"), "{error}");
        gallery.wish_thumbnail(entry, Method::Storm);
        let made = wait(&gallery, |news| match news {
            News::Thumbnail { image, .. } => Some(image.is_err()),
            _ => None,
        });
        assert!(made);
    }
    fs::remove_file(&entries[0].files[0].1).unwrap();
    gallery.open(&entries[0]);
    let gone = wait(&gallery, |news| match news {
        News::Gone(id) => Some(id.clone()),
        _ => None,
    });
    assert_eq!(gone, entries[0].id);
}

#[test]
fn what_is_deleted_can_be_taken_back() {
    let folder = tempfile::tempdir().unwrap();
    let gallery = gallery(folder.path(), None);
    keep(&gallery, 1, Method::Storm, "a cat");
    let entry = kept(&gallery);
    gallery.trash([&entry]);
    let gone = wait(&gallery, |news| match news {
        News::Trashed(ids) => Some(ids.clone()),
        _ => None,
    });
    assert_eq!(gone, std::slice::from_ref(&entry.id));
    let file = &entry.files[0].1;
    assert!(!file.exists());
    let trash = TRASH.get().unwrap().path();
    assert!(trash.join(file.file_name().unwrap()).exists());
    drop(gallery);

    let home = Home {
        folder: folder.path().to_path_buf(),
        limit: None,
    };
    let gallery = Gallery::with_trash(Some(home), Arc::new(|| ()), refuse);
    keep(&gallery, 2, Method::Storm, "a cat");
    let entry = kept(&gallery);
    gallery.trash([&entry]);
    let error = wait(&gallery, |news| match news {
        News::TrashFailed(error) => Some(error.clone()),
        _ => None,
    });
    assert!(error.contains("there is none"), "{error}");
    assert!(entry.files[0].1.exists());
}

#[test]
fn a_folder_that_takes_nothing_is_said_and_nothing_is_half_there() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    fs::write(&file, "").unwrap();
    let gallery = gallery(&file, None);
    let failed = wait(&gallery, |news| match news {
        News::ListFailed(error) => Some(error.clone()),
        _ => None,
    });
    assert!(failed.contains("can't be listed"), "{failed}");
    keep(&gallery, 1, Method::Storm, "a cat");
    let failed = wait(&gallery, |news| match news {
        News::KeepFailed(error) => Some(error.clone()),
        _ => None,
    });
    assert!(failed.contains("can't be saved"), "{failed}");
}
