//! Under which names a weight file may hold a network's parameters.
//!
//! diffusers' and transformers' own names, with the spellings of their older
//! versions; files of the original code are the matter of [`super::ldm_names`].

use strum::IntoStaticStr;

use super::ldm_names::LdmNames;

/// A network of a checkpoint, by the name shown to people.
#[derive(Debug, Clone, Copy, PartialEq, Eq, IntoStaticStr)]
pub(super) enum Component {
    #[strum(serialize = "text encoder")]
    TextEncoder,
    /// Of Stable Diffusion XL.
    #[strum(serialize = "second text encoder")]
    SecondTextEncoder,
    UNet,
    #[strum(serialize = "autoencoder")]
    Vae,
    /// The decoder of an `AutoencoderTiny`.
    #[strum(serialize = "preview decoder")]
    PreviewDecoder,
    /// The detector of the embedded model's objects.
    #[strum(serialize = "detector")]
    Detector,
}

impl Component {
    /// Whether it computes in f32 beside a UNet that computes in f16: activations
    /// of decoders leave the range of f16, unless their checkpoint says otherwise.
    pub(super) fn is_always_f32(self) -> bool {
        !matches!(
            self,
            Self::TextEncoder | Self::SecondTextEncoder | Self::UNet
        )
    }
}

/// Where in a file a parameter may be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct StoredName {
    pub(super) name: String,
    pub(super) form: StoredForm,
}

/// How a parameter lies in its stored tensor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum StoredForm {
    Whole,
    /// OpenCLIP stacks queries, keys and values in one tensor: this third of its rows.
    Third(usize),
    /// Rows and columns the other way round, as OpenCLIP's projection.
    Transposed,
}

impl From<String> for StoredName {
    fn from(name: String) -> Self {
        Self {
            name,
            form: StoredForm::Whole,
        }
    }
}

/// The scheme by which a file names the parameters of one network.
#[derive(Debug, Clone)]
pub(super) enum Naming {
    Diffusers,
    /// The original latent diffusion code's.
    Ldm(LdmNames),
}

impl Naming {
    /// The names under which `parameter` of `component` may be stored, the
    /// preferred one first.
    pub(super) fn candidates(&self, component: Component, parameter: &str) -> Vec<StoredName> {
        match self {
            Self::Ldm(names) => names.candidates(component, parameter),
            Self::Diffusers => {
                let older = match component {
                    Component::UNet | Component::Detector => None,
                    // It is saved together with its encoder.
                    Component::PreviewDecoder => Some(format!("decoder.{parameter}")),
                    // transformers before version 5.
                    Component::TextEncoder | Component::SecondTextEncoder => {
                        Some(format!("text_model.{parameter}"))
                    }
                    Component::Vae => older_vae_name(parameter),
                };
                let names = std::iter::once(parameter.to_string()).chain(older);
                names.map(StoredName::from).collect()
            }
        }
    }

    /// Whether the stored tensor `name` must be one of `component`'s parameters;
    /// the others are of other networks or hold nothing learned.
    pub(super) fn claims(&self, component: Component, name: &str) -> bool {
        match self {
            // A buffer that transformers before version 4.31 saved, and a counter
            // of PyTorch's batch norm.
            Self::Diffusers => {
                let buffers = ["embeddings.position_ids", ".num_batches_tracked"];
                let is_other = match component {
                    Component::PreviewDecoder => name.starts_with("encoder."),
                    // Of a CLIPTextModelWithProjection: it compares texts with pictures.
                    Component::TextEncoder => name == "text_projection.weight",
                    _ => false,
                };
                !is_other && !buffers.iter().any(|buffer| name.ends_with(buffer))
            }
            Self::Ldm(names) => names.claims(component, name),
        }
    }
}

/// The parts of the autoencoder's attention before diffusers 0.13.
fn older_vae_name(parameter: &str) -> Option<String> {
    let (block, part) = parameter.split_once(".attentions.0.")?;
    let (part, leaf) = part.rsplit_once('.')?;
    let older = match part {
        "to_q" => "query",
        "to_k" => "key",
        "to_v" => "value",
        "to_out.0" => "proj_attn",
        _ => return None,
    };
    Some(format!("{block}.attentions.0.{older}.{leaf}"))
}
