//! LoHa and LoKr, against weights that are multiplied out here in f64.

use safetensors::tensor::Dtype;

use super::made::{Dice, floats, stored};
use super::*;

const LINEAR: &str = "down_blocks.1.attentions.0.transformer_blocks.0.attn2.to_k";
const CONVOLUTION: &str = "mid_block.resnets.0.conv1";
const RANK: usize = 3;

/// A matrix, or a stack of them: [rows, inputs, kernel].
struct Matrix {
    numbers: Vec<f64>,
    shape: [usize; 3],
}

impl Matrix {
    fn at(&self, row: usize, input: usize, kernel: usize) -> f64 {
        let [_, inputs, kernels] = self.shape;
        self.numbers[(row * inputs + input) * kernels + kernel]
    }

    fn of(shape: [usize; 3], number: impl Fn(usize, usize, usize) -> f64) -> Self {
        let [rows, inputs, kernels] = shape;
        let places = (0..rows)
            .flat_map(|row| (0..inputs).map(move |input| (row, input)))
            .flat_map(|(row, input)| (0..kernels).map(move |kernel| (row, input, kernel)));
        let numbers = places.map(|(row, input, kernel)| number(row, input, kernel));
        Self {
            numbers: numbers.collect(),
            shape,
        }
    }
}

/// Writes tensors of one module, and says what they stand for.
struct Writer<'a> {
    dice: Dice,
    name: String,
    tensors: &'a mut Tensors,
}

impl Writer<'_> {
    fn tensor(&mut self, part: &str, shape: &[usize]) -> Vec<f64> {
        let numbers = self.dice.numbers(shape.iter().product());
        let key = format!("{}.{part}", self.name);
        self.tensors
            .insert(key, stored(&numbers, shape, Dtype::F32));
        numbers
    }

    /// `{part}_a` · `{part}_b`, with the kernel in b.
    fn halves(&mut self, part: &str, [rows, inputs, kernel]: [usize; 3]) -> Matrix {
        let up = self.tensor(&format!("{part}_a"), &[rows, RANK]);
        let down = self.tensor(&format!("{part}_b"), &[RANK, inputs * kernel]);
        Matrix::of([rows, inputs, kernel], |row, input, place| {
            let column = input * kernel + place;
            let each = (0..RANK).map(|k| up[row * RANK + k] * down[k * inputs * kernel + column]);
            each.sum()
        })
    }

    /// The same with the kernel in a tensor of its own: einsum("i j k l, j r, i p → p r k l").
    fn tucker(&mut self, part: &str, mid: &str, shape: [usize; 3]) -> Matrix {
        let [rows, inputs, kernel] = shape;
        assert_eq!(kernel, 9);
        let up = self.tensor(&format!("{part}_a"), &[RANK, rows]);
        let down = self.tensor(&format!("{part}_b"), &[RANK, inputs]);
        let mid = self.tensor(mid, &[RANK, RANK, 3, 3]);
        Matrix::of(shape, |row, input, place| {
            let pairs = (0..RANK).flat_map(|i| (0..RANK).map(move |j| (i, j)));
            let each = pairs.map(|(i, j)| {
                mid[(i * RANK + j) * 9 + place] * up[i * rows + row] * down[j * inputs + input]
            });
            each.sum()
        })
    }

    fn whole(&mut self, part: &str, shape: [usize; 3]) -> Matrix {
        let [rows, inputs, kernel] = shape;
        let numbers = match kernel {
            1 => self.tensor(part, &[rows, inputs]),
            _ => self.tensor(part, &[rows, inputs, 3, 3]),
        };
        Matrix { numbers, shape }
    }
}

fn hadamard(first: &Matrix, second: &Matrix) -> Matrix {
    Matrix::of(first.shape, |row, input, kernel| {
        first.at(row, input, kernel) * second.at(row, input, kernel)
    })
}

fn kron(first: &Matrix, second: &Matrix) -> Matrix {
    let [rows, inputs, kernel] = second.shape;
    let shape = [first.shape[0] * rows, first.shape[1] * inputs, kernel];
    Matrix::of(shape, |row, input, place| {
        let outer = first.at(row / rows, input / inputs, 0);
        outer * second.at(row % rows, input % inputs, place)
    })
}

type Written = fn(&mut Writer<'_>, [usize; 3]) -> Matrix;

/// Smaller factors of a layer's shape.
fn outer([rows, inputs, _]: [usize; 3]) -> [usize; 3] {
    assert!(rows.is_multiple_of(4) && inputs.is_multiple_of(2));
    [4, 2, 1]
}

fn inner([rows, inputs, kernel]: [usize; 3]) -> [usize; 3] {
    [rows / 4, inputs / 2, kernel]
}

/// Whether alpha / rank acts, and how a layer is written.
const FORMS: &[(&str, &str, bool, Written)] = &[
    ("LoHa", LINEAR, true, |it, shape| {
        hadamard(&it.halves("hada_w1", shape), &it.halves("hada_w2", shape))
    }),
    ("LoHa, convolution", CONVOLUTION, true, |it, shape| {
        hadamard(&it.halves("hada_w1", shape), &it.halves("hada_w2", shape))
    }),
    ("LoHa, Tucker", CONVOLUTION, true, |it, shape| {
        let first = it.tucker("hada_w1", "hada_t1", shape);
        hadamard(&first, &it.tucker("hada_w2", "hada_t2", shape))
    }),
    ("LoKr, whole", LINEAR, false, |it, shape| {
        let first = it.whole("lokr_w1", outer(shape));
        kron(&first, &it.whole("lokr_w2", inner(shape)))
    }),
    ("LoKr, halves", LINEAR, true, |it, shape| {
        let first = it.halves("lokr_w1", outer(shape));
        kron(&first, &it.halves("lokr_w2", inner(shape)))
    }),
    ("LoKr, convolution", CONVOLUTION, false, |it, shape| {
        let first = it.whole("lokr_w1", outer(shape));
        kron(&first, &it.whole("lokr_w2", inner(shape)))
    }),
    (
        "LoKr, convolution's halves",
        CONVOLUTION,
        true,
        |it, shape| {
            let first = it.whole("lokr_w1", outer(shape));
            kron(&first, &it.halves("lokr_w2", inner(shape)))
        },
    ),
    ("LoKr, Tucker", CONVOLUTION, true, |it, shape| {
        let first = it.whole("lokr_w1", outer(shape));
        kron(&first, &it.tucker("lokr_w2", "lokr_t2", inner(shape)))
    }),
];

#[test]
fn every_form_of_lycoris_acts_as_its_product() {
    const WEIGHT: f64 = 0.8;
    const ALPHA: f64 = 2.0;
    let plain = outputs(&model_at(&folder().join(FAMILY)));
    for (form, layer, is_scaled, written) in FORMS {
        let mut tensors = Tensors::new();
        let merged = copy_folder(FAMILY);
        let mut weights = read(&merged.path().join(UNET));
        let parameter = format!("{layer}.weight");
        let base = floats(&weights[&parameter]);
        let shape = weights[&parameter].shape.clone();
        let name = format!("lora_unet_{}", layer.replace('.', "_"));
        tensors.insert(format!("{name}.alpha"), stored(&[ALPHA], &[], Dtype::F32));
        let mut writer = Writer {
            dice: Dice(23),
            name,
            tensors: &mut tensors,
        };
        let product = written(
            &mut writer,
            [shape[0], shape[1], shape[2..].iter().product()],
        );
        let scale = WEIGHT * if *is_scaled { ALPHA / RANK as f64 } else { 1.0 };
        let sums = base.iter().zip(&product.numbers);
        let sums: Vec<f64> = sums.map(|(base, added)| base + scale * added).collect();
        weights.insert(parameter, stored(&sums, &shape, Dtype::F32));
        write(&weights, &merged.path().join(UNET));
        let expected = outputs(&model_at(merged.path()));
        assert!(
            largest_difference(&expected[1], &plain[1]) > 1e-3,
            "{form} does nothing"
        );
        let (_home, path) = saved(&tensors, "lycoris");
        let mut model = model_at(&folder().join(FAMILY));
        model.set_loras(vec![opened(&path, WEIGHT)]).unwrap();
        near(form, &outputs(&model), &expected);
    }
}

#[test]
fn parts_that_do_not_fit_are_refused_by_name() {
    let name = format!("lora_unet_{}", CONVOLUTION.replace('.', "_"));
    let zeros = |shape: &[usize]| stored(&vec![0.0; shape.iter().product()], shape, Dtype::F32);
    for (parts, words) in [
        (
            &[("lokr_w1", &[5, 2][..]), ("lokr_w2", &[2, 2, 3, 3])][..],
            "[5, 2], [2, 2, 3, 3], the layer needs",
        ),
        (
            &[("hada_w1_a", &[4, 2]), ("hada_w1_b", &[2, 4])],
            "lacks the down half",
        ),
        (&[("lokr_w2", &[2, 2])], "lacks the first half"),
        (
            &[
                ("lokr_w1", &[2, 2]),
                ("lokr_w2", &[2, 2]),
                ("lora_up.weight", &[2, 2]),
            ],
            "of two forms",
        ),
    ] {
        let tensors = parts.iter();
        let tensors = tensors.map(|(part, shape)| (format!("{name}.{part}"), zeros(shape)));
        let told = refused(&tensors.collect());
        assert!(told.contains(words), "{told}");
        assert!(told.contains(&name), "{told}");
    }
}
