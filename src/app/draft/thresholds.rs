//! Lists of thresholds as a person writes them: `0: 0.9, 5: 0.95`.

use std::fmt::Display;
use std::str::FromStr;

/// The list as text.
pub fn written<Place: Display>(thresholds: &[(Place, f64)]) -> String {
    let entries = thresholds
        .iter()
        .map(|(place, threshold)| format!("{place}: {threshold}"));
    entries.collect::<Vec<_>>().join(", ")
}

/// Reads the list; empty text is an empty list, `None` is no list. A threshold
/// lies between 0 and 1.
pub fn parse<Place: FromStr>(text: &str) -> Option<Vec<(Place, f64)>> {
    if text.trim().is_empty() {
        return Some(Vec::new());
    }
    text.split(',')
        .map(|entry| {
            let (place, threshold) = entry.split_once(':')?;
            let threshold: f64 = threshold.trim().parse().ok()?;
            let place = place.trim().parse().ok()?;
            (0.0..=1.0)
                .contains(&threshold)
                .then_some((place, threshold))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_again() {
        let steps = vec![(0usize, 0.9), (20, 0.999)];
        assert_eq!(written(&steps), "0: 0.9, 20: 0.999");
        assert_eq!(parse(&written(&steps)), Some(steps));
        let fractions = vec![(0.2, 0.5)];
        assert_eq!(parse(&written(&fractions)), Some(fractions));
        assert_eq!(parse::<usize>("  "), Some(vec![]));
    }

    #[test]
    fn what_is_no_list_is_refused() {
        for text in [
            "5", "5:", "5: x", "0.5: 0.9", "5: 1.5", "5: 0.9,", "-1: 0.5",
        ] {
            assert_eq!(parse::<usize>(text), None, "{text}");
        }
    }
}
