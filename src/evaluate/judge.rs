//! What a picture shows of its prompt: objects, places, colours, twins, and how
//! far it has strayed from its standard twin.

use image::RgbImage;

use super::prompts::{NamedObject, SpatialPrompt};
use super::records::{Sighting, Verdict};
use crate::models::ObjectDetector;
use crate::models::object_scores::{FoundObject, ObjectScores};

/// How much larger than an object the box is that its shadow lies in, too.
const WITH_SHADOW: f64 = 1.4;

/// Judges `picture`, made from `prompt`; `twin` is the standard picture of the
/// same noise. `None` if the detector does not know the objects.
pub fn judge(
    detector: &ObjectDetector,
    prompt: &SpatialPrompt,
    picture: &RgbImage,
    twin: Option<&RgbImage>,
) -> Option<Verdict> {
    let scores = detector.scores(picture);
    let mut found = scores.found();
    let subject = sighting(&scores, &found, &prompt.subject)?;
    let object = sighting(&scores, &found, &prompt.object)?;
    let exactly_one = subject.found && object.found && found.len() == 2;
    let background_change = twin.and_then(|twin| {
        found.extend(detector.find(twin));
        found.retain(|found| {
            [&prompt.subject, &prompt.object]
                .iter()
                .any(|object| object.noun == found.name)
        });
        change_outside(picture, twin, &found)
    });
    Some(Verdict {
        subject,
        object,
        exactly_one,
        background_change,
    })
}

fn sighting(
    scores: &ObjectScores,
    found: &[FoundObject],
    object: &NamedObject,
) -> Option<Sighting> {
    let strongest = scores.strongest(&object.noun)?;
    // The most certain comes first.
    let seen = found.iter().find(|found| found.name == object.noun);
    let has = |colour: &str| seen.is_some_and(|seen| seen.colours.iter().any(|it| it == colour));
    let place = seen.unwrap_or(&strongest);
    Some(Sighting {
        found: seen.is_some(),
        confidence: strongest.confidence,
        x: place.x,
        y: place.y,
        has_its_colour: object.colour.map(|colour| has(colour.name())),
    })
}

/// Mean absolute difference, 0 to 1, of two pictures over the pixels outside
/// the boxes of all objects; `None` if there are none or the sizes differ.
fn change_outside(first: &RgbImage, second: &RgbImage, objects: &[FoundObject]) -> Option<f64> {
    if first.dimensions() != second.dimensions() {
        return None;
    }
    let (width, height) = (f64::from(first.width()), f64::from(first.height()));
    let (mut sum, mut count) = (0.0, 0.0);
    for ((column, row, ours), theirs) in first.enumerate_pixels().zip(second.pixels()) {
        let x = (f64::from(column) + 0.5) / width;
        let y = (f64::from(row) + 0.5) / height;
        let is_inside = objects.iter().any(|it| {
            let [across, down] = [(x - it.x) / it.width, (y - it.y) / it.height];
            across.abs().max(down.abs()) < WITH_SHADOW / 2.0
        });
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
        let object = |x: f64, side: f64| FoundObject {
            name: "cat".to_owned(),
            confidence: 0.9,
            x,
            y: 0.5,
            width: side / WITH_SHADOW,
            height: side / WITH_SHADOW,
            colours: Vec::new(),
        };
        let change = |objects: &[FoundObject]| change_outside(&changed, &plain, objects);
        assert!((change(&[]).unwrap() - 0.1).abs() < 1e-12);
        // A box of 28 × 28 pixels in the left half hides that much of the change.
        let share = (2048.0 - 784.0) / (4096.0 - 784.0);
        let hidden = change(&[object(0.25, 28.0 / 64.0)]).unwrap();
        assert!((hidden - 0.2 * share).abs() < 1e-12, "{hidden}");
        assert_eq!(change(&[object(0.5, 2.0)]), None);
        assert_eq!(change_outside(&plain, &RgbImage::new(8, 8), &[]), None);
    }
}
