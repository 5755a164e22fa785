//! What `generate` carries away besides single pictures: strips, animations, sweeps,
//! other kinds of files, and parts of a run that are put together.

use std::path::Path;
use std::process::Output;

use image::AnimationDecoder;
use storm_studio::engine::Recipe;
use storm_studio::export::metadata::own_of;
use storm_studio::restore::{read_picture, read_texts};

use crate::command_line::{generate, storm_studio, text};

const PROMPT: [&str; 4] = ["--prompt", "a cat left of a dog", "--scheduler", "ddim"];

fn made(folder: &Path, line: &[&str]) -> Output {
    let ran = generate(folder, &[&PROMPT, line].concat());
    assert!(ran.status.success(), "{}", text(&ran.stderr));
    ran
}

fn names(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).unwrap();
    let mut names: Vec<String> = entries
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

#[test]
fn a_strip_and_an_animation_with_overlays_show_the_first_seed() {
    let folder = tempfile::tempdir().unwrap();
    let (strip, moving) = (
        folder.path().join("strip.webp"),
        folder.path().join("made.apng"),
    );
    made(
        folder.path(),
        &[
            "--seeds",
            "3,4",
            "--steps",
            "3",
            "--strip",
            strip.to_str().unwrap(),
            "--animation",
            moving.to_str().unwrap(),
            "--overlays",
        ],
    );
    // Two methods with a row of previews and two words each, three steps.
    let strip = image::open(&strip).unwrap().into_rgb8();
    assert_eq!(
        (strip.height() - 6 * 100) / 10,
        2,
        "{:?}",
        strip.dimensions()
    );
    assert!(strip.width() > 3 * 100);
    // The same without anything laid over it.
    let plain = folder.path().join("plain.apng");
    let again = ["--seeds", "3", "--steps", "3", "--animation"];
    made(
        &folder.path().join("plain"),
        &[&again, &[plain.to_str().unwrap()][..]].concat(),
    );
    let [frames, bare] = [&moving, &plain].map(|path| {
        let file = std::io::BufReader::new(std::fs::File::open(path).unwrap());
        let decoder = image::codecs::png::PngDecoder::new(file).unwrap();
        let frames = decoder.apng().unwrap().into_frames();
        frames.collect_frames().unwrap()
    });
    assert_eq!((frames.len(), bare.len()), (4, 4));
    assert_eq!(frames[0].buffer().width(), 2 * 256 + 3 * 4);
    // The cat's orange lies over a step and not over the finished pictures.
    let more_orange = |index: usize| {
        let warmth = |pixel: &image::Rgba<u8>| i32::from(pixel[0]) - i32::from(pixel[2]);
        let both = frames[index]
            .buffer()
            .pixels()
            .zip(bare[index].buffer().pixels());
        both.filter(|(with, without)| warmth(with) > warmth(without) + 40)
            .count()
    };
    assert!(more_orange(0) > 500, "{}", more_orange(0));
    assert_eq!(more_orange(3), 0);
    for (name, words) in [("made.webp", "ends in .gif"), ("made.gif", "")] {
        let path = folder.path().join(name);
        let line = [
            "--steps",
            "1",
            "--standard",
            "--animation",
            path.to_str().unwrap(),
        ];
        let ran = generate(folder.path(), &[&PROMPT[..], &line].concat());
        assert_eq!(ran.status.success(), words.is_empty());
        assert!(text(&ran.stderr).contains(words));
    }
}

#[test]
fn a_sweep_is_a_labelled_grid_of_pictures_that_say_how_they_were_made() {
    let folder = tempfile::tempdir().unwrap();
    made(
        folder.path(),
        &[
            "--seeds",
            "3",
            "--sweep",
            "steps=1,2",
            "--sweep",
            "guidance-scale=3,7.5,9",
        ],
    );
    let pictures = folder.path().join("a cat left of a dog");
    let found = names(&pictures);
    assert_eq!(found.len(), 2 * 6 + 1, "{found:?}");
    let one = pictures.join("3 steps=2 guidance_scale=7.5-standard.png");
    let restored = read_picture(&one).unwrap();
    let settings = &restored.taken.settings;
    assert_eq!((settings.steps, settings.guidance_scale), (2, 7.5));
    // Three values and two methods under each other, enlarged to 128 pixels.
    let grid = image::open(pictures.join("sweep-3.png")).unwrap();
    assert!(
        grid.height() > 6 * 134 && grid.height() < 6 * 134 + 60,
        "{}",
        grid.height()
    );
    assert!(grid.width() > 2 * 134 + 80, "{}", grid.width());
    for (axis, words) in [
        ("stesp=1,2", "stesp"),
        ("steps=1,1001", "between 1 and 1000"),
        ("steps", "write a setting and its values"),
    ] {
        let ran = generate(folder.path(), &[&PROMPT[..], &["--sweep", axis]].concat());
        assert_eq!(ran.status.code(), Some(2), "{axis}");
        assert!(text(&ran.stderr).contains(words), "{}", text(&ran.stderr));
    }
}

#[test]
fn a_sweep_over_words_asks_for_the_same_of_the_words_in_their_place() {
    let folder = tempfile::tempdir().unwrap();
    // What is said, and is not what the prompt says, stays with the words too.
    let line = [
        "--seeds",
        "3",
        "--steps",
        "1",
        "--relation",
        "dog above cat",
    ];
    made(
        folder.path(),
        &[
            &line[..],
            &["--storm", "--sweep", "prompt:dog=dog,red bird"],
        ]
        .concat(),
    );
    let pictures = folder.path().join("a cat left of a dog");
    let found = names(&pictures);
    assert_eq!(found.len(), 3, "{found:?}");
    let changed = found.iter().find(|name| name.contains("red bird")).unwrap();
    let taken = read_picture(&pictures.join(changed)).unwrap().taken;
    assert_eq!(taken.prompt, "a cat left of a red bird");
    let layout = &taken.layout;
    let [relation] = layout.relations[..] else {
        panic!("{:?}", layout.relations)
    };
    let tokens = |object: usize| layout.objects[object].tokens.clone();
    assert_eq!(relation.kind, storm_studio::storm::RelationKind::Above);
    assert_eq!([relation.subject, relation.object].map(tokens), [[7], [2]]);
    for (axis, words) in [
        ("prompt:bird=cat", "“bird” is not in the prompt"),
        ("prompt:a dog=sky", "“a cat left of sky”"),
        ("lora:detail=1", "no LoRA of that name"),
    ] {
        let line = [&PROMPT[..], &["--steps", "1", "--sweep", axis]].concat();
        let ran = generate(folder.path(), &line);
        assert_eq!(ran.status.code(), Some(2), "{axis}");
        assert!(text(&ran.stderr).contains(words), "{}", text(&ran.stderr));
    }
}

#[test]
fn other_kinds_of_files_carry_the_settings_too() {
    let folder = tempfile::tempdir().unwrap();
    let line = ["--seeds", "3", "--steps", "2", "--standard"];
    made(folder.path(), &line);
    let pictures = folder.path().join("a cat left of a dog");
    let png = image::open(pictures.join("3-standard.png")).unwrap();
    for (kind, name) in [("webp", "3-standard.webp"), ("jpeg", "3-standard.jpg")] {
        made(
            folder.path(),
            &[&line[..], &["--format", kind, "--quality", "80"]].concat(),
        );
        let path = pictures.join(name);
        let recipe = own_of::<Recipe>(&read_texts(&path).unwrap().texts)
            .unwrap()
            .unwrap();
        assert_eq!(recipe.request.seeds, [3]);
        if kind == "webp" {
            assert_eq!(image::open(&path).unwrap().into_rgb8(), png.to_rgb8());
        }
        let again = folder.path().join(kind);
        let ran = generate(&again, &["--like", path.to_str().unwrap()]);
        assert!(ran.status.success(), "{}", text(&ran.stderr));
        let same = again.join("a cat left of a dog/3-standard.png");
        assert_eq!(image::open(same).unwrap(), png, "{kind}");
    }
}

#[test]
fn parts_of_a_file_of_prompts_make_the_whole_and_go_on_where_they_stopped() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("prompts.txt");
    std::fs::write(&file, "a cat left of a dog\n\na boat\n").unwrap();
    let output = folder.path().join("pictures");
    let run = |shard: &str| {
        let line = [
            "--prompts",
            file.to_str().unwrap(),
            "--seeds",
            "1-3",
            "--steps",
            "1",
            "--shard",
            shard,
        ];
        let ran = generate(&output, &line);
        assert!(ran.status.success(), "{}", text(&ran.stderr));
        text(&ran.stderr)
    };
    let told = run("0/2");
    assert!(told.contains("Of 1 prompts only the standard picture") && told.contains("a boat"));
    let cat = output.join("a cat left of a dog");
    assert_eq!(
        names(&cat),
        ["1-standard.png", "1.png", "3-standard.png", "3.png"]
    );
    // One picture of a seed is lost; only it is made again.
    std::fs::remove_file(cat.join("1.png")).unwrap();
    let before = std::fs::metadata(cat.join("1-standard.png"))
        .unwrap()
        .modified()
        .unwrap();
    let told = run("0/2");
    assert!(told.contains("1 of 2 seeds are there already"), "{told}");
    run("1/2");
    assert_eq!(names(&cat).len(), 6);
    assert_eq!(
        names(&output.join("a boat")),
        ["1-standard.png", "2-standard.png", "3-standard.png"]
    );
    let after = std::fs::metadata(cat.join("1-standard.png"))
        .unwrap()
        .modified()
        .unwrap();
    assert_eq!(before, after);
    let ran = storm_studio(&["generate", "--prompt", "a cat", "--shard", "auto"]);
    assert_eq!(ran.status.code(), Some(2));
    assert!(text(&ran.stderr).contains("no scheduler says"));
}
