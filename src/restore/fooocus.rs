//! Fooocus (its modules/meta_parser.py): `fooocus_scheme` says whether the text
//! under A1111's keyword is its own JSON (`fooocus`) or an infotext (`a1111`).
//! Fooocus-MRE, an older fork, writes JSON under `Comment`.

use serde_json::{Map, Value};

use super::texts::Texts;
use super::{Found, Program};
use crate::export::PARAMETERS_KEYWORD;

/// Keys of its JSON that no other program has.
const OWN: [&str; 4] = ["base_model", "performance", "adm_guidance", "sharpness"];

pub(super) fn read(texts: Texts) -> Option<Found> {
    let is_own = |json: &Map<String, Value>| OWN.iter().any(|key| json.contains_key(*key));
    let says_so = texts.get("fooocus_scheme") == Some("fooocus");
    let parameters = texts.object(PARAMETERS_KEYWORD);
    let has_json = parameters.is_some_and(|json| says_so || is_own(&json));
    let has_comment = texts.object("Comment").is_some_and(|json| is_own(&json));
    (has_json || has_comment).then_some(Found::Named(Program::Fooocus))
}
