//! The parameters of every objective: how they are declared, and all of them.
//!
//! Each objective declares its own beside its code with [`parameters!`]; what
//! this makes is a plain struct for the computation and a table of
//! [`Parameter`]s for people.

use serde::de::Error;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Map;

use super::attend_and_excite::AttendAndExciteParameters;
use super::centroid::CentroidParameters;
use super::kind::ObjectiveKind;
use super::reading_parameters::{MOST_NOISE, ReadingParameters};
use super::reference::ReferenceParameters;
use super::storm::StormParameters;
use crate::parameters::{Description, Field, ParameterError, Value};

/// A described parameter and the objectives that read it: to all others it makes
/// no difference.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Parameter {
    pub description: Description,
    pub readers: &'static [ObjectiveKind],
}

impl Parameter {
    /// Whether the objective reads it.
    pub fn is_read_by(&self, objective: ObjectiveKind) -> bool {
        self.readers.contains(&objective)
    }
}

/// A struct of parameters, seen as a table of them.
pub trait ParameterGroup {
    /// Its name in files, which may be shared.
    fn key(&self) -> &'static str;

    /// The descriptions, in the order in which they are shown.
    fn parameters(&self) -> &'static [Parameter];

    /// Where the values lie, in the same order.
    fn fields(&mut self) -> Vec<Field<'_>>;

    /// The values, in the same order.
    fn values(&self) -> Vec<Value>;

    /// The default values, in the same order.
    fn defaults(&self) -> Vec<Value>;

    /// What no range of a single parameter can say.
    ///
    /// # Errors
    /// The same as of a value out of its range.
    fn check_together(&self) -> Result<(), ParameterError>;

    /// Checks every value.
    ///
    /// # Errors
    /// [`ParameterError`] of the first that can't be.
    fn validate(&self) -> Result<(), ParameterError> {
        for (parameter, value) in self.parameters().iter().zip(self.values()) {
            parameter.description.check(&value)?;
        }
        self.check_together()
    }
}

/// The first: a parameter's own readers before its group's.
pub(crate) const fn own_or(readers: &[&'static [ObjectiveKind]]) -> &'static [ObjectiveKind] {
    readers[0]
}

/// Declares a struct of parameters with `Default`, as JSON, and its table.
///
/// After the name stand the group's name in files and who reads it. A line has
/// the explanation as its documentation, the field, its type, its default, its
/// [`Description`] and, where they are others than the group's, its readers:
///
/// ```text
/// /// Strength of moving the objects' centres.
/// weight: f64 = 1.0 => Description::weight("Weight");
/// ```
macro_rules! parameters {
    (
        $(#[$attribute:meta])*
        pub struct $name:ident in $group:literal read by $readers:expr;
        $(
            $(#[doc = $explanation:literal])+
            $field:ident: $type:ty = $default:expr => $description:expr $(, read by $own:expr)?;
        )+
        $(check $check:expr;)?
    ) => {
        $(#[$attribute])*
        #[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
        #[serde(default)]
        pub struct $name {
            $($(#[doc = $explanation])+ pub $field: $type,)+
        }

        impl Default for $name {
            fn default() -> Self {
                Self { $($field: $default,)+ }
            }
        }

        $crate::storm::parameters::described! {
            $name in $group read by $readers;
            $($(#[doc = $explanation])+ $field => $description $(, read by $own)?;)+
            $(check $check;)?
        }
    };
}
pub(crate) use parameters;

/// Makes the table of some fields of a struct that has `Default`, as
/// [`parameters!`] does of all.
macro_rules! described {
    (
        $name:ident in $group:literal read by $readers:expr;
        $(
            $(#[doc = $explanation:literal])+
            $field:ident => $description:expr $(, read by $own:expr)?;
        )+
        $(check $check:expr;)?
    ) => {
        impl $crate::storm::parameters::ParameterGroup for $name {
            fn key(&self) -> &'static str {
                $group
            }

            fn parameters(&self) -> &'static [$crate::storm::parameters::Parameter] {
                const TABLE: &[$crate::storm::parameters::Parameter] = &[$(
                    $crate::storm::parameters::Parameter {
                        description: $description
                            .named(stringify!($field), concat!($($explanation),+)),
                        readers: $crate::storm::parameters::own_or(&[$($own,)? $readers]),
                    },
                )+];
                TABLE
            }

            fn fields(&mut self) -> Vec<$crate::parameters::Field<'_>> {
                vec![$($crate::parameters::Field::from(&mut self.$field),)+]
            }

            fn values(&self) -> Vec<$crate::parameters::Value> {
                vec![$($crate::parameters::Value::from(self.$field.clone()),)+]
            }

            fn defaults(&self) -> Vec<$crate::parameters::Value> {
                Self::default().values()
            }

            fn check_together(&self) -> Result<(), $crate::parameters::ParameterError> {
                $(
                    let check: fn(&Self) -> Result<(), $crate::parameters::ParameterError> = $check;
                    check(self)?;
                )?
                Ok(())
            }
        }
    };
}
pub(crate) use described;

/// The parameters of every objective, as they are stored with a picture.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(from = "Stored", into = "Stored")]
pub struct ObjectiveParameters {
    /// How all of our objectives read the maps.
    pub readings: ReadingParameters,
    /// Parameters of the default objective.
    pub storm: StormParameters,
    /// Parameters of the hinge on centroids.
    pub centroid: CentroidParameters,
    /// Parameters of Attend-and-Excite.
    pub attend_and_excite: AttendAndExciteParameters,
    /// Parameters of the released method.
    pub reference: ReferenceParameters,
}

impl ObjectiveParameters {
    /// All of them as tables, in the order in which they are shown.
    pub fn groups(&mut self) -> [&mut dyn ParameterGroup; 5] {
        [
            &mut self.storm,
            &mut self.centroid,
            &mut self.attend_and_excite,
            &mut self.reference,
            &mut self.readings,
        ]
    }
}

/// What files hold: there the readings' parameters stand among those of the
/// default objective.
#[derive(Default, Serialize, Deserialize)]
#[serde(default)]
struct Stored {
    #[serde(deserialize_with = "read_storm")]
    storm: StoredStorm,
    centroid: CentroidParameters,
    attend_and_excite: AttendAndExciteParameters,
    reference: ReferenceParameters,
}

#[derive(Default, Serialize, Deserialize)]
#[serde(default)]
struct StoredStorm {
    #[serde(flatten)]
    readings: ReadingParameters,
    #[serde(flatten)]
    transport: StormParameters,
}

/// Reads them. A picture from before there were boxes has whole tables without them and
/// was carried to blobs, one from before peaks were raised or maps were raised to powers
/// did without; one from before it was told when maps have shapes compared the bare ones
/// from the first step on.
fn read_storm<'de, D: Deserializer<'de>>(stored: D) -> Result<StoredStorm, D::Error> {
    let mut stored = Map::deserialize(stored)?;
    if stored.contains_key("bare_map") {
        let shapes_below = stored.entry("shapes_below");
        shapes_below.or_insert(MOST_NOISE.into());
    }
    if ["transport_weight", "presence_weight", "epsilon"]
        .iter()
        .all(|key| stored.contains_key(*key))
    {
        for key in ["relaxed_relations", "into_boxes"] {
            stored.entry(key).or_insert(false.into());
        }
        stored.entry("arrived_inside").or_insert(1.0.into());
        stored.entry("peaks_weight").or_insert(0.0.into());
        for key in ["box_power", "fill_power", "arrived_power"] {
            stored.entry(key).or_insert(1.0.into());
        }
        stored.entry("least_box").or_insert(0.0.into());
    }
    serde_json::from_value(serde_json::Value::Object(stored)).map_err(Error::custom)
}

impl From<Stored> for ObjectiveParameters {
    fn from(stored: Stored) -> Self {
        Self {
            readings: stored.storm.readings,
            storm: stored.storm.transport,
            centroid: stored.centroid,
            attend_and_excite: stored.attend_and_excite,
            reference: stored.reference,
        }
    }
}

impl From<ObjectiveParameters> for Stored {
    fn from(parameters: ObjectiveParameters) -> Self {
        Self {
            storm: StoredStorm {
                readings: parameters.readings,
                transport: parameters.storm,
            },
            centroid: parameters.centroid,
            attend_and_excite: parameters.attend_and_excite,
            reference: parameters.reference,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_of_an_older_version_has_the_readings_among_the_default_objectives() {
        let text = r#"{"storm": {"margin": 0.25, "epsilon": 0.02}, "from_a_later_version": 1}"#;
        let read: ObjectiveParameters = serde_json::from_str(text).unwrap();
        let mut expected = ObjectiveParameters::default();
        expected.readings.margin = 0.25;
        expected.storm.epsilon = 0.02;
        assert_eq!(read, expected);
        // And so it is written, so that an older version reads it.
        let written = serde_json::to_value(&read).unwrap();
        assert_eq!(written["storm"]["margin"], 0.25);
        assert_eq!(written["storm"]["epsilon"], 0.02);
        assert_eq!(written["storm"].as_object().unwrap().len(), 30);
        let again: ObjectiveParameters = serde_json::from_value(written).unwrap();
        assert_eq!(again, read);
        // One that had bare maps before shapes were waited for does not wait.
        let older = r#"{"storm": {"bare_map": true}}"#;
        let older: ObjectiveParameters = serde_json::from_str(older).unwrap();
        assert_eq!(older.readings.shapes_below, MOST_NOISE);
        // One from before there were boxes is carried to blobs, by balanced transport.
        let mut older = serde_json::to_value(&read).unwrap();
        let storm = older["storm"].as_object_mut().unwrap();
        storm.retain(|key, _| {
            let younger = [
                "into_boxes",
                "relaxed_relations",
                "arrived_inside",
                "peaks_weight",
                "box_power",
                "fill_power",
                "arrived_power",
                "least_box",
            ];
            !younger.contains(&key.as_str())
        });
        let older: ObjectiveParameters = serde_json::from_value(older).unwrap();
        assert!(!older.storm.into_boxes && !older.storm.relaxed_relations);
        assert_eq!(older.readings.arrived_inside, 1.0);
        assert_eq!(older.storm.peaks_weight, 0.0);
        assert_eq!([older.storm.box_power, older.storm.fill_power], [1.0; 2]);
        assert_eq!(older.readings.arrived_power, 1.0);
        assert_eq!(older.storm.least_box, 0.0);
    }

    #[test]
    fn every_default_is_valid_and_every_value_can_be_written_and_read() {
        let mut parameters = ObjectiveParameters::default();
        for group in parameters.groups() {
            assert_eq!(group.validate(), Ok(()));
            let table = group.parameters();
            let values = group.values();
            for ((parameter, mut field), value) in table.iter().zip(group.fields()).zip(values) {
                let Description {
                    key, explanation, ..
                } = parameter.description;
                assert!(
                    !explanation.is_empty() && !explanation.contains("  "),
                    "{key}"
                );
                let read = parameter.description.read(&value.to_string(), &mut field);
                assert_eq!(read, Ok(()), "{key}");
                assert_eq!(field.value(), value, "{key}");
            }
        }
        assert_eq!(parameters, ObjectiveParameters::default());
    }

    #[test]
    fn a_value_out_of_range_is_named_with_its_range() {
        let wrong = ReadingParameters {
            next_to_near: 0.5,
            next_to_far: 0.4,
            ..ReadingParameters::default()
        };
        let message = wrong.validate().unwrap_err().to_string();
        assert!(message.contains("Farthest") && message.contains("between 0.5 and 1.5"));
        let wrong = ReferenceParameters {
            thresholds: vec![(5, f64::NAN)],
            ..ReferenceParameters::default()
        };
        assert!(wrong.validate().is_err());
        let wrong = ReferenceParameters {
            kernel_size: 4,
            ..ReferenceParameters::default()
        };
        assert!(wrong.validate().unwrap_err().to_string().contains("odd"));
    }
}
