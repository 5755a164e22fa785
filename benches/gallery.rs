//! How long a gallery takes to open: from its start to the list, to the thumbnails of
//! the first screen and to a whole index for the search. `cargo bench --bench gallery`;
//! `-- COUNT SIDE` for other pictures than 5000 of 512 × 512.

use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use image::{Rgb, RgbImage};
use storm_studio::diffusion::Method;
use storm_studio::export::png::write_png;
use storm_studio::export::{ImageSettings, PARAMETERS_KEYWORD, TextChunk};
use storm_studio::gallery::{Catalogue, Gallery, Home, News};

/// Entries that a window of 1280 × 800 shows at once, with two pictures each.
const FIRST_SCREEN: usize = 18;

fn main() {
    let numbers = std::env::args().filter_map(|argument| argument.parse().ok());
    let numbers: Vec<u32> = numbers.collect();
    let count = numbers.first().copied().unwrap_or(5000);
    let side = numbers.get(1).copied().unwrap_or(512);
    let folder = tempfile::tempdir().expect("a temporary folder");
    fill(folder.path(), count, side);
    open(folder.path(), count);
}

/// Pictures that a PNG makes about as small as painted ones.
fn fill(folder: &Path, count: u32, side: u32) {
    let image = RgbImage::from_fn(side, side, |x, y| {
        let grain = (x.wrapping_mul(2_654_435_761) ^ y.wrapping_mul(40_503)) >> 28;
        Rgb([(x / 2 + grain) as u8, (y / 2 + grain) as u8, grain as u8])
    });
    let file = |number: u32| {
        let settings = ImageSettings {
            prompt: format!("a cat to the left of a dog, number {number}"),
            steps: Some(20),
            seed: Some(u64::from(number)),
            cfg_scale: Some(7.5),
            ..ImageSettings::default()
        };
        let texts = [TextChunk::new(PARAMETERS_KEYWORD, settings.to_infotext())];
        let mut bytes = Vec::new();
        write_png(&mut bytes, &image, &texts).expect("memory takes it");
        bytes
    };
    for number in 0..count / 2 {
        let bytes = file(number);
        for ending in ["", "-standard"] {
            let name = format!("20261126-{number:06}-000-{number}{ending}.png");
            std::fs::write(folder.join(name), &bytes).expect("the folder takes it");
        }
    }
}

fn open(folder: &Path, count: u32) {
    let began = Instant::now();
    let home = Home {
        folder: folder.to_path_buf(),
        limit: None,
    };
    let gallery = Gallery::start(Some(home), Arc::new(|| ()));
    let mut catalogue = Catalogue::default();
    let mut thumbnails = 0;
    while let Some(news) = gallery.wait_news() {
        catalogue.take(&news);
        match news {
            News::Listed(entries) => {
                println!(
                    "{count} pictures listed after {:.3} s",
                    began.elapsed().as_secs_f64()
                );
                for entry in entries.iter().take(FIRST_SCREEN).rev() {
                    gallery.wish_thumbnail(entry, Method::Standard);
                    gallery.wish_thumbnail(entry, Method::Storm);
                }
            }
            News::Thumbnail { image, .. } => {
                image.expect("every picture is whole");
                thumbnails += 1;
                if thumbnails == 2 * FIRST_SCREEN {
                    let seconds = began.elapsed().as_secs_f64();
                    println!("first screen, {thumbnails} thumbnails, after {seconds:.3} s");
                }
            }
            News::Briefs(_) if catalogue.unread() == 0 => {
                println!(
                    "all can be searched after {:.3} s",
                    began.elapsed().as_secs_f64()
                );
                if thumbnails == 2 * FIRST_SCREEN {
                    return;
                }
            }
            _ => {}
        }
    }
}
