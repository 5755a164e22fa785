//! A LoRA file: its modules, each with two halves, and what it was made for.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::time::SystemTime;

use safetensors::Dtype;

use super::super::conversion::{self, WeightType, is_weight};
use super::super::model_hash::sha256;
use super::super::recognition;
use super::super::weight_file::{StoredTensor, WeightFile};
use super::error::LoraError;
use super::module::{Module, Named};
use super::module_names::{Part, Piece, SECOND_TEXT_ENCODER, module_and_part};

/// Parts of keys of other forms of LyCORIS.
const OTHER_FORMS: &[(&str, &str)] = &[
    (".oft_", "OFT"),
    (".boft_", "BOFT"),
    (".glora_", "GLoRA"),
    (".a1.weight", "GLoRA"),
    (".on_input", "IA3"),
    (".w_norm", "of norms"),
    (".diff", WHOLE),
    (".diff_b", WHOLE),
];
const WHOLE: &str = "of whole differences";
const VIDEO: &str = "a transformer such as a video model's";
/// Parts of keys of LoRAs for models that are not built of a UNet.
const OTHER_MODELS: &[(&str, &str)] = &[
    ("double_blocks", "Flux"),
    ("single_transformer_blocks", "Flux"),
    ("joint_blocks", "Stable Diffusion 3"),
    (
        "lora_transformer_",
        "a transformer such as Stable Diffusion 3's or Flux's",
    ),
    (
        "transformer.transformer_blocks",
        "a transformer such as Stable Diffusion 3's or Flux's",
    ),
    ("diffusion_model.blocks", VIDEO),
    ("diffusion_model.layers", VIDEO),
    ("diffusion_model.transformer_blocks", VIDEO),
    ("lora_prior_", "Kandinsky or Stable Cascade"),
];

/// An open LoRA file, its halves paired and its shapes known.
#[derive(Debug)]
pub struct LoraFile {
    /// The file's name without its ending.
    pub name: String,
    path: PathBuf,
    /// Of the file when it was opened.
    stamp: (Option<SystemTime>, u64),
    file: WeightFile,
    pub(super) modules: BTreeMap<String, Module>,
    hash: OnceLock<String>,
}

impl LoraFile {
    /// Opens the file at `path` and pairs its halves; no number is read.
    ///
    /// # Errors
    /// If it cannot be read, is something else, of an unknown form, or incomplete.
    pub fn open(path: &Path) -> Result<Self, LoraError> {
        let shown = path.file_name().unwrap_or(path.as_os_str());
        let stem = path.file_stem().unwrap_or(shown);
        let file = WeightFile::open(path, &shown.to_string_lossy())?;
        let modules = modules(&file)?;
        Ok(Self {
            name: stem.to_string_lossy().into_owned(),
            stamp: stamp_of(path),
            path: path.to_path_buf(),
            file,
            modules,
            hash: OnceLock::new(),
        })
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Whether the file at its path is still the one that was opened.
    pub fn is_current(&self) -> bool {
        self.stamp == stamp_of(&self.path)
    }

    /// SHA-256 of its tensors, without the header, in hexadecimal: the first 12
    /// digits are what A1111 writes into pictures. Read once.
    pub fn hash(&self) -> &str {
        self.hash.get_or_init(|| sha256([self.file.payload()]))
    }

    /// SHA-256 of the whole file in hexadecimal, which other programs go by; read anew each
    /// time.
    pub fn file_hash(&self) -> String {
        sha256([self.file.all_bytes()])
    }

    /// Which models it can be added to, as far as its tensors tell: by how many numbers
    /// per token its cross-attention reads.
    pub fn made_for(&self) -> Option<String> {
        if self
            .modules
            .keys()
            .any(|it| it.starts_with(SECOND_TEXT_ENCODER))
        {
            return Some("Stable Diffusion XL".to_string());
        }
        Some(match self.context_width()? {
            768 => "Stable Diffusion 1.x".to_string(),
            1024 => "Stable Diffusion 2.x".to_string(),
            2048 => "Stable Diffusion XL".to_string(),
            width => format!("a model whose prompts have {width} numbers a token"),
        })
    }

    /// Numbers per token of the prompt that its cross-attention reads, if it changes
    /// keys or values.
    pub fn context_width(&self) -> Option<usize> {
        let keys = ["attn2_to_k", "attn2_to_v"];
        let mut modules = self.modules.iter();
        let (_, module) = modules.find(|(name, _)| keys.iter().any(|key| name.ends_with(key)))?;
        module.inputs()
    }

    /// Texts that its trainer wrote into it.
    pub fn metadata(&self, key: &str) -> Option<&str> {
        self.file.metadata.get(key).map(String::as_str)
    }

    /// The file's name, for messages.
    pub(super) fn shown_name(&self) -> String {
        self.file.name.clone()
    }

    /// The numbers of one of its tensors.
    pub(super) fn numbers(&self, named: &Named) -> Result<Vec<f32>, LoraError> {
        let Named { name, tensor } = named;
        let bytes = self.file.bytes(tensor);
        let data = conversion::convert(bytes, tensor.dtype, &tensor.shape, false, WeightType::F32);
        let numbers = data.and_then(|data| data.try_into_vec::<f32>().ok());
        numbers.ok_or_else(|| LoraError::NotFinite {
            file: self.shown_name(),
            tensor: name.clone(),
        })
    }
}

fn stamp_of(path: &Path) -> (Option<SystemTime>, u64) {
    let found = std::fs::metadata(path);
    let modified = found.as_ref().ok().and_then(|it| it.modified().ok());
    (modified, found.map_or(0, |it| it.len()))
}

fn modules(file: &WeightFile) -> Result<BTreeMap<String, Module>, LoraError> {
    // Of each module its name in the file, and its parts.
    let mut gathered: BTreeMap<String, (String, BTreeMap<Part, Named>)> = BTreeMap::new();
    let mut strange = None;
    for (key, tensor) in &file.tensors {
        let Some((module, part)) = module_and_part(key) else {
            strange.get_or_insert(key);
            continue;
        };
        let is_whole_alpha = part == Part::Alpha && tensor.dtype == Dtype::I64;
        if !(is_weight(tensor.dtype) || is_whole_alpha) {
            return Err(wrong_type(file, key, tensor));
        }
        let (spelled, parts) = gathered.entry(module).or_default();
        if spelled.is_empty() || part == Part::Plain(Piece::Down) {
            *spelled = without_part(key).to_string();
        }
        if part != Part::Ignored && !is_whole_alpha {
            let named = Named {
                name: key.clone(),
                tensor: tensor.clone(),
            };
            parts.insert(part, named);
        }
    }
    let is_half = |part: &Part| !matches!(part, Part::Alpha | Part::Magnitude);
    let has_halves = gathered
        .values()
        .any(|(_, parts)| parts.keys().any(is_half));
    if let Some(other) = other_kind(file, has_halves, strange) {
        return Err(other);
    }
    let modules = gathered.into_iter();
    modules
        .map(|(name, (spelled, parts))| Ok((name, Module::new(spelled, parts, file)?)))
        .collect()
}

/// A key without what it says of its part.
fn without_part(key: &str) -> &str {
    let marks = [
        ".lora",
        ".hada_",
        ".lokr_",
        ".alpha",
        ".dora_scale",
        ".rank",
    ];
    let ends = marks.iter().filter_map(|mark| key.find(mark));
    ends.min().map_or(key, |end| &key[..end])
}

fn wrong_type(file: &WeightFile, key: &str, tensor: &StoredTensor) -> LoraError {
    let found = tensor.dtype.to_string();
    let (file, tensor) = (file.name.clone(), key.to_string());
    super::super::CheckpointError::WrongType {
        file,
        tensor,
        found,
    }
    .into()
}

/// What the file is instead of a LoRA for a UNet; `strange` is a key of no known spelling.
fn other_kind(
    weights: &WeightFile,
    has_halves: bool,
    strange: Option<&String>,
) -> Option<LoraError> {
    let file = weights.name.clone();
    let has = |part: &str| weights.tensors.keys().any(|key| key.contains(part));
    let has_form = |(part, form): &&(&str, &str)| match *form {
        WHOLE => weights.tensors.keys().any(|key| key.ends_with(part)),
        _ => has(part),
    };
    if let Some((_, form)) = OTHER_FORMS.iter().find(has_form) {
        return Some(LoraError::Form { file, form });
    }
    if !has_halves {
        let what = match recognition::recognise(&weights.tensors) {
            Err(super::super::CheckpointError::OtherModel { what }) => what,
            _ => "a whole model".to_string(),
        };
        return Some(LoraError::Other { file, what });
    }
    if let Some((_, made_for)) = OTHER_MODELS.iter().find(|(part, _)| has(part)) {
        return Some(LoraError::OtherFamily {
            file,
            made_for: made_for.to_string(),
            model: "a UNet's".to_string(),
        });
    }
    strange.map(|key| LoraError::UnknownModule {
        file,
        module: key.clone(),
        count: 1,
    })
}
