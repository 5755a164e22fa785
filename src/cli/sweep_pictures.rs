//! The pictures of `--sweep`, until their labelled grids are made.

use std::collections::BTreeMap;
use std::sync::Arc;

use image::RgbImage;

use super::generate_plan::{Job, sweep_seed};
use super::save::{SaveResult, Saver};
use crate::diffusion::Method;
use crate::engine::{Picture, Sweep};

/// The pictures of a sweep, for its labelled grids.
pub(super) struct SweepPictures {
    sweep: Sweep,
    cells: usize,
    /// Those of a grid each.
    seeds: Vec<u64>,
    /// By grid, method and cell.
    pictures: BTreeMap<(u64, Method, usize), Arc<RgbImage>>,
    pub(super) last: Option<(Saver, &'static [Method])>,
}

impl SweepPictures {
    pub(super) fn new(sweep: Sweep, jobs: &[Job]) -> Self {
        let seeds = jobs.first().map_or(&[][..], |job| &job.request.seeds);
        let seeds = match sweep.is_over("seed") {
            true => seeds.iter().take(1).copied().collect(),
            false => seeds.to_vec(),
        };
        Self {
            sweep,
            cells: jobs.len(),
            seeds,
            pictures: BTreeMap::new(),
            last: None,
        }
    }

    pub(super) fn add(&mut self, cell: usize, picture: &Picture) {
        let grid = sweep_seed(&self.sweep, &self.seeds, picture.seed);
        let place = (grid, picture.method, cell);
        self.pictures.insert(place, Arc::clone(&picture.image));
    }

    /// Saves one grid a seed, as far as its pictures came.
    pub(super) fn save(self) -> Vec<SaveResult> {
        let Some((saver, methods)) = &self.last else {
            return Vec::new();
        };
        let columns = self.sweep.columns().len();
        let places = |row: usize| {
            methods
                .iter()
                .flat_map(move |method| (0..columns).map(move |column| (row, *method, column)))
        };
        let grids = self.seeds.iter().filter_map(|&seed| {
            let rows = (0..self.cells / columns).flat_map(places);
            let images = rows.map(|(row, method, column)| {
                let place = (seed, method, row * columns + column);
                self.pictures.get(&place).cloned()
            });
            let images: Vec<_> = images.collect();
            let has_any = images.iter().any(Option::is_some);
            has_any.then(|| saver.sweep(&self.sweep, methods, seed, &images))
        });
        grids.collect()
    }
}
