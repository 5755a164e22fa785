//! One layer's tensors in a LoRA file, and the form that they make up.

use std::collections::BTreeMap;

use super::super::weight_file::{StoredTensor, WeightFile};
use super::error::LoraError;
use super::module_names::{Part, Piece, Side};

/// The tensors of one layer.
#[derive(Debug)]
pub(super) struct Module {
    /// As the file spells it, for messages.
    pub(super) spelled: String,
    pub(super) form: Form,
    pub(super) alpha: Option<Named>,
    pub(super) magnitude: Option<Named>,
}

/// How what is added to a layer is written.
#[derive(Debug)]
pub(super) enum Form {
    /// up · down: LoRA (Hu et al. 2021), and LoCon of convolutions.
    Product(HalfTensors),
    /// (up · down) ∘ (up · down), number by number: LoHa (Hyeon-Woo et al. 2022).
    Hadamard([HalfTensors; 2]),
    /// first ⊗ second: LoKr (Yeh et al. 2024).
    Kronecker([Factor; 2]),
}

/// A product that is written as its halves.
#[derive(Debug)]
pub(super) struct HalfTensors {
    pub(super) up: Named,
    pub(super) down: Named,
    /// Between the two, in convolutions that were taken apart (Tucker).
    pub(super) mid: Option<Named>,
    /// Whether up is [rank, rows]: beside a middle tensor LyCORIS turns it round.
    pub(super) is_turned: bool,
}

/// One side of a Kronecker product.
#[derive(Debug)]
pub(super) enum Factor {
    Whole(Named),
    Halves(HalfTensors),
}

/// A tensor with its name in the file.
#[derive(Debug, Clone)]
pub(super) struct Named {
    pub(super) name: String,
    pub(super) tensor: StoredTensor,
}

impl Module {
    /// Puts the parts of a layer together.
    ///
    /// # Errors
    /// If one is missing, or there are those of two forms.
    pub(super) fn new(
        spelled: String,
        mut parts: BTreeMap<Part, Named>,
        file: &WeightFile,
    ) -> Result<Self, LoraError> {
        let alpha = parts.remove(&Part::Alpha);
        let magnitude = parts.remove(&Part::Magnitude);
        let form = match parts.keys().next_back() {
            Some(Part::Kronecker(..)) => {
                let sides = [Side::First, Side::Second];
                let factors = sides.map(|side| factor(&mut parts, side));
                let [first, second] = factors;
                first.and_then(|first| Ok(Form::Kronecker([first, second?])))
            }
            Some(Part::Hadamard(..)) => {
                let sides = [Side::First, Side::Second];
                let products = sides.map(|side| {
                    let part = |piece| Part::Hadamard(side, piece);
                    halves(&mut parts, part, true)
                });
                let [first, second] = products;
                first.and_then(|first| Ok(Form::Hadamard([first, second?])))
            }
            _ => halves(&mut parts, Part::Plain, false).map(Form::Product),
        };
        let form = form.map_err(|lacks| LoraError::Incomplete {
            file: file.name.clone(),
            module: spelled.clone(),
            lacks,
        })?;
        if let Some(odd) = parts.into_values().next() {
            return Err(LoraError::Mixed {
                file: file.name.clone(),
                module: spelled,
                tensor: odd.name,
            });
        }
        Ok(Self {
            spelled,
            form,
            alpha,
            magnitude,
        })
    }

    /// How many numbers the layer reads, as far as the shapes say it.
    pub(super) fn inputs(&self) -> Option<usize> {
        match &self.form {
            Form::Product(halves) | Form::Hadamard([halves, _]) => halves.inputs(),
            Form::Kronecker([first, second]) => first.inputs()?.checked_mul(second.inputs()?),
        }
    }

    /// Every tensor that must fit the layer.
    pub(super) fn tensors(&self) -> Vec<&Named> {
        let tensors = match &self.form {
            Form::Product(halves) => halves.tensors(),
            Form::Hadamard(both) => both.iter().flat_map(HalfTensors::tensors).collect(),
            Form::Kronecker(both) => both.iter().flat_map(Factor::tensors).collect(),
        };
        tensors.into_iter().chain(&self.magnitude).collect()
    }
}

impl HalfTensors {
    fn inputs(&self) -> Option<usize> {
        self.down.tensor.shape.get(1).copied()
    }

    fn tensors(&self) -> Vec<&Named> {
        [&self.down, &self.up]
            .into_iter()
            .chain(&self.mid)
            .collect()
    }
}

impl Factor {
    /// How many columns it has, without a kernel's.
    pub(super) fn inputs(&self) -> Option<usize> {
        match self {
            Self::Whole(whole) => whole.tensor.shape.get(1).copied(),
            Self::Halves(halves) => halves.inputs(),
        }
    }

    fn tensors(&self) -> Vec<&Named> {
        match self {
            Self::Whole(whole) => vec![whole],
            Self::Halves(halves) => halves.tensors(),
        }
    }
}

/// The halves among `parts`, or which is missing.
fn halves(
    parts: &mut BTreeMap<Part, Named>,
    part: impl Fn(Piece) -> Part,
    is_lycoris: bool,
) -> Result<HalfTensors, &'static str> {
    let mut take = |piece| parts.remove(&part(piece));
    let (up, down, mid) = (take(Piece::Up), take(Piece::Down), take(Piece::Mid));
    Ok(HalfTensors {
        down: down.ok_or("down")?,
        up: up.ok_or("up")?,
        is_turned: is_lycoris && mid.is_some(),
        mid,
    })
}

/// A side of a Kronecker product, or that it is missing.
fn factor(parts: &mut BTreeMap<Part, Named>, side: Side) -> Result<Factor, &'static str> {
    let part = |piece| Part::Kronecker(side, piece);
    if let Some(whole) = parts.remove(&part(Piece::Whole)) {
        return Ok(Factor::Whole(whole));
    }
    let lacks = match side {
        Side::First => "first",
        Side::Second => "second",
    };
    let halves = halves(parts, part, true);
    halves.map(Factor::Halves).map_err(|_| lacks)
}
