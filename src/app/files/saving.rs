//! What is written to disk: pictures with their recipe under the names that
//! `generate` uses too. Prepared on the window's thread, done on another.

use std::path::PathBuf;
use std::sync::Arc;

use image::{Rgb, RgbImage};

use crate::app::state::message::sentence;
use crate::app::state::session::{Run, Session};
use crate::diffusion::Method;
use crate::engine::{Recipe, RequestId};
use crate::export::png::write_png;
use crate::export::{GridLayout, OutputFolder, TextChunk, grid, save_new, side_by_side};

/// Pixels between the pictures of a grid or comparison.
const PADDING: u32 = 4;
const BACKGROUND: Rgb<u8> = Rgb([255, 255, 255]);

/// One file to be written.
pub struct Writing {
    /// Where, unless a file of that name exists.
    pub path: PathBuf,
    image: Source,
    texts: Vec<TextChunk>,
}

/// Pictures are put together on the thread that writes them.
enum Source {
    One(Arc<RgbImage>),
    Beside([Arc<RgbImage>; 2]),
    Grid {
        images: Vec<Arc<RgbImage>>,
        columns: usize,
    },
}

impl Writing {
    /// Writes the picture alone: whoever gets it learns nothing of how it was made.
    pub fn leave_out_settings(&mut self) {
        self.texts.clear();
    }

    /// Writes the file → the name it got.
    ///
    /// # Errors
    /// A sentence with what to do.
    pub fn run(self) -> Result<PathBuf, String> {
        let explain = |error: &dyn std::error::Error| sentence(&error.to_string());
        let image = match self.image {
            Source::One(image) => image,
            Source::Beside([left, right]) => side_by_side(&left, &right, PADDING, BACKGROUND)
                .map(Arc::new)
                .map_err(|error| explain(&error))?,
            Source::Grid { images, columns } => {
                let images: Vec<RgbImage> = images.iter().map(|image| (**image).clone()).collect();
                let layout = GridLayout {
                    columns,
                    padding: PADDING,
                    background: BACKGROUND,
                };
                grid(&images, layout)
                    .map(Arc::new)
                    .map_err(|error| explain(&error))?
            }
        };
        save_new(&self.path, |file| write_png(file, &image, &self.texts))
            .map_err(|error| explain(&error))
    }
}

/// The picture of `method`, to be written to `path`; `None` if there is none yet.
pub fn picture(run: &Run, method: Method, path: PathBuf) -> Option<Writing> {
    let picture = run.trace(method).picture.as_ref()?;
    Some(Writing {
        path,
        image: Source::One(Arc::clone(&picture.image)),
        texts: texts(run, method),
    })
}

/// The finished pictures of a run, each to be written to its place in the output folder.
pub fn pictures(run: &Run, output: &OutputFolder) -> Vec<(Method, Writing)> {
    let methods = [Method::Standard, Method::Storm].into_iter();
    methods
        .filter_map(|method| {
            let path = output.picture(&run.request.prompt, run.key.seed, method);
            let writing = picture(run, method, path)?;
            Some((method, writing))
        })
        .collect()
}

/// Standard and STORM side by side, with STORM's recipe.
pub fn comparison(run: &Run, path: PathBuf) -> Option<Writing> {
    let image = |method| {
        run.trace(method)
            .picture
            .as_ref()
            .map(|picture| Arc::clone(&picture.image))
    };
    Some(Writing {
        path,
        image: Source::Beside([image(Method::Standard)?, image(Method::Storm)?]),
        texts: texts(run, Method::Storm),
    })
}

/// All finished seeds of a request, one row a method.
pub fn seeds_grid(session: &Session, request: RequestId, path: PathBuf) -> Option<Writing> {
    let runs: Vec<&Run> = session
        .runs
        .iter()
        .filter(|run| run.key.request == request)
        .filter(|run| {
            let mut methods = run.request.settings.methods.list().iter();
            methods.all(|&method| run.trace(method).picture.is_some())
        })
        .collect();
    let methods = runs.first()?.request.settings.methods;
    let pictures = methods.list().iter().flat_map(|&method| {
        let traces = runs.iter().map(move |run| run.trace(method));
        traces.filter_map(|trace| Some(Arc::clone(&trace.picture.as_ref()?.image)))
    });
    Some(Writing {
        path,
        image: Source::Grid {
            images: pictures.collect(),
            columns: runs.len(),
        },
        texts: Vec::new(),
    })
}

fn texts(run: &Run, method: Method) -> Vec<TextChunk> {
    let picture = run.trace(method).picture.as_ref();
    match (picture, &run.model) {
        (Some(picture), Some(model)) => Recipe::new(picture, &run.request, model).text_chunks(),
        _ => Vec::new(),
    }
}

#[cfg(test)]
mod tests;
