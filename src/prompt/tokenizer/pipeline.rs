//! Hugging Face's own pipeline, set up as CLIP's tokenizer is.

use tokenizers::models::bpe::BPE;
use tokenizers::normalizers::{self, Lowercase, NFC, NormalizerWrapper, Replace};
use tokenizers::pre_tokenizers::PreTokenizerWrapper;
use tokenizers::pre_tokenizers::byte_level::ByteLevel;
use tokenizers::pre_tokenizers::sequence::Sequence;
use tokenizers::pre_tokenizers::split::{Split, SplitPattern};
use tokenizers::{AddedToken, SplitDelimiterBehavior, Tokenizer};

use crate::prompt::tokenizer_files::TokenizerError;
use crate::prompt::vocabulary::{END_OF_WORD, END_TOKEN, START_TOKEN, Vocabulary};

/// How CLIP splits text before BPE: special tokens, contractions, runs of
/// letters, single digits, runs of anything else visible
/// (OpenAI's `simple_tokenizer.py`).
const CLIP_SPLIT: &str =
    r"<\|startoftext\|>|<\|endoftext\|>|'s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+";

/// Normalisation, splitting and BPE as in Hugging Face's `CLIPTokenizer`,
/// which takes nothing but vocabulary and merges from a checkpoint's files.
pub(super) fn clip_pipeline(
    vocabulary: Vocabulary,
    padding: &str,
) -> Result<Tokenizer, TokenizerError> {
    let model = BPE::builder()
        .vocab_and_merges(
            vocabulary
                .ids
                .into_iter()
                .collect::<tokenizers::models::bpe::Vocab>(),
            vocabulary.merges,
        )
        .unk_token(END_TOKEN.to_owned())
        .continuing_subword_prefix(String::new())
        .end_of_word_suffix(END_OF_WORD.to_owned())
        .build()
        .map_err(|error| TokenizerError::NotClip {
            file: "merges.txt",
            reason: error.to_string(),
        })?;
    let mut tokenizer = Tokenizer::new(model);
    let white_space = normalizers::replace::ReplacePattern::Regex(r"\s+".to_owned());
    let normalizer = normalizers::Sequence::new(vec![
        NormalizerWrapper::NFC(NFC),
        Replace::new(white_space, " ")
            .expect("the pattern is fixed and valid")
            .into(),
        Lowercase.into(),
    ]);
    let split = Split::new(
        SplitPattern::Regex(CLIP_SPLIT.to_owned()),
        SplitDelimiterBehavior::Removed,
        true,
    )
    .expect("the pattern is fixed and valid");
    let bytes = ByteLevel::default().add_prefix_space(false);
    tokenizer.with_pre_tokenizer(Some(Sequence::new(vec![
        PreTokenizerWrapper::Split(split),
        bytes.into(),
    ])));
    // Special tokens are found in the prompt before anything else: SD 2.x pads
    // with "!", so there each exclamation mark becomes the padding token.
    let specials =
        [START_TOKEN, END_TOKEN, padding].map(|token| AddedToken::from(token.to_owned(), true));
    tokenizer
        .with_normalizer(Some(normalizer))
        .and_then(|tokenizer| tokenizer.add_special_tokens(specials))
        .map_err(|error| TokenizerError::NotClip {
            file: "tokenizer_config.json",
            reason: error.to_string(),
        })?;
    Ok(tokenizer)
}
