//! Which words of a long prompt are shown: those around what is assigned, as many
//! as a few rows hold, with marks where others are left out.

use std::ops::Range;

/// What stands in the row of chips.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Shown {
    /// The word with this index.
    Word(usize),
    /// A mark for these words.
    Gap(Range<usize>),
}

/// The room that the chips have.
#[derive(Debug, Clone, Copy)]
pub struct Room {
    pub width: f32,
    pub rows: usize,
    /// Between two chips.
    pub spacing: f32,
    /// Width of the mark of a gap.
    pub gap: f32,
    /// Width of what stands behind the last chip.
    pub tail: f32,
}

/// All words if there is room for them; otherwise the `assigned` ones and as many
/// of those nearest to them as there is room for.
pub fn fold(widths: &[f32], assigned: &[usize], room: Room) -> Vec<Shown> {
    let all: Vec<Shown> = (0..widths.len()).map(Shown::Word).collect();
    if fits(&all, widths, room) {
        return all;
    }
    let distance = |word: usize| {
        let distances = assigned.iter().map(|&other| other.abs_diff(word));
        distances.min().unwrap_or(word)
    };
    let mut nearest: Vec<usize> = (0..widths.len()).collect();
    nearest.sort_by_key(|&word| (distance(word), word));
    let with = |count: usize| {
        let mut kept = nearest[..count].to_vec();
        kept.sort_unstable();
        marked(&kept, widths.len())
    };
    // The more words, the less room: the largest number that still fits.
    let counts: Vec<usize> = (assigned.len()..=widths.len()).collect();
    let fitting = counts.partition_point(|&count| fits(&with(count), widths, room));
    with(assigned.len() + fitting.saturating_sub(1))
}

/// Words in their order, with marks where some are left out.
fn marked(kept: &[usize], count: usize) -> Vec<Shown> {
    let mut shown = Vec::new();
    let mut next = 0;
    for &word in kept {
        if next < word {
            shown.push(Shown::Gap(next..word));
        }
        shown.push(Shown::Word(word));
        next = word + 1;
    }
    if next < count {
        shown.push(Shown::Gap(next..count));
    }
    shown
}

fn fits(shown: &[Shown], widths: &[f32], room: Room) -> bool {
    let chips = shown.iter().map(|item| match item {
        Shown::Word(word) => widths[*word],
        Shown::Gap(_) => room.gap,
    });
    let (mut rows, mut right) = (1, 0.0);
    for width in chips.chain([room.tail]) {
        let end = if right > 0.0 {
            right + room.spacing
        } else {
            0.0
        } + width;
        if end > room.width && right > 0.0 {
            rows += 1;
            right = width;
        } else {
            right = end;
        }
    }
    rows <= room.rows
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROOM: Room = Room {
        width: 100.0,
        rows: 2,
        spacing: 0.0,
        gap: 10.0,
        tail: 10.0,
    };

    fn words(shown: &[Shown]) -> Vec<usize> {
        let words = shown.iter().filter_map(|item| match item {
            Shown::Word(word) => Some(*word),
            Shown::Gap(_) => None,
        });
        words.collect()
    }

    #[test]
    fn a_prompt_that_fits_is_shown_whole() {
        let shown = fold(&[10.0; 19], &[3], ROOM);
        assert_eq!(words(&shown), (0..19).collect::<Vec<_>>());
        assert!(!shown.iter().any(|item| matches!(item, Shown::Gap(_))));
    }

    #[test]
    fn a_long_prompt_folds_around_what_is_assigned() {
        let shown = fold(&[10.0; 60], &[20, 40], ROOM);
        // Twenty places: three marks, what stands behind, and sixteen words.
        assert_eq!(shown[0], Shown::Gap(0..16));
        assert_eq!(
            words(&shown),
            [
                16, 17, 18, 19, 20, 21, 22, 23, 24, 37, 38, 39, 40, 41, 42, 43
            ]
        );
        assert_eq!(shown.last(), Some(&Shown::Gap(44..60)));
    }

    #[test]
    fn what_is_assigned_is_shown_even_where_there_is_no_room() {
        let assigned: Vec<usize> = (0..60).step_by(2).collect();
        assert_eq!(words(&fold(&[10.0; 60], &assigned, ROOM)), assigned);
    }

    #[test]
    fn without_an_assignment_the_beginning_is_shown() {
        let shown = fold(&[10.0; 60], &[], ROOM);
        assert_eq!(words(&shown), (0..18).collect::<Vec<_>>());
    }
}
