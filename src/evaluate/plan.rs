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

    pub(super) fn has(self, job: usize) -> bool {
        job % self.count == self.index
    }
}

impl fmt::Display for Shard {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}/{}", self.index, self.count)
    }
}

/// The text names no part.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("“{0}” is no shard; write the part and the number of parts, as 0/4 to 3/4 or 1/4 to 4/4")]
pub struct UnknownShard(String);

impl FromStr for Shard {
    type Err = UnknownShard;

    /// As `k/n`. Kubernetes counts its jobs from 0, people and Slurm often from
    /// 1: both number n parts, since n/n is the same part as 0/n.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let unknown = || UnknownShard(text.to_string());
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
    fn what_is_no_shard_is_refused() {
        for text in ["", "1", "1/0", "5/4", "-1/4", "a/b"] {
            assert!(text.parse::<Shard>().is_err(), "{text}");
        }
    }
}
