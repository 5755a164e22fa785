//! The model's own way of walking: what a folder's scheduler config decides where a person does not.

use std::fmt;

use super::{SamplerName, SchedulerConfig, SchedulerKind, SigmaSchedule};
use crate::diffusion::scheduler::{PredictionType, TimestepSpacing};

/// What a model is meant to be walked with.
#[derive(Debug, Clone, PartialEq)]
pub struct OwnWalk {
    pub scheduler: SchedulerKind,
    pub schedule: SigmaSchedule,
    /// Where the model was made for few.
    pub steps: Option<usize>,
    /// Where the model was made for another than usual.
    pub guidance_scale: Option<f64>,
    /// What it asks for that is not available, and what is taken instead; whole
    /// sentences without full stop.
    pub instead: Vec<String>,
}

impl Default for OwnWalk {
    /// Of a model that says nothing.
    fn default() -> Self {
        SchedulerConfig::default().own_walk(false)
    }
}

impl OwnWalk {
    /// Whether the model leaves open how it is walked: it was made for no few
    /// steps, and names one of the samplers that every model was published with
    /// before there were better ones. One that asks in vain does not, so that what
    /// is taken instead is what is said.
    pub fn takes_any_sampler(&self) -> bool {
        use SchedulerKind::{Ddim, Ddpm, Pndm};
        self.steps.is_none()
            && self.instead.is_empty()
            && matches!(self.scheduler, Pndm | Ddim | Ddpm)
    }
}

impl fmt::Display for OwnWalk {
    /// As "LCM, 4 steps, guidance scale 8".
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}", self.scheduler)?;
        if self.schedule != SigmaSchedule::Model {
            write!(formatter, " {}", self.schedule)?;
        }
        if let Some(steps) = self.steps {
            write!(formatter, ", {steps} steps")?;
        }
        if let Some(scale) = self.guidance_scale {
            write!(formatter, ", guidance scale {scale}")?;
        }
        Ok(())
    }
}

/// Steps of a model that was distilled for few.
const FEW_STEPS: usize = 4;
/// Of a latent consistency model that is told its guidance: as in its paper.
const LCM_GUIDANCE: f64 = 8.0;

/// What is taken for classes of diffusers that are not available: their nearest kin.
const NEAREST: [(&str, SchedulerKind); 12] = [
    ("DEISMultistepScheduler", SchedulerKind::Dpmpp2m),
    ("DPMSolverSinglestepScheduler", SchedulerKind::Dpmpp2m),
    ("DPMSolverMultistepInverseScheduler", SchedulerKind::Dpmpp2m),
    ("EDMDPMSolverMultistepScheduler", SchedulerKind::Dpmpp2m),
    ("SASolverScheduler", SchedulerKind::Dpmpp2m),
    ("KDPM2DiscreteScheduler", SchedulerKind::Heun),
    (
        "KDPM2AncestralDiscreteScheduler",
        SchedulerKind::EulerAncestral,
    ),
    ("LMSDiscreteScheduler", SchedulerKind::Euler),
    ("EDMEulerScheduler", SchedulerKind::Euler),
    ("TCDScheduler", SchedulerKind::Lcm),
    ("DDPMParallelScheduler", SchedulerKind::Ddpm),
    ("DDIMParallelScheduler", SchedulerKind::Ddim),
];

impl SchedulerConfig {
    /// What its scheduler asks for. `is_told_guidance`: whether the UNet is told
    /// the guidance scale, as latent consistency models are.
    pub fn own_walk(&self, is_told_guidance: bool) -> OwnWalk {
        let scheduler = self.kind();
        let is_consistent = scheduler == SchedulerKind::Lcm || is_told_guidance;
        let few = is_consistent || self.is_distilled();
        OwnWalk {
            scheduler,
            schedule: self.schedule_for(scheduler),
            steps: few.then_some(FEW_STEPS),
            guidance_scale: match (few, is_told_guidance) {
                (_, true) => Some(LCM_GUIDANCE),
                (true, false) => Some(1.0),
                (false, false) => None,
            },
            instead: self.instead(scheduler),
        }
    }

    /// The checkpoint's own sampler, or the nearest to one that is not available
    /// (all of them walk the same noise schedule).
    pub fn kind(&self) -> SchedulerKind {
        let is_stochastic = self
            .algorithm_type
            .as_deref()
            .is_some_and(|kind| kind.starts_with("sde"));
        match self.class_name.parse::<SamplerName>() {
            Ok(name) if name.scheduler == SchedulerKind::Dpmpp2m && is_stochastic => {
                SchedulerKind::Dpmpp2mSde
            }
            Ok(name) => name.scheduler,
            Err(_) => {
                let mut nearest = NEAREST.iter();
                let nearest = nearest.find(|(class, _)| *class == self.class_name);
                nearest.map_or(SchedulerKind::Pndm, |(_, kind)| *kind)
            }
        }
    }

    /// Whether the model was distilled to make pictures in one to four steps: the
    /// turbo models' config, which spaces Euler's timesteps from the last one down.
    fn is_distilled(&self) -> bool {
        let kind = self.kind();
        matches!(kind, SchedulerKind::Euler | SchedulerKind::EulerAncestral)
            && self.timestep_spacing == Some(TimestepSpacing::Trailing)
            && self.prediction_type == PredictionType::Epsilon
            && !self.rescale_betas_zero_snr
    }

    fn instead(&self, taken: SchedulerKind) -> Vec<String> {
        let mut instead = Vec::new();
        if self.class_name.parse::<SamplerName>().is_err() {
            instead.push(format!(
                "{} is not available, {taken} is taken instead",
                self.class_name
            ));
        }
        let is_multistep = matches!(taken, SchedulerKind::Dpmpp2m | SchedulerKind::Dpmpp2mSde);
        let algorithm = self.algorithm_type.as_deref();
        if is_multistep && matches!(algorithm, Some("dpmsolver" | "sde-dpmsolver")) {
            instead.push(
                "the algorithm dpmsolver is not available, dpmsolver++ is taken instead".into(),
            );
        }
        if is_multistep && self.solver_order.is_some_and(|order| order > 2) {
            instead.push("the third order is not available, the second is taken instead".into());
        }
        if taken == SchedulerKind::Unipc && self.predict_x0 == Some(false) {
            let own = "UniPC on the predicted noise is not available, UniPC on the predicted \
                       picture is taken instead";
            instead.push(own.into());
        }
        if self.interpolation_type.as_deref() == Some("log_linear") {
            let own = "noise levels interpolated in their logarithm are not available, linear ones \
                       are taken instead";
            instead.push(own.into());
        }
        if self.timestep_type.as_deref() == Some("continuous") {
            let own = "continuous timesteps are not available, the training's are taken instead";
            instead.push(own.into());
        }
        if self.use_lu_lambdas == Some(true) {
            let own = "Lu's noise levels are not available, the model's own are taken instead";
            instead.push(own.into());
        }
        instead
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn own(json: &str) -> OwnWalk {
        let config = SchedulerConfig::from_json(json.as_bytes()).unwrap();
        config.own_walk(false)
    }

    #[test]
    fn a_folder_says_its_sampler_and_how_few_steps_it_needs() {
        let plain = own(r#"{"_class_name": "PNDMScheduler"}"#);
        assert_eq!((plain.scheduler, plain.steps), (SchedulerKind::Pndm, None));
        // Stability AI's sd-turbo.
        let turbo = own(
            r#"{"_class_name": "EulerDiscreteScheduler", "prediction_type": "epsilon",
                "timestep_spacing": "trailing", "use_karras_sigmas": false}"#,
        );
        assert_eq!((turbo.steps, turbo.guidance_scale), (Some(4), Some(1.0)));
        let lcm = SchedulerConfig::from_json(br#"{"_class_name": "LCMScheduler"}"#).unwrap();
        assert_eq!(lcm.own_walk(true).guidance_scale, Some(8.0));
        assert_eq!(lcm.own_walk(false).guidance_scale, Some(1.0));
        let sde = own(
            r#"{"_class_name": "DPMSolverMultistepScheduler", "use_karras_sigmas": true,
                "algorithm_type": "sde-dpmsolver++", "lambda_min_clipped": -Infinity}"#,
        );
        assert_eq!(sde.scheduler, SchedulerKind::Dpmpp2mSde);
        assert_eq!((sde.schedule, sde.steps), (SigmaSchedule::Karras, None));
        assert!(sde.instead.is_empty());
    }

    #[test]
    fn what_is_not_available_is_named_with_what_is_taken_instead() {
        let deis = own(r#"{"_class_name": "DEISMultistepScheduler", "solver_order": 3}"#);
        assert_eq!(deis.scheduler, SchedulerKind::Dpmpp2m);
        assert!(deis.instead[0].contains("DEISMultistepScheduler is not available, DPM++ 2M"));
        assert!(deis.instead[1].contains("third order"));
        let unknown = own(r#"{"_class_name": "FutureScheduler"}"#);
        assert_eq!(
            unknown.instead,
            ["FutureScheduler is not available, PNDM is taken instead"]
        );
    }
}
