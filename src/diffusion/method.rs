//! The two ways of sampling, and which of them a run makes pictures with.

use serde::{Deserialize, Serialize};
use strum::{Display, EnumString, VariantArray};

/// Which way of sampling.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Method {
    /// Classifier-free guidance alone.
    Standard,
    /// With Spatial Transport Optimization in the early steps.
    Storm,
}

impl Method {
    /// The name on the screen.
    pub fn label(self) -> &'static str {
        match self {
            Self::Standard => "Standard",
            Self::Storm => "STORM",
        }
    }
}

/// Which methods a run makes pictures with, from the same noise; written into
/// files as the list of them.
#[derive(
    Debug,
    Clone,
    Copy,
    Default,
    PartialEq,
    Eq,
    Hash,
    Serialize,
    Deserialize,
    Display,
    EnumString,
    VariantArray,
)]
#[serde(into = "Vec<Method>", try_from = "Written")]
#[strum(serialize_all = "lowercase")]
pub enum Methods {
    #[default]
    Both,
    Standard,
    Storm,
}

impl Methods {
    /// The name on the screen.
    pub fn label(self) -> &'static str {
        match self {
            Self::Both => "Both",
            Self::Standard => Method::Standard.label(),
            Self::Storm => Method::Storm.label(),
        }
    }

    /// In the order in which pictures are shown.
    pub fn list(self) -> &'static [Method] {
        match self {
            Self::Both => &[Method::Standard, Method::Storm],
            Self::Standard => &[Method::Standard],
            Self::Storm => &[Method::Storm],
        }
    }

    pub fn includes(self, method: Method) -> bool {
        self.list().contains(&method)
    }

    /// The choice that makes these methods; both for none.
    pub fn of(methods: &[Method]) -> Self {
        let has = |method| methods.contains(&method);
        match (has(Method::Standard), has(Method::Storm)) {
            (true, false) => Self::Standard,
            (false, true) => Self::Storm,
            _ => Self::Both,
        }
    }
}

impl From<Methods> for Vec<Method> {
    fn from(methods: Methods) -> Self {
        methods.list().to_vec()
    }
}

/// What files hold: the list, or in a window's older memory the choice's name.
#[derive(Deserialize)]
#[serde(untagged)]
enum Written {
    List(Vec<Method>),
    Name(String),
}

impl TryFrom<Written> for Methods {
    type Error = strum::ParseError;

    fn try_from(written: Written) -> Result<Self, Self::Error> {
        match written {
            Written::List(methods) => Ok(Self::of(&methods)),
            Written::Name(name) => name.parse(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_choice_is_written_as_its_list_and_also_read_by_its_name() {
        for &methods in Methods::VARIANTS {
            let text = serde_json::to_string(&methods).unwrap();
            assert_eq!(text, serde_json::to_string(methods.list()).unwrap());
            for text in [text, format!("\"{methods}\"")] {
                assert_eq!(serde_json::from_str::<Methods>(&text).unwrap(), methods);
            }
        }
        assert!(serde_json::from_str::<Methods>("\"neither\"").is_err());
    }
}
