//! What a picture shows of its prompt: objects, places, colours, twins, and how
//! far it has strayed from its standard twin.

use image::RgbImage;

use super::colours::Colour;
use super::prompts::{NamedObject, SpatialPrompt};
use super::records::{Sighting, Verdict};
use crate::models::object_detector::{FoundObject, ObjectDetector, ObjectScores};

/// Side of the box around an object, as a fraction of the picture's: the
/// largest glyph of a scene with two, 28 of 64 pixels in recipe/scenes.py.
const BOX_SIDE: f64 = 28.0 / 64.0;

/// Judges `picture`, made from `prompt`; `twin` is the standard picture of the
/// same noise. `None` if the detector does not know the objects.
pub fn judge(
    detector: &ObjectDetector,
    prompt: &SpatialPrompt,
    picture: &RgbImage,
    twin: Option<&RgbImage>,
) -> Option<Verdict> {
    let scores = detector.scores(picture);
    let found = scores.found();
    let subject = sighting(&scores, &found, &prompt.subject, picture)?;
    let object = sighting(&scores, &found, &prompt.object, picture)?;
    let asked = |found: &FoundObject| {
        [&prompt.subject, &prompt.object]
            .iter()
            .any(|object| object.noun == found.name)
    };
    let mut boxes = boxes(&found, asked);
    let background_change = twin.and_then(|twin| {
        boxes.extend(self::boxes(&detector.find(twin), asked));
        change_outside(picture, twin, &boxes)
    });
    Some(Verdict {
        subject,
        object,
        exactly_one: subject.found && object.found && found.len() == 2,
        background_change,
    })
}

fn sighting(
    scores: &ObjectScores,
    found: &[FoundObject],
    object: &NamedObject,
    picture: &RgbImage,
) -> Option<Sighting> {
    let strongest = scores.strongest(&object.noun)?;
    let is_found = found.iter().any(|found| found.name == object.noun);
    let has = |colour| is_found && Colour::at(picture, strongest.x, strongest.y) == Some(colour);
    Some(Sighting {
        found: is_found,
        confidence: strongest.confidence,
        x: strongest.x,
        y: strongest.y,
        has_its_colour: object.colour.map(has),
    })
}

/// Centres of the boxes that hold the objects asked for.
fn boxes(found: &[FoundObject], asked: impl Fn(&FoundObject) -> bool) -> Vec<[f64; 2]> {
    let found = found.iter().filter(|found| asked(found));
    found.map(|found| [found.x, found.y]).collect()
}

/// Mean absolute difference, 0 to 1, of two pictures over the pixels outside
/// all boxes; `None` if there are none or the sizes differ.
fn change_outside(first: &RgbImage, second: &RgbImage, boxes: &[[f64; 2]]) -> Option<f64> {
    if first.dimensions() != second.dimensions() {
        return None;
    }
    let (width, height) = (f64::from(first.width()), f64::from(first.height()));
    let (mut sum, mut count) = (0.0, 0.0);
    for ((column, row, ours), theirs) in first.enumerate_pixels().zip(second.pixels()) {
        let x = (f64::from(column) + 0.5) / width;
        let y = (f64::from(row) + 0.5) / height;
        let is_inside = boxes
            .iter()
            .any(|place| (x - place[0]).abs().max((y - place[1]).abs()) < BOX_SIDE / 2.0);
        if !is_inside {
            let channels = ours.0.iter().zip(theirs.0);
            sum += channels.map(|(a, b)| f64::from(a.abs_diff(b))).sum::<f64>();
            count += 3.0 * 255.0;
        }
    }
    (count > 0.0).then(|| sum / count)
}

#[cfg(test)]
mod tests {
    use super::*;
    use image::Rgb;

    #[test]
    fn change_is_the_mean_outside_the_boxes() {
        let plain = RgbImage::from_pixel(64, 64, Rgb([100, 100, 100]));
        // The left half is lighter by 51 of 255, so by 0.2.
        let changed = RgbImage::from_fn(64, 64, |column, _| {
            Rgb([if column < 32 { 151 } else { 100 }; 3])
        });
        let change = |boxes: &[[f64; 2]]| change_outside(&changed, &plain, boxes);
        assert!((change(&[]).unwrap() - 0.1).abs() < 1e-12);
        // A box of 28 × 28 pixels in the left half hides that much of the change.
        let share = (2048.0 - 784.0) / (4096.0 - 784.0);
        let hidden = change(&[[0.25, 0.5]]).unwrap();
        assert!((hidden - 0.2 * share).abs() < 1e-12, "{hidden}");
        let everywhere = [0.2, 0.5, 0.8].map(|x| [0.2, 0.5, 0.8].map(|y| [x, y]));
        assert_eq!(change(&everywhere.concat()), None);
        assert_eq!(change_outside(&plain, &RgbImage::new(8, 8), &[]), None);
    }
}
