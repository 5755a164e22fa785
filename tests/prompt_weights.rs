//! Weighted and long prompts: through the text encoder against PyTorch, and through
//! whole runs.

use burn::tensor::Device;
use storm_studio::checkpoint::{CheckpointSource, StableDiffusion};
use storm_studio::engine::{Event, Request};
use storm_studio::models::unet::MicroConditioning;
use storm_studio::prompt::{Assignment, KnownWords, PromptWeights};

use crate::engine::{engine, run};
use crate::fixture::{Fixture, assert_near, folder, numbers};

/// The cases of one family, by both rules: ids, weights and states.
fn agrees(family: &str) {
    let fixture = Fixture::open("prompts.safetensors");
    let facts = fixture.facts();
    let source = CheckpointSource::from_path(&folder().join(family)).unwrap();
    let model = StableDiffusion::load(&source, &Device::flex()).unwrap();
    for case in facts["cases"][family].as_array().unwrap() {
        let case = case.as_str().unwrap();
        let prompt = facts["prompts"][case].as_str().unwrap();
        for rule in [PromptWeights::A1111, PromptWeights::Comfyui] {
            let key = format!("{family}.{case}.{rule}");
            let read = model
                .description
                .read_prompts([prompt], rule, &KnownWords::default());
            let order = read[0].chunks.concat();
            let ids: Vec<i64> = order.iter().map(|&it| i64::from(read[0].ids[it])).collect();
            assert_eq!(ids, fixture.integers(&format!("{key}.ids")), "{key}");
            let weights = (0..read[0].chunks.len()).flat_map(|chunk| read[0].weights_of(chunk));
            let weights: Vec<f32> = weights.collect();
            let theirs = fixture.floats(&format!("{key}.weights"));
            assert_near(&format!("{key}, weights"), &weights, &theirs, 1e-6);

            let sizes = MicroConditioning::of_picture([512, 512]);
            let states = model
                .condition(read.to_vec(), &sizes)
                .unwrap()
                .hidden_states;
            let width = states.dims()[2];
            let states = numbers(states);
            let ours: Vec<f32> = order
                .iter()
                .flat_map(|&position| states[position * width..][..width].to_vec())
                .collect();
            let theirs = fixture.floats(&format!("{key}.states"));
            let largest = theirs.iter().fold(1f32, |most, it| most.max(it.abs()));
            assert_near(&format!("{key}, states"), &ours, &theirs, 1e-4 * largest);
        }
    }
}

#[test]
fn weights_act_in_stable_diffusion_1_as_in_a1111_and_in_comfyui() {
    agrees("narrow-sd1");
}

#[test]
fn weights_act_in_stable_diffusion_2_as_in_a1111_and_in_comfyui() {
    agrees("narrow-sd2");
}

#[test]
fn a_word_of_the_second_chunk_is_an_object_and_both_prompts_have_as_many_chunks() {
    let source = CheckpointSource::Embedded;
    let model = StableDiffusion::load(&source, &Device::flex()).unwrap();
    let prompt = "a fine picture BREAK a (cat:1.2) to the left of a [dog]";
    let read =
        model
            .description
            .read_prompts([prompt, ""], PromptWeights::A1111, &KnownWords::default());
    assert_eq!((read[0].own_chunks, read[1].own_chunks), (2, 1));
    assert_eq!((read[0].ids.len(), read[1].ids.len()), (154, 154));
    let facts = model.description.prompt_facts(&read[0]);
    // Starts and lasts of both chunks are outside.
    assert_eq!((facts.columns, facts.tokens), (1..151, 154));
    assert_eq!(facts.prompt_columns, 1..read[0].end);
    let negative = model.description.prompt_facts(&read[1]);
    assert_eq!(negative.columns, 1..76);
    let layout = Assignment::proposed(&read[0]).layout(&read[0]).unwrap();
    let labels: Vec<&str> = layout.objects.iter().map(|it| it.label.as_str()).collect();
    assert_eq!(labels, ["cat", "dog"]);
    let cat = layout.objects[0].tokens[0];
    assert!(read[0].chunks[1].contains(&cat) && !read[0].chunks[0].contains(&cat));

    let mut request = Request {
        prompt: prompt.to_string(),
        layout,
        ..Request::default()
    };
    request.settings.steps = 6;
    let events = run(&engine(), request);
    let updates = events
        .iter()
        .filter(|event| matches!(event, Event::Updated(_)));
    let pictures = events
        .iter()
        .filter(|event| matches!(event, Event::Picture(_)));
    assert!(updates.count() > 0);
    assert_eq!(pictures.count(), 2, "{:?}", events.last());
}

/// The picture's pixels, of one standard run.
fn pixels(prompt: &str, prompt_weights: PromptWeights) -> Vec<u8> {
    let mut request = Request {
        prompt: prompt.to_string(),
        ..Request::default()
    };
    request.settings.steps = 2;
    request.settings.methods = storm_studio::diffusion::Methods::Standard;
    request.settings.prompt_weights = prompt_weights;
    let events = run(&engine(), request);
    let picture = events.iter().find_map(|event| match event {
        Event::Picture(picture) => Some(picture.image.as_raw().clone()),
        _ => None,
    });
    picture.unwrap_or_else(|| panic!("{:?}", events.last()))
}

#[test]
fn a_plain_prompt_is_the_same_picture_by_every_rule_and_a_weighted_one_is_not() {
    let plain = pixels("a cat", PromptWeights::Literal);
    assert_eq!(plain, pixels("a cat", PromptWeights::A1111));
    assert_eq!(plain, pixels("(a cat:1.0)", PromptWeights::Comfyui));
    assert_ne!(plain, pixels("a (cat:1.5)", PromptWeights::A1111));
    assert_ne!(plain, pixels("a (cat:1.5)", PromptWeights::Comfyui));
}
