//! Words and the attention maps as they are shown: where a word looks, which words
//! look at a place.
//!
//! These are the model's own probabilities. What the objectives read is made of
//! them in [`crate::storm::word_maps`], with a softmax over the words and smoothing.

use std::ops::Range;

use crate::storm::attention::AttentionMaps;

/// The map [rows, columns] of a word: the mean of its tokens' maps. `None`
/// without tokens of these maps.
pub fn mean_map(maps: &AttentionMaps, tokens: &[usize]) -> Option<Vec<f32>> {
    let known = known_tokens(maps, tokens);
    let (first, rest) = known.split_first()?;
    let mut sum = maps.map(*first);
    for &token in rest {
        for (total, value) in sum.iter_mut().zip(maps.map(token)) {
            *total += value;
        }
    }
    for value in &mut sum {
        *value /= known.len() as f32;
    }
    Some(sum)
}

/// The value of the brightest colour of a map on a scale of its own: its strongest
/// cell, or three times its mean if that is more. A word that looks nowhere in
/// particular has a flat map, whose noise is not blown up that way.
pub fn own_brightest(map: &[f32]) -> f32 {
    let strongest = map.iter().copied().fold(0.0, f32::max);
    let mean = map.iter().sum::<f32>() / map.len().max(1) as f32;
    strongest.max(3.0 * mean)
}

/// Those of a word's tokens that these maps have.
pub fn known_tokens(maps: &AttentionMaps, tokens: &[usize]) -> Vec<usize> {
    let tokens = tokens.iter().copied();
    tokens.filter(|&token| token < maps.tokens).collect()
}

/// The attention of every word at a place (fractions of the picture), strongest
/// first, as (word index, probability).
pub fn ranked_words(
    maps: &AttentionMaps,
    words: &[Range<usize>],
    place: [f32; 2],
) -> Vec<(usize, f32)> {
    let cell = |fraction: f32, cells: usize| {
        ((fraction.clamp(0.0, 1.0) * cells as f32) as usize).min(cells.saturating_sub(1))
    };
    let (column, row) = (cell(place[0], maps.columns), cell(place[1], maps.rows));
    let start = (row * maps.columns + column) * maps.tokens;
    let at_place = &maps.values[start..start + maps.tokens];
    let mut ranked: Vec<(usize, f32)> = words
        .iter()
        .enumerate()
        .map(|(index, tokens)| {
            let tokens = tokens.start.min(maps.tokens)..tokens.end.min(maps.tokens);
            (index, at_place[tokens].iter().sum())
        })
        .collect();
    ranked.sort_by(|a, b| b.1.total_cmp(&a.1));
    ranked
}

#[cfg(test)]
mod tests {
    use super::*;

    fn maps() -> AttentionMaps {
        // Two cells side by side, four tokens each.
        let values = vec![0.4, 0.3, 0.2, 0.1, 0.1, 0.1, 0.1, 0.7];
        AttentionMaps::new(1, 2, 4, values).unwrap()
    }

    #[test]
    fn a_word_of_two_tokens_has_the_mean_of_their_maps() {
        let map = mean_map(&maps(), &[1, 3]).unwrap();
        assert!((map[0] - 0.2).abs() < 1e-6 && (map[1] - 0.4).abs() < 1e-6);
        assert_eq!(mean_map(&maps(), &[]), None);
        assert_eq!(mean_map(&maps(), &[9]), None);
    }

    #[test]
    fn a_flat_map_stays_dark_and_a_peak_is_bright() {
        let noise = [0.010, 0.011, 0.012, 0.009];
        let high = own_brightest(&noise);
        assert!(noise.iter().all(|value| value / high < 0.4));
        let peak = [0.0, 0.0, 0.9, 0.0, 0.1];
        assert_eq!(own_brightest(&peak), 0.9);
    }

    #[test]
    fn words_are_ranked_by_what_they_take_of_a_place() {
        let words = [1..2, 2..4];
        let at = |x| ranked_words(&maps(), &words, [x, 0.5]);
        assert_eq!(
            at(0.2).iter().map(|(word, _)| *word).collect::<Vec<_>>(),
            [0, 1]
        );
        let right = at(0.9);
        assert_eq!(right[0].0, 1);
        assert!((right[0].1 - 0.8).abs() < 1e-6);
        // Places outside the picture are its edge.
        assert_eq!(at(7.0), at(0.99));
    }
}
