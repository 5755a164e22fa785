//! How two trajectories differ, tensor by tensor: the first differing one tells
//! where two runs, or two implementations, part.

use std::collections::HashSet;

use super::trajectory::{Trajectory, TrajectoryTensor};

/// One tensor of two trajectories.
#[derive(Debug, Clone, PartialEq)]
pub struct TensorDifference {
    /// Its name.
    pub name: String,
    /// What was found.
    pub difference: Difference,
}

/// How a tensor differs.
#[derive(Debug, Clone, PartialEq)]
pub enum Difference {
    /// Both have it with one shape.
    Values {
        /// Lengths of the axes.
        shape: Vec<usize>,
        /// Largest |a − b|; infinite where one is NaN or infinite and the other
        /// is not the same.
        max_abs: f64,
        /// `max_abs` divided by the largest |a| or |b| of the tensor; 0 if all
        /// are 0. Not element by element, where numbers near 0 would decide.
        max_rel: f64,
        /// Mean of |a − b|.
        mean_abs: f64,
    },
    /// Both have it with different shapes.
    Shapes {
        /// Lengths of the axes in the first trajectory.
        first: Vec<usize>,
        /// Lengths of the axes in the second one.
        second: Vec<usize>,
    },
    /// Only the second trajectory has it.
    MissingInFirst,
    /// Only the first trajectory has it.
    MissingInSecond,
}

impl Difference {
    /// Whether both have it, with every number within a relative difference.
    pub fn is_within(&self, max_rel: f64) -> bool {
        matches!(self, Self::Values { max_rel: found, .. } if *found <= max_rel)
    }
}

/// Compares all tensors: those of the first trajectory in its order, then what
/// only the second one has.
pub fn compare(first: &Trajectory, second: &Trajectory) -> Vec<TensorDifference> {
    let names: HashSet<&str> = first.tensors.iter().map(|it| it.name.as_str()).collect();
    let of_first = first.tensors.iter().map(|tensor| TensorDifference {
        name: tensor.name.clone(),
        difference: second
            .tensor(&tensor.name)
            .map_or(Difference::MissingInSecond, |other| {
                difference(tensor, other)
            }),
    });
    let only_second = second
        .tensors
        .iter()
        .filter(|it| !names.contains(it.name.as_str()));
    of_first
        .chain(only_second.map(|tensor| TensorDifference {
            name: tensor.name.clone(),
            difference: Difference::MissingInFirst,
        }))
        .collect()
}

fn difference(first: &TrajectoryTensor, second: &TrajectoryTensor) -> Difference {
    if first.shape != second.shape {
        return Difference::Shapes {
            first: first.shape.clone(),
            second: second.shape.clone(),
        };
    }
    let (mut max_abs, mut sum, mut largest) = (0.0f64, 0.0f64, 0.0f64);
    for (&a, &b) in first.values.iter().zip(&second.values) {
        let (a, b) = (f64::from(a), f64::from(b));
        let distance = match (a - b).abs() {
            _ if a == b || a.is_nan() && b.is_nan() => 0.0,
            distance if distance.is_nan() => f64::INFINITY,
            distance => distance,
        };
        max_abs = max_abs.max(distance);
        sum += distance;
        // f64::max passes NaN over; infinities would hide all else.
        for value in [a.abs(), b.abs()] {
            if value.is_finite() {
                largest = largest.max(value);
            }
        }
    }
    Difference::Values {
        shape: first.shape.clone(),
        max_abs,
        max_rel: if max_abs == 0.0 {
            0.0
        } else {
            max_abs / largest
        },
        mean_abs: sum / first.values.len().max(1) as f64,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn trajectory(tensors: &[(&str, &[f32])]) -> Trajectory {
        let tensors = tensors.iter().map(|&(name, values)| TrajectoryTensor {
            name: name.to_owned(),
            shape: vec![values.len()],
            values: values.to_vec(),
        });
        Trajectory {
            tensors: tensors.collect(),
            run: serde_json::Value::Null,
        }
    }

    fn figures(a: &[f32], b: &[f32]) -> (f64, f64, f64) {
        match difference(
            &trajectory(&[("x", a)]).tensors[0],
            &trajectory(&[("x", b)]).tensors[0],
        ) {
            Difference::Values {
                max_abs,
                max_rel,
                mean_abs,
                ..
            } => (max_abs, max_rel, mean_abs),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn figures_are_of_the_whole_tensor() {
        assert_eq!(
            figures(&[1.0, -4.0, 0.0, 0.5], &[1.0, -3.0, 0.5, 0.5]),
            (1.0, 0.25, 0.375)
        );
        assert_eq!(figures(&[0.0, 2.0], &[0.0, 2.0]), (0.0, 0.0, 0.0));
        assert_eq!(figures(&[], &[]), (0.0, 0.0, 0.0));
    }

    #[test]
    fn what_is_not_a_number_is_no_agreement() {
        let (nan, infinity) = (f32::NAN, f32::INFINITY);
        assert_eq!(
            figures(&[nan, infinity, 1.0], &[nan, infinity, 1.0]),
            (0.0, 0.0, 0.0)
        );
        for (a, b) in [
            (nan, 1.0),
            (1.0, nan),
            (infinity, 1.0),
            (infinity, -infinity),
            (nan, infinity),
        ] {
            let (max_abs, max_rel, mean_abs) = figures(&[a, 1.0], &[b, 1.0]);
            assert_eq!(
                (max_abs, max_rel, mean_abs),
                (f64::INFINITY, f64::INFINITY, f64::INFINITY)
            );
        }
    }

    #[test]
    fn all_tensors_of_both_are_reported_in_order() {
        let first = trajectory(&[("b", &[1.0]), ("a", &[1.0, 2.0]), ("c", &[0.0])]);
        let second = trajectory(&[("d", &[0.0]), ("a", &[1.0]), ("b", &[1.5])]);
        let found = compare(&first, &second);
        let names: Vec<&str> = found.iter().map(|it| it.name.as_str()).collect();
        assert_eq!(names, ["b", "a", "c", "d"]);
        assert!(found[0].difference.is_within(0.34) && !found[0].difference.is_within(0.33));
        assert_eq!(
            found[1].difference,
            Difference::Shapes {
                first: vec![2],
                second: vec![1]
            }
        );
        assert_eq!(found[2].difference, Difference::MissingInSecond);
        assert_eq!(found[3].difference, Difference::MissingInFirst);
        assert!(
            found[1..]
                .iter()
                .all(|it| !it.difference.is_within(f64::INFINITY))
        );
    }
}
