//! What a request's networks make of the model before its pictures are made.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::error::{EngineError, RequestError};
use super::networks::{UsedKind, UsedNetwork, asked_loras};
use super::request::Request;
use crate::checkpoint::{LoraFile, MergedLora, StableDiffusion, TextualInversion};

/// What is part of the model, or of the prompts, now.
#[derive(Debug, Default)]
pub(super) struct Merged {
    pub(super) used: Arc<Vec<UsedNetwork>>,
    /// Of each textual inversion in the prompts its vectors, one behind the other.
    pub(super) vectors: BTreeMap<String, Vec<f32>>,
}

/// Makes the request's LoRAs part of `model`, and no others; what is there already
/// stays. The textual inversions of its prompts are read.
///
/// # Errors
/// If a file is missing or cannot be used; the LoRAs of before are part of the model then.
pub(super) fn merge(model: &mut StableDiffusion, request: &Request) -> Result<Merged, EngineError> {
    let description = &model.description;
    let (settings, library) = (&request.settings, &request.networks);
    let width = description.taught_width();
    let known = library.known_words(width);
    let texts = [request.prompt.as_str(), request.negative_prompt.as_str()];
    let [prompt, negative_prompt] = description.read_prompts(texts, settings.reading(), &known);
    let asked = asked_loras(&settings.loras, &prompt.networks);
    let asked = asked
        .map_err(|tag| RequestError::NetworkTag(request.prompt[tag.span.clone()].to_string()))?;
    let missing = library.missing(asked.iter().map(|lora| lora.name.as_str()));
    if !missing.is_empty() {
        return Err(RequestError::NoLora(missing).into());
    }
    let (mut vectors, mut inversions) = (BTreeMap::new(), Vec::new());
    let words = [&prompt, &negative_prompt].map(|prompt| prompt.known_words());
    let words: BTreeSet<&str> = words.into_iter().flatten().collect();
    let files = words
        .into_iter()
        .filter_map(|word| library.known_inversion(word, width));
    for file in files {
        let inversion = TextualInversion::open(&file.path)?;
        vectors.insert(file.name.clone(), inversion.vectors(width)?);
        inversions.push(UsedNetwork {
            kind: UsedKind::TextualInversion,
            name: file.name.clone(),
            hash: inversion.hash(),
            weights: [1.0, 0.0],
        });
    }
    let mut loras = Vec::new();
    for lora in asked {
        let path = &library.lora(&lora.name).expect("none is missing").path;
        let is_open = |known: &&MergedLora| known.file.path() == path && known.file.is_current();
        let file = match model.loras().iter().find(is_open) {
            Some(known) => Arc::clone(&known.file),
            None => Arc::new(LoraFile::open(path)?),
        };
        loras.push(MergedLora {
            file,
            weights: lora.weights,
        });
    }
    model.set_loras(loras)?;
    let used = model.loras().iter().map(|lora| UsedNetwork {
        kind: UsedKind::Lora,
        name: lora.file.name.clone(),
        hash: lora.file.hash().to_string(),
        weights: lora.weights,
    });
    Ok(Merged {
        used: Arc::new(used.chain(inversions).collect()),
        vectors,
    })
}
