//! What the person asks of single objects, on the canvas or in the sentences: moved,
//! resized, counted, drawn, locked.

use super::DraftContent;
use crate::storm::object_target::{EXTENTS, MOST_COPIES, ObjectTarget};
use crate::storm::{Area, Mask, Shape, Size};

/// How near to a guide a place snaps to it, as a fraction of the picture.
const SNAP: f64 = 0.02;
/// Smallest side of a region, as a fraction of the picture.
const SMALLEST_REGION: f64 = 0.05;

/// A hand-drawn region's form.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tool {
    Rectangle,
    Ellipse,
    Brush,
}

impl Tool {
    pub const ALL: [Tool; 3] = [Self::Rectangle, Self::Ellipse, Self::Brush];

    pub fn label(self) -> &'static str {
        match self {
            Self::Rectangle => "Rectangle",
            Self::Ellipse => "Ellipse",
            Self::Brush => "Brush",
        }
    }
}

/// Changes what is asked of an object; it is no longer the program's proposal.
pub fn edit(content: &mut DraftContent, object: usize, change: impl FnOnce(&mut ObjectTarget)) {
    if object < content.assignment.objects.len() {
        content.is_proposed = false;
        content.next_relation = None;
        content.assignment.targets.edit(object, change);
    }
}

/// Asks nothing of an object any more.
pub fn clear(content: &mut DraftContent, object: usize) {
    content.is_proposed = false;
    content.assignment.targets.clear(object);
}

/// Puts a copy at a place; the others stay where they are now, at `places`.
pub fn move_copy(
    content: &mut DraftContent,
    object: usize,
    copy: usize,
    place: [f64; 2],
    places: &[[f64; 2]],
) {
    let mut places = places.to_vec();
    let Some(slot) = places.get_mut(copy) else {
        return;
    };
    *slot = inside(place);
    edit(content, object, |target| {
        target.shape = Shape::Points(places)
    });
}

/// Makes every copy of an object so large.
pub fn resize(content: &mut DraftContent, object: usize, extent: f64) {
    let extent = extent.clamp(*EXTENTS.start(), *EXTENTS.end());
    edit(content, object, |target| {
        target.size = Some(Size::Extent(extent))
    });
}

/// Asks for so many; places that are too many go.
pub fn set_copies(content: &mut DraftContent, object: usize, copies: usize) {
    let copies = copies.clamp(1, MOST_COPIES);
    edit(content, object, |target| {
        target.copies = copies;
        if let Shape::Points(places) = &mut target.shape {
            places.truncate(copies);
        }
    });
}

/// Moves a region so that its bounds begin at a place, as far as the picture goes.
pub fn move_region(content: &mut DraftContent, object: usize, to: [f64; 2]) {
    edit(content, object, |target| match &mut target.shape {
        Shape::Rectangle(area) | Shape::Ellipse(area) => {
            area.x = to[0].clamp(0.0, (1.0 - area.width).max(0.0));
            area.y = to[1].clamp(0.0, (1.0 - area.height).max(0.0));
        }
        Shape::Mask(mask) => {
            if let Some([low, high]) = mask.bounds() {
                let by = [0, 1].map(|axis| {
                    let room = 1.0 - (high[axis] - low[axis]);
                    to[axis].clamp(0.0, room.max(0.0)) - low[axis]
                });
                let moved = mask.moved(by);
                if !moved.is_empty() {
                    *mask = moved;
                }
            }
        }
        Shape::Anywhere | Shape::Points(_) => {}
    });
}

/// Pulls the lower right corner of a region to a place.
pub fn resize_region(content: &mut DraftContent, object: usize, corner: [f64; 2]) {
    edit(content, object, |target| {
        if let Shape::Rectangle(area) | Shape::Ellipse(area) = &mut target.shape {
            let side = |corner: f64, low: f64| {
                (corner - low).clamp(SMALLEST_REGION, (1.0 - low).max(SMALLEST_REGION))
            };
            area.width = side(corner[0], area.x);
            area.height = side(corner[1], area.y);
        }
    });
}

/// Draws a region between two corners.
pub fn draw(content: &mut DraftContent, object: usize, tool: Tool, corners: [[f64; 2]; 2]) {
    let area = Area::between(inside(corners[0]), inside(corners[1]));
    let is_drawn = area.width >= SMALLEST_REGION && area.height >= SMALLEST_REGION;
    let shape = match tool {
        Tool::Rectangle => Shape::Rectangle(area),
        Tool::Ellipse => Shape::Ellipse(area),
        Tool::Brush => return,
    };
    if is_drawn {
        edit(content, object, |target| target.shape = shape);
    }
}

/// Paints a part of a region, or takes it away, with a round brush.
pub fn paint(
    content: &mut DraftContent,
    object: usize,
    place: [f64; 2],
    (radius, is_added): (f64, bool),
    width_to_height: f64,
) {
    edit(content, object, |target| {
        if !matches!(target.shape, Shape::Mask(_)) {
            target.shape = Shape::Mask(Mask::empty(width_to_height));
        }
        if let Shape::Mask(mask) = &mut target.shape {
            mask.paint(place, radius, is_added);
        }
    });
}

/// A region to begin with, for hands on the keyboard.
pub fn begin_region(content: &mut DraftContent, object: usize, tool: Tool, width_to_height: f64) {
    let area = Area {
        x: 0.3,
        y: 0.3,
        width: 0.4,
        height: 0.4,
    };
    edit(content, object, |target| {
        target.shape = match tool {
            Tool::Rectangle => Shape::Rectangle(area),
            Tool::Ellipse => Shape::Ellipse(area),
            Tool::Brush => {
                let mut mask = Mask::empty(width_to_height);
                mask.paint([0.5, 0.5], 0.2, true);
                Shape::Mask(mask)
            }
        };
    });
}

/// Keeps an object where it is, as large as it is.
pub fn lock(content: &mut DraftContent, object: usize, places: Vec<[f64; 2]>, extent: Option<f64>) {
    edit(content, object, |target| {
        if !target.shape.is_region() {
            target.copies = places.len().max(1);
            target.shape = Shape::Points(places);
        }
        if let Some(extent) = extent {
            let extent = extent.clamp(*EXTENTS.start(), *EXTENTS.end());
            target.size = Some(Size::Extent(extent));
        }
        target.is_locked = true;
    });
}

/// The place brought to thirds, halves and the centres of others that are near, with
/// the guides that it met on each axis.
pub fn snapped(place: [f64; 2], others: &[[f64; 2]]) -> ([f64; 2], [Option<f64>; 2]) {
    let mut snapped = place;
    let mut guides = [None, None];
    for axis in [0, 1] {
        let fixed = [1.0 / 3.0, 0.5, 2.0 / 3.0];
        let all = fixed
            .into_iter()
            .chain(others.iter().map(|other| other[axis]));
        let nearest = all.min_by(|a, b| {
            let away = |guide: f64| (guide - place[axis]).abs();
            away(*a).total_cmp(&away(*b))
        });
        if let Some(guide) = nearest.filter(|guide| (guide - place[axis]).abs() < SNAP) {
            snapped[axis] = guide;
            guides[axis] = Some(guide);
        }
    }
    (snapped, guides)
}

/// What is worth a word about a region: that copies will fill it, or that it is beyond
/// the sizes in which objects come.
pub fn warning(target: &ObjectTarget, width_to_height: f64) -> Option<&'static str> {
    if !target.shape.is_region() || !target.fill || target.copies > 1 || target.size.is_some() {
        return None;
    }
    let [low, high] = target.shape.bounds()?;
    let (width, height) = ((high[0] - low[0]) * width_to_height, high[1] - low[1]);
    let shorter = width_to_height.min(1.0);
    let (longer_side, shorter_side) = (width.max(height) / shorter, width.min(height) / shorter);
    if longer_side > 2.2 * shorter_side {
        return Some("long: it may be filled by several");
    }
    if shorter_side > 0.65 {
        return Some("large: it may be filled by several");
    }
    (longer_side < 0.16).then_some("small: the object may not be seen")
}

fn inside(place: [f64; 2]) -> [f64; 2] {
    place.map(|part| part.clamp(0.0, 1.0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::prompt::AssignedObject;

    fn content() -> DraftContent {
        let mut content = DraftContent {
            prompt: "a cat and a dog".to_owned(),
            ..DraftContent::default()
        };
        content.assignment.objects = [2..5, 12..15]
            .map(|noun| AssignedObject {
                noun,
                attributes: Vec::new(),
            })
            .to_vec();
        content
    }

    fn shape(content: &DraftContent) -> Shape {
        content.assignment.targets.of(0).unwrap().shape.clone()
    }

    #[test]
    fn copies_are_moved_one_by_one_and_fewer_of_them_have_fewer_places() {
        let mut content = content();
        set_copies(&mut content, 0, 3);
        let places = [[0.2, 0.2], [0.8, 0.2], [0.5, 0.8]];
        move_copy(&mut content, 0, 1, [1.4, 0.3], &places);
        assert_eq!(
            shape(&content),
            Shape::Points(vec![[0.2, 0.2], [1.0, 0.3], [0.5, 0.8]])
        );
        set_copies(&mut content, 0, 2);
        assert_eq!(shape(&content), Shape::Points(vec![[0.2, 0.2], [1.0, 0.3]]));
        assert!(!content.is_proposed);
        // An object that is gone changes nothing.
        set_copies(&mut content, 7, 2);
        assert_eq!(content.assignment.targets.len(), 1);
    }

    #[test]
    fn regions_are_drawn_moved_and_resized_inside_the_picture() {
        let mut content = content();
        draw(&mut content, 0, Tool::Rectangle, [[0.9, 0.9], [0.5, 0.4]]);
        move_region(&mut content, 0, [0.95, -0.2]);
        let Shape::Rectangle(area) = shape(&content) else {
            panic!("it is a rectangle");
        };
        assert!((area.x - 0.6).abs() < 1e-9 && area.y == 0.0 && (area.width - 0.4).abs() < 1e-9);
        resize_region(&mut content, 0, [3.0, 0.0]);
        let Shape::Rectangle(area) = shape(&content) else {
            panic!("it is a rectangle");
        };
        assert!((area.x + area.width - 1.0).abs() < 1e-9);
        assert_eq!(area.height, SMALLEST_REGION);
        // A slip of the hand draws nothing.
        draw(&mut content, 0, Tool::Ellipse, [[0.5, 0.5], [0.51, 0.9]]);
        assert!(matches!(shape(&content), Shape::Rectangle(_)));
        paint(&mut content, 0, [0.2, 0.2], (0.1, true), 1.0);
        move_region(&mut content, 0, [0.5, 0.5]);
        let bounds = shape(&content).bounds().unwrap();
        assert!((bounds[0][0] - 0.5).abs() < 0.02, "{bounds:?}");
    }

    #[test]
    fn places_snap_to_thirds_and_to_others() {
        let (place, guides) = snapped([0.32, 0.71], &[[0.9, 0.7]]);
        assert_eq!(place, [1.0 / 3.0, 0.7]);
        assert_eq!(guides, [Some(1.0 / 3.0), Some(0.7)]);
        let (place, guides) = snapped([0.4, 0.4], &[]);
        assert_eq!((place, guides), ([0.4, 0.4], [None, None]));
    }

    #[test]
    fn what_an_object_cannot_fill_is_said() {
        let word = |width: f64, height: f64, ratio: f64| {
            let area = Area {
                x: 0.0,
                y: 0.0,
                width,
                height,
            };
            let target = ObjectTarget {
                shape: Shape::Rectangle(area),
                ..ObjectTarget::default()
            };
            warning(&target, ratio)
        };
        assert_eq!(word(0.4, 0.3, 1.0), None);
        assert!(word(1.0, 0.3, 1.0).unwrap().contains("several"));
        assert!(word(0.8, 0.8, 1.0).unwrap().contains("large"));
        assert!(word(0.1, 0.1, 1.0).unwrap().contains("small"));
        // Half of the width of a wide picture is its height.
        assert!(word(0.5, 0.3, 2.0).unwrap().contains("several"));
    }
}
