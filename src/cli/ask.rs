//! The question of the original program: which tokens? With our proposal as the answer to Enter.

use std::io::{BufRead, Write};

use super::relations::from_indices;
use super::{Failure, output};
use crate::prompt::{Assignment, TokenIndices, TokenizedPrompt};

/// Prints each token with its index and reads token indices from the terminal.
///
/// # Errors
/// If the answer makes no sense, or the terminal closes.
pub(super) fn assignment(
    prompt: &TokenizedPrompt,
    proposal: Assignment,
) -> Result<Assignment, Failure> {
    for token in prompt.word_tokens() {
        output::say(format_args!("{:3}  {}", token.position, token.text));
    }
    let proposed = TokenIndices::of(&proposal, prompt);
    let question = match &proposed {
        Some(indices) => {
            format!("Token indices, as [[subject,object],[attribute,attribute]] [{indices}]: ")
        }
        None if !proposal.relations.is_empty() => {
            "Token indices, as [[2,9],[None,8]], or Enter for what the prompt says: ".to_string()
        }
        None => "Token indices, as [[2,9],[None,8]]: ".to_string(),
    };
    let mut terminal = std::io::stderr();
    let asked = terminal.write_all(question.as_bytes());
    asked
        .and_then(|()| terminal.flush())
        .map_err(Failure::file)?;
    match answer(std::io::stdin().lock())?.trim() {
        "" => Ok(proposal),
        indices => from_indices(indices, prompt),
    }
}

/// A line; its end without one is no consent.
fn answer(mut terminal: impl BufRead) -> Result<String, Failure> {
    let mut answer = String::new();
    match terminal.read_line(&mut answer).map_err(Failure::file)? {
        0 => Err(Failure::usage(
            "there is no answer; press Enter for the program's own, or give --yes",
        )),
        _ => Ok(answer),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn enter_is_an_answer_and_the_end_of_the_input_is_none() {
        assert_eq!(answer(&b"\n"[..]).unwrap(), "\n");
        assert_eq!(
            answer(&b"[[2,9],[None,8]]"[..]).unwrap(),
            "[[2,9],[None,8]]"
        );
        assert_eq!(answer(&b""[..]).unwrap_err().code, 2);
    }
}
