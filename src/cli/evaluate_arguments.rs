//! Arguments of `evaluate`, as typed.

use std::path::PathBuf;

use clap::Args;

use super::model::{DeviceArguments, ModelArguments, ThreadArguments};
use super::sampler_arguments::SamplerArguments;
use super::storm_arguments::StormArguments;
use super::values::{number, path, whole_number};
use crate::engine::SeedList;
use crate::evaluate::tasks::{Task, Wording};
use crate::evaluate::{EvaluatedMethod, Shard};

#[derive(Debug, Args)]
pub(super) struct EvaluateArguments {
    /// What to compare: standard, storm, and the objectives that `generate --help` lists
    #[arg(
        long,
        default_value = "standard,storm",
        value_delimiter = ',',
        value_name = "LIST"
    )]
    pub(super) methods: Vec<EvaluatedMethod>,
    /// Subjects and objects, as cat:house,boat:tree; or held-out, or tuning
    ///
    /// A pair A:B makes the prompts "an A left of / right of / above / below a B".
    /// A colour may stand before a noun, as in "red cat:blue house".
    #[arg(long, default_value = "held-out", value_name = "LIST")]
    pub(super) pairs: String,
    /// Prompts from a file instead of pairs: VISOR's JSON, GenEval's JSON lines, or one prompt a
    /// line as T2I-CompBench has them (- is standard input)
    ///
    /// What the rules for words can't place, and what the detector doesn't know, is listed.
    #[arg(
        long,
        value_name = "FILE",
        value_parser = path(),
        conflicts_with_all = ["pairs", "colours", "tasks"]
    )]
    pub(super) prompts: Option<PathBuf>,
    /// Judge more than one relation: relation, chain, count, size, region, mixed
    ///
    /// Each asks more of a picture than its words say: numbers, extents, regions. A picture counts
    /// if everything asked for is true of it.
    #[arg(long, value_delimiter = ',', value_name = "LIST")]
    pub(super) tasks: Vec<Task>,
    /// What the prompts of those tasks say: plain ("a cat", however many are wanted) or full ("two
    /// cats"); without it what the model has words for
    #[arg(long, value_name = "WORDS", requires = "tasks")]
    pub(super) wording: Option<Wording>,
    /// Give every object a colour that is not its own
    #[arg(long)]
    pub(super) colours: bool,
    #[arg(
        long,
        default_value = "7001-7004",
        value_name = "LIST",
        allow_hyphen_values = true,
        help = format!("Seeds: {}; VISOR-n counts over four", SeedList::SPELLING)
    )]
    pub(super) seeds: SeedList,
    /// Denoising steps; without them as many as a new picture has
    #[arg(long, value_parser = whole_number)]
    pub(super) steps: Option<usize>,
    /// How closely the picture follows the words; without it as a new picture
    #[arg(long, alias = "guidance_scale", value_parser = number)]
    pub(super) guidance_scale: Option<f64>,
    #[command(flatten)]
    pub(super) sampler: SamplerArguments,
    #[command(flatten)]
    pub(super) model: ModelArguments,
    #[command(flatten)]
    pub(super) device: DeviceArguments,
    #[command(flatten)]
    pub(super) threads: ThreadArguments,
    /// Where pictures and results go; a run that was interrupted goes on there
    #[arg(
        long,
        default_value = "output/evaluation",
        value_name = "DIR",
        value_parser = path()
    )]
    pub(super) output: PathBuf,
    /// Make one part of n, as 0/4 to 3/4 or 1/4 to 4/4; auto takes it from Slurm's array or
    /// Kubernetes' indexed job
    #[arg(long, value_name = "K/N|auto")]
    pub(super) shard: Option<Shard>,
    /// Make nothing; put the results of these folders together
    #[arg(
        long,
        value_name = "DIR",
        num_args = 1..,
        conflicts_with = "shard",
        value_parser = path()
    )]
    pub(super) merge: Vec<PathBuf>,
    /// Copy the pictures for another judge; the kind is owlvit, for VISOR's own script
    #[arg(long, num_args = 2, value_names = ["KIND", "DIR"], value_parser = path())]
    pub(super) layout: Vec<PathBuf>,
    /// Print one JSON object per method on standard output
    #[arg(long)]
    pub(super) json: bool,
    #[command(flatten)]
    pub(super) storm_parameters: StormArguments,
}
