//! From pairs of objects to prompts, with the words that are objects known by construction.

use std::fmt;
use std::ops::Range;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::colours::Colour;
use super::pairs;
use crate::prompt::{AssignedObject, Assignment};
use crate::storm::{Relation, RelationKind};

/// The relations of the benchmark, in the order of its prompts.
pub const RELATIONS: [RelationKind; 4] = [
    RelationKind::LeftOf,
    RelationKind::RightOf,
    RelationKind::Above,
    RelationKind::Below,
];

/// Why a pair makes no prompts.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PromptError {
    /// Not two sides around a colon.
    #[error(
        "“{0}” is no pair; write a subject and an object as cat:house or \"red cat:blue house\""
    )]
    NotAPair(String),
    /// A thing cannot be beside itself.
    #[error("“{0}” has the same object twice; two different ones can be told apart")]
    SameTwice(String),
}

/// A thing that a prompt names, with the colour asked for.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct NamedObject {
    pub noun: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub colour: Option<Colour>,
}

impl fmt::Display for NamedObject {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.colour {
            Some(colour) => write!(formatter, "{} {}", colour.name(), self.noun),
            None => formatter.write_str(&self.noun),
        }
    }
}

impl NamedObject {
    fn parse(text: &str) -> Option<Self> {
        let words: Vec<&str> = text.split_whitespace().collect();
        let colour = words.first().and_then(|word| Colour::of_name(word));
        let (colour, noun) = match colour {
            Some(colour) if words.len() > 1 => (Some(colour), &words[1..]),
            _ => (None, &words[..]),
        };
        let noun = noun.join(" ");
        (!noun.is_empty()).then_some(Self { noun, colour })
    }
}

/// A subject and an object, which make one prompt per relation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pair {
    pub subject: NamedObject,
    pub object: NamedObject,
}

impl FromStr for Pair {
    type Err = PromptError;

    /// As `cat:house` or `red cat:blue house`.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let not_a_pair = || PromptError::NotAPair(text.trim().to_string());
        let (subject, object) = text.split_once(':').ok_or_else(not_a_pair)?;
        let parse = |side| NamedObject::parse(side).ok_or_else(not_a_pair);
        let (subject, object) = (parse(subject)?, parse(object)?);
        if subject.noun == object.noun || object.noun.contains(':') {
            return Err(PromptError::SameTwice(text.trim().to_string()));
        }
        Ok(Self { subject, object })
    }
}

/// Pairs from a list separated by commas, or a whole set by its name, `tuning`
/// or `held-out`.
///
/// # Errors
/// [`PromptError`] for the first that is no pair.
pub fn parse_pairs(text: &str) -> Result<Vec<Pair>, PromptError> {
    let list = match text.trim() {
        "tuning" => pairs::TUNING,
        "held-out" => pairs::HELD_OUT,
        list => list,
    };
    list.split(',').map(str::parse).collect()
}

/// The prompts of all pairs, each with every relation of [`RELATIONS`]. With
/// `colours`, objects without a colour get one that they do not have anyway.
pub fn prompts(pairs: &[Pair], colours: bool) -> Vec<SpatialPrompt> {
    let numbered = pairs.iter().enumerate();
    numbered
        .flat_map(|(number, pair)| {
            let numbered = RELATIONS.into_iter().enumerate();
            numbered.map(move |(place, relation)| {
                let mut prompt = SpatialPrompt {
                    subject: pair.subject.clone(),
                    relation,
                    object: pair.object.clone(),
                    written: None,
                };
                if colours {
                    prompt.colour(number + place);
                }
                prompt
            })
        })
        .collect()
}

/// One sentence to paint: “a cat left of a house”.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct SpatialPrompt {
    pub subject: NamedObject,
    pub relation: RelationKind,
    pub object: NamedObject,
    /// The sentence as a file of prompts has it; without it one is made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub written: Option<WrittenPrompt>,
}

/// A sentence from a file, and which of its bytes name the objects.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct WrittenPrompt {
    pub text: String,
    pub subject: WrittenObject,
    pub object: WrittenObject,
}

/// The words of one object.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct WrittenObject {
    pub noun: Range<usize>,
    #[serde(default)]
    pub attributes: Vec<Range<usize>>,
}

impl WrittenObject {
    fn of(object: &AssignedObject) -> Self {
        Self {
            noun: object.noun.clone(),
            attributes: object.attributes.clone(),
        }
    }

    fn assigned(&self) -> AssignedObject {
        AssignedObject {
            noun: self.noun.clone(),
            attributes: self.attributes.clone(),
        }
    }

    fn named(&self, text: &str) -> NamedObject {
        let words = |span: &Range<usize>| text.get(span.clone()).unwrap_or_default();
        let mut colours = self.attributes.iter().map(words).map(Colour::of_name);
        NamedObject {
            noun: words(&self.noun).to_lowercase(),
            colour: colours.find_map(|colour| colour),
        }
    }
}

impl SpatialPrompt {
    /// The first relation that is read in a sentence of a file; `None` if the rules
    /// find none.
    pub fn read(text: &str, read: &Assignment) -> Option<Self> {
        let relation = read.relations.first()?;
        let object = |index: usize| read.objects.get(index).map(WrittenObject::of);
        let (subject, other) = (object(relation.subject)?, object(relation.object)?);
        Some(Self {
            subject: subject.named(text),
            relation: relation.kind,
            object: other.named(text),
            written: Some(WrittenPrompt {
                text: text.to_owned(),
                subject,
                object: other,
            }),
        })
    }

    /// The sentence.
    pub fn text(&self) -> String {
        if let Some(written) = &self.written {
            return written.text.clone();
        }
        let phrase = self.relation.phrase();
        format!(
            "{} {phrase} {}",
            with_article(&self.subject),
            with_article(&self.object)
        )
    }

    /// Which words of [`Self::text`] are the objects, their colours and their relation.
    pub fn assignment(&self) -> Assignment {
        if let Some(written) = &self.written {
            return self.assigned([written.subject.assigned(), written.object.assigned()]);
        }
        let text = self.text();
        let second = text.len() - self.object.to_string().len();
        let first = with_article(&self.subject).len() - self.subject.to_string().len();
        self.assigned([
            assigned(&self.subject, first),
            assigned(&self.object, second),
        ])
    }

    /// Two objects with this relation.
    fn assigned(&self, objects: [AssignedObject; 2]) -> Assignment {
        Assignment {
            objects: objects.into(),
            relations: vec![Relation {
                subject: 0,
                kind: self.relation,
                object: 1,
            }],
            targets: Default::default(),
        }
    }

    /// Gives the objects two different colours, chosen by `number`.
    fn colour(&mut self, number: usize) {
        let object_colour = self.object.colour;
        let free = |noun: &str, taken: Option<Colour>| -> Vec<Colour> {
            let own = natural_colours(noun);
            let colours = Colour::ALL.iter().copied();
            colours
                .filter(|colour| !own.contains(colour) && Some(*colour) != taken)
                .collect()
        };
        let colours = free(&self.subject.noun, object_colour);
        let subject = *self
            .subject
            .colour
            .get_or_insert(colours[number % colours.len()]);
        let colours = free(&self.object.noun, Some(subject));
        self.object
            .colour
            .get_or_insert(colours[number % colours.len()]);
    }
}

/// The object's words in a text where they begin at a byte.
fn assigned(object: &NamedObject, start: usize) -> AssignedObject {
    let words = start..start + object.to_string().len();
    let noun: Range<usize> = words.end - object.noun.len()..words.end;
    let colour = object
        .colour
        .map(|colour| start..start + colour.name().len());
    AssignedObject {
        noun,
        attributes: colour.into_iter().collect(),
    }
}

/// The names that the colour of an object goes by when none is asked for (own_colours in
/// recipe/config.json): they would be right without being bound.
fn natural_colours(noun: &str) -> &'static [Colour] {
    match noun {
        "cat" | "boat" | "flower" => &[Colour::Orange, Colour::Yellow],
        "bird" | "car" | "rocket" | "clock" | "balloon" => &[Colour::Red, Colour::Pink],
        "apple" => &[Colour::Red],
        "house" => &[Colour::Orange],
        "star" => &[Colour::Yellow],
        "turtle" | "tree" => &[Colour::Green],
        "fish" | "airplane" | "ball" => &[Colour::Blue],
        "umbrella" => &[Colour::Purple],
        "hat" => &[Colour::Black],
        _ => &[],
    }
}

/// “a cat”, “an apple”.
pub(super) fn with_article(object: impl fmt::Display) -> String {
    let words = object.to_string();
    let article = if starts_with_vowel_sound(&words) {
        "an"
    } else {
        "a"
    };
    format!("{article} {words}")
}

/// Whether the first word begins with a vowel as it is spoken.
fn starts_with_vowel_sound(words: &str) -> bool {
    let first = words.split_whitespace().next().unwrap_or("").to_lowercase();
    let starts = |beginnings: &[&str]| beginnings.iter().any(|start| first.starts_with(start));
    // Spoken with y or w, and with a silent h.
    let consonant_sound = [
        "eu", "once", "one", "uk", "unic", "unif", "uniq", "unit", "univ", "use",
    ];
    let silent_h = ["heir", "honest", "honour", "hour"];
    let vowel_letter = ["a", "e", "i", "o", "u"];
    starts(&silent_h) || starts(&vowel_letter) && !starts(&consonant_sound)
}

#[cfg(test)]
mod tests;
