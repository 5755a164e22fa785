//! Makes the pictures of tasks that a folder lacks and judges them.

use super::judge::judge;
use super::prompts::TaskPrompt;
use super::results::{TaskRecord, TaskResults};
use crate::engine::{Picture, Recipe, Request};
use crate::evaluate::method::EvaluatedMethod;
use crate::evaluate::plan::Shard;
use crate::evaluate::records::Cost;
use crate::evaluate::run::{EvaluateError, Evaluator, Progress, groups, sampled_with};
use crate::export::file_stem;

/// The pictures to make.
#[derive(Debug, Clone)]
pub struct TaskPlan {
    pub prompts: Vec<TaskPrompt>,
    pub seeds: Vec<u64>,
    pub methods: Vec<EvaluatedMethod>,
    pub shard: Shard,
}

impl TaskPlan {
    /// The prompts and seeds of this shard.
    fn jobs(&self) -> impl Iterator<Item = (&TaskPrompt, u64)> {
        let all = self.prompts.iter().flat_map(|prompt| {
            let seeds = self.seeds.iter();
            seeds.map(move |&seed| (prompt, seed))
        });
        let numbered = all.enumerate();
        numbered.filter_map(|(number, job)| self.shard.has(number).then_some(job))
    }
}

impl Evaluator<'_> {
    /// Makes the pictures of `plan` that `results` lacks.
    ///
    /// # Errors
    /// Whatever stops it; what is finished by then is kept.
    pub fn run_tasks(
        &self,
        plan: &TaskPlan,
        results: &mut TaskResults,
        progress: &mut dyn FnMut(Progress),
    ) -> Result<(), EvaluateError> {
        let objects = plan.prompts.iter().flat_map(|prompt| &prompt.objects);
        self.check_nouns(objects.map(|object| &object.noun))?;
        let wanted = plan.jobs().count() * plan.methods.len();
        let mut done = 0;
        for (prompt, seed) in plan.jobs() {
            for method in &plan.methods {
                self.take_standard(prompt, seed, *method, results)?;
            }
            let is_missing = |method: &&EvaluatedMethod| !results.has(prompt, seed, **method);
            let missing: Vec<_> = plan.methods.iter().filter(is_missing).copied().collect();
            done += plan.methods.len() - missing.len();
            progress(Progress { done, wanted });
            for group in groups(&missing) {
                let text = prompt.text.clone();
                let request = self.request_for(text, &prompt.assignment(), seed, &group)?;
                let made = self.pictures(request.clone())?;
                self.keep_task(prompt, &request, &group, made, results)?;
                done += group.len();
                progress(Progress { done, wanted });
            }
        }
        Ok(())
    }

    /// A standard picture knows no wishes: one of the same words and seed is taken.
    fn take_standard(
        &self,
        prompt: &TaskPrompt,
        seed: u64,
        method: EvaluatedMethod,
        results: &mut TaskResults,
    ) -> Result<(), EvaluateError> {
        if method != EvaluatedMethod::Standard || results.has(prompt, seed, method) {
            return Ok(());
        }
        let Some((image, record)) = results.standard(&prompt.text, seed) else {
            return Ok(());
        };
        let detector = self.detector.as_ref();
        let taken = TaskRecord {
            prompt: prompt.clone(),
            outcome: detector.and_then(|detector| judge(detector, prompt, &image, None)),
            ..record.clone()
        };
        Ok(results.add_line(taken)?)
    }

    fn keep_task(
        &self,
        prompt: &TaskPrompt,
        request: &Request,
        group: &[EvaluatedMethod],
        made: Vec<(Picture, Cost)>,
        results: &mut TaskResults,
    ) -> Result<(), EvaluateError> {
        for (picture, cost) in made {
            let method = group
                .iter()
                .find(|method| sampled_with(**method) == picture.method)
                .expect("the engine makes the methods it was asked for");
            let twin = match method {
                EvaluatedMethod::Standard => None,
                _ => results
                    .standard(&prompt.text, picture.seed)
                    .map(|(image, _)| image),
            };
            let detector = self.detector.as_ref();
            let outcome = detector
                .and_then(|detector| judge(detector, prompt, &picture.image, twin.as_ref()));
            let stem = file_stem(&prompt.key());
            let record = TaskRecord {
                prompt: prompt.clone(),
                seed: picture.seed,
                method: *method,
                picture: format!("{method}/{stem}-{}.png", picture.seed),
                cost,
                outcome,
            };
            let recipe = Recipe::new(&picture, request, self.model);
            results.add(record, &picture.image, &recipe.text_chunks())?;
        }
        Ok(())
    }
}
