//! ComfyUI's graphs, from plain to absurd.

use serde_json::{Value, json};

use super::*;
use crate::diffusion::{SchedulerKind, SigmaSchedule};
use crate::engine::LoraChoice;
use crate::export::TextChunk;
use crate::restore::RestoredSettings;

fn found(graph: &Value) -> Option<Found> {
    let chunks = [TextChunk::new("prompt", graph.to_string())];
    read(Texts(&chunks))
}

fn restored(graph: &Value) -> RestoredSettings {
    match found(graph) {
        Some(Found::Settings(restored)) => *restored,
        _ => panic!("no settings in {graph}"),
    }
}

fn names(restored: &RestoredSettings) -> Vec<String> {
    let items = restored.not_taken.iter();
    let named = items.map(|item| format!("{} {}", item.name, item.value));
    named.map(|text| text.trim().to_owned()).collect()
}

/// As ComfyUI's default workflow is saved.
fn default_graph() -> Value {
    json!({
        "3": {"class_type": "KSampler", "inputs": {
            "seed": 156680208700286u64, "steps": 20, "cfg": 8.0, "sampler_name": "dpmpp_2m",
            "scheduler": "karras", "denoise": 1.0, "model": ["4", 0], "positive": ["6", 0],
            "negative": ["7", 0], "latent_image": ["5", 0]}},
        "4": {"class_type": "CheckpointLoaderSimple", "inputs": {"ckpt_name": "v1-5.safetensors"}},
        "5": {"class_type": "EmptyLatentImage", "inputs": {"width": 512, "height": 768, "batch_size": 1}},
        "6": {"class_type": "CLIPTextEncode", "inputs": {"text": "a cat left of a dog", "clip": ["4", 1]}},
        "7": {"class_type": "CLIPTextEncode", "inputs": {"text": "blurry", "clip": ["4", 1]}},
        "8": {"class_type": "VAEDecode", "inputs": {"samples": ["3", 0], "vae": ["4", 2]}},
        "9": {"class_type": "SaveImage", "inputs": {"filename_prefix": "ComfyUI", "images": ["8", 0]}},
    })
}

#[test]
fn the_default_workflow_comes_back_whole() {
    let restored = restored(&default_graph());
    let taken = &restored.taken;
    assert_eq!(taken.prompt, "a cat left of a dog");
    assert_eq!(taken.negative_prompt, "blurry");
    assert_eq!(taken.seeds, [156_680_208_700_286]);
    let settings = &taken.settings;
    assert_eq!((settings.steps, settings.guidance_scale), (20, 8.0));
    assert_eq!(settings.size, Some([512, 768]));
    assert_eq!(settings.scheduler, Some(SchedulerKind::Dpmpp2m));
    assert_eq!(settings.schedule, Some(SigmaSchedule::Karras));
    assert_eq!(names(&restored), ["Model v1-5.safetensors"]);
}

#[test]
fn values_and_texts_are_found_through_other_nodes_and_the_rest_is_named() {
    let mut graph = default_graph();
    graph["3"]["inputs"]["model"] = json!(["11", 0]);
    graph["3"]["inputs"]["seed"] = json!(["12", 0]);
    graph["3"]["inputs"]["positive"] = json!(["13", 0]);
    graph["6"]["inputs"]["text"] = json!(["15", 0]);
    graph["6"]["inputs"]["clip"] = json!(["10", 0]);
    graph["10"] = json!({"class_type": "CLIPSetLastLayer", "inputs": {"stop_at_clip_layer": -2, "clip": ["11", 1]}});
    graph["11"] = json!({"class_type": "LoraLoader", "inputs": {
        "lora_name": "detail.safetensors", "strength_model": 0.8, "strength_clip": 1, "model": ["4", 0], "clip": ["4", 1]}});
    graph["12"] = json!({"class_type": "PrimitiveInt", "inputs": {"value": 9}});
    graph["13"] = json!({"class_type": "ConditioningCombine", "inputs": {
        "conditioning_1": ["6", 0], "conditioning_2": ["14", 0]}});
    graph["14"] = json!({"class_type": "ControlNetApply", "inputs": {
        "strength": 1, "conditioning": ["16", 0], "control_net": ["17", 0]}});
    graph["15"] = json!({"class_type": "PrimitiveString", "inputs": {"value": "a red cat"}});
    graph["16"] = json!({"class_type": "CLIPTextEncode", "inputs": {"text": "a blue dog", "clip": ["11", 1]}});
    graph["17"] =
        json!({"class_type": "ControlNetLoader", "inputs": {"control_net_name": "canny.pth"}});
    let restored = restored(&graph);
    assert_eq!(restored.taken.prompt, "a red cat, a blue dog");
    assert_eq!(restored.taken.seeds, [9]);
    assert_eq!(restored.taken.settings.clip_skip, 2);
    assert_eq!(
        restored.taken.settings.loras,
        [LoraChoice::with_weights("detail", [1.0, 0.8])]
    );
    assert_eq!(
        names(&restored),
        [
            "Model v1-5.safetensors",
            // The negative prompt is encoded by the checkpoint's own.
            "LoRA on some of the texts alone detail.safetensors",
            "ConditioningCombine",
            "ControlNetApply",
            "ControlNetLoader canny.pth",
        ]
    );
}

#[test]
fn the_first_of_two_passes_counts() {
    let mut graph = default_graph();
    graph["8"]["inputs"]["samples"] = json!(["2", 0]);
    graph["2"] = json!({"class_type": "KSampler", "inputs": {
        "seed": 1, "steps": 14, "cfg": 4.0, "sampler_name": "euler", "scheduler": "normal",
        "denoise": 0.5, "model": ["4", 0], "positive": ["6", 0], "negative": ["7", 0],
        "latent_image": ["1", 0]}});
    graph["1"] = json!({"class_type": "LatentUpscale", "inputs": {"samples": ["3", 0], "width": 1024, "height": 1536}});
    let restored = restored(&graph);
    assert_eq!(restored.taken.settings.steps, 20);
    assert_eq!(restored.taken.settings.size, Some([512, 768]));
    assert_eq!(
        names(&restored),
        [
            "Model v1-5.safetensors",
            "another KSampler node 2",
            "LatentUpscale"
        ]
    );
}

#[test]
fn a_sampler_in_parts_is_put_together() {
    let graph = json!({
        "1": {"class_type": "SamplerCustomAdvanced", "inputs": {
            "noise": ["2", 0], "guider": ["3", 0], "sampler": ["4", 0], "sigmas": ["5", 0],
            "latent_image": ["6", 0]}},
        "2": {"class_type": "RandomNoise", "inputs": {"noise_seed": 77}},
        "3": {"class_type": "CFGGuider", "inputs": {
            "cfg": 5.5, "model": ["7", 0], "positive": ["8", 0], "negative": ["9", 0]}},
        "4": {"class_type": "KSamplerSelect", "inputs": {"sampler_name": "euler_ancestral"}},
        "5": {"class_type": "BasicScheduler", "inputs": {
            "scheduler": "sgm_uniform", "steps": 12, "denoise": 1, "model": ["7", 0]}},
        "6": {"class_type": "EmptyLatentImage", "inputs": {"width": 256, "height": 256, "batch_size": 4}},
        "7": {"class_type": "CheckpointLoaderSimple", "inputs": {"ckpt_name": "sd.safetensors"}},
        "8": {"class_type": "CLIPTextEncode", "inputs": {"text": "a cat", "clip": ["7", 1]}},
        "9": {"class_type": "ConditioningZeroOut", "inputs": {"conditioning": ["8", 0]}},
    });
    let restored = restored(&graph);
    let taken = &restored.taken;
    assert_eq!(
        (taken.prompt.as_str(), taken.negative_prompt.as_str()),
        ("a cat", "")
    );
    assert_eq!(taken.seeds, [77]);
    let settings = &taken.settings;
    assert_eq!((settings.steps, settings.guidance_scale), (12, 5.5));
    assert_eq!(settings.scheduler, Some(SchedulerKind::EulerAncestral));
    assert_eq!(settings.schedule, Some(SigmaSchedule::SgmUniform));
    assert_eq!(names(&restored), ["batch_size 4", "Model sd.safetensors"]);
}

#[test]
fn graphs_that_say_nothing_are_refused_in_words() {
    let mut cyclic = default_graph();
    cyclic["5"]["inputs"]["width"] = json!(["9", 0]);
    let refused = |graph: &Value| match found(graph) {
        Some(Found::Refused(error)) => error.to_string(),
        _ => panic!("{graph} was read"),
    };
    assert!(refused(&cyclic).contains("leads back to itself at node"));
    let bare = json!({"1": {"class_type": "LoadImage", "inputs": {"image": "a.png"}}});
    assert!(refused(&bare).contains("no sampler"));
    // Inputs of any other form are passed over.
    let odd = json!({"1": {"class_type": "KSampler", "inputs": {
        "positive": ["2", 0], "seed": {"a": []}, "steps": [], "cfg": "high"}},
        "2": {"class_type": "CLIPTextEncode", "inputs": {"text": 5}}});
    let odd = restored(&odd);
    assert_eq!(odd.taken.prompt, "5");
    assert!(
        names(&odd).contains(&"cfg high".to_owned()),
        "{:?}",
        names(&odd)
    );
}
