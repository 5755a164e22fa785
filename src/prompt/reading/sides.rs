//! Relations that follow from the sides of the picture on which two things
//! are: "a cat on the left, a dog on the right".

use super::Note;
use super::items::{Item, Link, Mark, Side};
use super::lexicon::AREAS;
use super::structure::Structure;
use crate::storm::relation::RelationKind;

/// Parts of a picture.
const PARTS: [&str; 9] = [
    "left", "right", "top", "bottom", "upper", "lower", "middle", "center", "centre",
];

/// A thing on a side; `item` is the phrase that says so.
#[derive(Debug, Clone, Copy)]
struct OnSide {
    noun: usize,
    side: Side,
    item: usize,
}

impl Structure<'_> {
    pub fn find_sides(&mut self) {
        let placed = self.things_on_sides();
        let before = self.found.len();
        self.compare(&placed, |side| side.horizontal, RelationKind::LeftOf);
        self.compare(&placed, |side| side.vertical, RelationKind::Above);
        if self.found.len() == before {
            for &one in &placed {
                self.relate_to_the_other(one);
            }
        }
        if self.found.len() == before {
            // A side of the picture that is said of a thing is a place; "above" alone is not.
            let names_a_part = |one: &&OnSide| {
                let phrase = self.phrase(one.item, one.item).to_lowercase();
                let mut words = phrase.split(|letter: char| !letter.is_alphabetic());
                words.any(|word| PARTS.contains(&word))
            };
            let said: Vec<OnSide> = placed.iter().filter(names_a_part).copied().collect();
            self.sided = said.iter().map(|one| (one.noun, one.side)).collect();
            for index in 0..self.items.len() {
                if said.iter().any(|one| one.item == index) {
                    continue;
                }
                let phrase = self.phrase(index, index);
                if matches!(self.items[index].item, Item::Side(_)) {
                    self.note(Note::OneSide { phrase });
                }
            }
        }
    }

    fn things_on_sides(&self) -> Vec<OnSide> {
        let mut placed: Vec<OnSide> = Vec::new();
        for (item, located) in self.items.iter().enumerate() {
            let Item::Side(side) = located.item else {
                continue;
            };
            let nearest = self.nouns_before(item).next();
            for noun in self.things_of_side(item) {
                let mut noun = self.first_mention(noun, None);
                // "a dog on the left looking at a cat on the right"
                if let Some(nearest) = nearest.filter(|_| placed.iter().any(|it| it.noun == noun))
                    && self.head(nearest) == noun
                {
                    noun = nearest;
                }
                placed.push(OnSide { noun, side, item });
            }
        }
        placed
    }

    /// What a side is said of: the thing before it, or after it where it
    /// begins a clause.
    fn things_of_side(&self, item: usize) -> Vec<usize> {
        let mut at = item;
        while let Some(
            Item::Copula { .. } | Item::Attach(Link::Verb { .. }) | Item::Adjectives(_),
        ) = self.before(at)
        {
            at -= 1;
        }
        let before = at.checked_sub(1).filter(|&index| self.is_noun(index));
        if let Some(noun) = before {
            let head = match self.before(noun) {
                // "a desk with a lamp on the left": the lamp.
                Some(Item::Attach(Link::With) | Item::Unsupported) => noun,
                _ => self.head(noun),
            };
            return self.coordinated(head);
        }
        let mut after = item + 1;
        while let Some(
            Item::Break(Mark::Comma | Mark::Colon)
            | Item::Copula { .. }
            | Item::Attach(_)
            | Item::Relative,
        ) = self.item(after)
        {
            after += 1;
        }
        if self.is_noun(after) {
            return vec![after];
        }
        // "a cat, on the left, and a dog, on the right"
        let aside = at.checked_sub(2).filter(|&index| {
            self.is_noun(index) && matches!(self.before(at), Some(Item::Break(Mark::Comma)))
        });
        aside.into_iter().collect()
    }

    /// Relates each thing to those on the next side along one axis.
    fn compare(&mut self, placed: &[OnSide], along: fn(Side) -> Option<i8>, kind: RelationKind) {
        let on = |wanted: i8| -> Vec<usize> {
            let here = placed.iter().filter(|it| along(it.side) == Some(wanted));
            here.map(|it| it.noun).collect()
        };
        let (first, second) = (on(-1), on(1));
        let middle = match kind {
            RelationKind::LeftOf => on(0),
            _ => Vec::new(),
        };
        let steps = if middle.is_empty() {
            vec![(first, second)]
        } else {
            vec![(first, middle.clone()), (middle, second)]
        };
        for (first, second) in steps {
            for &subject in &first {
                for &object in &second {
                    if subject != object {
                        self.add(subject, kind, object);
                    }
                }
            }
        }
    }

    /// One thing on a side: the other of two that were named before, or what
    /// it is a part of, is on the other.
    fn relate_to_the_other(&mut self, one: OnSide) {
        let kinds = one.side.kinds();
        if kinds.is_empty() {
            return;
        }
        let is_companion = matches!(self.before(one.noun), Some(Item::Attach(Link::With)));
        let owner = is_companion.then(|| self.link(one.noun)).flatten();
        if let Some(owner) = owner.map(|owner| self.head(owner)) {
            let is_area = self.noun(owner).is_some_and(|it| AREAS.has(&it.name));
            if !is_area {
                for kind in kinds {
                    self.add(one.noun, kind, owner);
                }
            }
            return;
        }
        // "a fork to the left of a plate and a knife to the right"
        for &kind in &kinds {
            let opposite = self.found.iter().find(|&&(subject, other, object)| {
                other == kind.inverse() && subject != one.noun && object != one.noun
            });
            if let Some(&(_, _, object)) = opposite {
                return self.add(one.noun, kind, object);
            }
        }
        // "a cat and a dog, the dog on the right"
        let again = self.nouns_before(one.item).next();
        let again = again.or_else(|| self.nouns_after(one.item).next());
        if again.is_none_or(|noun| noun == one.noun) {
            return;
        }
        let things = self.antecedents(one.item, false, &[]);
        if let [first, second] = things[..]
            && (first == one.noun || second == one.noun)
        {
            let other = if first == one.noun { second } else { first };
            for kind in kinds {
                match kind {
                    RelationKind::RightOf | RelationKind::Below => {
                        self.add(other, kind.inverse(), one.noun);
                    }
                    _ => self.add(one.noun, kind, other),
                }
            }
        }
    }
}
