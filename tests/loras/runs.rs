//! LoRAs through whole runs: of the engine, and of the command line.

use std::path::Path;
use std::sync::Arc;

use safetensors::tensor::Dtype;
use sha2::{Digest, Sha256};
use storm_studio::checkpoint::LoraFile;
use storm_studio::diffusion::Methods;
use storm_studio::engine::{Event, LoraChoice, NetworkFile, NetworkLibrary, Recipe, Request};
use storm_studio::export::metadata::own_of;
use storm_studio::export::{PARAMETERS_KEYWORD, TextChunk};
use storm_studio::restore::{PictureTexts, settings_of};

use super::made::{Dice, Layer, stored};
use crate::checkpoints::UNET;
use crate::engine::{engine, pictures, run};
use crate::ldm_names::{Tensors, read, write};

/// A LoRA for the embedded model, in a folder.
pub fn toybox_lora(home: &Path) {
    let assets = Path::new(env!("CARGO_MANIFEST_DIR")).join("assets/toybox");
    let unet = read(&assets.join(UNET));
    let mut dice = Dice(9);
    let mut tensors = Tensors::new();
    for (name, tensor) in &unet {
        let Some(module) = name.strip_suffix(".attn2.to_v.weight") else {
            continue;
        };
        let layer = Layer::new(&mut dice, &tensor.shape, 2, None);
        let module = format!("lora_unet_{}_attn2_to_v", module.replace('.', "_"));
        tensors.insert(
            format!("{module}.lora_down.weight"),
            stored(&layer.down, &layer.down_shape(), Dtype::F32),
        );
        tensors.insert(
            format!("{module}.lora_up.weight"),
            stored(&layer.up, &layer.up_shape(), Dtype::F32),
        );
    }
    write(&tensors, &home.join("toys.safetensors"));
}

#[test]
fn a_lora_of_the_prompt_is_in_its_pictures_and_gone_from_the_next() {
    let home = tempfile::tempdir().unwrap();
    toybox_lora(home.path());
    let library = Arc::new(NetworkLibrary::in_folder(home.path()).unwrap());
    assert_eq!(library.loras[0].problem, None);
    let request = |prompt: &str, networks: &Arc<NetworkLibrary>| {
        let mut request = Request {
            prompt: prompt.to_string(),
            networks: Arc::clone(networks),
            ..Request::default()
        };
        request.settings.steps = 2;
        request.settings.methods = Methods::Standard;
        request
    };
    let engine = engine();
    let plain = run(&engine, request("a cat", &library));
    let with = run(&engine, request("a cat <lora:toys:0.8>", &library));
    let mut chosen = request("a cat", &library);
    chosen.settings.loras = vec![LoraChoice::new("TOYS", 0.8)];
    let chosen_events = run(&engine, chosen.clone());
    let again = run(&engine, request("a cat", &library));
    let image = |events: &[Event]| Arc::clone(&pictures(events)[0].image);
    assert_ne!(image(&plain), image(&with));
    assert_eq!(image(&with), image(&chosen_events));
    assert_eq!(image(&plain), image(&again));

    let used = &pictures(&chosen_events)[0].networks;
    assert_eq!(
        (used[0].name.as_str(), used[0].weights),
        ("toys", [0.8, 0.8])
    );
    let bytes = std::fs::read(home.path().join("toys.safetensors")).unwrap();
    let header = u64::from_le_bytes(bytes[..8].try_into().unwrap()) as usize;
    let digest = <sha2::Sha256 as sha2::Digest>::digest(&bytes[8 + header..]);
    let digest: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(used[0].hash, digest);

    let missing = run(&engine, request("a cat <lora:gone:1>", &library));
    let text = match missing.last() {
        Some(Event::Failed { error, .. }) => error.to_string(),
        other => panic!("{other:?}"),
    };
    assert!(text.contains("no LoRA called “gone”"), "{text}");
    let wrong = run(&engine, request("a cat <lora:toys:much>", &library));
    assert!(
        matches!(wrong.last(), Some(Event::Failed { error, .. }) if error.to_string().contains("<lora:name:0.8>"))
    );
    // The engine goes on.
    assert_eq!(
        image(&plain),
        image(&run(&engine, request("a cat", &library)))
    );
    let file = NetworkFile::look_at(&home.path().join("toys.safetensors"));
    assert_eq!(file, library.loras[0]);
}

#[test]
fn the_command_line_writes_names_and_hashes_and_takes_a_folder_or_a_file() {
    use crate::command_line::{generate, text};
    let home = tempfile::tempdir().unwrap();
    toybox_lora(home.path());
    let file = home.path().join("toys.safetensors");
    let with_weight = format!("{}:0.5", file.display());
    let line = [
        "--prompt",
        "a cat left of a dog",
        "--steps",
        "2",
        "--standard",
    ];
    let output = home.path().join("out");
    let ran = generate(&output, &[&line[..], &["--lora", &with_weight]].concat());
    assert!(ran.status.success(), "{}", text(&ran.stderr));
    let path = output.join("a cat left of a dog/0-standard.png");
    let saved = std::io::BufReader::new(std::fs::File::open(path).unwrap());
    let saved = storm_studio::export::png::read_png(saved).unwrap();
    let recipe = own_of::<Recipe>(&saved.texts).unwrap().unwrap();
    assert_eq!(recipe.networks[0].name, "toys");
    let infotext = &saved.texts[0].text;
    let short = recipe.networks[0].short_hash();
    assert!(infotext.contains("<lora:toys:0.5>"), "{infotext}");
    assert!(
        infotext.contains(&format!("Lora hashes: \"toys: {short}\"")),
        "{infotext}"
    );

    let home_text = home.path().to_str().unwrap();
    let by_name = ["--lora-folder", home_text, "--lora", "toys:0.5"];
    let other = home.path().join("other");
    let ran = generate(&other, &[&line[..], &by_name].concat());
    assert!(ran.status.success(), "{}", text(&ran.stderr));
    let picture = |output: &Path| {
        image::open(output.join("a cat left of a dog/0-standard.png"))
            .unwrap()
            .to_rgb8()
    };
    assert_eq!(picture(&output), picture(&other));
    let missing = generate(
        &other,
        &[&line[..], &["--lora", "gone.safetensors"]].concat(),
    );
    assert_eq!(missing.status.code(), Some(3), "{}", text(&missing.stderr));
    assert!(text(&missing.stderr).contains("gone.safetensors"));
}

/// Programs hash the tensors of a LoRA, or the whole file.
#[test]
fn a_file_of_the_same_name_with_another_hash_is_told() {
    let home = tempfile::tempdir().unwrap();
    toybox_lora(home.path());
    let path = home.path().join("toys.safetensors");
    let library = NetworkLibrary::in_folder(home.path()).unwrap();
    let of_tensors = LoraFile::open(&path).unwrap().hash().to_owned();
    let whole = Sha256::digest(std::fs::read(&path).unwrap());
    let of_file: String = whole.iter().map(|byte| format!("{byte:02x}")).collect();
    assert_ne!(of_tensors, of_file);
    let message = |key: &str, value: &str| {
        let text = format!("a <lora:toys:1>\nSteps: 2, Seed: 1, CFG scale: 7, {key}: \"{value}\"");
        let texts = vec![TextChunk::new(PARAMETERS_KEYWORD, text)];
        let (file, note) = ("a.png".to_owned(), None);
        let mut restored = settings_of(PictureTexts { file, texts, note }).unwrap();
        restored.compare(&library);
        let missing = restored.missing_inversions(&library);
        restored.message(None) + &missing.unwrap_or_default()
    };
    for hash in [&of_tensors[..12], &of_file[..10]] {
        let told = message("Lora hashes", &format!("toys: {hash}"));
        assert!(!told.contains("another file"), "{told}");
    }
    let told = message("Lora hashes", "Toys: 0123456789ab, gone: 0123456789ab");
    assert!(
        told.ends_with(
            "The LoRA Toys here is another file than the one it was made with, whose hash is \
             0123456789."
        ),
        "{told}"
    );
    let told = message("TI hashes", "bad: 0123456789, worse: 0123456789");
    assert!(
        told.contains("textual inversions bad, worse are missing here"),
        "{told}"
    );
}
