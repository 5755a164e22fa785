//! `inspect`: what a model is, from its configs and headers, without loading a weight,
//! or what a picture holds.

use std::path::Path;

use super::arguments::InspectArguments;
use super::{Failure, output};
use crate::checkpoint::{Checkpoint, ModelDescription, PredictionSource, WeightType};
use crate::device::ComputeDevice;
use crate::engine::{LoraChoice, ModelNeeds, Request, seeds_text};
use crate::export::PictureFormat;
use crate::models::config::UNetConfig;
use crate::models::memory::BackwardPass;
use crate::restore::{PictureKind, RestoredSettings, read_texts, settings_of};

/// Longest text of a picture that is printed whole, in characters.
const LONGEST_TEXT: usize = 2000;

pub(super) fn run(arguments: &InspectArguments) -> Result<(), Failure> {
    if let Some(path) = arguments.model.as_deref()
        && (PictureKind::of_file(path).is_some() || PictureFormat::of_path(path).is_some())
    {
        return picture(path);
    }
    let source = arguments.parts.source(arguments.model.as_deref())?;
    let device = ComputeDevice::cpu(None);
    let checkpoint = Checkpoint::open(&source, device.burn()).map_err(Failure::model)?;
    output::line(&checkpoint.description.name)?;
    for (label, text) in lines(&checkpoint) {
        output::line(format_args!("  {label:<12}  {text}"))?;
    }
    Ok(())
}

/// What came out of a picture, and the texts that it came from.
fn picture(path: &Path) -> Result<(), Failure> {
    let read = read_texts(path).map_err(Failure::file)?;
    let texts = read.texts.clone();
    let restored = settings_of(read);
    match &restored {
        Ok(restored) => {
            output::line(format_args!("A picture of {}", restored.program))?;
            for (label, text) in settings_lines(restored) {
                output::line(format_args!("  {label:<15}  {text}"))?;
            }
        }
        Err(error) => output::line(error)?,
    }
    for chunk in &texts {
        let text = &chunk.text;
        let mut shown: String = text.chars().take(LONGEST_TEXT).collect();
        if shown.len() < text.len() {
            shown.push_str(&format!("… ({} more bytes)", text.len() - shown.len()));
        }
        output::line(format_args!("\n{}:\n{shown}", chunk.keyword))?;
    }
    restored.map(|_| ()).map_err(|_| Failure::new(6, ""))
}

fn settings_lines(restored: &RestoredSettings) -> Vec<(&'static str, String)> {
    let Request {
        prompt,
        negative_prompt,
        seeds,
        layout,
        settings,
        ..
    } = &restored.taken;
    let own = || "the model's own".to_owned();
    let size = settings.size;
    let relations = layout.relations.iter().map(|relation| {
        let label = |object: usize| layout.objects[object].label.as_str();
        let (subject, object) = (label(relation.subject), label(relation.object));
        format!("{subject} {} {object}", relation.kind)
    });
    let relations = relations.collect::<Vec<_>>().join("; ");
    let mut lines = vec![
        ("prompt", prompt.clone()),
        ("negative prompt", negative_prompt.clone()),
        ("relations", relations),
        ("seed", seeds_text(seeds)),
        ("steps", settings.steps.to_string()),
        ("guidance scale", settings.guidance_scale.to_string()),
        (
            "sampler",
            settings.scheduler.map_or_else(own, |it| it.to_string()),
        ),
        (
            "schedule",
            settings.schedule.map_or_else(own, |it| it.to_string()),
        ),
        ("noise", settings.rng.to_string()),
        (
            "LoRA",
            settings
                .loras
                .iter()
                .map(LoraChoice::tag)
                .collect::<Vec<_>>()
                .join(" "),
        ),
        (
            "clip skip",
            match settings.clip_skip {
                1 => String::new(),
                layers => layers.to_string(),
            },
        ),
        (
            "size",
            size.map_or_else(own, |[width, height]| format!("{width} × {height}")),
        ),
        (
            "model hash",
            restored.model_hash.clone().unwrap_or_default(),
        ),
    ];
    lines.retain(|(_, text)| !text.is_empty());
    lines.push(("", restored.message(None)));
    lines
}

fn lines(checkpoint: &Checkpoint) -> Vec<(&'static str, String)> {
    let description = &checkpoint.description;
    let unet = &description.unet_config;
    let pixels = description.pixels_per_cell();
    let [width, height] = description.native_size();
    let networks = checkpoint.networks().into_iter();
    let networks: Vec<String> = networks
        .map(|network| format!("{} {}", network.name, millions(network.numbers)))
        .collect();
    let predicts = description.scheduler.prediction_type.label();
    let own_walk = description.own_walk();
    let zero_snr = match description.scheduler.rescale_betas_zero_snr {
        true => ", with zero terminal SNR",
        false => "",
    };
    let certainty = match description.prediction_source {
        PredictionSource::Guessed => {
            " (or noise: the file does not say, it is tried out when the model is loaded)"
        }
        PredictionSource::Told | PredictionSource::TriedOut => "",
    };
    let mut lines = vec![
        (
            "form",
            format!("{}, {}", description.family, description.layout),
        ),
        ("stored as", checkpoint.stored_types()),
        (
            "pictures",
            format!(
                "{width} × {height} pixels, sides in steps of {}",
                description.size_multiple()
            ),
        ),
        ("", sizes(description.family.sizes())),
        (
            "parameters",
            format!(
                "{}: {}",
                millions(checkpoint.parameters()),
                networks.join(", ")
            ),
        ),
        (
            "UNet",
            format!("levels of {} channels", list(&unet.block_out_channels)),
        ),
        (
            "heads",
            list(
                &(0..unet.block_out_channels.len())
                    .map(|l| unet.heads(l))
                    .collect::<Vec<_>>(),
            ),
        ),
        ("", depths(unet)),
        (
            "prompt",
            format!("{} numbers per token", unet.cross_attention_dim),
        ),
        ("", told(description)),
        ("autoencoder", format!("{pixels} pixels per latent cell")),
        (
            "previews",
            match checkpoint.has_preview_decoder() {
                true => "painted by its preview decoder".to_string(),
                false => "a linear map of the latents".to_string(),
            },
        ),
        ("sampler", own_walk.to_string()),
        ("predicts", format!("{predicts}{zero_snr}{certainty}")),
    ];
    lines.extend(own_walk.instead.into_iter().map(|what| ("", what)));
    let vocabulary = description.vocabulary.iter();
    let known = vocabulary.flat_map(|vocabulary| vocabulary.lines());
    lines.extend(known.enumerate().map(|(index, line)| match index {
        0 => ("knows", line),
        _ => ("", line),
    }));
    for weight_type in [WeightType::F32, WeightType::F16] {
        let needs = ModelNeeds::of(checkpoint, weight_type, BackwardPass::Chained);
        let label = match weight_type {
            WeightType::F32 => "memory, f32",
            WeightType::F16 => "memory, f16",
        };
        lines.push((
            label,
            format!(
                "{} of weights, about {} more for a picture of {width} × {height}",
                gigabytes(needs.weights),
                gigabytes(needs.activations)
            ),
        ));
        if needs.leaving > 0 {
            let text = format!(
                "{} of them leave once a prompt is encoded: about {} at most; an update of STORM takes \
                 about {}",
                gigabytes(needs.leaving),
                gigabytes(needs.peak()),
                gigabytes(needs.update)
            );
            lines.push(("", text));
        }
    }
    lines.retain(|(label, text)| !(label.is_empty() && text.is_empty()));
    let notices = description.notices.iter();
    lines.extend(notices.map(|notice| ("note", notice.to_string())));
    lines
}

/// Sizes of a family beside its model's own; nothing where there are none.
fn sizes(sizes: &[[usize; 2]]) -> String {
    let others = sizes.iter().filter(|[width, height]| width != height);
    let others: Vec<String> = others
        .map(|[width, height]| format!("{width} × {height}"))
        .collect();
    match others.is_empty() {
        true => String::new(),
        false => format!("also {}", others.join(", ")),
    }
}

/// How deep the transformers of each level are, where some are deeper than one block.
fn depths(unet: &UNetConfig) -> String {
    let kinds = unet.down_block_types.iter().enumerate();
    let depths = kinds.map(|(level, kind)| match kind.starts_with("CrossAttn") {
        true => unet.transformer_layers(level),
        false => 0,
    });
    let depths: Vec<usize> = depths.collect();
    match depths.iter().any(|depth| *depth > 1) {
        true => format!("in transformers of {} blocks", list(&depths)),
        false => String::new(),
    }
}

/// What a model is told besides the tokens of the prompt.
fn told(description: &ModelDescription) -> String {
    let Some(told) = description.unet_config.text_time() else {
        return String::new();
    };
    let negative = match description.zero_empty_negative {
        true => "; an empty negative prompt is none at all",
        false => "",
    };
    format!(
        "{} numbers of the whole prompt, and the picture's sizes{negative}",
        told.pooled
    )
}

fn list(numbers: &[usize]) -> String {
    let numbers: Vec<String> = numbers.iter().map(usize::to_string).collect();
    numbers.join(", ")
}

fn millions(numbers: usize) -> String {
    format!("{:.1} M", numbers as f64 / 1e6)
}

fn gigabytes(bytes: u64) -> String {
    format!("{:.2} GB", bytes as f64 / 1e9)
}
