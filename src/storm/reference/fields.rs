//! The directional cost fields of the released code and the relation words that
//! choose them.

/// Keeps the released code's divisions away from 0.
pub(super) const TINY: f64 = 1e-8;

/// The relation as the released code sees it: substrings of the prompt, so that
/// "laptop", "bright" and "beside" count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct RelationWords {
    /// "top", "above" or "below".
    pub vertical: bool,
    /// "left" or "right".
    pub horizontal: bool,
    /// "side", "next" or "near": the target is the other object's map.
    pub other_object: bool,
}

impl RelationWords {
    pub(super) fn find(prompt: &str) -> Self {
        let any = |words: &[&str]| words.iter().any(|word| prompt.contains(word));
        Self {
            vertical: any(&["top", "above", "below"]),
            horizontal: any(&["left", "right"]),
            other_object: any(&["side", "next", "near"]),
        }
    }

    /// The coordinate of the centroids that costs and targets use, 0 for x and
    /// 1 for y. Vertical words win; without any word the targets are the
    /// horizontal ones.
    pub(super) fn cost_axis(self) -> usize {
        usize::from(self.vertical)
    }

    /// The coordinate the refinement gate looks at: x if there is a horizontal
    /// word, whatever else there is.
    pub(super) fn gate_axis(self) -> usize {
        usize::from(!self.horizontal)
    }

    /// Whether the cost depends on the place at all.
    pub(super) fn has_direction(self) -> bool {
        self.vertical || self.horizontal
    }
}

/// The side of a centroid on which a map is cheap.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Side {
    /// Indices less than the centroid: the subject's.
    Less,
    /// Indices greater than the centroid: the object's.
    Greater,
}

/// Value of a directional field at a column and its derivative by the centroid.
///
/// With d the distance from the centroid into the wanted side plus 1e-8:
/// 1 / (w d) there, and w d, d being the distance into the other side, there.
/// Vertical relations compare the column with the y centroid too, because the
/// released code transposes its field of rows.
pub(super) fn directional_field(side: Side, column: usize, centroid: f64, w: f64) -> [f64; 2] {
    let sign = match side {
        Side::Less => 1.0,
        Side::Greater => -1.0,
    };
    let into_wanted = sign * (centroid - column as f64);
    if into_wanted > 0.0 {
        let distance = into_wanted + TINY;
        [1.0 / (w * distance), -sign / (w * distance * distance)]
    } else {
        [w * (TINY - into_wanted), -sign * w]
    }
}

/// w(i) = 1 + 99 (1 − e^(−0.4 i)).
pub(super) fn step_weight(step_index: usize) -> f64 {
    1.0 + 99.0 * (1.0 - (-0.4 * step_index as f64).exp())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_found_inside_other_words() {
        let laptop = RelationWords::find("a laptop and a bright cat");
        assert!(laptop.vertical && laptop.horizontal && !laptop.other_object);
        // Vertical words rule the cost, horizontal ones the gate.
        assert_eq!((laptop.cost_axis(), laptop.gate_axis()), (1, 0));
        let plain = RelationWords::find("a cat and a dog");
        assert!(!plain.has_direction());
        assert_eq!((plain.cost_axis(), plain.gate_axis()), (0, 1));
        assert!(RelationWords::find("a cat beside a dog").other_object);
    }

    #[test]
    fn the_wanted_side_is_cheap_and_the_other_dear() {
        let value = |side, column| directional_field(side, column, 7.5, 10.0)[0];
        assert!((value(Side::Less, 2) - 1.0 / 55.0).abs() < 1e-9);
        assert!((value(Side::Less, 10) - 25.0).abs() < 1e-6);
        assert!((value(Side::Greater, 10) - 1.0 / 25.0).abs() < 1e-9);
        assert!((value(Side::Greater, 2) - 55.0).abs() < 1e-6);
    }

    #[test]
    fn slopes_match_differences() {
        for side in [Side::Less, Side::Greater] {
            for column in [3, 11] {
                let at = |c: f64| directional_field(side, column, c, 30.0);
                let numeric = (at(7.3 + 1e-5)[0] - at(7.3 - 1e-5)[0]) / 2e-5;
                assert!((numeric - at(7.3)[1]).abs() < 1e-5);
            }
        }
    }
}
