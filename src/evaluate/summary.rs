//! From records to a comparison: every method's figures, how well they are known,
//! and how they differ from the default method's.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::bootstrap::{Interval, resamples};
use super::figures::{Figure, Tally};
use super::method::EvaluatedMethod;
use super::prompts::{RELATIONS, SpatialPrompt};
use super::records::PictureRecord;
use crate::storm::RelationKind;

/// A figure with its 95 % interval.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Estimate {
    /// NaN if nothing was counted.
    pub value: f64,
    pub interval: Option<Interval>,
}

/// One method's row.
#[derive(Debug, Clone, PartialEq)]
pub struct MethodSummary {
    pub method: EvaluatedMethod,
    pub pictures: usize,
    pub figures: BTreeMap<Figure, Estimate>,
    /// Share of right pictures, by relation.
    pub per_relation: Vec<(RelationKind, f64)>,
    /// What the default method has more than this one, if both are there.
    pub storm_minus_this: BTreeMap<Figure, Estimate>,
}

/// The whole comparison.
#[derive(Debug, Clone, PartialEq)]
pub struct Summary {
    pub methods: Vec<MethodSummary>,
}

impl Summary {
    /// Compares `methods`, in that order; one without any picture is left out.
    pub fn new(records: &[&PictureRecord], methods: &[EvaluatedMethod]) -> Self {
        let prompts = distinct_prompts(records);
        let tallies: Vec<(EvaluatedMethod, Vec<Tally>)> = methods
            .iter()
            .map(|&method| (method, by_prompt(records, method, &prompts)))
            .filter(|(_, tallies)| tallies.iter().any(|tally| tally.pictures > 0.0))
            .collect();
        let mut samples = vec![vec![Vec::new(); Figure::ALL.len()]; tallies.len()];
        for indices in resamples(prompts.len()) {
            for ((_, tallies), samples) in tallies.iter().zip(&mut samples) {
                let sum = sum(indices.iter().map(|&index| &tallies[index]));
                for (figure, samples) in Figure::ALL.iter().zip(samples) {
                    samples.push(figure.of(&sum));
                }
            }
        }
        let storm = tallies
            .iter()
            .position(|(method, _)| *method == EvaluatedMethod::STORM);
        let methods = (0..tallies.len()).map(|index| {
            let (method, own) = &tallies[index];
            let whole = sum(own);
            MethodSummary {
                method: *method,
                pictures: whole.pictures as usize,
                figures: estimates(|figure, place| {
                    (figure.of(&whole), samples[index][place].clone())
                }),
                per_relation: per_relation(&prompts, own),
                storm_minus_this: match storm {
                    Some(storm) if storm != index => {
                        let theirs = sum(&tallies[storm].1);
                        estimates(|figure, place| {
                            let pairs = samples[storm][place].iter().zip(&samples[index][place]);
                            let differences = pairs.map(|(storm, this)| storm - this).collect();
                            (figure.of(&theirs) - figure.of(&whole), differences)
                        })
                    }
                    _ => BTreeMap::new(),
                },
            }
        });
        Self {
            methods: methods.collect(),
        }
    }
}

impl MethodSummary {
    /// One figure with its interval.
    pub fn figure(&self, figure: Figure) -> Estimate {
        self.figures[&figure]
    }

    /// The row as one object: a key per figure, the intervals and differences
    /// by the same keys; what has no value is null.
    pub fn to_json(&self) -> Value {
        let mut object = Map::new();
        object.insert("method".to_string(), json!(self.method));
        object.insert("pictures".to_string(), json!(self.pictures));
        let relations = self.per_relation.iter();
        let relations: Map<String, Value> = relations
            .map(|(relation, rate)| (relation.to_string(), number(*rate)))
            .collect();
        object.insert("per_relation".to_string(), relations.into());
        insert_figures(
            &mut object,
            &self.figures,
            &self.storm_minus_this,
            |figure| figure.key(),
        );
        object.into()
    }
}

fn estimates(mut of: impl FnMut(Figure, usize) -> (f64, Vec<f64>)) -> BTreeMap<Figure, Estimate> {
    let numbered = Figure::ALL.into_iter().enumerate();
    numbered
        .map(|(place, figure)| {
            let (value, samples) = of(figure, place);
            let interval = Interval::of(&samples);
            (figure, Estimate { value, interval })
        })
        .collect()
}

/// Writes the figures by their keys, and by the same keys their intervals and what the
/// default method has more, where there is something to compare.
pub(super) fn insert_figures<F: Copy>(
    object: &mut Map<String, Value>,
    figures: &BTreeMap<F, Estimate>,
    storm_minus_this: &BTreeMap<F, Estimate>,
    key_of: impl Fn(F) -> &'static str,
) {
    let mut intervals = Map::new();
    for (figure, estimate) in figures {
        let key = key_of(*figure);
        object.insert(key.to_string(), number(estimate.value));
        intervals.insert(key.to_string(), range(estimate.interval));
    }
    object.insert("intervals".to_string(), intervals.into());
    if storm_minus_this.is_empty() {
        return;
    }
    let differences = storm_minus_this.iter().map(|(figure, estimate)| {
        let value = json!({
            "difference": number(estimate.value),
            "interval": range(estimate.interval),
        });
        (key_of(*figure).to_string(), value)
    });
    let differences: Map<String, Value> = differences.collect();
    object.insert("storm_minus_this".to_string(), differences.into());
}

/// JSON knows no NaN.
fn number(value: f64) -> Value {
    if value.is_finite() {
        json!(value)
    } else {
        Value::Null
    }
}

fn range(interval: Option<Interval>) -> Value {
    interval.map_or(Value::Null, |interval| json!([interval.low, interval.high]))
}

/// In the order of their first picture.
fn distinct_prompts(records: &[&PictureRecord]) -> Vec<SpatialPrompt> {
    let mut seen = std::collections::HashSet::new();
    let prompts = records.iter().map(|record| &record.prompt);
    prompts
        .filter(|prompt| seen.insert(*prompt))
        .cloned()
        .collect()
}

fn by_prompt(
    records: &[&PictureRecord],
    method: EvaluatedMethod,
    prompts: &[SpatialPrompt],
) -> Vec<Tally> {
    let mut grouped: std::collections::HashMap<&SpatialPrompt, Vec<&PictureRecord>> =
        Default::default();
    for record in records.iter().filter(|record| record.method == method) {
        grouped.entry(&record.prompt).or_default().push(record);
    }
    let tally = |prompt| grouped.get(prompt).map(|group| Tally::of_prompt(group));
    prompts
        .iter()
        .map(|prompt| tally(prompt).unwrap_or_default())
        .collect()
}

fn per_relation(prompts: &[SpatialPrompt], tallies: &[Tally]) -> Vec<(RelationKind, f64)> {
    let rate = |relation| {
        let pairs = prompts.iter().zip(tallies);
        let own = pairs.filter(|(prompt, _)| prompt.relation == relation);
        Figure::Unconditional.of(&sum(own.map(|(_, tally)| tally)))
    };
    RELATIONS
        .into_iter()
        .map(|relation| (relation, rate(relation)))
        .collect()
}

fn sum<'a>(tallies: impl IntoIterator<Item = &'a Tally>) -> Tally {
    let mut sum = Tally::default();
    tallies.into_iter().for_each(|tally| sum += tally);
    sum
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evaluate::figures::tests::picture;

    /// Forty prompts by two methods: the rival fails on the first ten.
    fn records() -> Vec<PictureRecord> {
        let rival: EvaluatedMethod = "centroid".parse().unwrap();
        let mut records = Vec::new();
        for prompt in 0..40 {
            for (method, fails) in [(EvaluatedMethod::STORM, false), (rival, prompt < 10)] {
                let mut record = picture(1, Some(if fails { 0.9 } else { 0.1 }), true);
                record.prompt.subject.noun = format!("cat{prompt}");
                record.method = method;
                records.push(record);
            }
        }
        records
    }

    fn summary(records: &[PictureRecord]) -> Summary {
        let records: Vec<&PictureRecord> = records.iter().collect();
        let methods = ["standard", "storm", "centroid"].map(|name| name.parse().unwrap());
        Summary::new(&records, &methods)
    }

    #[test]
    fn a_difference_is_paired_and_the_same_every_time() {
        let records = records();
        let summary = summary(&records);
        let again = self::summary(&records);
        let json = |summary: &Summary| summary.methods[1].to_json();
        assert_eq!(json(&summary), json(&again));
        // Standard has no pictures, so it has no row.
        assert_eq!(summary.methods.len(), 2);
        let [storm, rival] = [&summary.methods[0], &summary.methods[1]];
        assert_eq!(storm.figure(Figure::Unconditional).value, 1.0);
        assert_eq!(rival.figure(Figure::Unconditional).value, 0.75);
        assert!(storm.storm_minus_this.is_empty());
        let difference = rival.storm_minus_this[&Figure::Unconditional];
        assert_eq!(difference.value, 0.25);
        // ± 1.96 √(0.25 · 0.75 / 40)
        let interval = difference.interval.unwrap();
        assert!(
            (interval.low - 0.116).abs() < 0.03 && interval.excludes_zero(),
            "{interval:?}"
        );
    }

    #[test]
    fn json_has_a_key_per_figure_and_null_where_there_is_none() {
        let summary = summary(&records());
        let json = summary.methods[1].to_json();
        assert_eq!(json["method"], "centroid");
        assert_eq!(json["unconditional"], 0.75);
        assert_eq!(json["per_relation"]["left-of"], 0.75);
        assert!(json["per_relation"]["above"].is_null());
        assert!(json["visor_4"].is_null());
        assert_eq!(json["intervals"]["object_accuracy"], json!([1.0, 1.0]));
        assert_eq!(
            json["storm_minus_this"]["unconditional"]["difference"],
            0.25
        );
        assert_eq!(json["unet_equivalents"], 101.0);
    }
}
