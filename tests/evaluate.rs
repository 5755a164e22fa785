//! The benchmark: its detector against PyTorch and drawn scenes, and whole small runs.

use std::path::Path;
use std::process::{Command, Output};

use burn::tensor::Device;
use image::RgbImage;
use storm_studio::models::ObjectDetector;

use crate::fixture::{Fixture, assert_near, numbers};

/// Name, colour, centre and extents of every object in a drawn picture.
type Drawn = Vec<(String, Option<String>, f64, f64, f64, f64)>;

fn pictures(fixture: &Fixture) -> Vec<RgbImage> {
    let shape = fixture.shape("pictures");
    let (height, width) = (shape[1] as u32, shape[2] as u32);
    let bytes = fixture.bytes("pictures");
    let pictures = bytes.chunks_exact(shape[1] * shape[2] * 3);
    pictures
        .map(|bytes| RgbImage::from_raw(width, height, bytes.to_vec()).unwrap())
        .collect()
}

fn drawn(fixture: &Fixture) -> Vec<Drawn> {
    serde_json::from_value(fixture.facts()["objects"].clone()).unwrap()
}

#[test]
fn the_detector_agrees_with_pytorch() {
    let fixture = Fixture::open("evaluate.safetensors");
    let detector = ObjectDetector::embedded().unwrap();
    let heads = fixture.tensor::<4>("heads", &Device::flex());
    let pixels = fixture.tensor::<4>("pixels", &Device::flex());
    let objects = detector.names().len();
    for (index, picture) in pictures(&fixture).iter().enumerate().take(heads.dims()[0]) {
        let scores = detector.scores(picture);
        // What it sees comes out as scores; their logits are what PyTorch gives.
        let logits = heads.clone().narrow(0, index, 1).narrow(1, 0, objects);
        let expected = burn::tensor::activation::sigmoid(logits);
        assert_near("heat", scores.values(), &numbers(expected), 1e-5);
        // Its masks are the pixels over zero, as far as they are near something found.
        let logits = numbers(pixels.clone().narrow(0, index, 1));
        let masks = scores.masks(&scores.found());
        let (mut both, mut either) = (0, 0);
        for (row, column) in (0..128).flat_map(|row| (0..128).map(move |column| (row, column))) {
            let channel = 2 * (row % 2) + column % 2;
            let theirs = logits[channel * 64 * 64 + row / 2 * 64 + column / 2] > 0.0;
            let ours = masks.iter().any(|mask| mask.inside[row * 128 + column]);
            assert!(theirs || !ours, "({row}, {column})");
            both += usize::from(theirs && ours);
            either += usize::from(theirs || ours);
        }
        assert!(
            either > 1000 && both * 100 >= either * 97,
            "{both} of {either}"
        );
    }
}

#[test]
fn every_drawn_object_is_found_once_in_its_place_size_and_colour() {
    let fixture = Fixture::open("evaluate.safetensors");
    let detector = ObjectDetector::embedded().unwrap();
    let mut tinted = 0;
    for (picture, objects) in pictures(&fixture).iter().zip(drawn(&fixture)) {
        let mut found = detector.find(picture);
        assert_eq!(found.len(), objects.len(), "{objects:?}: {found:?}");
        for (name, colour, x, y, width, height) in objects {
            let index = found.iter().position(|found| {
                found.name == name && (found.x - x).abs().max((found.y - y).abs()) < 0.02
            });
            let index = index.unwrap_or_else(|| panic!("no {name} at {x}, {y}: {found:?}"));
            let found = found.swap_remove(index);
            for (ours, theirs) in [(found.width, width), (found.height, height)] {
                assert!((ours / theirs - 1.0).abs() < 0.15, "{name}: {found:?}");
            }
            if let Some(colour) = colour {
                tinted += 1;
                assert!(found.colours.contains(&colour), "{colour} {found:?}");
            }
        }
    }
    assert!(tinted >= 10, "{tinted}");
}

fn evaluate(output: &Path, arguments: &[&str]) -> Output {
    let ran = Command::new(env!("CARGO_BIN_EXE_storm-studio"))
        .args([
            "evaluate",
            "--device",
            "cpu",
            "--pairs",
            "cat:house",
            "--seeds",
            "7001",
        ])
        .args(["--steps", "2", "--json", "--output"])
        .arg(output)
        .args(arguments)
        .output();
    ran.expect("the program starts")
}

/// The JSON objects that a run printed.
fn rows(ran: &Output) -> Vec<serde_json::Value> {
    let said = String::from_utf8_lossy(&ran.stderr);
    assert!(ran.status.success(), "{said}");
    let lines = String::from_utf8(ran.stdout.clone()).unwrap();
    lines
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

#[test]
fn a_run_goes_on_where_it_stopped_and_its_shards_merge() {
    let folder = tempfile::tempdir().unwrap();
    let first = folder.path().join("first");
    let part = rows(&evaluate(
        &first,
        &["--methods", "standard,storm", "--shard", "1/2"],
    ));
    assert_eq!(part[0]["pictures"], 2);
    let whole = rows(&evaluate(&first, &["--methods", "standard,storm"]));
    assert_eq!(whole.len(), 2);
    let (standard, storm) = (&whole[0], &whole[1]);
    assert_eq!(
        (&standard["method"], &storm["method"]),
        (&"standard".into(), &"storm".into())
    );
    for row in &whole {
        assert_eq!(row["pictures"], 4);
        for key in [
            "object_accuracy",
            "unconditional",
            "seconds_per_image",
            "unet_equivalents",
        ] {
            assert!(row[key].is_number(), "{key}: {row}");
        }
        assert!(row["per_relation"]["left-of"].is_number());
        // One seed is no group of four.
        assert!(row["visor_4"].is_null());
    }
    // Two steps of two samples each.
    assert_eq!(standard["unet_equivalents"], 4.0);
    assert!(storm["unet_equivalents"].as_f64() > Some(4.0));

    // The same pictures in two other folders, a part in each.
    let parts = ["0/2", "1/2"].map(|shard| {
        let part = folder.path().join(shard.replace('/', "-"));
        rows(&evaluate(
            &part,
            &["--methods", "standard,storm", "--shard", shard],
        ));
        part.to_str().unwrap().to_string()
    });
    let layout = folder.path().join("visor");
    let merged = evaluate(
        &first,
        &[
            "--merge",
            &parts[0],
            &parts[1],
            "--layout",
            "owlvit",
            layout.to_str().unwrap(),
        ],
    );
    for (merged, whole) in rows(&merged).iter().zip(&whole) {
        for key in [
            "method",
            "pictures",
            "object_accuracy",
            "per_relation",
            "confidence",
        ] {
            assert_eq!(merged[key], whole[key], "{key}");
        }
    }
    let image = image::open(layout.join("images/storm/3_0.png")).unwrap();
    assert_eq!(image.width(), 128);

    // Nothing is made twice, and other settings are refused.
    let lines = std::fs::read_to_string(first.join("pictures.jsonl")).unwrap();
    rows(&evaluate(&first, &["--methods", "standard,storm"]));
    assert_eq!(
        std::fs::read_to_string(first.join("pictures.jsonl")).unwrap(),
        lines
    );
    let refused = evaluate(&first, &["--methods", "storm", "--margin", "0.2"]);
    assert_eq!(refused.status.code(), Some(6));
    assert!(String::from_utf8_lossy(&refused.stderr).contains("storm.margin"));
}

/// A row without its seconds: read back from a file they may be another number in the
/// last bit.
fn untimed(row: &serde_json::Value) -> serde_json::Value {
    let mut row = row.clone();
    for place in ["", "/intervals", "/storm_minus_this"] {
        if let Some(figures) = row.pointer_mut(place).and_then(|it| it.as_object_mut()) {
            figures.remove("seconds_per_image");
        }
    }
    row
}

#[test]
fn tasks_are_judged_go_on_where_they_stopped_and_their_shards_merge() {
    let folder = tempfile::tempdir().unwrap();
    let tasks = ["--methods", "standard,storm", "--tasks", "count,region"];
    let run = |name: &str, more: &[&str]| {
        let line: Vec<&str> = tasks.iter().chain(more).copied().collect();
        evaluate(&folder.path().join(name), &line)
    };
    // Two numbers of cats, a region for each of both objects.
    let part = rows(&run("whole", &["--shard", "1/2"]));
    let pictures = |row: &serde_json::Value| row["pictures"].as_u64().unwrap();
    assert_eq!(part.iter().map(pictures).max(), Some(2), "{part:?}");
    let whole = rows(&run("whole", &[]));
    for task in ["count", "region"] {
        for method in ["standard", "storm"] {
            let row = whole
                .iter()
                .find(|row| row["task"] == task && row["method"] == method);
            let row = row.unwrap_or_else(|| panic!("no {task} by {method}: {whole:?}"));
            assert_eq!(row["pictures"], 2, "{row}");
            assert!(row["score"].is_number(), "{row}");
        }
    }
    let lines = |name: &str| {
        let folder = folder.path().join(name);
        let mut files = vec![folder];
        let mut lines = Vec::new();
        while let Some(path) = files.pop() {
            if path.is_dir() {
                let entries = std::fs::read_dir(path).unwrap();
                files.extend(entries.map(|entry| entry.unwrap().path()));
            } else if path.extension().is_some_and(|ending| ending == "jsonl") {
                let content = std::fs::read_to_string(path).unwrap();
                lines.extend(content.lines().map(str::to_string));
            }
        }
        lines
    };
    let before = lines("whole");
    assert_eq!(before.len(), 8);
    let again = rows(&run("whole", &[]));
    let untimed = |rows: &[serde_json::Value]| rows.iter().map(untimed).collect::<Vec<_>>();
    assert_eq!(untimed(&again), untimed(&whole));
    assert_eq!(lines("whole"), before, "something was made twice");

    for shard in ["0/2", "1/2"] {
        rows(&run(&shard.replace('/', "-"), &["--shard", shard]));
    }
    let parts = ["0-2", "1-2"].map(|part| folder.path().join(part));
    let [one, other] = parts.each_ref().map(|part| part.to_str().unwrap());
    let merged = rows(&run("whole", &["--merge", one, other]));
    for (merged, whole) in merged.iter().zip(&whole) {
        for key in ["task", "method", "pictures", "score"] {
            assert_eq!(merged[key], whole[key], "{key}");
        }
    }
}

#[test]
fn what_cannot_be_judged_is_refused_before_anything_is_made() {
    let folder = tempfile::tempdir().unwrap();
    let cases: [(&[&str], &str); 5] = [
        (&["--pairs", "cat"], "no pair"),
        (&["--pairs", "cat:unicorn"], "unicorn"),
        (&["--methods", "magic"], "magic"),
        (&["--shard", "5/2"], "no shard"),
        (&["--layout", "coco", "somewhere"], "owlvit"),
    ];
    for (arguments, words) in cases {
        let mut line = vec!["evaluate", "--device", "cpu", "--output"];
        line.push(folder.path().to_str().unwrap());
        line.extend(arguments);
        let ran = Command::new(env!("CARGO_BIN_EXE_storm-studio"))
            .args(&line)
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&ran.stderr);
        assert_eq!(ran.status.code(), Some(2), "{said}");
        assert!(said.contains(words), "{said:?} lacks {words:?}");
    }
}

#[test]
fn prompts_of_the_benchmarks_are_judged_and_what_can_not_be_placed_is_listed() {
    let folder = tempfile::tempdir().unwrap();
    let evaluated = |name: &str, content: &str| {
        let file = folder.path().join(name);
        std::fs::write(&file, content).unwrap();
        let ran = Command::new(env!("CARGO_BIN_EXE_storm-studio"))
            .args([
                "evaluate", "--device", "cpu", "--seeds", "7001", "--steps", "1",
            ])
            .args(["--methods", "standard", "--json", "--prompts"])
            .arg(&file)
            .arg("--output")
            .arg(folder.path().join(format!("{name}-results")))
            .output();
        ran.expect("the program starts")
    };
    let lines = "a cat on the left of a house\na cat near a dog\na cat and a dog\n\
                 a giraffe on the left of a lamp\na cat on the left of a house\n";
    let ran = evaluated("lines.txt", lines);
    let said = String::from_utf8_lossy(&ran.stderr).into_owned();
    let row = &rows(&ran)[0];
    assert_eq!(row["pictures"], 2);
    assert!(row["unconditional"].is_number());
    for words in [
        "3 of 5 prompts are left out:",
        "“a cat and a dog”: it names no relation",
        "“a giraffe on the left of a lamp”: the detector does not know “giraffe”",
        "it is there twice",
    ] {
        assert!(said.contains(words), "{said}");
    }
    let gen_eval = r#"{"include": [{"class": "dog"}, {"class": "cat", "position": ["above", 0]}], "prompt": "a photo of a cat above a dog"}
{"include": [{"class": "dog"}, {"class": "cat", "position": ["below", 0]}], "prompt": "a photo of a cat above a dog!"}
"#;
    let ran = evaluated("geneval.jsonl", gen_eval);
    assert_eq!(rows(&ran)[0]["pictures"], 1);
    let said = String::from_utf8_lossy(&ran.stderr);
    assert!(said.contains("but the file says cat below dog"), "{said}");
    let visor = r#"[{"text": "a bird to the right of a boat", "obj_1_attributes": ["bird"],
        "obj_2_attributes": ["boat"], "rel_type": "to the right of"}]"#;
    assert_eq!(rows(&evaluated("visor.json", visor))[0]["pictures"], 1);
    let ran = evaluated("none.txt", "a cat\n");
    assert_eq!(ran.status.code(), Some(2));
}
