//! Draw Things: an XMP packet whose creator tool is its name; `exif:UserComment`
//! in it is JSON (`c` the prompt, `uc` the negative one, `steps`, `scale`, `seed`).

use super::texts::Texts;
use super::{Found, Program};

/// Keyword of XMP in PNG (XMP Specification, part 3).
const XMP: &str = "XML:com.adobe.xmp";

pub(super) fn read(texts: Texts) -> Option<Found> {
    let xmp = texts.get(XMP)?;
    xmp.contains("Draw Things")
        .then_some(Found::Named(Program::DrawThings))
}
