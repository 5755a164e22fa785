//! ComfyUI: the graph that ran under `prompt`, the one on the screen under
//! `workflow`, both JSON. A graph has no fixed place for a prompt, so it is walked
//! from its sampler: along `positive` and `negative` to the texts, along `model` to
//! the checkpoint, along the latents to the size.

mod graph;
mod lora_nodes;

use std::collections::BTreeSet;

use super::taking::Taking;
use super::texts::Texts;
use super::{Found, Program};
pub(super) use graph::GraphError;
use graph::{Graph, Node};
use lora_nodes::LoraNodes;

/// Nodes that are understood wherever they stand, or change nothing in the picture.
const PLAIN: [&str; 17] = [
    "VAEDecode",
    "VAEDecodeTiled",
    "SaveImage",
    "PreviewImage",
    "SaveImageWebsocket",
    "SaveAnimatedWEBP",
    "KSamplerSelect",
    "BasicScheduler",
    "RandomNoise",
    "CFGGuider",
    "BasicGuider",
    "Reroute",
    "Note",
    "MarkdownNote",
    "CheckpointLoader",
    "CheckpointLoaderSimple",
    "CLIPLoader",
];

pub(super) fn read(texts: Texts) -> Option<Found> {
    let graph = texts.object("prompt").map(Graph::new);
    match graph {
        Some(Ok(Some(graph))) => {
            let walk = Walk {
                graph: &graph,
                taking: Taking::of(Program::ComfyUi),
                encoders: Vec::new(),
                understood: BTreeSet::new(),
            };
            return Some(match walk.run() {
                Ok(taking) => taking.found(),
                Err(error) => Found::Refused(error),
            });
        }
        Some(Err(error)) => return Some(Found::Refused(error)),
        _ => {}
    }
    let workflow = texts.object("workflow");
    let has_workflow = workflow.is_some_and(|workflow| workflow.contains_key("nodes"));
    has_workflow.then_some(Found::Named(Program::ComfyUi))
}

/// A graph and what is taken of it so far.
struct Walk<'a> {
    graph: &'a Graph,
    taking: Taking,
    /// Nodes that made states of the texts.
    encoders: Vec<Node<'a>>,
    /// Numbers of the nodes whose part is taken or told.
    understood: BTreeSet<String>,
}

impl<'a> Walk<'a> {
    fn run(mut self) -> Result<Taking, GraphError> {
        let samplers = self.samplers();
        let is_first = |sampler: &&Node| {
            let upstream = self.upstream_latents(**sampler);
            !upstream.iter().any(|node| is_sampler(node, self.graph))
        };
        let sampler = samplers.iter().find(is_first).or(samplers.first());
        let sampler = *sampler.ok_or(GraphError::NoSampler)?;
        self.understood.insert(sampler.id.to_owned());
        self.prompts(sampler);
        self.numbers(sampler);
        self.latents(sampler);
        self.model(sampler);
        for other in samplers.iter().filter(|other| other.id != sampler.id) {
            self.understood.insert(other.id.to_owned());
            let what = format!("node {}", other.id);
            self.taking
                .no_effect(&format!("another {}", other.class), &what);
        }
        self.rest();
        Ok(self.taking)
    }

    fn samplers(&self) -> Vec<Node<'a>> {
        let nodes = self.graph.nodes().into_iter();
        nodes.filter(|node| is_sampler(node, self.graph)).collect()
    }

    fn prompts(&mut self, sampler: Node<'a>) {
        let guider = self.graph.at(sampler, "guider");
        let holder = guider.unwrap_or(sampler);
        self.understood.insert(holder.id.to_owned());
        let first = ["positive", "conditioning", "cond1"];
        let positive = first.iter().find_map(|key| self.graph.at(holder, key));
        let negative = self.graph.at(holder, "negative");
        let positive = self.encoded(positive, "positive");
        let negative = self.encoded(negative, "negative");
        self.taking.prompts(&positive, &negative);
    }

    /// The texts behind a conditioning, each node once: two ways may meet.
    fn encoded(&mut self, start: Option<Node<'a>>, side: &str) -> String {
        let mut texts: Vec<String> = Vec::new();
        let mut waiting: Vec<Node> = start.into_iter().collect();
        let mut seen = BTreeSet::new();
        while let Some(node) = waiting.pop() {
            if !seen.insert(node.id) {
                continue;
            }
            if node.class == "ConditioningZeroOut" {
                self.understood.insert(node.id.to_owned());
                continue;
            }
            let keys: &[&str] = match node.class.contains("TextEncode") {
                true => &["text", "text_g", "text_l", "prompt", "clip_l", "t5xxl"],
                false => &[],
            };
            let found = keys.iter().filter_map(|key| self.graph.value(node, &[key]));
            let found: Vec<String> = found.collect();
            if !keys.is_empty() {
                self.understood.insert(node.id.to_owned());
                self.encoders.push(node);
            }
            for text in found {
                if !texts.contains(&text) {
                    texts.push(text);
                }
            }
            // The last that is pushed is looked at first.
            let inputs = node.inputs.iter().rev();
            let onward = inputs.filter(|(key, _)| {
                key.starts_with("conditioning") || key.starts_with("cond") || *key == side
            });
            waiting.extend(onward.filter_map(|(_, value)| self.graph.linked(value)));
        }
        texts.join(", ")
    }

    fn numbers(&mut self, sampler: Node<'a>) {
        let graph = self.graph;
        let of =
            |node: Option<Node<'a>>, keys: &[&str]| node.and_then(|node| graph.value(node, keys));
        let (noise, sigmas) = (graph.at(sampler, "noise"), graph.at(sampler, "sigmas"));
        let (guider, select) = (graph.at(sampler, "guider"), graph.at(sampler, "sampler"));
        let parts = [noise, sigmas, guider, select].into_iter().flatten();
        self.understood.extend(parts.map(|node| node.id.to_owned()));
        let sampler = Some(sampler);
        let steps = of(sampler, &["steps"]).or_else(|| of(sigmas, &["steps"]));
        self.taking.parameter("steps", "steps", steps);
        let scale = of(sampler, &["cfg"]).or_else(|| of(guider, &["cfg", "cfg_conds"]));
        // A guider without a scale has no negative side, as at 1.
        let scale = scale.or_else(|| guider.map(|_| "1".to_owned()));
        self.taking.parameter("guidance_scale", "cfg", scale);
        let seed =
            of(sampler, &["seed", "noise_seed"]).or_else(|| of(noise, &["noise_seed", "seed"]));
        self.taking.seed("seed", seed);
        let name = of(sampler, &["sampler_name"]).or_else(|| of(select, &["sampler_name"]));
        let name =
            name.or_else(|| select.map(|node| node.class.trim_start_matches("Sampler").to_owned()));
        let schedule = of(sampler, &["scheduler"]).or_else(|| of(sigmas, &["scheduler"]));
        let schedule = schedule.or_else(|| {
            let class = sigmas?.class;
            Some(
                class
                    .trim_end_matches("Scheduler")
                    .trim_end_matches("Sampling")
                    .to_owned(),
            )
        });
        self.taking.sampler(
            ("sampler_name", name.as_deref()),
            ("scheduler", schedule.as_deref()),
        );
        let denoise = of(sampler, &["denoise"]).or_else(|| of(sigmas, &["denoise"]));
        if let Some(denoise) = denoise.filter(|denoise| denoise != "1") {
            self.taking.no_effect("denoise", &denoise);
        }
        let start = of(sampler, &["start_at_step"]).filter(|step| step != "0");
        let end = of(sampler, &["end_at_step"]).and_then(|step| step.parse::<usize>().ok());
        let steps = of(sampler, &["steps"]).and_then(|steps| steps.parse::<usize>().ok());
        if let Some(start) = start {
            self.taking.no_effect("start_at_step", &start);
        }
        if let (Some(end), Some(steps)) = (end, steps)
            && end < steps
        {
            self.taking.no_effect("end_at_step", &end.to_string());
        }
    }

    /// The nodes that a sampler's latents come from, the nearest first.
    fn upstream_latents(&self, sampler: Node<'a>) -> Vec<Node<'a>> {
        let keys = [
            "latent_image",
            "latent",
            "samples",
            "optional_latent",
            "image",
            "pixels",
            "images",
        ];
        let mut found: Vec<Node> = Vec::new();
        let mut next = Some(sampler);
        while let Some(node) = next {
            next = keys.iter().find_map(|key| self.graph.at(node, key));
            found.extend(next);
        }
        found
    }

    /// The size, and whether the picture began as noise.
    fn latents(&mut self, sampler: Node<'a>) {
        for node in self.upstream_latents(sampler) {
            let get = |key: &str| self.graph.value(node, &[key]);
            let size = get("width").zip(get("height"));
            if let Some((width, height)) = size {
                let batch = get("batch_size").filter(|batch| batch != "1");
                self.understood.insert(node.id.to_owned());
                self.taking.sides(Some(width), Some(height));
                if let Some(batch) = batch {
                    self.taking.no_effect("batch_size", &batch);
                }
                return;
            }
        }
    }

    /// From the sampler to the checkpoint, and what changes the model on the way.
    fn model(&mut self, sampler: Node<'a>) {
        let start = match self.graph.at(sampler, "guider") {
            Some(guider) => guider,
            None => sampler,
        };
        let mut next = self.graph.at(start, "model");
        let mut path = Vec::new();
        while let Some(node) = next {
            let get = |keys: &[&str]| self.graph.value(node, keys);
            let mut is_understood = true;
            if let Some(name) = get(&["ckpt_name", "unet_name", "base_ckpt_name", "model_name"]) {
                self.taking.model(Some(&name));
                path.push(node);
            } else if node.class == "RescaleCFG" {
                let multiplier = get(&["multiplier"]);
                self.taking
                    .parameter("guidance_rescale", "RescaleCFG", multiplier);
            } else {
                path.push(node);
                is_understood = false;
            }
            if is_understood {
                self.understood.insert(node.id.to_owned());
            }
            next = self.graph.at(node, "model");
        }
        let encoders = std::mem::take(&mut self.encoders);
        let networks = LoraNodes::find(self.graph, &path, &encoders);
        networks.take(&mut self.taking, &mut self.understood);
    }

    /// What else took part: loaders by the name of their file, nodes by their class.
    fn rest(&mut self) {
        let holders = self.graph.nodes().into_iter().filter(|node| {
            // A node that only holds values has no links.
            let is_holder = node.class.starts_with("Primitive") || node.class.contains("String");
            let has_links = !self.graph.sources(*node).is_empty();
            is_holder && !has_links
        });
        let holders: Vec<String> = holders.map(|node| node.id.to_owned()).collect();
        self.understood.extend(holders);
        let mut told = BTreeSet::new();
        for node in self.graph.nodes() {
            let is_plain = PLAIN.contains(&node.class) || self.understood.contains(node.id);
            if is_plain {
                continue;
            }
            let file = node.inputs.iter().find_map(|(key, value)| {
                let is_name = key.ends_with("_name") || key == "image";
                let name = is_name.then(|| value.as_str()).flatten();
                name.map(str::to_owned)
            });
            let value = file.unwrap_or_default();
            if told.insert((node.class, value.clone())) {
                self.taking.no_effect(node.class, &value);
            }
        }
    }
}

/// Something that makes latents out of conditionings.
fn is_sampler(node: &Node, graph: &Graph) -> bool {
    let has = |key: &str| graph.at(*node, key).is_some();
    let has_seed = ["seed", "noise_seed", "noise"]
        .iter()
        .any(|key| node.inputs.contains_key(*key));
    let is_called = node.class.contains("Sampler") && node.class != "KSamplerSelect";
    (has("positive") || has("guider"))
        && (is_called || has_seed && node.inputs.contains_key("steps"))
}

#[cfg(test)]
mod tests;
