//! Values of parameters as text and back, and the fields that hold them.
//!
//! Lists are read as a person writes them, `0: 0.9, 5: 0.95`, and as Python does,
//! `{0: 0.9, 5: 0.95}`.

use std::fmt::{self, Display};
use std::str::FromStr;

use super::layer_choice::LayerChoice;

/// The word for no choice of layers.
const ALL_LAYERS: &str = "all";

/// The value of some parameter.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    Number(f64),
    Count(usize),
    Switch(bool),
    Pair((f64, f64)),
    StepThresholds(Vec<(usize, f64)>),
    FractionThresholds(Vec<(f64, f64)>),
    Layers(Option<LayerChoice>),
}

/// The place where a parameter's value lies.
#[derive(Debug)]
pub enum Field<'a> {
    Number(&'a mut f64),
    Count(&'a mut usize),
    Switch(&'a mut bool),
    Pair(&'a mut (f64, f64)),
    StepThresholds(&'a mut Vec<(usize, f64)>),
    FractionThresholds(&'a mut Vec<(f64, f64)>),
    Layers(&'a mut Option<LayerChoice>),
}

macro_rules! conversions {
    ($($kind:ident: $type:ty;)+) => {
        $(
            impl From<$type> for Value {
                fn from(value: $type) -> Self {
                    Self::$kind(value)
                }
            }

            impl<'a> From<&'a mut $type> for Field<'a> {
                fn from(field: &'a mut $type) -> Self {
                    Self::$kind(field)
                }
            }
        )+

        impl Field<'_> {
            /// A copy of what it holds.
            pub fn value(&self) -> Value {
                match self {
                    $(Self::$kind(field) => Value::$kind((**field).clone()),)+
                }
            }

            /// Replaces what it holds.
            ///
            /// # Panics
            /// If the value is of another kind.
            pub fn set(&mut self, value: Value) {
                match (self, value) {
                    $((Self::$kind(field), Value::$kind(value)) => **field = value,)+
                    (field, value) => unreachable!("{field:?} can't hold {value:?}"),
                }
            }
        }
    };
}

conversions! {
    Number: f64;
    Count: usize;
    Switch: bool;
    Pair: (f64, f64);
    StepThresholds: Vec<(usize, f64)>;
    FractionThresholds: Vec<(f64, f64)>;
    Layers: Option<LayerChoice>;
}

impl Field<'_> {
    /// Reads text as a value of its kind; `None` if it is none.
    pub fn parse(&self, text: &str) -> Option<Value> {
        let text = text.trim();
        match self {
            Self::Number(_) => text.parse().ok().map(Value::Number),
            Self::Count(_) => text.parse().ok().map(Value::Count),
            Self::Switch(_) => python_bool(text).map(Value::Switch),
            Self::Pair(_) => {
                let inner = without(text, ['(', ')']).or_else(|| without(text, ['[', ']']));
                let (first, second) = inner.unwrap_or(text).split_once(',')?;
                let number = |text: &str| text.trim().parse().ok();
                Some(Value::Pair((number(first)?, number(second)?)))
            }
            Self::StepThresholds(_) => thresholds(text).map(Value::StepThresholds),
            Self::FractionThresholds(_) => thresholds(text).map(Value::FractionThresholds),
            Self::Layers(_) if text == ALL_LAYERS => Some(Value::Layers(None)),
            Self::Layers(_) => text.parse().ok().map(|it| Value::Layers(Some(it))),
        }
    }
}

/// `True`, `false`, `1` …, as people type at a Python program.
fn python_bool(text: &str) -> Option<bool> {
    match text.to_ascii_lowercase().as_str() {
        "true" | "1" | "yes" => Some(true),
        "false" | "0" | "no" => Some(false),
        _ => None,
    }
}

/// What stands between brackets.
fn without(text: &str, [open, close]: [char; 2]) -> Option<&str> {
    text.strip_prefix(open)?.strip_suffix(close)
}

/// Places and thresholds; empty text is an empty list.
fn thresholds<Place: FromStr>(text: &str) -> Option<Vec<(Place, f64)>> {
    let inner = without(text, ['{', '}']).unwrap_or(text);
    if inner.trim().is_empty() {
        return Some(Vec::new());
    }
    let entries = inner.split(',').map(|entry| {
        let (place, threshold) = entry.split_once(':')?;
        Some((place.trim().parse().ok()?, threshold.trim().parse().ok()?))
    });
    entries.collect()
}

/// As it is read again.
impl Display for Value {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(number) => write_number(formatter, *number),
            Self::Count(count) => write!(formatter, "{count}"),
            Self::Switch(is_on) => write!(formatter, "{is_on}"),
            Self::Pair((first, second)) => write!(formatter, "({first}, {second})"),
            Self::StepThresholds(list) => write_thresholds(formatter, list),
            Self::FractionThresholds(list) => write_thresholds(formatter, list),
            Self::Layers(None) => formatter.write_str(ALL_LAYERS),
            Self::Layers(Some(layers)) => layers.fmt(formatter),
        }
    }
}

/// Small numbers as `1e-9`; every digit, so that the same number is read again.
fn write_number(formatter: &mut fmt::Formatter<'_>, number: f64) -> fmt::Result {
    if number != 0.0 && number.abs() < 1e-4 {
        write!(formatter, "{number:e}")
    } else {
        write!(formatter, "{number}")
    }
}

fn write_thresholds<Place: Display>(
    formatter: &mut fmt::Formatter<'_>,
    list: &[(Place, f64)],
) -> fmt::Result {
    for (index, (place, threshold)) in list.iter().enumerate() {
        let comma = if index == 0 { "" } else { ", " };
        write!(formatter, "{comma}{place}: {threshold}")?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read<T>(text: &str) -> Option<Value>
    where
        T: Default,
        for<'a> Field<'a>: From<&'a mut T>,
    {
        Field::from(&mut T::default()).parse(text)
    }

    #[test]
    fn what_is_written_is_read_again() {
        assert_eq!(read::<f64>("1e-12"), Some(Value::Number(1e-12)));
        assert_eq!(Value::Number(1e-12).to_string(), "1e-12");
        assert_eq!(Value::Number(20.0).to_string(), "20");
        for value in [
            Value::StepThresholds(vec![(0, 0.9), (20, 0.999)]),
            Value::StepThresholds(vec![]),
        ] {
            assert_eq!(read::<Vec<(usize, f64)>>(&value.to_string()), Some(value));
        }
        let fractions = Value::FractionThresholds(vec![(0.2, 0.5)]);
        assert_eq!(
            read::<Vec<(f64, f64)>>(&fractions.to_string()),
            Some(fractions)
        );
        let pair = Value::Pair((1.0, 0.5));
        assert_eq!(read::<(f64, f64)>(&pair.to_string()), Some(pair));
    }

    #[test]
    fn python_writes_dicts_tuples_lists_and_capital_booleans() {
        let dict = read::<Vec<(usize, f64)>>("{0: 0.9, 5:0.95}");
        assert_eq!(dict, Some(Value::StepThresholds(vec![(0, 0.9), (5, 0.95)])));
        for text in ["(1.0, 0.5)", "[1., .5]", "1,0.5"] {
            assert_eq!(read::<(f64, f64)>(text), Some(Value::Pair((1.0, 0.5))));
        }
        assert_eq!(read::<bool>("False"), Some(Value::Switch(false)));
        assert_eq!(read::<usize>("25"), Some(Value::Count(25)));
    }

    #[test]
    fn layers_are_all_or_named() {
        let read = |text| read::<Option<LayerChoice>>(text);
        assert_eq!(read("all"), Some(Value::Layers(None)));
        let some = read("up_blocks.0.attentions.1").unwrap();
        assert_eq!(some.to_string(), "up_blocks.0.attentions.1");
        assert_eq!(read("some"), None);
    }

    #[test]
    fn what_is_no_value_is_refused() {
        for text in [
            "5", "5:", "5: x", "0.5: 0.9", "5: 0.9,", "-1: 0.5", "{5: 0.9",
        ] {
            assert_eq!(read::<Vec<(usize, f64)>>(text), None, "{text}");
        }
        assert_eq!(read::<(f64, f64)>("1.0"), None);
        assert_eq!(read::<usize>("2.5"), None);
        assert_eq!(read::<bool>("maybe"), None);
    }
}
