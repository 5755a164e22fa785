//! Everything the engine says.

use std::fmt;
use std::sync::Arc;

use image::RgbImage;
use serde::Serialize;

use super::error::EngineError;
use super::needs::ModelNeeds;
use super::networks::UsedNetwork;
use super::recorder::Trajectory;
use super::request::RequestId;
use crate::checkpoint::{CheckpointSource, Family, ModelHash};
use crate::diffusion::{Method, OwnWalk, SchedulerKind, SigmaSchedule};
use crate::models::LatentRgb;
pub use crate::models::object_scores::FoundObject;
use crate::prompt::{
    ClipTokenizer, ModelVocabulary, NetworkTag, SyntaxNote, TokenizedPrompt, VocabularyNote,
};
use crate::storm::Reading;

/// One thing that happened, in the order in which it happened. Tensors never
/// travel in events: each step's are in the store by the time its event arrives.
#[derive(Debug, Clone)]
pub enum Event {
    /// The graphics adapter is used for the first time and checked against the
    /// CPU; takes up to a minute.
    CheckingDevice,
    /// A model is being read.
    ModelLoading {
        name: String,
        source: CheckpointSource,
    },
    /// Its files are in order; what it will need, before anything is allocated.
    ModelOpened(ModelNeeds),
    /// So much of its weights is loaded, from 0 to 1.
    ModelProgress(f32),
    /// The model is ready for requests.
    ModelReady(Arc<ModelInfo>),
    /// The model did not load; the request queue goes on without one.
    ModelFailed {
        name: String,
        error: Arc<EngineError>,
    },
    /// A request's turn has come.
    Started { request: RequestId },
    /// The request is in order; its prompt as the model reads it.
    PromptRead {
        request: RequestId,
        prompt: Arc<TokenizedPrompt>,
    },
    /// Something the person should know about this request.
    Notice { request: RequestId, notice: Notice },
    /// Sampling of one seed begins.
    SeedStarted {
        request: RequestId,
        seed: u64,
        /// Scheduler calls to come.
        step_count: usize,
        /// Width and height of the picture in pixels.
        size: [usize; 2],
    },
    /// STORM's latents were updated.
    Updated(UpdateEvent),
    /// A scheduler step was made.
    Stepped(StepEvent),
    /// A picture is finished.
    Picture(Picture),
    /// The recording that the request asked for, after the seed's pictures.
    Trajectory(Arc<Trajectory>),
    /// The request is done.
    Finished { request: RequestId, seconds: f64 },
    /// The request was cancelled; pictures already made stay.
    Cancelled { request: RequestId },
    /// The request failed; pictures already made stay.
    Failed {
        request: RequestId,
        error: Arc<EngineError>,
    },
}

/// What listeners need to know of the loaded model.
#[derive(Debug, Clone)]
pub struct ModelInfo {
    pub name: String,
    pub source: CheckpointSource,
    pub family: Family,
    /// What it computes on, in words.
    pub device: String,
    /// Why on that, if there is something to say.
    pub device_note: Option<String>,
    pub tokenizer: Arc<ClipTokenizer>,
    /// By which its weights are told from others; found by the time a picture comes.
    pub hash: Arc<ModelHash>,
    /// What it knows, where its folder says so.
    pub vocabulary: Option<Arc<ModelVocabulary>>,
    /// Numbers of each vector of a textual inversion that it can read, 0 for none.
    pub text_width: usize,
    /// How the four planes of a step's preview become colours.
    pub preview_rgb: LatentRgb,
    /// Width and height that the model was trained on, in pixels.
    pub native_size: [usize; 2],
    /// Sides are multiples of this many pixels.
    pub size_multiple: usize,
    /// Whether pictures are conditioned on sizes.
    pub is_told_sizes: bool,
    pub pixels_per_cell: usize,
    /// How it is meant to be walked.
    pub own_walk: OwnWalk,
    /// What its weights and activations need.
    pub needs: ModelNeeds,
    /// What is worth saying of it, sentences without a capital and a full stop.
    pub notices: Vec<String>,
}

impl ModelInfo {
    /// Whether it is the one that is part of the program.
    pub fn is_embedded(&self) -> bool {
        self.source == CheckpointSource::Embedded
    }
}

/// Most words that a notice lists.
const MOST_WORDS: usize = 40;

/// Not an error, but worth a line on the screen.
#[derive(Debug, Clone, PartialEq)]
pub enum Notice {
    /// Words beyond the model's token limit have no effect.
    LostWords(Vec<String>),
    /// Something in a prompt's brackets is read otherwise than it may be meant.
    Syntax(SyntaxNote),
    /// The prompt asks for what the model was never taught.
    Vocabulary(VocabularyNote),
    /// A network that the prompt asks for.
    NoNetwork(NetworkTag),
    /// The size was rounded to what the model can do.
    SizeRounded { asked: [usize; 2], used: [usize; 2] },
    /// Sizes were given to a model that is not told them.
    SizesUntold,
    /// What the model asks for that is not available, and what is taken instead.
    Instead(String),
}

impl fmt::Display for Notice {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::LostWords(words) => write!(
                formatter,
                "the prompt is too long for the model; these words have no effect: {}",
                first_words(words)
            ),
            Self::Syntax(note) => note.fmt(formatter),
            Self::Vocabulary(note) => note.fmt(formatter),
            Self::NoNetwork(tag) => {
                write!(formatter, "the {} “{}” has no effect", tag.kind, tag.name)
            }
            Self::Instead(what) => formatter.write_str(what),
            Self::SizesUntold => formatter.write_str(
                "original size, crop and target size have no effect: only Stable Diffusion XL is told them",
            ),
            Self::SizeRounded { asked, used } => write!(
                formatter,
                "the model cannot make {} × {}; {} × {} is made instead",
                asked[0], asked[1], used[0], used[1]
            ),
        }
    }
}

/// The first of many words, with how many more there are.
fn first_words(words: &[String]) -> String {
    let first = &words[..words.len().min(MOST_WORDS)];
    let text = first.join(" ");
    match words.len() - first.len() {
        0 => text,
        more => format!("{text} and {more} more"),
    }
}

/// One update of STORM's latents.
#[derive(Debug, Clone, Serialize)]
pub struct UpdateEvent {
    pub request: RequestId,
    pub seed: u64,
    /// Index of the scheduler call, from 0.
    pub step: usize,
    pub loss: f64,
    /// Length of the loss's gradient by the latents.
    pub gradient_norm: f64,
    /// How far the latents moved.
    pub length: f64,
    /// Where the objects were before the update.
    pub reading: Reading,
}

/// One scheduler step of one lane.
#[derive(Debug, Clone, Serialize)]
pub struct StepEvent {
    pub request: RequestId,
    pub seed: u64,
    /// Both while they are still one and the same.
    pub methods: Vec<Method>,
    /// Index of the scheduler call, from 0.
    pub step: usize,
    /// Number of scheduler calls.
    pub step_count: usize,
    /// Between two of the training timesteps for some schedulers.
    pub timestep: f64,
    /// Where the objects are, if the request names any.
    pub reading: Option<Reading>,
    /// Since this seed began.
    pub seconds: f64,
}

/// A finished picture.
#[derive(Debug, Clone)]
pub struct Picture {
    pub request: RequestId,
    pub seed: u64,
    pub method: Method,
    pub image: Arc<RgbImage>,
    /// The scheduler that made it.
    pub scheduler: SchedulerKind,
    /// The noise levels that it visited.
    pub schedule: SigmaSchedule,
    /// STORM's updates on the way.
    pub updates: usize,
    /// STORM's passes with gradients: one per update, and those that found that
    /// none was needed.
    pub gradient_passes: usize,
    /// From the first step of the seed to the decoded picture.
    pub seconds: f64,
    /// The networks that were part of the model.
    pub networks: Arc<Vec<UsedNetwork>>,
    /// What the model's detector sees in it.
    pub sighted: Option<Arc<Sighted>>,
}

/// What a detector sees in a picture.
#[derive(Debug, Clone, PartialEq)]
pub struct Sighted {
    /// Everything that it can tell apart.
    pub names: Vec<String>,
    /// The objects that are there, the most certain first; one that is there
    /// twice comes twice.
    pub found: Vec<FoundObject>,
    /// Objects that may be there: the detector is not certain enough to find them.
    pub undecided: Vec<String>,
}
