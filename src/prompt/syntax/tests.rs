//! What each spelling becomes.

use super::*;
use PromptWeights::{A1111, Comfyui};

/// Text and weight of each segment, a bar before it for a break.
fn read(prompt: &str, rule: PromptWeights) -> Vec<(String, f32)> {
    let parsed = parse(prompt, rule);
    let segments = parsed.segments.iter().filter(|it| !it.text.is_empty());
    segments
        .map(|it| {
            (
                "|".repeat(it.breaks) + &it.text,
                (it.weight * 1e4).round() / 1e4,
            )
        })
        .collect()
}

fn is(expected: &[(&str, f32)]) -> Vec<(String, f32)> {
    let expected = expected.iter();
    expected
        .map(|(text, weight)| (text.to_string(), *weight))
        .collect()
}

#[test]
fn a1111_reads_brackets_weights_escapes_and_breaks() {
    for (prompt, expected) in [
        ("a cat", &[("a cat", 1.0)][..]),
        ("", &[]),
        ("(cat)", &[("cat", 1.1)]),
        ("[cat]", &[("cat", 0.9091)]),
        ("(cat:1.3)", &[("cat", 1.3)]),
        ("(cat: 1.3 )", &[("cat", 1.3)]),
        ("(cat:-.5)", &[("cat", -0.5)]),
        ("((cat))", &[("cat", 1.21)]),
        ("((cat:1.5) dog:2)", &[("cat", 3.0), (" dog", 2.0)]),
        ("[(cat)] dog", &[("cat", 1.0), (" dog", 1.0)]),
        // The last cat of a bracket that crosses another is in both.
        ("(a [b) c]", &[("a ", 1.1), ("b", 1.0), (" c", 0.9091)]),
        (r"\(cat\) \[x\] \\ \y", &[(r"(cat) [x] \ y", 1.0)]),
        ("a BREAK b", &[("a ", 1.0), ("| b", 1.0)]),
        ("BREAK b", &[("| b", 1.0)]),
        ("BREAKFAST a_BREAK", &[("BREAKFAST a_BREAK", 1.0)]),
        // Without a partner a bracket reaches to the end, or is a sign.
        ("a (cat", &[("a ", 1.0), ("cat", 1.1)]),
        ("cat) :1.3) x", &[("cat) :1.3) x", 1.0)]),
        ("16:9 (a:b)", &[("16:9 ", 1.0), ("a:b", 1.1)]),
        ("(cat:1.3.4)", &[("cat:1.3.4", 1.1)]),
        ("a <lora:x:0.8>cat", &[("a cat", 1.0)]),
        ("<b>cat</b>", &[("<b>cat</b>", 1.0)]),
        ("(猫:1.2)é", &[("猫", 1.2), ("é", 1.0)]),
    ] {
        let read = read(prompt, A1111);
        let joined: Vec<(String, f32)> = read.into_iter().fold(Vec::new(), |mut all, it| {
            // Products of weights may differ in their last bit.
            match all.last_mut() {
                Some((text, weight)) if *weight == it.1 && !it.0.starts_with('|') => *text += &it.0,
                _ => all.push(it),
            }
            all
        });
        let expected = is(expected).into_iter().fold(Vec::new(), |mut all, it| {
            match all.last_mut() {
                Some((text, weight)) if *weight == it.1 && !it.0.starts_with('|') => {
                    let text: &mut String = text;
                    *text += &it.0;
                }
                _ => all.push(it),
            }
            all
        });
        assert_eq!(joined, expected, "{prompt}");
    }
}

#[test]
fn in_comfyui_a_number_is_the_weight_and_squares_are_signs() {
    for (prompt, expected) in [
        ("(cat)", &[("cat", 1.1)][..]),
        ("((cat:1.5) dog:2)", &[("cat", 1.5), (" dog", 2.0)]),
        ("((cat) dog:2)", &[("cat", 2.2), (" dog", 2.0)]),
        ("[cat]", &[("[cat]", 1.0)]),
        (r"\(cat\) \y", &[(r"(cat) \y", 1.0)]),
        ("a (cat", &[("a (cat", 1.0)]),
        ("cat) x", &[("cat) x", 1.0)]),
    ] {
        assert_eq!(read(prompt, Comfyui), is(expected), "{prompt}");
    }
}

#[test]
fn literal_changes_nothing() {
    let prompt = r"((cat:1.3)) [x] \( BREAK <lora:a:1>";
    let parsed = parse(prompt, PromptWeights::Literal);
    assert_eq!(read(prompt, PromptWeights::Literal), is(&[(prompt, 1.0)]));
    assert!(parsed.networks.is_empty() && parsed.notes.is_empty());
}

#[test]
fn segments_know_where_they_stand() {
    let prompt = r"a (b\(c:1.2) <lora:x:1>d";
    let parsed = parse(prompt, A1111);
    let segment = &parsed.segments[1];
    assert_eq!(segment.text, "b(c");
    assert_eq!(&prompt[segment.span_in_prompt(&(0..3))], r"b\(c");
    assert_eq!(&prompt[segment.span_in_prompt(&(1..2))], "(");
    let last = &parsed.segments[2];
    assert_eq!(last.text, " d");
    assert_eq!(&prompt[last.span_in_prompt(&(1..2))], "d");
}

#[test]
fn networks_are_named_with_both_weights() {
    let tags = |prompt: &str| parse(prompt, A1111).networks;
    let both = tags("<lora:a b:0.8><LYCO:c:0.5:-1> <lora:d>");
    let weights: Vec<_> = both
        .iter()
        .map(|tag| (tag.name.as_str(), tag.weights))
        .collect();
    assert_eq!(
        weights,
        [
            ("a b", Some([0.8, 0.8])),
            ("c", Some([0.5, -1.0])),
            ("d", Some([1.0, 1.0]))
        ]
    );
    assert_eq!(
        tags("<lora:a:te=0.2:unet=0.6>")[0].weights,
        Some([0.2, 0.6])
    );
    for wrong in [
        "<lora:a:much>",
        "<lora::1>",
        "<lora:a:inf>",
        "<lora:a:0.5:x>",
    ] {
        assert_eq!(tags(wrong)[0].weights, None, "{wrong}");
    }
    assert_eq!(tags("<hypernet:h:1>")[0].kind, NetworkKind::Hypernetwork);
    assert!(tags("<lora:a <b> c>").is_empty());
}

#[test]
fn what_is_read_otherwise_is_said() {
    let notes = |prompt: &str| -> Vec<String> {
        let notes = parse(prompt, A1111).notes.into_iter();
        notes.map(|note| note.to_string()).collect()
    };
    assert!(notes("(a) [b] \\( c:1.3").is_empty());
    assert!(
        notes("(a")[0].contains("“(” has no partner"),
        "{:?}",
        notes("(a")
    );
    assert!(notes("a]] (")[0].contains("“]” (and 2 more brackets)"));
    assert!(notes("(a:1000)")[0].contains("between −100 and 100"));
    assert!(notes("[cat:dog:0.5]")[0].contains("not known here"));
}

#[test]
fn a_hundred_thousand_brackets_are_read_at_once() {
    for prompt in [
        "(".repeat(100_000),
        "(a".repeat(50_000),
        format!("{}{}", "((".repeat(25_000), ")]".repeat(25_000)),
        "([a)]".repeat(20_000),
    ] {
        let parsed = parse(&prompt, A1111);
        assert!(parsed.segments.iter().all(|it| it.weight.is_finite()));
    }
}
