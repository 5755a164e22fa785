//! Marks in a prompt that other programs act on: what has no effect here, and which
//! textual inversions are named.

use super::restored::NotTaken;

/// Networks that a prompt loads and nothing here can be.
const NETWORKS: [(&str, &str); 1] = [("<hypernet:", "hypernetwork")];

/// What of `prompt` has no effect, each kind once with all its values.
pub(super) fn without_effect(prompt: &str) -> Vec<NotTaken> {
    let mut found = Vec::new();
    for (mark, name) in NETWORKS {
        let values: Vec<&str> = prompt
            .match_indices(mark)
            .filter_map(|(start, _)| prompt[start + mark.len()..].split('>').next())
            .collect();
        if !values.is_empty() {
            found.push(NotTaken::no_effect(name, &values.join(", ")));
        }
    }
    found
}

/// How ComfyUI marks a textual inversion.
const EMBEDDING: &str = "embedding:";

/// The textual inversions that a prompt marks as such.
pub(super) fn embeddings(prompt: &str) -> Vec<&str> {
    let marks = prompt.match_indices(EMBEDDING);
    let names = marks.filter_map(|(start, _)| {
        let behind = &prompt[start + EMBEDDING.len()..];
        let ends = |sign: char| sign.is_whitespace() || ",:;()[]<>|".contains(sign);
        behind.split(ends).next()
    });
    names.filter(|name| !name.is_empty()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(prompt: &str) -> Vec<String> {
        let items = without_effect(prompt).into_iter();
        items
            .map(|item| format!("{} {}", item.name, item.value))
            .collect()
    }

    #[test]
    fn marked_textual_inversions_are_found() {
        for (prompt, expected) in [
            (
                "(embedding:bad-hands-5:1.2), embedding:easynegative.pt",
                &["bad-hands-5", "easynegative.pt"][..],
            ),
            ("an embedding: a cat, embedding:", &[]),
        ] {
            assert_eq!(embeddings(prompt), expected, "{prompt}");
        }
    }

    #[test]
    fn marks_are_found_and_plain_words_are_not() {
        for (prompt, expected) in [
            ("a (cat:1.3) left of a dog BREAK", &[][..]),
            ("<lora:a:0.8> x", &[]),
            ("<hypernet:a:1> <hypernet:old>", &["hypernetwork a:1, old"]),
            ("<hypernet:", &["hypernetwork "]),
        ] {
            assert_eq!(found(prompt), expected, "{prompt}");
        }
    }
}
