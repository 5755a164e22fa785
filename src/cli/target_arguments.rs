//! `--place`, `--region`, `--mask`, `--copies` and `--size-of`: what is asked of
//! single objects, the same for all seeds of a request.

use std::path::Path;

use clap::Args;

use super::Failure;
use crate::prompt::{TargetText, TargetTextError};
use crate::storm::Mask;

/// Wishes as typed.
#[derive(Debug, Default, Args)]
pub(super) struct TargetArguments {
    /// Where an object should be, as "cat 25% 60%" from the left and from the top; given several
    /// times for one object, a place for each copy; "cat anywhere" overrules the prompt
    #[arg(long, value_name = "OBJECT X Y")]
    place: Vec<String>,
    /// The part of the picture that an object should lie in and fill, as "cat 0%,40%,30%,60%": left,
    /// top, width, height; "cat ellipse …" for an ellipse; "… inside" or "… fill" for one of the two
    #[arg(long, value_name = "OBJECT REGION")]
    region: Vec<String>,
    /// The same painted: a picture that is white in the region, as "cat mask.png"
    #[arg(long, value_name = "OBJECT FILE")]
    mask: Vec<String>,
    /// How many of an object there should be, as "cat 2"; "cats 1" overrules a number in the prompt
    #[arg(long, value_name = "OBJECT NUMBER")]
    copies: Vec<String>,
    /// How large an object should be: "dog big", "dog small", or its part of the shorter side, as
    /// "dog 40%"; "dog usual" overrules the prompt
    #[arg(long, alias = "size_of", value_name = "OBJECT SIZE")]
    size_of: Vec<String>,
}

impl TargetArguments {
    /// All of them, read.
    ///
    /// # Errors
    /// If one makes no sense, or a mask can't be opened.
    pub(super) fn read(&self) -> Result<Vec<TargetText>, Failure> {
        type Read = fn(&str) -> Result<TargetText, TargetTextError>;
        let mut read = Vec::new();
        for (texts, reader) in [
            (&self.copies, TargetText::copies as Read),
            (&self.size_of, TargetText::size),
            (&self.place, TargetText::place),
            (&self.region, TargetText::region),
        ] {
            for text in texts {
                read.push(reader(text).map_err(Failure::usage)?);
            }
        }
        for text in &self.mask {
            let opened = TargetText::mask(text, |path| open(Path::new(path)));
            read.push(opened.map_err(|MaskFailure(failure)| failure)?);
        }
        Ok(read)
    }
}

struct MaskFailure(Failure);

impl From<TargetTextError> for MaskFailure {
    fn from(error: TargetTextError) -> Self {
        Self(Failure::usage(error))
    }
}

/// The brighter half of a picture; what is transparent in it is dark.
fn open(path: &Path) -> Result<Mask, MaskFailure> {
    let opened = image::open(path).map_err(|error| {
        let message = format!("{} can't be read as a mask ({error})", path.display());
        MaskFailure(Failure::file(message))
    })?;
    let picture = opened.to_luma_alpha8();
    let grey: Vec<f32> = picture
        .pixels()
        .map(|pixel| f32::from(pixel.0[0]) / 255.0 * (f32::from(pixel.0[1]) / 255.0))
        .collect();
    let (width, height) = picture.dimensions();
    Ok(Mask::of_picture(width as usize, height as usize, &grey))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::prompt::Wish;
    use crate::storm::Shape;

    #[test]
    fn a_mask_is_the_white_of_a_picture() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("mask.png");
        let picture =
            image::GrayImage::from_fn(100, 50, |x, _| image::Luma([u8::from(x < 50) * 255]));
        picture.save(&path).unwrap();
        let arguments = TargetArguments {
            mask: vec![format!("cat {} inside", path.display())],
            ..TargetArguments::default()
        };
        let read = arguments.read().unwrap();
        let Wish::Region(Shape::Mask(mask), _) = &read[0].wish else {
            panic!("{read:?}");
        };
        assert_eq!(mask.bounds(), Some([[0.0, 0.0], [0.5, 1.0]]));
        let missing = TargetArguments {
            mask: vec!["cat nowhere.png".to_owned()],
            ..TargetArguments::default()
        };
        let failure = missing.read().unwrap_err();
        assert_eq!(failure.code, 6);
        let wrong = TargetArguments {
            copies: vec!["cat many".to_owned()],
            ..TargetArguments::default()
        };
        assert_eq!(wrong.read().unwrap_err().code, 2);
    }
}
