//! Arguments as typed.
//!
//! The spellings of the original program (`--token_indices`, `--seeds [0,1]`,
//! `--run_standard_sd True`) work beside our own.

use std::path::PathBuf;
use std::str::FromStr;

use clap::{Args, Parser, Subcommand};

use super::bench::BenchArguments;
use super::evaluate_arguments::EvaluateArguments;
use super::model::{DeviceArguments, ModelArguments, ModelParts, ThreadArguments};
use super::network_arguments::{NetworkArguments, NetworkFolders};
use super::parameter_flags::ParameterFlags;
use super::sampler_arguments::SamplerArguments;
use super::storm_arguments::StormArguments;
use super::target_arguments::TargetArguments;
use super::values::{number, output, path, prompt_weights_help};
use crate::choices;
use crate::diffusion::{NoiseKind, PredictionType};
use crate::engine::{Axis, SeedList, Settings};
use crate::evaluate::Shard;
use crate::export::{OutputFolder, PictureFormat};
use crate::prompt::PromptWeights;

/// Put the cat on the left: Stable Diffusion with Spatial Transport Optimization.
#[derive(Debug, Parser)]
#[command(name = "storm-studio", version, about)]
pub(super) struct Arguments {
    /// Say more on standard error; twice for everything
    #[arg(short, long, global = true, action = clap::ArgAction::Count)]
    pub(super) verbose: u8,
    /// Write a log for bug reports to this file
    #[arg(long, global = true, value_name = "FILE", value_parser = path())]
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
    /// Say what a model is, or what a picture holds
    Inspect(InspectArguments),
    /// Say what is read in a prompt: tokens, objects, relations
    Prompt(super::prompt::PromptArguments),
    /// Check that each graphics adapter computes what the CPU computes
    Doctor,
    /// Time pictures and their parts on this machine
    Bench(BenchArguments),
    /// Compare two trajectories tensor by tensor
    Compare(CompareArguments),
}

#[derive(Debug, Default, Args)]
pub(super) struct StudioArguments {
    #[command(flatten)]
    pub(super) model: ModelArguments,
    #[command(flatten)]
    pub(super) device: DeviceArguments,
    #[command(flatten)]
    pub(super) threads: ThreadArguments,
    #[command(flatten)]
    pub(super) networks: NetworkFolders,
    /// Where Ctrl+S saves pictures
    #[arg(long, default_value = OutputFolder::DEFAULT, value_name = "DIR", value_parser = output())]
    pub(super) output: OutputFolder,
    /// Forget what an earlier session left behind
    #[arg(long)]
    pub(super) fresh: bool,
}

#[derive(Debug, Args)]
pub(super) struct GenerateArguments {
    /// What the picture should show
    #[arg(long, required_unless_present_any = ["like", "prompts"])]
    pub(super) prompt: Option<String>,
    /// Make pictures of every line of this file (- is standard input), each line a prompt; what
    /// names no relation is told, and only its standard picture made
    #[arg(
        long,
        value_name = "FILE",
        value_parser = path(),
        conflicts_with_all = ["prompt", "like", "relation", "token_indices", "sweep"]
    )]
    pub(super) prompts: Option<PathBuf>,
    /// What it should not show
    #[arg(long, alias = "negative_prompt")]
    pub(super) negative_prompt: Option<String>,
    #[arg(
        long,
        value_name = "LIST",
        allow_hyphen_values = true,
        help = format!("Seeds: {} [default: 0]", SeedList::SPELLING)
    )]
    pub(super) seeds: Option<SeedList>,
    /// Take everything from this picture, of this or another program; what else is given
    /// counts more
    #[arg(long, value_name = "PICTURE", value_parser = path())]
    pub(super) like: Option<PathBuf>,
    /// Objects and attributes by token, as [[2,9],[None,8]]
    #[arg(long, alias = "token_indices", value_name = "LISTS")]
    pub(super) token_indices: Option<String>,
    /// A relation, as "2 left-of 9" or "cat left-of dog"; may be given several times
    #[arg(long, value_name = "RELATION")]
    pub(super) relation: Vec<String>,
    #[command(flatten)]
    pub(super) targets: TargetArguments,
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
        default_value = OutputFolder::DEFAULT,
        value_name = "DIR",
        value_parser = output()
    )]
    pub(super) output: OutputFolder,
    #[command(flatten)]
    pub(super) parameters: ParameterFlags<Settings>,
    #[command(flatten)]
    pub(super) networks: NetworkArguments,
    #[command(flatten)]
    pub(super) sampler: SamplerArguments,
    /// Whose noise the seeds stand for: cpu as in diffusers and ComfyUI, nv as in A1111's pictures
    /// [default: cpu]
    #[arg(long, value_name = "KIND")]
    pub(super) rng: Option<NoiseKind>,
    #[arg(long, alias = "prompt_weights", value_name = "RULE", help = prompt_weights_help())]
    pub(super) prompt_weights: Option<PromptWeights>,
    /// Size in pixels, as 512 or 512x768 (width first); without it the model's own
    #[arg(long, value_name = "SIZE", allow_hyphen_values = true)]
    pub(super) size: Option<PictureSize>,
    /// For Stable Diffusion XL, the size before scaling that the picture is to look like; without it
    /// its own
    #[arg(long, value_name = "SIZE", allow_hyphen_values = true)]
    pub(super) original_size: Option<PictureSize>,
    /// For Stable Diffusion XL, how much is to look cut off, as 0,64: pixels at the left, at the top
    #[arg(long, value_name = "LEFT,TOP", allow_hyphen_values = true)]
    pub(super) crop: Option<Crop>,
    /// For Stable Diffusion XL, the size that the picture is to look made for; without it its own
    #[arg(long, value_name = "SIZE", allow_hyphen_values = true)]
    pub(super) target_size: Option<PictureSize>,
    /// epsilon or v-prediction, for a model that does not say what its UNet predicts
    #[arg(long, value_name = "TYPE")]
    pub(super) prediction_type: Option<PredictionType>,
    #[command(flatten)]
    pub(super) device: DeviceArguments,
    #[command(flatten)]
    pub(super) threads: ThreadArguments,
    /// Print events as JSON lines on standard output
    ///
    /// Seeds are whole numbers up to 2⁶⁴ − 1; readers that keep every number as a double (JavaScript)
    /// lose the last digits of those above 2⁵³, which only --seeds can name: drawn ones lie below 2³².
    #[arg(long)]
    pub(super) json: bool,
    /// Write embeddings, latents and losses of the first seed to this file
    #[arg(long, value_name = "FILE.safetensors", value_parser = path())]
    pub(super) trajectory: Option<PathBuf>,
    /// Write how the first seed's pictures came about to this animation, a GIF or an APNG
    #[arg(long, value_name = "FILE.gif", value_parser = path())]
    pub(super) animation: Option<PathBuf>,
    /// Draw each object's attention and place over the animation's steps
    #[arg(long, requires = "animation")]
    pub(super) overlays: bool,
    /// Write the heatmaps of the objects over the first seed's steps to this picture
    #[arg(long, value_name = "FILE.png", value_parser = path())]
    pub(super) strip: Option<PathBuf>,
    /// Make a labelled grid over the values of a setting, as "steps=10,20,30", over words of the
    /// prompt, as "prompt:dog=cat,horse", or over weights, as "lora:NAME=0.4,0.8"; given twice,
    /// over two
    #[arg(long, value_name = "NAME=VALUES", conflicts_with_all = ["shard", "resume"])]
    pub(super) sweep: Vec<Axis>,
    /// Make one part of n of the prompts and seeds, as 0/4 to 3/4 or 1/4 to 4/4; auto takes it
    /// from Slurm's array or Kubernetes' indexed job
    #[arg(long, value_name = "K/N|auto")]
    pub(super) shard: Option<Shard>,
    /// Leave out pictures that are there already, made in the same way; --shard implies it
    #[arg(long)]
    pub(super) resume: bool,
    #[arg(
        long,
        value_name = "KIND",
        default_value = "png",
        help = format!(
            "Kind of the pictures' files: {}; PNG and WebP keep every pixel",
            choices::all::<PictureFormat>()
        )
    )]
    pub(super) format: PictureFormat,
    /// How good JPEG files are, from 1 to 100
    #[arg(
        long,
        value_name = "NUMBER",
        default_value_t = PictureFormat::QUALITY,
        value_parser = clap::value_parser!(u8).range(1..=100)
    )]
    pub(super) quality: u8,
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
    /// A diffusers folder, a .safetensors file or a picture; without it the embedded model
    #[arg(value_name = "MODEL|PICTURE", value_parser = path())]
    pub(super) model: Option<PathBuf>,
    #[command(flatten)]
    pub(super) parts: ModelParts,
}

#[derive(Debug, Args)]
pub(super) struct CompareArguments {
    /// The first trajectory
    #[arg(value_parser = path())]
    pub(super) first: PathBuf,
    /// The second trajectory
    #[arg(value_parser = path())]
    pub(super) second: PathBuf,
    /// Difference, relative to a tensor's largest value, up to which they agree; else the exit
    /// code is 1
    #[arg(long, default_value_t = 1e-3, value_name = "RELATIVE", value_parser = tolerance)]
    pub(super) tolerance: f64,
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
            _ => Err(
                "a size is a whole number of pixels, as 512, or 512x768, width first".to_string(),
            ),
        }
    }
}

/// Pixels at the left and at the top, as `0,64`.
#[derive(Debug, Clone, Copy)]
pub(super) struct Crop(pub(super) [usize; 2]);

impl FromStr for Crop {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let sides = text.split_once([',', 'x', '×']);
        let sides = sides
            .and_then(|(left, top)| Some([left.trim().parse().ok()?, top.trim().parse().ok()?]));
        sides.map(Self).ok_or_else(|| {
            "a crop is two whole numbers of pixels, as 0,64: at the left, at the top".to_string()
        })
    }
}

/// A difference between 0 and whatever counts as none.
fn tolerance(text: &str) -> Result<f64, String> {
    let tolerance = number(text)?;
    match tolerance >= 0.0 {
        true => Ok(tolerance),
        false => Err("a tolerance is 0 or more, such as 0.001".to_string()),
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
    use std::path::Path;

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
        assert_eq!(arguments.seeds.unwrap().seeds(), [0, 1]);
        assert_eq!(arguments.token_indices.as_deref(), Some("[[2,9],[None,8]]"));
        assert!(arguments.standard && !arguments.sd_2_1);
        assert_eq!(arguments.output.path(), Path::new("elsewhere"));
    }

    #[test]
    fn sizes_are_width_first_and_one_number_is_a_square() {
        let size = |text: &str| text.parse::<PictureSize>().map(|size| size.0);
        assert_eq!(size("512x768"), Ok([512, 768]));
        assert_eq!(size("64"), Ok([64, 64]));
        assert!(size("big").is_err());
        let crop = |text: &str| text.parse::<Crop>().map(|crop| crop.0);
        assert_eq!(crop("0, 64"), Ok([0, 64]));
        assert!(crop("64").is_err() && crop("-1,0").is_err());
    }

    #[test]
    fn clap_accepts_its_own_definition() {
        use clap::CommandFactory;
        Arguments::command().debug_assert();
    }
}
