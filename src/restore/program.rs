//! The programs whose pictures are recognised, by the names that people know.

use strum::{Display, IntoStaticStr};

use crate::prompt::PromptWeights;

/// Who saved a picture.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Display, IntoStaticStr)]
pub enum Program {
    #[strum(to_string = "Storm Studio")]
    StormStudio,
    /// Or one that writes the same and does not say its name.
    #[strum(to_string = "AUTOMATIC1111")]
    Automatic1111,
    Forge,
    #[strum(to_string = "SD.Next")]
    SdNext,
    #[strum(to_string = "stable-diffusion.cpp")]
    StableDiffusionCpp,
    #[strum(to_string = "ComfyUI")]
    ComfyUi,
    #[strum(to_string = "InvokeAI")]
    InvokeAi,
    #[strum(to_string = "SwarmUI")]
    SwarmUi,
    Fooocus,
    #[strum(to_string = "Easy Diffusion")]
    EasyDiffusion,
    DiffusionBee,
    #[strum(to_string = "NovelAI")]
    NovelAi,
    #[strum(to_string = "Draw Things")]
    DrawThings,
    /// Settings, but nobody's that is known here.
    Unknown,
}

impl Program {
    /// How it reads brackets in prompts, as far as one of the rules here is its own:
    /// others have a syntax in which these brackets are plain signs.
    pub(super) fn prompt_weights(self) -> PromptWeights {
        match self {
            Self::ComfyUi | Self::SwarmUi => PromptWeights::Comfyui,
            Self::InvokeAi | Self::NovelAi | Self::DiffusionBee => PromptWeights::Literal,
            _ => PromptWeights::A1111,
        }
    }

    /// What a picture holds whose settings can't be read.
    pub(super) fn settings(self) -> String {
        match self {
            Self::ComfyUi => "only the drawing of a ComfyUI graph, not the one that ran".to_owned(),
            Self::Unknown => "settings of a program that is not known here".to_owned(),
            named => format!("{named}'s settings, which can't be read"),
        }
    }

    /// What else a person can do.
    pub(super) fn other_way(self) -> &'static str {
        match self {
            Self::ComfyUi => ", or save the picture there with A1111's parameters",
            _ => "",
        }
    }
}
