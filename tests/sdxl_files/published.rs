//! The published layout in full size, by names and shapes: files of holes instead of numbers.

use super::*;

/// Names and shapes of the published layout, by the file that they are in; see
/// fixtures/full_size_sdxl.py.
fn published(list: &str) -> BTreeMap<String, Vec<(String, Vec<usize>)>> {
    let list = folder().join("full-size").join(list);
    let mut files: BTreeMap<String, Vec<_>> = BTreeMap::new();
    for line in std::fs::read_to_string(list).unwrap().lines() {
        let mut words = line.split(' ').rev();
        let shape = words.next().unwrap().split(',');
        let shape = shape.map(|length| length.parse().unwrap()).collect();
        let name = words.next().unwrap().to_string();
        let part = words.next().unwrap_or_default().to_string();
        files.entry(part).or_default().push((name, shape));
    }
    files
}

/// A file of f16 tensors whose numbers take no room on the disk.
fn write_hollow(path: &Path, tensors: &[(String, Vec<usize>)]) {
    let mut header = serde_json::Map::new();
    let mut end = 0;
    for (name, shape) in tensors {
        let start = end;
        end += 2 * shape.iter().product::<usize>();
        let entry = json!({"dtype": "F16", "shape": shape, "data_offsets": [start, end]});
        header.insert(name.clone(), entry);
    }
    let header = Value::Object(header).to_string();
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    let mut file = std::fs::File::create(path).unwrap();
    file.write_all(&(header.len() as u64).to_le_bytes())
        .unwrap();
    file.write_all(header.as_bytes()).unwrap();
    file.set_len((8 + header.len() + end) as u64).unwrap();
}

fn check_numbers(checkpoint: &Checkpoint) {
    let networks = checkpoint.networks().into_iter();
    let numbers: Vec<_> = networks.map(|it| (it.name, it.numbers)).collect();
    assert_eq!(numbers, NUMBERS);
    let unet = &checkpoint.description.unet_config;
    let blocks: Vec<usize> = (0..3).map(|level| unet.transformer_layers(level)).collect();
    // No transformer reads the first.
    assert_eq!(blocks, [1, 2, 10]);
    let heads: Vec<usize> = (0..3).map(|level| unet.heads(level)).collect();
    assert_eq!(heads, [5, 10, 20]);
    assert_eq!(checkpoint.description.native_size(), [1024, 1024]);
}

#[test]
fn the_published_file_has_exactly_the_tensors_that_the_model_needs() {
    let temporary = tempfile::tempdir().unwrap();
    let path = temporary.path().join("sd_xl_base_1.0.safetensors");
    let tensors = published("sdxl-ldm.txt").remove("").unwrap();
    assert_eq!(tensors.len(), 2513);
    write_hollow(&path, &tensors);
    let opened = Checkpoint::open(&alone(&path), &Device::flex()).unwrap();
    assert_eq!(opened.description.layout, Layout::File { averaged: false });
    check_numbers(&opened);

    // One less, one more, one of another shape: each is named.
    let name = "conditioner.embedders.1.model.text_projection";
    let place = tensors.iter().position(|(known, _)| known == name).unwrap();
    let mut less = tensors.clone();
    less.remove(place);
    write_hollow(&path, &less);
    assert!(matches!(
        refused(&alone(&path)),
        CheckpointError::MissingTensor { tensor, .. } if tensor == name
    ));
    let mut more = tensors.clone();
    let unknown = "model.diffusion_model.label_emb.0.4.bias";
    more.push((unknown.to_string(), vec![1280]));
    write_hollow(&path, &more);
    assert!(matches!(
        refused(&alone(&path)),
        CheckpointError::UnknownTensor { tensor, .. } if tensor == unknown
    ));
    let mut other = tensors;
    let keys =
        "model.diffusion_model.middle_block.1.transformer_blocks.9.attn2.to_k.weight".to_string();
    let place = other.iter().position(|(known, _)| *known == keys).unwrap();
    other[place].1 = vec![1280, 1280];
    write_hollow(&path, &other);
    let error = refused(&alone(&path));
    assert!(matches!(&error, CheckpointError::WrongShape { tensor, .. } if *tensor == keys));
}

/// A copy of the narrow folder whose networks have the published sizes, without numbers.
pub(super) fn published_folder() -> tempfile::TempDir {
    let copy = copy_folder(NAME);
    let file = |file: &str| copy.path().join(file);
    for (part, tensors) in published("sdxl.txt") {
        let path = match part.starts_with("text") {
            true => file(&part).join("model.safetensors"),
            false => file(&part).join("diffusion_pytorch_model.safetensors"),
        };
        write_hollow(&path, &tensors);
    }
    edit_config(&file("unet/config.json"), |config| {
        config["block_out_channels"] = json!([320, 640, 1280]);
        config["attention_head_dim"] = json!([5, 10, 20]);
        config["transformer_layers_per_block"] = json!([1, 2, 10]);
        config["cross_attention_dim"] = json!(2048);
        config["norm_num_groups"] = json!(32);
        config["addition_time_embed_dim"] = json!(256);
        config["projection_class_embeddings_input_dim"] = json!(2816);
    });
    edit_config(&file("vae/config.json"), |config| {
        config["block_out_channels"] = json!([128, 256, 512, 512]);
        config["norm_num_groups"] = json!(32);
    });
    for (part, sizes) in [
        ("text_encoder", [768, 3072, 12, 12, 768]),
        ("text_encoder_2", [1280, 5120, 32, 20, 1280]),
    ] {
        edit_config(&file(&format!("{part}/config.json")), |config| {
            let keys = [
                "hidden_size",
                "intermediate_size",
                "num_hidden_layers",
                "num_attention_heads",
                "projection_dim",
            ];
            for (key, size) in keys.into_iter().zip(sizes) {
                config[key] = json!(size);
            }
            config["vocab_size"] = json!(VOCABULARY);
        });
    }
    copy
}

#[test]
fn the_published_folder_has_exactly_the_tensors_that_the_model_needs() {
    let copy = published_folder();
    let opened = Checkpoint::open(&in_folder(copy.path()), &Device::flex()).unwrap();
    check_numbers(&opened);
    assert_eq!(opened.description.family, ModelFamily::Xl);
    assert_eq!(opened.stored_types(), "F16");
}

/// The figures of the README.
#[test]
fn a_picture_with_storm_is_estimated_to_fit_eight_gigabytes() {
    let copy = published_folder();
    let opened = Checkpoint::open(&in_folder(copy.path()), &Device::flex()).unwrap();
    let gigabytes = |bytes: u64| bytes as f64 / 1e9;
    for weight_type in [WeightType::F32, WeightType::F16] {
        let needs = ModelNeeds::of(&opened, weight_type, BackwardPass::Chained);
        println!(
            "{weight_type}: weights {:.2} GB, of which text encoders {:.2}; picture {:.2}; update {:.2}; \
             at most {:.2}",
            gigabytes(needs.weights),
            gigabytes(needs.leaving),
            gigabytes(needs.activations),
            gigabytes(needs.update),
            gigabytes(needs.peak()),
        );
        if weight_type == WeightType::F16 {
            assert!(needs.peak() < 8_000_000_000, "{needs}");
            assert!(needs.update < 1_000_000_000, "{needs}");
        }
    }
    let unet = &opened.description.unet_config;
    let (latents, tokens) = (
        Grid {
            rows: 128,
            columns: 128,
        },
        77,
    );
    let whole = unet.pass_operations(latents, tokens);
    for layers in [
        None,
        Some("up_blocks.0.attentions.1.transformer_blocks.1-3"),
        Some("down_blocks.2"),
    ] {
        let choice = layers.map(|layers| layers.parse().unwrap());
        let capture = unet.capture(latents, 16, choice).unwrap();
        let part = unet.maps_pass_operations(latents, capture, tokens) / whole;
        println!(
            "{}: {part:.3} of a pass",
            layers.unwrap_or("all of 32 × 32")
        );
    }
    let fine = unet.capture(latents, 64, None).unwrap();
    let part = unet.maps_pass_operations(latents, fine, tokens) / whole;
    println!("all of 64 × 64: {part:.3} of a pass");
}
