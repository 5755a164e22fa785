//! Marks in a prompt that other programs act on and that are plain words here.

use super::restored::NotTaken;

/// Networks that a prompt loads: `<lora:name:0.8>`.
const NETWORKS: [(&str, &str); 3] = [
    ("<lora:", "LoRA"),
    ("<lyco:", "LyCORIS"),
    ("<hypernet:", "hypernetwork"),
];

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
    let weights = weights(prompt);
    if !weights.is_empty() {
        found.push(NotTaken::no_effect(
            "weights in the prompt",
            &weights.join(", "),
        ));
    }
    if prompt.split_whitespace().any(|word| word == "BREAK") {
        found.push(NotTaken::no_effect("BREAK", ""));
    }
    found
}

/// The outermost brackets: `(x)`, `(x:1.3)` and `[x]`, unless escaped.
fn weights(prompt: &str) -> Vec<&str> {
    let mut found = Vec::new();
    let mut open: Vec<(usize, char)> = Vec::new();
    let mut is_escaped = false;
    for (index, character) in prompt.char_indices() {
        let was_escaped = is_escaped;
        is_escaped = character == '\\' && !was_escaped;
        if was_escaped {
            continue;
        }
        match character {
            '(' => open.push((index, ')')),
            '[' => open.push((index, ']')),
            ')' | ']' if open.last().is_some_and(|(_, close)| *close == character) => {
                let outermost = open.pop().filter(|_| open.is_empty());
                found.extend(outermost.map(|(start, _)| &prompt[start..=index]));
            }
            _ => {}
        }
    }
    found
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
    fn marks_are_found_and_plain_words_are_not() {
        for (prompt, expected) in [
            ("a cat left of a dog", &[][..]),
            ("a cat \\(black\\), BREAKFAST", &[]),
            (
                "an open ( and a ) b [",
                &["weights in the prompt ( and a )"],
            ),
            (
                "((red) cat:1.3), [dog], 猫",
                &["weights in the prompt ((red) cat:1.3), [dog]"],
            ),
            (
                "<lora:a:0.8> x <lora:b:1> BREAK y",
                &["LoRA a:0.8, b:1", "BREAK "],
            ),
            ("<hypernet:old>", &["hypernetwork old"]),
            ("<lora:", &["LoRA "]),
        ] {
            assert_eq!(found(prompt), expected, "{prompt}");
        }
    }
}
