//! The question of the original program: which tokens? With our proposal as the answer to Enter.

use std::io::Write;

use super::Failure;
use super::relations::from_indices;
use crate::prompt::{Assignment, TokenIndices, TokenizedPrompt};

/// Prints each token with its index and reads token indices from the terminal.
///
/// # Errors
/// If the answer makes no sense, or the terminal closes.
pub(super) fn assignment(
    prompt: &TokenizedPrompt,
    proposal: Assignment,
) -> Result<Assignment, Failure> {
    let tokens = &prompt.tokens[1..prompt.end];
    for token in tokens {
        eprintln!("{:3}  {}", token.position, token.text);
    }
    let proposed = TokenIndices::of(&proposal, prompt);
    match &proposed {
        Some(indices) => {
            eprint!("Token indices, as [[subject,object],[attribute,attribute]] [{indices}]: ")
        }
        None if !proposal.relations.is_empty() => {
            eprint!("Token indices, as [[2,9],[None,8]], or Enter for what the prompt says: ");
        }
        None => eprint!("Token indices, as [[2,9],[None,8]]: "),
    }
    std::io::stderr().flush().map_err(Failure::file)?;
    let mut answer = String::new();
    std::io::stdin()
        .read_line(&mut answer)
        .map_err(Failure::file)?;
    match answer.trim() {
        "" => Ok(proposal),
        indices => from_indices(indices, prompt),
    }
}
