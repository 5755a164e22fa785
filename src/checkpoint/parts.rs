//! The parts of a checkpoint (configs, tokenizer, weight files) from a folder or from one file.

use std::path::Path;
use std::sync::Arc;

use super::description::Layout;
use super::family::Family;
use super::folder::ModelFolder;
use super::ldm_names::{LdmNames, UNET_PREFIX, VAE_PREFIX, ema_name};
use super::naming::Naming;
use super::notice::CheckpointNotice;
use super::prediction::{self, PredictionSource};
use super::recognition::REFINER;
use super::source::SingleFile;
use super::weight_file::WeightFile;
use super::{CheckpointError, ldm_configs, recognition};
use crate::diffusion::{SchedulerConfig, SchedulerError};
use crate::models::LatentRgb;
use crate::models::config::{AutoencoderConfig, AutoencoderTinyConfig, ClipTextConfig, UNetConfig};
use crate::prompt::{CLIP_MERGES, ClipTokenizer, ModelVocabulary, TokenizerFiles};

/// What a source gives before it is checked against itself.
pub(super) struct Parts {
    pub(super) layout: Layout,
    pub(super) configs: Configs,
    pub(super) text_encoder: Stored,
    /// Of Stable Diffusion XL.
    pub(super) second_text_encoder: Option<Stored>,
    pub(super) unet: Stored,
    pub(super) vae: Stored,
    /// In folders that have one.
    pub(super) preview_decoder: Option<(AutoencoderTinyConfig, Stored)>,
    pub(super) notices: Vec<CheckpointNotice>,
}

/// Where one network's weights are.
pub(super) struct Stored {
    pub(super) naming: Naming,
    pub(super) files: Vec<Arc<WeightFile>>,
}

/// What shapes the networks and says how to use them.
pub(super) struct Configs {
    pub(super) text_encoder: ClipTextConfig,
    /// Of Stable Diffusion XL.
    pub(super) second_text_encoder: Option<SecondTextEncoder>,
    pub(super) unet: UNetConfig,
    pub(super) vae: AutoencoderConfig,
    pub(super) scheduler: SchedulerConfig,
    pub(super) prediction_source: PredictionSource,
    pub(super) tokenizer: ClipTokenizer,
    pub(super) latent_rgb: LatentRgb,
    /// What the model knows, where its folder says so.
    pub(super) vocabulary: Option<Arc<ModelVocabulary>>,
    /// What is wrong with its files and hinders no picture.
    pub(super) notices: Vec<CheckpointNotice>,
}

/// The second text encoder of Stable Diffusion XL.
#[derive(Debug, Clone)]
pub struct SecondTextEncoder {
    pub config: ClipTextConfig,
    /// The token that its prompts are filled up with; otherwise it reads the tokens
    /// that the first one reads.
    pub padding: u32,
}

/// The id of `!`: OpenCLIP fills prompts up with zeros.
const OPEN_CLIP_PADDING: u32 = 0;

impl Parts {
    /// Of a diffusers folder.
    pub(super) fn of_folder(folder: &ModelFolder, layout: Layout) -> Result<Self, CheckpointError> {
        let mut configs = configs_of(folder)?;
        let mut notices = std::mem::take(&mut configs.notices);
        let mut stored = |component, stem| {
            let (files, notice) = folder.weights(component, stem)?;
            notices.extend(notice);
            Ok::<_, CheckpointError>(Stored {
                naming: Naming::Diffusers,
                files: files.into_iter().map(Arc::new).collect(),
            })
        };
        Ok(Self {
            layout,
            text_encoder: stored("text_encoder", "model")?,
            second_text_encoder: match configs.second_text_encoder {
                Some(_) => Some(stored("text_encoder_2", "model")?),
                None => None,
            },
            configs,
            unet: stored("unet", "diffusion_pytorch_model")?,
            vae: stored("vae", "diffusion_pytorch_model")?,
            preview_decoder: match folder.read_optional("preview_decoder/config.json")? {
                Some(config) => Some((
                    AutoencoderTinyConfig::from_json(&config)?,
                    stored("preview_decoder", "diffusion_pytorch_model")?,
                )),
                None => None,
            },
            notices,
        })
    }

    /// Of a model in one file.
    pub(super) fn of_file(source: &SingleFile) -> Result<Self, CheckpointError> {
        let name = source.path.file_name().unwrap_or(source.path.as_os_str());
        let file = Arc::new(WeightFile::open(&source.path, &name.to_string_lossy())?);
        let family = recognition::recognise(&file.tensors)?;
        if source.vae.is_none() && !ldm_configs::has_autoencoder(&file) {
            let file = file.name.clone();
            return Err(CheckpointError::NoAutoencoder { file });
        }
        let mut configs = match &source.configs {
            Some(folder) => configs_of(&ModelFolder::Path(folder.clone()))?,
            None => configs_of_file(&file, family, source.vae.is_some())?,
        };
        let mut names = LdmNames::new(
            &configs.unet,
            configs.vae.block_out_channels.len(),
            family,
            configs.text_encoder.num_hidden_layers,
        );
        names.ema = has_whole_average(&file);
        let ldm = |names: &LdmNames| Stored {
            naming: Naming::Ldm(names.clone()),
            files: vec![Arc::clone(&file)],
        };
        let mut notices = std::mem::take(&mut configs.notices);
        let vae = match &source.vae {
            Some(path) => {
                let given = source.configs.is_some().then_some(&configs.vae);
                let (vae, config, notice) = vae_of(path, &names, given)?;
                configs.vae = config;
                notices.extend(notice);
                vae
            }
            None => ldm(&names),
        };
        Ok(Self {
            layout: Layout::File {
                averaged: names.ema,
            },
            text_encoder: ldm(&names),
            second_text_encoder: configs.second_text_encoder.is_some().then(|| ldm(&names)),
            unet: ldm(&names),
            vae,
            preview_decoder: None,
            notices,
            configs,
        })
    }
}

/// Whether the file holds the moving average of every weight of its UNet.
fn has_whole_average(file: &WeightFile) -> bool {
    let prefix = UNET_PREFIX;
    let mut unet = file.tensors.keys().filter(|name| name.starts_with(prefix));
    unet.all(|name| file.tensors.contains_key(&ema_name(name)))
}

/// The autoencoder at `path`, a file in either naming or a diffusers folder, and
/// its config, for a file the `given` one or what its tensors tell.
fn vae_of(
    path: &Path,
    names: &LdmNames,
    given: Option<&AutoencoderConfig>,
) -> Result<(Stored, AutoencoderConfig, Option<CheckpointNotice>), CheckpointError> {
    if path.is_dir() {
        // A whole model's folder stands for its autoencoder's.
        let within = path.join("vae");
        let is_whole = within.join("config.json").is_file();
        let path = if is_whole { within } else { path.to_path_buf() };
        let folder = ModelFolder::Path(path);
        let config = AutoencoderConfig::from_json(&folder.read("config.json")?)?;
        let (files, notice) = folder.weights(".", "diffusion_pytorch_model")?;
        let files = files.into_iter().map(Arc::new).collect();
        let naming = Naming::Diffusers;
        return Ok((Stored { naming, files }, config, notice));
    }
    let name = path.file_name().unwrap_or(path.as_os_str());
    let file = Arc::new(WeightFile::open(path, &name.to_string_lossy())?);
    let (naming, config) = if recognition::has_prefix(&file.tensors, "decoder.up_blocks.") {
        let config = match given {
            Some(config) => config.clone(),
            None => ldm_configs::autoencoder_with_new_names(&file, names.family)?,
        };
        (Naming::Diffusers, config)
    } else {
        let mut names = names.clone();
        if !recognition::has_prefix(&file.tensors, VAE_PREFIX) {
            names.vae_prefix = "";
        }
        let config = match given {
            Some(config) => config.clone(),
            None => ldm_configs::autoencoder(&file, names.vae_prefix, names.family)?,
        };
        names.vae_levels = config.block_out_channels.len();
        (Naming::Ldm(names), config)
    };
    let files = vec![file];
    Ok((Stored { naming, files }, config, None))
}

/// The configs of a diffusers folder.
fn configs_of(folder: &ModelFolder) -> Result<Configs, CheckpointError> {
    let unet = UNetConfig::from_json(&folder.read("unet/config.json")?)?;
    let second_text_encoder = match unet.text_time() {
        Some(_) => Some(second_text_encoder_of(folder, &unet)?),
        None => None,
    };
    let text_encoder = ClipTextConfig::from_json(&folder.read("text_encoder/config.json")?)?;
    let (vocabulary, notices) = match vocabulary_of(folder) {
        Ok(vocabulary) => (vocabulary, Vec::new()),
        Err(notice) => (None, vec![notice]),
    };
    Ok(Configs {
        second_text_encoder,
        vae: AutoencoderConfig::from_json(&folder.read("vae/config.json")?)?,
        scheduler: scheduler_of(folder)?,
        prediction_source: PredictionSource::Told,
        tokenizer: tokenizer_of(folder, "tokenizer", text_encoder.max_position_embeddings)?,
        text_encoder,
        latent_rgb: latent_rgb_of(folder, Family::of(&unet))?,
        vocabulary: vocabulary.map(Arc::new),
        notices,
        unet,
    })
}

/// The second text encoder of a folder of Stable Diffusion XL.
fn second_text_encoder_of(
    folder: &ModelFolder,
    unet: &UNetConfig,
) -> Result<SecondTextEncoder, CheckpointError> {
    let config = ClipTextConfig {
        is_projected: true,
        ..ClipTextConfig::from_json(&folder.read("text_encoder_2/config.json")?)?
    };
    if unet.is_refiner(config.projection_dim) {
        let what = REFINER.to_string();
        return Err(CheckpointError::OtherModel { what });
    }
    let tokenizer = tokenizer_of(folder, "tokenizer_2", config.max_position_embeddings)?;
    Ok(SecondTextEncoder {
        padding: tokenizer.padding(),
        config,
    })
}

/// The configs that the tensors of a model in one file tell, and those that all
/// models of its family share.
fn configs_of_file(
    file: &WeightFile,
    family: Family,
    vae_is_elsewhere: bool,
) -> Result<Configs, CheckpointError> {
    let (predicts, prediction_source) = prediction::of_file(file, family);
    let text_encoder = ldm_configs::text_encoder(file, family)?;
    let mut unet = ldm_configs::unet(file, family)?;
    unet.sample_size = family.sample_size(predicts);
    let second_text_encoder = match family {
        Family::V1 | Family::V2 => None,
        Family::Xl => Some(SecondTextEncoder {
            config: ldm_configs::second_text_encoder(file)?,
            padding: OPEN_CLIP_PADDING,
        }),
    };
    let tokenizer = ClipTokenizer::from_files(TokenizerFiles {
        merges: Some(CLIP_MERGES),
        tokenizer_config: Some(family.tokenizer_config()),
        positions: Some(text_encoder.max_position_embeddings),
        ..TokenizerFiles::default()
    })?;
    Ok(Configs {
        text_encoder,
        second_text_encoder,
        unet,
        vae: if vae_is_elsewhere {
            AutoencoderConfig::default()
        } else {
            ldm_configs::autoencoder(file, VAE_PREFIX, family)?
        },
        scheduler: prediction::scheduler_of_file(file, family, predicts),
        prediction_source,
        tokenizer,
        latent_rgb: family.latent_rgb(),
        vocabulary: None,
        notices: Vec::new(),
    })
}

fn scheduler_of(folder: &ModelFolder) -> Result<SchedulerConfig, CheckpointError> {
    let file = "scheduler/scheduler_config.json";
    SchedulerConfig::from_json(&folder.read(file)?).map_err(|error| match error {
        SchedulerError::Json(source) => CheckpointError::Json {
            file: file.to_string(),
            source,
        },
        other => CheckpointError::Scheduler(other),
    })
}

/// The tokenizer in the folder `part`.
fn tokenizer_of(
    folder: &ModelFolder,
    part: &str,
    positions: usize,
) -> Result<ClipTokenizer, CheckpointError> {
    let optional = |name: &str| folder.read_optional(&format!("{part}/{name}"));
    let [
        tokenizer_json,
        merges,
        vocab,
        tokenizer_config,
        special_tokens_map,
    ] = [
        optional("tokenizer.json")?,
        optional("merges.txt")?,
        optional("vocab.json")?,
        optional("tokenizer_config.json")?,
        optional("special_tokens_map.json")?,
    ];
    Ok(ClipTokenizer::from_files(TokenizerFiles {
        tokenizer_json: tokenizer_json.as_deref(),
        merges: merges.as_deref(),
        vocab: vocab.as_deref(),
        tokenizer_config: tokenizer_config.as_deref(),
        special_tokens_map: special_tokens_map.as_deref(),
        positions: Some(positions),
    })?)
}

/// What a model knows, if its folder says so; what is wrong with the file otherwise,
/// which no picture needs.
pub(super) fn vocabulary_of(
    folder: &ModelFolder,
) -> Result<Option<ModelVocabulary>, CheckpointNotice> {
    let file = "vocabulary.json";
    let read = || match folder.read_optional(file)? {
        Some(text) => {
            let read = ModelVocabulary::from_json(&text).map(Some);
            read.map_err(|source| CheckpointError::Json {
                file: file.to_string(),
                source,
            })
        }
        None => Ok(None),
    };
    read().map_err(|error: CheckpointError| CheckpointNotice::NoVocabulary {
        reason: error.to_string(),
    })
}

fn latent_rgb_of(folder: &ModelFolder, family: Family) -> Result<LatentRgb, CheckpointError> {
    let file = "latent_rgb.json";
    match folder.read_optional(file)? {
        Some(text) => parse(file, &text),
        None => Ok(family.latent_rgb()),
    }
}

fn parse<T: serde::de::DeserializeOwned>(file: &str, text: &[u8]) -> Result<T, CheckpointError> {
    serde_json::from_slice(text).map_err(|source| CheckpointError::Json {
        file: file.to_string(),
        source,
    })
}
