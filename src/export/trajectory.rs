//! The numbers of a run as a safetensors file: latents, attention maps, losses
//! and gradients under the names of the reference recordings, in the order in
//! which they were computed, with the run's settings as JSON.

use std::collections::HashSet;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use safetensors::{Dtype, SafeTensors};
use thiserror::Error;

use super::file_names::{SaveError, save_new};

/// Metadata entry that holds the run's settings.
const RUN: &str = "run";

/// One named array of a run.
#[derive(Debug, Clone, PartialEq)]
pub struct TrajectoryTensor {
    /// As in the reference recordings: `latents.3`, `loss.0.maps`.
    pub name: String,
    /// Lengths of the axes.
    pub shape: Vec<usize>,
    /// Numbers in row-major order.
    pub values: Vec<f32>,
}

/// Why a trajectory can't be written or read.
#[derive(Debug, Error)]
pub enum TrajectoryError {
    /// Shape and numbers don't agree.
    #[error("“{name}” has {count} numbers, but its shape {shape:?} asks for another count")]
    Shape {
        /// The tensor.
        name: String,
        /// Lengths of the axes.
        shape: Vec<usize>,
        /// Numbers given.
        count: usize,
    },
    /// The name has been used already, or is reserved by the format.
    #[error("“{0}” can't be the name of another tensor of this trajectory")]
    Name(String),
    /// The file can't be written.
    #[error(transparent)]
    Save(#[from] SaveError),
    /// The file can't be opened.
    #[error("{} can't be read ({source}); check the path", .path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The file is no safetensors file, or a damaged one.
    #[error("{} is not a whole safetensors file ({source}); record the trajectory again", .path.display())]
    Format {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        source: safetensors::SafeTensorError,
    },
    /// A tensor is of a kind that trajectories don't have.
    #[error("“{name}” holds {dtype:?}; a trajectory holds F32, F64, I32 or I64")]
    Kind {
        /// The tensor.
        name: String,
        /// Its kind of numbers.
        dtype: Dtype,
    },
}

/// Collects the tensors of a run and writes them at its end.
#[derive(Debug, Default)]
pub struct TrajectoryWriter {
    tensors: Vec<TrajectoryTensor>,
    names: HashSet<String>,
}

impl TrajectoryWriter {
    /// An empty trajectory.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a tensor behind all others.
    ///
    /// # Errors
    /// [`TrajectoryError::Shape`] or [`TrajectoryError::Name`].
    pub fn push(
        &mut self,
        name: impl Into<String>,
        shape: &[usize],
        values: Vec<f32>,
    ) -> Result<(), TrajectoryError> {
        let (name, shape) = (name.into(), shape.to_vec());
        let expected = shape
            .iter()
            .try_fold(1usize, |count, &axis| count.checked_mul(axis));
        if expected != Some(values.len()) {
            let count = values.len();
            return Err(TrajectoryError::Shape { name, shape, count });
        }
        if name == "__metadata__" || !self.names.insert(name.clone()) {
            return Err(TrajectoryError::Name(name));
        }
        self.tensors.push(TrajectoryTensor {
            name,
            shape,
            values,
        });
        Ok(())
    }

    /// Writes the file, never over another one, and returns where.
    ///
    /// # Errors
    /// [`TrajectoryError::Save`].
    pub fn finish(self, path: &Path, run: &serde_json::Value) -> Result<PathBuf, TrajectoryError> {
        let header = self.header(run);
        let saved = save_new(path, |file| {
            file.write_all(&(header.len() as u64).to_le_bytes())?;
            file.write_all(header.as_bytes())?;
            for value in self.tensors.iter().flat_map(|tensor| &tensor.values) {
                file.write_all(&value.to_le_bytes())?;
            }
            Ok(())
        })?;
        Ok(saved)
    }

    /// The JSON header. Written here because the safetensors crate sorts by
    /// name, and the order of the data is what keeps the order of computation.
    fn header(&self, run: &serde_json::Value) -> String {
        let metadata = serde_json::json!({ RUN: run.to_string() });
        let mut header = format!("{{\"__metadata__\":{metadata}");
        let mut offset = 0;
        for TrajectoryTensor {
            name,
            shape,
            values,
        } in &self.tensors
        {
            let end = offset + size_of_val(values.as_slice());
            let name = serde_json::Value::from(name.as_str());
            let entry = serde_json::json!({
                "dtype": "F32", "shape": shape, "data_offsets": [offset, end]
            });
            header.push_str(&format!(",{name}:{entry}"));
            offset = end;
        }
        header.push('}');
        // The format pads with spaces, so that data can be used where it lies.
        let padded = header.len().next_multiple_of(8);
        format!("{header:padded$}")
    }
}

/// A trajectory read back.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Trajectory {
    /// All tensors in the order of their data.
    pub tensors: Vec<TrajectoryTensor>,
    /// The run's settings; null if the file has none.
    pub run: serde_json::Value,
}

impl Trajectory {
    /// Reads a file of ours or a reference recording. Whole numbers and f64
    /// become f32.
    ///
    /// # Errors
    /// [`TrajectoryError`] naming the file or the tensor.
    pub fn read(path: &Path) -> Result<Self, TrajectoryError> {
        let bytes = std::fs::read(path).map_err(|source| TrajectoryError::Read {
            path: path.to_owned(),
            source,
        })?;
        let format = |source| TrajectoryError::Format {
            path: path.to_owned(),
            source,
        };
        let (_, metadata) = SafeTensors::read_metadata(&bytes).map_err(format)?;
        let file = SafeTensors::deserialize(&bytes).map_err(format)?;
        let entries = metadata.metadata().as_ref();
        let run = entries.and_then(|entries| serde_json::from_str(entries.get(RUN)?).ok());
        let tensors = metadata.offset_keys().into_iter().map(|name| {
            let view = file.tensor(&name).map_err(format)?;
            let kind = TrajectoryError::Kind {
                name: name.clone(),
                dtype: view.dtype(),
            };
            Ok(TrajectoryTensor {
                values: numbers(view.data(), view.dtype()).ok_or(kind)?,
                shape: view.shape().to_vec(),
                name,
            })
        });
        Ok(Self {
            tensors: tensors.collect::<Result<_, TrajectoryError>>()?,
            run: run.unwrap_or_default(),
        })
    }

    /// The tensor with this name.
    pub fn tensor(&self, name: &str) -> Option<&TrajectoryTensor> {
        self.tensors.iter().find(|tensor| tensor.name == name)
    }
}

/// Little-endian numbers of a supported kind as f32.
fn numbers(data: &[u8], dtype: Dtype) -> Option<Vec<f32>> {
    fn each<const N: usize>(data: &[u8], read: impl Fn([u8; N]) -> f32) -> Vec<f32> {
        data.as_chunks().0.iter().copied().map(read).collect()
    }
    Some(match dtype {
        Dtype::F32 => each(data, f32::from_le_bytes),
        Dtype::F64 => each(data, |bytes| f64::from_le_bytes(bytes) as f32),
        Dtype::I32 => each(data, |bytes| i32::from_le_bytes(bytes) as f32),
        Dtype::I64 => each(data, |bytes| i64::from_le_bytes(bytes) as f32),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;
    use std::fs;

    #[test]
    fn what_is_written_is_read_back_in_order() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("run.safetensors");
        let mut writer = TrajectoryWriter::new();
        // Neither alphabetical nor numerical order.
        let tensors = [
            (
                "text_embeddings",
                vec![2, 3],
                vec![1.0, 2.0, 3.0, 4.0, 5.0, -0.5],
            ),
            (
                "latents.10",
                vec![1, 1, 1, 2],
                vec![f32::MIN_POSITIVE, 1e30],
            ),
            ("latents.9", vec![1], vec![0.1]),
            ("a \"quoted\" näme", vec![0, 4], vec![]),
            ("loss.0.value", vec![], vec![f32::INFINITY]),
        ];
        for (name, shape, values) in &tensors {
            writer.push(*name, shape, values.clone()).unwrap();
        }
        let run = json!({ "prompt": "a \"cat\"\n猫", "token_indices": [[2, 9], [null, 8]] });
        assert_eq!(writer.finish(&path, &run).unwrap(), path);

        let read = Trajectory::read(&path).unwrap();
        assert_eq!(read.run, run);
        let expected = tensors.map(|(name, shape, values)| TrajectoryTensor {
            name: name.to_owned(),
            shape,
            values,
        });
        assert_eq!(read.tensors, expected);
        assert_eq!(read.tensor("latents.9").unwrap().values, [0.1]);
        let second = TrajectoryWriter::new().finish(&path, &run).unwrap();
        assert_eq!(second, folder.path().join("run-2.safetensors"));
    }

    #[test]
    fn the_files_of_the_safetensors_crate_are_read() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("other.safetensors");
        let view = |dtype, bytes: &'static [u8]| {
            safetensors::tensor::TensorView::new(dtype, vec![1], bytes).unwrap()
        };
        let data = [
            ("step", view(Dtype::I64, &[7, 0, 0, 0, 0, 0, 0, 0])),
            ("value", view(Dtype::F32, &[0, 0, 0xC0, 0x3F])),
        ];
        fs::write(&path, safetensors::serialize(data, None).unwrap()).unwrap();
        let read = Trajectory::read(&path).unwrap();
        assert_eq!(read.tensor("step").unwrap().values, [7.0]);
        assert_eq!(read.tensor("value").unwrap().values, [1.5]);
        assert!(read.run.is_null());
        let half = [("value", view(Dtype::F16, &[0, 0]))];
        fs::write(&path, safetensors::serialize(half, None).unwrap()).unwrap();
        assert!(matches!(
            Trajectory::read(&path),
            Err(TrajectoryError::Kind { .. })
        ));
    }

    #[test]
    fn wrong_tensors_and_files_are_refused() {
        let mut writer = TrajectoryWriter::new();
        let shape = writer.push("maps", &[2, 2], vec![0.0; 3]);
        assert!(matches!(
            shape,
            Err(TrajectoryError::Shape { count: 3, .. })
        ));
        writer.push("maps", &[1], vec![0.0]).unwrap();
        for name in ["maps", "__metadata__"] {
            let error = writer.push(name, &[1], vec![0.0]);
            assert!(matches!(error, Err(TrajectoryError::Name(_))));
        }
        let folder = tempfile::tempdir().unwrap();
        let path = writer
            .finish(&folder.path().join("a.safetensors"), &json!(null))
            .unwrap();
        let whole = fs::read(&path).unwrap();
        for cut in [0, 4, 20, whole.len() - 1] {
            fs::write(&path, &whole[..cut]).unwrap();
            assert!(matches!(
                Trajectory::read(&path),
                Err(TrajectoryError::Format { .. })
            ));
        }
        let missing = Trajectory::read(&folder.path().join("none"));
        assert!(matches!(missing, Err(TrajectoryError::Read { .. })));
    }
}
