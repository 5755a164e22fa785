//! NovelAI: `Software` is its name, `Description` the prompt, `Comment` JSON with
//! the rest (`steps`, `scale`, `uc`, `seed`), `Source` the model.

use super::texts::Texts;
use super::{Found, Program};

pub(super) fn read(texts: Texts) -> Option<Found> {
    (texts.get("Software") == Some("NovelAI")).then_some(Found::Named(Program::NovelAi))
}
