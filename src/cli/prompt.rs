//! `prompt`: what is read in a prompt: its tokens, objects, relations, what can't be
//! placed, and which words the model was never taught. Loads no model: every Stable
//! Diffusion 1.x and 2.x splits a prompt into the same tokens.

use std::fs::File;
use std::io::{self, BufRead, BufReader};
use std::path::{Path, PathBuf};

use clap::Args;
use serde::Serialize;

use super::model::ModelParts;
use super::values::{path, prompt_weights_help};
use super::{Failure, output};
use crate::prompt::{
    Assignment, CLIP_MERGES, ClipTokenizer, ModelVocabulary, PromptObject, PromptWeights, Proposal,
    TokenizedPrompt, TokenizerFiles, VocabularyNote, propose, target_texts,
};
use crate::storm::Layout;

#[derive(Debug, Args)]
pub(super) struct PromptArguments {
    /// The prompt to read
    #[arg(required_unless_present = "file", conflicts_with = "file")]
    prompt: Option<String>,
    /// Read one prompt from each line of this file; - for standard input
    #[arg(long, value_name = "FILE", value_parser = path())]
    file: Option<PathBuf>,
    #[arg(long, alias = "prompt_weights", value_name = "RULE", default_value_t, help = prompt_weights_help())]
    prompt_weights: PromptWeights,
    /// The model whose words are known, if it says which: a diffusers folder or a .safetensors
    /// file; without it the embedded model
    #[arg(long, value_name = "PATH", value_parser = path())]
    model: Option<PathBuf>,
    /// Print one line of JSON for each prompt
    #[arg(long)]
    json: bool,
}

/// What prompts are read with.
struct Reader {
    tokenizer: ClipTokenizer,
    /// The model's name, and what it knows, if it says so.
    known: Option<(String, ModelVocabulary)>,
}

/// A prompt and all that is found in it.
struct PromptReading {
    prompt: TokenizedPrompt,
    proposal: Proposal,
    /// Words that the model was never taught.
    never_seen: Vec<String>,
    vocabulary: Vec<VocabularyNote>,
}

/// One prompt as a line of JSON.
#[derive(Serialize)]
struct Line<'a> {
    prompt: &'a str,
    /// As "cat left-of dog".
    relations: Vec<String>,
    objects: Vec<ObjectLine<'a>>,
    /// As "--copies \"cats 2\"".
    #[serde(skip_serializing_if = "Vec::is_empty")]
    wishes: Vec<String>,
    notes: Vec<String>,
    /// Words that the model was never taught.
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    never_seen: &'a [String],
}

#[derive(Serialize)]
struct ObjectLine<'a> {
    noun: String,
    attributes: Vec<&'a str>,
}

pub(super) fn run(arguments: &PromptArguments) -> Result<(), Failure> {
    let source = ModelParts::default().source(arguments.model.as_deref())?;
    let vocabulary = source.vocabulary().map_err(Failure::model)?;
    let reader = Reader {
        tokenizer: prompt_tokenizer()?,
        known: vocabulary.map(|vocabulary| (source.name(), vocabulary)),
    };
    let tell = |prompt: &str| {
        let reading = reader.read(prompt, arguments.prompt_weights);
        output::line(match arguments.json {
            true => json(&reading),
            false => sentences(&reading),
        })
    };
    match (&arguments.prompt, &arguments.file) {
        (Some(prompt), _) => tell(prompt),
        (None, Some(path)) => each_line(&mut open(path)?, path, tell),
        (None, None) => Ok(()),
    }
}

impl Reader {
    fn read(&self, prompt: &str, weights: PromptWeights) -> PromptReading {
        let prompt = self.tokenizer.read(prompt, weights);
        let (mut never_seen, mut vocabulary) = (Vec::new(), Vec::new());
        if let Some((model, known)) = &self.known {
            let words = known.unknown_words(&prompt).into_iter();
            never_seen.extend(words.map(|word| prompt.words[word].text.clone()));
            vocabulary = known.notes(model, &prompt, &Layout::default());
        }
        PromptReading {
            proposal: propose(&prompt.words),
            prompt,
            never_seen,
            vocabulary,
        }
    }
}

/// The tokenizer of CLIP, for whoever reads prompts without a model.
pub(super) fn prompt_tokenizer() -> Result<ClipTokenizer, Failure> {
    let files = TokenizerFiles {
        merges: Some(CLIP_MERGES),
        ..TokenizerFiles::default()
    };
    ClipTokenizer::from_files(files).map_err(Failure::model)
}

fn open(path: &Path) -> Result<Box<dyn BufRead>, Failure> {
    if path == Path::new("-") {
        return Ok(Box::new(io::stdin().lock()));
    }
    let file = File::open(path).map_err(|error| unreadable(path, &error))?;
    Ok(Box::new(BufReader::new(file)))
}

fn unreadable(path: &Path, error: &io::Error) -> Failure {
    Failure::file(format!("{} can't be read ({error})", path.display()))
}

/// Calls `tell` with each line that holds more than white space, in whatever
/// encoding it is, until it fails.
fn each_line(
    lines: &mut dyn BufRead,
    path: &Path,
    tell: impl Fn(&str) -> Result<(), Failure>,
) -> Result<(), Failure> {
    let mut bytes = Vec::new();
    loop {
        bytes.clear();
        let read = lines.read_until(b'\n', &mut bytes);
        if read.map_err(|error| unreadable(path, &error))? == 0 {
            return Ok(());
        }
        let line = String::from_utf8_lossy(&bytes);
        let line = line
            .trim_start_matches('\u{FEFF}')
            .trim_end_matches(['\r', '\n']);
        if !line.trim().is_empty() {
            tell(line)?;
        }
    }
}

fn json(reading: &PromptReading) -> String {
    let PromptReading {
        prompt, proposal, ..
    } = reading;
    let text = |&word: &usize| prompt.words[word].text.as_str();
    let objects = proposal.objects.iter().map(|object| ObjectLine {
        noun: object.noun_text(&prompt.words),
        attributes: object.attributes.iter().map(text).collect(),
    });
    let line = Line {
        prompt: &prompt.text,
        relations: relations(prompt, proposal, |kind| kind.to_string()),
        objects: objects.collect(),
        wishes: wishes(prompt),
        notes: proposal.notes.iter().map(ToString::to_string).collect(),
        never_seen: &reading.never_seen,
    };
    serde_json::to_string(&line).expect("texts and lists of texts are JSON")
}

fn relations(
    prompt: &TokenizedPrompt,
    proposal: &Proposal,
    say: fn(crate::storm::RelationKind) -> String,
) -> Vec<String> {
    let noun = |object: usize| proposal.objects[object].noun_text(&prompt.words);
    let relations = proposal.relations.iter();
    relations
        .map(|it| format!("{} {} {}", noun(it.subject), say(it.kind), noun(it.object)))
        .collect()
}

/// Numbers, sizes and places that are read, as options of `generate`.
fn wishes(prompt: &TokenizedPrompt) -> Vec<String> {
    let layout = Assignment::proposed(prompt).layout(prompt);
    let texts = layout
        .map(|layout| target_texts(&layout))
        .unwrap_or_default();
    let texts = texts.iter();
    texts
        .map(|wish| format!("{} \"{wish}\"", wish.option()))
        .collect()
}

/// The prompt, and below it what is read in it.
fn sentences(reading: &PromptReading) -> String {
    let PromptReading {
        prompt, proposal, ..
    } = reading;
    let tokens = prompt.word_tokens().iter();
    let tokens: Vec<String> = tokens
        .map(|token| format!("{} {}", token.position, token.text))
        .collect();
    let weights: Vec<String> = weighted(prompt).collect();
    let networks = prompt.networks.iter();
    let networks: Vec<String> = networks
        .map(|tag| prompt.text[tag.span.clone()].to_owned())
        .collect();
    let objects = proposal.objects.iter();
    let objects: Vec<String> = objects.map(|it| described(it, prompt)).collect();
    let relations = relations(prompt, proposal, |kind| kind.phrase().to_owned());
    let mut lines = vec![
        prompt.text.clone(),
        format!("  tokens     {}", tokens.join(", ")),
        format!("  objects    {}", listed(&objects)),
        format!("  relations  {}", listed(&relations)),
    ];
    for (name, texts) in [("weights", weights), ("networks", networks)] {
        if !texts.is_empty() {
            lines.push(format!("  {name:<10} {}", texts.join(", ")));
        }
    }
    if prompt.own_chunks > 1 {
        let counts = (0..prompt.own_chunks).map(|chunk| words_in_chunk(prompt, chunk));
        let counts: Vec<String> = counts.collect();
        lines.push(format!("  chunks     {} tokens", counts.join(" + ")));
    }
    lines.extend(
        prompt
            .notes
            .iter()
            .map(|note| format!("  note       {note}")),
    );
    let vocabulary = reading.vocabulary.iter();
    lines.extend(vocabulary.map(|note| format!("  note       {note}")));
    let wishes = wishes(prompt);
    if !wishes.is_empty() {
        lines.push(format!("  asked for  {}", listed(&wishes)));
    }
    let notes = proposal
        .notes
        .iter()
        .map(|note| format!("  not placed {note}"));
    lines.extend(notes);
    if !prompt.lost_words.is_empty() {
        let words = prompt.lost_words.join(" ");
        lines.push(format!("  cut off    {words}"));
    }
    lines.join("\n")
}

/// "cat 1.3" for each word with a weight.
fn weighted(prompt: &TokenizedPrompt) -> impl Iterator<Item = String> {
    let words = prompt.words.iter().filter(|word| word.weight != 1.0);
    words.map(|word| format!("{} {}", word.text, word.weight))
}

fn words_in_chunk(prompt: &TokenizedPrompt, chunk: usize) -> String {
    let positions = prompt.chunks[chunk].iter();
    let words = positions.filter(|&&position| !prompt.tokens[position].is_special());
    words.count().to_string()
}

/// "dog (big, brown)"
fn described(object: &PromptObject, prompt: &TokenizedPrompt) -> String {
    let noun = object.noun_text(&prompt.words);
    let attributes = object.attributes.iter();
    let attributes: Vec<&str> = attributes
        .map(|&word| prompt.words[word].text.as_str())
        .collect();
    match attributes.as_slice() {
        [] => noun,
        attributes => format!("{noun} ({})", attributes.join(", ")),
    }
}

fn listed(texts: &[String]) -> String {
    match texts {
        [] => "none".to_owned(),
        texts => texts.join(", "),
    }
}
