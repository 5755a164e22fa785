//! What people type that is not quite right, and outputs that are closed, full or
//! not there: the program itself says so in one sentence, or goes on.

use std::ffi::OsString;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Command, Output, Stdio};

use serde_json::Value;

use crate::command_line::{generate, storm_studio, text};

/// Exit code of a program that nobody listens to any more.
const CLOSED_PIPE: i32 = 141;

const PROMPT: [&str; 2] = ["--prompt", "a cat left of a dog"];

/// The quickest picture there is.
fn quick<'a>(more: &[&'a str]) -> Vec<&'a str> {
    let mut line = PROMPT.to_vec();
    line.extend(["--steps", "1", "--standard"]);
    line.extend(more);
    line
}

fn program() -> Command {
    Command::new(env!("CARGO_BIN_EXE_storm-studio"))
}

fn events(ran: &Output) -> Vec<Value> {
    let output = text(&ran.stdout);
    let lines = output.lines();
    lines
        .map(|line| serde_json::from_str(line).expect(line))
        .collect()
}

fn named<'a>(events: &'a [Value], name: &str) -> Vec<&'a Value> {
    let events = events.iter();
    events.filter(|event| event["event"] == name).collect()
}

#[test]
fn a_seed_named_twice_is_made_once_and_a_drawn_one_is_told_and_saved() {
    let folder = tempfile::tempdir().unwrap();
    let ran = generate(folder.path(), &quick(&["--seeds", "[5, 5] -1", "--json"]));
    assert_eq!(ran.status.code(), Some(2), "brackets go around the whole");
    let ran = generate(folder.path(), &quick(&["--seeds", "[5, 5, -1]", "--json"]));
    assert!(ran.status.success(), "{}", text(&ran.stderr));
    let events = events(&ran);
    let seeds: Vec<u64> = named(&events, "seed")
        .iter()
        .map(|event| event["seed"].as_u64().unwrap())
        .collect();
    assert_eq!((seeds.len(), seeds[0]), (2, 5));
    let told = format!("Seeds drawn: --seeds 5,{}", seeds[1]);
    let notes = named(&events, "note");
    assert!(notes.iter().any(|note| note["text"] == *told), "{notes:?}");
    let pictures = named(&events, "picture");
    let path = pictures[1]["path"].as_str().unwrap();
    assert!(
        path.ends_with(&format!("{}-standard.png", seeds[1])),
        "{path}"
    );
    let saved = text(&std::fs::read(path).unwrap());
    assert!(saved.contains(&format!(r#""seeds":[{}]"#, seeds[1])));
    // Without brackets and as the word, on one line.
    let ran = generate(folder.path(), &quick(&["--seeds", "random", "--json"]));
    assert!(ran.status.success(), "{}", text(&ran.stderr));
}

#[test]
fn what_is_wrong_with_a_value_is_said_by_its_rule() {
    let folder = tempfile::tempdir().unwrap();
    for (arguments, words) in [
        (&["--seeds", "0-20000"][..], "more than 10000 seeds"),
        (&["--seeds", "-7"], "“-7” is no seed"),
        (&["--seeds", "4-1"], "ends before it begins"),
        (&["--seeds", ""], "give a seed"),
        (&["--size", "-5"], "a size is a whole number of pixels"),
        (&["--size", "-5x64"], "a size is a whole number of pixels"),
        (&["--margin", "-1"], "margin"),
        (&["--steps", "-5"], "a whole number, such as"),
        (&["--steps", "1e3"], "a whole number, such as"),
        (&["--steps", "0"], "between 1 and 1000"),
        (&["--threads", "0"], "a whole number from 1"),
        (&["--threads", "-2"], "a whole number from 1"),
        (&["--guidance-scale", "7,5"], "a number, such as"),
        (&["--guidance-scale", "-1"], "between 0 and 100"),
        (&["--guidance-scale", "nan"], "between 0 and 100"),
        (&["--dtype", "int8"], "auto, f32, f16"),
    ] {
        let ran = generate(folder.path(), &[&PROMPT[..], arguments].concat());
        let said = text(&ran.stderr);
        assert_eq!(ran.status.code(), Some(2), "{arguments:?}: {said}");
        assert!(said.contains(words), "{arguments:?}: {said}");
        for jargon in ["invalid digit", "unexpected argument", "panicked"] {
            assert!(!said.contains(jargon), "{arguments:?}: {said}");
        }
    }
    let device = [&["generate"][..], &PROMPT[..], &["--device", "tpu"]].concat();
    let tolerance = ["compare", "a", "b", "--tolerance", "-1"];
    for (line, words) in [
        (&device[..], "auto, gpu, cpu"),
        (&tolerance, "a tolerance is 0 or more"),
    ] {
        let said = text(&storm_studio(line).stderr);
        assert!(said.contains(words), "{said}");
    }
}

#[test]
fn files_that_could_not_be_saved_are_refused_before_the_model_loads() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    std::fs::write(&file, "").unwrap();
    let in_file = file.join("x.safetensors");
    let in_file = in_file.to_str().unwrap();
    let gif = file.join("x.gif");
    for (output, arguments, code) in [
        (file.as_path(), &[][..], 6),
        (folder.path(), &["--trajectory", in_file][..], 6),
        (folder.path(), &["--animation", gif.to_str().unwrap()], 6),
        (folder.path(), &["--animation", "made.mp4"], 2),
    ] {
        let ran = generate(output, &quick(arguments));
        let said = text(&ran.stderr);
        assert_eq!(ran.status.code(), Some(code), "{arguments:?}: {said}");
        assert_eq!(said.lines().count(), 1, "{said}");
    }
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
}

#[test]
fn a_trajectory_never_overwrites_and_says_where_it_went() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("t.safetensors");
    let line = quick(&["--trajectory", path.to_str().unwrap(), "--json"]);
    for name in ["t.safetensors", "t-2.safetensors"] {
        let ran = generate(folder.path(), &line);
        assert!(ran.status.success(), "{}", text(&ran.stderr));
        let events = events(&ran);
        let wrote = folder.path().join(name);
        let said = named(&events, "file")
            .iter()
            .any(|event| event["path"].as_str() == wrote.to_str());
        assert!(said && wrote.exists(), "{events:?}");
    }
}

#[test]
fn more_threads_than_cores_are_not_started() {
    let folder = tempfile::tempdir().unwrap();
    let ran = generate(folder.path(), &quick(&["--threads", "1000"]));
    let said = text(&ran.stderr);
    assert!(ran.status.success(), "{said}");
    let cores = std::thread::available_parallelism().unwrap();
    assert!(said.contains("--threads 1000: more threads"), "{said}");
    assert!(said.contains(&format!("CPU ({cores} threads)")), "{said}");
}

#[test]
fn a_tilde_in_quotes_is_the_home_folder() {
    let home = tempfile::tempdir().unwrap();
    let ran = program()
        .env("HOME", home.path())
        .current_dir(home.path())
        .args(["generate", "--device", "cpu", "--output", "~/made"])
        .args(quick(&["--log-file=~/log.txt"]))
        .output()
        .unwrap();
    assert!(ran.status.success(), "{}", text(&ran.stderr));
    assert!(home.path().join("made/a cat left of a dog").is_dir());
    assert!(home.path().join("log.txt").is_file());
    assert!(!home.path().join("~").exists());
}

#[test]
fn a_reader_that_goes_away_ends_the_program_quietly() {
    let folder = tempfile::tempdir().unwrap();
    let mut inspect = program()
        .arg("inspect")
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(inspect.stdout.take());
    let ran = inspect.wait_with_output().unwrap();
    assert_eq!(ran.status.code(), Some(CLOSED_PIPE));
    assert_eq!(text(&ran.stderr), "");

    // As `| head -1` does it: one line is read.
    let mut running = program()
        .args(["generate", "--device", "cpu", "--output"])
        .arg(folder.path())
        .args(PROMPT)
        .args(["--json", "--standard", "--steps", "50"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut first = String::new();
    let mut reader = BufReader::new(running.stdout.take().unwrap());
    reader.read_line(&mut first).unwrap();
    drop(reader);
    let ran = running.wait_with_output().unwrap();
    assert!(first.contains("event"), "{first}");
    assert_eq!(ran.status.code(), Some(CLOSED_PIPE));
    assert_eq!(text(&ran.stderr), "");
}

#[test]
fn pictures_are_made_though_nobody_reads_what_is_said_about_them() {
    let folder = tempfile::tempdir().unwrap();
    let mut running = program()
        .args(["generate", "--device", "cpu", "--output"])
        .arg(folder.path())
        .args(quick(&["--verbose"]))
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(running.stderr.take());
    assert!(running.wait().unwrap().success());
    let picture = folder.path().join("a cat left of a dog/0-standard.png");
    assert!(picture.exists());
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_output_is_said_in_one_sentence() {
    let full = || std::fs::File::options().write(true).open("/dev/full");
    let folder = tempfile::tempdir().unwrap();
    let output = folder.path().to_str().unwrap();
    let line = quick(&["--json"]);
    for arguments in [
        &["inspect"][..],
        &["--help"],
        &[
            &["generate", "--device", "cpu", "--output", output],
            &line[..],
        ]
        .concat(),
    ] {
        let ran = program()
            .args(arguments)
            .stdout(full().unwrap())
            .stderr(Stdio::piped())
            .output()
            .unwrap();
        let said = text(&ran.stderr);
        assert_eq!(ran.status.code(), Some(6), "{arguments:?}: {said}");
        assert!(said.contains("standard output can't be written"), "{said}");
        assert_eq!(said.lines().count(), 1, "{said}");
    }
}

#[test]
fn a_log_that_cannot_be_written_is_one_sentence() {
    let folder = tempfile::tempdir().unwrap();
    let nowhere = folder.path().join("no/log.txt");
    let line = quick(&["--log-file", nowhere.to_str().unwrap()]);
    let ran = generate(folder.path(), &line);
    let said = text(&ran.stderr);
    assert_eq!(ran.status.code(), Some(6), "{said}");
    assert!(said.contains("the log can't be written"), "{said}");
    assert_eq!(said.lines().count(), 1, "{said}");
    if cfg!(target_os = "linux") {
        let ran = generate(folder.path(), &quick(&["--log-file", "/dev/full"]));
        let said = text(&ran.stderr);
        assert!(ran.status.success(), "{said}");
        assert_eq!(said.matches("ends here").count(), 1, "{said}");
        assert!(!said.contains("DEBUG"), "{said}");
    }
}

#[cfg(unix)]
#[test]
fn a_folder_whose_name_is_no_text_is_served() {
    use std::os::unix::ffi::OsStringExt;
    let folder = tempfile::tempdir().unwrap();
    let output = folder
        .path()
        .join(OsString::from_vec(b"pict\xFFures".to_vec()));
    let ran = program()
        .args(["generate", "--device", "cpu", "--json", "--output"])
        .arg(&output)
        .args(quick(&[]))
        .output()
        .unwrap();
    assert!(ran.status.success(), "{}", text(&ran.stderr));
    assert_eq!(named(&events(&ran), "picture").len(), 1);
    assert!(Path::new(&output).is_dir());
}

#[test]
fn a_program_is_told_of_every_failure() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    std::fs::write(&file, "").unwrap();
    for (output, arguments, code, words) in [
        (
            folder.path(),
            &["--model", "/nowhere"][..],
            3,
            "no model at",
        ),
        (folder.path(), &["--steps", "0"], 2, "between 1 and 1000"),
        (folder.path(), &["--margin", "7"], 2, "argin"),
        (file.as_path(), &[], 6, "can't be saved"),
    ] {
        let line = [&PROMPT[..], &["--storm", "--json"], arguments].concat();
        let ran = generate(output, &line);
        assert_eq!(ran.status.code(), Some(code), "{}", text(&ran.stderr));
        let events = events(&ran);
        let failed = named(&events, "failed");
        assert_eq!(failed.len(), 1, "{arguments:?}: {}", text(&ran.stderr));
        assert_eq!(failed[0]["code"], code);
        let error = failed[0]["error"].as_str().unwrap();
        assert!(error.contains(words), "{error}");
    }
}

/// What is read to the end is whole: the last line of JSON has its newline.
#[test]
fn the_last_line_is_written_whole() {
    let folder = tempfile::tempdir().unwrap();
    let mut running = program()
        .args(["generate", "--device", "cpu", "--output"])
        .arg(folder.path())
        .args(quick(&["--json"]))
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut output = String::new();
    let mut reader = running.stdout.take().unwrap();
    reader.read_to_string(&mut output).unwrap();
    assert!(running.wait().unwrap().success());
    assert!(output.ends_with("}\n"), "{output}");
    assert!(output.lines().next_back().unwrap().contains("finished"));
}
