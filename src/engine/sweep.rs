//! A sweep: one request with one or two settings at several values each, as a table.
//! People know it as the XYZ plot.

use std::fmt;
use std::str::FromStr;

use super::request::Request;
use super::settings::Settings;
use crate::diffusion::parameters::SetError;
use crate::parameters::Description;
use crate::storm::ParameterGroup;

mod setting;

use setting::{LORA, WORDS, replace_words, set};

/// Most pictures' requests that one sweep makes.
const MOST_CELLS: usize = 400;

/// One setting and its values.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Axis {
    /// As in files: `steps`, `storm.margin`; `prompt:WORDS`; `lora:NAME`.
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
                      prompt_weights, negative_prompt, prompt, words of it as \
                      prompt:dog=cat,horse, or the weight of a LoRA as lora:NAME=0.4,0.8";

impl FromStr for Axis {
    type Err = SweepError;

    fn from_str(text: &str) -> Result<Self, SweepError> {
        let unreadable = || SweepError::Unreadable(text.trim().to_owned());
        let (key, values) = text.split_once('=').ok_or_else(unreadable)?;
        // As a flag or as in files; what a colon is followed by is a name of its own.
        let key = key.trim().trim_start_matches("--");
        let (name, of) = key.split_at(key.find(':').unwrap_or(key.len()));
        let of = of.strip_prefix(':').map(str::trim);
        if of.is_some_and(str::is_empty) {
            return Err(unreadable());
        }
        let of = of.map_or_else(String::new, |of| format!(":{of}"));
        let key = name.trim().replace('-', "_") + &of;
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
        if self.key.starts_with(WORDS) {
            return self.values.clone();
        }
        let label = match self.key.strip_prefix(LORA) {
            Some(name) => name.to_owned(),
            None => self.label(),
        };
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
                let second = row.zip(self.axes.get(1));
                let second = second.map(|(row, axis)| (axis.key.as_str(), row.as_str()));
                let changes = [Some((first.key.as_str(), column.as_str())), second];
                let changes: Vec<(&str, &str)> = changes.into_iter().flatten().collect();
                let names = changes.iter().map(|(key, value)| format!("{key}={value}"));
                let name = names.collect::<Vec<_>>().join(" ");
                cells.push((changed(base, &changes)?, name));
            }
        }
        Ok(cells)
    }
}

/// A request with other settings, each by its name.
fn changed(base: &Request, changes: &[(&str, &str)]) -> Result<Request, SweepError> {
    let mut request = base.clone();
    let words = changes.iter().filter_map(|(key, value)| {
        let old = key.strip_prefix(WORDS)?;
        Some((old, *value))
    });
    replace_words(&mut request, &words.collect::<Vec<_>>())?;
    for (key, value) in changes.iter().filter(|(key, _)| !key.starts_with(WORDS)) {
        set(&mut request, key, value)?;
    }
    if !request.settings.optimisation.objective.knows_targets() {
        request.layout = request.layout.relations_alone();
    }
    Ok(request)
}

#[cfg(test)]
mod tests;
