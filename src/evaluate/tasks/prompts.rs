//! What is asked for: the prompts of each task, made from pairs of objects.

use std::ops::Range;

use serde::{Deserialize, Serialize};
use strum::{Display, EnumString};

use super::Task;
use crate::evaluate::prompts::{Pair, RELATIONS, with_article};
use crate::prompt::{AssignedObject, Assignment, ModelVocabulary, TargetText, target_texts};
use crate::storm::{
    Area, Layout, Mask, ObjectTarget, ObjectTokens, Relation, RelationKind, Shape, Size,
};

/// Extents that the task of sizes asks for, as fractions of the shorter side: those
/// in which the embedded model's objects come, small, usual and big.
const EXTENTS: [f64; 3] = [0.22, 0.31, 0.44];
/// The extent of the big one in the mixed task.
const BIG: f64 = 0.44;
/// Numbers that can be said.
const NUMBERS: [&str; 4] = ["", "one", "two", "three"];

/// Whether the prompt says what is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Display, EnumString)]
#[serde(rename_all = "lowercase")]
#[strum(serialize_all = "lowercase")]
pub enum Wording {
    /// “a cat”, however many are asked for: for a model that knows no numbers.
    Plain,
    /// “two cats”, “a big dog”.
    Full,
}

impl Wording {
    /// The one for a model: the full one unless it was taught no numbers or sizes.
    pub fn for_model(vocabulary: Option<&ModelVocabulary>) -> Self {
        let words = NUMBERS[1..].iter().chain(&["small", "big"]);
        let knows = |vocabulary: &ModelVocabulary| {
            !vocabulary.names_words() || words.clone().all(|word| vocabulary.knows(word))
        };
        match vocabulary.is_none_or(knows) {
            true => Self::Full,
            false => Self::Plain,
        }
    }
}

/// One object of a prompt and all that is asked of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct WantedObject {
    /// In the singular, as the detector names it.
    pub noun: String,
    /// Its word's bytes in the prompt.
    pub span: Range<usize>,
    /// How many, how large, where; its index is not used.
    pub target: ObjectTarget,
}

/// One picture to ask for.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TaskPrompt {
    pub task: Task,
    pub text: String,
    pub objects: Vec<WantedObject>,
    pub relations: Vec<Relation>,
    /// Whether a region is of a shape that the object can fill.
    #[serde(default)]
    pub is_fillable: bool,
}

impl TaskPrompt {
    /// Which words are what, for a request.
    pub fn assignment(&self) -> Assignment {
        let objects = self.objects.iter();
        let targets = self.objects.iter().enumerate();
        let targets: Vec<ObjectTarget> = targets
            .map(|(object, wanted)| ObjectTarget {
                object,
                ..wanted.target.clone()
            })
            .filter(ObjectTarget::asks)
            .collect();
        Assignment {
            objects: objects
                .map(|object| AssignedObject {
                    noun: object.span.clone(),
                    attributes: Vec::new(),
                })
                .collect(),
            relations: self.relations.clone(),
            targets: targets.into(),
        }
    }

    /// Tells it from all others: its task, words and wishes.
    pub fn key(&self) -> String {
        let tokens = |object: &WantedObject| ObjectTokens {
            tokens: Vec::new(),
            attributes: Vec::new(),
            label: object.noun.clone(),
        };
        let layout = Layout {
            objects: self.objects.iter().map(tokens).collect(),
            relations: Vec::new(),
            targets: self.assignment().targets,
        };
        let wishes = target_texts(&layout);
        let wishes: Vec<String> = wishes.iter().map(TargetText::to_string).collect();
        format!("{} {} {}", self.task, self.text, wishes.join(" "))
            .trim()
            .to_owned()
    }
}

/// The prompts of a task, in the order of the pairs.
pub fn task_prompts(task: Task, pairs: &[Pair], wording: Wording) -> Vec<TaskPrompt> {
    let nouns: Vec<[&str; 2]> = pairs
        .iter()
        .map(|pair| [pair.subject.noun.as_str(), pair.object.noun.as_str()])
        .collect();
    let numbered = nouns.iter().copied().enumerate();
    numbered
        .flat_map(|(number, [first, second])| match task {
            Task::Relation => RELATIONS
                .map(|kind| relation(&[first, second], kind))
                .to_vec(),
            Task::Chain => {
                let third = third_noun(&nouns, number);
                [RelationKind::LeftOf, RelationKind::Above]
                    .map(|kind| relation(&[first, second, third], kind))
                    .to_vec()
            }
            Task::Count => [2, 3].map(|copies| count(first, copies, wording)).to_vec(),
            Task::Size => vec![size(first, EXTENTS[number % EXTENTS.len()], wording)],
            Task::Region => {
                let shapes = regions();
                let pick = |offset: usize| shapes[(2 * number + offset) % shapes.len()].clone();
                [region(first, pick(0)), region(second, pick(1))].to_vec()
            }
            Task::Mixed => {
                let kind = RELATIONS[number % RELATIONS.len()];
                vec![mixed(first, kind, second, wording)]
            }
        })
        .collect()
}

/// An object of the pairs that come next which is in neither place of this one.
fn third_noun<'a>(nouns: &[[&'a str; 2]], number: usize) -> &'a str {
    let own = nouns[number];
    let later = nouns.iter().cycle().skip(number + 1).take(nouns.len());
    let mut other = later.flatten().copied().filter(|noun| !own.contains(noun));
    other.next().unwrap_or("tree")
}

/// A sentence that is put together, with the places of its objects.
#[derive(Default)]
struct Sentence {
    text: String,
    objects: Vec<WantedObject>,
}

impl Sentence {
    fn say(&mut self, words: &str) {
        if !self.text.is_empty() {
            self.text.push(' ');
        }
        self.text.push_str(words);
    }

    /// Names an object, `words` ending with its noun as it stands there.
    fn name(&mut self, words: &str, noun: &str, said: &str, target: ObjectTarget) {
        self.say(words);
        let end = self.text.len();
        self.objects.push(WantedObject {
            noun: noun.to_owned(),
            span: end - said.len()..end,
            target,
        });
    }

    fn one(&mut self, noun: &str) {
        self.name(&with_article(noun), noun, noun, ObjectTarget::default());
    }

    fn into_prompt(self, task: Task, relations: Vec<Relation>) -> TaskPrompt {
        TaskPrompt {
            task,
            text: self.text,
            objects: self.objects,
            relations,
            is_fillable: false,
        }
    }
}

/// “a cat left of a dog left of a bird”
fn relation(nouns: &[&str], kind: RelationKind) -> TaskPrompt {
    let mut sentence = Sentence::default();
    for (index, noun) in nouns.iter().enumerate() {
        if index > 0 {
            sentence.say(kind.phrase());
        }
        sentence.one(noun);
    }
    let relations = (1..nouns.len()).map(|object| Relation {
        subject: object - 1,
        kind,
        object,
    });
    let task = if nouns.len() > 2 {
        Task::Chain
    } else {
        Task::Relation
    };
    sentence.into_prompt(task, relations.collect())
}

/// “two cats”, or “a cat” for a model that knows no numbers.
fn copies_of(sentence: &mut Sentence, noun: &str, copies: usize, wording: Wording) {
    let target = ObjectTarget {
        copies,
        ..ObjectTarget::default()
    };
    match wording {
        Wording::Plain => sentence.name(&with_article(noun), noun, noun, target),
        Wording::Full => {
            let plural = plural(noun);
            sentence.name(
                &format!("{} {plural}", NUMBERS[copies]),
                noun,
                &plural,
                target,
            );
        }
    }
}

fn count(noun: &str, copies: usize, wording: Wording) -> TaskPrompt {
    let mut sentence = Sentence::default();
    copies_of(&mut sentence, noun, copies, wording);
    sentence.into_prompt(Task::Count, Vec::new())
}

fn sized(sentence: &mut Sentence, noun: &str, extent: f64, wording: Wording) {
    let target = ObjectTarget {
        size: Some(Size::Extent(extent)),
        ..ObjectTarget::default()
    };
    let word = match wording {
        Wording::Plain => "",
        Wording::Full if extent == EXTENTS[0] => "small ",
        Wording::Full if extent == EXTENTS[2] => "big ",
        Wording::Full => "",
    };
    let words = with_article(format!("{word}{noun}"));
    sentence.name(&words, noun, noun, target);
}

fn size(noun: &str, extent: f64, wording: Wording) -> TaskPrompt {
    let mut sentence = Sentence::default();
    sized(&mut sentence, noun, extent, wording);
    sentence.into_prompt(Task::Size, Vec::new())
}

fn mixed(first: &str, kind: RelationKind, second: &str, wording: Wording) -> TaskPrompt {
    let mut sentence = Sentence::default();
    copies_of(&mut sentence, first, 2, wording);
    sentence.say(match wording {
        Wording::Plain => "and",
        Wording::Full => kind.phrase(),
    });
    sized(&mut sentence, second, BIG, wording);
    let relation = Relation {
        subject: 0,
        kind,
        object: 1,
    };
    sentence.into_prompt(Task::Mixed, vec![relation])
}

fn region(noun: &str, (shape, is_fillable): (Shape, bool)) -> TaskPrompt {
    let mut sentence = Sentence::default();
    let target = ObjectTarget {
        shape,
        ..ObjectTarget::default()
    };
    sentence.name(&with_article(noun), noun, noun, target);
    TaskPrompt {
        is_fillable,
        ..sentence.into_prompt(Task::Region, Vec::new())
    }
}

/// Rectangles and ellipses of 1 : 2 to 2 : 1, of half to twice the area that objects
/// usually have, all over the picture; and two that no object fills. Each with
/// whether one can.
fn regions() -> Vec<(Shape, bool)> {
    let area = |x: f64, y: f64, width: f64, height: f64| Area {
        x,
        y,
        width,
        height,
    };
    let mut ell = Mask::empty(1.0);
    for row in 0..64 {
        for column in 0..64 {
            if column < 24 || row >= 40 {
                ell.paint(
                    [
                        (f64::from(column) + 0.5) / 64.0,
                        (f64::from(row) + 0.5) / 64.0,
                    ],
                    0.0,
                    true,
                );
            }
        }
    }
    vec![
        (Shape::Rectangle(area(0.05, 0.1, 0.375, 0.375)), true),
        (Shape::Rectangle(area(0.5, 0.3, 0.25, 0.5)), true),
        (Shape::Ellipse(area(0.4, 0.5, 0.5, 0.4)), true),
        (Shape::Rectangle(area(0.3, 0.05, 0.5, 0.25)), true),
        (Shape::Ellipse(area(0.1, 0.4, 0.45, 0.5)), true),
        (Shape::Rectangle(area(0.55, 0.55, 0.4, 0.4)), true),
        (Shape::Mask(ell), false),
        (Shape::Rectangle(area(0.0, 0.7, 1.0, 0.3)), false),
    ]
}

/// Of the nouns that are counted here.
fn plural(noun: &str) -> String {
    match noun {
        "fish" | "sheep" => noun.to_owned(),
        _ if noun.ends_with(['s', 'x']) || noun.ends_with("ch") || noun.ends_with("sh") => {
            format!("{noun}es")
        }
        _ => format!("{noun}s"),
    }
}

#[cfg(test)]
mod tests;
