//! SwarmUI: a JSON object under A1111's keyword (its docs, Image Metadata Format):
//! `sui_image_params`, `sui_extra_data`, `sui_models`.

use super::texts::Texts;
use super::{Found, Program};
use crate::export::PARAMETERS_KEYWORD;

pub(super) fn read(texts: Texts) -> Option<Found> {
    let parameters = texts.object(PARAMETERS_KEYWORD)?;
    let is_swarm = parameters.contains_key("sui_image_params");
    is_swarm.then_some(Found::Named(Program::SwarmUi))
}
