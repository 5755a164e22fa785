//! Arguments as typed.
//!
//! The spellings of the original program (`--token_indices`, `--seeds [0,1]`,
//! `--run_standard_sd True`) work beside our own.

use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::str::FromStr;

use clap::{Args, Parser, Subcommand};

use super::evaluate_arguments::EvaluateArguments;
use super::model::{DeviceArguments, ModelArguments, ModelParts};
use super::parameter_flags::ParameterFlags;
use super::storm_arguments::StormArguments;
use crate::diffusion::{PredictionType, SchedulerKind};
use crate::engine::Settings;

/// Put the cat on the left: Stable Diffusion with Spatial Transport Optimization.
#[derive(Debug, Parser)]
#[command(name = "storm-studio", version, about)]
pub(super) struct Arguments {
    /// Say more on standard error; twice for everything
    #[arg(short, long, global = true, action = clap::ArgAction::Count)]
    pub(super) verbose: u8,
    /// Write a log for bug reports to this file
    #[arg(long, global = true, value_name = "FILE")]
    pub(super) log_file: Option<PathBuf>,
    /// Without a command the window opens
    #[command(subcommand)]
    pub(super) command: Option<Command>,
}

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Open the window
    Studio(StudioArguments),
    /// Make pictures without a window
    Generate(Box<GenerateArguments>),
    /// Measure how often pictures show what their prompts say about places
    Evaluate(Box<EvaluateArguments>),
    /// Say what a model is
    Inspect(InspectArguments),
    /// Say what is read in a prompt: tokens, objects, relations
    Prompt(super::prompt::PromptArguments),
    /// Check that each graphics adapter computes what the CPU computes
    Doctor,
    /// Compare two trajectories tensor by tensor
    Compare(CompareArguments),
}

#[derive(Debug, Args)]
pub(super) struct StudioArguments {
    #[command(flatten)]
    pub(super) model: ModelArguments,
    #[command(flatten)]
    pub(super) device: DeviceArguments,
    /// Most processor threads to compute with; without it one per core
    #[arg(long)]
    pub(super) threads: Option<usize>,
    /// Where Ctrl+S saves pictures
    #[arg(long, default_value = "output", value_name = "DIR")]
    pub(super) output: PathBuf,
    /// Forget what an earlier session left behind
    #[arg(long)]
    pub(super) fresh: bool,
}

impl Default for StudioArguments {
    fn default() -> Self {
        Self {
            model: ModelArguments::default(),
            device: DeviceArguments::default(),
            threads: None,
            output: PathBuf::from("output"),
            fresh: false,
        }
    }
}

#[derive(Debug, Args)]
pub(super) struct GenerateArguments {
    /// What the picture should show
    #[arg(long)]
    pub(super) prompt: String,
    /// What it should not show
    #[arg(long, alias = "negative_prompt", default_value = "")]
    pub(super) negative_prompt: String,
    /// Seeds, as 0,1,2 or [0,1,2] or 1-4
    #[arg(long, default_value = "0", value_name = "LIST")]
    pub(super) seeds: SeedList,
    /// Objects and attributes by token, as [[2,9],[None,8]]
    #[arg(long, alias = "token_indices", value_name = "LISTS")]
    pub(super) token_indices: Option<String>,
    /// A relation, as "2 left-of 9" or "cat left-of dog"; may be given several times
    #[arg(long, value_name = "RELATION")]
    pub(super) relation: Vec<String>,
    /// The standard method only
    #[arg(long, alias = "run_standard_sd", num_args = 0..=1, default_missing_value = "true",
          default_value = "false", value_name = "BOOL", hide_possible_values = true,
          value_parser = python_bool)]
    pub(super) standard: bool,
    /// STORM only, without its standard twin
    #[arg(long)]
    pub(super) storm: bool,
    #[command(flatten)]
    pub(super) model: ModelArguments,
    /// Where pictures go
    #[arg(
        long,
        alias = "output_path",
        default_value = "output",
        value_name = "DIR"
    )]
    pub(super) output: PathBuf,
    #[command(flatten)]
    pub(super) parameters: ParameterFlags<Settings>,
    /// pndm or ddim; without it the model's own
    #[arg(long)]
    pub(super) scheduler: Option<SchedulerKind>,
    /// Size in pixels, as 512 or 512x768 (width first); without it the model's own
    #[arg(long, value_name = "SIZE")]
    pub(super) size: Option<PictureSize>,
    /// epsilon or v-prediction, for a model that does not say what its UNet predicts
    #[arg(long, value_name = "TYPE")]
    pub(super) prediction_type: Option<PredictionType>,
    #[command(flatten)]
    pub(super) device: DeviceArguments,
    /// Most processor threads to compute with; without it one per core
    #[arg(long)]
    pub(super) threads: Option<usize>,
    /// Print events as JSON lines on standard output
    #[arg(long)]
    pub(super) json: bool,
    /// Write embeddings, latents and losses of the first seed to this file
    #[arg(long, value_name = "FILE.safetensors")]
    pub(super) trajectory: Option<PathBuf>,
    /// Write how the first seed's pictures came about to this animation
    #[arg(long, value_name = "FILE.gif")]
    pub(super) animation: Option<PathBuf>,
    /// Take the program's own proposal where it would ask
    #[arg(short, long)]
    pub(super) yes: bool,
    #[command(flatten)]
    pub(super) storm_parameters: StormArguments,
    /// Spelling of the original program; give the model's folder with --model
    #[arg(long = "sd_2_1", hide = true, action = clap::ArgAction::Set, value_parser = python_bool, default_value = "false")]
    pub(super) sd_2_1: bool,
}

#[derive(Debug, Args)]
pub(super) struct InspectArguments {
    /// A diffusers folder or a .safetensors file; without it the embedded model
    pub(super) model: Option<PathBuf>,
    #[command(flatten)]
    pub(super) parts: ModelParts,
}

#[derive(Debug, Args)]
pub(super) struct CompareArguments {
    /// The first trajectory
    pub(super) first: PathBuf,
    /// The second trajectory
    pub(super) second: PathBuf,
    /// Difference, relative to a tensor's largest value, up to which they agree; else the exit
    /// code is 1
    #[arg(long, default_value_t = 1e-3, value_name = "RELATIVE")]
    pub(super) tolerance: f64,
}

/// Seeds as `0,1,2`, `[0, 1, 2]` or `1-4`.
#[derive(Debug, Clone)]
pub(super) struct SeedList(pub(super) Vec<u64>);

impl FromStr for SeedList {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let inner = text.trim();
        let inner = inner.strip_prefix('[').unwrap_or(inner);
        let inner = inner.strip_suffix(']').unwrap_or(inner);
        let mut seeds = Vec::new();
        for part in inner.split(',') {
            let range = seed_range(part).ok_or("seeds are whole numbers, as 0,1,2 or 1-4")?;
            seeds.extend(range);
        }
        Ok(Self(seeds))
    }
}

/// Most seeds of one range: more is a slip of the keyboard.
const LONGEST_RANGE: u64 = 10_000;

/// One seed, or several from `first-last`.
fn seed_range(text: &str) -> Option<RangeInclusive<u64>> {
    let (first, last) = text.split_once('-').unwrap_or((text, text));
    let (first, last) = (first.trim().parse().ok()?, last.trim().parse().ok()?);
    let length = u64::checked_sub(last, first)?;
    (length < LONGEST_RANGE).then_some(first..=last)
}

/// Width and height in pixels, as `512` or `512x768`.
#[derive(Debug, Clone, Copy)]
pub(super) struct PictureSize(pub(super) [usize; 2]);

impl FromStr for PictureSize {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (width, height) = text.split_once(['x', 'X', '×']).unwrap_or((text, text));
        match (width.trim().parse(), height.trim().parse()) {
            (Ok(width), Ok(height)) => Ok(Self([width, height])),
            _ => Err("a size is 512 or 512x768, width first".to_string()),
        }
    }
}

/// `true`, `True`, `1`, `false` …, as people type at a Python program.
fn python_bool(text: &str) -> Result<bool, String> {
    match text.to_ascii_lowercase().as_str() {
        "true" | "1" | "yes" => Ok(true),
        "false" | "0" | "no" => Ok(false),
        _ => Err("say True or False".to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn generate(line: &[&str]) -> GenerateArguments {
        let line = ["storm-studio", "generate"].iter().chain(line);
        let parsed = Arguments::try_parse_from(line).unwrap_or_else(|error| panic!("{error}"));
        match parsed.command {
            Some(Command::Generate(arguments)) => *arguments,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn the_spelling_of_the_original_program_works_word_for_word() {
        let arguments = generate(&[
            "--prompt",
            "a cat to the left of a blue dog",
            "--seeds",
            "[0,1]",
            "--token_indices",
            "[[2,9],[None,8]]",
            "--run_standard_sd",
            "True",
            "--sd_2_1",
            "False",
            "--output_path",
            "elsewhere",
        ]);
        assert_eq!(arguments.seeds.0, [0, 1]);
        assert_eq!(arguments.token_indices.as_deref(), Some("[[2,9],[None,8]]"));
        assert!(arguments.standard && !arguments.sd_2_1);
        assert_eq!(arguments.output, PathBuf::from("elsewhere"));
    }

    #[test]
    fn seeds_are_lists_and_ranges() {
        let seeds = |text: &str| text.parse::<SeedList>().map(|seeds| seeds.0).ok();
        assert_eq!(seeds("7001-7004"), Some(vec![7001, 7002, 7003, 7004]));
        assert_eq!(seeds("[3, 1-2]"), Some(vec![3, 1, 2]));
        for text in ["", "4-1", "-1", "1-", "0-99999999999", "a"] {
            assert_eq!(seeds(text), None, "{text}");
        }
    }

    #[test]
    fn sizes_are_width_first_and_one_number_is_a_square() {
        let size = |text: &str| text.parse::<PictureSize>().map(|size| size.0);
        assert_eq!(size("512x768"), Ok([512, 768]));
        assert_eq!(size("64"), Ok([64, 64]));
        assert!(size("big").is_err());
    }

    #[test]
    fn clap_accepts_its_own_definition() {
        use clap::CommandFactory;
        Arguments::command().debug_assert();
    }
}
