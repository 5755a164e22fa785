//! Places, regions, numbers and sizes as the command line takes them:
//! `cat 25% 60%`, `cat 0%,40%,30%,60%`, `cat 2`, `dog big`.

use std::fmt;

use thiserror::Error;

use super::assignment::Assignment;
use super::relation_text::ObjectReference;
use super::token_indices::TokenIndicesError;
use super::tokenized_prompt::TokenizedPrompt;
use crate::storm::{Area, Layout, Mask, ObjectTarget, Shape, Size};

/// One wish for one object.
#[derive(Debug, Clone, PartialEq)]
pub struct TargetText {
    pub object: ObjectReference,
    pub wish: Wish,
}

/// What is asked of it.
#[derive(Debug, Clone, PartialEq)]
pub enum Wish {
    /// A place, as fractions of width and height; of several, one for each copy.
    Place([f64; 2]),
    Region(Shape, Filling),
    Copies(usize),
    Size(Size),
    /// As large as it comes, whatever the prompt says.
    UsualSize,
    /// Wherever its relations allow, whatever the prompt says.
    Anywhere,
}

/// What an object is to do with its region.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Filling {
    /// Lie within it and fill it.
    #[default]
    Both,
    /// Lie within it, as large as it comes.
    Inside,
    /// Fill it, whatever lies outside.
    Fill,
}

/// Why a wish can't be read.
#[derive(Debug, Clone, PartialEq, Error)]
pub enum TargetTextError {
    #[error(
        "“{0}” is no place; write the object, then how far from the left and from the top, as \"cat 25% 60%\""
    )]
    Place(String),
    #[error(
        "“{0}” is no region; write the object, then left, top, width and height, as \"cat 0%,40%,30%,60%\", with “ellipse” before them, and “inside” or “fill” after them, if you like"
    )]
    Region(String),
    #[error(
        "“{0}” is no mask; write the object, then a picture that is white in the region, as \"cat mask.png\""
    )]
    Mask(String),
    #[error("“{0}” is no number of copies; write the object, then how many, as \"cat 2\"")]
    Copies(String),
    #[error(
        "“{0}” is no size; write the object, then big, small, or its part of the picture's shorter side, as \"dog big\" or \"dog 40%\""
    )]
    Size(String),
    #[error(transparent)]
    Object(#[from] TokenIndicesError),
}

impl TargetText {
    /// Reads `cat 25% 60%`.
    ///
    /// # Errors
    /// [`TargetTextError::Place`].
    pub fn place(text: &str) -> Result<Self, TargetTextError> {
        let wrong = || TargetTextError::Place(text.to_owned());
        let parts: Vec<&str> = parts(text);
        if let [object @ .., "anywhere"] = &parts[..] {
            return Self::of(object, Wish::Anywhere).ok_or_else(wrong);
        }
        let [object @ .., x, y] = &parts[..] else {
            return Err(wrong());
        };
        let place = fraction(x).zip(fraction(y)).ok_or_else(wrong)?;
        Self::of(object, Wish::Place([place.0, place.1])).ok_or_else(wrong)
    }

    /// Reads `cat 0%,40%,30%,60%` and `cat ellipse 0%,40%,30%,60% inside`.
    ///
    /// # Errors
    /// [`TargetTextError::Region`].
    pub fn region(text: &str) -> Result<Self, TargetTextError> {
        let wrong = || TargetTextError::Region(text.to_owned());
        let parts = parts(text);
        let (parts, filling) = filling(&parts);
        let [object @ .., x, y, width, height] = parts else {
            return Err(wrong());
        };
        let numbers: Vec<f64> = [x, y, width, height]
            .into_iter()
            .filter_map(|part| fraction(part))
            .collect();
        let &[x, y, width, height] = &numbers[..] else {
            return Err(wrong());
        };
        let area = Area {
            x,
            y,
            width,
            height,
        };
        let (object, shape) = match object {
            [object @ .., "ellipse"] => (object, Shape::Ellipse(area)),
            [object @ .., "rectangle"] => (object, Shape::Rectangle(area)),
            object => (object, Shape::Rectangle(area)),
        };
        Self::of(object, Wish::Region(shape, filling)).ok_or_else(wrong)
    }

    /// Reads `cat mask.png`, of whose picture `open` makes a mask.
    ///
    /// # Errors
    /// [`TargetTextError::Mask`], and what `open` says.
    pub fn mask<E: From<TargetTextError>>(
        text: &str,
        open: impl FnOnce(&str) -> Result<Mask, E>,
    ) -> Result<Self, E> {
        let wrong = || E::from(TargetTextError::Mask(text.to_owned()));
        let parts: Vec<&str> = text.split_whitespace().collect();
        let (parts, filling) = filling(&parts);
        let [object @ .., path] = parts else {
            return Err(wrong());
        };
        if object.is_empty() {
            return Err(wrong());
        }
        let shape = Shape::Mask(open(path)?);
        Self::of(object, Wish::Region(shape, filling)).ok_or_else(wrong)
    }

    /// Reads `cat 2`.
    ///
    /// # Errors
    /// [`TargetTextError::Copies`].
    pub fn copies(text: &str) -> Result<Self, TargetTextError> {
        let wrong = || TargetTextError::Copies(text.to_owned());
        let parts: Vec<&str> = text.split_whitespace().collect();
        let [object @ .., count] = &parts[..] else {
            return Err(wrong());
        };
        let copies = count.parse().map_err(|_| wrong())?;
        Self::of(object, Wish::Copies(copies)).ok_or_else(wrong)
    }

    /// Reads `dog big` and `dog 40%`.
    ///
    /// # Errors
    /// [`TargetTextError::Size`].
    pub fn size(text: &str) -> Result<Self, TargetTextError> {
        let wrong = || TargetTextError::Size(text.to_owned());
        let parts: Vec<&str> = text.split_whitespace().collect();
        let [object @ .., size] = &parts[..] else {
            return Err(wrong());
        };
        let wish = match (*size, size.parse()) {
            ("usual", _) => Wish::UsualSize,
            (_, Ok(size)) => Wish::Size(size),
            (text, Err(_)) => Wish::Size(Size::Extent(fraction(text).ok_or_else(wrong)?)),
        };
        Self::of(object, wish).ok_or_else(wrong)
    }

    fn of(object: &[&str], wish: Wish) -> Option<Self> {
        (!object.is_empty()).then(|| Self {
            object: ObjectReference::read(object),
            wish,
        })
    }

    /// The option of the command line that takes it.
    pub fn option(&self) -> &'static str {
        match self.wish {
            Wish::Place(_) | Wish::Anywhere => "--place",
            Wish::Region(Shape::Mask(_), _) => "--mask",
            Wish::Region(..) => "--region",
            Wish::Copies(_) => "--copies",
            Wish::Size(_) | Wish::UsualSize => "--size-of",
        }
    }
}

/// Words and numbers, of which commas part the numbers.
fn parts(text: &str) -> Vec<&str> {
    let parts = text.split(|letter: char| letter.is_whitespace() || letter == ',');
    parts.filter(|part| !part.is_empty()).collect()
}

/// `25%` or `0.25`.
fn fraction(text: &str) -> Option<f64> {
    let (number, scale) = match text.strip_suffix('%') {
        Some(number) => (number, 0.01),
        None => (text, 1.0),
    };
    let number: f64 = number.parse().ok()?;
    number.is_finite().then_some(scale * number)
}

fn filling<'a, 't>(parts: &'a [&'t str]) -> (&'a [&'t str], Filling) {
    match parts {
        [rest @ .., "inside"] => (rest, Filling::Inside),
        [rest @ .., "fill"] => (rest, Filling::Fill),
        rest => (rest, Filling::Both),
    }
}

impl fmt::Display for Wish {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let percent = |part: f64| format!("{}%", (1000.0 * part).round() / 10.0);
        match self {
            Self::Place([x, y]) => write!(formatter, "{} {}", percent(*x), percent(*y)),
            Self::Region(shape, filling) => {
                match shape {
                    Shape::Rectangle(area) | Shape::Ellipse(area) => {
                        if matches!(shape, Shape::Ellipse(_)) {
                            formatter.write_str("ellipse ")?;
                        }
                        let sides = [area.x, area.y, area.width, area.height].map(percent);
                        formatter.write_str(&sides.join(","))?;
                    }
                    other => formatter.write_str(other.word())?,
                }
                formatter.write_str(match filling {
                    Filling::Both => "",
                    Filling::Inside => " inside",
                    Filling::Fill => " fill",
                })
            }
            Self::Copies(copies) => write!(formatter, "{copies}"),
            Self::Size(Size::Extent(extent)) => formatter.write_str(&percent(*extent)),
            Self::Size(size) => write!(formatter, "{size}"),
            Self::UsualSize => formatter.write_str("usual"),
            Self::Anywhere => formatter.write_str("anywhere"),
        }
    }
}

impl fmt::Display for TargetText {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} {}", self.object, self.wish)
    }
}

/// Adds wishes to an assignment; objects that it does not know join it. A number or
/// place takes the place of one that was there; places of one object are one for each
/// copy.
///
/// # Errors
/// [`TokenIndicesError`] if an object is not to be found in the prompt.
pub fn add_targets(
    assignment: &mut Assignment,
    texts: &[TargetText],
    prompt: &TokenizedPrompt,
) -> Result<(), TokenIndicesError> {
    let mut placed: Vec<usize> = Vec::new();
    for text in texts {
        let object = text.object.index_in(assignment, prompt)?;
        let is_further = placed.contains(&object);
        assignment.targets.edit(object, |target| match &text.wish {
            Wish::Place(place) => match &mut target.shape {
                Shape::Points(places) if is_further => places.push(*place),
                shape => *shape = Shape::Points(vec![*place]),
            },
            Wish::Region(shape, filling) => {
                target.shape = shape.clone();
                target.keep_inside = *filling != Filling::Fill;
                target.fill = *filling != Filling::Inside;
            }
            Wish::Copies(copies) => target.copies = *copies,
            Wish::Size(size) => target.size = Some(*size),
            Wish::UsualSize => target.size = None,
            Wish::Anywhere => target.shape = Shape::Anywhere,
        });
        if matches!(text.wish, Wish::Place(_)) {
            placed.push(object);
        }
    }
    Ok(())
}

/// The wishes of a layout as text, each object by its label.
pub fn target_texts(layout: &Layout) -> Vec<TargetText> {
    let targets = layout.targets.iter();
    targets
        .flat_map(|target| {
            let label = layout.objects.get(target.object).map(|it| it.label.clone());
            let label = label.unwrap_or_default();
            wishes(target).into_iter().map(move |wish| TargetText {
                object: ObjectReference::Words(label.clone()),
                wish,
            })
        })
        .collect()
}

fn wishes(target: &ObjectTarget) -> Vec<Wish> {
    let mut wishes = Vec::new();
    if target.copies != 1 {
        wishes.push(Wish::Copies(target.copies));
    }
    wishes.extend(target.size.map(Wish::Size));
    match &target.shape {
        Shape::Anywhere => {}
        Shape::Points(places) => wishes.extend(places.iter().map(|place| Wish::Place(*place))),
        region => {
            let filling = match (target.keep_inside, target.fill) {
                (true, false) => Filling::Inside,
                (false, _) => Filling::Fill,
                _ => Filling::Both,
            };
            wishes.push(Wish::Region(region.clone(), filling));
        }
    }
    wishes
}

#[cfg(test)]
mod tests;
