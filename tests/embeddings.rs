//! Textual inversions and clip skip: against models and prompts that must say the same.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use burn::tensor::Device;
use safetensors::tensor::Dtype;
use storm_studio::checkpoint::{CheckpointSource, StableDiffusion, TextReading, TextualInversion};
use storm_studio::diffusion::Methods;
use storm_studio::engine::{Event, NetworkLibrary, Picture, Request, UsedKind};
use storm_studio::models::unet::MicroConditioning;
use storm_studio::prompt::{KnownWord, KnownWords, PromptWeights};

use crate::checkpoints::{TEXT, copy_folder};
use crate::engine::{engine, run};
use crate::fixture::{folder, largest_difference, numbers};
use crate::ldm_names::{Stored, Tensors, read, write};

const FAMILY: &str = "narrow-sd1";
const EMBEDDINGS: &str = "text_model.embeddings.token_embedding.weight";

fn model_at(path: &Path) -> StableDiffusion {
    let source = CheckpointSource::from_path(path).unwrap();
    StableDiffusion::load(&source, &Device::flex()).unwrap()
}

fn sizes() -> MicroConditioning {
    MicroConditioning::of_picture([512, 512])
}

fn known(name: &str, tokens: usize) -> KnownWords {
    let name = name.to_string();
    KnownWords::new([KnownWord { name, tokens }])
}

/// A file that teaches the embeddings of these tokens.
fn taught(embeddings: &Stored, ids: &[u32], path: &Path) {
    let row = embeddings.bytes.len() / embeddings.shape[0];
    let rows = ids
        .iter()
        .map(|&id| &embeddings.bytes[id as usize * row..][..row]);
    let stored = Stored {
        dtype: embeddings.dtype,
        shape: vec![ids.len(), embeddings.shape[1]],
        bytes: rows.flatten().copied().collect(),
    };
    write(&Tensors::from([("emb_params".to_string(), stored)]), path);
}

#[test]
fn a_taught_word_says_what_its_vectors_say() {
    let model = model_at(&folder().join(FAMILY));
    let embeddings = read(&folder().join(FAMILY).join(TEXT))[EMBEDDINGS].clone();
    let plain = model
        .description
        .tokenizer
        .read("a cat dog, left", PromptWeights::A1111);
    let [cat, dog] = [1, 2].map(|word: usize| plain.words[word].tokens.clone());
    let ids: Vec<u32> = cat.chain(dog).map(|token| plain.ids[token]).collect();
    let home = tempfile::tempdir().unwrap();
    let path = home.path().join("pets.safetensors");
    taught(&embeddings, &ids, &path);
    let inversion = TextualInversion::open(&path).unwrap();
    assert_eq!(
        (inversion.tokens(), inversion.name.as_str()),
        (ids.len(), "pets")
    );
    let width = embeddings.shape[1];
    assert!(
        inversion
            .vectors(width + 1)
            .unwrap_err()
            .to_string()
            .contains("numbers a token")
    );
    let reading = TextReading {
        vectors: BTreeMap::from([("pets".to_string(), inversion.vectors(width).unwrap())]),
        ..TextReading::default()
    };
    let known = known("pets", ids.len());
    for prompt in ["a Pets, left", "a embedding:pets.pt, left"] {
        let read = model
            .description
            .read_prompts([prompt], PromptWeights::A1111, &known);
        let words: Vec<&str> = read[0]
            .words
            .iter()
            .map(|word| word.text.as_str())
            .collect();
        assert_eq!(words, ["a", "pets", ",", "left"]);
        assert_eq!(read[0].known_words(), ["pets"]);
        let ours = model
            .condition_with(read.to_vec(), &sizes(), &reading)
            .unwrap()
            .hidden_states;
        let theirs = model
            .condition_texts(&["a cat dog, left"])
            .unwrap()
            .hidden_states;
        assert_eq!(
            largest_difference(&numbers(ours), &numbers(theirs)),
            0.0,
            "{prompt}"
        );
    }
    // Literal prompts have no words but their own.
    let read = model
        .description
        .read_prompts(["a pets"], PromptWeights::Literal, &known);
    assert!(read[0].known_words().is_empty());
}

#[test]
fn a_taught_word_stays_in_one_chunk_and_carries_its_weight() {
    let model = model_at(&folder().join(FAMILY));
    let tokenizer = &model.description.tokenizer;
    let word = known("pets", 20);
    let filler = "a ".repeat(60);
    let read = tokenizer.read_with(&format!("{filler}(pets:1.5)"), PromptWeights::A1111, &word);
    assert_eq!(read.own_chunks, 2);
    let pets = read.words.last().unwrap();
    assert_eq!((pets.weight, pets.tokens.len()), (1.5, 20));
    let inside = |chunk: usize| {
        pets.tokens
            .clone()
            .all(|it| read.chunks[chunk].contains(&it))
    };
    assert!(inside(1) && !inside(0));
    // One that no chunk holds is a word like any other.
    let read = tokenizer.read_with("pets", PromptWeights::A1111, &known("pets", 76));
    assert!(read.known_words().is_empty());
}

#[test]
fn clip_skip_leaves_out_the_last_layers() {
    let model = model_at(&folder().join(FAMILY));
    let shorter = copy_folder(FAMILY);
    let config = shorter.path().join("text_encoder/config.json");
    let text = std::fs::read_to_string(&config).unwrap();
    let changed = text.replace("\"num_hidden_layers\": 2", "\"num_hidden_layers\": 1");
    assert_ne!(text, changed);
    std::fs::write(&config, changed).unwrap();
    let mut tensors = read(&shorter.path().join(TEXT));
    tensors.retain(|name, _| !name.contains("encoder.layers.1."));
    write(&tensors, &shorter.path().join(TEXT));
    let shorter = model_at(shorter.path());
    let skipping = TextReading {
        clip_skip: 2,
        ..TextReading::default()
    };
    let prompts = || {
        model
            .description
            .read_prompts(["a cat"], PromptWeights::A1111, &KnownWords::default())
    };
    let ours = numbers(
        model
            .condition_with(prompts().to_vec(), &sizes(), &skipping)
            .unwrap()
            .hidden_states,
    );
    let theirs = numbers(shorter.condition_texts(&["a cat"]).unwrap().hidden_states);
    assert_eq!(largest_difference(&ours, &theirs), 0.0);
    let plain = numbers(model.condition_texts(&["a cat"]).unwrap().hidden_states);
    assert!(largest_difference(&ours, &plain) > 1e-2);
}

#[test]
fn other_files_are_refused_by_name() {
    let home = tempfile::tempdir().unwrap();
    let path = home.path().join("x.safetensors");
    let refused = |tensors: &Tensors| {
        write(tensors, &path);
        TextualInversion::open(&path).unwrap_err().to_string()
    };
    let stored = |shape: &[usize]| Stored {
        dtype: Dtype::F32,
        shape: shape.to_vec(),
        bytes: vec![0; 4 * shape.iter().product::<usize>()],
    };
    let many = refused(&Tensors::from([(
        "emb_params".to_string(),
        stored(&[76, 16]),
    )]));
    assert!(many.contains("1 to 75 vectors"), "{many}");
    let unet = refused(&read(
        &folder()
            .join(FAMILY)
            .join("unet/diffusion_pytorch_model.safetensors"),
    ));
    assert!(unet.contains("not a textual inversion"), "{unet}");
    let mut nan = stored(&[1, 16]);
    nan.bytes[..4].copy_from_slice(&f32::NAN.to_le_bytes());
    write(&Tensors::from([("emb_params".to_string(), nan)]), &path);
    let error = TextualInversion::open(&path)
        .unwrap()
        .vectors(16)
        .unwrap_err();
    assert!(error.to_string().contains("not finite"), "{error}");
    std::fs::write(&path, b"\x80\x02}q\x00cpickle").unwrap();
    let pickle = TextualInversion::open(&path).unwrap_err().to_string();
    assert!(pickle.contains("pickle"), "{pickle}");
}

#[test]
fn a_run_uses_the_words_of_its_folder_and_tells_them() {
    let assets = Path::new(env!("CARGO_MANIFEST_DIR")).join("assets/toybox");
    let text = read(&assets.join(TEXT));
    let name = text
        .keys()
        .find(|name| name.ends_with("token_embedding.weight"))
        .unwrap();
    let home = tempfile::tempdir().unwrap();
    taught(
        &text[name],
        &[600, 601],
        &home.path().join("toys.safetensors"),
    );
    let mut library = NetworkLibrary::default();
    library.find_inversions(home.path()).unwrap();
    let library = Arc::new(library);
    let request = |prompt: &str, clip_skip| {
        let mut request = Request {
            prompt: prompt.to_string(),
            networks: Arc::clone(&library),
            ..Request::default()
        };
        request.settings.steps = 2;
        request.settings.clip_skip = clip_skip;
        request.settings.methods = Methods::Standard;
        request
    };
    let engine = engine();
    let picture = |request| -> Picture {
        let events = run(&engine, request);
        let picture = events.iter().find_map(|event| match event {
            Event::Picture(picture) => Some(picture.clone()),
            _ => None,
        });
        picture.unwrap_or_else(|| panic!("{:?}", events.last()))
    };
    let plain = picture(request("a cat", 1));
    let with = picture(request("a cat toys", 1));
    assert_ne!(plain.image, with.image);
    assert_eq!(
        (with.networks[0].kind, with.networks[0].name.as_str()),
        (UsedKind::TextualInversion, "toys")
    );
    assert!(plain.networks.is_empty());
    assert_ne!(plain.image, picture(request("a cat", 2)).image);
    assert_eq!(plain.image, picture(request("a cat", 1)).image);
}
