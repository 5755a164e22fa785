//! ComfyUI: the graph that ran under `prompt`, the one on the screen under
//! `workflow`, both JSON. A graph has no fixed place for a prompt.

use serde_json::Value;

use super::texts::Texts;
use super::{Found, Program};

pub(super) fn read(texts: Texts) -> Option<Found> {
    let is_node = |node: &Value| node.get("class_type").is_some();
    let graph = texts.object("prompt");
    let has_graph = graph.is_some_and(|graph| graph.values().any(is_node));
    let workflow = texts.object("workflow");
    let has_workflow = workflow.is_some_and(|workflow| workflow.contains_key("nodes"));
    (has_graph || has_workflow).then_some(Found::Named(Program::ComfyUi))
}
