//! The gallery as its window knows it: entries with what was read of them, searched
//! by prompt. Fed by the worker's news, it never touches a file.

use std::collections::HashMap;

use super::{Brief, Entry, EntryId, News};

/// All entries, the newest first, and those that the search leaves.
#[derive(Debug, Default)]
pub struct Catalogue {
    entries: Vec<Entry>,
    places: HashMap<EntryId, usize>,
    search: String,
    only_starred: bool,
    /// Places of the entries that are shown.
    shown: Vec<usize>,
    is_stale: bool,
    /// Entries whose heads are not read yet.
    unread: usize,
}

impl Catalogue {
    /// The entry called `id`.
    pub fn entry(&self, id: &EntryId) -> Option<&Entry> {
        self.entries.get(*self.places.get(id)?)
    }

    /// All entries, the newest first.
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// Bytes of all entries.
    pub fn bytes(&self) -> u64 {
        self.entries.iter().map(|entry| entry.bytes).sum()
    }

    /// Entries that a search can't find yet.
    pub fn unread(&self) -> usize {
        self.unread
    }

    /// Shows only entries whose prompt has all words of `text`, in any order, and
    /// with `only_starred` only those.
    pub fn search(&mut self, text: &str, only_starred: bool) {
        let text = text.to_lowercase();
        if (text.as_str(), only_starred) != (self.search.as_str(), self.only_starred) {
            self.search = text;
            self.only_starred = only_starred;
            self.is_stale = true;
        }
    }

    /// How many entries are shown.
    pub fn shown_count(&mut self) -> usize {
        self.filter();
        self.shown.len()
    }

    /// The entry shown at `place`.
    pub fn shown(&self, place: usize) -> Option<&Entry> {
        self.entries.get(*self.shown.get(place)?)
    }

    /// Takes in what concerns the entries; the rest is for whoever shows them.
    pub fn take(&mut self, news: &News) {
        match news {
            News::Listed(entries) => {
                self.entries.clone_from(entries);
                self.index();
            }
            News::Kept { entry, .. } => {
                self.entries.retain(|known| known.id != entry.id);
                self.entries.insert(0, entry.clone());
                self.index();
            }
            News::Removed(ids) | News::Trashed(ids) => self.remove(ids),
            News::Gone(id) => self.remove(std::slice::from_ref(id)),
            News::Briefs(briefs) => {
                for (id, brief) in briefs {
                    if let Some(&place) = self.places.get(id) {
                        let known = &mut self.entries[place].brief;
                        self.unread -= usize::from(*known == Brief::Unread);
                        *known = brief.clone();
                    }
                }
                // Without a search every entry is shown anyway.
                self.is_stale |= !self.search.is_empty();
            }
            News::Marked(id, marks) => {
                if let Some(&place) = self.places.get(id) {
                    self.entries[place].marks = *marks;
                    self.is_stale |= self.only_starred;
                }
            }
            _ => {}
        }
    }

    fn remove(&mut self, ids: &[EntryId]) {
        self.entries.retain(|entry| !ids.contains(&entry.id));
        self.index();
    }

    fn index(&mut self) {
        let entries = self.entries.iter().enumerate();
        self.places = entries
            .map(|(place, entry)| (entry.id.clone(), place))
            .collect();
        let unread = self.entries.iter();
        self.unread = unread.filter(|entry| entry.brief == Brief::Unread).count();
        self.is_stale = true;
    }

    fn filter(&mut self) {
        if !std::mem::take(&mut self.is_stale) {
            return;
        }
        let words: Vec<&str> = self.search.split_whitespace().collect();
        let entries = self.entries.iter().enumerate();
        let found = entries.filter(|(_, entry)| {
            let has_words = words.is_empty()
                || entry
                    .brief
                    .facts()
                    .is_some_and(|facts| words.iter().all(|word| facts.lowercase.contains(word)));
            has_words && (!self.only_starred || entry.marks.starred)
        });
        self.shown = found.map(|(place, _)| place).collect();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::UNIX_EPOCH;

    use super::*;
    use crate::gallery::Facts;
    use crate::gallery::marks::Marks;

    fn entry(name: &str, prompt: Option<&str>) -> Entry {
        let facts = |prompt: &str| Facts {
            prompt: prompt.to_owned(),
            lowercase: prompt.to_lowercase(),
            seed: None,
            settings: String::new(),
        };
        Entry {
            id: EntryId::from(name),
            files: Vec::new(),
            bytes: 10,
            modified: UNIX_EPOCH,
            brief: prompt.map_or(Brief::Unread, |text| Brief::Known(Arc::new(facts(text)))),
            marks: Marks::default(),
        }
    }

    fn shown(catalogue: &mut Catalogue) -> Vec<String> {
        let count = catalogue.shown_count();
        let entries = (0..count).filter_map(|place| catalogue.shown(place));
        entries.map(|entry| entry.id.as_str().to_owned()).collect()
    }

    #[test]
    fn prompts_are_searched_by_their_words_as_they_become_known() {
        let mut catalogue = Catalogue::default();
        let entries = vec![entry("2", Some("a Red cat")), entry("1", None)];
        catalogue.take(&News::Listed(entries));
        assert_eq!(catalogue.unread(), 1);
        assert_eq!(shown(&mut catalogue), ["2", "1"]);
        catalogue.search("cat RED", false);
        assert_eq!(shown(&mut catalogue), ["2"]);
        let brief = entry("1", Some("red catfish")).brief;
        catalogue.take(&News::Briefs(vec![(EntryId::from("1"), brief)]));
        assert_eq!((shown(&mut catalogue).len(), catalogue.unread()), (2, 0));
        catalogue.search("dog", false);
        assert!(shown(&mut catalogue).is_empty());
        catalogue.search("", true);
        assert!(shown(&mut catalogue).is_empty());
        let marks = Marks {
            starred: true,
            saved: false,
        };
        catalogue.take(&News::Marked(EntryId::from("1"), marks));
        assert_eq!(shown(&mut catalogue), ["1"]);
        catalogue.take(&News::Gone(EntryId::from("1")));
        catalogue.search("", false);
        assert_eq!(
            (shown(&mut catalogue), catalogue.bytes()),
            (vec!["2".to_owned()], 10)
        );
    }
}
