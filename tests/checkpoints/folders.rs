//! Folders as people have them: shards, variants, parts that are missing, many models side by side.

use super::*;

#[test]
fn shards_and_variants_load_to_identical_outputs() {
    let name = "narrow-sd2";
    let expected = outputs(&in_folder(&folder().join(name)), name);
    let copy = copy_folder(name);
    shard(&copy.path().join(UNET), 3, "");
    shard(&copy.path().join(TEXT), 2, "");
    assert!(outputs(&in_folder(copy.path()), name) == expected, "shards");

    let copy = copy_folder(name);
    for file in [TEXT, UNET, VAE] {
        let path = copy.path().join(file);
        std::fs::rename(&path, path.with_extension("fp16.safetensors")).unwrap();
    }
    assert!(
        outputs(&in_folder(copy.path()), name) == expected,
        "fp16 variant"
    );
    // Whole precision is preferred: this file would be refused if it were read.
    let other = copy
        .path()
        .join("unet/diffusion_pytorch_model.non_ema.safetensors");
    std::fs::write(other, b"not a model").unwrap();
    shard(
        &copy
            .path()
            .join("vae/diffusion_pytorch_model.fp16.safetensors"),
        2,
        ".fp16",
    );
    assert!(
        outputs(&in_folder(copy.path()), name) == expected,
        "variant in shards"
    );
}

#[test]
fn an_index_by_its_older_name_and_one_given_for_its_folder_open() {
    let name = "narrow-sd2";
    let expected = outputs(&in_folder(&folder().join(name)), name);
    let copy = copy_folder(name);
    let path = copy.path().join(UNET);
    let variant = path.with_extension("fp16.safetensors");
    std::fs::rename(&path, &variant).unwrap();
    shard(&variant, 2, ".fp16");
    // As diffusers wrote it at first.
    let index =
        |end: &str| path.with_file_name(format!("diffusion_pytorch_model.safetensors.{end}"));
    std::fs::rename(index("index.fp16.json"), index("fp16.index.json")).unwrap();
    let source = in_folder(&copy.path().join("model_index.json"));
    assert_eq!(source, in_folder(copy.path()));
    assert!(outputs(&source, name) == expected);
}

#[test]
fn a_variant_stands_in_for_a_file_that_cannot_be_used() {
    let name = "narrow-sd2";
    let expected = outputs(&in_folder(&folder().join(name)), name);
    let unusable: [(&[u8], &str); 4] = [
        (
            b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n",
            "Git LFS pointer",
        ),
        (b"<!DOCTYPE html><html>", "web page"),
        (b"", "empty"),
        (&[0; 4096], "zeros"),
    ];
    for (contents, words) in unusable {
        let copy = copy_folder(name);
        let whole = copy.path().join(UNET);
        std::fs::rename(&whole, whole.with_extension("fp16.safetensors")).unwrap();
        std::fs::write(&whole, contents).unwrap();
        let source = in_folder(copy.path());
        assert!(outputs(&source, name) == expected, "{words}");
        let opened = Checkpoint::open(&source, &Device::flex()).unwrap();
        let notices = opened.description.notices;
        assert_eq!(notices.len(), 1, "{notices:?}");
        let said = notices[0].to_string();
        for words in [words, UNET, "fp16.safetensors is taken instead"] {
            assert!(said.contains(words), "{said:?} lacks {words:?}");
        }
        // With nothing beside it, that is the error.
        std::fs::remove_file(whole.with_extension("fp16.safetensors")).unwrap();
        let error = Checkpoint::open(&source, &Device::flex()).unwrap_err();
        assert!(error.to_string().contains(words), "{error}");
    }
}

#[test]
fn a_scheduler_that_is_not_there_is_named_with_what_is_taken() {
    let copy = copy_folder("narrow-sd1");
    let path = copy.path().join("scheduler/scheduler_config.json");
    let config: Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
    let said = |class: &str| {
        let mut config = config.clone();
        config["_class_name"] = json!(class);
        config["timestep_spacing"] = json!("trailing");
        std::fs::write(&path, config.to_string()).unwrap();
        let opened = Checkpoint::open(&in_folder(copy.path()), &Device::flex()).unwrap();
        let own = opened.description.own_walk();
        (own.instead, own.scheduler.to_string())
    };
    for class in ["FlowMatchEulerDiscreteScheduler", "NobodysScheduler"] {
        let (said, taken) = said(class);
        assert_eq!(said.len(), 1, "{said:?}");
        for words in [class, &taken] {
            assert!(said[0].contains(words), "{said:?} lacks {words:?}");
        }
    }
    // A sampler that is there is taken without a word.
    for class in [
        "PNDMScheduler",
        "DDIMScheduler",
        "LCMScheduler",
        "DPMSolverMultistepScheduler",
        "EulerDiscreteScheduler",
    ] {
        assert!(said(class).0.is_empty(), "{class}");
    }
}

/// Cuts a weight file into `count` shards with their index, as diffusers does.
fn shard(path: &Path, count: usize, variant: &str) {
    let tensors = read(path);
    std::fs::remove_file(path).unwrap();
    let stem = path.file_name().unwrap().to_str().unwrap();
    let stem = stem
        .strip_suffix(&format!("{variant}.safetensors"))
        .unwrap();
    let mut weight_map = serde_json::Map::new();
    let mut shards = vec![Tensors::new(); count];
    for (number, (name, stored)) in tensors.into_iter().enumerate() {
        let shard = number % count;
        let file = format!(
            "{stem}{variant}-0000{}-of-0000{count}.safetensors",
            shard + 1
        );
        weight_map.insert(name.clone(), file.into());
        shards[shard].insert(name, stored);
    }
    for (number, shard) in shards.iter().enumerate() {
        let file = format!(
            "{stem}{variant}-0000{}-of-0000{count}.safetensors",
            number + 1
        );
        write(shard, &path.with_file_name(file));
    }
    let index = serde_json::json!({"metadata": {"total_size": 0}, "weight_map": weight_map});
    let index_file = format!("{stem}.safetensors.index{variant}.json");
    std::fs::write(path.with_file_name(index_file), index.to_string()).unwrap();
}

#[test]
fn a_folder_of_models_is_listed_with_reasons_for_the_rest() {
    let shelf = tempfile::tempdir().unwrap();
    let deep = shelf.path().join("models--someone--model/snapshots");
    std::fs::create_dir_all(&deep).unwrap();
    std::fs::rename(copy_folder("narrow-sd2").path(), deep.join("0123abc")).unwrap();
    std::fs::rename(copy_folder("narrow-sd1").path(), shelf.path().join("first")).unwrap();
    std::fs::write(shelf.path().join("lora.SafeTensors"), b"GGUF").unwrap();
    std::fs::write(shelf.path().join("._lora.safetensors"), b"of macOS").unwrap();
    std::fs::write(shelf.path().join("notes.txt"), b"not looked at").unwrap();
    #[cfg(unix)]
    std::os::unix::fs::symlink(shelf.path(), deep.join("again")).unwrap();
    let found = FoundModels::in_folder(shelf.path()).unwrap();
    let first = found.models.iter().find(|model| model.name == "first");
    assert_eq!(first.unwrap().family, ModelFamily::V1);
    let second = found.models.iter().find(|model| model.name == "0123abc");
    assert_eq!(second.unwrap().family, ModelFamily::V2);
    let mut names = found.others.iter().map(|(path, _)| path.file_name());
    // Once more through the link.
    assert!(names.all(|name| name == Some("lora.SafeTensors".as_ref())));
    let (path, reason) = &found.others[0];
    assert!(path.ends_with("lora.SafeTensors"));
    assert!(reason.contains("GGUF"), "{reason}");
    assert!(FoundModels::in_folder(&shelf.path().join("gone")).is_err());
}
