//! The steps of one seed, gathered from the step store as long as it has them.

use std::collections::BTreeMap;
use std::sync::Arc;

use image::RgbImage;
use image::imageops::{FilterType, resize};

use super::looks::looks;
use crate::diffusion::Method;
use crate::engine::{Picture, Request, StepRecord, StepStore};
use crate::models::LatentRgb;

/// The steps of one seed, of every method that made them.
#[derive(Debug, Clone)]
pub struct Film {
    preview_rgb: LatentRgb,
    /// What was asked for: objects and how they are called.
    pub(super) request: Arc<Request>,
    pub(super) steps: BTreeMap<usize, Vec<(Method, StepRecord)>>,
    pub(super) pictures: Vec<(Method, Arc<RgbImage>)>,
}

/// Why there is no strip or animation.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FilmError {
    #[error("the steps of this picture are not kept any more; make it again")]
    NoSteps,
    #[error("no word is chosen for the strip; choose an object of the prompt")]
    NoWords,
    #[error(transparent)]
    Grid(#[from] crate::export::GridError),
}

/// A word whose attention is shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StripWord {
    pub label: String,
    pub tokens: Vec<usize>,
    /// Red, green, blue.
    pub colour: [u8; 3],
}

impl Film {
    /// Nothing yet. `preview_rgb`: how the model's previews become colours.
    pub fn new(preview_rgb: &LatentRgb, request: &Arc<Request>) -> Self {
        Self {
            preview_rgb: preview_rgb.clone(),
            request: Arc::clone(request),
            steps: BTreeMap::new(),
            pictures: Vec::new(),
        }
    }

    /// Everything that the store has of a seed.
    pub fn of_store(
        preview_rgb: &LatentRgb,
        request: &Arc<Request>,
        store: &StepStore,
        (id, seed): (crate::engine::RequestId, u64),
    ) -> Self {
        let mut film = Self::new(preview_rgb, request);
        for &method in request.settings.methods.list() {
            for (step, record) in store.steps(id, seed, method) {
                film.add_step(step, method, record);
            }
        }
        film
    }

    /// Takes in a step; cheap, since the numbers are shared.
    pub fn add_step(&mut self, step: usize, method: Method, record: StepRecord) {
        let records = self.steps.entry(step).or_default();
        records.push((method, record));
        records.sort_by_key(|(method, _)| *method);
    }

    /// Takes in a finished picture.
    pub fn add_picture(&mut self, picture: &Picture) {
        self.add_image(picture.method, Arc::clone(&picture.image));
    }

    pub fn add_image(&mut self, method: Method, image: Arc<RgbImage>) {
        self.pictures.push((method, image));
        self.pictures.sort_by_key(|(method, _)| *method);
    }

    /// The objects, which are what a strip shows where nothing else is chosen.
    pub fn objects(&self) -> Vec<StripWord> {
        let layout = &self.request.layout;
        let objects = layout.objects.iter().zip(looks(layout));
        objects
            .map(|(object, look)| StripWord {
                label: object.label.clone(),
                tokens: object.tokens.clone(),
                colour: crate::draw::OBJECT_COLOURS[look.slot % crate::draw::OBJECT_COLOURS.len()],
            })
            .collect()
    }

    /// The methods in their order.
    pub(super) fn methods(&self) -> &'static [Method] {
        self.request.settings.methods.list()
    }

    /// A step's preview at `size`; `None` if it lies on a device that does not give
    /// it.
    pub(super) fn preview(&self, record: &StepRecord, size: [u32; 2]) -> Option<RgbImage> {
        let numbers = record.preview.read();
        let numbers = numbers
            .inspect_err(|error| tracing::warn!("a step is left out: {error}"))
            .ok()?;
        let (width, height) = (record.columns as u32, record.rows as u32);
        let small = RgbImage::from_raw(width, height, self.preview_rgb.draw(&numbers))?;
        Some(resize(&small, size[0], size[1], FilterType::CatmullRom))
    }

    /// Width and height of the pictures as far as they are known, else of the
    /// previews.
    pub(super) fn size(&self) -> Option<[u32; 2]> {
        let picture = self.pictures.first();
        let picture = picture.map(|(_, image)| [image.width(), image.height()]);
        picture.or_else(|| {
            let (_, record) = self.steps.values().next()?.first()?;
            Some([record.columns as u32, record.rows as u32])
        })
    }
}
