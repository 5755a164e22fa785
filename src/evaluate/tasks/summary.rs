//! From records to a comparison: every task's and method's figures, how well they are
//! known, and what the default method has more; and over all tasks the mean of the
//! scores.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};
use strum::VariantArray;

use super::Task;
use super::figures::{TaskFigure, figures};
use super::results::TaskRecord;
use crate::evaluate::bootstrap::{Interval, resamples};
use crate::evaluate::method::EvaluatedMethod;
use crate::evaluate::summary::{Estimate, insert_figures};
use crate::evaluate::table::align;

/// The figures of one method in one task.
#[derive(Debug, Clone, PartialEq)]
pub struct TaskRow {
    /// `None`: the mean score over all tasks.
    pub task: Option<Task>,
    pub method: EvaluatedMethod,
    pub pictures: usize,
    pub figures: BTreeMap<TaskFigure, Estimate>,
    /// What the default method has more than this one, if both are there.
    pub storm_minus_this: BTreeMap<TaskFigure, Estimate>,
}

/// The whole comparison.
#[derive(Debug, Clone, PartialEq)]
pub struct TaskSummary {
    pub rows: Vec<TaskRow>,
}

/// The records of one task and method, by prompt.
struct Group<'a> {
    task: Task,
    method: EvaluatedMethod,
    /// One entry a prompt, in the order of the task's prompts.
    prompts: Vec<Vec<&'a TaskRecord>>,
    /// The figures of every resample.
    samples: Vec<BTreeMap<TaskFigure, f64>>,
    whole: BTreeMap<TaskFigure, f64>,
}

impl TaskSummary {
    /// Compares `methods`, in that order, task by task and over all of them.
    pub fn new(records: &[&TaskRecord], methods: &[EvaluatedMethod]) -> Self {
        let tasks: Vec<Task> = Task::VARIANTS
            .iter()
            .copied()
            .filter(|task| records.iter().any(|record| record.prompt.task == *task))
            .collect();
        let groups: Vec<Group<'_>> = tasks
            .iter()
            .flat_map(|&task| grouped(records, task, methods))
            .collect();
        let mut rows: Vec<TaskRow> = groups
            .iter()
            .map(|group| {
                let storm = groups
                    .iter()
                    .find(|it| it.task == group.task && it.method == EvaluatedMethod::STORM);
                row(group, storm.filter(|storm| storm.method != group.method))
            })
            .collect();
        if tasks.len() > 1 {
            let of = |method: EvaluatedMethod| -> Vec<&Group<'_>> {
                groups
                    .iter()
                    .filter(|group| group.method == method)
                    .collect()
            };
            let storm = of(EvaluatedMethod::STORM);
            for &method in methods {
                let own = of(method);
                // A mean over some of the tasks says nothing beside one over all.
                if own.len() == tasks.len() {
                    let is_compared =
                        storm.len() == tasks.len() && method != EvaluatedMethod::STORM;
                    rows.push(overall(&own, is_compared.then_some(&storm)));
                }
            }
        }
        Self { rows }
    }

    /// One line of JSON a row, with every figure by its name.
    pub fn to_json(&self) -> impl Iterator<Item = Value> {
        self.rows.iter().map(TaskRow::to_json)
    }

    /// A table for each task, a column per method.
    pub fn table(&self) -> String {
        let mut text = String::new();
        let mut tasks: Vec<Option<Task>> = self.rows.iter().map(|row| row.task).collect();
        tasks.dedup();
        for task in tasks {
            let rows: Vec<&TaskRow> = self.rows.iter().filter(|row| row.task == task).collect();
            let name = task.map_or("all tasks".to_string(), |task| task.to_string());
            let mut lines = vec![line(&name, &rows, |row| row.method.to_string())];
            lines.push(line("Pictures", &rows, |row| row.pictures.to_string()));
            for &figure in TaskFigure::VARIANTS {
                let has = |row: &&TaskRow| {
                    let value = row.figures.get(&figure);
                    value.is_some_and(|it| it.value.is_finite())
                };
                if rows.iter().any(has) {
                    lines.push(line(figure.title(), &rows, |row| {
                        cell(figure, row.figures.get(&figure))
                    }));
                }
            }
            if rows.iter().any(|row| !row.storm_minus_this.is_empty()) {
                lines.push(line("storm minus it", &rows, |row| {
                    let difference = row.storm_minus_this.get(&TaskFigure::Score);
                    let is_clear = difference
                        .and_then(|it| it.interval)
                        .is_some_and(Interval::excludes_zero);
                    let mark = if is_clear { " *" } else { "" };
                    format!("{}{mark}", cell(TaskFigure::Score, difference))
                }));
            }
            if !text.is_empty() {
                text.push('\n');
            }
            text.push_str(&align(&lines));
        }
        text
    }
}

impl TaskRow {
    fn to_json(&self) -> Value {
        let mut object = Map::new();
        let task = self.task.map_or("all".to_string(), |task| task.to_string());
        object.insert("task".to_string(), json!(task));
        object.insert("method".to_string(), json!(self.method));
        object.insert("pictures".to_string(), json!(self.pictures));
        insert_figures(
            &mut object,
            &self.figures,
            &self.storm_minus_this,
            |figure| figure.key(),
        );
        object.into()
    }
}

fn grouped<'a>(
    records: &[&'a TaskRecord],
    task: Task,
    methods: &[EvaluatedMethod],
) -> Vec<Group<'a>> {
    let mut keys: Vec<String> = Vec::new();
    let mut of_task: Vec<(usize, &'a TaskRecord)> = Vec::new();
    for record in records.iter().filter(|record| record.prompt.task == task) {
        let key = record.prompt.key();
        let index = keys.iter().position(|known| *known == key);
        let index = index.unwrap_or_else(|| {
            keys.push(key);
            keys.len() - 1
        });
        of_task.push((index, record));
    }
    let groups = methods.iter().filter_map(|&method| {
        let mut prompts: Vec<Vec<&TaskRecord>> = vec![Vec::new(); keys.len()];
        for (index, record) in &of_task {
            if record.method == method {
                prompts[*index].push(record);
            }
        }
        let all: Vec<&TaskRecord> = prompts.iter().flatten().copied().collect();
        let samples = || {
            resamples(keys.len())
                .map(|indices| {
                    let drawn: Vec<&TaskRecord> = indices
                        .iter()
                        .flat_map(|&index| &prompts[index])
                        .copied()
                        .collect();
                    figures(&drawn)
                })
                .collect()
        };
        if all.is_empty() {
            return None;
        }
        let (samples, whole) = (samples(), figures(&all));
        Some(Group {
            task,
            method,
            samples,
            whole,
            prompts,
        })
    });
    groups.collect()
}

fn row(group: &Group<'_>, storm: Option<&Group<'_>>) -> TaskRow {
    let estimate = |figure: TaskFigure| Estimate {
        value: group.whole[&figure],
        interval: interval(group.samples.iter().map(|sample| sample[&figure])),
    };
    let difference = |storm: &Group<'_>, figure: TaskFigure| Estimate {
        value: storm.whole[&figure] - group.whole[&figure],
        interval: interval(
            storm
                .samples
                .iter()
                .zip(&group.samples)
                .map(|(storm, this)| storm[&figure] - this[&figure]),
        ),
    };
    let all = || TaskFigure::VARIANTS.iter().copied();
    TaskRow {
        task: Some(group.task),
        method: group.method,
        pictures: group.prompts.iter().map(Vec::len).sum(),
        figures: all().map(|figure| (figure, estimate(figure))).collect(),
        storm_minus_this: storm.map_or_else(BTreeMap::new, |storm| {
            all()
                .map(|figure| (figure, difference(storm, figure)))
                .collect()
        }),
    }
}

/// The mean of the scores of one method over all tasks.
fn overall(own: &[&Group<'_>], storm: Option<&Vec<&Group<'_>>>) -> TaskRow {
    let score = TaskFigure::Score;
    let mean = |groups: &[&Group<'_>], of: &dyn Fn(&Group<'_>) -> f64| {
        groups.iter().map(|group| of(group)).sum::<f64>() / groups.len() as f64
    };
    let sampled =
        |groups: &[&Group<'_>], index: usize| mean(groups, &|group| group.samples[index][&score]);
    let count = own[0].samples.len();
    let value = mean(own, &|group| group.whole[&score]);
    let estimate = Estimate {
        value,
        interval: interval((0..count).map(|index| sampled(own, index))),
    };
    let difference = storm.map(|storm| Estimate {
        value: mean(storm, &|group| group.whole[&score]) - value,
        interval: interval((0..count).map(|index| sampled(storm, index) - sampled(own, index))),
    });
    let pictures = own.iter().flat_map(|group| &group.prompts).map(Vec::len);
    TaskRow {
        task: None,
        method: own[0].method,
        pictures: pictures.sum(),
        figures: BTreeMap::from([(score, estimate)]),
        storm_minus_this: difference.into_iter().map(|it| (score, it)).collect(),
    }
}

fn interval(values: impl Iterator<Item = f64>) -> Option<Interval> {
    Interval::of(&values.collect::<Vec<f64>>())
}

fn line(title: &str, rows: &[&TaskRow], cell: impl Fn(&TaskRow) -> String) -> Vec<String> {
    let cells = rows.iter().map(|row| cell(row));
    std::iter::once(title.to_string()).chain(cells).collect()
}

fn cell(figure: TaskFigure, estimate: Option<&Estimate>) -> String {
    let decimals = figure.decimals();
    let Some(Estimate { value, interval }) = estimate.filter(|it| it.value.is_finite()) else {
        return "–".to_string();
    };
    match interval {
        Some(Interval { low, high }) => {
            format!("{value:.decimals$} [{low:.decimals$}, {high:.decimals$}]")
        }
        None => format!("{value:.decimals$}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evaluate::prompts::parse_pairs;
    use crate::evaluate::records::Cost;
    use crate::evaluate::tasks::{Outcome, Wording, task_prompts};

    /// Forty prompts of two tasks by two methods, of which the rival fails in ten.
    fn records() -> Vec<TaskRecord> {
        let pairs = parse_pairs("cat:house").unwrap();
        let rival: EvaluatedMethod = "cross-entropy".parse().unwrap();
        let mut records = Vec::new();
        for task in [Task::Count, Task::Relation] {
            let prompt = task_prompts(task, &pairs, Wording::Plain).remove(0);
            for number in 0..40 {
                for (method, is_right) in [(EvaluatedMethod::STORM, true), (rival, number >= 10)] {
                    let mut prompt = prompt.clone();
                    prompt.text = format!("{} {number}", prompt.text);
                    let outcome = Outcome {
                        is_right,
                        has_exact_counts: is_right,
                        wanted_count: prompt.objects[0].target.copies,
                        relations_hold: None,
                        extent: None,
                        inside: None,
                        coverage: None,
                        confidence: 0.5,
                        is_recognised: true,
                        strangers: 0,
                        background_change: None,
                    };
                    records.push(TaskRecord {
                        prompt,
                        seed: 1,
                        method,
                        picture: String::new(),
                        cost: Cost::default(),
                        outcome: Some(outcome),
                    });
                }
            }
        }
        records
    }

    #[test]
    fn the_mean_over_the_tasks_is_compared_in_pairs() {
        let records = records();
        let records: Vec<&TaskRecord> = records.iter().collect();
        let methods = ["standard", "storm", "cross-entropy"].map(|name| name.parse().unwrap());
        let summary = TaskSummary::new(&records, &methods);
        let json: Vec<Value> = summary.to_json().collect();
        // Two tasks and all of them, by the two methods that have pictures.
        assert_eq!(json.len(), 6);
        let find = |task: &str, method: &str| {
            let found = json
                .iter()
                .find(|row| row["task"] == task && row["method"] == method);
            found.unwrap_or_else(|| panic!("{task} {method}")).clone()
        };
        let count = find("count", "cross-entropy");
        assert_eq!(
            (&count["pictures"], &count["score"]),
            (&json!(40), &json!(0.75))
        );
        assert_eq!(count["exact_two"], 0.75);
        assert!(count["exact_three"].is_null() && count["inside"].is_null());
        let all = find("all", "cross-entropy");
        assert_eq!(all["score"], 0.75);
        let difference = &all["storm_minus_this"]["score"];
        assert_eq!(difference["difference"], 0.25);
        let low = difference["interval"][0].as_f64().unwrap();
        assert!(low > 0.1 && low < 0.25, "{low}");
        assert!(find("all", "storm")["storm_minus_this"].is_null());
        let table = summary.table();
        assert!(
            table.contains("all tasks") && table.contains("storm minus it"),
            "{table}"
        );
        assert!(table.contains("0.25 [") && table.contains('*'), "{table}");
    }
}
