//! Parameters on the command line: a file of them, a flag for those that have
//! one, and `--set` for all.
//!
//! Whatever the chosen methods do not read is refused by its name.

use std::path::PathBuf;
use std::str::FromStr;

use clap::Args;

use super::Failure;
use super::parameter_file::read;
use super::parameter_flags::ParameterFlags;
use super::values::path;
use crate::diffusion::Optimisation;
use crate::diffusion::parameters::{Name, set};
use crate::engine::Settings;
use crate::storm::ObjectiveKind;

/// Spatial Transport Optimization; what is absent keeps its default.
#[derive(Debug, Args)]
#[command(next_help_heading = "Spatial Transport Optimization")]
pub(super) struct StormArguments {
    #[arg(long, help = format!("What is minimised: {}", crate::choices::all::<ObjectiveKind>()))]
    pub(super) objective: Option<ObjectiveKind>,
    /// Read parameters from a JSON file, as a saved picture has them under "objective_parameters"
    /// and "update"
    #[arg(long, value_name = "FILE", value_parser = path())]
    parameters: Option<PathBuf>,
    /// Set a parameter by its name in files, as margin=0.3 or storm.margin=0.3; may be given
    /// several times
    #[arg(long, value_name = "NAME=VALUE")]
    set: Vec<Assignment>,
    #[command(flatten)]
    flags: ParameterFlags<Optimisation>,
}

/// What `--set` says.
#[derive(Debug, Clone)]
struct Assignment {
    key: String,
    value: String,
}

impl FromStr for Assignment {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (key, value) = text
            .split_once('=')
            .ok_or("write a name and a value, as margin=0.3")?;
        Ok(Self {
            key: key.trim().to_owned(),
            value: value.trim().to_owned(),
        })
    }
}

impl StormArguments {
    /// What the file says; `otherwise` without one.
    ///
    /// # Errors
    /// If the file can't be read, or has a name that no parameter has.
    pub(super) fn read_file(&self, otherwise: Optimisation) -> Result<Optimisation, Failure> {
        let path = self.parameters.as_deref();
        path.map_or(Ok(otherwise), read)
    }

    /// Sets what flags and `--set` say; `objectives` are those that will run.
    ///
    /// # Errors
    /// If a name or value is wrong, or no objective reads the parameter.
    pub(super) fn apply(
        &self,
        objectives: &[ObjectiveKind],
        optimisation: &mut Optimisation,
    ) -> Result<(), Failure> {
        if counts_steps(self.flags.given().chain(self.named())) {
            optimisation.update.least_noise = 0.0;
        }
        let mut groups = optimisation.groups();
        for (name, text) in self.flags.given().chain(self.named()) {
            set(&mut groups, &name, text, objectives).map_err(Failure::usage)?;
        }
        groups
            .iter()
            .try_for_each(|group| group.validate())
            .map_err(Failure::usage)
    }

    /// The same for all that a request has, with the flags that are not of
    /// its objective.
    ///
    /// # Errors
    /// As [`StormArguments::apply`].
    pub(super) fn apply_to(
        &self,
        flags: &ParameterFlags<Settings>,
        settings: &mut Settings,
    ) -> Result<(), Failure> {
        if counts_steps(self.flags.given().chain(self.named())) {
            settings.optimisation.update.least_noise = 0.0;
        }
        let given = flags.given().chain(self.flags.given()).chain(self.named());
        for (name, text) in given {
            settings.set(&name, text).map_err(Failure::usage)?;
        }
        settings.optimisation.validate().map_err(Failure::usage)
    }

    /// What `--set` says.
    fn named(&self) -> impl Iterator<Item = (Name, &str)> + Clone {
        let keys = self.set.iter();
        keys.map(|it| (Name::Key(it.key.clone()), it.value.as_str()))
    }
}

/// Whoever says a window and no least noise means a part of the steps.
fn counts_steps<'a>(given: impl Iterator<Item = (Name, &'a str)> + Clone) -> bool {
    let says = |flag: &str, key: &str| {
        let mut names = given.clone().map(|(name, _)| name);
        names.any(|name| match name {
            Name::Flag(named) => named == flag,
            Name::Key(named) => named.rsplit('.').next() == Some(key),
        })
    };
    says("window", "window") && !says("least-noise", "least_noise")
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Debug, Parser)]
    struct Line {
        #[command(flatten)]
        storm: StormArguments,
    }

    /// What a line makes of the defaults.
    fn applied(line: &[&str], objectives: &[ObjectiveKind]) -> Result<Optimisation, String> {
        let line = ["storm-studio"].iter().chain(line);
        let arguments = Line::try_parse_from(line).unwrap_or_else(|error| panic!("{error}"));
        let mut optimisation = Optimisation::default();
        let applied = arguments.storm.apply(objectives, &mut optimisation);
        applied
            .map(|()| optimisation)
            .map_err(|failure| failure.to_string())
    }

    #[test]
    fn flags_and_names_set_the_same_parameters() {
        let storm = &[ObjectiveKind::Storm];
        let by_flag = ["--margin", "0.3", "--step_size", "0.1", "--epsilon", "0.02"];
        let by_name = [
            "--set",
            "margin=0.3",
            "--set",
            "update.step_size=0.1",
            "--set",
            "storm.epsilon = 0.02",
        ];
        let flagged = applied(&by_flag, storm).unwrap();
        assert_eq!(flagged.parameters.readings.margin, 0.3);
        assert_eq!(flagged.parameters.storm.epsilon, 0.02);
        assert_eq!(flagged.update.step_size, 0.1);
        assert_eq!(applied(&by_name, storm), Ok(flagged));
    }

    #[test]
    fn a_requests_own_parameters_have_flags_and_names_as_well() {
        #[derive(Debug, Parser)]
        struct Line {
            #[command(flatten)]
            flags: ParameterFlags<Settings>,
            #[command(flatten)]
            storm: StormArguments,
        }
        let applied = |line: &[&str]| {
            let line = ["storm-studio"].iter().chain(line);
            let arguments = Line::try_parse_from(line).unwrap_or_else(|error| panic!("{error}"));
            let mut settings = Settings::default();
            let applied = arguments.storm.apply_to(&arguments.flags, &mut settings);
            applied
                .map(|()| settings)
                .map_err(|failure| failure.to_string())
        };
        let line = ["--n_inference_steps", "7", "--margin", "0.2"];
        let more = ["--set", "guidance_scale=3", "--set", "batch_methods=False"];
        let settings = applied(&[line, more].concat()).unwrap();
        assert_eq!((settings.steps, settings.guidance_scale), (7, 3.0));
        assert!(!settings.batch_methods);
        assert_eq!(settings.optimisation.parameters.readings.margin, 0.2);
        let error = applied(&["--steps", "0"]).unwrap_err();
        assert!(error.contains("--steps"), "{error}");
        assert!(error.contains("between 1 and 1000"), "{error}");
        let error = applied(&["--set", "stesp=3"]).unwrap_err();
        assert!(error.contains("“stesp”"), "{error}");
    }

    #[test]
    fn the_released_programs_own_configuration_works_for_reference() {
        let line = [
            "--scale_factor",
            "25",
            "--scale_range",
            "(1.0, 0.25)",
            "--thresholds",
            "{0: 0.8, 7: 0.9}",
            "--max_iter_to_alter",
            "30",
            "--max_refinement_steps",
            "10",
            "--smooth_attentions",
            "False",
            "--sigma",
            "0.7",
            "--kernel_size",
            "5",
            "--attention_res",
            "24",
        ];
        let Optimisation {
            parameters, update, ..
        } = applied(&line, &[ObjectiveKind::Reference]).unwrap();
        let reference = parameters.reference;
        assert_eq!(reference.scale_factor, 25.0);
        assert_eq!(reference.scale_range, (1.0, 0.25));
        assert_eq!(reference.thresholds, [(0, 0.8), (7, 0.9)]);
        assert_eq!(reference.end_of_updates, 30);
        assert_eq!(reference.refinement_limit, 10);
        assert!(!reference.smooth_attentions);
        assert_eq!((reference.sigma, reference.kernel_size), (0.7, 5));
        assert_eq!(update.attention_res, 24);
    }

    #[test]
    fn what_an_objective_does_not_read_is_refused_by_name() {
        let reference = &[ObjectiveKind::Reference];
        for flag in ["step-size", "margin", "blob", "epsilon", "window"] {
            let spelled = format!("--{flag}");
            let error = applied(&[&spelled, "0.1"], reference).unwrap_err();
            let expected = format!("{spelled} has no effect on reference");
            assert!(error.starts_with(&expected), "{error}");
        }
        let error = applied(&["--set", "margin=0.3"], reference).unwrap_err();
        assert!(error.contains("only storm, centroid"), "{error}");
        let error = applied(&["--sigma", "0.3"], &[ObjectiveKind::Storm]).unwrap_err();
        assert!(error.contains("--sigma has no effect on storm"), "{error}");
        // One of several is enough; none at all is standard sampling.
        let both = [ObjectiveKind::Reference, ObjectiveKind::Storm];
        assert!(applied(&["--margin", "0.3"], &both).is_ok());
        let error = applied(&["--margin", "0.3"], &[]).unwrap_err();
        assert!(error.contains("no effect on standard sampling"), "{error}");
    }

    #[test]
    fn wrong_names_and_values_are_answered_with_right_ones() {
        let storm = &[ObjectiveKind::Storm];
        let error = applied(&["--set", "margn=0.3"], storm).unwrap_err();
        assert!(
            error.contains("“margn”") && error.contains("margin"),
            "{error}"
        );
        let error = applied(&["--margin", "-3"], storm).unwrap_err();
        assert!(
            error.contains("--margin") && error.contains("between 0 and 0.9"),
            "{error}"
        );
        let error = applied(&["--margin", "wide"], storm).unwrap_err();
        assert!(error.contains("“wide”") && error.contains("0.5"), "{error}");
        let both = &[ObjectiveKind::Storm, ObjectiveKind::Centroid];
        let error = applied(&["--set", "presence_weight=1"], both).unwrap_err();
        assert!(
            error.contains("--set centroid.presence_weight=1"),
            "{error}"
        );
        let one = applied(&["--set", "centroid.presence_weight=1"], both).unwrap();
        assert_eq!(one.parameters.centroid.presence_weight, 1.0);
        assert_eq!(one.parameters.storm.presence_weight, 0.0);
    }
}
