//! Names of samplers as programs and people write them.

use std::str::FromStr;

use super::{SchedulerError, SchedulerKind, SigmaSchedule};

/// A name as it is compared: capitals, spaces, `-` and `_` do not count, and `++`
/// is `pp`.
pub(super) fn plain(name: &str) -> String {
    let name = name.to_lowercase().replace("++", "pp");
    name.replace([' ', '-', '_'], "")
}

/// A sampler's name, which may hold that of its schedule, as in `DPM++ 2M Karras`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SamplerName {
    pub scheduler: SchedulerKind,
    /// `None` where the name does not say it.
    pub schedule: Option<SigmaSchedule>,
}

impl SamplerName {
    /// From the two fields of A1111's infotext. Its schedule `Automatic` is
    /// another for each sampler, and before it had that field the name alone meant
    /// the sampler's own.
    ///
    /// # Errors
    /// If no sampler has that name. A schedule that is not known counts as the
    /// model's own; the second result says that it was not.
    pub fn from_infotext(
        sampler: &str,
        schedule: Option<&str>,
    ) -> Result<(Self, Option<String>), SchedulerError> {
        let name: Self = sampler.parse()?;
        let own = name.scheduler.sampler().automatic_schedule;
        let (schedule, unknown) = match schedule {
            None => (name.schedule, None),
            Some(text) if plain(text) == "automatic" => (Some(name.schedule.unwrap_or(own)), None),
            Some(text) => match text.parse() {
                Ok(schedule) => (Some(schedule), None),
                Err(_) => (Some(SigmaSchedule::Model), Some(text.to_string())),
            },
        };
        Ok((Self { schedule, ..name }, unknown))
    }
}

impl FromStr for SamplerName {
    type Err = SchedulerError;

    fn from_str(name: &str) -> Result<Self, SchedulerError> {
        let own = name.parse::<SchedulerKind>();
        if let Ok(scheduler) = own {
            return Ok(Self {
                scheduler,
                schedule: None,
            });
        }
        let whole = plain(name);
        let both = SigmaSchedule::ALL.iter().find_map(|&schedule| {
            let sampler = whole.strip_suffix(&plain(schedule.facts().infotext_name))?;
            Some((sampler.parse().ok()?, schedule))
        });
        let (scheduler, schedule) =
            both.ok_or_else(|| SchedulerError::Unknown(name.to_string()))?;
        Ok(Self {
            scheduler,
            schedule: Some(schedule),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use SchedulerKind::{Dpmpp2m, Dpmpp2mSde, EulerAncestral, Unipc};

    fn read(sampler: &str, schedule: Option<&str>) -> (SchedulerKind, Option<SigmaSchedule>) {
        let (name, _) = SamplerName::from_infotext(sampler, schedule).unwrap();
        (name.scheduler, name.schedule)
    }

    #[test]
    fn pictures_name_sampler_and_schedule_in_one_field_or_in_two() {
        let karras = Some(SigmaSchedule::Karras);
        assert_eq!(read("DPM++ 2M Karras", None), (Dpmpp2m, karras));
        assert_eq!(read("DPM++ 2M", Some("Karras")), (Dpmpp2m, karras));
        assert_eq!(read("DPM++ 2M", Some("Automatic")), (Dpmpp2m, karras));
        assert_eq!(read("DPM++ 2M", None), (Dpmpp2m, None));
        let exponential = Some(SigmaSchedule::Exponential);
        assert_eq!(
            read("DPM++ 2M SDE Exponential", None),
            (Dpmpp2mSde, exponential)
        );
        let model = Some(SigmaSchedule::Model);
        assert_eq!(read("Euler a", Some("Automatic")), (EulerAncestral, model));
        let sgm = Some(SigmaSchedule::SgmUniform);
        assert_eq!(read("UniPC", Some("SGM Uniform")), (Unipc, sgm));
        let (name, unknown) = SamplerName::from_infotext("Euler", Some("KL Optimal")).unwrap();
        assert_eq!(
            (name.schedule, unknown.as_deref()),
            (model, Some("KL Optimal"))
        );
        assert!(SamplerName::from_infotext("Restart", None).is_err());
    }

    #[test]
    fn every_spelling_of_the_command_line_is_understood() {
        for (name, kind) in [
            ("dpm++2m", Dpmpp2m),
            ("DPM++ 2M", Dpmpp2m),
            ("DPMSolverMultistepScheduler", Dpmpp2m),
            ("dpmpp_2m", Dpmpp2m),
            ("dpmpp-2m-sde", Dpmpp2mSde),
            ("euler_a", EulerAncestral),
            ("k_euler_ancestral", EulerAncestral),
            ("uni_pc", Unipc),
        ] {
            assert_eq!(
                name.parse::<SamplerName>().unwrap().scheduler,
                kind,
                "{name}"
            );
        }
    }
}
