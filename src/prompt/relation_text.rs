//! Relations as the command line takes them: `2 left-of 9` or `cat left-of dog`,
//! for what the original notation can't say.

use std::fmt;
use std::str::FromStr;

use super::assignment::{AssignedObject, Assignment};
use super::proposal::{PromptObject, object_at};
use super::spelling::normalised;
use super::token_indices::{TokenIndicesError, noun_at};
use super::tokenized_prompt::TokenizedPrompt;
use crate::storm::relation::{Relation, RelationKind};

/// How a relation names one of its objects.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ObjectReference {
    /// Token positions of the noun: `2`, or `[2,3]` for a noun of several tokens.
    Tokens(Vec<usize>),
    /// Neighbouring words of the prompt, the noun last.
    Words(String),
}

/// One relation as text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RelationText {
    /// What should stand somewhere.
    pub subject: ObjectReference,
    /// Where, seen from the object.
    pub kind: RelationKind,
    /// What it is seen from.
    pub object: ObjectReference,
}

impl FromStr for RelationText {
    type Err = TokenIndicesError;

    /// The relation may be spelled `left-of`, `left_of` or `left of`.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let parts: Vec<&str> = text.split_whitespace().collect();
        let kind_at = |start: usize, length: usize| {
            let words = parts.get(start..start + length)?;
            let kind = normalised(&words.join(" "));
            kind.parse::<RelationKind>().ok()
        };
        let found = (1..parts.len()).find_map(|start| {
            let lengths = [2, 1].into_iter();
            let mut kinds = lengths.filter_map(|length| Some((kind_at(start, length)?, length)));
            kinds.next().map(|(kind, length)| (start, kind, length))
        });
        let Some((start, kind, length)) = found else {
            return Err(match parts.as_slice() {
                // Three parts: the middle was meant as a relation.
                [_, middle, _] => middle
                    .parse::<RelationKind>()
                    .map_or_else(TokenIndicesError::from, |_| {
                        TokenIndicesError::RelationNotation(text.to_owned())
                    }),
                _ => TokenIndicesError::RelationNotation(text.to_owned()),
            });
        };
        let rest = &parts[start + length..];
        if rest.is_empty() {
            return Err(TokenIndicesError::RelationNotation(text.to_owned()));
        }
        Ok(Self {
            subject: ObjectReference::read(&parts[..start]),
            kind,
            object: ObjectReference::read(rest),
        })
    }
}

impl ObjectReference {
    pub(super) fn read(parts: &[&str]) -> Self {
        let joined = parts.concat();
        let tokens = match joined.parse() {
            Ok(position) => Some(vec![position]),
            Err(_) => serde_json::from_str(&joined).ok(),
        };
        match tokens {
            Some(tokens) => Self::Tokens(tokens),
            None => Self::Words(parts.join(" ")),
        }
    }

    /// Its index among the objects of an assignment, which it joins if it is new.
    ///
    /// # Errors
    /// [`TokenIndicesError`] if it is not in the prompt, or more than once.
    pub(super) fn index_in(
        &self,
        assignment: &mut Assignment,
        prompt: &TokenizedPrompt,
    ) -> Result<usize, TokenIndicesError> {
        let object = AssignedObject::new(&self.find(prompt)?, prompt);
        let objects = &mut assignment.objects;
        let known = objects.iter().position(|other| other.noun == object.noun);
        Ok(known.unwrap_or_else(|| {
            objects.push(object);
            objects.len() - 1
        }))
    }

    /// The object in the prompt, with the attributes that the prompt gives it.
    ///
    /// # Errors
    /// [`TokenIndicesError`] if it is not there, or more than once.
    pub(super) fn find(&self, prompt: &TokenizedPrompt) -> Result<PromptObject, TokenIndicesError> {
        let noun = match self {
            Self::Tokens(positions) => noun_at(prompt, positions)?,
            Self::Words(words) => {
                let last = last_word_of(words, prompt)?;
                last..last + 1
            }
        };
        let mut object = object_at(&prompt.words, noun.end - 1);
        // Several positions say exactly what the noun is.
        if noun.len() > 1 {
            object.attributes.retain(|word| !noun.contains(word));
            object.noun = noun;
        }
        Ok(object)
    }
}

fn without_possessive(word: String) -> String {
    match word.strip_suffix("'s") {
        Some(owner) => owner.to_owned(),
        None => word,
    }
}

/// Index of the last of the words where they stand in the prompt.
fn last_word_of(words: &str, prompt: &TokenizedPrompt) -> Result<usize, TokenIndicesError> {
    let wanted: Vec<String> = words.split(' ').map(normalised).collect();
    let texts: Vec<String> = prompt
        .words
        .iter()
        .map(|word| without_possessive(normalised(&word.text)))
        .collect();
    let windows = texts.windows(wanted.len()).enumerate();
    let places: Vec<usize> = windows
        .filter(|(_, window)| *window == wanted)
        .map(|(first, _)| first)
        .collect();
    match places.as_slice() {
        [] => Err(TokenIndicesError::UnknownWord(words.to_owned())),
        [first] => Ok(first + wanted.len() - 1),
        several => Err(TokenIndicesError::AmbiguousWord {
            words: words.to_owned(),
            positions: several
                .iter()
                .map(|&first| prompt.words[first + wanted.len() - 1].tokens.start)
                .collect(),
        }),
    }
}

impl fmt::Display for RelationText {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} {} {}", self.subject, self.kind, self.object)
    }
}

impl fmt::Display for ObjectReference {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Words(words) => formatter.write_str(words),
            Self::Tokens(tokens) => match tokens.as_slice() {
                [position] => write!(formatter, "{position}"),
                several => formatter.write_str(&format!("{several:?}").replace(' ', "")),
            },
        }
    }
}

/// The assignment that relations given as text ask for. Objects with the same
/// noun are one object.
///
/// # Errors
/// [`TokenIndicesError`] if an object is not to be found in the prompt.
pub fn assignment_of_relations(
    texts: &[RelationText],
    prompt: &TokenizedPrompt,
) -> Result<Assignment, TokenIndicesError> {
    let mut assignment = Assignment::default();
    for text in texts {
        let mut index_of =
            |reference: &ObjectReference| reference.index_in(&mut assignment, prompt);
        let (subject, object) = (index_of(&text.subject)?, index_of(&text.object)?);
        assignment.relations.push(Relation {
            subject,
            kind: text.kind,
            object,
        });
    }
    Ok(assignment)
}

/// The relations of an assignment as text, by token positions. A relation
/// whose words were cut off is left out.
pub fn relation_texts(assignment: &Assignment, prompt: &TokenizedPrompt) -> Vec<RelationText> {
    let tokens = |object: usize| {
        let tokens = prompt.tokens_in(&assignment.objects.get(object)?.noun);
        (!tokens.is_empty()).then_some(ObjectReference::Tokens(tokens))
    };
    let relations = assignment.relations.iter().filter_map(|relation| {
        Some(RelationText {
            subject: tokens(relation.subject)?,
            kind: relation.kind,
            object: tokens(relation.object)?,
        })
    });
    relations.collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::prompt::tokenizer::tests::SD1;

    const TEXT: &str = "a red cat left of a blue dog and above a teddy bear";

    fn read(texts: &[&str], prompt: &TokenizedPrompt) -> Result<Assignment, TokenIndicesError> {
        let texts: Result<Vec<RelationText>, _> = texts.iter().map(|text| text.parse()).collect();
        assignment_of_relations(&texts?, prompt)
    }

    #[test]
    fn numbers_and_words_say_the_same() {
        let prompt = SD1.encode(TEXT);
        let expected = Assignment::proposed(&prompt);
        assert_eq!(expected.objects.len(), 3);
        for texts in [
            ["3 left-of 8", "3 above 13"],
            ["cat left-of dog", "cat above teddy bear"],
            ["Cat left of blue dog", "red cat above bear"],
            ["3  LEFT_OF  dog", "[3] above [13]"],
            ["cat left‑of dog", "cat above bear"],
        ] {
            assert_eq!(read(&texts, &prompt), Ok(expected.clone()), "{texts:?}");
        }
    }

    #[test]
    fn printed_relations_are_read_back() {
        let prompt = SD1.encode(TEXT);
        let assignment = Assignment::proposed(&prompt);
        let texts = relation_texts(&assignment, &prompt);
        let printed: Vec<String> = texts.iter().map(ToString::to_string).collect();
        assert_eq!(printed, ["3 left-of 8", "3 above 13"]);
        let printed: Vec<&str> = printed.iter().map(String::as_str).collect();
        assert_eq!(read(&printed, &prompt), Ok(assignment));
    }

    #[test]
    fn a_noun_of_several_words_is_said_by_its_tokens() {
        let prompt = SD1.encode(TEXT);
        let assignment = read(&["3 above [12, 13]"], &prompt).unwrap();
        assert_eq!(&TEXT[assignment.objects[1].noun.clone()], "teddy bear");
        let printed = relation_texts(&assignment, &prompt)[0].to_string();
        assert_eq!(printed, "3 above [12,13]");
        assert_eq!(read(&[&printed], &prompt), Ok(assignment));
    }

    #[test]
    fn words_are_found_in_every_spelling() {
        for (text, relation) in [
            ("a résumé left of a dog", "re\u{301}sume\u{301} left-of dog"),
            ("a re\u{301}sume\u{301} left of a dog", "résumé left-of dog"),
            ("a RÉSUMÉ left of a dog’s bowl", "résumé left-of dog"),
            ("a t‑shirt left of the dog", "t-shirt left-of Dog"),
        ] {
            let prompt = SD1.encode(text);
            let found = read(&[relation], &prompt);
            assert_eq!(found.map(|it| it.relations.len()), Ok(1), "{relation}");
        }
    }

    #[test]
    fn what_cannot_be_read_is_told() {
        use TokenIndicesError::*;
        let prompt = SD1.encode("a cat near a cat and a dog");
        let error = |text: &str| read(&[text], &prompt).unwrap_err();
        assert!(matches!(error("2 beside 9"), UnknownRelation(_)));
        for text in ["", "cat", "left-of dog", "cat left-of", "cat dog"] {
            assert_eq!(error(text), RelationNotation(text.to_owned()));
        }
        assert_eq!(error("bird left-of dog"), UnknownWord("bird".to_owned()));
        assert_eq!(
            error("cat left-of dog"),
            AmbiguousWord {
                words: "cat".to_owned(),
                positions: vec![2, 5]
            }
        );
        assert!(matches!(
            error("0 left-of 2"),
            Special {
                position: 0,
                last: 8,
                ..
            }
        ));
        assert!(matches!(
            error("2 left-of 100"),
            OutOfRange {
                position: 100,
                last: 8
            }
        ));
        assert!(matches!(error("[2,5] left-of 8"), Apart { .. }));
        assert_eq!(error("[] left-of 8"), MissingNoun);
    }
}
