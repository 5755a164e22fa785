//! Every parameter of STORM by name: of the objectives and of the update rule.
//!
//! The command line and the window set them here; what an objective does not read
//! is refused by name.

use std::fmt;

use super::optimisation::Optimisation;
use crate::choices::listed;
use crate::parameters::{Description, ParameterError};
use crate::storm::{ObjectiveKind, Parameter, ParameterGroup};

impl Optimisation {
    /// All parameters as tables, in the order in which they are shown.
    pub fn groups(&mut self) -> Vec<&mut dyn ParameterGroup> {
        let mut groups: Vec<&mut dyn ParameterGroup> = vec![&mut self.update];
        groups.extend(self.parameters.groups());
        groups
    }

    /// Checks what the objective reads.
    ///
    /// # Errors
    /// [`ParameterError`] of the first value that can't be.
    pub fn validate(&self) -> Result<(), ParameterError> {
        let is_read = |parameter: &Parameter| parameter.is_read_by(self.objective);
        let mut copy = self.clone();
        let mut groups = copy.groups().into_iter();
        groups.try_for_each(|group| match group.parameters().iter().any(is_read) {
            true => group.validate(),
            false => Ok(()),
        })
    }
}

/// A parameter as a person names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Name {
    /// An option of the command line, without its dashes.
    Flag(&'static str),
    /// As in files: `margin`, or with its group, `storm.margin`.
    Key(String),
}

impl Name {
    /// Whether it means this parameter of this group.
    fn means(&self, group: &str, description: &Description) -> bool {
        match self {
            Self::Flag(name) => description.flag.is_some_and(|flag| flag.name == *name),
            Self::Key(key) => match key.split_once('.') {
                Some((of, key)) => of == group && key == description.key,
                None => key == description.key,
            },
        }
    }
}

impl fmt::Display for Name {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Flag(name) => write!(formatter, "--{name}"),
            Self::Key(key) => write!(formatter, "{key}"),
        }
    }
}

/// Why a parameter can't be set.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum SetError {
    #[error("“{name}” is no parameter; {objectives} can be given: {known}")]
    Unknown {
        name: Name,
        objectives: String,
        known: String,
    },
    #[error(
        "{name} has no effect on {objectives}: only {readers} can be given it; leave it out or \
         choose another method"
    )]
    NotRead {
        name: Name,
        objectives: String,
        readers: String,
    },
    #[error("{name} is a parameter of several methods; write {choices}")]
    Ambiguous { name: Name, choices: String },
    #[error("{name}: {error}")]
    Value { name: Name, error: ParameterError },
}

/// Sets the parameter that `name` means among those that one of `objectives`
/// reads.
///
/// # Errors
/// [`SetError`], and then nothing has changed.
pub fn set(
    groups: &mut [&mut dyn ParameterGroup],
    name: &Name,
    text: &str,
    objectives: &[ObjectiveKind],
) -> Result<(), SetError> {
    let is_read = |parameter: &Parameter| objectives.iter().any(|it| parameter.is_read_by(*it));
    let mut meant = Vec::new();
    for (place, group) in groups.iter().enumerate() {
        let table = group.parameters().iter().enumerate();
        let found = table.filter(|(_, it)| name.means(group.key(), &it.description));
        meant.extend(found.map(|(index, parameter)| (place, index, parameter)));
    }
    if meant.is_empty() {
        let tables = groups.iter().flat_map(|group| group.parameters());
        return Err(SetError::Unknown {
            name: name.clone(),
            objectives: methods(objectives),
            known: listed(tables.filter(|it| is_read(it)).map(|it| it.description.key)),
        });
    }
    let read: Vec<_> = meant.iter().filter(|(.., it)| is_read(it)).collect();
    match read[..] {
        [&(place, index, parameter)] => {
            let mut fields = groups[place].fields();
            parameter
                .description
                .read(text, &mut fields[index])
                .map_err(|error| SetError::Value {
                    name: name.clone(),
                    error,
                })
        }
        [] => Err(SetError::NotRead {
            name: name.clone(),
            objectives: methods(objectives),
            readers: listed(readers(meant.iter().map(|(.., parameter)| *parameter))),
        }),
        _ => {
            let choices = read.iter().map(|(place, _, parameter)| {
                let (group, key) = (groups[*place].key(), parameter.description.key);
                format!("--set {group}.{key}={text}")
            });
            Err(SetError::Ambiguous {
                name: name.clone(),
                choices: choices.collect::<Vec<_>>().join(" or "),
            })
        }
    }
}

/// Everybody who reads one of the parameters, each once.
pub fn readers<'a>(
    parameters: impl Iterator<Item = &'a Parameter> + Clone,
) -> impl Iterator<Item = ObjectiveKind> {
    let all = ObjectiveKind::ALL.iter().copied();
    all.filter(move |kind| parameters.clone().any(|it| it.is_read_by(*kind)))
}

/// What runs, in words.
fn methods(objectives: &[ObjectiveKind]) -> String {
    match objectives {
        [] => "standard sampling".to_owned(),
        _ => listed(objectives),
    }
}

#[cfg(test)]
mod tests;
