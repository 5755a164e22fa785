//! Configs and other texts of a folder that are not what they should be.

use super::*;

#[test]
fn json_bombs_in_configs_are_refused() {
    let copy = copy_folder("narrow-sd1");
    let deep = format!("{}1{}", r#"{"a":"#.repeat(100_000), "}".repeat(100_000));
    let list = format!("[{}1]", "1,".repeat(2_000_000));
    for file in [
        "model_index.json",
        "unet/config.json",
        "vae/config.json",
        "text_encoder/config.json",
        "tokenizer/vocab.json",
        "tokenizer/tokenizer_config.json",
    ] {
        let path = copy.path().join(file);
        let good = std::fs::read(&path).unwrap();
        std::fs::write(&path, &list).unwrap();
        refused(copy.path());
        // Nested as deeply as may be under a key that nobody reads, it is harmless.
        std::fs::write(&path, &deep).unwrap();
        let harmless = open(copy.path()).is_ok();
        assert_eq!(
            harmless,
            file == "tokenizer/tokenizer_config.json",
            "{file}"
        );
        std::fs::write(&path, good).unwrap();
    }
    // A file of JSON's own that is larger than any: not even read.
    let path = copy.path().join("model_index.json");
    std::fs::File::create(&path)
        .unwrap()
        .set_len(1 << 40)
        .unwrap();
    assert!(matches!(
        refused(copy.path()),
        CheckpointError::TooLarge { .. }
    ));
}

#[test]
fn numbers_in_configs_that_cannot_be_are_named() {
    for (file, key, value) in [
        ("vae/config.json", "scaling_factor", json!(0)),
        ("scheduler/scheduler_config.json", "beta_start", json!(-1)),
        ("scheduler/scheduler_config.json", "beta_end", json!(2)),
        ("unet/config.json", "norm_eps", json!(-1)),
        ("text_encoder/config.json", "layer_norm_eps", json!(0)),
    ] {
        let copy = copy_folder("narrow-sd1");
        let path = copy.path().join(file);
        let mut config: Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
        config[key] = value.clone();
        std::fs::write(&path, config.to_string()).unwrap();
        let message = refused(copy.path()).to_string();
        assert!(message.contains(&format!("{key} = ")), "{message}");
        let words = ["must be", "not possible"];
        assert!(words.iter().any(|it| message.contains(it)), "{message}");
    }
}

#[test]
fn texts_that_are_something_else_or_begin_with_a_mark_are_told_apart() {
    let pointer = "version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 7\n";
    for file in [
        "unet/config.json",
        "tokenizer/merges.txt",
        "model_index.json",
    ] {
        let copy = copy_folder("narrow-sd1");
        let path = copy.path().join(file);
        let text = std::fs::read(&path).unwrap();
        std::fs::write(&path, pointer).unwrap();
        let message = refused(copy.path()).to_string();
        assert!(message.contains(file), "{message}");
        assert!(message.contains("git lfs pull"), "{message}");
        // As the editors of Windows write it.
        let marked = [&b"\xef\xbb\xbf"[..], &text].concat();
        std::fs::write(&path, marked).unwrap();
        open(copy.path()).unwrap_or_else(|error| panic!("{file}: {error}"));
    }
}
