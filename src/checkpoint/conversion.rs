//! Numbers of a weight file into the numbers that a device computes with.
//!
//! One pass over the bytes converts, transposes where burn has a layer the other
//! way round, and sees every value, so that nothing that is not finite passes.

use burn::tensor::{Element, TensorData};
use half::{bf16, f16};
use rayon::prelude::*;
use safetensors::Dtype;

/// What weights are computed in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WeightType {
    F32,
    /// Half the memory, on a GPU that computes in it.
    F16,
}

impl WeightType {
    /// Size of one number.
    pub fn bytes(self) -> usize {
        match self {
            Self::F32 => 4,
            Self::F16 => 2,
        }
    }

    /// The name shown to people.
    pub fn name(self) -> &'static str {
        match self {
            Self::F32 => "f32",
            Self::F16 => "f16",
        }
    }
}

impl std::fmt::Display for WeightType {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(self.name())
    }
}

/// Whether numbers of this type in a file can be weights.
pub(super) fn is_weight(dtype: Dtype) -> bool {
    matches!(dtype, Dtype::F32 | Dtype::F16 | Dtype::BF16 | Dtype::F64)
}

/// Converts `bytes`, numbers of `from` in the row-major `shape`, to `to`, with
/// the two dimensions swapped if `transposed`; `None` if a number is not finite.
///
/// # Panics
/// If `from` is not [`is_weight`]. `bytes` must be as long as `shape` says.
pub(super) fn convert(
    bytes: &[u8],
    from: Dtype,
    shape: &[usize],
    transposed: bool,
    to: WeightType,
) -> Option<TensorData> {
    match from {
        Dtype::F32 => convert_from::<f32>(bytes, shape, transposed, to),
        Dtype::F16 => convert_from::<f16>(bytes, shape, transposed, to),
        Dtype::BF16 => convert_from::<bf16>(bytes, shape, transposed, to),
        Dtype::F64 => convert_from::<f64>(bytes, shape, transposed, to),
        other => unreachable!("{other} was refused when the file was checked"),
    }
}

fn convert_from<S: Stored>(
    bytes: &[u8],
    shape: &[usize],
    transposed: bool,
    to: WeightType,
) -> Option<TensorData> {
    match to {
        WeightType::F32 => {
            let (numbers, shape) = copy::<S, f32>(bytes, shape, transposed)?;
            Some(TensorData::new(numbers, shape))
        }
        WeightType::F16 => {
            let (numbers, shape) = copy::<S, f16>(bytes, shape, transposed)?;
            Some(TensorData::new(numbers, shape))
        }
    }
}

/// A convolution's weight [outputs, inputs, rows, columns] with its channels side by
/// side in memory: [outputs, rows, columns, inputs].
pub(super) fn channels_last(weight: &TensorData, of: WeightType) -> TensorData {
    match of {
        WeightType::F32 => channels_last_of::<f32>(weight),
        WeightType::F16 => channels_last_of::<f16>(weight),
    }
}

fn channels_last_of<N: Computed + Element>(weight: &TensorData) -> TensorData {
    let [outputs, inputs, rows, columns] = weight.shape().dims::<4>();
    let taps = rows * columns;
    let numbers = weight.as_slice::<N>();
    let numbers = numbers.expect("the numbers were converted to this type");
    let mut turned = vec![N::default(); numbers.len()];
    let of_outputs = turned
        .par_chunks_mut((inputs * taps).max(1))
        .zip(numbers.par_chunks((inputs * taps).max(1)));
    of_outputs.for_each(|(turned, numbers)| {
        for (tap, channels) in turned.chunks_exact_mut(inputs).enumerate() {
            for (channel, number) in channels.iter_mut().enumerate() {
                *number = numbers[channel * taps + tap];
            }
        }
    });
    TensorData::new(turned, [outputs, rows, columns, inputs])
}

/// A number in a file, little-endian.
trait Stored {
    const SIZE: usize;
    /// `bytes` holds exactly one.
    fn read(bytes: &[u8]) -> f32;
}

macro_rules! stored {
    ($number:ty, $to_f32:expr) => {
        impl Stored for $number {
            const SIZE: usize = size_of::<$number>();
            fn read(bytes: &[u8]) -> f32 {
                let bytes = bytes.try_into().expect("chunks have the number's size");
                $to_f32(<$number>::from_le_bytes(bytes))
            }
        }
    };
}
stored!(f32, |number| number);
stored!(f64, |number| number as f32);
stored!(f16, f16::to_f32);
stored!(bf16, bf16::to_f32);

/// A number on the device.
trait Computed: Copy + Default + Send + Sync {
    fn of(number: f32) -> Self;
    fn is_finite(self) -> bool;
}

impl Computed for f32 {
    fn of(number: f32) -> Self {
        number
    }
    fn is_finite(self) -> bool {
        f32::is_finite(self)
    }
}

impl Computed for f16 {
    fn of(number: f32) -> Self {
        Self::from_f32(number)
    }
    fn is_finite(self) -> bool {
        f16::is_finite(self)
    }
}

/// Numbers that one thread converts at a time.
const CHUNK: usize = 1 << 15;
/// Columns that one thread transposes at a time: a cache line of f32.
const COLUMNS: usize = 16;

fn copy<S: Stored, C: Computed>(
    bytes: &[u8],
    shape: &[usize],
    transposed: bool,
) -> Option<(Vec<C>, Vec<usize>)> {
    let mut numbers = vec![C::default(); bytes.len() / S::SIZE];
    let (&[rows, columns], true) = (shape, transposed) else {
        let chunks = numbers.par_chunks_mut(CHUNK);
        let finite = chunks
            .zip(bytes.par_chunks(CHUNK * S::SIZE))
            .map(|(numbers, bytes)| copy_chunk::<S, C>(numbers, bytes))
            .reduce(|| true, |all, chunk| all & chunk);
        return finite.then(|| (numbers, shape.to_vec()));
    };
    let row_bytes = columns * S::SIZE;
    let finite = numbers
        .par_chunks_mut((COLUMNS * rows).max(1))
        .enumerate()
        .map(|(block, numbers)| {
            let mut finite = true;
            let first = block * COLUMNS * S::SIZE;
            let end = (first + COLUMNS * S::SIZE).min(row_bytes);
            for row in 0..rows {
                let line = &bytes[row * row_bytes + first..row * row_bytes + end];
                for (column, bytes) in line.chunks_exact(S::SIZE).enumerate() {
                    let number = C::of(S::read(bytes));
                    finite &= number.is_finite();
                    numbers[column * rows + row] = number;
                }
            }
            finite
        })
        .reduce(|| true, |all, block| all & block);
    finite.then(|| (numbers, vec![columns, rows]))
}

fn copy_chunk<S: Stored, C: Computed>(numbers: &mut [C], bytes: &[u8]) -> bool {
    let mut finite = true;
    for (number, bytes) in numbers.iter_mut().zip(bytes.chunks_exact(S::SIZE)) {
        *number = C::of(S::read(bytes));
        finite &= number.is_finite();
    }
    finite
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn channels_side_by_side_are_the_same_weight_in_another_order() {
        let numbers: Vec<f32> = (0..2 * 3 * 4).map(|number| number as f32).collect();
        let weight = TensorData::new(numbers, [2, 3, 2, 2]);
        let turned = channels_last(&weight, WeightType::F32);
        let device = burn::tensor::Device::flex();
        let back = burn::tensor::Tensor::<4>::from_data(turned, &device).permute([0, 3, 1, 2]);
        assert_eq!(back.into_data(), weight);
    }

    fn f32_bytes(numbers: &[f32]) -> Vec<u8> {
        numbers.iter().flat_map(|n| n.to_le_bytes()).collect()
    }

    #[test]
    fn linear_layers_are_turned_and_others_kept() {
        // 37 columns: two blocks and a part of one.
        let (rows, columns) = (5, 37);
        let numbers: Vec<f32> = (0..rows * columns).map(|n| n as f32).collect();
        let bytes = f32_bytes(&numbers);
        let shape = [rows, columns];
        let turned = convert(&bytes, Dtype::F32, &shape, true, WeightType::F32).unwrap();
        assert_eq!(turned.shape().as_slice(), [columns, rows]);
        let values = turned.as_slice::<f32>().unwrap();
        for row in 0..rows {
            for column in 0..columns {
                assert_eq!(values[column * rows + row], (row * columns + column) as f32);
            }
        }
        let kept = convert(&bytes, Dtype::F32, &shape, false, WeightType::F32).unwrap();
        assert_eq!(kept.as_slice::<f32>().unwrap(), numbers);
    }

    #[test]
    fn every_type_in_circulation_is_read() {
        let numbers = [0.0f32, 1.0, -2.5, 0.15625];
        let halves = numbers.iter().flat_map(|&n| f16::from_f32(n).to_le_bytes());
        let brains = numbers
            .iter()
            .flat_map(|&n| bf16::from_f32(n).to_le_bytes());
        let doubles = numbers.iter().flat_map(|&n| f64::from(n).to_le_bytes());
        for (dtype, bytes) in [
            (Dtype::F16, halves.collect::<Vec<u8>>()),
            (Dtype::BF16, brains.collect()),
            (Dtype::F64, doubles.collect()),
            (Dtype::F32, f32_bytes(&numbers)),
        ] {
            let read = convert(&bytes, dtype, &[4], false, WeightType::F32).unwrap();
            assert_eq!(read.as_slice::<f32>().unwrap(), numbers, "{dtype}");
            let half = convert(&bytes, dtype, &[2, 2], true, WeightType::F16).unwrap();
            let expected = [0.0, -2.5, 1.0, 0.15625].map(f16::from_f32);
            assert_eq!(half.as_slice::<f16>().unwrap(), expected, "{dtype}");
        }
    }

    #[test]
    fn what_is_not_finite_does_not_pass() {
        let mut numbers = vec![1.0f32; 3 * CHUNK];
        let shape = [3, CHUNK];
        for (place, value) in [
            (0, f32::NAN),
            (CHUNK + 7, f32::INFINITY),
            (3 * CHUNK - 1, f32::NAN),
        ] {
            numbers[place] = value;
            let bytes = f32_bytes(&numbers);
            for transposed in [false, true] {
                let read = convert(&bytes, Dtype::F32, &shape, transposed, WeightType::F32);
                assert!(read.is_none(), "{value} at {place}");
            }
            numbers[place] = 1.0;
        }
        // Finite in f32, too large for f16.
        let bytes = f32_bytes(&[1.0, 70_000.0]);
        assert!(convert(&bytes, Dtype::F32, &[2], false, WeightType::F32).is_some());
        assert!(convert(&bytes, Dtype::F32, &[2], false, WeightType::F16).is_none());
    }
}
