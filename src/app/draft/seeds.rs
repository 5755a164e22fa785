//! Seeds as a person writes them: one, a list, a range, locked or drawn anew.

use std::hash::{BuildHasher, RandomState};

use serde::{Deserialize, Serialize};

/// More seeds than this in one request are a slip of the finger.
const MOST_SEEDS: usize = 1000;

/// What the seed field holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SeedField {
    /// `7`, `0, 1, 2` or `0-3`.
    pub text: String,
    /// Keep the seeds for the next request; otherwise as many new ones are drawn.
    pub locked: bool,
}

/// Why the field can't be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SeedError {
    #[error("give a seed, such as 7, or several, such as 0, 1, 2 or 0-3")]
    Empty,
    #[error("“{0}” is no seed; write a whole number from 0 to {max}", max = u64::MAX)]
    NotANumber(String),
    #[error("the range “{0}” ends before it begins")]
    Backwards(String),
    #[error("these are more than {MOST_SEEDS} seeds; make fewer at a time")]
    TooMany,
}

impl SeedField {
    /// The seeds in the order written, each once.
    ///
    /// # Errors
    /// [`SeedError`] with what to write instead.
    pub fn seeds(&self) -> Result<Vec<u64>, SeedError> {
        let mut seeds = Vec::new();
        let parts = self
            .text
            .split(|letter: char| letter == ',' || letter.is_whitespace());
        for part in parts.filter(|part| !part.is_empty()) {
            let (first, last) = range(part)?;
            if last - first >= MOST_SEEDS as u64 {
                return Err(SeedError::TooMany);
            }
            for seed in first..=last {
                if !seeds.contains(&seed) {
                    seeds.push(seed);
                }
            }
            if seeds.len() > MOST_SEEDS {
                return Err(SeedError::TooMany);
            }
        }
        if seeds.is_empty() {
            return Err(SeedError::Empty);
        }
        Ok(seeds)
    }

    /// Draws as many new seeds as there are, at least one.
    pub fn draw(&mut self) {
        let count = self.seeds().map_or(1, |seeds| seeds.len());
        let drawn: Vec<String> = (0..count).map(|_| random_seed().to_string()).collect();
        self.text = drawn.join(", ");
    }
}

fn range(part: &str) -> Result<(u64, u64), SeedError> {
    let number = |text: &str| {
        text.parse::<u64>()
            .map_err(|_| SeedError::NotANumber(text.to_string()))
    };
    match part.split_once('-') {
        None => number(part).map(|seed| (seed, seed)),
        Some((first, last)) => {
            let (first, last) = (number(first)?, number(last)?);
            if last < first {
                return Err(SeedError::Backwards(part.to_string()));
            }
            Ok((first, last))
        }
    }
}

/// A seed from the system's randomness, below 2³² as other programs draw them.
fn random_seed() -> u64 {
    // The standard library seeds every `RandomState` from the system.
    RandomState::new().hash_one(0_u8) & u64::from(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seeds(text: &str) -> Result<Vec<u64>, SeedError> {
        let field = SeedField {
            text: text.to_string(),
            locked: true,
        };
        field.seeds()
    }

    #[test]
    fn one_a_list_and_ranges_are_read() {
        assert_eq!(seeds(" 7 "), Ok(vec![7]));
        assert_eq!(seeds("0, 1,2 9"), Ok(vec![0, 1, 2, 9]));
        assert_eq!(
            seeds("3-5, 4, 18446744073709551615"),
            Ok(vec![3, 4, 5, u64::MAX])
        );
    }

    #[test]
    fn what_is_no_seed_is_named() {
        assert_eq!(seeds(" , "), Err(SeedError::Empty));
        assert_eq!(
            seeds("1, cat"),
            Err(SeedError::NotANumber("cat".to_string()))
        );
        assert_eq!(seeds("5-3"), Err(SeedError::Backwards("5-3".to_string())));
        assert_eq!(seeds("0-999999999"), Err(SeedError::TooMany));
        assert!(seeds("-1").is_err());
    }

    #[test]
    fn drawing_keeps_the_number_of_seeds() {
        let mut field = SeedField {
            text: "1-4".to_string(),
            locked: false,
        };
        field.draw();
        let first = field.seeds().unwrap();
        assert_eq!(first.len(), 4);
        field.draw();
        // The chance that four seeds of 32 bits come again is 2⁻¹²⁸.
        assert_ne!(field.seeds().unwrap(), first);
    }
}
