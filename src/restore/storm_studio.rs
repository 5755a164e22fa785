//! Our own pictures: a JSON text with everything, beside A1111's infotext.

use super::networks::NamedNetwork;
use super::restored::{NotTaken, RestoredSettings};
use super::texts::Texts;
use super::{Found, Program, a1111};
use crate::engine::Recipe;
use crate::export::OWN_KEYWORD;
use crate::export::metadata::own_of;

pub(super) fn read(texts: Texts) -> Option<Found> {
    match own_of::<Recipe>(texts.0)? {
        Ok(recipe) => Some(Found::Settings(Box::new(restored(recipe)))),
        // Of another version, or damaged: what every program reads is still there.
        Err(error) => {
            let Some(Found::Settings(mut restored)) = a1111::read(texts) else {
                return Some(Found::Named(Program::StormStudio));
            };
            let rule = format!("of another version or damaged, {error}");
            let own = NotTaken::rule("the text", OWN_KEYWORD, rule);
            restored.program = Program::StormStudio;
            restored.not_taken.insert(0, own);
            Some(Found::Settings(restored))
        }
    }
}

fn restored(recipe: Recipe) -> RestoredSettings {
    let mut not_taken = vec![NotTaken::model(&recipe.model)];
    let networks = recipe.networks.iter();
    let networks = networks.map(|it| NamedNetwork::new(it.kind, &it.name, Some(&it.hash)));
    let networks = networks.collect();
    let mut taken = recipe.request;
    let layout = &taken.layout;
    let is_empty = layout.objects.is_empty() && layout.relations.is_empty();
    // A file may say anything; how many tokens the model has is not known here.
    if !is_empty && let Err(error) = layout.validate(usize::MAX) {
        not_taken.push(NotTaken::rule("relations", "", error.to_string()));
        taken.layout = Default::default();
    }
    RestoredSettings {
        program: Program::StormStudio,
        model_hash: recipe.model_hash,
        taken,
        not_taken,
        networks,
        differences: Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diffusion::Method;
    use crate::engine::Request;
    use crate::export::TextChunk;
    use crate::restore::Reason;
    use crate::storm::{Layout, ObjectTokens, Relation, RelationKind};

    fn recipe() -> Recipe {
        let object = |label: &str, token| ObjectTokens {
            label: label.to_owned(),
            tokens: vec![token],
            attributes: Vec::new(),
        };
        Recipe {
            program: "Storm Studio 0".to_owned(),
            model: "toybox".to_owned(),
            model_hash: Some("0123456789abcdef".repeat(4)),
            device: "CPU".to_owned(),
            method: Method::Storm,
            networks: Vec::new(),
            request: Request {
                prompt: "a cat left of a dog".to_owned(),
                seeds: vec![u64::MAX],
                layout: Layout {
                    objects: vec![object("cat", 2), object("dog", 6)],
                    relations: vec![Relation {
                        subject: 0,
                        kind: RelationKind::LeftOf,
                        object: 1,
                    }],
                    ..Layout::default()
                },
                ..Request::default()
            },
        }
    }

    fn read_back(chunks: &[TextChunk]) -> RestoredSettings {
        match read(Texts(chunks)) {
            Some(Found::Settings(restored)) => *restored,
            _ => panic!("no settings"),
        }
    }

    #[test]
    fn the_whole_request_comes_back() {
        let recipe = recipe();
        let restored = read_back(&recipe.text_chunks());
        assert_eq!(restored.taken, recipe.request);
        assert_eq!(restored.not_taken, [NotTaken::model("toybox")]);
        assert_eq!(restored.model_hash, recipe.model_hash);
    }

    #[test]
    fn relations_of_objects_that_are_not_there_are_left_out_by_name() {
        let mut damaged = recipe();
        let chunks = damaged.text_chunks();
        let text = chunks[1].text.replace(r#""object":1"#, r#""object":7"#);
        assert_ne!(text, chunks[1].text);
        let restored = read_back(&[TextChunk::new(OWN_KEYWORD, text)]);
        assert!(restored.message(None).contains("object number 7"));
        damaged.request.layout = Layout::default();
        assert_eq!(restored.taken, damaged.request);
    }

    #[test]
    fn a_text_of_another_version_leaves_what_every_program_reads() {
        let mut chunks = recipe().text_chunks();
        chunks[1].text = r#"{"program": "Storm Studio 9", "method": "tempest"}"#.to_owned();
        let restored = read_back(&chunks);
        assert_eq!(restored.program, Program::StormStudio);
        assert_eq!(restored.taken.prompt, "a cat left of a dog");
        assert_eq!(restored.taken.seeds, [u64::MAX]);
        assert_eq!(restored.model_hash.as_deref(), Some("0123456789"));
        assert!(matches!(restored.not_taken[0].reason, Reason::Rule(_)));
        assert!(matches!(
            read(Texts(&chunks[1..])),
            Some(Found::Named(Program::StormStudio))
        ));
    }
}
