//! `evaluate --tasks`: more than a relation of two.

use std::collections::HashSet;

use super::{distinct, progress_bar, with_evaluator};
use crate::cli::evaluate_arguments::EvaluateArguments;
use crate::cli::generate_plan::seeds;
use crate::cli::report::Report;
use crate::cli::{Failure, output};
use crate::evaluate::prompts::parse_pairs;
use crate::evaluate::tasks::results::merge_tasks;
use crate::evaluate::tasks::run::TaskPlan;
use crate::evaluate::tasks::{TaskRecord, TaskResults, TaskSummary, Wording, task_prompts};
use crate::evaluate::{EvaluatedMethod, Shard};

/// Makes and judges them, or puts them together, and shows what came of it.
pub(super) fn run(arguments: &EvaluateArguments) -> Result<(), Failure> {
    if !arguments.layout.is_empty() {
        return Err(Failure::usage(
            "--layout is of the benchmark of relations; leave --tasks out, or --layout",
        ));
    }
    let (records, methods) = if arguments.merge.is_empty() {
        let methods = distinct(&arguments.methods);
        let pairs = parse_pairs(&arguments.pairs).map_err(Failure::usage)?;
        let seeds = seeds(&arguments.seeds, &Report::new(false));
        let shard = arguments.shard.unwrap_or(Shard::WHOLE);
        let mut made = Vec::new();
        with_evaluator(arguments, &methods, false, &mut |evaluator, settings| {
            let own = Wording::for_model(evaluator.model.vocabulary.as_deref());
            let wording = arguments.wording.unwrap_or(own);
            let mut keys = HashSet::new();
            let prompts = distinct(&arguments.tasks).into_iter();
            let prompts = prompts.flat_map(|task| task_prompts(task, &pairs, wording));
            let plan = TaskPlan {
                prompts: prompts.filter(|prompt| keys.insert(prompt.key())).collect(),
                seeds: seeds.clone(),
                methods: methods.clone(),
                shard,
            };
            let opened = TaskResults::open(&arguments.output, shard, settings);
            let mut results = opened.map_err(Failure::file)?;
            let bar = progress_bar();
            let ended = evaluator.run_tasks(&plan, &mut results, &mut |progress| {
                bar.set_length(progress.wanted as u64);
                bar.set_position(progress.done as u64);
            });
            bar.finish_and_clear();
            let is_wanted = |record: &&TaskRecord| {
                keys.contains(&record.prompt.key())
                    && seeds.contains(&record.seed)
                    && methods.contains(&record.method)
            };
            made = results
                .records()
                .iter()
                .filter(is_wanted)
                .cloned()
                .collect();
            Ok(ended)
        })?;
        (made, methods)
    } else {
        let records = merge_tasks(&arguments.merge).map_err(Failure::file)?;
        let tasks = |record: &TaskRecord| arguments.tasks.contains(&record.prompt.task);
        let records: Vec<TaskRecord> = records.into_iter().filter(tasks).collect();
        let has = |method: &EvaluatedMethod| records.iter().any(|it| it.method == *method);
        let methods = EvaluatedMethod::all().filter(has).collect();
        (records, methods)
    };
    let records: Vec<&TaskRecord> = records.iter().collect();
    let summary = TaskSummary::new(&records, &methods);
    match arguments.json {
        true => summary.to_json().try_for_each(output::line),
        false => output::line(summary.table().trim_end()),
    }
}
