//! Bad input, damaged models and options in vain: a sentence and an exit code each.

use super::*;

#[test]
fn bad_input_ends_in_a_sentence_and_its_exit_code() {
    let folder = tempfile::tempdir().unwrap();
    let cases: &[(&[&str], i32, &str)] = &[
        (&["--prompt", ""], 2, "prompt is empty"),
        (
            &["--prompt", "a cat left of a dog", "--steps", "0"],
            2,
            "between 1 and 1000",
        ),
        (
            &[
                "--prompt",
                "a cat left of a dog",
                "--token-indices",
                "[[2,99],[None,None]]",
            ],
            2,
            "99",
        ),
        (
            &[
                "--prompt",
                "a cat left of a dog",
                "--token-indices",
                "[[2,2],[None,None]]",
            ],
            2,
            "2",
        ),
        (
            &[
                "--prompt",
                "a cat left of a dog",
                "--model",
                "/nowhere/at/all",
            ],
            3,
            "no model at",
        ),
        (
            &[
                "--prompt",
                "a cat left of a dog",
                "--model",
                env!("CARGO_MANIFEST_DIR"),
            ],
            3,
            "model_index.json",
        ),
    ];
    for (arguments, code, words) in cases {
        let ran = generate(folder.path(), arguments);
        let said = text(&ran.stderr);
        assert_eq!(ran.status.code(), Some(*code), "{arguments:?}: {said}");
        assert!(said.contains(words), "{said:?} lacks {words:?}");
        assert!(!said.contains("panicked"), "{said}");
    }
}

#[test]
fn damaged_models_are_refused_by_the_name_of_what_is_wrong() {
    use crate::fixture::folder;
    let copy = |folder_name: &str| {
        let target = tempfile::tempdir().unwrap();
        let mut stack = vec![(folder().join(folder_name), target.path().to_path_buf())];
        while let Some((from, to)) = stack.pop() {
            std::fs::create_dir_all(&to).unwrap();
            for entry in std::fs::read_dir(&from).unwrap() {
                let entry = entry.unwrap();
                let to = to.join(entry.file_name());
                if entry.path().is_dir() {
                    stack.push((entry.path(), to));
                } else {
                    std::fs::copy(entry.path(), to).unwrap();
                }
            }
        }
        target
    };
    let weights = "unet/diffusion_pytorch_model.safetensors";
    let refuse = |model: &Path, words: &str| {
        let ran = storm_studio(&["inspect", model.to_str().unwrap()]);
        let said = text(&ran.stderr);
        assert_eq!(ran.status.code(), Some(3), "{said}");
        assert!(said.contains(words), "{said:?} lacks {words:?}");
        assert!(!said.contains("panicked"), "{said}");
    };
    let model = copy("narrow-sd1");
    assert!(
        storm_studio(&["inspect", model.path().to_str().unwrap()])
            .status
            .success()
    );

    let whole = std::fs::read(model.path().join(weights)).unwrap();
    std::fs::write(model.path().join(weights), &whole[..whole.len() / 2]).unwrap();
    refuse(model.path(), weights);
    std::fs::write(model.path().join(weights), &whole).unwrap();

    // A config that describes one layer more, one less, other widths.
    let change = |file: &str, key: &str, value: serde_json::Value, words: &str| {
        let file = model.path().join(file);
        let config = std::fs::read_to_string(&file).unwrap();
        let mut changed: serde_json::Value = serde_json::from_str(&config).unwrap();
        changed[key] = value;
        std::fs::write(&file, changed.to_string()).unwrap();
        refuse(model.path(), words);
        std::fs::write(&file, config).unwrap();
    };
    let text = "text_encoder/config.json";
    change(
        text,
        "num_hidden_layers",
        3.into(),
        "lacks the tensor encoder.layers.2",
    );
    change(text, "num_hidden_layers", 1.into(), "has the tensor");
    change(text, "intermediate_size", 7.into(), "mlp.fc1");
    change("unet/config.json", "in_channels", 9.into(), "inpaints");
    change("vae/config.json", "shift_factor", 0.1.into(), "SD3");

    // Where the parts do not open, the class says best what they are.
    let index = model.path().join("model_index.json");
    let class = "StableDiffusion3Pipeline";
    std::fs::write(&index, format!(r#"{{"_class_name": "{class}"}}"#)).unwrap();
    change("unet/config.json", "in_channels", 9.into(), class);
    std::fs::remove_file(&index).unwrap();
    std::fs::remove_dir_all(model.path().join("unet")).unwrap();
    refuse(model.path(), "model_index.json");
}

#[test]
fn what_would_change_nothing_is_refused_by_name() {
    let folder = tempfile::tempdir().unwrap();
    let prompt = [
        "--prompt",
        "a cat left of a dog",
        "--objective",
        "reference",
    ];
    for (given, name) in [
        (["--window", "0.3"], "--window"),
        (["--margin", "0.3"], "--margin"),
        (["--set", "epsilon=0.1"], "epsilon"),
    ] {
        let ran = generate(folder.path(), &[&prompt[..], &given].concat());
        assert_eq!(ran.status.code(), Some(2));
        let said = text(&ran.stderr);
        assert!(
            said.contains(&format!("{name} has no effect on reference")),
            "{said}"
        );
    }
    let output = folder.path().to_str().unwrap();
    let line = [
        "evaluate",
        "--methods",
        "standard,reference",
        "--output",
        output,
    ];
    let ran = storm_studio(&[&line[..], &["--blob", "0.2"]].concat());
    assert_eq!(ran.status.code(), Some(2));
    let said = text(&ran.stderr);
    assert!(said.contains("--blob has no effect on reference"), "{said}");
}

#[test]
fn a_decode_that_overflows_saves_nothing_and_ends_as_a_failed_run() {
    let model = copy_folder("narrow-sd1");
    let weights = model.path().join(VAE);
    let mut tensors = read(&weights);
    let last = tensors.get_mut("decoder.conv_out.weight").unwrap();
    let count = last.bytes.len() / 4;
    last.bytes = 3e38f32.to_le_bytes().repeat(count);
    write(&tensors, &weights);
    let output = tempfile::tempdir().unwrap();
    let line = [
        "--model",
        model.path().to_str().unwrap(),
        "--prompt",
        "a cat",
        "--standard",
        "--steps",
        "1",
        "--size",
        "64x64",
    ];
    let ran = generate(output.path(), &line);
    let said = text(&ran.stderr);
    assert_eq!(ran.status.code(), Some(5), "{said}");
    assert!(
        said.contains("autoencoder") && !said.contains("f32"),
        "{said}"
    );
    assert_eq!(std::fs::read_dir(output.path()).unwrap().count(), 0);
}
