//! What a picture of a task shows: numbers, places, extents, regions, strangers.

use image::RgbImage;
use serde::{Deserialize, Serialize};

use super::Task;
use super::prompts::{TaskPrompt, WantedObject};
use crate::models::ObjectDetector;
use crate::models::object_scores::{FoundObject, ObjectMask};
use crate::storm::{Shape, Size};

/// Largest relative error of an extent that is as asked.
const EXTENT_TOLERANCE: f64 = 0.25;
/// Least share of an object inside its region, and of the region under it.
const INSIDE: f64 = 0.9;
const COVERED: f64 = 0.5;

/// What a picture shows of its prompt.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Outcome {
    /// Everything that was asked for is true and nothing else is there.
    pub is_right: bool,
    /// Every object is there as often as asked.
    pub has_exact_counts: bool,
    /// The largest number asked for of one object.
    pub wanted_count: usize,
    /// Whether all relations are true of all copies; none without relations.
    pub relations_hold: Option<bool>,
    /// Wanted and made extent of the object whose size is asked for, if it is there once.
    pub extent: Option<[f64; 2]>,
    /// Share of the object inside its region.
    pub inside: Option<f64>,
    /// Share of its region that the object covers; only of regions that it can fill.
    pub coverage: Option<f64>,
    /// Mean of the detector's strongest scores of the objects, 0 to 1.
    pub confidence: f64,
    /// All objects are seen.
    pub is_recognised: bool,
    /// Objects that nobody asked for.
    pub strangers: usize,
    /// Mean absolute difference, 0 to 1, from the standard picture of the same noise
    /// where neither has a thing.
    pub background_change: Option<f64>,
}

/// Judges `picture`; `twin` is the standard picture of the same noise. `None` if the
/// detector does not know an object.
pub fn judge(
    detector: &ObjectDetector,
    prompt: &TaskPrompt,
    picture: &RgbImage,
    twin: Option<&RgbImage>,
) -> Option<Outcome> {
    let scores = detector.scores(picture);
    let found = scores.found();
    let masks = scores.masks(&found);
    let sides = [picture.width(), picture.height()].map(f64::from);
    let objects: Option<Vec<Seen>> = prompt
        .objects
        .iter()
        .map(|wanted| {
            let strongest = scores.strongest(&wanted.noun)?;
            let own = || {
                let both = found.iter().zip(&masks);
                both.filter(|(found, _)| found.name == wanted.noun)
            };
            Some(Seen {
                places: own().map(|(it, _)| [it.x, it.y]).collect(),
                extents: own().map(|(it, _)| it.extent(sides)).collect(),
                masks: own().map(|(_, mask)| mask.clone()).collect(),
                confidence: f64::from(strongest.confidence),
            })
        })
        .collect();
    let objects = objects?;
    let is_asked = |it: &&FoundObject| prompt.objects.iter().any(|wanted| wanted.noun == it.name);
    let strangers = found.iter().filter(|it| !is_asked(it)).count();
    let change = twin.and_then(|twin| {
        let scores = detector.scores(twin);
        let others = scores.masks(&scores.found());
        change_of_ground(picture, twin, &[masks, others].concat())
    });
    Some(outcome(prompt, &objects, strangers, change))
}

/// One object as the picture shows it.
struct Seen {
    places: Vec<[f64; 2]>,
    /// Longer sides, as fractions of the picture's shorter one.
    extents: Vec<f64>,
    masks: Vec<ObjectMask>,
    confidence: f64,
}

fn outcome(
    prompt: &TaskPrompt,
    objects: &[Seen],
    strangers: usize,
    background_change: Option<f64>,
) -> Outcome {
    let wanted = || prompt.objects.iter().zip(objects);
    let has_exact_counts = wanted().all(|(wanted, seen)| seen.places.len() == wanted.target.copies);
    let relations_hold = (!prompt.relations.is_empty()).then(|| {
        let holds = |relation: &crate::storm::Relation| {
            let [subject, object] = [relation.subject, relation.object].map(|it| &objects[it]);
            let mut pairs = subject
                .places
                .iter()
                .flat_map(|s| object.places.iter().map(move |o| (s, o)));
            let are_there = !subject.places.is_empty() && !object.places.is_empty();
            are_there
                && pairs.all(|(s, o)| {
                    // A direction, as all of these are, has no bounds.
                    relation.kind.geometry().is_true_of([*s, *o], 1.0, [0.0; 2])
                })
        };
        prompt.relations.iter().all(holds)
    });
    let extent =
        wanted().find_map(
            |(wanted, seen)| match (wanted.target.size, &seen.extents[..]) {
                (Some(Size::Extent(asked)), [only]) => Some([asked, *only]),
                _ => None,
            },
        );
    let region = wanted().find_map(|(wanted, seen)| in_region(wanted, seen));
    let inside = region.map(|[inside, _]| inside);
    let coverage = region
        .filter(|_| prompt.is_fillable)
        .map(|[_, covered]| covered);
    let task_holds = match prompt.task {
        Task::Relation | Task::Chain => relations_hold == Some(true),
        Task::Count => true,
        Task::Size => {
            extent.is_some_and(|[asked, made]| (made / asked - 1.0).abs() <= EXTENT_TOLERANCE)
        }
        Task::Region => {
            inside.is_some_and(|inside| inside >= INSIDE)
                && coverage.is_none_or(|covered| covered >= COVERED)
        }
        Task::Mixed => relations_hold == Some(true) && is_larger(&objects[1], &objects[0]),
    };
    let confidence = objects.iter().map(|seen| seen.confidence).sum::<f64>();
    Outcome {
        is_right: has_exact_counts && strangers == 0 && task_holds,
        has_exact_counts,
        wanted_count: wanted().map(|(it, _)| it.target.copies).max().unwrap_or(1),
        relations_hold,
        extent,
        inside,
        coverage,
        confidence: confidence / objects.len().max(1) as f64,
        is_recognised: objects.iter().all(|seen| !seen.places.is_empty()),
        strangers,
        background_change,
    }
}

/// Whether the one object is larger than every copy of the other.
fn is_larger(one: &Seen, others: &Seen) -> bool {
    let largest = one.extents.iter().copied().fold(0.0, f64::max);
    others.extents.iter().all(|extent| *extent < largest)
}

/// The share of an object inside its region, and of the region under it; `None`
/// where no region is asked for. An object that is not seen is nowhere inside.
fn in_region(wanted: &WantedObject, seen: &Seen) -> Option<[f64; 2]> {
    let shape = &wanted.target.shape;
    if !shape.is_region() {
        return None;
    }
    let Some(first) = seen.masks.first() else {
        return Some([0.0, 0.0]);
    };
    let (width, height) = (first.width, first.height);
    let region = |shape: &Shape, index: usize| {
        shape.has([
            ((index % width) as f64 + 0.5) / width as f64,
            ((index / width) as f64 + 0.5) / height as f64,
        ])
    };
    let (mut own, mut both, mut all) = (0.0, 0.0, 0.0);
    for index in 0..width * height {
        let is_own = seen.masks.iter().any(|mask| mask.inside[index]);
        let is_region = region(shape, index);
        own += f64::from(u8::from(is_own));
        all += f64::from(u8::from(is_region));
        both += f64::from(u8::from(is_own && is_region));
    }
    Some([both / f64::max(own, 1.0), both / f64::max(all, 1.0)])
}

/// The mean difference where neither picture has an object.
fn change_of_ground(picture: &RgbImage, twin: &RgbImage, objects: &[ObjectMask]) -> Option<f64> {
    if picture.dimensions() != twin.dimensions() {
        return None;
    }
    let (mut sum, mut count) = (0.0, 0.0);
    for (index, (ours, theirs)) in picture.pixels().zip(twin.pixels()).enumerate() {
        if objects.iter().any(|mask| mask.inside[index]) {
            continue;
        }
        let channels = ours.0.iter().zip(theirs.0);
        sum += channels.map(|(a, b)| f64::from(a.abs_diff(b))).sum::<f64>();
        count += 3.0 * 255.0;
    }
    (count > 0.0).then(|| sum / count)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evaluate::prompts::parse_pairs;
    use crate::evaluate::tasks::{Wording, task_prompts};

    fn prompt(task: Task) -> TaskPrompt {
        let pairs = parse_pairs("cat:dog,apple:fish").unwrap();
        task_prompts(task, &pairs, Wording::Plain).remove(0)
    }

    /// An object with a square of so many pixels of 64 around each place.
    fn seen(places: &[[f64; 2]], side: usize) -> Seen {
        let masks = places.iter().map(|[x, y]| {
            let inside = (0..64 * 64).map(|index| {
                let across = (index % 64) as f64 + 0.5 - 64.0 * x;
                let down = (index / 64) as f64 + 0.5 - 64.0 * y;
                across.abs().max(down.abs()) <= 0.5 * side as f64
            });
            ObjectMask {
                width: 64,
                height: 64,
                inside: inside.collect(),
            }
        });
        Seen {
            masks: masks.collect(),
            extents: vec![side as f64 / 64.0; places.len()],
            places: places.to_vec(),
            confidence: 0.9,
        }
    }

    fn is_right(task: Task, objects: &[Seen]) -> bool {
        outcome(&prompt(task), objects, 0, None).is_right
    }

    #[test]
    fn everything_must_be_true_of_all_copies() {
        let two = || seen(&[[0.2, 0.2], [0.2, 0.8]], 16);
        assert!(is_right(Task::Count, &[two()]));
        assert!(!is_right(Task::Count, &[seen(&[[0.2, 0.2]], 16)]));
        assert!(!outcome(&prompt(Task::Count), &[two()], 1, None).is_right);
        let big = |x: f64, side: usize| seen(&[[x, 0.5]], side);
        assert!(is_right(Task::Mixed, &[two(), big(0.7, 28)]));
        // Not larger, and not right of both.
        assert!(!is_right(Task::Mixed, &[two(), big(0.7, 14)]));
        let straddling = seen(&[[0.2, 0.2], [0.8, 0.8]], 16);
        assert!(!is_right(Task::Mixed, &[straddling, big(0.7, 28)]));
        let chain = |x: [f64; 3]| x.map(|x| seen(&[[x, 0.5]], 12));
        assert!(is_right(Task::Chain, &chain([0.2, 0.5, 0.8])));
        assert!(!is_right(Task::Chain, &chain([0.5, 0.2, 0.8])));
    }

    #[test]
    fn extents_and_regions_are_measured_on_the_pixels() {
        // The first size asked for is 0.22 of 64 pixels.
        let sized = outcome(&prompt(Task::Size), &[seen(&[[0.5, 0.5]], 14)], 0, None);
        assert_eq!(sized.extent, Some([0.22, 14.0 / 64.0]));
        assert!(sized.is_right);
        assert!(!is_right(Task::Size, &[seen(&[[0.5, 0.5]], 28)]));
        // The first region begins at 5 % and 10 % and takes 37.5 % of both sides.
        let centre = [0.05 + 0.1875, 0.1 + 0.1875];
        let placed = outcome(&prompt(Task::Region), &[seen(&[centre], 20)], 0, None);
        assert_eq!(placed.inside, Some(1.0));
        assert!((placed.coverage.unwrap() - (20.0f64 / 24.0).powi(2)).abs() < 0.06);
        assert!(placed.is_right);
        let beside = outcome(&prompt(Task::Region), &[seen(&[[0.8, 0.8]], 20)], 0, None);
        assert_eq!((beside.inside, beside.is_right), (Some(0.0), false));
        let missing = outcome(&prompt(Task::Region), &[seen(&[], 0)], 0, None);
        assert_eq!((missing.inside, missing.is_recognised), (Some(0.0), false));
    }

    #[test]
    fn the_ground_is_compared_where_neither_picture_has_an_object() {
        let plain = RgbImage::from_pixel(64, 64, image::Rgb([100; 3]));
        let mut changed = plain.clone();
        for (x, y) in (0..16).flat_map(|x| (0..16).map(move |y| (x, y))) {
            changed.put_pixel(x, y, image::Rgb([151; 3]));
        }
        let hidden = seen(&[[0.125, 0.125]], 16).masks;
        let change = |objects: &[ObjectMask]| change_of_ground(&changed, &plain, objects);
        assert!((change(&[]).unwrap() - 0.2 / 16.0).abs() < 1e-12);
        assert_eq!(change(&hidden), Some(0.0));
        assert_eq!(change_of_ground(&changed, &RgbImage::new(8, 8), &[]), None);
    }
}
