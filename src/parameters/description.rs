//! One parameter in words and numbers.

use std::ops::RangeInclusive;

use super::value::{Field, Value};

/// What a parameter is called, what it does and what it may be.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Description {
    /// The name in files and of `--set`.
    pub key: &'static str,
    /// The name on the screen.
    pub label: &'static str,
    /// One or two sentences: the tooltip, the help, the README.
    pub explanation: &'static str,
    pub kind: Kind,
    /// `None` where it is a bare number.
    pub unit: Option<Unit>,
    pub flag: Option<Flag>,
    /// Whether it stands in the first group of settings, which is open.
    pub is_prominent: bool,
}

/// An option of the command line, without its dashes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Flag {
    pub name: &'static str,
    /// Other spellings: the original program's, or with underscores.
    pub aliases: &'static [&'static str],
}

/// What a number counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    /// Such as cells.
    In(&'static str),
    /// Fractions of this, such as the picture's side.
    Of(&'static str),
}

/// What kind of value, between which bounds.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Kind {
    Number {
        low: f64,
        high: f64,
        /// How much the control changes it by.
        step: f64,
    },
    Count {
        low: usize,
        high: usize,
    },
    Switch,
    /// Two numbers, such as the value at the first step and at the last.
    Pair {
        low: f64,
        high: f64,
        step: f64,
        /// The names of their controls.
        labels: [&'static str; 2],
    },
    /// Thresholds from 0 to 1 by step.
    StepThresholds,
    /// Thresholds from 0 to 1 by fraction of the sampling.
    FractionThresholds,
    /// Cross-attention layers by name, or all.
    Layers,
}

/// A value that a parameter can't have.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum ParameterError {
    #[error(
        "{label} is {value}, but it must lie between {low} and {high}; change it or reset it to its default"
    )]
    OutOfRange {
        /// The parameter as the screen names it.
        label: &'static str,
        value: f64,
        /// Smallest value allowed.
        low: f64,
        /// Largest value allowed.
        high: f64,
    },
    #[error("{label} is {value}, but it must be odd; change it or reset it to its default")]
    NotOdd { label: &'static str, value: usize },
    #[error("{label} can't be “{text}”; write {example}")]
    Unreadable {
        label: &'static str,
        text: String,
        /// What can be read.
        example: &'static str,
    },
}

impl Description {
    const fn new(label: &'static str, kind: Kind) -> Self {
        Self {
            key: "",
            label,
            explanation: "",
            kind,
            unit: None,
            flag: None,
            is_prominent: false,
        }
    }

    /// A number; the control changes it by `step`.
    pub const fn number(label: &'static str, range: RangeInclusive<f64>, step: f64) -> Self {
        let (low, high) = (*range.start(), *range.end());
        Self::new(label, Kind::Number { low, high, step })
    }

    /// A strength that a term of a loss counts with.
    pub const fn weight(label: &'static str) -> Self {
        Self::number(label, 0.0..=1000.0, 0.01)
    }

    /// A whole number.
    pub const fn count(label: &'static str, range: RangeInclusive<usize>) -> Self {
        let (low, high) = (*range.start(), *range.end());
        Self::new(label, Kind::Count { low, high })
    }

    /// Yes or no.
    pub const fn switch(label: &'static str) -> Self {
        Self::new(label, Kind::Switch)
    }

    /// Two numbers of the same range with a control each.
    pub const fn pair(
        label: &'static str,
        labels: [&'static str; 2],
        range: RangeInclusive<f64>,
        step: f64,
    ) -> Self {
        let (low, high) = (*range.start(), *range.end());
        let kind = Kind::Pair {
            low,
            high,
            step,
            labels,
        };
        Self::new(label, kind)
    }

    /// Thresholds of steps.
    pub const fn step_thresholds(label: &'static str) -> Self {
        Self::new(label, Kind::StepThresholds)
    }

    /// Thresholds of fractions of the sampling.
    pub const fn fraction_thresholds(label: &'static str) -> Self {
        Self::new(label, Kind::FractionThresholds)
    }

    /// Cross-attention layers of the UNet.
    pub const fn layers(label: &'static str) -> Self {
        Self::new(label, Kind::Layers)
    }

    /// Counts in `unit`.
    pub const fn counted_in(mut self, unit: &'static str) -> Self {
        self.unit = Some(Unit::In(unit));
        self
    }

    /// Counts in fractions of `whole`.
    pub const fn fraction_of(mut self, whole: &'static str) -> Self {
        self.unit = Some(Unit::Of(whole));
        self
    }

    /// Gives it an option of the command line.
    pub const fn flag(mut self, name: &'static str, aliases: &'static [&'static str]) -> Self {
        self.flag = Some(Flag { name, aliases });
        self
    }

    /// Puts it into the first group of settings.
    pub const fn prominent(mut self) -> Self {
        self.is_prominent = true;
        self
    }

    /// Gives it its name in files and its explanation.
    pub const fn named(mut self, key: &'static str, explanation: &'static str) -> Self {
        self.key = key;
        // As documentation comments begin.
        self.explanation = explanation.trim_ascii();
        self
    }

    /// Checks a value against the bounds; NaN lies outside of all.
    ///
    /// # Errors
    /// [`ParameterError::OutOfRange`].
    ///
    /// # Panics
    /// If the value is of another kind.
    pub fn check(&self, value: &Value) -> Result<(), ParameterError> {
        let within = |label, value: f64, low: f64, high: f64| {
            if (low..=high).contains(&value) {
                return Ok(());
            }
            Err(ParameterError::OutOfRange {
                label,
                value,
                low,
                high,
            })
        };
        let threshold = |value| within("A threshold", value, 0.0, 1.0);
        match (self.kind, value) {
            (Kind::Number { low, high, .. }, Value::Number(value)) => {
                within(self.label, *value, low, high)
            }
            (Kind::Count { low, high }, Value::Count(value)) => {
                within(self.label, *value as f64, low as f64, high as f64)
            }
            (Kind::Switch, Value::Switch(_)) | (Kind::Layers, Value::Layers(_)) => Ok(()),
            (
                Kind::Pair {
                    low, high, labels, ..
                },
                Value::Pair(values),
            ) => {
                within(labels[0], values.0, low, high)?;
                within(labels[1], values.1, low, high)
            }
            (Kind::StepThresholds, Value::StepThresholds(list)) => {
                list.iter().try_for_each(|&(_, value)| threshold(value))
            }
            (Kind::FractionThresholds, Value::FractionThresholds(list)) => {
                list.iter().try_for_each(|&(fraction, value)| {
                    within("The place of a threshold", fraction, 0.0, 1.0)?;
                    threshold(value)
                })
            }
            (kind, value) => unreachable!("{} is {kind:?} and has {value:?}", self.key),
        }
    }

    /// Reads a value as a person writes it into `field`, which stays as it is
    /// if that fails.
    ///
    /// # Errors
    /// [`ParameterError`] if the text is no such value or out of bounds.
    pub fn read(&self, text: &str, field: &mut Field<'_>) -> Result<(), ParameterError> {
        let value = field
            .parse(text)
            .ok_or_else(|| ParameterError::Unreadable {
                label: self.label,
                text: text.to_owned(),
                example: self.kind.example(),
            })?;
        self.check(&value)?;
        field.set(value);
        Ok(())
    }

    /// The explanation with the unit.
    pub fn text(&self) -> String {
        match self.unit {
            None => self.explanation.to_owned(),
            Some(Unit::In(unit)) => format!("{} In {unit}.", self.explanation),
            Some(Unit::Of(whole)) => format!("{} As a fraction of {whole}.", self.explanation),
        }
    }

    /// Its bounds in words, such as `0 to 0.9`; `None` where there are none.
    pub fn range(&self) -> Option<String> {
        match self.kind {
            Kind::Number { low, high, .. } | Kind::Pair { low, high, .. } => {
                let (low, high) = (Value::Number(low), Value::Number(high));
                Some(format!("{low} to {high}"))
            }
            Kind::Count { low, high } => Some(format!("{low} to {high}")),
            Kind::Switch => None,
            Kind::Layers => Some("all, or names of layers".to_owned()),
            Kind::StepThresholds | Kind::FractionThresholds => Some("0 to 1 each".to_owned()),
        }
    }
}

impl Kind {
    /// What can be read as such a value.
    pub fn example(self) -> &'static str {
        match self {
            Self::Number { .. } => "a number, such as 0.5",
            Self::Count { .. } => "a whole number, such as 5",
            Self::Switch => "true or false",
            Self::Pair { .. } => "two numbers, such as (1.0, 0.5)",
            Self::StepThresholds => "steps and thresholds, such as {0: 0.9, 5: 0.95}",
            Self::FractionThresholds => {
                "fractions of the sampling and thresholds, such as {0: 0.05, 0.2: 0.5}"
            }
            Self::Layers => {
                "all, or layers such as up_blocks.0.attentions.1.transformer_blocks.1-3"
            }
        }
    }

    /// What help shows in the value's place.
    pub fn placeholder(self) -> &'static str {
        match self {
            Self::Number { .. } => "NUMBER",
            Self::Count { .. } => "COUNT",
            Self::Switch => "BOOL",
            Self::Pair { .. } => "(FIRST, LAST)",
            Self::StepThresholds | Self::FractionThresholds => "{PLACE: THRESHOLD}",
            Self::Layers => "LAYERS",
        }
    }
}
