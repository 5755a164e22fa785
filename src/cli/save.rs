//! What one request makes, saved with how it was made.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use image::{Rgb, RgbImage};

use super::generate_plan::Cell;
use crate::diffusion::Method;
use crate::engine::Sweep;
use crate::engine::{ModelInfo, Picture, Recipe, Request, Trajectory};
use crate::export::metadata::own_of;
use crate::export::{
    GridLayout, OutputFolder, PictureFormat, TextChunk, grid, labelled_grid, save_new,
};
use crate::film::write_trajectory;
use crate::restore::read_texts;

/// Pixels between the pictures of a grid.
const GRID_PADDING: u32 = 4;

/// Why something was not saved; the sentence of whichever part failed.
pub(super) type SaveResult = Result<PathBuf, Box<dyn std::error::Error>>;

/// Which kind of file pictures become.
#[derive(Debug, Clone, Copy)]
pub(super) struct Kind {
    pub(super) format: PictureFormat,
    pub(super) quality: u8,
}

/// Saves what one request makes.
pub(super) struct Saver {
    output: OutputFolder,
    kind: Kind,
    request: Request,
    model: Arc<ModelInfo>,
    /// If it is one of a sweep's.
    cell: Option<Cell>,
}

impl Saver {
    /// Pictures of `request` go into a folder of the prompt's name in `output`.
    pub(super) fn new(
        (output, kind): (&OutputFolder, Kind),
        request: &Request,
        model: &Arc<ModelInfo>,
        cell: Option<&Cell>,
    ) -> Self {
        Self {
            output: output.clone(),
            kind,
            request: request.clone(),
            model: Arc::clone(model),
            cell: cell.cloned(),
        }
    }

    fn place(&self, seed: u64, method: Method) -> PathBuf {
        let path = match &self.cell {
            Some(cell) => {
                let (prompt, name) = (&cell.prompt, &cell.name);
                self.output.sweep_picture(prompt, seed, method, name)
            }
            None => self.output.picture(&self.request.prompt, seed, method),
        };
        path.with_file_name(named(&path, self.kind.format))
    }

    /// Whether the picture is in its file already, made in the same way.
    pub(super) fn has(&self, seed: u64, method: Method) -> bool {
        let path = self.place(seed, method);
        let Some(Ok(mut there)) = path
            .is_file()
            .then(|| read_texts(&path).ok())
            .flatten()
            .and_then(|read| own_of::<Recipe>(&read.texts))
        else {
            return false;
        };
        // What the request leaves to the model is filled in there.
        let asked = &self.request.settings;
        let settings = &mut there.request.settings;
        settings.scheduler = asked.scheduler.and(settings.scheduler);
        settings.schedule = asked.schedule.and(settings.schedule);
        settings.size = asked.size.and(settings.size);
        let mut asked = self.request.clone();
        asked.seeds = vec![seed];
        asked.trajectory = None;
        asked.networks = Arc::clone(&there.request.networks);
        there.method == method && self.is_of_this_model(&there) && there.request == asked
    }

    /// By its name and its weights; the embedded model of pictures that do not tell them
    /// was another one.
    fn is_of_this_model(&self, there: &Recipe) -> bool {
        let has_its_weights = match &there.model_hash {
            Some(hash) => hash == self.model.hash.wait(),
            None => !self.model.is_embedded(),
        };
        there.model == self.model.name && has_its_weights
    }

    /// Saves a picture with its settings and returns where.
    pub(super) fn picture(&self, picture: &Picture) -> SaveResult {
        let recipe = Recipe::new(picture, &self.request, &self.model);
        let path = self.place(picture.seed, picture.method);
        self.write(&path, &picture.image, &recipe.text_chunks())
    }

    /// Saves a row of pictures per method and returns where.
    pub(super) fn grid(&self, rows: &[&[Arc<RgbImage>]]) -> SaveResult {
        // A run that ended early may have one picture fewer in the last row.
        let columns = rows.iter().map(|row| row.len()).max().unwrap_or(0);
        let images: Vec<RgbImage> = rows
            .iter()
            .flat_map(|row| {
                let blank = row.first().map(|image| blank(image));
                let missing = std::iter::repeat_n(blank, columns - row.len()).flatten();
                let images = row.iter().map(|image| RgbImage::clone(image));
                images.chain(missing).collect::<Vec<_>>()
            })
            .collect();
        let layout = GridLayout {
            columns,
            ..GridLayout::nearly_square(images.len())
        };
        let background = Rgb([255, 255, 255]);
        let picture = grid(&images, layout.with_padding(GRID_PADDING, background))?;
        let path = self.output.grid(&self.request.prompt);
        let path = path.with_file_name(named(&path, self.kind.format));
        self.write(&path, &picture, &[])
    }

    /// Saves the pictures of a sweep, row by row, under and beside their labels.
    pub(super) fn sweep(
        &self,
        sweep: &Sweep,
        methods: &[Method],
        seed: u64,
        pictures: &[Option<Arc<RgbImage>>],
    ) -> SaveResult {
        let rows = sweep.rows().into_iter().flat_map(|row| {
            methods
                .iter()
                .map(move |method| match (row.as_str(), methods) {
                    (row, [_]) => row.to_owned(),
                    ("", _) => method.label().to_owned(),
                    (row, _) => format!("{row} · {}", method.label()),
                })
        });
        let rows: Vec<String> = rows.collect();
        let images: Vec<Option<&RgbImage>> = pictures.iter().map(Option::as_deref).collect();
        let picture = labelled_grid(&images, &sweep.columns(), &rows)?;
        let prompt = match &self.cell {
            Some(cell) => &cell.prompt,
            None => &self.request.prompt,
        };
        let path = self.output.sweep(prompt, seed);
        let path = path.with_file_name(named(&path, self.kind.format));
        self.write(&path, &picture, &[])
    }

    fn write(&self, path: &Path, image: &RgbImage, texts: &[TextChunk]) -> SaveResult {
        let Kind { format, quality } = self.kind;
        Ok(save_new(path, |file| {
            format.write(file, image, texts, quality)
        })?)
    }

    /// Saves a trajectory and returns where.
    pub(super) fn trajectory(&self, trajectory: &Trajectory, path: &Path) -> SaveResult {
        Ok(write_trajectory(
            trajectory,
            &self.request,
            &self.model,
            path,
        )?)
    }
}

/// A file's name with the ending of `format`; a point in it is no ending.
fn named(path: &Path, format: PictureFormat) -> String {
    let stem = path.file_stem().unwrap_or_default().to_string_lossy();
    format!("{stem}.{}", format.extension())
}

/// A white picture of the same size.
fn blank(image: &RgbImage) -> RgbImage {
    RgbImage::from_pixel(image.width(), image.height(), Rgb([255, 255, 255]))
}
