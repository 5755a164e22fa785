//! How a long prompt is cut into chunks, each of which the text encoder reads by
//! itself, and where the tokens of all chunks stand in the attention maps.
//!
//! A column of the maps is a position of a prompt. Columns are in an order of
//! their own: the first start token, every word token, every end token and padding
//! behind them, then the last token of the first chunk and start and last of each
//! further one. So words are counted through all chunks, the columns that compete
//! for a pixel are neighbours, and with one chunk all is as the encoder reads it.

use super::syntax::PromptWeights;

/// Most chunks that are read: 600 tokens of CLIP's.
pub const MOST_CHUNKS: usize = 8;
/// So many tokens behind a comma move to the next chunk with what follows, as in A1111.
const TOKENS_AFTER_COMMA: usize = 20;
/// In ComfyUI a stretch of one weight that is shorter stays in one chunk.
const SHORT_GROUP: usize = 8;

/// What stays together in a chunk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Unit {
    /// Tokens.
    pub length: usize,
    pub is_comma: bool,
}

/// A stretch of one weight.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Group {
    /// Breaks before it.
    pub breaks: usize,
    pub units: Vec<Unit>,
}

impl Group {
    fn tokens(&self) -> usize {
        self.units.iter().map(|unit| unit.length).sum()
    }
}

/// How many tokens each chunk holds, of `room` at most; there is one chunk at
/// least. Tokens beyond the last chunk are lost.
pub(super) fn chunk_counts(groups: &[Group], weights: PromptWeights, room: usize) -> Vec<usize> {
    let mut cutter = Cutter {
        room,
        most: match weights {
            PromptWeights::Literal => 1,
            _ => MOST_CHUNKS,
        },
        chunks: Vec::new(),
        count: 0,
        after_comma: None,
    };
    for group in groups {
        (0..group.breaks).for_each(|_| cutter.next_chunk());
        if weights == PromptWeights::Comfyui && group.tokens() < SHORT_GROUP {
            cutter.keep_together(group.tokens());
        }
        for unit in &group.units {
            cutter.unit(*unit, weights == PromptWeights::A1111);
        }
    }
    if cutter.count > 0 || cutter.chunks.is_empty() {
        cutter.next_chunk();
    }
    cutter.chunks.truncate(cutter.most);
    cutter.chunks
}

struct Cutter {
    room: usize,
    most: usize,
    chunks: Vec<usize>,
    /// Tokens of the chunk in work.
    count: usize,
    /// How many it held when its last comma had come.
    after_comma: Option<usize>,
}

impl Cutter {
    fn next_chunk(&mut self) {
        // Far more breaks than anybody reads need no list.
        if self.chunks.len() <= self.most {
            self.chunks.push(self.count);
        }
        self.count = 0;
        self.after_comma = None;
    }

    fn keep_together(&mut self, tokens: usize) {
        if self.count + tokens > self.room && tokens <= self.room {
            self.next_chunk();
        }
    }

    fn unit(&mut self, unit: Unit, breaks_at_commas: bool) {
        if breaks_at_commas && unit.is_comma {
            self.after_comma = Some(self.count + unit.length);
        } else if self.count + unit.length > self.room
            && let Some(after_comma) = self.after_comma
            && self.count + 1 - after_comma <= TOKENS_AFTER_COMMA
        {
            let moved = self.count - after_comma;
            self.count = after_comma;
            self.next_chunk();
            self.count = moved;
        }
        self.keep_together(unit.length);
        self.count += unit.length.min(self.room);
    }
}

/// The column of each token that the text encoder reads, chunk by chunk;
/// `counts` are the word tokens of each chunk.
pub(super) fn columns(counts: &[usize], room: usize) -> Vec<Vec<usize>> {
    let words: usize = counts.iter().sum();
    let tail = 1 + room * counts.len();
    let (mut word, mut padding) = (1, 1 + words);
    let chunks = counts.iter().enumerate().map(|(index, &count)| {
        let start = match index {
            0 => 0,
            further => tail + 2 * further - 1,
        };
        let last = tail + 2 * index;
        let mut columns = vec![start];
        columns.extend(word..word + count);
        columns.extend(padding..padding + room - count);
        columns.push(last);
        word += count;
        padding += room - count;
        columns
    });
    chunks.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A group of words, `,` for a comma.
    fn group(text: &str) -> Group {
        let units = text.chars().map(|sign| Unit {
            length: 1,
            is_comma: sign == ',',
        });
        Group {
            breaks: 0,
            units: units.collect(),
        }
    }

    #[test]
    fn one_chunk_is_as_the_encoder_reads_it() {
        for count in [0, 3, 75] {
            let all: Vec<usize> = (0..77).collect();
            assert_eq!(columns(&[count], 75), [all]);
        }
    }

    #[test]
    fn words_of_all_chunks_are_neighbours_and_every_column_is_used_once() {
        let chunks = columns(&[2, 0, 3], 3);
        assert_eq!(
            chunks,
            [
                vec![0, 1, 2, 6, 10],
                vec![11, 7, 8, 9, 12],
                vec![13, 3, 4, 5, 14]
            ]
        );
        let mut all = chunks.concat();
        all.sort_unstable();
        assert_eq!(all, (0..15).collect::<Vec<_>>());
    }

    #[test]
    fn a_chunk_ends_behind_a_comma_that_is_near() {
        let counts = |text: &str| chunk_counts(&[group(text)], PromptWeights::A1111, 75);
        assert_eq!(counts(&"x".repeat(75)), [75]);
        assert_eq!(counts(&"x".repeat(76)), [75, 1]);
        // 60 words, a comma, 30 more: those behind the comma go on together.
        let near = format!("{},{}", "x".repeat(60), "x".repeat(30));
        assert_eq!(counts(&near), [61, 30]);
        // Behind 21 words the comma is too far.
        let far = format!("{},{}", "x".repeat(53), "x".repeat(30));
        assert_eq!(counts(&far), [75, 9]);
        // A comma that fits no more begins the next chunk.
        let late = format!("{},x", "x".repeat(75));
        assert_eq!(counts(&late), [75, 2]);
    }

    #[test]
    fn a_short_group_of_comfyui_stays_in_one_chunk() {
        let groups = |second: usize| [group(&"x".repeat(70)), group(&"y".repeat(second))];
        let counts = |second| chunk_counts(&groups(second), PromptWeights::Comfyui, 75);
        assert_eq!(counts(5), [75]);
        assert_eq!(counts(7), [70, 7]);
        assert_eq!(counts(9), [75, 4]);
    }

    #[test]
    fn breaks_begin_chunks_and_what_is_too_much_is_lost() {
        let mut second = group("yy");
        second.breaks = 2;
        let groups = [group("x"), second];
        assert_eq!(chunk_counts(&groups, PromptWeights::A1111, 75), [1, 0, 2]);
        assert_eq!(chunk_counts(&[], PromptWeights::A1111, 75), [0]);
        let endless = [group(&"x".repeat(100_000))];
        let counts = chunk_counts(&endless, PromptWeights::A1111, 75);
        assert_eq!(counts, [75; MOST_CHUNKS]);
        assert_eq!(chunk_counts(&endless, PromptWeights::Literal, 75), [75]);
        let mut breaks = group("x");
        breaks.breaks = 1_000_000;
        let counts = chunk_counts(&[breaks], PromptWeights::A1111, 75);
        assert_eq!(counts, [0; MOST_CHUNKS]);
    }
}
