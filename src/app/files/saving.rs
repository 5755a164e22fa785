//! What is written to disk: pictures with their recipe under the names that
//! `generate` uses too. Prepared on the window's thread, done on another.

use std::path::PathBuf;
use std::sync::Arc;

use image::{Rgb, RgbImage};

use crate::app::state::message::sentence;
use crate::app::state::session::{Run, Session};
use crate::app::state::sweeps::MadeSweep;
use crate::diffusion::Method;
use crate::draw::ColourMap;
use crate::engine::{ModelInfo, Recipe, Request, RequestId, StepStore, Trajectory};
use crate::export::{
    GridLayout, OutputFolder, PictureFormat, TextChunk, grid, labelled_grid, save_new, side_by_side,
};
use crate::film::{Film, animation, strip, write_animation, write_trajectory};

/// Pixels between the pictures of a grid or comparison.
const PADDING: u32 = 4;
const BACKGROUND: Rgb<u8> = Rgb([255, 255, 255]);

/// One file to be written.
pub struct Writing {
    /// Where, unless a file of that name exists.
    pub path: PathBuf,
    image: Source,
    texts: Vec<TextChunk>,
    /// How good it is, if it is a JPEG.
    pub quality: u8,
}

/// Pictures are put together on the thread that writes them.
enum Source {
    One(Arc<RgbImage>),
    Beside([Arc<RgbImage>; 2]),
    Grid {
        images: Vec<Arc<RgbImage>>,
        columns: usize,
    },
    Labelled {
        images: Vec<Option<Arc<RgbImage>>>,
        columns: Vec<String>,
        rows: Vec<String>,
    },
    Strip(Box<Film>, ColourMap),
    Animation {
        film: Box<Film>,
        overlays: bool,
    },
    Trajectory {
        trajectory: Arc<Trajectory>,
        request: Arc<Request>,
        model: Arc<ModelInfo>,
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
            Source::Animation { film, overlays } => {
                let frames = animation(&film, overlays).map_err(|error| explain(&error))?;
                let saved = write_animation(&self.path, &frames);
                return saved.map_err(|error| explain(&error));
            }
            Source::Trajectory {
                trajectory,
                request,
                model,
            } => {
                let saved = write_trajectory(&trajectory, &request, &model, &self.path);
                return saved.map_err(|error| explain(&error));
            }
            source => source.image().map_err(|error| explain(&*error))?,
        };
        let format = PictureFormat::of_path(&self.path).unwrap_or_default();
        let (texts, quality) = (&self.texts, self.quality);
        save_new(&self.path, |file| {
            format.write(file, &image, texts, quality)
        })
        .map_err(|error| explain(&error))
    }
}

impl Source {
    /// The picture, put together.
    fn image(self) -> Result<Arc<RgbImage>, Box<dyn std::error::Error>> {
        Ok(match self {
            Self::One(image) => image,
            Self::Beside([left, right]) => {
                Arc::new(side_by_side(&left, &right, PADDING, BACKGROUND)?)
            }
            Self::Grid { images, columns } => {
                let images: Vec<RgbImage> = images.iter().map(|image| (**image).clone()).collect();
                let layout = GridLayout {
                    columns,
                    padding: PADDING,
                    background: BACKGROUND,
                };
                Arc::new(grid(&images, layout)?)
            }
            Self::Labelled {
                images,
                columns,
                rows,
            } => {
                let images: Vec<Option<&RgbImage>> = images.iter().map(Option::as_deref).collect();
                Arc::new(labelled_grid(&images, &columns, &rows)?)
            }
            Self::Strip(film, colours) => Arc::new(strip(&film, &[], colours)?),
            Self::Animation { .. } | Self::Trajectory { .. } => {
                unreachable!("these are no pictures and were written before")
            }
        })
    }
}

/// The picture of `method`, to be written to `path`; `None` if there is none yet.
pub fn picture(run: &Run, method: Method, path: PathBuf) -> Option<Writing> {
    let picture = run.trace(method).picture.as_ref()?;
    Some(Writing {
        path,
        image: Source::One(Arc::clone(&picture.image)),
        texts: texts(run, method),
        quality: PictureFormat::QUALITY,
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
        quality: PictureFormat::QUALITY,
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
        quality: PictureFormat::QUALITY,
    })
}

/// The pictures of a sweep and of one seed under their labels, as far as they are made.
pub fn sweep_grid(
    session: &Session,
    made: &MadeSweep,
    seed: u64,
    path: PathBuf,
) -> Option<Writing> {
    let sweep = &made.sweep;
    let runs: Vec<Option<&Run>> = made
        .cells
        .iter()
        .map(|(request, _)| {
            let mut runs = session
                .runs
                .iter()
                .filter(|run| run.key.request == *request);
            let of_seed = runs.clone().find(|run| run.key.seed == seed);
            // A sweep over seeds has one of its own in each cell.
            of_seed.or_else(|| runs.next())
        })
        .collect();
    let first = runs.iter().flatten().next()?;
    let methods = first.request.settings.methods.list();
    let columns = sweep.columns();
    let rows = sweep.rows();
    let mut labels = Vec::new();
    let mut images = Vec::new();
    for (row, cells) in rows.iter().zip(runs.chunks(columns.len())) {
        for &method in methods {
            labels.push(match (methods, row.as_str()) {
                ([_], row) => row.to_owned(),
                (_, "") => method.label().to_owned(),
                (_, row) => format!("{row} · {}", method.label()),
            });
            images.extend(cells.iter().map(|run| {
                let picture = run.as_ref()?.trace(method).picture.as_ref()?;
                Some(Arc::clone(&picture.image))
            }));
        }
    }
    images.iter().any(Option::is_some).then_some(Writing {
        path,
        image: Source::Labelled {
            images,
            columns,
            rows: labels,
        },
        texts: Vec::new(),
        quality: PictureFormat::QUALITY,
    })
}

/// The steps of a run as far as they are kept.
fn film(run: &Run, store: &StepStore) -> Option<Film> {
    let model = run.model.as_ref()?;
    let of = (run.key.request, run.key.seed);
    let mut film = Film::of_store(&model.preview_rgb, &run.request, store, of);
    for &method in run.request.settings.methods.list() {
        if let Some(picture) = &run.trace(method).picture {
            film.add_picture(picture);
        }
    }
    Some(film)
}

/// Where the objects' words looked, over the steps.
pub fn heatmaps(
    run: &Run,
    store: &StepStore,
    colours: ColourMap,
    path: PathBuf,
) -> Option<Writing> {
    Some(Writing {
        path,
        image: Source::Strip(Box::new(film(run, store)?), colours),
        texts: Vec::new(),
        quality: PictureFormat::QUALITY,
    })
}

/// How the pictures came about.
pub fn steps(run: &Run, store: &StepStore, overlays: bool, path: PathBuf) -> Option<Writing> {
    let film = Box::new(film(run, store)?);
    Some(Writing {
        path,
        image: Source::Animation { film, overlays },
        texts: Vec::new(),
        quality: PictureFormat::QUALITY,
    })
}

/// The numbers of a run.
pub fn trajectory(
    trajectory: Arc<Trajectory>,
    request: Arc<Request>,
    model: Arc<ModelInfo>,
    path: PathBuf,
) -> Writing {
    Writing {
        path,
        image: Source::Trajectory {
            trajectory,
            request,
            model,
        },
        texts: Vec::new(),
        quality: PictureFormat::QUALITY,
    }
}

/// What is written into the file of a picture: how it was made.
pub fn texts(run: &Run, method: Method) -> Vec<TextChunk> {
    if let Some((_, texts)) = run.texts.iter().find(|(of, _)| *of == method) {
        return texts.clone();
    }
    let picture = run.trace(method).picture.as_ref();
    match (picture, &run.model) {
        (Some(picture), Some(model)) => Recipe::new(picture, &run.request, model).text_chunks(),
        _ => Vec::new(),
    }
}

#[cfg(test)]
mod tests;
