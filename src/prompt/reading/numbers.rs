//! How many of a thing the prompt asks for, and in which part of the picture it is.

use super::items::Side;
use super::structure::Structure;

/// Middle of the outer parts of a picture, as a fraction of its side.
const OUTER: f64 = 0.25;

impl Structure<'_> {
    /// The number before a noun, with nothing but its attributes between them: "two
    /// red cats".
    pub(super) fn number_of(&self, noun: usize, attributes: &[usize]) -> Option<usize> {
        let before = (0..noun).rev().find(|word| !attributes.contains(word))?;
        number(&self.words[before].text.to_lowercase())
    }

    /// Where in the picture a noun is, if a side says so and no relation follows from
    /// it.
    pub(super) fn place_of(&self, noun: usize) -> Option<[f64; 2]> {
        let (_, side) = self.sided.iter().find(|(of, _)| *of == noun)?;
        let Side {
            horizontal,
            vertical,
        } = *side;
        let part = |side: Option<i8>| match side {
            Some(-1) => OUTER,
            Some(1) => 1.0 - OUTER,
            _ => 0.5,
        };
        Some([part(horizontal), part(vertical)])
    }
}

fn number(word: &str) -> Option<usize> {
    let words = [
        "two", "three", "four", "five", "six", "seven", "eight", "nine",
    ];
    let written = words.iter().position(|known| *known == word);
    written
        .map(|index| index + 2)
        .or_else(|| word.parse().ok().filter(|number| *number > 1))
}
