//! The figures of the benchmark, each a ratio of sums over pictures or prompts.
//!
//! VISOR's own: object accuracy, unconditional, conditional and VISOR-n. Beside
//! them what two plain objects do not show: colours, twins and strangers, how far
//! a picture strays from its standard twin, and what it costs.

use std::ops::AddAssign;

use super::records::PictureRecord;

/// Pictures of one prompt that VISOR-n counts over.
pub const GROUP: usize = 4;

/// One number of the comparison.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Figure {
    /// Share of pictures with both objects.
    ObjectAccuracy,
    /// Share of pictures with both objects and their relation.
    Unconditional,
    /// The same, of the pictures with both objects.
    Conditional,
    /// Share of prompts of whose four pictures at least so many are right.
    Visor1,
    Visor2,
    Visor3,
    Visor4,
    /// Share of pictures with both objects in the colours asked for.
    RightColours,
    /// Share of pictures with each object once and nothing else.
    ExactlyOne,
    /// Share of pictures with nothing wrong.
    Flawless,
    /// Mean of the detector's scores of both objects.
    Confidence,
    /// Mean difference from the standard twin outside the objects.
    BackgroundChange,
    /// Mean time of a picture.
    SecondsPerImage,
    /// Mean cost of a picture in full forward passes of one sample.
    UnetEquivalents,
}

impl Figure {
    /// Every figure, in the order of the table.
    pub const ALL: [Figure; 14] = [
        Self::ObjectAccuracy,
        Self::Unconditional,
        Self::Conditional,
        Self::Visor1,
        Self::Visor2,
        Self::Visor3,
        Self::Visor4,
        Self::RightColours,
        Self::ExactlyOne,
        Self::Flawless,
        Self::Confidence,
        Self::BackgroundChange,
        Self::SecondsPerImage,
        Self::UnetEquivalents,
    ];

    /// Its key in JSON.
    pub fn key(self) -> &'static str {
        match self {
            Self::ObjectAccuracy => "object_accuracy",
            Self::Unconditional => "unconditional",
            Self::Conditional => "conditional",
            Self::Visor1 => "visor_1",
            Self::Visor2 => "visor_2",
            Self::Visor3 => "visor_3",
            Self::Visor4 => "visor_4",
            Self::RightColours => "right_colours",
            Self::ExactlyOne => "exactly_one",
            Self::Flawless => "flawless",
            Self::Confidence => "confidence",
            Self::BackgroundChange => "background_change",
            Self::SecondsPerImage => "seconds_per_image",
            Self::UnetEquivalents => "unet_equivalents",
        }
    }

    /// Its name in the table.
    pub fn title(self) -> &'static str {
        match self {
            Self::ObjectAccuracy => "Object accuracy",
            Self::Unconditional => "Unconditional",
            Self::Conditional => "Conditional",
            Self::Visor1 => "VISOR-1",
            Self::Visor2 => "VISOR-2",
            Self::Visor3 => "VISOR-3",
            Self::Visor4 => "VISOR-4",
            Self::RightColours => "Right colours",
            Self::ExactlyOne => "Exactly one of each",
            Self::Flawless => "Nothing wrong",
            Self::Confidence => "Detector's confidence",
            Self::BackgroundChange => "Change elsewhere",
            Self::SecondsPerImage => "Seconds per image",
            Self::UnetEquivalents => "UNet-equivalents",
        }
    }

    /// Digits after the point that say something.
    pub fn decimals(self) -> usize {
        match self {
            Self::BackgroundChange => 3,
            Self::UnetEquivalents => 1,
            _ => 2,
        }
    }

    /// Its value; NaN if nothing was counted that it is a share of.
    pub fn of(self, tally: &Tally) -> f64 {
        let visor = |n: usize| tally.groups_with_right[n - 1] / tally.groups;
        match self {
            Self::ObjectAccuracy => tally.found / tally.judged,
            Self::Unconditional => tally.right / tally.judged,
            Self::Conditional => tally.right / tally.found,
            Self::Visor1 => visor(1),
            Self::Visor2 => visor(2),
            Self::Visor3 => visor(3),
            Self::Visor4 => visor(4),
            Self::RightColours => tally.right_colours / tally.asked_colours,
            Self::ExactlyOne => tally.exactly_one / tally.judged,
            Self::Flawless => tally.flawless / tally.judged,
            Self::Confidence => tally.confidence / tally.judged,
            Self::BackgroundChange => tally.change / tally.changes,
            Self::SecondsPerImage => tally.seconds / tally.pictures,
            Self::UnetEquivalents => tally.unet_equivalents / tally.pictures,
        }
    }
}

/// Sums over pictures; those of several prompts add up.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Tally {
    pub pictures: f64,
    judged: f64,
    found: f64,
    right: f64,
    groups: f64,
    /// Groups with at least 1, 2, 3, 4 right pictures.
    groups_with_right: [f64; GROUP],
    asked_colours: f64,
    right_colours: f64,
    exactly_one: f64,
    flawless: f64,
    confidence: f64,
    changes: f64,
    change: f64,
    seconds: f64,
    unet_equivalents: f64,
}

impl Tally {
    /// The sums over all pictures of one prompt by one method. For VISOR-n they
    /// are taken in groups of four in the order of their seeds; the rest, fewer
    /// than four, counts for everything else only.
    pub fn of_prompt(records: &[&PictureRecord]) -> Self {
        let mut records = records.to_vec();
        records.sort_by_key(|record| record.seed);
        let mut tally = Self::default();
        for record in &records {
            tally.add_picture(record);
        }
        for group in records.chunks_exact(GROUP) {
            let verdicts = group.iter().map(|record| is_right(record));
            let verdicts: Option<Vec<bool>> = verdicts.collect();
            if let Some(verdicts) = verdicts {
                let right = verdicts.iter().filter(|&&right| right).count();
                tally.groups += 1.0;
                for slot in &mut tally.groups_with_right[..right] {
                    *slot += 1.0;
                }
            }
        }
        tally
    }

    fn add_picture(&mut self, record: &PictureRecord) {
        let count = |condition: bool| if condition { 1.0 } else { 0.0 };
        self.pictures += 1.0;
        self.seconds += record.cost.seconds;
        self.unet_equivalents += record.cost.unet_equivalents;
        let Some(verdict) = &record.verdict else {
            return;
        };
        let relation = record.prompt.relation;
        self.judged += 1.0;
        self.found += count(verdict.finds_both());
        self.right += count(verdict.is_right(relation));
        self.exactly_one += count(verdict.exactly_one);
        self.flawless += count(verdict.is_flawless(relation));
        let confidences = [verdict.subject.confidence, verdict.object.confidence];
        self.confidence += confidences.map(f64::from).iter().sum::<f64>() / 2.0;
        if let Some(right) = verdict.has_right_colours() {
            self.asked_colours += 1.0;
            self.right_colours += count(right);
        }
        if let Some(change) = verdict.background_change {
            self.changes += 1.0;
            self.change += change;
        }
    }
}

fn is_right(record: &PictureRecord) -> Option<bool> {
    let verdict = record.verdict.as_ref()?;
    Some(verdict.is_right(record.prompt.relation))
}

impl AddAssign<&Tally> for Tally {
    fn add_assign(&mut self, other: &Self) {
        self.pictures += other.pictures;
        self.judged += other.judged;
        self.found += other.found;
        self.right += other.right;
        self.groups += other.groups;
        for (slot, count) in self
            .groups_with_right
            .iter_mut()
            .zip(other.groups_with_right)
        {
            *slot += count;
        }
        self.asked_colours += other.asked_colours;
        self.right_colours += other.right_colours;
        self.exactly_one += other.exactly_one;
        self.flawless += other.flawless;
        self.confidence += other.confidence;
        self.changes += other.changes;
        self.change += other.change;
        self.seconds += other.seconds;
        self.unet_equivalents += other.unet_equivalents;
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::evaluate::method::EvaluatedMethod;
    use crate::evaluate::prompts::{Pair, prompts};
    use crate::evaluate::records::Cost;
    use crate::evaluate::records::tests::{sighting, verdict};

    /// A picture of "a cat left of a house": with which objects, the cat where.
    pub(in crate::evaluate) fn picture(seed: u64, cat: Option<f64>, house: bool) -> PictureRecord {
        let pair: Pair = "cat:house".parse().unwrap();
        let prompt = prompts(&[pair], false).remove(0);
        let cat = sighting(cat.is_some(), cat.unwrap_or(0.1), 0.5);
        PictureRecord {
            text: prompt.text(),
            prompt,
            seed,
            method: EvaluatedMethod::STORM,
            picture: String::new(),
            cost: Cost {
                seconds: 2.0,
                unet_equivalents: 100.0 + seed as f64,
                ..Cost::default()
            },
            verdict: Some(verdict(cat, sighting(house, 0.5, 0.5))),
        }
    }

    #[test]
    fn the_figures_of_six_pictures_are_those_counted_by_hand() {
        let mut pictures = [
            picture(4, Some(0.2), true),
            picture(1, Some(0.2), true),
            picture(2, Some(0.8), true),
            picture(3, None, true),
            // Not a group of four, so for VISOR-n they are not there.
            picture(5, Some(0.3), true),
            picture(6, Some(0.4), false),
        ];
        pictures[0].verdict.as_mut().unwrap().exactly_one = false;
        pictures[1].verdict.as_mut().unwrap().background_change = Some(0.25);
        let records: Vec<&PictureRecord> = pictures.iter().collect();
        let tally = Tally::of_prompt(&records);
        let figure = |figure: Figure| figure.of(&tally);
        assert_eq!(figure(Figure::ObjectAccuracy), 4.0 / 6.0);
        assert_eq!(figure(Figure::Unconditional), 3.0 / 6.0);
        assert_eq!(figure(Figure::Conditional), 3.0 / 4.0);
        // Of seeds 1 to 4 two are right.
        let visor = [
            Figure::Visor1,
            Figure::Visor2,
            Figure::Visor3,
            Figure::Visor4,
        ];
        assert_eq!(visor.map(figure), [1.0, 1.0, 0.0, 0.0]);
        assert_eq!(figure(Figure::ExactlyOne), 5.0 / 6.0);
        assert_eq!(figure(Figure::Flawless), 2.0 / 6.0);
        assert!((figure(Figure::Confidence) - (10.0 * 0.9 + 2.0 * 0.2) / 12.0).abs() < 1e-6);
        assert_eq!(figure(Figure::BackgroundChange), 0.25);
        assert_eq!(figure(Figure::SecondsPerImage), 2.0);
        assert_eq!(figure(Figure::UnetEquivalents), 103.5);
        // No colours are asked for.
        assert!(figure(Figure::RightColours).is_nan());
    }

    #[test]
    fn tallies_of_prompts_add_up() {
        let (right, wrong) = (picture(1, Some(0.2), true), picture(2, Some(0.9), true));
        let mut sum = Tally::of_prompt(&[&right]);
        sum += &Tally::of_prompt(&[&wrong]);
        assert_eq!(sum, Tally::of_prompt(&[&right, &wrong]));
        assert!(Figure::Visor4.of(&sum).is_nan());
    }

    #[test]
    fn pictures_that_nobody_judged_count_for_the_cost_only() {
        let mut unjudged = picture(1, Some(0.2), true);
        unjudged.verdict = None;
        let tally = Tally::of_prompt(&[&unjudged]);
        assert!(Figure::ObjectAccuracy.of(&tally).is_nan());
        assert_eq!(Figure::SecondsPerImage.of(&tally), 2.0);
    }
}
