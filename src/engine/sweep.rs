//! A sweep: one request with one or two settings at several values each, as a table.
//! People know it as the XYZ plot.

use std::fmt;
use std::str::FromStr;

use super::request::Request;
use super::settings::Settings;
use crate::diffusion::parameters::{Name, SetError};
use crate::diffusion::{NoiseKind, SamplerName};
use crate::parameters::Description;
use crate::storm::ParameterGroup;

/// Most pictures' requests that one sweep makes.
const MOST_CELLS: usize = 400;

/// One setting and its values.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Axis {
    /// As in files: `steps`, `storm.margin`.
    key: String,
    values: Vec<String>,
}

/// One or two axes: the first runs over the columns, the second over the rows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sweep {
    axes: Vec<Axis>,
}

/// Why there is no sweep.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum SweepError {
    #[error(
        "“{0}” is no sweep; write a setting and its values, as steps=10,20,30, with ; between \
         values that hold commas"
    )]
    Unreadable(String),
    #[error("a sweep runs over one or two settings; leave one out")]
    TooManyAxes,
    #[error("a sweep over {0} twice; name two settings")]
    Twice(String),
    #[error("that sweep makes {0} requests, more than the {MOST_CELLS} that a grid can hold")]
    TooMany(usize),
    #[error("{key} can't be {value} ({reason})")]
    Value {
        key: String,
        value: String,
        reason: String,
    },
    #[error("{0}; a sweep can also run over {OTHERS}")]
    Setting(SetError),
}

/// Settings that are no parameters in the sense of `--set`.
const OTHERS: &str = "seed, size, scheduler, schedule, timestep_spacing, rng, objective, \
                      prompt_weights, negative_prompt or prompt";

impl FromStr for Axis {
    type Err = SweepError;

    fn from_str(text: &str) -> Result<Self, SweepError> {
        let unreadable = || SweepError::Unreadable(text.trim().to_owned());
        let (key, values) = text.split_once('=').ok_or_else(unreadable)?;
        // As a flag or as in files.
        let key = key.trim().trim_start_matches("--").replace('-', "_");
        let separator = if values.contains(';') { ';' } else { ',' };
        let values = values.split(separator).map(str::trim);
        let values: Vec<String> = values.map(str::to_owned).collect();
        if key.is_empty() || values.iter().any(String::is_empty) {
            return Err(unreadable());
        }
        Ok(Self { key, values })
    }
}

impl fmt::Display for Axis {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let separator = match self.values.iter().any(|value| value.contains(',')) {
            true => "; ",
            false => ", ",
        };
        write!(formatter, "{}={}", self.key, self.values.join(separator))
    }
}

impl Axis {
    /// As people know the setting.
    fn label(&self) -> String {
        let mut settings = Settings::default();
        let key = self.key.rsplit('.').next().unwrap_or_default();
        let find = |parameters: &[crate::storm::Parameter]| {
            let mut found = parameters.iter().map(|it| &it.description);
            found
                .find(|it| it.key == key)
                .map(|it: &Description| it.label)
        };
        let own = find(settings.parameters());
        let label = own.or_else(|| {
            let groups = settings.optimisation.groups();
            groups.iter().find_map(|group| find(group.parameters()))
        });
        label.map_or_else(|| self.key.replace('_', " "), str::to_owned)
    }

    fn labels(&self) -> Vec<String> {
        let label = self.label();
        let values = self.values.iter();
        values.map(|value| format!("{label} {value}")).collect()
    }
}

impl Sweep {
    /// A sweep over these axes.
    ///
    /// # Errors
    /// If there are none or more than two, or more pictures than can be meant.
    pub fn new(axes: Vec<Axis>) -> Result<Option<Self>, SweepError> {
        match axes.as_slice() {
            [] => return Ok(None),
            [_, _, _, ..] => return Err(SweepError::TooManyAxes),
            [first, second] if first.key == second.key => {
                return Err(SweepError::Twice(first.key.clone()));
            }
            _ => {}
        }
        let cells = axes.iter().map(|axis| axis.values.len()).product();
        if cells > MOST_CELLS {
            return Err(SweepError::TooMany(cells));
        }
        Ok(Some(Self { axes }))
    }

    /// What stands over the columns.
    pub fn columns(&self) -> Vec<String> {
        self.axes[0].labels()
    }

    /// What stands beside the rows; one empty label if there is one axis.
    pub fn rows(&self) -> Vec<String> {
        let second = self.axes.get(1);
        second.map_or_else(|| vec![String::new()], Axis::labels)
    }

    /// Whether one of the axes is `key`.
    pub fn is_over(&self, key: &str) -> bool {
        self.axes.iter().any(|axis| axis.key == key)
    }

    /// The request of each cell, row by row, with a short name for files.
    ///
    /// # Errors
    /// [`SweepError`] of the first value that can't be.
    pub fn requests(&self, base: &Request) -> Result<Vec<(Request, String)>, SweepError> {
        let first = &self.axes[0];
        let rows: Vec<Option<&String>> = match self.axes.get(1) {
            Some(second) => second.values.iter().map(Some).collect(),
            None => vec![None],
        };
        let mut cells = Vec::new();
        for row in rows {
            for column in &first.values {
                let mut request = base.clone();
                let mut name = format!("{}={column}", first.key);
                if let (Some(row), Some(second)) = (row, self.axes.get(1)) {
                    set(&mut request, &second.key, row)?;
                    name.push_str(&format!(" {}={row}", second.key));
                }
                set(&mut request, &first.key, column)?;
                cells.push((request, name));
            }
        }
        Ok(cells)
    }
}

/// Sets one setting of a request by its one name.
fn set(request: &mut Request, key: &str, text: &str) -> Result<(), SweepError> {
    let wrong = |reason: String| SweepError::Value {
        key: key.to_owned(),
        value: text.to_owned(),
        reason,
    };
    let settings = &mut request.settings;
    match key {
        "seed" => {
            let seed = text.parse();
            request.seeds =
                vec![seed.map_err(|_| wrong("write a whole number from 0".to_owned()))?];
        }
        "size" => {
            let (width, height) = text.split_once(['x', '×']).unwrap_or((text, text));
            let side = |side: &str| {
                let side = side.trim().parse();
                side.map_err(|_| wrong("write it as 512 or 512x768".to_owned()))
            };
            settings.size = Some([side(width)?, side(height)?]);
        }
        "scheduler" | "sampler" => {
            let name: SamplerName = text.parse().map_err(|error| wrong(plain(&error)))?;
            settings.scheduler = Some(name.scheduler);
            settings.schedule = name.schedule;
        }
        "schedule" => {
            let schedule = text.parse().map_err(|error| wrong(plain(&error)))?;
            settings.schedule = Some(schedule);
        }
        "timestep_spacing" => {
            let spacing = text.parse().map_err(|error| wrong(plain(&error)))?;
            settings.timestep_spacing = Some(spacing);
        }
        "rng" => {
            let noise: NoiseKind = text.parse().map_err(|error| wrong(plain(&error)))?;
            settings.rng = noise;
        }
        "prompt_weights" => {
            settings.prompt_weights = text.parse().map_err(|error| wrong(plain(&error)))?;
        }
        "objective" => {
            let objective = text.parse().map_err(|error| wrong(plain(&error)))?;
            settings.optimisation.objective = objective;
        }
        "negative_prompt" => text.clone_into(&mut request.negative_prompt),
        "prompt" => text.clone_into(&mut request.prompt),
        parameter => {
            if parameter == "window" || parameter == "update.window" {
                // As on the command line: whoever says a window means a part of the steps.
                settings.optimisation.update.least_noise = 0.0;
            }
            settings
                .set(&Name::Key(parameter.to_owned()), text)
                .map_err(SweepError::Setting)?;
            settings
                .optimisation
                .validate()
                .map_err(|error| wrong(error.to_string()))?;
        }
    }
    Ok(())
}

fn plain(error: &dyn fmt::Display) -> String {
    error.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diffusion::SchedulerKind;

    fn sweep(axes: &[&str]) -> Result<Option<Sweep>, SweepError> {
        let axes: Result<Vec<Axis>, SweepError> = axes.iter().map(|axis| axis.parse()).collect();
        Sweep::new(axes?)
    }

    fn requests(axes: &[&str]) -> Vec<(Request, String)> {
        let sweep = sweep(axes).unwrap().unwrap();
        sweep.requests(&Request::default()).unwrap()
    }

    #[test]
    fn each_cell_has_its_values_and_nothing_else_changes() {
        let cells = requests(&["steps=10, 20,30", "guidance-scale=5,7.5"]);
        let seen: Vec<(usize, f64)> = cells
            .iter()
            .map(|(request, _)| (request.settings.steps, request.settings.guidance_scale))
            .collect();
        assert_eq!(
            seen,
            [
                (10, 5.0),
                (20, 5.0),
                (30, 5.0),
                (10, 7.5),
                (20, 7.5),
                (30, 7.5)
            ]
        );
        assert_eq!(cells[4].1, "steps=20 guidance_scale=7.5");
        let mut same = cells[3].0.clone();
        same.settings.steps = 50;
        assert_eq!(same, Request::default());
        let table = sweep(&["steps=10,20", "storm.margin=0.2,0.4"])
            .unwrap()
            .unwrap();
        assert_eq!(table.columns(), ["Steps 10", "Steps 20"]);
        assert!(table.rows()[1].ends_with(" 0.4"), "{:?}", table.rows());
    }

    #[test]
    fn every_setting_has_its_one_name() {
        for (axis, check) in [
            ("seed=3", (|it| it.seeds == [3]) as fn(&Request) -> bool),
            ("size=64x96", |it| it.settings.size == Some([64, 96])),
            ("sampler=dpm++2m", |it| {
                it.settings.scheduler == Some(SchedulerKind::Dpmpp2m)
            }),
            ("schedule=karras", |it| it.settings.schedule.is_some()),
            ("timestep-spacing=trailing", |it| {
                it.settings.timestep_spacing.is_some()
            }),
            ("prompt_weights=literal", |it| {
                it.settings.prompt_weights == crate::prompt::PromptWeights::Literal
            }),
            ("rng=nv", |it| it.settings.rng == NoiseKind::Nv),
            ("objective=centroid", |it| {
                it.settings.optimisation.objective.to_string() == "centroid"
            }),
            ("negative_prompt=a; b, c", |it| {
                it.negative_prompt.starts_with('a')
            }),
            ("prompt=a cat; a cat, red", |it| it.prompt == "a cat"),
            ("step_size=0.1", |it| {
                it.settings.optimisation.update.step_size == 0.1
            }),
            ("window=0.3", |it| {
                it.settings.optimisation.update.least_noise == 0.0
            }),
            ("batch_methods=false", |it| !it.settings.batch_methods),
        ] {
            assert!(check(&requests(&[axis])[0].0), "{axis}");
        }
    }

    #[test]
    fn wrong_sweeps_are_answered_with_right_ones() {
        for (axes, words) in [
            (&["steps"][..], "write a setting and its values"),
            (&["steps=10,,20"], "write a setting and its values"),
            (&["steps=1", "seed=1", "size=64"], "one or two settings"),
            (&["steps=1", "steps=2"], "over steps twice"),
        ] {
            let error = sweep(axes).unwrap_err().to_string();
            assert!(error.contains(words), "{error}");
        }
        let many = format!("seed={}", vec!["1"; 401].join(","));
        assert!(matches!(sweep(&[&many]), Err(SweepError::TooMany(401))));
        for (axis, words) in [
            ("stpes=1", "seed, size, scheduler"),
            ("steps=many", "many"),
            ("steps=0", "between 1 and 1000"),
            ("sampler=best", "best"),
            ("size=big", "512x768"),
            ("seed=-1", "whole number"),
        ] {
            let sweep = sweep(&[axis]).unwrap().unwrap();
            let error = sweep.requests(&Request::default()).unwrap_err().to_string();
            assert!(error.contains(words), "{error}");
        }
    }
}
