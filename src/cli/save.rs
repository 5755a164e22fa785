//! What one request makes, saved with how it was made.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use image::{Rgb, RgbImage};
use serde_json::{Value, json};

use crate::checkpoint::Family;
use crate::diffusion::Method;
use crate::engine::{ModelInfo, Picture, Recipe, Request, Trajectory};
use crate::export::png::write_png;
use crate::export::{GridLayout, OutputFolder, TextChunk, TrajectoryWriter, grid, save_new};
use crate::storm::{Layout, ObjectTokens};

/// Pixels between the pictures of a grid.
const GRID_PADDING: u32 = 4;

/// Why something was not saved; the sentence of whichever part failed.
pub(super) type SaveResult = Result<PathBuf, Box<dyn std::error::Error>>;

/// Saves what one request makes.
pub(super) struct Saver {
    output: OutputFolder,
    request: Request,
    model: Arc<ModelInfo>,
}

impl Saver {
    /// Pictures of `request` go into a folder of the prompt's name in `output`.
    pub(super) fn new(output: &OutputFolder, request: &Request, model: &Arc<ModelInfo>) -> Self {
        Self {
            output: output.clone(),
            request: request.clone(),
            model: Arc::clone(model),
        }
    }

    /// Saves a picture with its settings and returns where.
    pub(super) fn picture(&self, picture: &Picture) -> SaveResult {
        let recipe = Recipe::new(picture, &self.request, &self.model);
        let prompt = &self.request.prompt;
        let path = self.output.picture(prompt, picture.seed, picture.method);
        png(&path, &picture.image, &recipe.text_chunks())
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
        png(&self.output.grid(&self.request.prompt), &picture, &[])
    }

    /// Saves a trajectory and returns where.
    pub(super) fn trajectory(&self, trajectory: &Trajectory, path: &Path) -> SaveResult {
        let mut writer = TrajectoryWriter::new();
        for tensor in &trajectory.tensors {
            writer.push(tensor.name.clone(), &tensor.shape, tensor.values.clone())?;
        }
        let request = &self.request;
        let settings = &request.settings;
        // The first entries have the names of the recordings of the released code.
        let run = json!({
            "prompt": request.prompt,
            "token_indices": token_indices(&request.layout),
            "seed": trajectory.seed,
            "steps": settings.steps,
            "run_standard_sd": trajectory.method == Method::Standard,
            "sd_2_1": self.model.family == Family::V2,
            "guidance_scale": settings.guidance_scale,
            "scheduler": settings.scheduler.unwrap_or(self.model.own_walk.scheduler),
            "model": self.model.name,
            "request": request,
        });
        Ok(writer.finish(path, &run)?)
    }
}

fn png(path: &Path, image: &RgbImage, texts: &[TextChunk]) -> SaveResult {
    Ok(save_new(path, |file| write_png(file, image, texts))?)
}

/// The first relation's two objects, otherwise the first two, in the notation
/// `[[2, 9], [null, 8]]`; null if there are not two.
fn token_indices(layout: &Layout) -> Value {
    let relation = layout.relations.first();
    let pair = relation.map_or([0, 1], |relation| [relation.subject, relation.object]);
    let [Some(subject), Some(object)] = pair.map(|index| layout.objects.get(index)) else {
        return Value::Null;
    };
    let entry = |tokens: &[usize]| match tokens {
        [] => Value::Null,
        [token] => json!(token),
        several => json!(several),
    };
    let list = |part: fn(&ObjectTokens) -> Vec<usize>| {
        [subject, object].map(|object| entry(&part(object)))
    };
    json!([
        list(|object| object.tokens.clone()),
        list(|object| object.attributes.concat())
    ])
}

/// A white picture of the same size.
fn blank(image: &RgbImage) -> RgbImage {
    RgbImage::from_pixel(image.width(), image.height(), Rgb([255, 255, 255]))
}
