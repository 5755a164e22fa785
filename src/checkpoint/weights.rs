//! The weights of one network: found and checked first, then streamed to the device.
//!
//! [`WeightPlan::new`] compares the names and shapes that the network needs with
//! what the files' headers say, so that a wrong file is refused before anything
//! is allocated. [`WeightPlan::load`] then reads tensor by tensor: besides the
//! network itself, one tensor at a time is in memory.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::sync::Arc;

use burn::module::{Module, ModuleMapper, Param};
use burn::tensor::{DType, Tensor, TensorData};
use safetensors::Dtype;

use super::CheckpointError;
use super::conversion::{WeightType, channels_last, convert, is_weight};
use super::naming::{Component, Naming, StoredForm, StoredName};
use super::parameters::{ModulePath, Parameter, parameters};
use super::weight_file::{StoredTensor, WeightFile};
use crate::kernels::wants_channels_last;

/// A GPU takes uploads in the order of its queue; waiting after so many bytes
/// keeps copies of the whole model from piling up in front of it.
const BYTES_IN_FLIGHT: usize = 256 << 20;

/// Where every parameter of a network lies.
#[derive(Debug)]
pub(super) struct WeightPlan {
    files: Vec<Arc<WeightFile>>,
    /// By the parameter's name.
    tensors: BTreeMap<String, PlannedTensor>,
}

#[derive(Debug)]
struct PlannedTensor {
    parameter: Parameter,
    file: usize,
    /// Its name in the file, for messages.
    name: String,
    stored: StoredTensor,
    form: StoredForm,
}

impl WeightPlan {
    /// Finds the parameters of `network` in `files`, which use `naming`.
    ///
    /// # Errors
    /// If one is missing or of another shape or type, or the files hold further
    /// tensors of this network.
    pub(super) fn new<M: Module>(
        network: &M,
        component: Component,
        naming: &Naming,
        files: Vec<Arc<WeightFile>>,
    ) -> Result<Self, CheckpointError> {
        let stored = all_tensors(&files)?;
        let mut plan = BTreeMap::new();
        let mut known: BTreeMap<String, ()> = BTreeMap::new();
        let mut missing = Vec::new();
        for parameter in parameters(network) {
            let candidates = naming.candidates(component, &parameter.name);
            let found = candidates
                .iter()
                .find_map(|candidate| Some((candidate, stored.get(candidate.name.as_str())?)));
            match found {
                Some((candidate, &(file, tensor))) => {
                    check(&files[file], candidate, tensor, &parameter)?;
                    let planned = PlannedTensor {
                        file,
                        name: candidate.name.clone(),
                        stored: tensor.clone(),
                        form: candidate.form,
                        parameter: parameter.clone(),
                    };
                    plan.insert(parameter.name, planned);
                }
                None => missing.extend(candidates.first().map(|first| first.name.clone())),
            }
            known.extend(candidates.into_iter().map(|candidate| (candidate.name, ())));
        }
        if let Some(tensor) = missing.first() {
            return Err(CheckpointError::MissingTensor {
                file: names_of(&files),
                tensor: tensor.clone(),
                count: missing.len(),
            });
        }
        let is_unknown = |name: &&str| naming.claims(component, name) && !known.contains_key(*name);
        let mut unknown = stored.keys().copied().filter(is_unknown);
        if let Some(tensor) = unknown.next() {
            return Err(CheckpointError::UnknownTensor {
                file: names_of(&files),
                tensor: tensor.to_string(),
                count: 1 + unknown.count(),
            });
        }
        Ok(Self {
            files,
            tensors: plan,
        })
    }

    /// The files that hold them.
    pub(super) fn files(&self) -> &[Arc<WeightFile>] {
        &self.files
    }

    /// How many numbers the network has.
    pub(super) fn numbers(&self) -> usize {
        let tensors = self.tensors.values();
        tensors.map(|tensor| tensor.parameter.numbers()).sum()
    }

    /// How many numbers its largest tensor has.
    pub(super) fn largest_tensor(&self) -> usize {
        let tensors = self.tensors.values();
        let largest = tensors.map(|tensor| tensor.parameter.numbers()).max();
        largest.unwrap_or(0)
    }

    /// The types in which the numbers are stored.
    pub(super) fn stored_types(&self) -> impl Iterator<Item = Dtype> {
        self.tensors.values().map(|tensor| tensor.stored.dtype)
    }

    /// Reads the weights into `network`, the one that this plan was made for,
    /// on the network's device; `on_numbers` hears how many numbers came and says
    /// whether to go on.
    ///
    /// # Errors
    /// If a number is not finite, the device refuses, or `on_numbers` says no.
    pub(super) fn load<M: Module>(
        &self,
        network: M,
        to: WeightType,
        on_numbers: &mut dyn FnMut(usize) -> bool,
    ) -> Result<M, CheckpointError> {
        let mut reader = Reader {
            plan: self,
            adjusted: None,
            path: ModulePath::default(),
            to,
            on_numbers,
            in_flight: 0,
            failure: None,
        };
        let network = network.map(&mut reader);
        match reader.failure {
            Some(failure) => Err(failure),
            None => Ok(network),
        }
    }

    /// The network's parameters and their shapes in files.
    pub(super) fn parameters(&self) -> impl Iterator<Item = (&str, &[usize])> {
        let tensors = self.tensors.iter();
        tensors.map(|(name, tensor)| (name.as_str(), tensor.parameter.shape.as_slice()))
    }
}

/// What is added to the numbers of the parameter of that name, in the order of its file;
/// whether anything was.
pub(super) type Change<'a> = dyn Fn(&str, &mut Vec<f32>) -> bool + 'a;

/// Some parameters of a network, to be read anew with a change.
pub(super) struct Adjusted<'a> {
    pub(super) plan: &'a WeightPlan,
    pub(super) touched: &'a BTreeSet<String>,
    pub(super) change: Box<Change<'a>>,
}

impl Adjusted<'_> {
    /// Replaces the touched parameters of `network`; one that is not changed has then
    /// exactly the numbers that loading gives it. The network comes back whole or, with
    /// the error, with a part of the new parameters.
    pub(super) fn rebuild<M: Module>(
        &self,
        network: M,
        to: WeightType,
    ) -> (M, Option<CheckpointError>) {
        let mut reader = Reader {
            plan: self.plan,
            adjusted: Some(self),
            path: ModulePath::default(),
            to,
            on_numbers: &mut |_| true,
            in_flight: 0,
            failure: None,
        };
        let network = network.map(&mut reader);
        (network, reader.failure)
    }
}

/// Every tensor of `files` by its name, with its file's index.
fn all_tensors(
    files: &[Arc<WeightFile>],
) -> Result<BTreeMap<&str, (usize, &StoredTensor)>, CheckpointError> {
    let mut all = BTreeMap::new();
    for (index, file) in files.iter().enumerate() {
        for (name, tensor) in &file.tensors {
            if all.insert(name.as_str(), (index, tensor)).is_some() {
                return Err(CheckpointError::Damaged {
                    file: file.name.clone(),
                    reason: format!("the tensor {name} is in another shard too"),
                });
            }
        }
    }
    Ok(all)
}

fn check(
    file: &WeightFile,
    candidate: &StoredName,
    stored: &StoredTensor,
    parameter: &Parameter,
) -> Result<(), CheckpointError> {
    if !is_weight(stored.dtype) {
        return Err(CheckpointError::WrongType {
            file: file.name.clone(),
            tensor: candidate.name.clone(),
            found: stored.dtype.to_string(),
        });
    }
    let mut wanted = parameter.shape.clone();
    match candidate.form {
        StoredForm::Whole => {}
        StoredForm::Third(_) => wanted[0] *= 3,
        StoredForm::Transposed => wanted.reverse(),
    }
    if without_ones(&stored.shape) != without_ones(&wanted) {
        return Err(CheckpointError::WrongShape {
            file: file.name.clone(),
            tensor: candidate.name.clone(),
            found: stored.shape.clone(),
            wanted,
        });
    }
    Ok(())
}

/// A linear layer is the 1 × 1 convolution [output, input, 1, 1]; files have
/// either where the other is computed.
fn without_ones(shape: &[usize]) -> &[usize] {
    let ones = shape.iter().rev().take_while(|length| **length == 1);
    &shape[..shape.len() - ones.count()]
}

/// For a message about something that is in none of `files`.
fn names_of(files: &[Arc<WeightFile>]) -> String {
    let names: Vec<&str> = files.iter().map(|file| file.name.as_str()).collect();
    match names.as_slice() {
        [first, .., last] => format!("{first} to {last}"),
        _ => names.concat(),
    }
}

/// Replaces each parameter by its numbers from the file.
struct Reader<'a> {
    plan: &'a WeightPlan,
    /// Only these, and with their change.
    adjusted: Option<&'a Adjusted<'a>>,
    path: ModulePath,
    to: WeightType,
    on_numbers: &'a mut dyn FnMut(usize) -> bool,
    /// Bytes uploaded since the device was last waited for.
    in_flight: usize,
    /// The first thing that went wrong; nothing is read after it.
    failure: Option<CheckpointError>,
}

impl ModuleMapper for Reader<'_> {
    fn enter_module(&mut self, name: &str, container: &str) {
        self.path.enter(name, container);
    }

    fn exit_module(&mut self, _: &str, container: &str) {
        self.path.exit(container);
    }

    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        if self.failure.is_some() {
            return param;
        }
        let parameter = self.path.parameter(&param.lazy_shape());
        let is_touched = |adjusted: &Adjusted<'_>| adjusted.touched.contains(&parameter.name);
        if !self.adjusted.is_none_or(is_touched) {
            return param;
        }
        let tensor = self.plan.tensors.get(&parameter.name);
        let tensor = tensor.expect("the plan was made for this network");
        let read = match self.adjusted {
            Some(adjusted) => self.plan.read_adjusted(tensor, self.to, &adjusted.change),
            None => self.plan.read(tensor, self.to),
        };
        let data = match read {
            Ok(data) => data,
            Err(error) => {
                self.failure = Some(error);
                return param;
            }
        };
        if !(self.on_numbers)(parameter.numbers()) {
            self.failure = Some(CheckpointError::Cancelled);
            return param;
        }
        let device = param.lazy_device();
        let dtype = match self.to {
            WeightType::F32 => DType::F32,
            WeightType::F16 => DType::F16,
        };
        self.in_flight += parameter.numbers() * self.to.bytes();
        // Weights stay where they are until the model goes: exactly sized
        // buffers instead of parts of a pool.
        let turned = D == 4 && wants_channels_last(&device, data.shape());
        let data = match turned {
            true => channels_last(&data, self.to),
            false => data,
        };
        let mut tensor = device.memory_persistent_allocations(data, |data: TensorData| {
            Tensor::<D>::from_data(data, (&device, dtype))
        });
        if turned {
            let axes = [0, 3, 1, 2];
            tensor = tensor.permute(std::array::from_fn::<_, D, _>(|axis| axes[axis]));
        }
        if self.in_flight > BYTES_IN_FLIGHT {
            self.in_flight = 0;
            if let Err(error) = device.sync() {
                self.failure = Some(CheckpointError::Device(error.to_string()));
            }
        }
        let id = param.id;
        param.transform_for_load(tensor, id)
    }
}

impl WeightPlan {
    fn read(&self, tensor: &PlannedTensor, to: WeightType) -> Result<TensorData, CheckpointError> {
        let file = &self.files[tensor.file];
        let bytes = file.bytes(&tensor.stored);
        let bytes = &bytes[part_of(bytes.len(), tensor.form)];
        let parameter = &tensor.parameter;
        let dtype = tensor.stored.dtype;
        let (shape, transposed) = stored_shape(parameter, tensor.form);
        let data = convert(bytes, dtype, &shape, transposed, to);
        data.ok_or_else(|| self.not_finite(tensor, to))
    }

    /// As [`Self::read`], changed in f32.
    fn read_adjusted(
        &self,
        tensor: &PlannedTensor,
        to: WeightType,
        change: &Change<'_>,
    ) -> Result<TensorData, CheckpointError> {
        let file = &self.files[tensor.file];
        let bytes = file.bytes(&tensor.stored);
        let bytes = &bytes[part_of(bytes.len(), tensor.form)];
        let parameter = &tensor.parameter;
        let dtype = tensor.stored.dtype;
        // In the parameter's own order, whichever way it is stored.
        let (shape, _) = stored_shape(parameter, tensor.form);
        let turned = tensor.form == StoredForm::Transposed;
        let numbers = convert(bytes, dtype, &shape, turned, WeightType::F32);
        let numbers = numbers.and_then(|numbers| numbers.try_into_vec::<f32>().ok());
        let mut numbers = numbers.ok_or_else(|| self.not_finite(tensor, to))?;
        if !change(&parameter.name, &mut numbers) {
            return self.read(tensor, to);
        }
        let bytes: &[u8] = bytemuck::cast_slice(&numbers);
        let transposed = parameter.transposed;
        let data = convert(bytes, Dtype::F32, &parameter.shape, transposed, to);
        data.ok_or_else(|| self.not_finite(tensor, to))
    }

    fn not_finite(&self, tensor: &PlannedTensor, to: WeightType) -> CheckpointError {
        CheckpointError::NotFinite {
            file: self.files[tensor.file].name.clone(),
            tensor: tensor.name.clone(),
            weight_type: to,
        }
    }
}

/// The shape in which a parameter's numbers lie in their file, and whether burn has
/// them the other way round.
fn stored_shape(parameter: &Parameter, form: StoredForm) -> (Vec<usize>, bool) {
    let mut shape = parameter.shape.clone();
    match form {
        StoredForm::Whole | StoredForm::Third(_) => (shape, parameter.transposed),
        StoredForm::Transposed => {
            shape.reverse();
            (shape, !parameter.transposed)
        }
    }
}

/// The part of a tensor's `length` bytes that a parameter is.
fn part_of(length: usize, form: StoredForm) -> Range<usize> {
    match form {
        StoredForm::Third(third) => third * (length / 3)..(third + 1) * (length / 3),
        StoredForm::Whole | StoredForm::Transposed => 0..length,
    }
}
