//! Whether a request may run, as far as that can be told without a model.

use super::error::RequestError;
use super::request::Request;
use crate::diffusion::Method;
use crate::storm::ParameterGroup;

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
        let settings = &self.settings;
        settings.validate()?;
        if settings.methods.includes(Method::Storm) {
            settings.optimisation.validate()?;
            settings.optimisation.objective.check(&self.layout)?;
        }
        Ok(())
    }
}
