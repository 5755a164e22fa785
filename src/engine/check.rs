//! Whether a request may run, as far as that can be told without a model.

use super::error::RequestError;
use super::request::Request;
use super::settings::Settings;
use crate::diffusion::Method;

impl Request {
    /// The one answer of window, command line, benchmark and engine; what depends on
    /// the model is found when the request's turn comes.
    ///
    /// # Errors
    /// The first thing that is wrong, and what to do.
    pub fn check(&self) -> Result<(), RequestError> {
        if self.prompt.trim().is_empty() {
            return Err(RequestError::EmptyPrompt);
        }
        if self.seeds.is_empty() {
            return Err(RequestError::NoSeeds);
        }
        let Settings {
            guidance_scale,
            optimisation,
            ..
        } = &self.settings;
        if !(0.0..=100.0).contains(guidance_scale) {
            return Err(RequestError::GuidanceScale(*guidance_scale));
        }
        let update = &optimisation.update;
        if !(0.0..=1.0).contains(&update.window) {
            return Err(RequestError::Update("the window is a fraction from 0 to 1"));
        }
        if !(update.step_size >= 0.0 && update.step_size <= 10.0) {
            return Err(RequestError::Update("the step size lies from 0 to 10"));
        }
        if !(0.0..=1.0).contains(&update.final_step_scale) {
            return Err(RequestError::Update(
                "the final step scale lies from 0 to 1",
            ));
        }
        if update.attention_res == 0 {
            return Err(RequestError::Update("attention_res is at least 1"));
        }
        if self.settings.methods.includes(Method::Storm) {
            optimisation.objective.check(&self.layout)?;
        }
        Ok(())
    }
}
