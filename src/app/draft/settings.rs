//! The settings of the next request, apart from its words and seeds.

use serde::{Deserialize, Serialize};

use crate::diffusion::{Method, PredictionType, SchedulerKind, SpatialUpdateParameters};
use crate::engine::Request;
use crate::storm::{ObjectiveKind, ObjectiveParameters};

/// What the settings panel edits; the defaults are the engine's own.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Settings {
    pub methods: Methods,
    pub steps: usize,
    pub guidance_scale: f64,
    /// `None`: the checkpoint's own.
    pub scheduler: Option<SchedulerKind>,
    /// What the UNet predicts; `None`: what the checkpoint says.
    pub prediction_type: Option<PredictionType>,
    /// Width and height; `None`: what the model was trained on.
    pub size: Option<[usize; 2]>,
    pub objective: ObjectiveKind,
    pub objective_parameters: ObjectiveParameters,
    pub update: SpatialUpdateParameters,
    pub batch_methods: bool,
}

/// Which canvases are filled.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Methods {
    #[default]
    Both,
    Standard,
    Storm,
}

impl Methods {
    /// Every choice, in the order in which it is shown.
    pub const ALL: [Self; 3] = [Self::Both, Self::Standard, Self::Storm];

    pub fn name(self) -> &'static str {
        match self {
            Self::Both => "Both",
            Self::Standard => "Standard",
            Self::Storm => "STORM",
        }
    }

    pub fn list(self) -> Vec<Method> {
        match self {
            Self::Both => vec![Method::Standard, Method::Storm],
            Self::Standard => vec![Method::Standard],
            Self::Storm => vec![Method::Storm],
        }
    }

    pub fn includes(self, method: Method) -> bool {
        self.list().contains(&method)
    }

    fn of(methods: &[Method]) -> Self {
        match (
            methods.contains(&Method::Standard),
            methods.contains(&Method::Storm),
        ) {
            (true, false) => Self::Standard,
            (false, true) => Self::Storm,
            _ => Self::Both,
        }
    }
}

impl Default for Settings {
    fn default() -> Self {
        Self::of(&Request::default())
    }
}

impl Settings {
    /// The settings that a request was made with.
    pub fn of(request: &Request) -> Self {
        Self {
            methods: Methods::of(&request.methods),
            steps: request.steps,
            guidance_scale: request.guidance_scale,
            scheduler: request.scheduler,
            prediction_type: request.prediction_type,
            size: request.size,
            objective: request.objective,
            objective_parameters: request.objective_parameters.clone(),
            update: request.update.clone(),
            batch_methods: request.batch_methods,
        }
    }

    /// Puts the settings into a request; words, layout and seeds stay.
    pub fn apply_to(&self, request: &mut Request) {
        request.methods = self.methods.list();
        request.steps = self.steps;
        request.guidance_scale = self.guidance_scale;
        request.scheduler = self.scheduler;
        request.prediction_type = self.prediction_type;
        request.size = self.size;
        request.objective = self.objective;
        request.objective_parameters = self.objective_parameters.clone();
        request.update = self.update.clone();
        request.batch_methods = self.batch_methods;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_come_back_from_the_request_they_made() {
        let mut settings = Settings {
            methods: Methods::Storm,
            steps: 12,
            guidance_scale: 4.5,
            scheduler: Some(SchedulerKind::Ddim),
            prediction_type: Some(PredictionType::VPrediction),
            size: Some([96, 64]),
            ..Settings::default()
        };
        settings.objective_parameters.storm.margin = 0.2;
        settings.update.window = 0.8;
        let mut request = Request::default();
        settings.apply_to(&mut request);
        assert_eq!(request.methods, [Method::Storm]);
        assert_eq!(Settings::of(&request), settings);
        assert_ne!(settings, Settings::default());
    }
}
