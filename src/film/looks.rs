//! Which colour and mark each object of a layout has, the same on chips,
//! overlays and plots.

use crate::storm::Layout;

/// The sign of an object, beside its colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mark {
    Disc,
    Square,
}

impl Mark {
    /// Subjects, which come first in the layout, are discs; objects are squares.
    pub fn of(index: usize) -> Self {
        if index.is_multiple_of(2) {
            Self::Disc
        } else {
            Self::Square
        }
    }

    /// As a character.
    pub fn text(self) -> &'static str {
        match self {
            Self::Disc => "●",
            Self::Square => "■",
        }
    }
}

/// How an object looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Look {
    /// Index into the colours of a palette's objects.
    pub slot: usize,
    pub mark: Mark,
}

impl Look {
    /// The look of a subject (`is_subject`) or object of relation `relation`.
    pub fn of_role(relation: usize, is_subject: bool) -> Self {
        let slot = 2 * relation + usize::from(!is_subject);
        Self {
            slot,
            mark: Mark::of(slot),
        }
    }
}

/// The looks of all objects, in the order of the layout: by the role in the
/// first relation that names them, the rest in turn.
pub fn looks(layout: &Layout) -> Vec<Look> {
    let mut slots: Vec<Option<usize>> = vec![None; layout.objects.len()];
    for (index, relation) in layout.relations.iter().enumerate() {
        for (object, is_subject) in [(relation.subject, true), (relation.object, false)] {
            if let Some(slot) = slots.get_mut(object) {
                slot.get_or_insert(Look::of_role(index, is_subject).slot);
            }
        }
    }
    let free: Vec<usize> = (0..2 * slots.len())
        .filter(|slot| !slots.contains(&Some(*slot)))
        .collect();
    let mut free = free.into_iter();
    slots
        .iter()
        .map(|slot| {
            let slot = slot
                .or_else(|| free.next())
                .expect("there are twice as many slots as objects");
            Look {
                slot,
                mark: Mark::of(slot),
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::storm::relation::{ObjectTokens, Relation, RelationKind};

    fn layout(objects: usize, relations: &[(usize, usize)]) -> Layout {
        let object = |index: usize| ObjectTokens {
            tokens: vec![index + 1],
            attributes: Vec::new(),
            label: format!("object {index}"),
        };
        let relation = |&(subject, object)| Relation {
            subject,
            kind: RelationKind::LeftOf,
            object,
        };
        Layout {
            objects: (0..objects).map(object).collect(),
            relations: relations.iter().map(relation).collect(),
            targets: Default::default(),
        }
    }

    #[test]
    fn the_role_decides_and_not_the_order_in_the_prompt() {
        // "The dog stands right of the cat": the subject is named second.
        let looks = looks(&layout(2, &[(1, 0)]));
        assert_eq!(looks, [Look::of_role(0, false), Look::of_role(0, true)]);
        assert_eq!(looks[1].mark, Mark::Disc);
    }

    #[test]
    fn a_chain_keeps_the_first_role_and_the_rest_fill_up() {
        let looks = looks(&layout(4, &[(0, 1), (1, 2)]));
        let slots: Vec<usize> = looks.iter().map(|look| look.slot).collect();
        assert_eq!(slots, [0, 1, 3, 2]);
    }
}
