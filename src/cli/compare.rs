//! `compare`: two trajectories tensor by tensor, for use with other programs' outputs.

use super::Failure;
use super::arguments::CompareArguments;
use crate::export::{Difference, Trajectory, compare};

pub(super) fn run(arguments: &CompareArguments) -> Result<(), Failure> {
    let first = Trajectory::read(&arguments.first).map_err(Failure::file)?;
    let second = Trajectory::read(&arguments.second).map_err(Failure::file)?;
    let differences = compare(&first, &second);
    let width = differences
        .iter()
        .map(|tensor| tensor.name.len())
        .max()
        .unwrap_or(0);
    println!(
        "{:width$}  {:>11}  {:>11}  {:>11}",
        "tensor", "largest", "relative", "mean"
    );
    for tensor in &differences {
        let name = &tensor.name;
        match &tensor.difference {
            Difference::Values {
                max_abs,
                max_rel,
                mean_abs,
                ..
            } => println!("{name:width$}  {max_abs:11.3e}  {max_rel:11.3e}  {mean_abs:11.3e}"),
            Difference::Shapes { first, second } => {
                println!("{name:width$}  shapes {first:?} and {second:?}");
            }
            Difference::MissingInFirst => println!("{name:width$}  only in the second"),
            Difference::MissingInSecond => println!("{name:width$}  only in the first"),
        }
    }
    Ok(())
}
