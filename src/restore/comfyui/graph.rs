//! ComfyUI's graph as it ran: nodes by their number, whose inputs are values or
//! links to other nodes. It comes from a file, so it may be anything: a graph
//! that leads back to itself or is absurdly large is refused before it is walked.

use std::collections::{BTreeMap, HashMap};

use serde_json::{Map, Value};

use crate::restore::json::text_of;

/// People's graphs have dozens of nodes, generated ones hundreds.
const MOST_NODES: usize = 5000;
/// Longest way through a graph, in links.
const LONGEST_WAY: usize = 500;

/// Why a graph is not walked; what follows "its ComfyUI graph".
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(in crate::restore) enum GraphError {
    #[error("leads back to itself at node {0}")]
    Cyclic(String),
    #[error("has {0} nodes, more than the {MOST_NODES} that are read")]
    TooManyNodes(usize),
    #[error("is more than {LONGEST_WAY} nodes deep")]
    TooDeep,
    #[error("has no sampler that could be understood")]
    NoSampler,
}

/// All nodes, and no way leads back.
pub(super) struct Graph {
    nodes: BTreeMap<String, OwnedNode>,
}

struct OwnedNode {
    class: String,
    inputs: Map<String, Value>,
}

/// One node.
#[derive(Clone, Copy)]
pub(super) struct Node<'a> {
    pub(super) id: &'a str,
    pub(super) class: &'a str,
    pub(super) inputs: &'a Map<String, Value>,
}

impl Graph {
    /// The nodes in `json`; `None` if there are none.
    pub(super) fn new(json: Map<String, Value>) -> Result<Option<Self>, GraphError> {
        let nodes = json.into_iter().filter_map(|(id, node)| {
            let Value::Object(mut node) = node else {
                return None;
            };
            let class = node.get("class_type")?.as_str()?.to_owned();
            let inputs = match node.remove("inputs") {
                Some(Value::Object(inputs)) => inputs,
                _ => Map::new(),
            };
            Some((id, OwnedNode { class, inputs }))
        });
        let nodes: BTreeMap<String, OwnedNode> = nodes.collect();
        if nodes.is_empty() {
            return Ok(None);
        }
        if nodes.len() > MOST_NODES {
            return Err(GraphError::TooManyNodes(nodes.len()));
        }
        let graph = Self { nodes };
        graph.check_ways()?;
        Ok(Some(graph))
    }

    /// All nodes by their numbers.
    pub(super) fn nodes(&self) -> Vec<Node<'_>> {
        let nodes = self.nodes.iter().map(|(id, node)| Node {
            id,
            class: &node.class,
            inputs: &node.inputs,
        });
        let mut nodes: Vec<Node> = nodes.collect();
        nodes.sort_by_key(|node| (node.id.parse::<u64>().unwrap_or(u64::MAX), node.id));
        nodes
    }

    fn node(&self, id: &str) -> Option<Node<'_>> {
        let (id, node) = self.nodes.get_key_value(id)?;
        Some(Node {
            id,
            class: &node.class,
            inputs: &node.inputs,
        })
    }

    /// The node that a value links to: `["4", 1]`.
    pub(super) fn linked(&self, value: &Value) -> Option<Node<'_>> {
        let Value::Array(link) = value else {
            return None;
        };
        match link.as_slice() {
            [Value::String(id), Value::Number(_)] => self.node(id),
            [Value::Number(id), Value::Number(_)] => self.node(&id.to_string()),
            _ => None,
        }
    }

    /// The node at an input.
    pub(super) fn at(&self, node: Node<'_>, input: &str) -> Option<Node<'_>> {
        self.linked(node.inputs.get(input)?)
    }

    /// All nodes that `node` takes something from.
    pub(super) fn sources(&self, node: Node<'_>) -> Vec<Node<'_>> {
        let links = node.inputs.values();
        links.filter_map(|value| self.linked(value)).collect()
    }

    /// The value at the first of `inputs` that has one, also where another node
    /// holds it.
    pub(super) fn value(&self, node: Node<'_>, inputs: &[&str]) -> Option<String> {
        inputs.iter().find_map(|input| {
            let value = node.inputs.get(*input)?;
            match self.linked(value) {
                Some(holder) => self.held(holder, input),
                None => text_of(value),
            }
        })
    }

    /// What a node that only holds a value holds: its own input of that name, or
    /// one of those that such nodes have.
    fn held(&self, holder: Node<'_>, name: &str) -> Option<String> {
        const NAMES: [&str; 15] = [
            "value",
            "text",
            "string",
            "prompt",
            "seed",
            "noise_seed",
            "int",
            "float",
            "number",
            "Number",
            "Value",
            "Text",
            "STRING",
            "text_a",
            "text_b",
        ];
        let mut names = vec![name];
        names.extend(NAMES);
        self.value(holder, &names)
    }

    /// No way leads back or is too long; walked without recursion, since a file
    /// decides how deep it is.
    fn check_ways(&self) -> Result<(), GraphError> {
        // Length of the longest way from each finished node.
        let mut lengths: HashMap<&str, usize> = HashMap::new();
        let mut open: HashMap<&str, ()> = HashMap::new();
        for start in self.nodes() {
            let mut stack = vec![(start, false)];
            while let Some((node, is_done)) = stack.pop() {
                if lengths.contains_key(node.id) {
                    continue;
                }
                let sources = self.sources(node);
                if is_done {
                    open.remove(node.id);
                    let longest = sources.iter().map(|source| lengths[source.id]).max();
                    let length = longest.map_or(0, |longest| longest + 1);
                    if length > LONGEST_WAY {
                        return Err(GraphError::TooDeep);
                    }
                    lengths.insert(node.id, length);
                    continue;
                }
                if open.insert(node.id, ()).is_some() {
                    // Waits already, for one that was met in between.
                    continue;
                }
                stack.push((node, true));
                for source in sources {
                    if open.contains_key(source.id) {
                        return Err(GraphError::Cyclic(source.id.to_owned()));
                    }
                    stack.push((source, false));
                }
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn graph(json: Value) -> Result<Option<Graph>, GraphError> {
        Graph::new(json.as_object().expect("an object").clone())
    }

    fn chain(length: usize, last: usize) -> Value {
        let nodes = (0..length).map(|index| {
            let next = if index + 1 == length { last } else { index + 1 };
            let node = json!({"class_type": "Reroute", "inputs": {"a": [next.to_string(), 0]}});
            (index.to_string(), node)
        });
        Value::Object(nodes.collect())
    }

    #[test]
    fn ways_that_lead_back_and_absurd_graphs_are_refused() {
        assert_eq!(
            graph(chain(3, 0)).err(),
            Some(GraphError::Cyclic("0".to_owned()))
        );
        assert_eq!(
            graph(chain(1, 0)).err(),
            Some(GraphError::Cyclic("0".to_owned()))
        );
        // The last link leads nowhere.
        assert!(graph(chain(400, 9999)).unwrap().is_some());
        assert_eq!(graph(chain(600, 9999)).err(), Some(GraphError::TooDeep));
        assert_eq!(
            graph(chain(5001, 9999)).err(),
            Some(GraphError::TooManyNodes(5001))
        );
        assert!(graph(json!({"a": 1, "b": {"c": 2}})).unwrap().is_none());
    }

    #[test]
    fn two_ways_to_one_node_are_no_way_back() {
        let node = |a: usize, b: usize| json!({"class_type": "X", "inputs": {"a": [a.to_string(), 0], "b": [b.to_string(), 0]}});
        // As many ways as 2^40, each node with two links to the next.
        let nodes = (0..40).map(|index| (index.to_string(), node(index + 1, index + 1)));
        assert!(graph(Value::Object(nodes.collect())).unwrap().is_some());
        let diamond = json!({"1": node(2, 3), "2": node(4, 4), "3": node(2, 4), "4": node(5, 5)});
        assert!(graph(diamond).unwrap().is_some());
    }

    #[test]
    fn values_are_found_where_another_node_holds_them() {
        let graph = graph(json!({
            "1": {"class_type": "KSampler", "inputs": {"seed": ["2", 0], "steps": 20.0}},
            "2": {"class_type": "Reroute", "inputs": {"value": ["3", 0]}},
            "3": {"class_type": "PrimitiveInt", "inputs": {"value": 7}},
        }));
        let graph = graph.unwrap().unwrap();
        let sampler = graph.nodes()[0];
        assert_eq!(
            graph.value(sampler, &["noise_seed", "seed"]).as_deref(),
            Some("7")
        );
        assert_eq!(graph.value(sampler, &["steps"]).as_deref(), Some("20"));
    }
}
