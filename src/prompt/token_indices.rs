//! The notation of the released STORM code, `[[2,9],[None,8]]`: token positions
//! of the subject's and the object's noun, then of their adjectives. Kept in
//! step with [`Assignment`], which holds words.

use std::collections::HashSet;
use std::fmt;
use std::ops::Range;
use std::str::FromStr;

use serde::Deserialize;
use thiserror::Error;

use super::assignment::{AssignedObject, Assignment};
use super::proposal::PromptObject;
use super::tokenized_prompt::TokenizedPrompt;
use crate::storm::relation::{Relation, RelationKind, UnknownRelation};

/// Token positions of one subject and one object with their adjectives.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TokenIndices {
    /// Noun of the subject, of the object; several positions for a word of
    /// several tokens.
    pub nouns: [Vec<usize>; 2],
    /// Adjectives of the subject, of the object; empty where there is none.
    pub attributes: [Vec<usize>; 2],
}

/// Why token positions or a relation given as text can't be used.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum TokenIndicesError {
    /// The text is not in the notation.
    #[error(
        "“{text}” can't be read ({reason}); write token positions as [[2,9],[None,8]]: nouns of subject and object, then their adjectives or None"
    )]
    Notation {
        /// As it was written.
        text: String,
        /// Where and why reading stopped.
        reason: String,
    },
    /// A relation is not of the form "2 left-of 9".
    #[error("“{0}” can't be read; write a relation as \"2 left-of 9\" or \"cat left-of dog\"")]
    RelationNotation(String),
    /// The middle of a relation is no relation.
    #[error(transparent)]
    UnknownRelation(#[from] UnknownRelation),
    /// No such position.
    #[error("there is no token {position}; the words of this prompt are tokens 1 to {last}")]
    OutOfRange {
        /// The position.
        position: usize,
        /// Position of the last word's last token.
        last: usize,
    },
    /// Start, end or padding.
    #[error(
        "token {position} is {token}, which is no word; the words of this prompt are tokens 1 to {last}"
    )]
    Special {
        /// The position.
        position: usize,
        /// Its text.
        token: String,
        /// Position of the last word's last token.
        last: usize,
    },
    /// A token, or another token of its word, has been used already.
    #[error("“{word}” (token {position}) is used twice; give each word one part")]
    Repeated {
        /// The position.
        position: usize,
        /// Its word.
        word: String,
    },
    /// An object without a noun.
    #[error("an object has no noun; give the token position of its noun")]
    MissingNoun,
    /// A noun of words that are apart.
    #[error(
        "“{first}” and “{second}” are not neighbours and can't be one noun; choose one of them"
    )]
    Apart {
        /// A word of the noun.
        first: String,
        /// The next word of the noun.
        second: String,
    },
    /// The words don't stand in the prompt.
    #[error("“{0}” is not in the prompt; use words of the prompt or token positions")]
    UnknownWord(String),
    /// The words stand in several places.
    #[error("“{words}” stands at tokens {positions:?}; use one of these positions instead")]
    AmbiguousWord {
        /// As it was written.
        words: String,
        /// First token position of each place.
        positions: Vec<usize>,
    },
}

/// One entry of the notation: None, a position, or the positions of one word.
#[derive(Deserialize)]
#[serde(untagged)]
enum Entry {
    One(usize),
    Several(Vec<usize>),
    None(()),
}

impl Entry {
    fn positions(self) -> Vec<usize> {
        match self {
            Self::None(()) => Vec::new(),
            Self::One(position) => vec![position],
            Self::Several(positions) => positions,
        }
    }
}

impl FromStr for TokenIndices {
    type Err = TokenIndicesError;

    /// Reads Python's and JSON's spelling; the list of adjectives may be left out.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let error = |reason: String| TokenIndicesError::Notation {
            text: text.to_owned(),
            reason,
        };
        let json = text.to_lowercase().replace("none", "null");
        let lists: Vec<Vec<Entry>> =
            serde_json::from_str(&json).map_err(|source| error(source.to_string()))?;
        if !(1..=2).contains(&lists.len()) {
            return Err(error(format!(
                "it has {} lists instead of two",
                lists.len()
            )));
        }
        let mut pairs = lists.into_iter().map(|list| {
            let positions: Vec<Vec<usize>> = list.into_iter().map(Entry::positions).collect();
            <[Vec<usize>; 2]>::try_from(positions)
                .map_err(|list| error(format!("a list has {} entries instead of two", list.len())))
        });
        let nouns = pairs.next().transpose()?.unwrap_or_default();
        if nouns.iter().any(Vec::is_empty) {
            return Err(error("a noun is missing".to_owned()));
        }
        let attributes = pairs.next().transpose()?.unwrap_or_default();
        Ok(Self { nouns, attributes })
    }
}

impl fmt::Display for TokenIndices {
    /// As the original program writes it, without spaces.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let entry = |positions: &Vec<usize>| match positions.as_slice() {
            [] => "None".to_owned(),
            [position] => position.to_string(),
            several => format!("{several:?}").replace(' ', ""),
        };
        let list = |pair: &[Vec<usize>; 2]| pair.each_ref().map(entry).join(",");
        write!(
            formatter,
            "[[{}],[{}]]",
            list(&self.nouns),
            list(&self.attributes)
        )
    }
}

impl TokenIndices {
    /// The positions of an assignment of two objects with at most one
    /// relation; `None` for all that the notation can't say.
    pub fn of(assignment: &Assignment, prompt: &TokenizedPrompt) -> Option<Self> {
        let order = match assignment.relations.as_slice() {
            [] => [0, 1],
            [relation] => [relation.subject, relation.object],
            _ => return None,
        };
        let layout = assignment.layout(prompt).ok()?;
        if layout.objects.len() != 2 {
            return None;
        }
        let objects = [layout.objects.get(order[0])?, layout.objects.get(order[1])?];
        Some(Self {
            nouns: objects.map(|object| object.tokens.clone()),
            attributes: objects.map(|object| object.attributes.concat()),
        })
    }

    /// The words at these positions; `kind` is the relation, which the notation
    /// doesn't say (see [`first_relation`](super::proposal::first_relation)).
    /// A position inside a word of several tokens means the whole word.
    ///
    /// # Errors
    /// [`TokenIndicesError`] for positions that are no words, used twice, or apart.
    pub fn assignment(
        &self,
        prompt: &TokenizedPrompt,
        kind: Option<RelationKind>,
    ) -> Result<Assignment, TokenIndicesError> {
        let mut used = HashSet::new();
        let mut objects = Vec::with_capacity(2);
        for (noun, attributes) in self.nouns.iter().zip(&self.attributes) {
            let object = PromptObject {
                noun: noun_at(prompt, noun)?,
                attributes: words_at(prompt, attributes)?,
            };
            for word in object.noun.clone().chain(object.attributes.iter().copied()) {
                if !used.insert(word) {
                    return Err(TokenIndicesError::Repeated {
                        position: prompt.words[word].tokens.start,
                        word: prompt.words[word].text.clone(),
                    });
                }
            }
            objects.push(AssignedObject::new(&object, prompt));
        }
        let relation = kind.map(|kind| Relation {
            subject: 0,
            kind,
            object: 1,
        });
        Ok(Assignment {
            objects,
            relations: relation.into_iter().collect(),
            targets: Default::default(),
        })
    }
}

/// The neighbouring words of a noun's token positions.
pub(super) fn noun_at(
    prompt: &TokenizedPrompt,
    positions: &[usize],
) -> Result<Range<usize>, TokenIndicesError> {
    let mut words = words_at(prompt, positions)?;
    words.sort_unstable();
    let text = |word: usize| prompt.words[word].text.clone();
    if let Some(gap) = words.windows(2).find(|pair| pair[0] + 1 != pair[1]) {
        return Err(TokenIndicesError::Apart {
            first: text(gap[0]),
            second: text(gap[1]),
        });
    }
    match words.as_slice() {
        [] => Err(TokenIndicesError::MissingNoun),
        [first, .., last] => Ok(*first..last + 1),
        [only] => Ok(*only..only + 1),
    }
}

/// The words of token positions, each once.
fn words_at(
    prompt: &TokenizedPrompt,
    positions: &[usize],
) -> Result<Vec<usize>, TokenIndicesError> {
    let last = prompt.end - 1;
    let mut words = Vec::with_capacity(positions.len());
    for (index, &position) in positions.iter().enumerate() {
        let token = prompt
            .tokens
            .get(position)
            .ok_or(TokenIndicesError::OutOfRange { position, last })?;
        let word = token.word.ok_or_else(|| TokenIndicesError::Special {
            position,
            token: token.text.clone(),
            last,
        })?;
        if positions[..index].contains(&position) {
            return Err(TokenIndicesError::Repeated {
                position,
                word: prompt.words[word].text.clone(),
            });
        }
        if !words.contains(&word) {
            words.push(word);
        }
    }
    Ok(words)
}

#[cfg(test)]
mod tests;
