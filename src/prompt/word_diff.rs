//! Which words of a text are still there after an edit, and where.

use std::ops::Range;

/// Above this many comparisons the changed part counts as replaced: a paste of
/// a thousand words over a thousand others, where little is worth keeping.
const MOST_COMPARISONS: usize = 1 << 20;

/// A text with the byte spans of its words.
type Words<'a> = (&'a str, &'a [Range<usize>]);

/// For each old word the index of the new word that it became, if it remains.
/// Order is kept and case doesn't count. A word that is being typed on, with
/// nothing else changed, remains.
pub(super) fn moved_words(old: Words<'_>, new: Words<'_>) -> Vec<Option<usize>> {
    let (old, new) = (lower_case(old), lower_case(new));
    let prefix = common(old.iter(), new.iter());
    let (old_rest, new_rest) = (&old[prefix..], &new[prefix..]);
    let suffix = common(old_rest.iter().rev(), new_rest.iter().rev());
    let old_changed = &old_rest[..old_rest.len() - suffix];
    let new_changed = &new_rest[..new_rest.len() - suffix];

    let mut moved: Vec<Option<usize>> = (0..prefix).map(Some).collect();
    let changed = match (old_changed, new_changed) {
        ([before], [after]) => vec![is_typed_on(before, after).then_some(0)],
        _ if old_changed.len().saturating_mul(new_changed.len()) > MOST_COMPARISONS => {
            vec![None; old_changed.len()]
        }
        _ => longest_common_subsequence(old_changed, new_changed),
    };
    moved.extend(changed.into_iter().map(|index| Some(prefix + index?)));
    moved.extend((new.len() - suffix..new.len()).map(Some));
    moved
}

fn lower_case((text, spans): Words<'_>) -> Vec<String> {
    let words = spans.iter();
    words
        .map(|span| text[span.clone()].to_lowercase())
        .collect()
}

/// How many items two sequences have in common at their beginning.
fn common<'a>(
    first: impl Iterator<Item = &'a String>,
    second: impl Iterator<Item = &'a String>,
) -> usize {
    first.zip(second).take_while(|(a, b)| a == b).count()
}

/// Letters were added or taken at one end.
fn is_typed_on(before: &str, after: &str) -> bool {
    let extends = |long: &str, short: &str| long.starts_with(short) || long.ends_with(short);
    extends(before, after) || extends(after, before)
}

/// For each old word its index in `new` by a longest common subsequence.
fn longest_common_subsequence(old: &[String], new: &[String]) -> Vec<Option<usize>> {
    let columns = new.len() + 1;
    // lengths[i * columns + j]: of old[i..] and new[j..].
    let mut lengths = vec![0u32; (old.len() + 1) * columns];
    for i in (0..old.len()).rev() {
        for j in (0..new.len()).rev() {
            let (down, right) = ((i + 1) * columns + j, i * columns + j + 1);
            lengths[i * columns + j] = if old[i] == new[j] {
                lengths[down + 1] + 1
            } else {
                lengths[down].max(lengths[right])
            };
        }
    }
    let mut moved = vec![None; old.len()];
    let (mut i, mut j) = (0, 0);
    while i < old.len() && j < new.len() {
        if old[i] == new[j] {
            moved[i] = Some(j);
            (i, j) = (i + 1, j + 1);
        } else if lengths[(i + 1) * columns + j] >= lengths[i * columns + j + 1] {
            i += 1;
        } else {
            j += 1;
        }
    }
    moved
}

#[cfg(test)]
mod tests {
    use super::super::words::word_spans;
    use super::*;

    fn moved(old: &str, new: &str) -> Vec<Option<usize>> {
        moved_words((old, &word_spans(old)), (new, &word_spans(new)))
    }

    #[test]
    fn words_are_followed_through_edits() {
        assert_eq!(moved("a cat", "a cat"), [Some(0), Some(1)]);
        assert_eq!(moved("a cat", "A  big CAT!"), [Some(0), Some(2)]);
        assert_eq!(moved("a b c d", "a d"), [Some(0), None, None, Some(1)]);
        assert_eq!(moved("a b c", "x b y"), [None, Some(1), None]);
        assert_eq!(moved("", "a cat"), []);
        assert_eq!(moved("a cat", ""), [None, None]);
        // Two dogs: the second stays the second.
        assert_eq!(
            moved("dog and dog", "big dog and red dog"),
            [Some(1), Some(2), Some(4)]
        );
    }

    #[test]
    fn a_word_that_is_typed_on_remains() {
        assert_eq!(
            moved("a cat here", "a cats here"),
            [Some(0), Some(1), Some(2)]
        );
        assert_eq!(moved("a cat here", "a c here"), [Some(0), Some(1), Some(2)]);
        assert_eq!(moved("a cat here", "a dog here"), [Some(0), None, Some(2)]);
        assert_eq!(
            moved("a cat here", "a big cats here"),
            [Some(0), None, Some(3)]
        );
    }

    #[test]
    fn a_huge_paste_keeps_what_surrounds_it() {
        let numbers =
            |from: usize| -> String { (from..from + 3000).map(|n| format!("w{n} ")).collect() };
        let moved = moved(
            &format!("a {}dog", numbers(0)),
            &format!("a {}dog", numbers(1)),
        );
        assert_eq!(moved[0], Some(0));
        assert_eq!(moved[1], None);
        assert_eq!(moved[3001], Some(3001));
    }
}
