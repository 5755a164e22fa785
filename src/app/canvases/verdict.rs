//! The verdict under a canvas: whether the relations are true, in words.
//!
//! A finished picture is judged by the model's detector, which looks at it, where
//! there is one; a picture on its way, or of another model, by the centres of
//! the words' attention.

use crate::engine::{FoundObject, Sighted};
use crate::storm::objective::Reading;
use crate::storm::relation::RelationKind;
use crate::storm::{Layout, Relation, Shape};

/// One relation, judged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verdict {
    /// Index into the layout's objects.
    pub subject: usize,
    /// What is the case, between subject and object.
    pub phrase: String,
    pub object: usize,
    /// Whether that is what was asked for.
    pub is_true: bool,
}

impl Verdict {
    /// `verb` is the subject's: `is`, or `are` of several.
    fn new([subject, object]: [usize; 2], kind: RelationKind, seen: Seen, verb: &str) -> Self {
        Self {
            subject,
            phrase: match seen {
                Seen::Missing => format!("{verb} not seen with"),
                Seen::Undecided => format!("{verb} not seen for certain with"),
                Seen::True => kind.statement(verb),
                Seen::False => kind.denial(verb),
            },
            object,
            is_true: seen == Seen::True,
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Seen {
    True,
    False,
    /// One of the two is nowhere.
    Missing,
    /// One of the two may be there.
    Undecided,
}

/// Judges every relation of `layout` by where the maps put the objects; one
/// whose object the maps don't show says so.
pub fn by_attention(layout: &Layout, reading: &Reading) -> Vec<Verdict> {
    let relations = layout.relations.iter().zip(&reading.relations);
    relations
        .map(|(relation, found)| {
            let pair = [relation.subject, relation.object];
            let is_missing = |&object: &usize| {
                let object = reading.objects.get(object);
                object.is_none_or(|object| object.absent)
            };
            let seen = match pair.iter().any(is_missing) {
                true => Seen::Missing,
                false if found.signed_distance > 0.0 => Seen::True,
                false => Seen::False,
            };
            let verb = layout.targets.verb(relation.subject);
            Verdict::new(pair, relation.kind, seen, verb)
        })
        .collect()
}

/// A wish for one object, judged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WishVerdict {
    /// Index into the layout's objects.
    pub object: usize,
    /// What is the case: `2 ×`, `is big`, `is in its region`.
    pub phrase: String,
    /// Whether that is what was asked for.
    pub is_true: bool,
}

/// Largest part of an extent by which it may differ from the one asked for.
const EXTENT_TOLERANCE: f64 = 0.3;

/// Judges what is asked of single objects: numbers and sizes by the detector where it
/// knows the object, places and regions by the words' attention. `sides` are the
/// picture's width and height.
pub fn wishes(
    layout: &Layout,
    reading: &Reading,
    sighted: Option<&Sighted>,
    sides: [f64; 2],
) -> Vec<WishVerdict> {
    let targets = layout.targets.iter();
    targets
        .flat_map(|target| {
            let mut said = Vec::new();
            let verb = layout.targets.verb(target.object);
            let mut say = |phrase: String, is_true: bool| {
                said.push(WishVerdict {
                    object: target.object,
                    phrase,
                    is_true,
                });
            };
            let label = layout.objects.get(target.object);
            let own = sighted
                .zip(label)
                .and_then(|(sighted, object)| seen_as(&object.label, sighted));
            if let Some(own) = &own {
                let count = own.len();
                if target.copies > 1 || count != 1 {
                    say(format!("{count} ×"), count == target.copies);
                }
                if count == 0 {
                    // What is not there has no size and no place.
                    return said;
                }
            }
            let Some(found) = reading.objects.get(target.object) else {
                return said;
            };
            let wanted = reading.copies.iter().find(|it| it.object == target.object);
            let extents = own.iter().flatten().map(|it| it.extent(sides));
            let made = mean(extents).or(found.extent);
            if let (Some(size), Some(made), Some(wanted)) = (target.size, made, wanted) {
                let ratio = made / wanted.extent;
                let is_true = (ratio - 1.0).abs() <= EXTENT_TOLERANCE;
                let phrase = match is_true {
                    true => format!("{verb} {}", size.words()),
                    false if ratio > 1.0 => format!("{verb} larger than asked"),
                    false => format!("{verb} smaller than asked"),
                };
                say(phrase, is_true);
            }
            if target.shape != Shape::Anywhere {
                let away = found.distance.unwrap_or_else(|| {
                    let [a, b] = [found.centroid, found.target];
                    (a[0] - b[0]).powi(2) + (a[1] - b[1]).powi(2)
                });
                let is_true = !found.absent && away <= AWAY;
                let place = if target.shape.is_region() {
                    "region"
                } else {
                    "place"
                };
                let not = if is_true { "" } else { "not " };
                let whose = if target.copies > 1 { "their" } else { "its" };
                say(format!("{verb} {not}in {whose} {place}"), is_true);
            }
            said
        })
        .collect()
}

/// Squared distance, in sides, up to which an object is where it should be.
const AWAY: f64 = 0.01;

fn mean(values: impl Iterator<Item = f64>) -> Option<f64> {
    let (count, sum) = values.fold((0.0, 0.0), |(count, sum), it| (count + 1.0, sum + it));
    (count > 0.0).then(|| sum / count)
}

/// The detector's name for a word, if it has one: “cats” is “cats” or “cat”.
fn name_of<'a>(label: &str, sighted: &'a Sighted) -> Option<&'a String> {
    let endings = ["", "s", "es"].iter();
    let forms: Vec<&str> = endings.filter_map(|end| label.strip_suffix(end)).collect();
    sighted
        .names
        .iter()
        .find(|name| forms.contains(&name.as_str()))
}

/// Everything that the detector found of an object, the most certain first; `None` if it
/// does not know the word.
fn seen_as<'a>(label: &str, sighted: &'a Sighted) -> Option<Vec<&'a FoundObject>> {
    let name = name_of(label, sighted)?;
    let found = sighted.found.iter();
    Some(found.filter(|found| found.name == *name).collect())
}

/// What the detector says of a picture.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DetectorVerdicts {
    /// One for each relation of the layout; none of what it does not know.
    pub verdicts: Vec<Option<Verdict>>,
    /// Objects of the layout that are there more than once, with their number.
    pub repeated: Vec<(usize, usize)>,
}

/// Judges every relation of `layout` by what the detector found in a picture of
/// `width_to_height`; `None` if it knows the objects of none. "Next to"
/// holds between `bounds`, in fractions of the shorter side.
pub fn by_detector(
    layout: &Layout,
    sighted: &Sighted,
    width_to_height: f64,
    bounds: [f64; 2],
) -> Option<DetectorVerdicts> {
    let objects = layout.objects.iter();
    let seen: Vec<_> = objects.map(|it| seen_as(&it.label, sighted)).collect();
    let of = |object: usize| seen.get(object).and_then(Option::as_ref);
    let is_known = |relation: &Relation| {
        let pair = [relation.subject, relation.object];
        pair.iter().all(|object| of(*object).is_some())
    };
    if !layout.relations.iter().any(is_known) {
        return None;
    }
    let count = |object: usize| of(object).map_or(0, Vec::len);
    let is_undecided = |object: usize| {
        let name = layout.objects.get(object);
        let name = name.and_then(|it| name_of(&it.label, sighted));
        name.is_some_and(|name| sighted.undecided.contains(name))
    };
    // More of what is asked for more often is no news here.
    let is_counted = |object: usize| layout.targets.of(object).is_some();
    // All where several are asked for, otherwise the most certain, which comes first.
    let places = |object: usize| -> Vec<[f64; 2]> {
        let copies = layout.targets.of(object).map_or(1, |target| target.copies);
        let most = if copies > 1 { usize::MAX } else { 1 };
        let seen = of(object).into_iter().flatten().take(most);
        seen.map(|it| [it.x, it.y]).collect()
    };
    let verdicts = layout.relations.iter().map(|relation| {
        if !is_known(relation) {
            return None;
        }
        let pair = [relation.subject, relation.object];
        let [subjects, others] = pair.map(places);
        let geometry = relation.kind.geometry();
        let mut both = subjects
            .iter()
            .flat_map(|subject| others.iter().map(move |other| [*subject, *other]));
        let seen = if subjects.is_empty() || others.is_empty() {
            let mut missing = pair.iter().filter(|&&object| places(object).is_empty());
            match missing.all(|&object| is_undecided(object)) {
                true => Seen::Undecided,
                false => Seen::Missing,
            }
        } else if both.all(|places| geometry.is_true_of(places, width_to_height, bounds)) {
            Seen::True
        } else {
            Seen::False
        };
        let verb = layout.targets.verb(relation.subject);
        Some(Verdict::new(pair, relation.kind, seen, verb))
    });
    let objects = 0..layout.objects.len();
    let repeated = objects.map(|object| (object, count(object)));
    Some(DetectorVerdicts {
        verdicts: verdicts.collect(),
        repeated: repeated
            .filter(|&(object, count)| count > 1 && !is_counted(object))
            .collect(),
    })
}

#[cfg(test)]
mod tests;
