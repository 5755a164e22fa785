//! The heatmap strip: where each chosen word looked, over the steps. A row for each
//! word and method, a column for each step that is shown.

use image::imageops::{FilterType, resize};
use image::{Rgb, RgbImage, imageops};

use super::word_attention::{mean_map, own_brightest};
use super::{Film, FilmError, StripWord};
use crate::diffusion::Method;
use crate::draw::ColourMap;
use crate::engine::StepRecord;
use crate::export::lettering::Lettering;

/// Longer side of a cell in pixels.
const CELL: u32 = 96;
/// Most steps that are shown; of more, evenly spaced ones with the first and last.
const MOST_STEPS: usize = 12;
const PADDING: u32 = 4;
const TEXT: f32 = 15.0;
const BACKGROUND: Rgb<u8> = Rgb([0x14, 0x16, 0x1A]);
const FOREGROUND: Rgb<u8> = Rgb([0xE8, 0xEA, 0xED]);
const WEAK: Rgb<u8> = Rgb([0x9B, 0xA4, 0xAF]);

/// The strip of `words`, or of the objects if there are none, each map on a scale of
/// its own through `colours`.
///
/// # Errors
/// [`FilmError`] if no step is kept or no word chosen.
pub fn strip(film: &Film, words: &[StripWord], colours: ColourMap) -> Result<RgbImage, FilmError> {
    let objects = film.objects();
    let words = if words.is_empty() { &objects } else { words };
    if words.is_empty() {
        return Err(FilmError::NoWords);
    }
    let steps = shown_steps(&film.steps.keys().copied().collect::<Vec<_>>());
    let [width, height] = film
        .size()
        .filter(|_| !steps.is_empty())
        .ok_or(FilmError::NoSteps)?;
    let longer = width.max(height).max(1);
    let cell = [width, height].map(|side| (side * CELL).div_ceil(longer));
    let lettering = Lettering::new(TEXT);
    let rows: Vec<Row> = film
        .methods()
        .iter()
        .flat_map(|&method| {
            let preview = Row { method, word: None };
            let words = words.iter().map(move |word| Row {
                method,
                word: Some(word),
            });
            std::iter::once(preview).chain(words)
        })
        .collect();
    let label_width = rows.iter().map(|row| lettering.width(row.label())).max();
    let left = label_width.unwrap_or(0) + 3 * PADDING;
    let top = lettering.height() + 2 * PADDING;
    let total = [
        left + (cell[0] + PADDING) * steps.len() as u32,
        top + (cell[1] + PADDING) * rows.len() as u32,
    ];
    let mut picture = RgbImage::from_pixel(total[0], total[1], BACKGROUND);
    for (column, step) in steps.iter().enumerate() {
        let x = left + (cell[0] + PADDING) * column as u32;
        let text = format!("step {}", step + 1);
        lettering.draw(&mut picture, &text, [x as i32, PADDING as i32], WEAK);
        let records = &film.steps[step];
        for (index, row) in rows.iter().enumerate() {
            let y = top + (cell[1] + PADDING) * index as u32;
            let record = records.iter().find(|(method, _)| *method == row.method);
            let Some((_, record)) = record else {
                continue;
            };
            if let Some(image) = row.draw(film, record, cell, colours) {
                imageops::replace(&mut picture, &image, i64::from(x), i64::from(y));
            }
        }
    }
    for (index, row) in rows.iter().enumerate() {
        let y = top + (cell[1] + PADDING) * index as u32 + (cell[1] - lettering.height()) / 2;
        let place = [PADDING as i32, y as i32];
        lettering.draw(&mut picture, row.label(), place, row.colour());
    }
    Ok(picture)
}

/// A row: the previews of a method, or a word's maps in it.
struct Row<'a> {
    method: Method,
    word: Option<&'a StripWord>,
}

impl Row<'_> {
    fn label(&self) -> &str {
        self.word.map_or(self.method.label(), |word| &word.label)
    }

    fn colour(&self) -> Rgb<u8> {
        self.word.map_or(FOREGROUND, |word| Rgb(word.colour))
    }

    fn draw(
        &self,
        film: &Film,
        record: &StepRecord,
        cell: [u32; 2],
        colours: ColourMap,
    ) -> Option<RgbImage> {
        let Some(word) = self.word else {
            return film.preview(record, cell);
        };
        let map = mean_map(&record.maps, &word.tokens)?;
        let brightest = own_brightest(&map).max(f32::MIN_POSITIVE);
        let pixels = map
            .iter()
            .flat_map(|value| colours.colour(value / brightest));
        let (columns, rows) = (record.maps.columns as u32, record.maps.rows as u32);
        let small = RgbImage::from_raw(columns, rows, pixels.collect())?;
        Some(resize(&small, cell[0], cell[1], FilterType::CatmullRom))
    }
}

/// The steps that are shown, with the first and the last.
fn shown_steps(steps: &[usize]) -> Vec<usize> {
    if steps.len() <= MOST_STEPS {
        return steps.to_vec();
    }
    let last = steps.len() - 1;
    let places = (0..MOST_STEPS).map(|place| place * last / (MOST_STEPS - 1));
    places.map(|place| steps[place]).collect()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::diffusion::Methods;
    use crate::engine::{Request, Settings};
    use crate::models::LatentRgb;
    use crate::storm::{AttentionMaps, Layout, ObjectTokens};

    #[test]
    fn many_steps_are_thinned_out_evenly() {
        let all: Vec<usize> = (0..50).collect();
        let shown = shown_steps(&all);
        assert_eq!((shown.len(), shown[0], shown[11]), (12, 0, 49));
        let gaps = shown.windows(2).map(|pair| pair[1] - pair[0]);
        assert!(gaps.clone().max().unwrap() - gaps.min().unwrap() <= 1);
        assert_eq!(shown_steps(&[3, 4]), [3, 4]);
        assert!(shown_steps(&[]).is_empty());
    }

    /// A film of one step in which the word looks at the left quarter alone.
    fn film(words: usize) -> Film {
        let objects = (0..words).map(|index| ObjectTokens {
            label: format!("word{index}"),
            tokens: vec![1],
            attributes: Vec::new(),
        });
        let request = Request {
            layout: Layout {
                objects: objects.collect(),
                ..Layout::default()
            },
            settings: Settings {
                methods: Methods::Storm,
                ..Settings::default()
            },
            ..Request::default()
        };
        let mut film = Film::new(&LatentRgb::PAINTED, &Arc::new(request));
        let cells = (0..64).flat_map(|cell| [0.0, if cell % 8 < 2 { 0.5 } else { 0.0 }]);
        let maps = Arc::new(AttentionMaps {
            rows: 8,
            columns: 8,
            tokens: 2,
            values: cells.collect(),
        });
        // A red preview.
        let preview = [vec![1.0; 64], vec![-1.0; 192]].concat();
        let record = StepRecord {
            preview: preview.into(),
            rows: 8,
            columns: 8,
            drawn_maps: vec![0.0].into(),
            maps,
            reading: None,
            update: None,
        };
        film.add_step(0, Method::Storm, record);
        film
    }

    #[test]
    fn a_row_shows_where_the_word_looks_under_the_previews() {
        let picture = strip(&film(1), &[], ColourMap::Greys).unwrap();
        let lettering = Lettering::new(TEXT);
        let labels = lettering.width("word0").max(lettering.width("STORM"));
        let left = labels + 3 * PADDING;
        let top = lettering.height() + 2 * PADDING;
        assert_eq!(picture.dimensions(), (left + 100, top + 200));
        assert_eq!(*picture.get_pixel(left + 48, top + 48), Rgb([255, 0, 0]));
        assert_eq!(*picture.get_pixel(left + 10, top + 148), Rgb([255; 3]));
        assert_eq!(*picture.get_pixel(left + 86, top + 148), Rgb([0; 3]));
        // The label is there, in the word's colour.
        let letters = (PADDING..left).flat_map(|x| (top + 100..top + 196).map(move |y| (x, y)));
        let orange = letters.filter(|&(x, y)| picture.get_pixel(x, y)[0] > 0xC0);
        assert!(orange.count() > 10);
    }

    #[test]
    fn without_words_or_steps_there_is_no_strip() {
        assert_eq!(
            strip(&film(0), &[], ColourMap::Greys),
            Err(FilmError::NoWords)
        );
        let empty = Film::new(&LatentRgb::PAINTED, &film(1).request);
        assert_eq!(
            strip(&empty, &[], ColourMap::Greys),
            Err(FilmError::NoSteps)
        );
    }
}
