//! `--animation`: how the first seed's pictures came about, side by side.

use std::path::Path;
use std::time::Duration;

use image::{Rgb, RgbImage};

use super::save::SaveResult;
use crate::diffusion::Method;
use crate::engine::{Engine, Picture, StepEvent, StepKey};
use crate::export::animation::{AnimationFrame, enlarge, write_gif};
use crate::export::{GridLayout, grid, save_new};
use crate::models::LatentRgb;

/// Smallest side of a frame's pictures, in pixels.
const SIDE: u32 = 256;
const STEP: Duration = Duration::from_millis(120);
const FINISHED: Duration = Duration::from_millis(2500);

/// Collects frames of one seed.
pub(super) struct Animation {
    preview_rgb: LatentRgb,
    methods: Vec<Method>,
    /// The seed, once the first step has named it.
    seed: Option<u64>,
    /// The newest preview of each method, in the order of `methods`.
    newest: Vec<Option<RgbImage>>,
    frames: Vec<AnimationFrame>,
    finished: Vec<RgbImage>,
}

impl Animation {
    pub(super) fn new(preview_rgb: LatentRgb, methods: &[Method]) -> Self {
        Self {
            preview_rgb,
            newest: vec![None; methods.len()],
            methods: methods.to_vec(),
            seed: None,
            frames: Vec::new(),
            finished: Vec::new(),
        }
    }

    /// Takes in a step; a frame is complete when each method has made it.
    pub(super) fn stepped(&mut self, engine: &Engine, step: &StepEvent) {
        if *self.seed.get_or_insert(step.seed) != step.seed {
            return;
        }
        for &method in &step.methods {
            let key = StepKey {
                request: step.request,
                seed: step.seed,
                method,
                step: step.step,
            };
            let place = self.methods.iter().position(|known| *known == method);
            let (Some(record), Some(place)) = (engine.store().get(key), place) else {
                continue;
            };
            let preview = match record.preview.read() {
                Ok(preview) => preview,
                Err(error) => {
                    tracing::warn!("step {} is left out: {error}", step.step);
                    continue;
                }
            };
            let rgb = self.preview_rgb.draw(&preview);
            let (width, height) = (record.columns as u32, record.rows as u32);
            self.newest[place] = RgbImage::from_raw(width, height, rgb);
        }
        if self.newest.iter().all(Option::is_some) {
            let previews = self.newest.iter_mut().filter_map(Option::take).collect();
            self.push(previews, STEP);
        }
    }

    /// Takes in a finished picture.
    pub(super) fn finished(&mut self, picture: &Picture) {
        if self.seed == Some(picture.seed) {
            self.finished.push(RgbImage::clone(&picture.image));
        }
    }

    /// Writes the GIF and returns where.
    pub(super) fn save(mut self, path: &Path) -> SaveResult {
        if self.finished.len() == self.methods.len() {
            let finished = std::mem::take(&mut self.finished);
            self.push(finished, FINISHED);
        }
        Ok(save_new(path, |file| write_gif(file, &self.frames))?)
    }

    /// One frame of the methods' pictures side by side.
    fn push(&mut self, pictures: Vec<RgbImage>, delay: Duration) {
        let pictures: Vec<RgbImage> = pictures
            .iter()
            .map(|picture| {
                let (width, height) = picture.dimensions();
                let scale = SIDE.div_ceil(width.min(height)).max(1);
                enlarge(picture, width * scale, height * scale)
            })
            .collect();
        let layout = GridLayout {
            columns: pictures.len(),
            ..GridLayout::nearly_square(pictures.len())
        };
        let background = Rgb([255, 255, 255]);
        match grid(&pictures, layout.with_padding(4, background)) {
            Ok(image) => self.frames.push(AnimationFrame { image, delay }),
            Err(error) => tracing::warn!("a frame is left out: {error}"),
        }
    }
}
