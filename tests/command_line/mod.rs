//! The program itself, as a person or a script runs it.

mod refusals;

use std::path::Path;
use std::process::{Command, Output};

use sha2::{Digest, Sha256};
use storm_studio::diffusion::Optimisation;
use storm_studio::engine::Recipe;
use storm_studio::export::metadata::own_of;
use storm_studio::export::png::read_png;
use storm_studio::storm::ObjectiveKind;

use crate::checkpoints::{VAE, copy_folder};
use crate::ldm_names::{read, write};

pub(crate) fn storm_studio(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_storm-studio"))
        .args(arguments)
        .output()
        .expect("the program starts")
}

pub(crate) fn generate(output: &Path, arguments: &[&str]) -> Output {
    let output = output.to_str().unwrap();
    let mut all = vec!["generate", "--device", "cpu", "--output", output];
    all.extend(arguments);
    storm_studio(&all)
}

pub(crate) fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[test]
fn a_standard_and_a_storm_picture_per_seed_and_a_grid() {
    let folder = tempfile::tempdir().unwrap();
    let line = [
        "--prompt",
        "a cat to the left of a dog",
        "--seeds",
        "0,1",
        "--steps",
        "3",
    ];
    let ran = generate(folder.path(), &line);
    assert!(ran.status.success(), "{}", text(&ran.stderr));
    let pictures = folder.path().join("a cat to the left of a dog");
    for name in ["0.png", "0-standard.png", "1.png", "1-standard.png"] {
        let picture = image::open(pictures.join(name)).expect(name);
        assert_eq!((picture.width(), picture.height()), (128, 128));
    }
    assert!(image::open(pictures.join("grid.png")).unwrap().width() > 128);
    // A second run overwrites nothing.
    let before = std::fs::read(pictures.join("0.png")).unwrap();
    assert!(generate(folder.path(), &line).status.success());
    assert_eq!(std::fs::read(pictures.join("0.png")).unwrap(), before);
    assert!(pictures.join("0-2.png").exists());
}

#[test]
fn what_a_model_was_never_taught_is_said_and_inspect_lists_what_it_was() {
    let model = copy_folder("narrow-sd1");
    let vocabulary = r#"{"objects": [{"word": "cat", "plural": "cats"}, {"word": "dog"}],
        "colours": ["white"], "filler": ["a", "above"], "most_objects": 2}"#;
    std::fs::write(model.path().join("vocabulary.json"), vocabulary).unwrap();
    let path = model.path().to_str().unwrap();
    let told = text(&storm_studio(&["inspect", path]).stdout);
    for words in ["knows", "2 objects (cat, dog)", "1 colour (white)"] {
        assert!(told.contains(words), "{told}");
    }
    let folder = tempfile::tempdir().unwrap();
    let said = |prompt: &str| {
        let line = ["--model", path, "--prompt", prompt, "--standard"];
        let line = [&line[..], &["--steps", "1", "--size", "256x256"]].concat();
        let ran = generate(folder.path(), &line);
        assert!(ran.status.success(), "{}", text(&ran.stderr));
        text(&ran.stderr)
    };
    let told = said("a dragon above a cat");
    assert!(
        told.contains("knows cat and dog; it has never seen “dragon”"),
        "{told}"
    );
    assert!(!said("a white dog above a cat").contains("never seen"));
    // A file that is no vocabulary costs no picture.
    std::fs::write(model.path().join("vocabulary.json"), "cat, dog").unwrap();
    let told = said("a dragon above a cat");
    assert!(
        told.contains("vocabulary.json") && !told.contains("never seen"),
        "{told}"
    );
}

#[test]
fn like_a_picture_of_ours_makes_the_same_pixels_and_inspect_says_what_it_holds() {
    let folder = tempfile::tempdir().unwrap();
    let line = [
        "--prompt",
        "a red cat and a dog",
        "--relation",
        "cat above dog",
        "--seeds",
        "5",
        "--steps",
        "4",
        "--scheduler",
        "euler a",
        "--set",
        "margin=0.2",
        "--negative-prompt",
        "tree",
    ];
    assert!(generate(folder.path(), &line).status.success());
    let made = folder.path().join("a red cat and a dog");
    let again = folder.path().join("again");
    for name in ["5.png", "5-standard.png"] {
        let picture = made.join(name);
        let like = ["--like", picture.to_str().unwrap()];
        let ran = generate(&again, &like);
        assert!(ran.status.success(), "{}", text(&ran.stderr));
        let told = text(&ran.stderr);
        assert!(told.contains("The picture's settings are back"), "{told}");
        let same = again.join("a red cat and a dog").join(name);
        assert_eq!(
            image::open(&same).unwrap(),
            image::open(&picture).unwrap(),
            "{name}"
        );
        std::fs::remove_dir_all(&again).unwrap();
    }
    let picture = made.join("5.png");
    let like = ["--like", picture.to_str().unwrap()];
    let other = [&like[..], &["--seeds", "6", "--steps", "2", "--standard"]].concat();
    assert!(generate(&again, &other).status.success());
    let saved = again.join("a red cat and a dog").join("6-standard.png");
    let file = std::io::BufReader::new(std::fs::File::open(saved).unwrap());
    let recipe: Recipe = own_of(&read_png(file).unwrap().texts).unwrap().unwrap();
    assert_eq!(
        (recipe.request.settings.steps, recipe.request.seeds),
        (2, vec![6])
    );
    // As sha256sum of the embedded UNet's file.
    let unet = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/assets/toybox/unet/diffusion_pytorch_model.safetensors"
    );
    let digest = Sha256::digest(std::fs::read(unet).unwrap());
    let digits: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
    let short = &digits[..10];
    assert_eq!(recipe.model_hash.as_deref(), Some(digits.as_str()));

    let told = text(&storm_studio(&["inspect", like[1]]).stdout);
    for words in [
        "A picture of Storm Studio",
        "cat above dog",
        "Euler ancestral",
        &format!("Model hash: {short}, Model: toybox"),
        "storm-studio:",
    ] {
        assert!(told.contains(words), "{told}");
    }
    let none = crate::pictures::picture("plain.png");
    let ran = storm_studio(&["inspect", none.to_str().unwrap()]);
    assert_eq!(ran.status.code(), Some(6));
    assert!(text(&ran.stdout).contains("holds no settings"));
    // A picture of another program without a relation gives a standard picture.
    let theirs = crate::pictures::picture("invokeai-1.png");
    let theirs = theirs.to_str().unwrap();
    let line = [
        "--like", theirs, "--prompt", "a cat", "--steps", "1", "--size", "64",
    ];
    let ran = generate(&again, &line);
    assert!(ran.status.success(), "{}", text(&ran.stderr));
    assert!(text(&ran.stderr).contains("the standard picture alone"));
    assert!(again.join("a cat/7-standard.png").is_file());
}

#[test]
fn an_animation_has_a_frame_per_step_and_one_for_the_pictures() {
    use image::AnimationDecoder;
    let folder = tempfile::tempdir().unwrap();
    let animation = folder.path().join("made.gif");
    let line = [
        "--prompt",
        "a cat left of a dog",
        "--steps",
        "3",
        "--scheduler",
        "ddim",
        "--animation",
        animation.to_str().unwrap(),
    ];
    let ran = generate(folder.path(), &line);
    assert!(ran.status.success(), "{}", text(&ran.stderr));
    let file = std::io::BufReader::new(std::fs::File::open(&animation).unwrap());
    let decoder = image::codecs::gif::GifDecoder::new(file).unwrap();
    let frames = decoder.into_frames().collect_frames().unwrap();
    assert_eq!(frames.len(), 4);
    // Two pictures of 256 pixels and the space around them.
    assert!(frames[0].buffer().width() > 512);
}

#[test]
fn json_lines_say_what_happens() {
    let folder = tempfile::tempdir().unwrap();
    let ran = generate(
        folder.path(),
        &["--prompt", "a cat left of a dog", "--steps", "2", "--json"],
    );
    assert!(ran.status.success(), "{}", text(&ran.stderr));
    let events: Vec<serde_json::Value> = text(&ran.stdout)
        .lines()
        .map(|line| serde_json::from_str(line).expect(line))
        .collect();
    let named = |name: &str| events.iter().filter(|event| event["event"] == name).count();
    assert_eq!(named("picture"), 2);
    assert_eq!(named("finished"), 1);
    assert!(named("step") >= 3);
    let step = events
        .iter()
        .find(|event| event["event"] == "step")
        .unwrap();
    assert!(step["reading"]["relations"][0]["signed_distance"].is_number());
}

#[test]
fn attend_and_excite_runs_on_words_that_no_relation_joins() {
    let folder = tempfile::tempdir().unwrap();
    let line = [
        "--prompt",
        "a cat and a dog",
        "--storm",
        "--steps",
        "2",
        "--objective",
    ];
    let with = |objective: &str| generate(folder.path(), &[&line[..], &[objective]].concat());
    let ran = with("attend-and-excite");
    assert!(ran.status.success(), "{}", text(&ran.stderr));
    assert!(folder.path().join("a cat and a dog/0.png").exists());
    let refused = with("centroid");
    assert_eq!(refused.status.code(), Some(2));
    assert!(text(&refused.stderr).contains("names no relation"));
}

#[test]
fn trajectories_are_compared_in_the_order_of_computation() {
    let folder = tempfile::tempdir().unwrap();
    let record = |seed: &str, file: &str| {
        let path = folder.path().join(file);
        let path = path.to_str().unwrap().to_string();
        let line = ["--prompt", "a cat left of a dog", "--steps", "3", "--storm"];
        let more = [
            "--objective",
            "reference",
            "--seeds",
            seed,
            "--trajectory",
            &path,
        ];
        let ran = generate(folder.path(), &[&line[..], &more[..]].concat());
        assert!(ran.status.success(), "{}", text(&ran.stderr));
        path
    };
    let (one, again) = (record("1", "a.safetensors"), record("1", "b.safetensors"));
    let other = record("2", "c.safetensors");
    let same = storm_studio(&["compare", &one, &again]);
    assert!(same.status.success(), "{}", text(&same.stdout));
    let names: Vec<String> = text(&same.stdout)
        .lines()
        .filter_map(|line| line.split_whitespace().next().map(str::to_string))
        .collect();
    // PNDM makes four calls; steps 1 to 3 update once, and diffusers does not
    // report the latents of the first call.
    let place = |name: &str| names.iter().position(|it| it == name).expect(name);
    let order = [
        "text_embeddings",
        "loss.0.maps",
        "loss.1.value",
        "loss.2.value",
        "update.0.after",
        "latents.1",
        "loss.3.value",
        "update.2.after",
        "latents.3",
        "image_64",
    ];
    assert!(order.map(place).is_sorted(), "{names:?}");
    assert!(!names.contains(&"latents.0".to_string()));

    let apart = storm_studio(&["compare", &one, &other]);
    assert_eq!(apart.status.code(), Some(1));
    assert!(text(&apart.stdout).contains("seed: 1 and 2"));
    assert!(text(&apart.stderr).contains("the first is loss.0."));
}

#[test]
fn parameters_come_from_a_file_flags_and_names_and_are_told_in_the_picture() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("parameters.json");
    let written = r#"{"objective": "reference",
        "objective_parameters": {"reference": {"scale_factor": 15, "first_update": 2}}}"#;
    std::fs::write(&file, written).unwrap();
    let line = [
        "--prompt",
        "a cat left of a dog",
        "--steps",
        "3",
        "--storm",
        "--parameters",
        file.to_str().unwrap(),
        "--scale_factor",
        "18",
        "--thresholds",
        "{0: 0.9, 2: 0.95}",
        "--smooth_attentions",
        "False",
        "--set",
        "refinement_limit=1",
    ];
    let ran = generate(folder.path(), &line);
    assert!(ran.status.success(), "{}", text(&ran.stderr));
    let picture = folder.path().join("a cat left of a dog/0.png");
    let picture = std::fs::File::open(picture).unwrap();
    let picture = read_png(std::io::BufReader::new(picture)).unwrap();
    let recipe: Recipe = own_of(&picture.texts).unwrap().unwrap();
    let optimisation = recipe.request.settings.optimisation;
    assert_eq!(optimisation.objective, ObjectiveKind::Reference);
    let mut expected = Optimisation::default().parameters;
    expected.reference.scale_factor = 18.0;
    expected.reference.first_update = 2;
    expected.reference.thresholds = vec![(0, 0.9), (2, 0.95)];
    expected.reference.smooth_attentions = false;
    expected.reference.refinement_limit = 1;
    assert_eq!(optimisation.parameters, expected);
}

#[test]
fn what_a_folder_asks_for_in_vain_is_said_by_inspect_and_the_run() {
    let model = copy_folder("narrow-sd1");
    let config = model.path().join("scheduler/scheduler_config.json");
    let class = r#"{"_class_name": "FlowMatchEulerDiscreteScheduler"}"#;
    std::fs::write(config, class).unwrap();
    let path = model.path().to_str().unwrap();
    let inspected = storm_studio(&["inspect", path]);
    let words = "FlowMatchEulerDiscreteScheduler is not available, PNDM is taken instead";
    assert!(text(&inspected.stdout).contains(words));
    let output = tempfile::tempdir().unwrap();
    let line = [
        "--model",
        path,
        "--prompt",
        "a cat",
        "--standard",
        "--steps",
        "1",
        "--size",
        "64x64",
    ];
    let ran = generate(output.path(), &line);
    assert!(ran.status.success(), "{}", text(&ran.stderr));
    assert!(text(&ran.stderr).contains(words), "{}", text(&ran.stderr));
}
