//! InvokeAI: `invokeai_metadata` and `invokeai_graph` since 3, `sd-metadata` in
//! 2, `Dream` (a command line) before.

use super::texts::Texts;
use super::{Found, Program};

const KEYWORDS: [&str; 5] = [
    "invokeai_metadata",
    "invokeai_graph",
    "invokeai_workflow",
    "sd-metadata",
    "Dream",
];

pub(super) fn read(texts: Texts) -> Option<Found> {
    let is_invoke = KEYWORDS.iter().any(|keyword| texts.has(keyword));
    is_invoke.then_some(Found::Named(Program::InvokeAi))
}
