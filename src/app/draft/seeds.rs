//! The field of seeds: what a person wrote, and whether it stays.

use serde::{Deserialize, Serialize};

use crate::engine::{SeedError, SeedList, seeds_text};

/// What the seed field holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SeedField {
    /// In the spelling of [`SeedList`].
    pub text: String,
    /// Keep the seeds for the next request; otherwise as many new ones are drawn.
    pub locked: bool,
}

impl SeedField {
    /// These seeds, to be kept.
    pub fn locked(seeds: &[u64]) -> Self {
        Self {
            text: seeds_text(seeds),
            locked: true,
        }
    }

    /// The seeds in the order written, each once.
    ///
    /// # Errors
    /// [`SeedError`] with what to write instead.
    pub fn seeds(&self) -> Result<Vec<u64>, SeedError> {
        Ok(self.list()?.seeds())
    }

    /// Draws as many new seeds as there are, at least one.
    pub fn draw(&mut self) {
        let count = self.seeds().map_or(1, |seeds| seeds.len());
        self.text = seeds_text(&SeedList::random(count).seeds());
    }

    /// Draws the seeds that are left to the program, so that the field says which
    /// ones the next pictures have; those after them are drawn anew.
    pub fn settle(&mut self) {
        if let Ok(list) = self.list()
            && list.has_random()
        {
            self.text = list.drawn().to_string();
            self.locked = false;
        }
    }

    fn list(&self) -> Result<SeedList, SeedError> {
        self.text.parse()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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

    #[test]
    fn a_seed_left_to_the_program_is_told_and_the_next_one_is_another() {
        let mut field = SeedField::locked(&[3]);
        field.settle();
        assert_eq!(field, SeedField::locked(&[3]));
        field.text = "3, -1".to_string();
        field.settle();
        assert!(!field.locked && !field.text.contains('-'), "{}", field.text);
        let seeds = field.seeds().unwrap();
        assert_eq!((seeds.len(), seeds[0]), (2, 3));
        assert_eq!(field.seeds().unwrap(), seeds);
    }
}
