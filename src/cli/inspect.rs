//! `inspect`: what a model is, without making a picture.

use super::Failure;
use super::arguments::InspectArguments;
use crate::checkpoint::{CheckpointSource, StableDiffusion};
use crate::device::ComputeDevice;
use crate::diffusion::SchedulerConfig;

pub(super) fn run(arguments: &InspectArguments) -> Result<(), Failure> {
    let source = match &arguments.model {
        Some(path) => CheckpointSource::from_path(path).map_err(Failure::model)?,
        None => CheckpointSource::Embedded,
    };
    let device = ComputeDevice::cpu(None);
    let model = StableDiffusion::load(&source, device.burn()).map_err(Failure::model)?;
    let scheduler = SchedulerConfig::from_json(&model.scheduler_config).map_err(Failure::model)?;
    let [width, height] = model.native_size();
    let unet = &model.unet_config;
    let family = if unet.use_linear_projection {
        "Stable Diffusion 2.x"
    } else {
        "Stable Diffusion 1.x"
    };
    let widths: Vec<String> = unet
        .block_out_channels
        .iter()
        .map(usize::to_string)
        .collect();
    println!("{}", model.name);
    println!("  form          {family}, diffusers layout");
    println!(
        "  pictures      {width} × {height} pixels, sides in steps of {}",
        model.size_multiple()
    );
    println!("  UNet          levels of {} channels", widths.join(", "));
    println!(
        "  prompt        {} numbers per token",
        unet.cross_attention_dim
    );
    println!(
        "  autoencoder   {} pixels per latent cell",
        model.pixels_per_cell()
    );
    println!(
        "  scheduler     {}, predicts {:?}",
        scheduler.kind(),
        scheduler.prediction_type
    );
    Ok(())
}
