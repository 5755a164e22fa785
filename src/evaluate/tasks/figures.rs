//! The figures of a task, from the outcomes of its pictures.

use std::collections::BTreeMap;

use strum::{IntoStaticStr, VariantArray};

use super::results::TaskRecord;

/// One number of the comparison; its key in JSON is its name in snake case.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, IntoStaticStr, VariantArray)]
#[strum(serialize_all = "snake_case")]
pub enum TaskFigure {
    /// Share of pictures with everything true.
    Score,
    /// Share with every object as often as asked.
    ExactCount,
    /// The same where two, and where three, of one are asked for.
    ExactTwo,
    ExactThree,
    /// Share with all relations true of all copies.
    Relations,
    /// Mean relative error of the extents, of pictures with one such object.
    ExtentError,
    /// Spearman's rank correlation of wanted and made extents.
    ExtentSpearman,
    /// Mean share of the object inside its region.
    Inside,
    /// Mean share of the region that the object covers, of regions that it can fill.
    Coverage,
    /// Share of pictures in which every object is seen.
    Recognised,
    Confidence,
    /// Mean number of objects that nobody asked for.
    Strangers,
    BackgroundChange,
    Updates,
    SecondsPerImage,
    UnetEquivalents,
}

impl TaskFigure {
    /// Its key in JSON.
    pub fn key(self) -> &'static str {
        self.into()
    }

    /// Its name in the table.
    pub fn title(self) -> &'static str {
        match self {
            Self::Score => "Everything true",
            Self::ExactCount => "Exact numbers",
            Self::ExactTwo => "Exactly two",
            Self::ExactThree => "Exactly three",
            Self::Relations => "Relations of all copies",
            Self::ExtentError => "Error of the extent",
            Self::ExtentSpearman => "Order of the extents",
            Self::Inside => "Inside the region",
            Self::Coverage => "Of the region covered",
            Self::Recognised => "All objects seen",
            Self::Confidence => "Detector's confidence",
            Self::Strangers => "Strangers",
            Self::BackgroundChange => "Change of the ground",
            Self::Updates => "Updates",
            Self::SecondsPerImage => "Seconds per image",
            Self::UnetEquivalents => "UNet-equivalents",
        }
    }

    /// Digits after the point that say something.
    pub fn decimals(self) -> usize {
        match self {
            Self::BackgroundChange => 3,
            Self::Updates | Self::UnetEquivalents => 1,
            _ => 2,
        }
    }
}

/// Every figure of these pictures; NaN where none says anything about it.
pub fn figures(records: &[&TaskRecord]) -> BTreeMap<TaskFigure, f64> {
    let outcomes = || records.iter().filter_map(|record| record.outcome.as_ref());
    let share = |is_so: bool| f64::from(u8::from(is_so));
    let exactly = |count: usize| {
        let asked = outcomes().filter(|it| it.wanted_count == count);
        mean(asked.map(|it| share(it.has_exact_counts)))
    };
    let extents: Vec<[f64; 2]> = outcomes().filter_map(|it| it.extent).collect();
    TaskFigure::VARIANTS
        .iter()
        .map(|&figure| {
            let value = match figure {
                TaskFigure::Score => mean(outcomes().map(|it| share(it.is_right))),
                TaskFigure::ExactCount => mean(outcomes().map(|it| share(it.has_exact_counts))),
                TaskFigure::ExactTwo => exactly(2),
                TaskFigure::ExactThree => exactly(3),
                TaskFigure::Relations => {
                    mean(outcomes().filter_map(|it| it.relations_hold).map(share))
                }
                TaskFigure::ExtentError => mean(
                    extents
                        .iter()
                        .map(|[asked, made]| (made / asked - 1.0).abs()),
                ),
                TaskFigure::ExtentSpearman => spearman(&extents),
                TaskFigure::Inside => mean(outcomes().filter_map(|it| it.inside)),
                TaskFigure::Coverage => mean(outcomes().filter_map(|it| it.coverage)),
                TaskFigure::Recognised => mean(outcomes().map(|it| share(it.is_recognised))),
                TaskFigure::Confidence => mean(outcomes().map(|it| it.confidence)),
                TaskFigure::Strangers => mean(outcomes().map(|it| it.strangers as f64)),
                TaskFigure::BackgroundChange => {
                    mean(outcomes().filter_map(|it| it.background_change))
                }
                TaskFigure::Updates => mean(records.iter().map(|it| it.cost.updates as f64)),
                TaskFigure::SecondsPerImage => mean(records.iter().map(|it| it.cost.seconds)),
                TaskFigure::UnetEquivalents => {
                    mean(records.iter().map(|it| it.cost.unet_equivalents))
                }
            };
            (figure, value)
        })
        .collect()
}

fn mean(values: impl Iterator<Item = f64>) -> f64 {
    let (count, sum) = values.fold((0.0, 0.0), |(count, sum), value| (count + 1.0, sum + value));
    sum / count
}

/// Spearman's rank correlation; NaN where one side is all the same.
fn spearman(pairs: &[[f64; 2]]) -> f64 {
    let [first, second] = [0, 1].map(|side| {
        let values: Vec<f64> = pairs.iter().map(|pair| pair[side]).collect();
        ranks(&values)
    });
    let middle = 0.5 * (pairs.len() as f64 - 1.0);
    let product = |a: &[f64], b: &[f64]| -> f64 {
        a.iter()
            .zip(b)
            .map(|(a, b)| (a - middle) * (b - middle))
            .sum()
    };
    product(&first, &second) / (product(&first, &first) * product(&second, &second)).sqrt()
}

/// Ranks from 0; equal values share the mean of theirs.
fn ranks(values: &[f64]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..values.len()).collect();
    order.sort_by(|&a, &b| values[a].total_cmp(&values[b]));
    let mut ranks = vec![0.0; values.len()];
    let mut start = 0;
    while start < order.len() {
        let same = |&&index: &&usize| values[index] == values[order[start]];
        let count = order[start..].iter().take_while(same).count();
        let rank = start as f64 + 0.5 * (count as f64 - 1.0);
        order[start..start + count]
            .iter()
            .for_each(|&index| ranks[index] = rank);
        start += count;
    }
    ranks
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spearman_is_that_of_the_textbook() {
        let ordered: Vec<[f64; 2]> = (0..9).map(|i| [f64::from(i), f64::from(i * i)]).collect();
        assert!((spearman(&ordered) - 1.0).abs() < 1e-12);
        let reversed: Vec<[f64; 2]> = ordered.iter().map(|[a, b]| [*a, -b]).collect();
        assert!((spearman(&reversed) + 1.0).abs() < 1e-12);
        // 1 − 6 Σ d² / (n (n² − 1)) where no two are equal.
        let mixed = [[1.0, 2.0], [2.0, 1.0], [3.0, 4.0], [4.0, 3.0], [5.0, 5.0]];
        assert!((spearman(&mixed) - (1.0 - 6.0 * 4.0 / 120.0)).abs() < 1e-12);
        assert_eq!(ranks(&[3.0, 1.0, 3.0, 0.0]), [2.5, 1.0, 2.5, 0.0]);
        assert!(spearman(&[[1.0, 2.0], [1.0, 3.0]]).is_nan());
    }
}
