//! What the detector's outputs mean: objects with place, extent and colour, and which
//! pixels are theirs. The reading of assets/toybox/recipe/detector.py, function `detect`.

use serde::Serialize;

use super::object_detector::DetectorNames;

/// Side of the pictures that the network was trained on, in which extents are told.
const SIDE: f64 = 128.0;
/// Pixels to a cell of the grid, along a side.
const CELL: usize = 4;
/// Two objects of which one's centre lies within so much of the larger extent of the
/// other's are one.
const SAME: f64 = 0.3;
/// A pixel further than this from an object's centre, in its extents, is not its.
const REACH: f64 = 0.65;

/// Scores that decide.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Thresholds {
    /// Over it an object is found.
    pub found: f32,
    /// Over it, and not found, it may be there.
    pub undecided: f32,
}

/// An object in a picture.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct FoundObject {
    pub name: String,
    /// Score of its cell, 0 to 1.
    pub confidence: f32,
    /// Centre, as a fraction of the picture's width.
    pub x: f64,
    /// Centre, as a fraction of the picture's height.
    pub y: f64,
    /// As a fraction of the picture's width.
    pub width: f64,
    /// As a fraction of the picture's height.
    pub height: f64,
    /// The names that its colour goes by; an object's own may have several, or none.
    pub colours: Vec<String>,
}

impl FoundObject {
    /// The longer side, as a fraction of the picture's shorter one; `sides` are the
    /// picture's width and height.
    pub fn extent(&self, [width, height]: [f64; 2]) -> f64 {
        f64::max(self.width * width, self.height * height) / width.min(height)
    }
}

/// A picture's pixels, row by row: which belong to an object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ObjectMask {
    pub width: usize,
    pub height: usize,
    pub inside: Vec<bool>,
}

impl ObjectMask {
    /// Number of pixels in it.
    pub fn count(&self) -> usize {
        self.inside.iter().filter(|&&inside| inside).count()
    }
}

/// The network's outputs for one picture, row-major, channels first.
#[derive(Debug, Clone)]
pub(super) struct GridOutputs {
    pub rows: usize,
    pub columns: usize,
    /// [objects, rows, columns], 0 to 1.
    pub heat: Vec<f32>,
    /// [4, rows, columns]: offset of the centre from the cell's in cells, to the right
    /// and down, log of width and height as shares of [`SIDE`].
    pub boxes: Vec<f32>,
    /// [1 + colours, rows, columns], logits: its own, or one of the colours.
    pub colours: Vec<f32>,
    /// [4, 2 × rows, 2 × columns], logits of the four pixels of a cell, row by row.
    pub pixels: Vec<f32>,
}

/// Scores of every object in every cell of one picture, and what belongs to them.
#[derive(Debug, Clone)]
pub struct ObjectScores {
    names: DetectorNames,
    thresholds: Thresholds,
    /// Width and height in pixels.
    sides: [usize; 2],
    outputs: GridOutputs,
}

impl ObjectScores {
    pub(super) fn new(
        names: DetectorNames,
        thresholds: Thresholds,
        sides: [usize; 2],
        outputs: GridOutputs,
    ) -> Self {
        Self {
            names,
            thresholds,
            sides,
            outputs,
        }
    }

    /// [objects, rows, columns], row-major, objects in the detector's order.
    pub fn values(&self) -> &[f32] {
        &self.outputs.heat
    }

    /// The most certain place of an object, found or not; `None` if the
    /// detector does not know it.
    pub fn strongest(&self, name: &str) -> Option<FoundObject> {
        let object = self.names.objects.iter().position(|known| known == name)?;
        let cells = 0..self.cells();
        let cell =
            cells.max_by(|&a, &b| self.score(object, a).total_cmp(&self.score(object, b)))?;
        Some(self.object_at(object, cell))
    }

    /// Objects that may be there: not found, but not nothing either.
    pub fn undecided(&self) -> Vec<String> {
        let found = self.found();
        let names = self.names.objects.iter();
        let is_undecided = |name: &&String| {
            let score = self.strongest(name).map_or(0.0, |it| it.confidence);
            let is_found = found.iter().any(|found| found.name == **name);
            !is_found && score > self.thresholds.undecided
        };
        names.filter(is_undecided).cloned().collect()
    }

    /// Every object that is there, the most certain first. A peak is a cell that no cell
    /// beside it beats, whatever the object; of two peaks on one object the stronger
    /// counts.
    pub fn found(&self) -> Vec<FoundObject> {
        let strongest: Vec<usize> = (0..self.cells()).map(|cell| self.kind(cell)).collect();
        let best = |cell: usize| self.score(strongest[cell], cell);
        let peaks = (0..self.cells()).filter(|&cell| {
            // Of equal neighbours the first is the peak.
            let beats =
                |other| best(cell) > best(other) || best(cell) == best(other) && cell < other;
            best(cell) > self.thresholds.found && self.around(cell).all(beats)
        });
        let mut found: Vec<FoundObject> = peaks
            .map(|cell| self.object_at(strongest[cell], cell))
            .collect();
        found.sort_by(|a, b| b.confidence.total_cmp(&a.confidence));
        let mut kept: Vec<FoundObject> = Vec::new();
        for one in found {
            let is_apart = |other: &FoundObject| {
                (one.x - other.x).abs() > SAME * one.width.max(other.width)
                    || (one.y - other.y).abs() > SAME * one.height.max(other.height)
            };
            if kept.iter().all(is_apart) {
                kept.push(one);
            }
        }
        kept
    }

    /// The pixels of each of these objects: those of the mask that lie nearest to it, in
    /// units of its extents, and not far outside.
    pub fn masks(&self, found: &[FoundObject]) -> Vec<ObjectMask> {
        let [width, height] = self.sides;
        let empty = ObjectMask {
            width,
            height,
            inside: vec![false; width * height],
        };
        let mut masks = vec![empty; found.len()];
        for (row, column) in (0..height).flat_map(|row| (0..width).map(move |it| (row, it))) {
            if self.pixel(row, column) <= 0.0 {
                continue;
            }
            let [x, y] = [(column, width), (row, height)]
                .map(|(index, side)| (index as f64 + 0.5) / side as f64);
            let away = found
                .iter()
                .map(|it| f64::max((x - it.x).abs() / it.width, (y - it.y).abs() / it.height));
            let nearest = away.enumerate().min_by(|(_, a), (_, b)| a.total_cmp(b));
            if let Some((object, away)) = nearest
                && away < REACH
            {
                masks[object].inside[row * width + column] = true;
            }
        }
        masks
    }

    fn cells(&self) -> usize {
        self.outputs.rows * self.outputs.columns
    }

    fn score(&self, object: usize, cell: usize) -> f32 {
        self.outputs.heat[object * self.cells() + cell]
    }

    /// The object that is most certain in a cell.
    fn kind(&self, cell: usize) -> usize {
        let objects = 0..self.names.objects.len();
        let best = objects.max_by(|&a, &b| self.score(a, cell).total_cmp(&self.score(b, cell)));
        best.unwrap_or(0)
    }

    /// The cells beside a cell.
    fn around(&self, cell: usize) -> impl Iterator<Item = usize> {
        let columns_in_all = self.outputs.columns;
        let (row, column) = (cell / columns_in_all, cell % columns_in_all);
        let rows = row.saturating_sub(1)..(row + 2).min(self.outputs.rows);
        let columns = column.saturating_sub(1)..(column + 2).min(columns_in_all);
        let all =
            rows.flat_map(move |row| columns.clone().map(move |it| row * columns_in_all + it));
        all.filter(move |&other| other != cell)
    }

    fn object_at(&self, object: usize, cell: usize) -> FoundObject {
        let (row, column) = (cell / self.outputs.columns, cell % self.outputs.columns);
        let told = |index: usize| f64::from(self.outputs.boxes[index * self.cells() + cell]);
        let [width, height] = self.sides.map(|side| side as f64);
        let centre = |index: usize, offset: f64| (index as f64 + 0.5 + offset) * CELL as f64;
        let extent = |log: f64, side: f64| (log.exp() * SIDE / side).min(1.0);
        FoundObject {
            name: self.names.objects[object].clone(),
            confidence: self.score(object, cell),
            x: centre(column, told(0)) / width,
            y: centre(row, told(1)) / height,
            width: extent(told(2), width),
            height: extent(told(3), height),
            colours: self.colours_at(object, cell),
        }
    }

    fn colours_at(&self, object: usize, cell: usize) -> Vec<String> {
        let logit = |shade: usize| self.outputs.colours[shade * self.cells() + cell];
        let shades = 0..=self.names.colours.len();
        let shade = shades.max_by(|&a, &b| logit(a).total_cmp(&logit(b)));
        match shade.and_then(|shade| shade.checked_sub(1)) {
            Some(colour) => vec![self.names.colours[colour].clone()],
            None => self.names.own_colours[object].clone(),
        }
    }

    /// Logit of a pixel: over zero it belongs to an object.
    fn pixel(&self, row: usize, column: usize) -> f32 {
        let (rows, columns) = (2 * self.outputs.rows, 2 * self.outputs.columns);
        let channel = 2 * (row % 2) + column % 2;
        self.outputs.pixels[(channel * rows + row / 2) * columns + column / 2]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROWS: usize = 4;
    const COLUMNS: usize = 8;
    const CELLS: usize = ROWS * COLUMNS;

    /// Scores of cats and dogs in a picture of 32 × 16 pixels in which everything is a
    /// quarter of its width and half its height, all pixels belong to something, and
    /// whatever lies in column 2 is red.
    fn scores(heat: &[(usize, usize, f32)]) -> ObjectScores {
        let mut outputs = GridOutputs {
            rows: ROWS,
            columns: COLUMNS,
            heat: vec![0.01; 2 * CELLS],
            boxes: vec![0.0; 4 * CELLS],
            colours: vec![0.0; 2 * CELLS],
            pixels: vec![1.0; 4 * 4 * CELLS],
        };
        for &(object, cell, score) in heat {
            outputs.heat[object * CELLS + cell] = score;
        }
        outputs.boxes[2 * CELLS..].fill((8.0f32 / 128.0).ln());
        for cell in 0..CELLS {
            let is_red = cell % COLUMNS == 2;
            outputs.colours[if is_red { CELLS } else { 0 } + cell] = 3.0;
        }
        let words = |list: &[&str]| list.iter().map(|word| (*word).to_owned()).collect();
        let names = DetectorNames {
            objects: words(&["cat", "dog"]),
            colours: words(&["red"]),
            own_colours: vec![words(&["orange", "yellow"]), words(&[])],
        };
        let thresholds = Thresholds {
            found: 0.4,
            undecided: 0.15,
        };
        ObjectScores::new(names, thresholds, [32, 16], outputs)
    }

    #[test]
    fn peaks_are_found_once_each_with_place_extent_and_colour() {
        // A cat with a shoulder, its twin, and a dog too faint to be found.
        let scores = scores(&[
            (0, COLUMNS + 2, 0.9),
            (0, COLUMNS + 3, 0.8),
            (0, 3 * COLUMNS + 7, 0.6),
            (1, 5, 0.3),
        ]);
        let found = scores.found();
        let places: Vec<[f64; 4]> = found
            .iter()
            .map(|it| [it.x, it.y, it.width, it.height])
            .collect();
        assert_eq!(found.len(), 2);
        for (place, expected) in places.iter().zip([
            [2.5 / 8.0, 1.5 / 4.0, 0.25, 0.5],
            [7.5 / 8.0, 3.5 / 4.0, 0.25, 0.5],
        ]) {
            assert!(
                place
                    .iter()
                    .zip(expected)
                    .all(|(a, b)| (a - b).abs() < 1e-6)
            );
        }
        assert!((found[0].extent([32.0, 16.0]) - 0.5).abs() < 1e-6);
        assert_eq!(found[0].colours, ["red"]);
        assert_eq!(found[1].colours, ["orange", "yellow"]);
        assert_eq!(scores.undecided(), ["dog"]);
        let dog = scores.strongest("dog").unwrap();
        assert_eq!((dog.confidence, dog.x), (0.3, 5.5 / 8.0));
        assert!(scores.strongest("unicorn").is_none());
    }

    #[test]
    fn one_object_is_not_found_twice_and_what_it_might_be_is_the_strongest() {
        // Of equal neighbours one counts, and in one cell the stronger kind.
        let scores = scores(&[(0, 10, 0.7), (0, 11, 0.7), (1, 10, 0.6)]);
        let found = scores.found();
        assert_eq!(found.len(), 1, "{found:?}");
        assert_eq!(found[0].name, "cat");
        assert!(scores.undecided().contains(&"dog".to_owned()));
    }

    #[test]
    fn a_pixel_belongs_to_the_nearest_object_that_is_not_far() {
        let scores = scores(&[(0, COLUMNS + 2, 0.9), (1, COLUMNS + 5, 0.8)]);
        let masks = scores.masks(&scores.found());
        // Boxes of 8 × 8 pixels around (10, 6) and (22, 6); their masks reach 0.65 of that.
        let inside = |mask: &ObjectMask, x: usize, y: usize| mask.inside[y * 32 + x];
        assert!(inside(&masks[0], 10, 6) && !inside(&masks[1], 10, 6));
        assert!(inside(&masks[1], 22, 6));
        assert!(inside(&masks[0], 5, 1) && !inside(&masks[0], 4, 6));
        assert!(!inside(&masks[0], 10, 12));
        assert_eq!(masks[0].count(), masks[1].count());
    }
}
