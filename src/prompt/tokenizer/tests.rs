//! Every recorded prompt against Hugging Face's CLIPTokenizer, and the spans
//! and words that it doesn't have.

use std::sync::LazyLock;

use proptest::prelude::*;
use serde::Deserialize;

use super::*;
use crate::prompt::CLIP_MERGES;

const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/tokenizer");

fn read(name: &str) -> Vec<u8> {
    std::fs::read(Path::new(FOLDER).join(name)).unwrap()
}

fn clip_with_padding(padding: &str) -> ClipTokenizer {
    let config = serde_json::json!({ "pad_token": padding, "model_max_length": 77 }).to_string();
    ClipTokenizer::from_files(TokenizerFiles {
        merges: Some(CLIP_MERGES),
        tokenizer_config: Some(config.as_bytes()),
        ..TokenizerFiles::default()
    })
    .unwrap()
}

/// CLIP's tokenizer as in Stable Diffusion 1.x, for the tests of this module tree.
pub(crate) static SD1: LazyLock<ClipTokenizer> =
    LazyLock::new(|| clip_with_padding("<|endoftext|>"));
static SD2: LazyLock<ClipTokenizer> = LazyLock::new(|| clip_with_padding("!"));
static TOYBOX: LazyLock<ClipTokenizer> =
    LazyLock::new(|| ClipTokenizer::from_folder(&Path::new(FOLDER).join("toybox")).unwrap());

type Ids = Vec<u32>;

#[derive(Deserialize)]
struct Fixture {
    /// Prompt, ids of SD 1.x, of SD 2.x where they differ, of the toybox.
    prompts: Vec<(String, Ids, Option<Ids>, Ids)>,
}

fn fixture() -> Fixture {
    serde_json::from_slice(&read("prompts.json")).unwrap()
}

fn assert_ids(tokenizer: &ClipTokenizer, prompt: &str, mut expected: Ids, padding: u32) {
    let encoded = tokenizer.encode(prompt);
    assert_eq!(encoded.end, expected.len() - 1, "end of {prompt:?}");
    expected.resize(77, padding);
    assert_eq!(encoded.ids, expected, "ids of {prompt:?}");
}

#[test]
fn all_recorded_prompts_have_transformers_ids() {
    let fixture = fixture();
    assert!(fixture.prompts.len() >= 300);
    for (prompt, sd1, sd2, toybox) in fixture.prompts {
        assert_ids(&SD2, &prompt, sd2.unwrap_or_else(|| sd1.clone()), 0);
        assert_ids(&SD1, &prompt, sd1, 49407);
        assert_ids(&TOYBOX, &prompt, toybox, 680);
    }
}

#[test]
fn every_recorded_prompt_has_consistent_words() {
    for (prompt, ..) in fixture().prompts {
        for tokenizer in [&*SD1, &*SD2, &*TOYBOX] {
            check_words(&tokenizer.encode(&prompt));
        }
    }
}

/// Words cover all that is visible, in order; tokens lie in their word.
fn check_words(prompt: &TokenizedPrompt) {
    assert_eq!((prompt.ids.len(), prompt.tokens.len()), (77, 77));
    let mut rest = prompt.text.clone();
    for word in prompt.words.iter().rev() {
        assert_eq!(word.text, prompt.text[word.span.clone()]);
        assert!(!word.text.contains(char::is_whitespace), "{word:?}");
        rest.replace_range(word.span.clone(), " ");
    }
    assert_eq!(rest.trim(), "", "of {:?}", prompt.text);
    let mut next = 1;
    for (index, word) in prompt.words.iter().enumerate() {
        assert_eq!(word.tokens.start, next, "{word:?}");
        next = word.tokens.end;
        let mut covered = word.span.start;
        for token in &prompt.tokens[word.tokens.clone()] {
            assert_eq!(token.word, Some(index));
            assert!((word.span.start..=covered).contains(&token.span.start));
            assert!(prompt.text.get(token.span.clone()).is_some());
            covered = token.span.end;
        }
        let is_whole = covered == word.span.end;
        assert!(
            is_whole || prompt.lost_words.contains(&word.text),
            "{word:?}"
        );
    }
    assert_eq!(next, prompt.end);
    for token in &prompt.tokens {
        let inside = (1..prompt.end).contains(&token.position);
        assert_eq!(token.is_special(), !inside, "{token:?}");
    }
}

fn token_texts(prompt: &TokenizedPrompt) -> Vec<&str> {
    let tokens = &prompt.tokens[1..prompt.end];
    tokens.iter().map(|token| token.text.as_str()).collect()
}

#[test]
fn words_join_their_tokens() {
    let prompt = SD1.encode("The dog's T-shirt, unphotographable");
    assert_eq!(
        token_texts(&prompt),
        [
            "the", "dog", "'s", "t", "-", "shirt", ",", "un", "photogra", "pha", "ble"
        ]
    );
    let words: Vec<(&str, Range<usize>)> = prompt
        .words
        .iter()
        .map(|word| (word.text.as_str(), word.tokens.clone()))
        .collect();
    assert_eq!(
        words,
        [
            ("The", 1..2),
            ("dog's", 2..4),
            ("T-shirt", 4..7),
            (",", 7..8),
            ("unphotographable", 8..12)
        ]
    );
    assert_eq!(prompt.tokens[9].span, 21..29);
    assert_eq!(prompt.tokens_in(&(4..9)), [2, 3]);
    assert_eq!(prompt.words_in(&(8..12)), 1..3);
    assert!(prompt.tokens_in(&(3..4)).is_empty());
}

#[test]
fn spans_are_of_the_text_as_written() {
    // Decomposed accents, a dotted capital that lower case makes longer, wide spaces.
    let text = "cafe\u{301}\u{3000}İstanbul  Straße";
    let prompt = SD1.encode(text);
    let written: Vec<&str> = prompt.words.iter().map(|word| word.text.as_str()).collect();
    assert_eq!(written, ["cafe\u{301}", "İstanbul", "Straße"]);
    let covered: Vec<String> = prompt
        .words
        .iter()
        .map(|word| {
            let tokens = &prompt.tokens[word.tokens.clone()];
            text[tokens[0].span.start..tokens[tokens.len() - 1].span.end].to_owned()
        })
        .collect();
    assert_eq!(covered, written);
}

#[test]
fn parts_of_a_character_show_the_character() {
    let prompt = TOYBOX.encode("🐱 é");
    assert_eq!(token_texts(&prompt), ["🐱", "🐱", "🐱", "🐱", "é", "é"]);
    assert_eq!(prompt.words.len(), 2);
    assert_eq!(prompt.pieces(&prompt.words[0]), ["🐱"]);
    let prompt = SD1.encode("犬の Unphotographable");
    let pieces: Vec<Vec<&str>> = prompt
        .words
        .iter()
        .map(|word| prompt.pieces(word))
        .collect();
    assert_eq!(
        pieces,
        [vec!["犬"], vec!["の"], vec!["Un", "photogra", "pha", "ble"]]
    );
}

#[test]
fn emoji_that_share_a_token_are_one_word() {
    // CLIP has a token for two tears of joy, and none for cat and dog.
    let words = |text| SD1.encode(text).words.len();
    assert_eq!(words("😂😂"), 1);
    assert_eq!(words("🐱🐶"), 2);
    assert_eq!(words("😂 😂"), 2);
}

#[test]
fn an_exclamation_mark_is_padding_only_in_sd2() {
    let prompt = SD2.encode("a cat!");
    assert_eq!(prompt.ids[..6], [49406, 320, 2368, 0, 49407, 0]);
    assert!(!prompt.tokens[3].is_special() && prompt.tokens[5].is_special());
    assert_eq!(prompt.tokens[3].text, "!");
    assert_eq!(SD1.encode("a cat!").ids[3], 256);
}

#[test]
fn words_beyond_the_limit_are_named() {
    let mut text = "cat ".repeat(74);
    text.push_str("unphotographable blue dog");
    let prompt = SD1.encode(&text);
    // One of four tokens of the long word is still inside.
    assert_eq!(prompt.lost_words, ["unphotographable", "blue", "dog"]);
    assert_eq!(prompt.words[74].tokens, 75..76);
    assert_eq!(prompt.words[76].tokens, 76..76);
    assert_eq!(prompt.end, 76);
    assert!(SD1.encode(&"cat ".repeat(75)).lost_words.is_empty());
}

#[test]
fn every_way_to_the_files_gives_the_same_ids() {
    let json = read("toybox/tokenizer.json");
    let document: serde_json::Value = serde_json::from_slice(&json).unwrap();
    let pairs = document["model"]["merges"].as_array().unwrap();
    let lines: Vec<String> = pairs
        .iter()
        .map(|pair| {
            format!(
                "{} {}",
                pair[0].as_str().unwrap(),
                pair[1].as_str().unwrap()
            )
        })
        .collect();
    let merges = format!("#version: 0.2\n{}\n", lines.join("\n"));
    let vocab = document["model"]["vocab"].to_string();
    let mut old_form = document.clone();
    old_form["model"]["merges"] = lines.into();

    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("merges.txt"), &merges).unwrap();
    std::fs::write(folder.path().join("vocab.json"), &vocab).unwrap();
    let tokenizers = [
        ClipTokenizer::from_folder(folder.path()),
        ClipTokenizer::from_files(TokenizerFiles {
            tokenizer_json: Some(old_form.to_string().as_bytes()),
            ..TokenizerFiles::default()
        }),
        ClipTokenizer::from_files(TokenizerFiles {
            merges: Some(merges.as_bytes()),
            ..TokenizerFiles::default()
        }),
    ];
    for tokenizer in tokenizers {
        let tokenizer = tokenizer.unwrap();
        for prompt in ["a red cat left of a blue dog", "Ünïcödé 🐱!"] {
            assert_eq!(tokenizer.encode(prompt), TOYBOX.encode(prompt));
        }
    }
}

#[test]
fn padding_token_and_length_are_read_in_all_spellings() {
    let load = |config: &str, specials: &str| {
        ClipTokenizer::from_files(TokenizerFiles {
            tokenizer_json: Some(&read("toybox/tokenizer.json")),
            tokenizer_config: Some(config.as_bytes()),
            special_tokens_map: Some(specials.as_bytes()),
            ..TokenizerFiles::default()
        })
    };
    let last = |config, specials| load(config, specials).unwrap().encode("a").ids[76];
    assert_eq!(last("{}", "{}"), 680);
    assert_eq!(last(r#"{"pad_token": "!"}"#, "{}"), 0);
    assert_eq!(
        last("{}", r#"{"pad_token": {"content": "!", "lstrip": false}}"#),
        0
    );
    assert_eq!(
        last(r#"{"model_max_length": 1e30, "pad_token": null}"#, "{}"),
        680
    );
    let short = load(r#"{"model_max_length": 8}"#, "{}").unwrap();
    assert_eq!(short.encode("a b c d e f g h").ids.len(), 8);
    assert!(matches!(
        load(r#"{"pad_token": "<pad>"}"#, "{}"),
        Err(TokenizerError::NotClip { .. })
    ));
    assert!(matches!(load("{", "{}"), Err(TokenizerError::Json { .. })));
}

#[test]
fn missing_files_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let error = ClipTokenizer::from_folder(folder.path()).err().unwrap();
    assert!(matches!(error, TokenizerError::Missing(_)));
    assert!(
        error
            .to_string()
            .contains(&folder.path().display().to_string())
    );
    std::fs::create_dir(folder.path().join("tokenizer.json")).unwrap();
    assert!(matches!(
        ClipTokenizer::from_folder(folder.path()),
        Err(TokenizerError::Read { .. })
    ));
}

#[test]
fn a_very_long_prompt_is_encoded() {
    let prompt = SD1.encode(&"unphotographable🐱猫!? ".repeat(20_000));
    assert_eq!(prompt.end, 76);
    check_words(&prompt);
}

proptest! {
    #[test]
    fn any_text_is_encoded_with_consistent_words(text in any::<String>()) {
        check_words(&SD1.encode(&text));
        check_words(&TOYBOX.encode(&text));
    }

    #[test]
    fn texts_of_tricky_pieces_have_consistent_words(
        pieces in prop::collection::vec(
            prop::sample::select(vec![
                "a", "cat", "'s", "’", "!", "…", "-", "_", "1", ".", " ", "\n", "\u{3000}", "猫", "ア",
                "ー", "🐱", "😂", "\u{200d}", "\u{fe0f}", "\u{301}", "İ", "ß", "क", "\u{94d}", "\u{ac00}",
                "\u{1100}", "\u{1161}", "\u{200b}", "\u{0}", "<|endoftext|>", "<|startoftext|>", "🇨", "🇭",
            ]),
            0..40,
        )
    ) {
        let text = pieces.concat();
        check_words(&SD1.encode(&text));
        check_words(&SD2.encode(&text));
    }
}
