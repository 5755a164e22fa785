//! What a text encoder makes of prompts: chunk by chunk, weighted, in the order of
//! the maps' columns.
//!
//! Any text encoder can be given. A1111 multiplies the states of a chunk by the
//! weights of its tokens and restores the mean that they had; ComfyUI moves each
//! state along the line from the empty prompt's at the same place. Start, end and
//! padding have weight 1. A chunk without weights is what the encoder gave, to the
//! last bit.

use std::collections::BTreeMap;
use std::sync::Arc;

use burn::tensor::{Device, Int, Tensor, TensorData};

use crate::models::GivenEmbeddings;
use crate::prompt::{PromptWeights, TokenizedPrompt};

/// A text encoder: the token ids of chunks, with vectors in the place of some of their
/// embeddings → states [chunks, length, width].
pub(super) type Encode<'a> = dyn Fn(&[Vec<u32>], Option<&GivenEmbeddings>) -> Tensor<3> + 'a;

/// The states of `prompts`, [prompts, tokens, width] in the order of their
/// positions; all have as many chunks. `encode` is a text encoder, the token ids of
/// chunks → states [chunks, length, width]; `vectors` are those of known words, one
/// behind the other, which take the place of embeddings; `empty` are the ids of the
/// empty prompt, one chunk of its tokenizer.
pub(super) fn prompt_states(
    prompts: &[Arc<TokenizedPrompt>],
    empty: &[u32],
    vectors: &BTreeMap<String, Vec<f32>>,
    device: &Device,
    encode: &Encode<'_>,
) -> Tensor<3> {
    let chunks = || {
        let prompts = prompts.iter().enumerate();
        prompts.flat_map(|(index, prompt)| (0..prompt.chunks.len()).map(move |it| (index, it)))
    };
    let mut rows: Vec<Vec<u32>> = chunks()
        .map(|(prompt, chunk)| {
            let prompt = &prompts[prompt];
            let positions = prompt.chunks[chunk].iter();
            positions.map(|&position| prompt.ids[position]).collect()
        })
        .collect();
    let needs_empty = prompts.iter().any(|prompt| {
        prompt.weighting == PromptWeights::Comfyui && prompt.words.iter().any(|it| it.weight != 1.0)
    });
    if needs_empty {
        rows.push(empty.to_vec());
    }
    let count = rows.len();
    let given = given_embeddings(prompts, count, vectors, device);
    let states = encode(&rows, given.as_ref());
    if !needs_empty && prompts.iter().all(|prompt| is_as_encoded(prompt)) {
        return states;
    }
    let row = |index: usize| states.clone().narrow(0, index, 1);
    let weighted = chunks().enumerate().map(|(index, (prompt, chunk))| {
        let prompt = &prompts[prompt];
        let weights = prompt.weights_of(chunk);
        match prompt.weighting {
            PromptWeights::A1111 => scale_states(row(index), &weights),
            PromptWeights::Comfyui => move_states(row(index), &weights, || row(count - 1)),
            PromptWeights::Literal => row(index),
        }
    });
    let mut weighted = weighted.collect::<Vec<_>>().into_iter();
    let joined = prompts.iter().map(|prompt| {
        let own: Vec<Tensor<3>> = weighted.by_ref().take(prompt.chunks.len()).collect();
        in_order_of_positions(Tensor::cat(own, 1), prompt)
    });
    Tensor::cat(joined.collect(), 0)
}

/// The vectors of known words in the chunks of all prompts, `count` rows in all; `None`
/// without any.
fn given_embeddings(
    prompts: &[Arc<TokenizedPrompt>],
    count: usize,
    vectors: &BTreeMap<String, Vec<f32>>,
    device: &Device,
) -> Option<GivenEmbeddings> {
    let tokens = || prompts.iter().flat_map(|prompt| prompt.word_tokens());
    let first = tokens().find(|token| token.vector.is_some())?;
    let rows = tokens()
        .filter(|it| it.text == first.text)
        .filter_map(|it| it.vector);
    let of_first = vectors.get(&first.text)?.len();
    let width = of_first / (rows.max()? + 1);
    let chunks = prompts.iter().flat_map(|prompt| {
        prompt
            .chunks
            .iter()
            .map(move |positions| (prompt, positions))
    });
    let length = prompts.first()?.chunks.first()?.len();
    let mut places = vec![false; count * length];
    let mut values = vec![0.0; count * length * width];
    for (row, (prompt, positions)) in chunks.enumerate() {
        for (place, &position) in positions.iter().enumerate() {
            let token = &prompt.tokens[position];
            let vector = token.vector.and_then(|vector| {
                vectors
                    .get(&token.text)?
                    .get(vector * width..(vector + 1) * width)
            });
            if let Some(vector) = vector {
                let place = row * length + place;
                places[place] = true;
                values[place * width..(place + 1) * width].copy_from_slice(vector);
            }
        }
    }
    Some(GivenEmbeddings {
        places: Tensor::from_data(TensorData::new(places, [count, length, 1]), device),
        vectors: Tensor::from_data(TensorData::new(values, [count, length, width]), device),
    })
}

/// Whether the encoder's states are the prompt's without a change.
fn is_as_encoded(prompt: &TokenizedPrompt) -> bool {
    prompt.chunks.len() == 1 && prompt.words.iter().all(|word| word.weight == 1.0)
}

/// A1111's rule, of one chunk [1, length, width]: each state times its weight, then
/// all times what brings their mean back.
pub(super) fn scale_states(states: Tensor<3>, weights: &[f32]) -> Tensor<3> {
    if weights.iter().all(|weight| *weight == 1.0) {
        return states;
    }
    let scaled = states.clone().mul(column(weights, &states));
    let [before, after] = [states.mean(), scaled.clone().mean()];
    scaled.mul(before.div(after).reshape([1, 1, 1]))
}

/// ComfyUI's rule, of one chunk [1, length, width]: each state as far from the empty
/// prompt's at its place, `empty` [1, length, width], as its weight says.
pub(super) fn move_states(
    states: Tensor<3>,
    weights: &[f32],
    empty: impl FnOnce() -> Tensor<3>,
) -> Tensor<3> {
    if weights.iter().all(|weight| *weight == 1.0) {
        return states;
    }
    let empty = empty();
    let moved = states
        .clone()
        .sub(empty.clone())
        .mul(column(weights, &states))
        .add(empty);
    // Rounding must not touch what has no weight.
    let is_plain: Vec<bool> = weights.iter().map(|weight| *weight == 1.0).collect();
    let is_plain = TensorData::new(is_plain, [1, weights.len(), 1]);
    let is_plain = Tensor::<3, burn::tensor::Bool>::from_data(is_plain, &states.device());
    moved.mask_where(is_plain.expand(states.shape()), states)
}

/// Weights as a tensor [1, length, 1] beside `states`.
fn column(weights: &[f32], states: &Tensor<3>) -> Tensor<3> {
    let data = TensorData::new(weights.to_vec(), [1, weights.len(), 1]);
    Tensor::from_data(data, (&states.device(), states.dtype()))
}

/// Chunks behind each other, [1, chunks · length, width] → the prompt's positions.
fn in_order_of_positions(states: Tensor<3>, prompt: &TokenizedPrompt) -> Tensor<3> {
    if prompt.chunks.len() == 1 {
        return states;
    }
    let positions = prompt.chunks.concat();
    let mut places = vec![0; positions.len()];
    for (place, position) in positions.into_iter().enumerate() {
        places[position] = place as i64;
    }
    let count = places.len();
    let places = TensorData::new(places, [count]);
    let places = Tensor::<1, Int>::from_data(places, &states.device());
    states.select(1, places)
}
