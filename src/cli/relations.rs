//! Which words are where: from `--token-indices`, `--relation`, an answer, or the prompt itself.

use super::Failure;
use super::arguments::GenerateArguments;
use super::ask;
use super::report::Report;
use crate::diffusion::{Method, Methods};
use crate::prompt::proposal::first_relation;
use crate::prompt::relation_text::{assignment_of_relations, relation_texts};
use crate::prompt::{
    Assignment, Note, RelationText, TokenIndices, TokenizedPrompt, add_targets, propose,
    target_texts,
};
use crate::storm::{Layout, Missing, ObjectiveKind, RelationKind};

/// The layout of one run. `known`: that of a picture with the same prompt.
/// `can_ask`: whether a person sits at the terminal.
///
/// # Errors
/// If words or positions make no sense, or STORM is to run and nothing says
/// what is related.
pub(super) fn layout(
    arguments: &GenerateArguments,
    prompt: &TokenizedPrompt,
    methods: Methods,
    known: Option<&Layout>,
    can_ask: bool,
    report: &Report,
) -> Result<Layout, Failure> {
    let is_said = arguments.token_indices.is_some() || !arguments.relation.is_empty();
    if let Some(known) = known.filter(|_| !is_said) {
        return Ok(known.clone());
    }
    let mut notes = Vec::new();
    let wishes = arguments.targets.read()?;
    let mut assignment = match (&arguments.token_indices, arguments.relation.is_empty()) {
        (Some(_), false) => {
            return Err(Failure::usage(
                "give --token-indices or --relation, not both; --relation says more",
            ));
        }
        (Some(indices), true) => from_indices(indices, prompt)?,
        (None, false) => from_relations(&arguments.relation, prompt)?,
        (None, true) => {
            let proposal = Assignment::proposed(prompt);
            notes = propose(&prompt.words).notes;
            if can_ask && wishes.is_empty() && methods.includes(Method::Storm) {
                ask::assignment(prompt, proposal)?
            } else {
                proposal
            }
        }
    };
    add_targets(&mut assignment, &wishes, prompt).map_err(Failure::usage)?;
    let is_related = !assignment.relations.is_empty();
    let objective = arguments.storm_parameters.objective.unwrap_or_default();
    let mut layout = assignment.layout(prompt).map_err(Failure::usage)?;
    if !objective.knows_targets() {
        if !wishes.is_empty() {
            return Err(Failure::usage(format!(
                "{objective} knows no places, regions, numbers or sizes; leave {} out or choose \
                 another method",
                wishes[0].option()
            )));
        }
        layout = layout.relations_alone();
    }
    if methods.includes(Method::Storm) {
        objective
            .check(&layout)
            .map_err(|lacking| missing(lacking, &notes))?;
    }
    if objective == ObjectiveKind::Reference
        && let Some(indices) = &arguments.token_indices
    {
        keep_only(&indices.parse().map_err(Failure::usage)?, &mut layout);
    }
    if is_related {
        report.note(&sentence(&layout, &assignment, prompt));
    }
    let wishes = target_texts(&layout);
    if !wishes.is_empty() {
        let wishes = wishes.iter();
        let wishes: Vec<String> = wishes
            .map(|wish| format!("{} \"{wish}\"", wish.option()))
            .collect();
        report.note(&format!("Asked for: {}", wishes.join(" ")));
    }
    for note in notes {
        report.note(&format!("Not placed: {note}"));
    }
    Ok(layout)
}

/// What an objective lacks, with how to say it here. `notes`: what the prompt
/// says of places and can't be steered.
fn missing(missing: Missing, notes: &[Note]) -> Failure {
    match missing {
        Missing::Places if !notes.is_empty() => {
            let notes: Vec<String> = notes.iter().map(ToString::to_string).collect();
            Failure::usage(format!(
                "{}; say another relation with --relation \"cat left-of dog\", or make a \
                 standard picture with --standard",
                notes.join("; ")
            ))
        }
        Missing::Places => Failure::usage(
            "the prompt names no relation between two objects; say it with \
             --relation \"cat left-of dog\", ask for a place, region, number or size with --place, \
             --region, --copies or --size-of, or make a standard picture with --standard",
        ),
        Missing::Objects => Failure::usage(
            "the prompt names no object to keep in the picture; say which words are objects with \
             --token-indices \"[[2,5]]\", or make a standard picture with --standard",
        ),
        Missing::Pair { .. } => Failure::usage(missing),
    }
}

/// Takes exactly the given positions, as the released code does, instead of all
/// tokens of their words.
fn keep_only(indices: &TokenIndices, layout: &mut Layout) {
    let given = indices.nouns.iter().zip(&indices.attributes);
    for (object, (noun, attribute)) in layout.objects.iter_mut().zip(given) {
        object.tokens.clone_from(noun);
        let attribute = Some(attribute.clone()).filter(|tokens| !tokens.is_empty());
        object.attributes = attribute.into_iter().collect();
    }
}

/// The original's notation, with the relation that the prompt names.
pub(super) fn from_indices(indices: &str, prompt: &TokenizedPrompt) -> Result<Assignment, Failure> {
    let indices: TokenIndices = indices.parse().map_err(Failure::usage)?;
    let kind: Option<RelationKind> = first_relation(&prompt.words);
    indices.assignment(prompt, kind).map_err(Failure::usage)
}

fn from_relations(texts: &[String], prompt: &TokenizedPrompt) -> Result<Assignment, Failure> {
    let texts: Result<Vec<RelationText>, _> = texts.iter().map(|text| text.parse()).collect();
    let texts = texts.map_err(Failure::usage)?;
    assignment_of_relations(&texts, prompt).map_err(Failure::usage)
}

/// What is understood, in words and as it can be typed.
fn sentence(layout: &Layout, assignment: &Assignment, prompt: &TokenizedPrompt) -> String {
    let relations: Vec<String> = layout
        .relations
        .iter()
        .zip(relation_texts(assignment, prompt))
        .map(|(relation, text)| {
            let subject = &layout.objects[relation.subject].label;
            let object = &layout.objects[relation.object].label;
            let phrase = relation.kind.phrase();
            format!("{subject} {phrase} {object} (--relation \"{text}\")")
        })
        .collect();
    format!("Relation: {}", relations.join("; "))
}
