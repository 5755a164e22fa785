//! Noise identical to PyTorch's generators, so that a seed gives here the picture
//! that it gives in diffusers and in the released STORM code, or on the graphics
//! cards that most pictures of other programs were made with.
//!
//! The CPU's is Mersenne Twister 19937 with both of `torch.randn`'s Box–Muller
//! paths; the cards' lives in [`philox`].

mod philox;

use std::fmt;
use std::str::FromStr;

use burn::tensor::{Device, Tensor, TensorData};
use philox::PhiloxGenerator;
use serde::{Deserialize, Serialize};

/// Whose noise a seed stands for. In files and pictures it goes by A1111's names.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum NoiseKind {
    /// PyTorch's generator of the CPU, as diffusers and ComfyUI draw it.
    #[default]
    Cpu,
    /// PyTorch's generator of NVIDIA's cards, as A1111 draws it.
    Nv,
}

impl NoiseKind {
    /// Every kind, in the order in which menus show them.
    pub const ALL: [Self; 2] = [Self::Cpu, Self::Nv];

    /// The value of A1111's key `RNG`.
    pub fn infotext_name(self) -> &'static str {
        match self {
            Self::Cpu => "CPU",
            Self::Nv => "NV",
        }
    }

    /// From A1111's key `RNG`; a picture without it was made with a card's noise.
    pub fn from_infotext(value: Option<&str>) -> Self {
        value.map_or(Self::Nv, |value| value.parse().unwrap_or(Self::Nv))
    }

    /// One sentence.
    pub fn explanation(self) -> &'static str {
        match self {
            Self::Cpu => "The noise that diffusers and ComfyUI draw for a seed.",
            Self::Nv => "The noise that A1111 draws for a seed: that of an NVIDIA card.",
        }
    }
}

impl fmt::Display for NoiseKind {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(self.infotext_name())
    }
}

impl FromStr for NoiseKind {
    type Err = UnknownNoise;

    fn from_str(name: &str) -> Result<Self, UnknownNoise> {
        match name.to_ascii_lowercase().as_str() {
            "cpu" => Ok(Self::Cpu),
            // A1111's "GPU" on the cards that nearly everyone had.
            "nv" | "gpu" | "philox" => Ok(Self::Nv),
            _ => Err(UnknownNoise(name.to_string())),
        }
    }
}

/// A name that is no kind of noise.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no kind of noise; choose cpu or nv")]
pub struct UnknownNoise(String);

/// Words of Mersenne Twister state (Matsumoto and Nishimura 1998, n).
const STATE_WORDS: usize = 624;
/// Offset of the recurrence (m of the same paper).
const SHIFT_WORDS: usize = 397;

/// The 32-bit Mersenne Twister, MT19937.
#[derive(Clone)]
pub struct Mt19937 {
    state: [u32; STATE_WORDS],
    next: usize,
}

impl Mt19937 {
    /// Seeds by the 2002 reference initialisation (`init_genrand`).
    pub fn new(seed: u32) -> Self {
        let mut state = [seed; STATE_WORDS];
        for index in 1..STATE_WORDS {
            let previous = state[index - 1];
            state[index] = (previous ^ (previous >> 30))
                .wrapping_mul(1_812_433_253)
                .wrapping_add(index as u32);
        }
        Self {
            state,
            next: STATE_WORDS,
        }
    }

    /// The next 32 random bits.
    pub fn next_u32(&mut self) -> u32 {
        if self.next == STATE_WORDS {
            self.twist();
        }
        let mut word = self.state[self.next];
        self.next += 1;
        word ^= word >> 11;
        word ^= (word << 7) & 0x9D2C_5680;
        word ^= (word << 15) & 0xEFC6_0000;
        word ^ (word >> 18)
    }

    /// Renews all words of the state.
    fn twist(&mut self) {
        for index in 0..STATE_WORDS {
            let upper = self.state[index] & 0x8000_0000;
            let lower = self.state[(index + 1) % STATE_WORDS] & 0x7FFF_FFFF;
            let mixed = upper | lower;
            let odd = if mixed & 1 == 0 { 0 } else { 0x9908_B0DF };
            self.state[index] =
                self.state[(index + SHIFT_WORDS) % STATE_WORDS] ^ (mixed >> 1) ^ odd;
        }
        self.next = 0;
    }
}

/// All the noise of one picture: where it starts, then what a stochastic
/// scheduler adds, as one `torch.Generator` gives it to a pipeline of diffusers.
#[derive(Clone)]
pub struct NoiseStream {
    generator: Generator,
    device: Device,
}

#[derive(Clone)]
enum Generator {
    Cpu(Box<TorchGenerator>),
    Nv(PhiloxGenerator),
}

impl NoiseStream {
    /// The noise of a seed, put on `device`.
    pub fn new(kind: NoiseKind, seed: u64, device: &Device) -> Self {
        Self {
            generator: match kind {
                NoiseKind::Cpu => Generator::Cpu(Box::new(TorchGenerator::new(seed))),
                NoiseKind::Nv => Generator::Nv(PhiloxGenerator::new(seed)),
            },
            device: device.clone(),
        }
    }

    /// The next standard normal tensor of that shape.
    pub fn draw(&mut self, shape: [usize; 4]) -> Tensor<4> {
        let length = shape.iter().product();
        let values = match &mut self.generator {
            Generator::Cpu(generator) => generator.randn(length),
            Generator::Nv(generator) => generator.randn(length),
        };
        Tensor::from_data(TensorData::new(values, shape), &self.device)
    }
}

/// A `torch.Generator` of the CPU: successive calls of [`randn`](Self::randn)
/// give what successive calls of `torch.randn` give with one generator.
#[derive(Clone)]
pub struct TorchGenerator {
    engine: Mt19937,
    /// The second normal of the last Box–Muller pair of the short path, which
    /// PyTorch keeps in the generator from one call to the next.
    spare: Option<f64>,
}

/// Lengths below this take PyTorch's scalar path; also the block of the other.
const BLOCK: usize = 16;

impl TorchGenerator {
    /// As `torch.Generator("cpu").manual_seed(seed)`: PyTorch seeds its
    /// Mersenne Twister with the low 32 bits. A negative Python seed `s`
    /// is `s as u64`.
    pub fn new(seed: u64) -> Self {
        Self {
            engine: Mt19937::new(seed as u32),
            spare: None,
        }
    }

    /// `length` standard normal numbers, as `torch.randn(length, generator=…)`
    /// in f32; a tensor of any contiguous shape holds the same numbers.
    ///
    /// Within 1e-6 of PyTorch on processors with AVX2 or AVX-512. On others it
    /// takes a scalar form that rounds the angle differently, up to 3e-6 away.
    pub fn randn(&mut self, length: usize) -> Vec<f32> {
        if length < BLOCK {
            return (0..length).map(|_| self.next_normal() as f32).collect();
        }
        let mut values: Vec<f32> = (0..length).map(|_| self.next_uniform_f32()).collect();
        for block in values.as_chunks_mut::<BLOCK>().0 {
            box_muller_block(block);
        }
        // PyTorch draws the whole last block anew when the length is not a multiple of 16.
        if !length.is_multiple_of(BLOCK) {
            let block = values
                .last_chunk_mut::<BLOCK>()
                .expect("lengths below a block took the scalar path");
            block.fill_with(|| self.next_uniform_f32());
            box_muller_block(block);
        }
        values
    }

    /// Uniform on [0, 1) with 24 random bits.
    fn next_uniform_f32(&mut self) -> f32 {
        (self.engine.next_u32() & 0x00FF_FFFF) as f32 / (1 << 24) as f32
    }

    /// Uniform on [0, 1) with 53 random bits; the first word is the upper one.
    fn next_uniform_f64(&mut self) -> f64 {
        let upper = u64::from(self.engine.next_u32());
        let lower = u64::from(self.engine.next_u32());
        ((upper << 32 | lower) & ((1 << 53) - 1)) as f64 / (1u64 << 53) as f64
    }

    /// One normal of the scalar path: Box–Muller in f64, two numbers a pair.
    fn next_normal(&mut self) -> f64 {
        if let Some(spare) = self.spare.take() {
            return spare;
        }
        let angle = std::f64::consts::TAU * self.next_uniform_f64();
        let radius = (-2.0 * (-self.next_uniform_f64()).ln_1p()).sqrt();
        let (sine, cosine) = angle.sin_cos();
        self.spare = Some(radius * sine);
        radius * cosine
    }
}

/// Turns 16 uniforms into 16 normals in place: numbers j and j + 8 are a pair.
///
/// The angle is rounded to f32 as PyTorch's vector path does (it shifts results
/// by up to 2e-6); logarithm, sine and cosine are computed in f64, so that all
/// platforms agree.
fn box_muller_block(block: &mut [f32; BLOCK]) {
    let (radii, angles) = block.split_at_mut(BLOCK / 2);
    for (first, second) in radii.iter_mut().zip(angles) {
        let radius = (-2.0 * f64::from(1.0 - *first).ln()).sqrt();
        let angle = std::f32::consts::TAU * *second;
        let (sine, cosine) = f64::from(angle).sin_cos();
        *first = (radius * cosine) as f32;
        *second = (radius * sine) as f32;
    }
}

/// `torch.randn(length, generator=torch.Generator("cpu").manual_seed(seed))`
/// in f32; see [`TorchGenerator::randn`].
pub fn torch_randn(seed: u64, length: usize) -> Vec<f32> {
    TorchGenerator::new(seed).randn(length)
}

#[cfg(test)]
mod tests {
    use super::*;
    use safetensors::SafeTensors;

    /// Tensors `randn.SEED.LENGTH` (all numbers up to 64, else the first and
    /// last 32), and `calls.SEED.LENGTHS` of successive calls, from PyTorch
    /// by `tests/fixtures/make_noise_fixture.py`.
    fn fixture() -> Vec<(String, Vec<f32>)> {
        let path = concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/tests/fixtures/noise.safetensors"
        );
        let bytes = std::fs::read(path).unwrap();
        SafeTensors::deserialize(&bytes)
            .unwrap()
            .iter()
            .map(|(name, view)| {
                let numbers = view.data().as_chunks::<4>().0;
                let values = numbers.iter().copied().map(f32::from_le_bytes).collect();
                (name.to_owned(), values)
            })
            .collect()
    }

    fn assert_close(name: &str, ours: &[f32], torch: &[f32]) {
        assert_eq!(ours.len(), torch.len(), "{name}");
        for (index, (a, b)) in ours.iter().zip(torch).enumerate() {
            assert!((a - b).abs() <= 1e-6, "{name}[{index}]: {a} instead of {b}");
        }
    }

    #[test]
    fn equals_torch_for_every_recorded_seed_and_length() {
        let mut compared = 0;
        for (name, torch) in fixture() {
            let Some((seed, length)) = name
                .strip_prefix("randn.")
                .and_then(|rest| rest.split_once('.'))
            else {
                continue;
            };
            let length: usize = length.parse().unwrap();
            let all = torch_randn(seed.parse().unwrap(), length);
            assert_eq!(all.len(), length);
            let ours = if length <= 64 {
                all
            } else {
                [&all[..32], &all[length - 32..]].concat()
            };
            assert_close(&name, &ours, &torch);
            compared += 1;
        }
        assert!(compared >= 40, "only {compared} records");
    }

    #[test]
    fn one_generator_goes_on_as_torch_does() {
        let mut compared = 0;
        for (name, torch) in fixture() {
            let Some((seed, lengths)) = name
                .strip_prefix("calls.")
                .and_then(|rest| rest.split_once('.'))
            else {
                continue;
            };
            let mut generator = TorchGenerator::new(seed.parse().unwrap());
            let ours: Vec<f32> = lengths
                .split('-')
                .flat_map(|length| generator.randn(length.parse().unwrap()))
                .collect();
            assert_close(&name, &ours, &torch);
            compared += 1;
        }
        assert!(compared >= 2, "only {compared} records");
    }

    /// The C++ standard (rand.predef) fixes the 10,000th word of the default seed.
    #[test]
    fn mersenne_twister_gives_the_standards_ten_thousandth_word() {
        let mut engine = Mt19937::new(5489);
        let last = (0..10_000).map(|_| engine.next_u32()).last();
        assert_eq!(last, Some(4_123_659_995));
    }

    #[test]
    fn only_the_low_32_bits_of_a_seed_count() {
        assert_eq!(torch_randn(7, 20), torch_randn(7 + (1 << 32), 20));
        assert_ne!(torch_randn(7, 20), torch_randn(8, 20));
        assert!(torch_randn(7, 0).is_empty());
    }
}
