//! Which colour and mark each object of a layout has, the same on chips,
//! overlays and plots.

use egui::{Color32, Painter, Pos2, Rect, Stroke, StrokeKind, Vec2};

use super::theme::{Mark, Palette};
use crate::storm::Layout;

/// How an object looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Look {
    /// Index into [`Palette::objects`].
    slot: usize,
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

    pub fn colour(self, palette: &Palette) -> Color32 {
        palette.object(self.slot)
    }

    /// Draws the mark with an outline that keeps it visible on any picture.
    pub fn paint(self, painter: &Painter, centre: Pos2, radius: f32, palette: &Palette) {
        let outline = Stroke::new(1.5, Color32::from_black_alpha(200));
        let colour = self.colour(palette);
        match self.mark {
            Mark::Disc => {
                painter.circle(centre, radius, colour, outline);
            }
            Mark::Square => {
                let rect = Rect::from_center_size(centre, Vec2::splat(1.8 * radius));
                painter.rect(rect, 1.0, colour, outline, StrokeKind::Middle);
            }
        }
    }

    /// Draws the mark as a hollow ghost.
    pub fn paint_ghost(self, painter: &Painter, centre: Pos2, radius: f32, colour: Color32) {
        let stroke = Stroke::new(2.0, colour);
        match self.mark {
            Mark::Disc => {
                painter.circle_stroke(centre, radius, stroke);
            }
            Mark::Square => {
                let rect = Rect::from_center_size(centre, Vec2::splat(1.8 * radius));
                painter.rect_stroke(rect, 1.0, stroke, StrokeKind::Middle);
            }
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
            free_targets: Vec::new(),
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
