//! "a cat on a table": above, where the prompt says no other place.

use super::items::{Article, Item, Link, Mark};
use super::lexicon::{NO_SUPPORT, SCENERY};
use super::structure::Structure;
use crate::storm::relation::RelationKind;

impl Structure<'_> {
    /// "a cat on a table": above, where the prompt says no other place.
    pub(super) fn find_supports(&mut self) {
        if !self.found.is_empty() {
            return;
        }
        for index in 0..self.items.len() {
            if self.items[index].item != Item::Attach(Link::On) {
                continue;
            }
            if let Some((subject, object)) = self.support_at(index) {
                self.is_object[object] = true;
                self.relate(&[subject], &[RelationKind::Above], &[object], "on");
            }
        }
    }

    fn support_at(&self, on: usize) -> Option<(usize, usize)> {
        let object = on + 1;
        if let Some(Item::Pronoun { is_plural }) = self.item(object) {
            let subject = self.noun_before_on(on)?;
            let owner = self.link(subject).map(|upper| self.head(upper))?;
            return (self.noun(owner)?.is_plural == *is_plural).then_some((subject, owner));
        }
        let phrase = self.noun(object)?;
        let is_support = !NO_SUPPORT.has(&phrase.name)
            && !SCENERY.has(&phrase.name)
            && (phrase.article != Article::None || phrase.is_plural)
            && !matches!(self.item(object + 1), Some(Item::Attach(Link::Of)));
        if !is_support {
            return None;
        }
        let is_first = matches!(self.before(on), None | Some(Item::Break(Mark::Stop)));
        if is_first {
            let verb = matches!(
                self.item(object + 1),
                Some(Item::Copula { .. } | Item::Attach(Link::Verb { rests: true, .. }))
            );
            return (verb && self.is_noun(object + 2)).then_some((object + 2, object));
        }
        Some((self.head(self.noun_before_on(on)?), object))
    }

    fn noun_before_on(&self, on: usize) -> Option<usize> {
        let mut at = on;
        while let Some(Item::Copula { .. } | Item::Attach(Link::Verb { rests: true, .. })) =
            self.before(at)
        {
            at -= 1;
        }
        at.checked_sub(1).filter(|&index| self.is_noun(index))
    }
}
