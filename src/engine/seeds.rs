//! Seeds as a person writes them, in the window and on the command line: one,
//! several, ranges, or drawn by the program.

use std::collections::HashSet;
use std::fmt;
use std::hash::{BuildHasher, RandomState};
use std::ops::RangeInclusive;
use std::str::FromStr;

/// More seeds than this in one run are a slip of the finger.
const MOST_SEEDS: usize = 10_000;

/// What asks for a seed to be drawn; the first is what most programs of the
/// field write.
const RANDOM: [&str; 2] = ["-1", "random"];

/// Seeds as written: `7`, `0, 1, 2`, `[0, 1]`, `1-4`, `-1` or `random`, and
/// mixtures of these.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SeedList(Vec<Entry>);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Entry {
    Range(RangeInclusive<u64>),
    /// One that is drawn.
    Random,
}

/// Why a text is no list of seeds.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SeedError {
    #[error("give a seed, such as 7, several, such as 0, 1, 2 or 0-3, or -1 for any")]
    Empty,
    #[error(
        "“{0}” is no seed; write a whole number from 0 to {max}, a range such as 1-4, or -1 for any",
        max = u64::MAX
    )]
    NotANumber(String),
    #[error("the range “{0}” ends before it begins")]
    Backwards(String),
    #[error("these are more than {MOST_SEEDS} seeds; make fewer at a time")]
    TooMany,
}

impl SeedList {
    /// What can be written, for people.
    pub const SPELLING: &str =
        "one seed, a list such as 0, 1, 2, a range such as 1-4, or -1 for one that is drawn";

    /// As many seeds as `count` left to the program.
    pub fn random(count: usize) -> Self {
        Self(vec![Entry::Random; count])
    }

    /// Whether some are left to the program.
    pub fn has_random(&self) -> bool {
        self.0.contains(&Entry::Random)
    }

    /// The same with seeds drawn where they are left to the program, below 2³²
    /// as other programs draw them, and none that is there already.
    #[must_use]
    pub fn drawn(&self) -> Self {
        let mut known: HashSet<u64> = self.named().collect();
        let entries = self.0.iter().map(|entry| match entry {
            Entry::Random => {
                let seed = new_seed(&mut known);
                Entry::Range(seed..=seed)
            }
            named => named.clone(),
        });
        Self(entries.collect())
    }

    /// The seeds in the order written, each once; those left to the program are
    /// drawn anew at every call.
    pub fn seeds(&self) -> Vec<u64> {
        let mut seen = HashSet::new();
        let drawn = self.drawn();
        drawn.named().filter(|seed| seen.insert(*seed)).collect()
    }

    fn named(&self) -> impl Iterator<Item = u64> {
        let ranges = self.0.iter().filter_map(|entry| match entry {
            Entry::Range(range) => Some(range.clone()),
            Entry::Random => None,
        });
        ranges.flatten()
    }
}

impl FromStr for SeedList {
    type Err = SeedError;

    fn from_str(text: &str) -> Result<Self, SeedError> {
        let text = text.trim();
        let in_brackets = text.strip_prefix('[').and_then(|it| it.strip_suffix(']'));
        let mut entries = Vec::new();
        let mut count = 0_u64;
        for part in in_brackets.unwrap_or(text).split(',') {
            for word in words(part) {
                let entry = entry(&word)?;
                let length = match &entry {
                    Entry::Range(range) => range.end() - range.start(),
                    Entry::Random => 0,
                };
                count = count.saturating_add(length).saturating_add(1);
                if count > MOST_SEEDS as u64 {
                    return Err(SeedError::TooMany);
                }
                entries.push(entry);
            }
        }
        if entries.is_empty() {
            return Err(SeedError::Empty);
        }
        Ok(Self(entries))
    }
}

/// As it can be written again.
impl fmt::Display for SeedList {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, entry) in self.0.iter().enumerate() {
            if index > 0 {
                formatter.write_str(", ")?;
            }
            match entry {
                Entry::Range(range) if range.start() == range.end() => {
                    write!(formatter, "{}", range.start())?;
                }
                Entry::Range(range) => write!(formatter, "{}-{}", range.start(), range.end())?,
                Entry::Random => formatter.write_str(RANDOM[0])?,
            }
        }
        Ok(())
    }
}

/// Seeds as the field and the command line take them: `0, 1, 2`.
pub fn seeds_text(seeds: &[u64]) -> String {
    let texts: Vec<String> = seeds.iter().map(u64::to_string).collect();
    texts.join(", ")
}

/// Words between spaces; a dash with spaces around it joins what it stands between.
fn words(part: &str) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    let mut joins = false;
    for word in part.split_whitespace() {
        // Word processors make dashes and minus signs of the hyphen.
        let word = word.replace(['–', '−'], "-");
        let is_dash = word == "-";
        match words.last_mut() {
            Some(last) if is_dash || joins => last.push_str(&word),
            _ => words.push(word),
        }
        joins = is_dash;
    }
    words
}

fn entry(word: &str) -> Result<Entry, SeedError> {
    if RANDOM.iter().any(|name| word.eq_ignore_ascii_case(name)) {
        return Ok(Entry::Random);
    }
    let (first, last) = word.split_once('-').unwrap_or((word, word));
    let number = |text: &str| text.parse::<u64>().ok();
    let (Some(first), Some(last)) = (number(first), number(last)) else {
        return Err(SeedError::NotANumber(word.to_string()));
    };
    if last < first {
        return Err(SeedError::Backwards(word.to_string()));
    }
    Ok(Entry::Range(first..=last))
}

/// A seed from the system's randomness that is not among `known`, which it joins.
fn new_seed(known: &mut HashSet<u64>) -> u64 {
    loop {
        // The standard library seeds every `RandomState` from the system.
        let seed = RandomState::new().hash_one(0_u8) & u64::from(u32::MAX);
        if known.insert(seed) {
            return seed;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seeds(text: &str) -> Result<Vec<u64>, SeedError> {
        let list = text.parse::<SeedList>()?;
        assert!(!list.has_random(), "{text}");
        let again: SeedList = list.to_string().parse().unwrap();
        assert_eq!(again, list, "{list}");
        Ok(list.seeds())
    }

    #[test]
    fn every_spelling_of_a_list_is_read() {
        for (text, expected) in [
            (" 7 ", &[7][..]),
            ("0,1,2", &[0, 1, 2]),
            ("[0, 1]", &[0, 1]),
            ("[ 3, 1-2 ]", &[3, 1, 2]),
            ("0, 1,2 9", &[0, 1, 2, 9]),
            ("7001-7004", &[7001, 7002, 7003, 7004]),
            ("1 - 3 8", &[1, 2, 3, 8]),
            ("1–3", &[1, 2, 3]),
            ("4, 4, 3-5, 4", &[4, 3, 5]),
            ("1,2,", &[1, 2]),
            ("18446744073709551615", &[u64::MAX]),
        ] {
            assert_eq!(seeds(text).as_deref(), Ok(expected), "{text}");
        }
        assert_eq!(seeds("1-10000").unwrap().len(), MOST_SEEDS);
        assert_eq!(seeds(&seeds_text(&[5, 2])), Ok(vec![5, 2]));
    }

    #[test]
    fn what_is_no_list_is_said() {
        let not_a_number = |text: &str| Err(SeedError::NotANumber(text.to_string()));
        for text in ["", " , ", "[]"] {
            assert_eq!(seeds(text), Err(SeedError::Empty), "{text}");
        }
        for text in [
            "cat",
            "1-",
            "-2",
            "[0",
            "1.5",
            "1-2-3",
            "18446744073709551616",
        ] {
            assert_eq!(seeds(text), not_a_number(text));
        }
        assert_eq!(seeds("7 -3"), not_a_number("-3"));
        assert_eq!(seeds("4-1"), Err(SeedError::Backwards("4-1".to_string())));
        for text in ["0-20000", "0-18446744073709551615", "0-9999, 7"] {
            assert_eq!(seeds(text), Err(SeedError::TooMany), "{text}");
        }
    }

    #[test]
    fn seeds_left_to_the_program_are_new_each_time() {
        for text in ["-1", "random", "Random", "[-1]", "−1"] {
            let list: SeedList = text.parse().unwrap();
            assert!(list.has_random(), "{text}");
            // The chance that three seeds of 32 bits are one is 2⁻⁶⁴.
            let drawn: HashSet<u64> = (0..3).flat_map(|_| list.seeds()).collect();
            assert!(drawn.len() > 1, "{text}");
        }
        let mixed = "7, -1, -1, 7".parse::<SeedList>().unwrap().drawn();
        assert!(!mixed.has_random());
        let seeds = mixed.seeds();
        assert_eq!(mixed.seeds(), seeds);
        assert_eq!((seeds.len(), seeds[0]), (3, 7));
        assert!(seeds[1] != seeds[2] && seeds[1..].iter().all(|seed| *seed <= u32::MAX.into()));
    }
}
