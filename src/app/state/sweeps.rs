//! The sweeps of this session: which requests are the cells of which grid.

use crate::engine::{Axis, RequestId, Sweep, SweepError};

/// A sweep and its requests, row by row.
#[derive(Debug, Clone)]
pub struct MadeSweep {
    pub sweep: Sweep,
    /// Each with the name of its cell.
    pub cells: Vec<(RequestId, String)>,
}

/// All sweeps, the newest last.
#[derive(Debug, Default)]
pub struct Sweeps(Vec<MadeSweep>);

impl Sweeps {
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub fn add(&mut self, made: MadeSweep) {
        self.0.push(made);
    }

    /// The sweep that a request is a cell of.
    pub fn of(&self, request: RequestId) -> Option<&MadeSweep> {
        let mut sweeps = self.0.iter();
        sweeps.find(|made| made.cells.iter().any(|(id, _)| *id == request))
    }
}

impl MadeSweep {
    /// The name of a request's cell.
    pub fn cell(&self, request: RequestId) -> Option<&str> {
        let mut cells = self.cells.iter();
        cells
            .find(|(id, _)| *id == request)
            .map(|(_, name)| name.as_str())
    }
}

/// The sweep that the fields describe; `None` if they are empty.
///
/// # Errors
/// [`SweepError`] of the first that can't be read.
pub fn parse(texts: &[String]) -> Result<Option<Sweep>, SweepError> {
    let texts = texts.iter().map(|text| text.trim());
    let axes = texts
        .filter(|text| !text.is_empty())
        .map(str::parse::<Axis>);
    Sweep::new(axes.collect::<Result<_, _>>()?)
}
