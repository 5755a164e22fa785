//! A request checked against the loaded model, before anything is computed.

use std::sync::Arc;

use super::error::RequestError;
use super::event::Notice;
use super::needs::ModelNeeds;
use super::request::Request;
use super::run_shape::RunShape;
use crate::checkpoint::ModelDescription;
use crate::device::MemoryLimits;
use crate::diffusion::{Method, SchedulerConfig, SchedulerKind, UpdateRule};
use crate::models::unet::{Grid, MicroConditioning};
use crate::prompt::{NetworkKind, TokenizedPrompt};
use crate::storm::frame::Frame;
use crate::storm::placement::Usual;
use crate::storm::{Layout, Objective, ObjectiveError, ObjectiveKind, PromptFacts, build};

/// Largest side of a picture, in pixels.
pub const LARGEST_SIDE: usize = 4096;

/// A request that can be run.
pub(super) struct Prepared {
    pub(super) prompt: Arc<TokenizedPrompt>,
    pub(super) negative_prompt: Arc<TokenizedPrompt>,
    /// Latent rows and columns.
    pub(super) latent_size: [usize; 2],
    /// Picture width and height.
    pub(super) size: [usize; 2],
    /// What models that are told sizes are told.
    pub(super) sizes: MicroConditioning,
    pub(super) scheduler: SchedulerKind,
    pub(super) scheduler_config: SchedulerConfig,
    pub(super) objective: Option<Box<dyn Objective>>,
    /// The request's, with the model's own sizes.
    pub(super) layout: Layout,
    /// Columns of the maps and what they hold.
    facts: PromptFacts,
    pub(super) update_rule: UpdateRule,
    pub(super) notices: Vec<Notice>,
    pub(super) shape: RunShape,
}

/// Checks `request` against `model`, what it needs and what its device has.
pub(super) fn prepare(
    request: &Request,
    model: &ModelDescription,
    needs: &ModelNeeds,
    limits: MemoryLimits,
) -> Result<Prepared, RequestError> {
    request.check()?;
    let settings = &request.settings;
    let mut notices = Vec::new();
    let texts = [request.prompt.as_str(), request.negative_prompt.as_str()];
    let known = request.networks.known_words(model.taught_width());
    let [prompt, negative_prompt] = model.read_prompts(texts, settings.reading(), &known);
    for prompt in [&prompt, &negative_prompt] {
        if !prompt.lost_words.is_empty() {
            notices.push(Notice::LostWords(prompt.lost_words.clone()));
        }
        notices.extend(prompt.notes.iter().cloned().map(Notice::Syntax));
    }
    if let Some(vocabulary) = &model.vocabulary {
        let notes = vocabulary.notes(&model.name, &prompt, &request.layout);
        notices.extend(notes.into_iter().map(Notice::Vocabulary));
    }
    // LoRAs of the prompt are part of the model by now.
    let idle = prompt.networks.iter();
    let idle = idle.filter(|tag| tag.kind != NetworkKind::Lora);
    let idle = idle.chain(&negative_prompt.networks);
    notices.extend(idle.map(|tag| Notice::NoNetwork(tag.clone())));
    let asked = settings.size.unwrap_or(model.native_size());
    let size = possible_size(asked, model.size_multiple())?;
    if settings.size.is_some() && size != asked {
        notices.push(Notice::SizeRounded { asked, used: size });
    }
    if settings.names_sizes() && !model.is_told_sizes() {
        notices.push(Notice::SizesUntold);
    }
    let pixels = model.pixels_per_cell();
    let mut scheduler_config = model.scheduler.clone();
    if let Some(prediction_type) = settings.prediction_type {
        scheduler_config.prediction_type = prediction_type;
    }
    if settings.timestep_spacing.is_some() {
        scheduler_config.timestep_spacing = settings.timestep_spacing;
    }
    scheduler_config.schedule = settings.schedule;
    let own = model.own_walk();
    if settings.scheduler.is_none() {
        notices.extend(own.instead.into_iter().map(Notice::Instead));
    }
    let scheduler = settings.scheduler.unwrap_or(own.scheduler);
    // Building it here finds an impossible number of steps now.
    scheduler.build(&scheduler_config, settings.steps)?;
    let [rows, columns] = [size[1] / pixels, size[0] / pixels];
    let latents = Grid { rows, columns };
    let update = &settings.optimisation.update;
    let (attention_res, layers) = (update.attention_res, update.attention_layers);
    let capture = model.unet_config.capture(latents, attention_res, layers)?;
    let shape = needs.run_shape(latents, capture, settings, limits)?;
    let facts = model.prompt_facts(&prompt);
    let layout = match model.sizes() {
        Some(own) => request.layout.with_sizes(own),
        None => request.layout.clone(),
    };
    let objective = objective(request, &layout, &facts)?;
    if settings.methods.includes(Method::Storm) {
        check_room(request, &layout, latents)?;
    }
    Ok(Prepared {
        shape,
        objective,
        layout,
        facts,
        update_rule: settings.optimisation.update_rule(),
        prompt,
        negative_prompt,
        latent_size: [rows, columns],
        size,
        sizes: settings.micro_conditioning(size),
        scheduler,
        scheduler_config,
        notices,
    })
}

/// The nearest size with sides that are multiples of `multiple`.
fn possible_size(asked: [usize; 2], multiple: usize) -> Result<[usize; 2], RequestError> {
    let largest = LARGEST_SIDE / multiple * multiple;
    // Below half of the smallest side rounding would more than double it.
    if asked
        .iter()
        .any(|side| *side < multiple.div_ceil(2) || *side > largest)
    {
        return Err(RequestError::Size {
            width: asked[0],
            height: asked[1],
            smallest: multiple,
            largest,
        });
    }
    Ok(asked.map(|side| ((side + multiple / 2) / multiple * multiple).max(multiple)))
}

/// What STORM follows; without STORM what reads where the objects are, if any are
/// known: all objectives read alike, and the default one refuses the fewest layouts.
fn objective(
    request: &Request,
    layout: &Layout,
    facts: &PromptFacts,
) -> Result<Option<Box<dyn Objective>>, RequestError> {
    let optimisation = &request.settings.optimisation;
    let objective = match request.settings.methods.includes(Method::Storm) {
        true => optimisation.objective,
        false if layout.objects.is_empty() => return Ok(None),
        false => ObjectiveKind::default(),
    };
    let built = build(objective, layout.clone(), &optimisation.parameters, facts)?;
    Ok(Some(built))
}

impl Prepared {
    /// The objective for one seed, whose standard picture has objects of such
    /// extents, as fractions of the shorter side.
    pub(super) fn objective_for(
        &self,
        request: &Request,
        usual: &[Option<f64>],
    ) -> Result<Option<Box<dyn Objective>>, RequestError> {
        let of = |object: usize| usual.get(object).copied().flatten();
        let default = 2.0 * request.settings.optimisation.parameters.readings.blob;
        let layout = self
            .layout
            .with_extents(|object| of(object).unwrap_or(default));
        objective(request, &layout, &self.facts)
    }
}

/// Refuses wishes that have no room, as far as that is known before there are maps:
/// their grid is taken to be the one of the latents' halvings that is nearest to the
/// one asked for.
fn check_room(request: &Request, layout: &Layout, latents: Grid) -> Result<(), RequestError> {
    let optimisation = &request.settings.optimisation;
    let wanted = optimisation.update.attention_res as f64;
    let halved = |times: u32| Frame {
        rows: latents.rows.div_ceil(1 << times),
        columns: latents.columns.div_ceil(1 << times),
    };
    let away = |frame: &Frame| ((frame.cells() as f64).sqrt() - wanted).abs();
    let frames = (0..4).map(halved);
    let nearest = frames.min_by(|a, b| away(a).total_cmp(&away(b)));
    let frame = nearest.expect("there are four");
    let readings = &optimisation.parameters.readings;
    let usual = Usual {
        deviation: readings.blob,
    };
    let checked = layout.check_room(frame, &readings.gaps(), usual);
    Ok(checked.map_err(ObjectiveError::from)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_rounded_to_what_the_model_can_do() {
        assert_eq!(possible_size([512, 768], 64).unwrap(), [512, 768]);
        assert_eq!(possible_size([500, 545], 64).unwrap(), [512, 576]);
        assert!(possible_size([0, 512], 64).is_err());
        assert!(possible_size([512, 100_000], 64).is_err());
    }
}
