//! LoRAs and clip skip in a graph: nodes that stand between the checkpoint and its
//! users. The way to the sampler says what acts in the UNet, the ways to the encoded
//! texts what acts in the text encoder.

use std::collections::BTreeSet;

use serde_json::Value;

use super::graph::{Graph, Node};
use crate::restore::taking::Taking;

/// Node that leaves out the last layers of the text encoder.
const CLIP_SKIP: &str = "CLIPSetLastLayer";
/// Rows of a node that loads several, as its inputs are numbered.
const MOST_ROWS: usize = 50;

/// What was found on the ways.
pub(super) struct LoraNodes<'a> {
    graph: &'a Graph,
    /// Nodes with LoRAs, the nearest to the checkpoint first.
    nodes: Vec<Node<'a>>,
    /// Numbers of those that the sampler's model, and the encoders, go through.
    of_model: BTreeSet<&'a str>,
    of_text: BTreeSet<&'a str>,
    /// Names of LoRAs that only some of the texts go through.
    of_some_texts: Vec<String>,
    /// Clip skip's nodes.
    skips: Vec<Node<'a>>,
}

/// One LoRA of a node.
#[derive(Debug, PartialEq)]
struct Row {
    name: String,
    model: String,
    clip: String,
}

impl<'a> LoraNodes<'a> {
    /// Looks along `path`, from the sampler to the checkpoint, and from each of the
    /// `encoders`.
    pub(super) fn find(graph: &'a Graph, path: &[Node<'a>], encoders: &[Node<'a>]) -> Self {
        let mut found = Self {
            graph,
            nodes: Vec::new(),
            of_model: BTreeSet::new(),
            of_text: BTreeSet::new(),
            of_some_texts: Vec::new(),
            skips: Vec::new(),
        };
        let model = found.lora_nodes(path);
        found.of_model = model.iter().map(|node| node.id).collect();
        // A loader of checkpoints with LoRAs of its own encodes the texts as well.
        let whole = model.iter();
        let whole = whole.filter(|node| node.inputs.contains_key("ckpt_name"));
        found.of_text = whole.map(|node| node.id).collect();
        found.add(&model);
        let ways = encoders.iter().map(|encoder| found.way_of(*encoder));
        let ways: Vec<Vec<Node>> = ways.collect();
        let ways: Vec<Vec<Node>> = ways
            .iter()
            .map(|way| {
                let skip = way.iter().find(|node| node.class == CLIP_SKIP);
                found.skips.extend(skip);
                found.lora_nodes(way)
            })
            .collect();
        for way in &ways {
            for node in way {
                let is_new = found.of_text.insert(node.id);
                let in_all = ways
                    .iter()
                    .all(|other| other.iter().any(|it| it.id == node.id));
                if is_new && !in_all {
                    let names = rows(graph, *node).into_iter().map(|row| row.name);
                    found.of_some_texts.extend(names);
                }
            }
            found.add(way);
        }
        found.nodes.reverse();
        found
    }

    /// The nodes from an encoder to the checkpoint.
    fn way_of(&self, encoder: Node<'a>) -> Vec<Node<'a>> {
        let next = |node: &Node<'a>| self.graph.at(*node, "clip");
        std::iter::successors(next(&encoder), next).collect()
    }

    /// Those of `way` that have LoRAs, and the stacks that they take.
    fn lora_nodes(&self, way: &[Node<'a>]) -> Vec<Node<'a>> {
        let with_stacks = way.iter().flat_map(|node| {
            let next = |node: &Node<'a>| self.graph.at(*node, "lora_stack");
            std::iter::successors(Some(*node), next)
        });
        let has_rows = |node: &Node<'a>| {
            node.class.to_lowercase().contains("lora") || !rows(self.graph, *node).is_empty()
        };
        with_stacks.filter(has_rows).collect()
    }

    fn add(&mut self, nodes: &[Node<'a>]) {
        for node in nodes {
            if !self.nodes.iter().any(|known| known.id == node.id) {
                self.nodes.push(*node);
            }
        }
    }

    /// Takes them; what is taken or told counts as understood.
    pub(super) fn take(self, taking: &mut Taking, understood: &mut BTreeSet<String>) {
        let nodes = self.nodes.iter().chain(&self.skips);
        understood.extend(nodes.map(|node| node.id.to_owned()));
        let zero = || "0".to_owned();
        for node in &self.nodes {
            if let Some(blocks) = self.graph.value(*node, &["block_vector"]) {
                taking.no_effect("block_vector", &blocks);
            }
            for row in rows(self.graph, *node) {
                let acts = |in_it: bool, weight: String| if in_it { weight } else { zero() };
                let clip = acts(self.of_text.contains(node.id), row.clip);
                let model = acts(self.of_model.contains(node.id), row.model);
                taking.lora(&row.name, [&clip, &model], None);
            }
        }
        if !self.of_some_texts.is_empty() {
            let names = self.of_some_texts.join(", ");
            taking.no_effect("LoRA on some of the texts alone", &names);
        }
        let layers: BTreeSet<String> = self
            .skips
            .iter()
            .filter_map(|node| self.graph.value(*node, &["stop_at_clip_layer"]))
            .collect();
        // -1 is the last layer, which A1111 calls 1.
        let skip = layers
            .first()
            .map(|it| it.trim_start_matches('-').to_owned());
        taking.parameter("clip_skip", "stop_at_clip_layer", skip);
        for other in layers.iter().skip(1) {
            taking.no_effect("another stop_at_clip_layer", other);
        }
    }
}

/// The LoRAs of one node: a loader's own inputs, rows that are objects, or numbered
/// inputs.
fn rows(graph: &Graph, node: Node<'_>) -> Vec<Row> {
    let get = |keys: &[&str]| graph.value(node, keys);
    let one = || "1".to_owned();
    if let Some(name) = get(&["lora_name"]) {
        let model = get(&["strength_model", "lora_model_strength", "strength"]);
        let model = model.unwrap_or_else(one);
        let clip = get(&["strength_clip", "lora_clip_strength"]);
        let clip = clip.unwrap_or_else(|| model.clone());
        return vec![Row { name, model, clip }];
    }
    let objects = node.inputs.values().filter_map(|value| value.as_object());
    let objects = objects.filter(|row| row.get("on") != Some(&false.into()));
    let objects = objects.filter_map(|row| {
        let get = |key: &str| crate::restore::json::value(row, &[key]);
        let model = get("strength").unwrap_or_else(one);
        Some(Row {
            name: get("lora")?,
            clip: get("strengthTwo").unwrap_or_else(|| model.clone()),
            model,
        })
    });
    let numbered = (1..=MOST_ROWS).filter_map(|number| {
        let get = |keys: &[&str]| {
            let named = keys.iter();
            named
                .flat_map(|key| [format!("{key}_{number}"), format!("{key}_{number:02}")])
                .filter(|key| !node.inputs.get(key).is_some_and(Value::is_object))
                .find_map(|key| get(&[&key]))
        };
        let is_off = get(&["switch"]).is_some_and(|switch| switch == "Off");
        let name = get(&["lora_name", "lora"]).filter(|_| !is_off)?;
        let keys = [
            "model_str",
            "model_weight",
            "strength_model",
            "strength",
            "lora_wt",
        ];
        let model = get(&keys).unwrap_or_else(one);
        let clip = get(&["clip_str", "clip_weight", "strength_clip"]);
        let clip = clip.unwrap_or_else(|| model.clone());
        Some(Row { name, model, clip })
    });
    objects.chain(numbered).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::LoraChoice;
    use crate::export::TextChunk;
    use crate::restore::texts::Texts;
    use crate::restore::{Found, RestoredSettings};
    use serde_json::json;

    /// A graph whose sampler and texts take what these links say.
    fn restored(model: &str, positive: &str, negative: &str, nodes: Value) -> RestoredSettings {
        let text = |clip: &str| {
            let inputs = json!({"text": "a cat", "clip": [clip, 1]});
            json!({"class_type": "CLIPTextEncode", "inputs": inputs})
        };
        let mut graph = json!({
            "1": {"class_type": "CheckpointLoaderSimple", "inputs": {"ckpt_name": "sd.safetensors"}},
            "2": {"class_type": "KSampler", "inputs": {
                "seed": 1, "steps": 20, "cfg": 7, "sampler_name": "euler", "scheduler": "normal",
                "denoise": 1, "model": [model, 0], "positive": ["3", 0], "negative": ["4", 0],
                "latent_image": ["5", 0]}},
            "3": text(positive),
            "4": text(negative),
            "5": {"class_type": "EmptyLatentImage", "inputs": {"width": 512, "height": 512, "batch_size": 1}},
        });
        let nodes = nodes.as_object().expect("an object").clone();
        graph.as_object_mut().expect("an object").extend(nodes);
        let chunks = [TextChunk::new("prompt", graph.to_string())];
        match super::super::read(Texts(&chunks)) {
            Some(Found::Settings(restored)) => *restored,
            _ => panic!("no settings in {graph}"),
        }
    }

    fn loader(name: &str, model: f64, clip: f64, from: &str) -> Value {
        json!({"class_type": "LoraLoader", "inputs": {
            "lora_name": name, "strength_model": model, "strength_clip": clip,
            "model": [from, 0], "clip": [from, 1]}})
    }

    fn loras(restored: &RestoredSettings) -> Vec<(&str, [f64; 2])> {
        let chosen = restored.taken.settings.loras.iter();
        chosen
            .map(|lora: &LoraChoice| (lora.name.as_str(), lora.weights()))
            .collect()
    }

    #[test]
    fn weights_act_where_the_links_lead() {
        let nodes = json!({
            "6": loader("first\\\\a.safetensors", 0.8, 1.0, "1"),
            "7": loader("b.safetensors", -0.5, 0.0, "6"),
            "8": {"class_type": "LoraLoaderModelOnly", "inputs": {
                "lora_name": "c.safetensors", "strength_model": 0.3, "model": ["7", 0]}},
            "9": {"class_type": "CLIPSetLastLayer", "inputs": {
                "stop_at_clip_layer": -2, "clip": ["7", 1]}},
        });
        let whole = restored("8", "9", "9", nodes.clone());
        assert_eq!(
            loras(&whole),
            [("a", [1.0, 0.8]), ("b", [0.0, -0.5]), ("c", [0.0, 0.3])]
        );
        assert_eq!(whole.taken.settings.clip_skip, 2);
        assert_eq!(whole.not_taken.len(), 1, "{:?}", whole.not_taken);

        // The texts come from the checkpoint itself, or the sampler does.
        let unet_only = restored("6", "1", "1", nodes.clone());
        assert_eq!(loras(&unet_only), [("a", [0.0, 0.8])]);
        assert_eq!(unet_only.taken.settings.clip_skip, 1);
        let text_only = restored("1", "6", "6", nodes.clone());
        assert_eq!(loras(&text_only), [("a", [1.0, 0.0])]);

        let told = restored("6", "6", "1", nodes).message(None);
        assert!(
            told.contains("LoRA on some of the texts alone first"),
            "{told}"
        );
    }

    #[test]
    fn nodes_that_load_several_are_read_by_their_rows() {
        let rows = json!({"6": {"class_type": "Power Lora Loader (rgthree)", "inputs": {
            "model": ["1", 0], "clip": ["1", 1],
            "lora_1": {"on": true, "lora": "a.safetensors", "strength": 0.5, "strengthTwo": 0.25},
            "lora_2": {"on": false, "lora": "b.safetensors", "strength": 1},
            "lora_3": {"on": true, "lora": "c.safetensors", "strength": 2}}}});
        assert_eq!(
            loras(&restored("6", "6", "6", rows)),
            [("a", [0.25, 0.5]), ("c", [2.0, 2.0])]
        );

        let stack = json!({
            "6": {"class_type": "CR Apply LoRA Stack", "inputs": {
                "model": ["1", 0], "clip": ["1", 1], "lora_stack": ["7", 0]}},
            "7": {"class_type": "CR LoRA Stack", "inputs": {
                "switch_1": "On", "lora_name_1": "a.safetensors", "model_weight_1": 0.7, "clip_weight_1": 0.6,
                "switch_2": "Off", "lora_name_2": "b.safetensors", "model_weight_2": 1, "clip_weight_2": 1,
                "switch_3": "On", "lora_name_3": "None", "model_weight_3": 1, "clip_weight_3": 1}},
        });
        let stacked = restored("6", "6", "6", stack);
        assert_eq!(loras(&stacked), [("a", [0.6, 0.7])]);
        assert_eq!(stacked.not_taken.len(), 1, "{:?}", stacked.not_taken);
    }

    #[test]
    fn a_weight_in_another_node_is_found_and_one_that_is_none_is_told() {
        let mut nodes = json!({
            "6": loader("a.safetensors", 1.0, 1.0, "1"),
            "7": {"class_type": "PrimitiveFloat", "inputs": {"value": 0.4}},
        });
        nodes["6"]["inputs"]["strength_model"] = json!(["7", 0]);
        let linked = restored("6", "6", "6", nodes.clone());
        assert_eq!(loras(&linked), [("a", [1.0, 0.4])]);
        nodes["7"]["inputs"]["value"] = json!("strong");
        let told = restored("6", "6", "6", nodes).message(None);
        assert!(told.contains("Not taken: LoRA a:1:strong"), "{told}");
    }
}
