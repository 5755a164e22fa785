//! A whole checkpoint, built and on its device.

use std::collections::BTreeSet;
use std::sync::Arc;

use burn::nn::pool::AvgPool2dConfig;
use burn::tensor::{Device, Distribution, Tensor};

use super::CheckpointError;
use super::conversion::WeightType;
use super::description::ModelDescription;
use super::lora::MergedLora;
use super::model_hash::ModelHash;
use super::opened::Checkpoint;
use super::prediction::{self, PredictionSource};
use super::source::CheckpointSource;
use super::text_encoders::{TextEncoder, TextEncoders};
use super::weights::WeightPlan;
use crate::diffusion::PredictionType;
use crate::models::config::ClipTextConfig;
use crate::models::{AutoencoderKl, AutoencoderTinyDecoder, LatentRgb, UNet2DConditionModel};

/// Previews are kept for every step; wider and higher ones are averaged down.
const LARGEST_PREVIEW: usize = 256;

/// A Stable Diffusion model ready to sample: networks with their weights on one
/// device, and what is known of using them.
#[derive(Debug)]
pub struct StableDiffusion {
    pub description: ModelDescription,
    pub text_encoders: TextEncoders,
    pub unet: UNet2DConditionModel,
    pub vae: AutoencoderKl,
    /// Paints previews where the checkpoint has one.
    pub preview_decoder: Option<AutoencoderTinyDecoder>,
    /// What text encoders and UNet compute in; the autoencoder computes in f32 unless
    /// its config says that halves do.
    pub weight_type: WeightType,
    pub device: Device,
    /// By which its weights are told from others.
    pub hash: Arc<ModelHash>,
    /// Where the UNet's numbers lie, to be read anew when a LoRA comes or goes.
    pub(super) unet_weights: WeightPlan,
    /// Those that are part of the weights.
    pub(super) loras: Vec<MergedLora>,
    /// The parameters of text encoder, UNet and second text encoder that they change.
    pub(super) touched: [BTreeSet<String>; 3],
}

impl StableDiffusion {
    /// Opens and builds the checkpoint on `device`, with f32 weights.
    ///
    /// # Errors
    /// As [`Checkpoint::open`] and [`Self::build`].
    pub fn load(source: &CheckpointSource, device: &Device) -> Result<Self, CheckpointError> {
        let checkpoint = Checkpoint::open(source, device)?;
        Self::build(checkpoint, WeightType::F32, &mut |_| true)
    }

    /// Streams the weights of an open checkpoint to its device as `weight_type`
    /// (the autoencoder's as f32 where its activations leave the range of f16, which
    /// its config says, or not a word).
    /// `on_progress` hears the fraction that is done after each tensor and says
    /// whether to go on.
    ///
    /// # Errors
    /// If a weight is not finite in `weight_type`, the device fails, or
    /// `on_progress` says no: [`CheckpointError::Cancelled`].
    pub fn build(
        checkpoint: Checkpoint,
        weight_type: WeightType,
        on_progress: &mut dyn FnMut(f32) -> bool,
    ) -> Result<Self, CheckpointError> {
        let all = checkpoint.parameters();
        let mut done = 0;
        let mut on_numbers = |numbers: usize| {
            done += numbers;
            on_progress(done as f32 / all as f32)
        };
        let Checkpoint {
            description,
            device,
            text_encoder,
            second_text_encoder,
            unet,
            vae,
            preview_decoder,
        } = checkpoint;
        let mut load_text = |planned, config: &ClipTextConfig| {
            TextEncoder::load(planned, config, weight_type, &device, &mut on_numbers)
        };
        let known = description.second_text_encoder.as_ref();
        let second = second_text_encoder.zip(known);
        let text_encoders = TextEncoders {
            first: load_text(text_encoder, &description.text_config)?,
            second: second
                .map(|(planned, known)| load_text(planned, &known.config))
                .transpose()?,
        };
        let (unet, unet_weights) = unet.load(weight_type, &mut on_numbers)?;
        let vae_type = match description.vae_config.force_upcast {
            true => WeightType::F32,
            false => weight_type,
        };
        let (vae, _) = vae.load(vae_type, &mut on_numbers)?;
        let preview_decoder = preview_decoder
            .map(|planned| planned.load(WeightType::F32, &mut |_| true))
            .transpose()?
            .map(|(decoder, _)| decoder);
        let mut model = Self {
            description,
            text_encoders,
            unet,
            vae,
            preview_decoder,
            weight_type,
            device,
            hash: ModelHash::new(unet_weights.files().to_vec()),
            unet_weights,
            loras: Vec::new(),
            touched: Default::default(),
        };
        if model.description.prediction_source == PredictionSource::Guessed {
            model.find_prediction_type()?;
        }
        Ok(model)
    }

    /// What previews are drawn from, four planes [1, 4, height, width] whose
    /// colours [`Self::preview_rgb`] tells: with a preview decoder the picture
    /// that it paints of the predicted x0 [1, 4, rows, columns] and a plane of
    /// zeros, at most 256 pixels wide and high; else the predicted x0 itself.
    pub fn preview(&self, pred_original_sample: &Tensor<4>) -> Tensor<4> {
        let Some(decoder) = &self.preview_decoder else {
            return pred_original_sample.clone();
        };
        let mut picture = decoder.decode(pred_original_sample.clone());
        let [_, _, height, width] = picture.dims();
        let shrink = height.max(width).div_ceil(LARGEST_PREVIEW);
        if shrink > 1 {
            let pool = AvgPool2dConfig::new([shrink, shrink]);
            picture = pool.init().forward(picture);
        }
        let [batch, _, height, width] = picture.dims();
        let zeros = Tensor::zeros([batch, 1, height, width], &picture.device());
        Tensor::cat(vec![picture, zeros], 1)
    }

    /// How the four planes of a preview become colours.
    pub fn preview_rgb(&self) -> LatentRgb {
        match self.preview_decoder {
            Some(_) => LatentRgb::PAINTED,
            None => self.description.latent_rgb.clone(),
        }
    }

    /// Replaces a guessed prediction type by what the UNet does: at the noisiest
    /// timestep the noise in a sample is the sample itself, so a UNet that
    /// predicts it repeats its input; the velocity has √ᾱ ≈ 0.07 of it there.
    fn find_prediction_type(&mut self) -> Result<(), CheckpointError> {
        let predicts = if self.repeats_noise()? > 0.5 {
            PredictionType::Epsilon
        } else {
            PredictionType::VPrediction
        };
        let description = &mut self.description;
        description.scheduler = prediction::scheduler_config(description.family, predicts);
        description.unet_config.sample_size = description.family.sample_size(predicts);
        description.prediction_source = PredictionSource::TriedOut;
        Ok(())
    }

    /// How much of pure noise the UNet's prediction holds (the slope of its
    /// least-squares fit), at the noisiest timestep of 1000 and without a prompt.
    fn repeats_noise(&self) -> Result<f32, CheckpointError> {
        let unet_config = &self.description.unet_config;
        let side = 16usize.next_multiple_of(unet_config.side_multiple());
        let shape = [1, unet_config.in_channels, side, side];
        let noise = Tensor::<4>::random(shape, Distribution::Normal(0.0, 1.0), &self.device);
        let context = self.condition_texts(&[""])?.context;
        let prediction = self
            .unet
            .predict(noise.clone(), 999.0, &context, None, &|| true);
        let prediction = prediction.expect("it is never told to stop").sample;
        let product = prediction.mul(noise.clone()).sum();
        let slope: Vec<f32> = product
            .div(noise.square().sum())
            .try_into_vec_as()
            .map_err(|error| CheckpointError::Device(error.to_string()))?;
        Ok(slope[0])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_model_that_predicts_noise_is_told_by_what_it_predicts() {
        let device = Device::flex();
        let toybox = StableDiffusion::load(&CheckpointSource::Embedded, &device).unwrap();
        let told = toybox.description.scheduler.prediction_type;
        assert_eq!(told, PredictionType::Epsilon);
        let slope = toybox.repeats_noise().unwrap();
        assert!((0.8..1.2).contains(&slope), "{slope}");
    }
}
