//! A flag for each described parameter that has one: name, other spellings, help
//! and default come from its description.

use std::marker::PhantomData;

use clap::{Arg, ArgMatches, Args, Command, FromArgMatches};

use crate::choices::listed;
use crate::diffusion::parameters::Name;
use crate::diffusion::{Optimisation, OwnWalk};
use crate::engine::Settings;
use crate::parameters::Value;
use crate::storm::{ObjectiveKind, Parameter, ParameterGroup};

/// The flags of some parameters that were given, as text: which parameter each
/// means depends on the objective.
#[derive(Debug)]
pub(super) struct ParameterFlags<Of>(Vec<(&'static str, String)>, PhantomData<Of>);

/// Something with parameters.
pub(super) trait Tables: Default {
    fn tables(&mut self) -> Vec<&mut dyn ParameterGroup>;

    /// The values of a new picture, where no model says otherwise.
    fn of_new_pictures() -> Self {
        Self::default()
    }
}

impl Tables for Optimisation {
    fn tables(&mut self) -> Vec<&mut dyn ParameterGroup> {
        self.groups()
    }
}

/// Those of a request that are not its objective's.
impl Tables for Settings {
    fn tables(&mut self) -> Vec<&mut dyn ParameterGroup> {
        vec![self]
    }

    fn of_new_pictures() -> Self {
        Self::for_new_pictures(&OwnWalk::default(), ObjectiveKind::default())
    }
}

/// Every flag once, with its parameters and their defaults.
fn flags<Of: Tables>() -> Vec<(&'static str, Vec<(Parameter, Value)>)> {
    let mut flags: Vec<(&str, Vec<_>)> = Vec::new();
    for group in Of::of_new_pictures().tables() {
        for (parameter, default) in group.parameters().iter().zip(group.values()) {
            let Some(flag) = parameter.description.flag else {
                continue;
            };
            let described = (*parameter, default);
            match flags.iter_mut().find(|(name, _)| *name == flag.name) {
                Some((_, parameters)) => parameters.push(described),
                None => flags.push((flag.name, vec![described])),
            }
        }
    }
    flags
}

/// Explanation, reader and default, once for each parameter of the flag.
fn help(parameters: &[(Parameter, Value)]) -> String {
    let texts = parameters.iter().map(|(parameter, default)| {
        let text = parameter.description.text();
        let readers = match parameter.readers {
            ObjectiveKind::ALL => String::new(),
            some => format!(" Of {}", listed(some)),
        };
        format!("{text}{readers} [default: {default}]")
    });
    texts.collect::<Vec<_>>().join("\n")
}

impl<Of: Tables> ParameterFlags<Of> {
    /// Each flag's parameter as it is named, with its value as text.
    pub(super) fn given(&self) -> impl Iterator<Item = (Name, &str)> + Clone {
        let flags = self.0.iter();
        flags.map(|(name, text)| (Name::Flag(name), text.as_str()))
    }
}

impl<Of: Tables> Args for ParameterFlags<Of> {
    fn augment_args(command: Command) -> Command {
        let arguments = flags::<Of>().into_iter().map(|(name, parameters)| {
            let description = &parameters[0].0.description;
            let aliases = description.flag.map_or(&[][..], |flag| flag.aliases);
            Arg::new(name)
                .long(name)
                .aliases(aliases.iter().copied())
                .value_name(description.kind.placeholder())
                .help(help(&parameters))
                .allow_negative_numbers(true)
        });
        command.args(arguments)
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

impl<Of: Tables> FromArgMatches for ParameterFlags<Of> {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let given = flags::<Of>().into_iter().filter_map(|(name, _)| {
            let text = matches.get_one::<String>(name)?;
            Some((name, text.clone()))
        });
        Ok(Self(given.collect(), PhantomData))
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// clap would read `--step_size` as an unknown argument.
    #[test]
    fn every_flag_is_also_understood_with_underscores() {
        let flags = flags::<Optimisation>()
            .into_iter()
            .chain(flags::<Settings>());
        for (name, parameters) in flags {
            for (parameter, _) in parameters {
                let flag = parameter.description.flag.unwrap();
                let underscored = name.replace('-', "_");
                assert!(underscored == name || flag.aliases.contains(&underscored.as_str()));
            }
        }
    }
}
