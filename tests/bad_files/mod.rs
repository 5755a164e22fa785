//! Whatever lies where a model should be: a typed error that names it, no crash, no large allocation.

mod configs;

use std::path::{Path, PathBuf};
use std::process::Command;

use burn::tensor::Device;
use safetensors::tensor::Dtype;
use serde_json::{Value, json};
use storm_studio::checkpoint::{
    Checkpoint, CheckpointError, CheckpointSource, SingleFile, StableDiffusion, WeightType,
};

use crate::allocation::largest_allocation;
use crate::checkpoints::copy_folder;
use crate::fixture::folder;
use crate::ldm_names::{Family, Stored, Tensors, read, single_file, write};

/// Refusing a file needs no more at once: the largest header and what parsing makes of it.
const MOST_BYTES: usize = 64 << 20;

/// Opens and builds whatever lies at `path`.
fn open(path: &Path) -> Result<StableDiffusion, CheckpointError> {
    let source = CheckpointSource::from_path(path)?;
    load(&source)
}

fn load(source: &CheckpointSource) -> Result<StableDiffusion, CheckpointError> {
    let (result, bytes) = largest_allocation(|| {
        let checkpoint = Checkpoint::open(source, &Device::flex())?;
        StableDiffusion::build(checkpoint, WeightType::F32, &mut |_| true)
    });
    assert!(bytes < MOST_BYTES, "{bytes} bytes at once");
    result
}

pub fn refused(path: &Path) -> CheckpointError {
    match open(path) {
        Err(error) => error,
        Ok(model) => panic!("{} opened as {}", path.display(), model.description.name),
    }
}

/// narrow-sd1 with the original names, as one file.
pub fn narrow_file() -> Tensors {
    let component = |file: &str| read(&folder().join("narrow-sd1").join(file));
    single_file(
        Family::V1,
        &component("text_encoder/model.safetensors"),
        &component("unet/diffusion_pytorch_model.safetensors"),
        &component("vae/diffusion_pytorch_model.safetensors"),
    )
}

pub fn narrow_source(path: PathBuf) -> CheckpointSource {
    CheckpointSource::File(SingleFile {
        path,
        configs: Some(folder().join("narrow-sd1")),
        vae: None,
    })
}

pub fn zeros(shape: &[usize]) -> Stored {
    Stored {
        dtype: Dtype::F16,
        shape: shape.to_vec(),
        bytes: vec![0; 2 * shape.iter().product::<usize>()],
    }
}

#[test]
fn a_file_cut_at_any_byte_is_refused() {
    let temporary = tempfile::tempdir().unwrap();
    let path = temporary.path().join("cut.safetensors");
    let small: Tensors = [("a", [3, 2]), ("b", [2, 2])]
        .into_iter()
        .map(|(name, shape)| (name.to_string(), zeros(&shape)))
        .collect();
    write(&small, &path);
    let whole = std::fs::read(&path).unwrap();
    for length in 0..whole.len() {
        std::fs::write(&path, &whole[..length]).unwrap();
        let error = refused(&path);
        assert!(
            matches!(error, CheckpointError::Damaged { .. }),
            "{length}: {error:?}"
        );
    }
    // And a whole model, at some of its two thousand tensors' bytes.
    write(&narrow_file(), &path);
    let whole = std::fs::read(&path).unwrap();
    for part in 0..200 {
        let length = whole.len() * part / 200;
        std::fs::write(&path, &whole[..length]).unwrap();
        let error = load(&narrow_source(path.clone())).unwrap_err();
        assert!(
            matches!(error, CheckpointError::Damaged { .. }),
            "{length}: {error:?}"
        );
    }
}

/// A safetensors file with this JSON as its header and `data` bytes behind it.
fn file_with_header(header: &[u8], data: usize) -> Vec<u8> {
    let mut bytes = (header.len() as u64).to_le_bytes().to_vec();
    bytes.extend(header);
    bytes.resize(bytes.len() + data, 0);
    bytes
}

#[test]
fn headers_that_lie_are_refused() {
    let temporary = tempfile::tempdir().unwrap();
    let path = temporary.path().join("lies.safetensors");
    let tensor = |shape: &str, offsets: &str| {
        format!(r#"{{"a":{{"dtype":"F32","shape":{shape},"data_offsets":{offsets}}}}}"#)
    };
    let two = |second: &str| {
        format!(
            r#"{{"a":{{"dtype":"F32","shape":[2],"data_offsets":[0,8]}},"b":{{"dtype":"F32","shape":[2],"data_offsets":{second}}}}}"#
        )
    };
    let deep = format!("{}1{}", "[".repeat(100_000), "]".repeat(100_000));
    let many: Vec<String> = (0..60_000)
        .map(|n| format!(r#""{n}":{{"dtype":"F32","shape":[0],"data_offsets":[0,0]}}"#))
        .collect();
    let headers: &[(&str, String, usize)] = &[
        ("out of range", tensor("[4]", "[0,16]"), 8),
        ("backwards", tensor("[2]", "[8,0]"), 8),
        ("not the shape", tensor("[3]", "[0,8]"), 8),
        (
            "overflow",
            tensor("[4294967296,4294967296,4294967296]", "[0,8]"),
            8,
        ),
        ("negative", tensor("[-1]", "[0,8]"), 8),
        ("overlapping", two("[4,12]"), 16),
        ("a hole", two("[12,20]"), 20),
        ("bytes left over", tensor("[2]", "[0,8]"), 9),
        ("deep", deep, 0),
        (
            "deep inside",
            format!(r#"{{"a":{{"x":{}1"#, "[".repeat(100_000)),
            0,
        ),
        ("no JSON", "not json".to_string(), 0),
        (
            "many tensors of nothing",
            format!("{{{}}}", many.join(",")),
            0,
        ),
        (
            "metadata of numbers",
            r#"{"__metadata__":{"a":1}}"#.to_string(),
            0,
        ),
    ];
    for (what, header, data) in headers {
        std::fs::write(&path, file_with_header(header.as_bytes(), *data)).unwrap();
        let error = refused(&path);
        assert!(
            matches!(
                error,
                CheckpointError::Damaged { .. } | CheckpointError::OtherModel { .. }
            ),
            "{what}: {error:?}"
        );
    }
    for length in [u64::MAX, 1 << 63, 1 << 40, 100_000_000, 17 << 20, 9, 3] {
        let mut bytes = file_with_header(br#"{"a":1}"#, 64);
        bytes[..8].copy_from_slice(&length.to_le_bytes());
        std::fs::write(&path, bytes).unwrap();
        let error = refused(&path);
        assert!(
            matches!(error, CheckpointError::Damaged { .. }),
            "{length}: {error:?}"
        );
    }
}

#[test]
fn tensors_that_are_no_weights_are_named() {
    let temporary = tempfile::tempdir().unwrap();
    let path = temporary.path().join("model.safetensors");
    let damage = |name: &str, change: fn(&mut Stored)| {
        let mut file = narrow_file();
        change(file.get_mut(name).expect(name));
        write(&file, &path);
        load(&narrow_source(path.clone())).unwrap_err()
    };
    let name = "model.diffusion_model.middle_block.1.proj_in.weight";
    let nan = damage(name, |tensor| {
        let last = tensor.bytes.len() - 4;
        tensor.bytes[last..].copy_from_slice(&f32::NAN.to_le_bytes());
    });
    assert!(matches!(nan, CheckpointError::NotFinite { .. }), "{nan:?}");
    let integers = damage(name, |tensor| tensor.dtype = Dtype::I32);
    assert!(
        matches!(integers, CheckpointError::WrongType { .. }),
        "{integers:?}"
    );
    let shape = damage(name, |tensor| tensor.shape = vec![tensor.bytes.len() / 4]);
    assert!(
        matches!(shape, CheckpointError::WrongShape { .. }),
        "{shape:?}"
    );
    for error in [nan, integers, shape] {
        assert!(error.to_string().contains(name), "{error}");
    }

    let mut file = narrow_file();
    file.remove(name);
    write(&file, &path);
    let missing = load(&narrow_source(path.clone())).unwrap_err().to_string();
    assert!(missing.contains(name), "{missing}");
    let mut file = narrow_file();
    let unknown = "model.diffusion_model.input_blocks.1.0.in_layers.9.weight";
    file.insert(unknown.to_string(), zeros(&[2]));
    write(&file, &path);
    let error = load(&narrow_source(path.clone())).unwrap_err();
    assert!(
        matches!(error, CheckpointError::UnknownTensor { .. }),
        "{error:?}"
    );
    assert!(error.to_string().contains(unknown));
}

#[test]
fn indices_of_shards_lead_nowhere_else() {
    let weights = "unet/diffusion_pytorch_model.safetensors";
    let index_file = format!("{weights}.index.json");
    let index = |files: &[&str]| {
        let map: serde_json::Map<String, Value> = files
            .iter()
            .enumerate()
            .map(|(number, file)| (format!("tensor.{number}"), (*file).into()))
            .collect();
        serde_json::json!({ "weight_map": map }).to_string()
    };
    let copy = copy_folder("narrow-sd1");
    let aside = copy.path().join("unet/aside.safetensors");
    std::fs::rename(copy.path().join(weights), aside).unwrap();
    let many: Vec<String> = (0..2000).map(|n| format!("{n}.safetensors")).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    for files in [
        &["../vae/diffusion_pytorch_model.safetensors"][..],
        &["/etc/passwd"],
        &["..\\vae"],
        &[".."],
        &[""],
        &[],
        &many,
    ] {
        std::fs::write(copy.path().join(&index_file), index(files)).unwrap();
        let error = refused(copy.path());
        assert!(
            matches!(error, CheckpointError::ShardIndex { .. }),
            "{error:?}"
        );
    }
    // A shard that is not there, one without the tensor, one that has it twice.
    std::fs::write(copy.path().join(&index_file), index(&["gone.safetensors"])).unwrap();
    assert!(matches!(refused(copy.path()), CheckpointError::Read { .. }));
    std::fs::write(copy.path().join(&index_file), index(&["aside.safetensors"])).unwrap();
    assert!(matches!(
        refused(copy.path()),
        CheckpointError::MissingTensor { .. }
    ));
    let unet = copy.path().join("unet");
    std::fs::copy(
        unet.join("aside.safetensors"),
        unet.join("again.safetensors"),
    )
    .unwrap();
    let tensors = read(&unet.join("aside.safetensors"));
    let mut map = serde_json::Map::new();
    for (number, name) in tensors.keys().enumerate() {
        let file = ["aside.safetensors", "again.safetensors"][number % 2];
        map.insert(name.clone(), file.into());
    }
    let twice = serde_json::json!({ "weight_map": map }).to_string();
    std::fs::write(copy.path().join(&index_file), twice).unwrap();
    assert!(matches!(
        refused(copy.path()),
        CheckpointError::Damaged { .. }
    ));
}

#[test]
fn a_file_of_the_wrong_length_says_by_how_much() {
    let temporary = tempfile::tempdir().unwrap();
    let path = temporary.path().join("model.safetensors");
    write(&narrow_file(), &path);
    let whole = std::fs::read(&path).unwrap();
    let mut long = whole.clone();
    long.extend([0; 64]);
    std::fs::write(&path, long).unwrap();
    let message = load(&narrow_source(path.clone())).unwrap_err().to_string();
    assert!(message.contains("64 bytes too long"), "{message}");
    std::fs::write(&path, &whole[..whole.len() - 1000]).unwrap();
    let message = load(&narrow_source(path.clone())).unwrap_err().to_string();
    assert!(message.contains("1000 bytes too short"), "{message}");
    // As a downloader leaves it that reserves the room first.
    std::fs::write(&path, vec![0; whole.len()]).unwrap();
    let message = load(&narrow_source(path)).unwrap_err().to_string();
    assert!(message.contains("has not finished"), "{message}");
}

#[cfg(unix)]
#[test]
fn pipes_and_loops_do_not_hang() {
    let copy = copy_folder("narrow-sd1");
    let weights = copy.path().join("unet/diffusion_pytorch_model.safetensors");
    std::fs::remove_file(&weights).unwrap();
    std::os::unix::fs::symlink(&weights, &weights).unwrap();
    assert!(matches!(refused(copy.path()), CheckpointError::Read { .. }));
    let looped = copy.path().join("loop");
    std::os::unix::fs::symlink(&looped, &looped).unwrap();
    assert!(matches!(refused(&looped), CheckpointError::Read { .. }));

    std::fs::remove_file(&weights).unwrap();
    for pipe in [&weights, &copy.path().join("pipe.safetensors")] {
        let made = Command::new("mkfifo").arg(pipe).status().unwrap();
        assert!(made.success());
    }
    assert!(matches!(
        refused(copy.path()),
        CheckpointError::MissingFile { .. }
    ));
    let pipe = refused(&copy.path().join("pipe.safetensors"));
    assert!(matches!(pipe, CheckpointError::NotAModel { .. }));
    assert!(matches!(
        refused(Path::new("/dev/zero")),
        CheckpointError::NotAModel { .. }
    ));
}

#[cfg(unix)]
#[test]
fn a_folder_without_rights_is_an_error_of_reading() {
    use std::os::unix::fs::PermissionsExt;
    use std::os::unix::process::CommandExt;
    let locked = copy_folder("narrow-sd1");
    // Root may look into everything, so the program runs as nobody then, from a
    // place that nobody can reach.
    let public = tempfile::tempdir_in("/tmp").unwrap();
    let everyone = std::fs::Permissions::from_mode(0o755);
    std::fs::set_permissions(public.path(), everyone).unwrap();
    let program = public.path().join("storm-studio");
    std::fs::copy(env!("CARGO_BIN_EXE_storm-studio"), &program).unwrap();
    std::fs::set_permissions(locked.path(), std::fs::Permissions::from_mode(0o000)).unwrap();
    let is_root = std::fs::read_dir(locked.path()).is_ok();
    let mut inspect = Command::new(&program);
    inspect.arg("inspect").arg(locked.path());
    if is_root {
        inspect.uid(65534).gid(65534);
    }
    let ran = inspect.output().unwrap();
    std::fs::set_permissions(locked.path(), std::fs::Permissions::from_mode(0o755)).unwrap();
    let said = String::from_utf8_lossy(&ran.stderr);
    assert_eq!(ran.status.code(), Some(3), "{said}");
    assert!(said.contains("ermission"), "{said}");
}
