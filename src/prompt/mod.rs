//! The prompt: its syntax, CLIP's tokens, the words a person sees, and which of them are
//! objects, attributes and relations. Assignments name spans of words; token
//! positions are derived, so that editing the text or changing the model keeps them.

pub mod assignment;
mod carried;
mod chunks;
mod known_words;
mod model_vocabulary;
mod note;
pub mod proposal;
mod reading;
pub mod relation_text;
mod spelling;
mod syntax;
pub mod target_text;
pub mod token_indices;
pub mod tokenized_prompt;
pub mod tokenizer;
mod tokenizer_files;
mod vocabulary;
mod word_diff;
mod words;

pub use assignment::{AssignedObject, Assignment, AssignmentError, WordRole};
pub use carried::carried_layout;
pub use chunks::MOST_CHUNKS;
pub use known_words::{KnownWord, KnownWords};
pub use model_vocabulary::{
    ModelVocabulary, NumberWord, ObjectWord, VocabularyNote, example_prompts,
};
pub use note::Note;
pub use proposal::{PromptObject, Proposal, ProposedRelation, ProposedWish, propose};
pub use relation_text::{ObjectReference, RelationText, assignment_of_relations, relation_texts};
pub use syntax::{
    NetworkKind, NetworkTag, PromptWeights, SyntaxNote, UnknownPromptWeights, network_tags,
};
pub use target_text::{TargetText, TargetTextError, Wish, add_targets, target_texts};
pub use token_indices::{TokenIndices, TokenIndicesError};
pub use tokenized_prompt::{Token, TokenizedPrompt, Word};
pub use tokenizer::ClipTokenizer;
pub use tokenizer_files::{CLIP_MERGES, TokenizerError, TokenizerFiles};
