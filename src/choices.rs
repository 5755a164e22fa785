//! The names of a choice as a message lists them, taken from the choice itself.

use std::fmt::Display;

use strum::VariantArray;

/// Every variant: `storm, centroid or reference`.
pub fn all<Choice: VariantArray + Display>() -> String {
    listed(Choice::VARIANTS)
}

/// These choices: `cat, dog or bird`.
pub fn listed(choices: impl IntoIterator<Item = impl Display>) -> String {
    let names = choices.into_iter().map(|choice| choice.to_string());
    let names: Vec<String> = names.collect();
    match names.as_slice() {
        [] => String::new(),
        [only] => only.clone(),
        [rest @ .., last] => format!("{} or {last}", rest.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_of_several_is_joined_by_or() {
        assert_eq!(listed(["cat"]), "cat");
        assert_eq!(listed(["cat", "dog"]), "cat or dog");
        assert_eq!(listed(["cat", "dog", "bird"]), "cat, dog or bird");
    }
}
