//! What a person asks for.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::networks::NetworkLibrary;
use super::settings::Settings;
use crate::diffusion::Method;
use crate::storm::Layout;

/// Identifies a request within one engine; counts up from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct RequestId(pub u64);

/// Everything that determines the pictures of one run. Immutable once
/// submitted; what a person changes meanwhile goes into the next one.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Request {
    pub prompt: String,
    pub negative_prompt: String,
    /// One picture per seed and method, in this order.
    pub seeds: Vec<u64>,
    /// Objects and relations by token positions of this prompt; empty if only
    /// the standard method runs.
    pub layout: Layout,
    /// How the pictures are made; in files its fields stand among these.
    #[serde(flatten)]
    pub settings: Settings,
    /// The files that names of networks mean; in no picture, since they lie elsewhere
    /// on every machine.
    #[serde(skip)]
    pub networks: Arc<NetworkLibrary>,
    /// Keep this method's embeddings, latents and losses for a trajectory file.
    pub trajectory: Option<Method>,
}

impl Default for Request {
    fn default() -> Self {
        Self {
            prompt: String::new(),
            negative_prompt: String::new(),
            seeds: vec![0],
            layout: Layout::default(),
            settings: Settings::default(),
            networks: Arc::default(),
            trajectory: None,
        }
    }
}

impl Request {
    /// Whether the prompt has other tokens than that of `other`, and so another layout.
    pub fn is_read_otherwise_than(&self, other: &Self) -> bool {
        self.prompt != other.prompt || self.settings.reading() != other.settings.reading()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diffusion::{Methods, PredictionType, SchedulerKind};
    use crate::prompt::PromptWeights;
    use crate::storm::ObjectiveKind;

    /// As the pictures of version 0.1.0 carry it, before settings were one value.
    const OLDER: &str = r#"{
        "prompt": "a cat", "negative_prompt": "", "seeds": [18446744073709551615],
        "methods": ["storm"], "steps": 12, "guidance_scale": 40.5, "scheduler": "ddim",
        "prediction_type": "v_prediction", "size": [96, 64],
        "layout": {"objects": [], "relations": [], "free_targets": []},
        "objective": "centroid",
        "objective_parameters": {"storm": {"margin": 0.2}, "reference": {"scale_range": [2.0, 0.5]}},
        "update": {"attention_res": 8, "step_size": 0.5}, "batch_methods": false, "trajectory": null
    }"#;

    #[test]
    fn a_request_keeps_the_keys_of_older_pictures() {
        let request: Request = serde_json::from_str(OLDER).unwrap();
        let settings = &request.settings;
        assert_eq!(request.seeds, [u64::MAX]);
        assert_eq!((settings.methods, settings.steps), (Methods::Storm, 12));
        assert_eq!(settings.guidance_scale, 40.5);
        assert_eq!(settings.scheduler, Some(SchedulerKind::Ddim));
        assert_eq!(settings.prediction_type, Some(PredictionType::VPrediction));
        assert_eq!(settings.size, Some([96, 64]));
        assert!(!settings.batch_methods);
        let optimisation = &settings.optimisation;
        assert_eq!(optimisation.objective, ObjectiveKind::Centroid);
        assert_eq!(optimisation.parameters.readings.margin, 0.2);
        assert_eq!(optimisation.parameters.reference.scale_range, (2.0, 0.5));
        assert_eq!(optimisation.update.attention_res, 8);
        assert_eq!(optimisation.update.step_size, 0.5);

        // And older programs read what is written today.
        let written = serde_json::to_value(&request).unwrap();
        let older: serde_json::Value = serde_json::from_str(OLDER).unwrap();
        let keys = |value: &serde_json::Value| -> Vec<String> {
            value.as_object().unwrap().keys().cloned().collect()
        };
        assert_eq!(keys(&written), keys(&older));
        assert_eq!(serde_json::from_value::<Request>(written).unwrap(), request);
    }

    #[test]
    fn what_a_file_lacks_has_its_default() {
        let read: Request = serde_json::from_str(r#"{"steps": 7, "unheard_of": 1}"#).unwrap();
        let settings = Settings {
            steps: 7,
            // Pictures that say nothing of it are older than weights.
            prompt_weights: PromptWeights::Literal,
            ..Settings::default()
        };
        let expected = Request {
            settings,
            ..Request::default()
        };
        assert_eq!(read, expected);
    }
}
