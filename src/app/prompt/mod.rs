//! The top of the window: the prompt, its words as chips, its relations as sentences, Generate.

pub mod chips;
pub mod chips_row;
pub mod fold;
pub mod notes;
pub mod prompt_panel;
pub mod relation_sentences;
pub mod run_buttons;
pub mod target_sentences;
