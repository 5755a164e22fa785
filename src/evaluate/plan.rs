//! What a run has to make: prompts × seeds × methods, or one machine's share of it.

use std::fmt;
use std::str::FromStr;

use super::method::EvaluatedMethod;
use super::prompts::SpatialPrompt;

/// One of several equal parts of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shard {
    index: usize,
    count: usize,
}

impl Shard {
    /// The whole run.
    pub const WHOLE: Self = Self { index: 0, count: 1 };

    /// Whether this part has the job of that number.
    pub fn has(self, job: usize) -> bool {
        job % self.count == self.index
    }

    /// The part that a scheduler gave this process: the task of Slurm's array, or the
    /// index of Kubernetes' indexed job. How many parts there are is told by Slurm;
    /// [`COUNT`] tells it where it does not, and counts more.
    ///
    /// # Errors
    /// If no scheduler's variables are there, or they are no numbers.
    pub fn of_scheduler(variable: impl Fn(&str) -> Option<String>) -> Result<Self, ShardError> {
        let number = |name: &'static str| match variable(name) {
            None => Ok(None),
            Some(text) => match text.trim().parse::<usize>() {
                Ok(number) => Ok(Some(number)),
                Err(_) => Err(ShardError::NoNumber { name, text }),
            },
        };
        let count = number(COUNT)?;
        if count == Some(0) {
            let (name, text) = (COUNT, "0".to_string());
            return Err(ShardError::NoNumber { name, text });
        }
        if let Some(task) = number(SLURM_TASK)? {
            if let Some(count) = count {
                let index = task % count;
                return Ok(Self { index, count });
            }
            let count = number("SLURM_ARRAY_TASK_COUNT")?;
            let count = count.filter(|count| *count > 0);
            let count = count.ok_or(ShardError::NoCount { name: SLURM_TASK })?;
            let first = number("SLURM_ARRAY_TASK_MIN")?.unwrap_or(0);
            let step = number("SLURM_ARRAY_TASK_STEP")?.unwrap_or(1).max(1);
            let index = task.saturating_sub(first) / step % count;
            return Ok(Self { index, count });
        }
        match (number(KUBERNETES_INDEX)?, count) {
            (Some(index), Some(count)) => Ok(Self {
                index: index % count,
                count,
            }),
            (Some(_), None) => Err(ShardError::NoCount {
                name: KUBERNETES_INDEX,
            }),
            (None, _) => Err(ShardError::NoScheduler),
        }
    }
}

/// How many parts there are, for schedulers that do not tell it.
pub const COUNT: &str = "STORM_SHARDS";
const SLURM_TASK: &str = "SLURM_ARRAY_TASK_ID";
const KUBERNETES_INDEX: &str = "JOB_COMPLETION_INDEX";

impl fmt::Display for Shard {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}/{}", self.index, self.count)
    }
}

/// Why there is no part.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ShardError {
    #[error(
        "“{0}” is no shard; write the part and the number of parts, as 0/4 to 3/4 or 1/4 to 4/4, \
         or auto"
    )]
    Unknown(String),
    #[error(
        "no scheduler says which part this is: neither {SLURM_TASK} nor {KUBERNETES_INDEX} is \
         set; write the part, as 0/4"
    )]
    NoScheduler,
    #[error("{name} says which part this is, but not of how many; set {COUNT} to their number")]
    NoCount { name: &'static str },
    #[error("{name} is “{text}”, which is no number of a part")]
    NoNumber { name: &'static str, text: String },
}

impl FromStr for Shard {
    type Err = ShardError;

    /// As `k/n`, or `auto`. Kubernetes counts its jobs from 0, people and Slurm often from
    /// 1: both number n parts, since n/n is the same part as 0/n.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text.trim().eq_ignore_ascii_case("auto") {
            return Self::of_scheduler(|name| std::env::var(name).ok());
        }
        let unknown = || ShardError::Unknown(text.to_string());
        let (index, count) = text.split_once('/').ok_or_else(unknown)?;
        let number = |text: &str| text.trim().parse::<usize>().map_err(|_| unknown());
        let (index, count) = (number(index)?, number(count)?);
        if count == 0 || index > count {
            return Err(unknown());
        }
        Ok(Self {
            index: index % count,
            count,
        })
    }
}

/// The pictures to make.
#[derive(Debug, Clone)]
pub struct Plan {
    pub prompts: Vec<SpatialPrompt>,
    pub seeds: Vec<u64>,
    pub methods: Vec<EvaluatedMethod>,
    pub shard: Shard,
}

impl Plan {
    /// The prompts and seeds of this shard; all methods of one stay together,
    /// since they are compared with each other.
    pub fn jobs(&self) -> impl Iterator<Item = (&SpatialPrompt, u64)> {
        let all = self.prompts.iter().flat_map(|prompt| {
            let seeds = self.seeds.iter();
            seeds.map(move |&seed| (prompt, seed))
        });
        let numbered = all.enumerate();
        numbered.filter_map(|(number, job)| self.shard.has(number).then_some(job))
    }

    /// Number of pictures of this shard.
    pub fn picture_count(&self) -> usize {
        self.jobs().count() * self.methods.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evaluate::prompts::{parse_pairs, prompts};

    fn plan(shard: &str) -> Plan {
        Plan {
            prompts: prompts(&parse_pairs("cat:house,boat:tree").unwrap(), false),
            seeds: vec![7001, 7002, 7003],
            methods: vec![EvaluatedMethod::Standard, EvaluatedMethod::STORM],
            shard: shard.parse().unwrap(),
        }
    }

    #[test]
    fn the_shards_of_either_way_of_counting_make_the_whole_once() {
        for shards in [["0/3", "1/3", "2/3"], ["1/3", "2/3", "3/3"]] {
            let mut jobs: Vec<(String, u64)> = shards
                .iter()
                .flat_map(|shard| {
                    let plan = plan(shard);
                    let jobs = plan.jobs().map(|(prompt, seed)| (prompt.text(), seed));
                    jobs.collect::<Vec<_>>()
                })
                .collect();
            jobs.sort();
            let mut whole: Vec<(String, u64)> = plan("0/1")
                .jobs()
                .map(|(prompt, seed)| (prompt.text(), seed))
                .collect();
            whole.sort();
            assert_eq!(whole.len(), 24);
            assert_eq!(jobs, whole);
        }
        assert_eq!(plan("1/5").picture_count(), 10);
    }

    #[test]
    fn schedulers_say_which_part_this_is() {
        let of = |variables: &[(&str, &str)]| {
            Shard::of_scheduler(|name| {
                let mut variables = variables.iter();
                let found = variables.find(|(known, _)| *known == name);
                found.map(|(_, value)| value.to_string())
            })
        };
        let part = |variables: &[(&str, &str)]| of(variables).unwrap().to_string();
        // sbatch --array=0-7, --array=1-8 and --array=10-24:2.
        let slurm = |task, count, first, step| {
            [
                ("SLURM_ARRAY_TASK_ID", task),
                ("SLURM_ARRAY_TASK_COUNT", count),
                ("SLURM_ARRAY_TASK_MIN", first),
                ("SLURM_ARRAY_TASK_STEP", step),
            ]
        };
        assert_eq!(part(&slurm("3", "8", "0", "1")), "3/8");
        assert_eq!(part(&slurm("8", "8", "1", "1")), "7/8");
        assert_eq!(part(&slurm("14", "8", "10", "2")), "2/8");
        // A lost task is submitted alone, as --array=3: the count is told by hand.
        let mut alone = slurm("3", "1", "3", "1").to_vec();
        alone.push((COUNT, "8"));
        assert_eq!(part(&alone), "3/8");
        let kubernetes = [("JOB_COMPLETION_INDEX", "5"), (COUNT, "8")];
        assert_eq!(part(&kubernetes), "5/8");
        let error = |variables: &[(&str, &str)]| of(variables).unwrap_err().to_string();
        assert!(error(&[]).contains("no scheduler"));
        assert!(error(&kubernetes[..1]).contains("set STORM_SHARDS"));
        assert!(error(&[("SLURM_ARRAY_TASK_ID", "x")]).contains("no number"));
        assert!(error(&[("SLURM_ARRAY_TASK_ID", "1"), (COUNT, "0")]).contains("no number"));
    }

    #[test]
    fn what_is_no_shard_is_refused() {
        for text in ["", "1", "1/0", "5/4", "-1/4", "a/b"] {
            assert!(text.parse::<Shard>().is_err(), "{text}");
        }
    }
}
