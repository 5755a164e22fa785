//! What is read in prompts, against what a reader expects: lists of prompts
//! with their relations, and the command that people ask.
//!
//! A list has a prompt, its relations (`cat left-of dog; …`, `-` for none, `|`
//! between readings that are both right), and where they matter its objects
//! as `noun(attribute,attribute)`.

use std::collections::BTreeSet;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::sync::LazyLock;

use storm_studio::prompt::{CLIP_MERGES, ClipTokenizer, TokenizerFiles, propose};

static TOKENIZER: LazyLock<ClipTokenizer> = LazyLock::new(|| {
    let files = TokenizerFiles {
        merges: Some(CLIP_MERGES),
        ..TokenizerFiles::default()
    };
    ClipTokenizer::from_files(files).expect("these are CLIP's merges")
});

/// COCO's names, of which VISOR makes its prompts.
const COCO: &str = "person, bicycle, car, motorcycle, airplane, bus, train, truck, boat, traffic \
    light, fire hydrant, stop sign, parking meter, bench, bird, cat, dog, horse, sheep, cow, \
    elephant, bear, zebra, giraffe, backpack, umbrella, handbag, tie, suitcase, frisbee, skis, \
    snowboard, sports ball, kite, baseball bat, baseball glove, skateboard, surfboard, tennis \
    racket, bottle, wine glass, cup, fork, knife, spoon, bowl, banana, apple, sandwich, orange, \
    broccoli, carrot, hot dog, pizza, donut, cake, chair, couch, potted plant, bed, dining table, \
    toilet, tv, laptop, mouse, remote, keyboard, cell phone, microwave, oven, toaster, sink, \
    refrigerator, book, clock, vase, scissors, teddy bear, hair drier, toothbrush";

/// A relation in one direction: "dog right-of cat" says "cat left-of dog".
fn one_way(relation: &str) -> String {
    let relation = relation.trim();
    let parts: Vec<&str> = relation.rsplitn(3, ' ').collect();
    let [object, kind, subject] = parts[..] else {
        panic!("“{relation}” is no relation");
    };
    match kind {
        "right-of" => format!("{object} left-of {subject}"),
        "below" => format!("{object} above {subject}"),
        "next-to" if object < subject => format!("{object} next-to {subject}"),
        _ => relation.to_owned(),
    }
}

fn relations(text: &str) -> BTreeSet<String> {
    let relations = text.split(';').map(str::trim);
    relations
        .filter(|relation| !relation.is_empty() && *relation != "-")
        .map(one_way)
        .collect()
}

/// Relations and objects of a prompt as the lists write them.
fn read(prompt: &str) -> (String, String) {
    let words = TOKENIZER.encode(prompt).words;
    let proposal = propose(&words);
    let noun = |object: usize| proposal.objects[object].noun_text(&words);
    let relations: Vec<String> = proposal
        .relations
        .iter()
        .map(|it| format!("{} {} {}", noun(it.subject), it.kind, noun(it.object)))
        .collect();
    let objects = proposal.objects.iter().map(|object| {
        let attributes = object.attributes.iter().map(|&it| words[it].text.as_str());
        let attributes: Vec<&str> = attributes.collect();
        format!("{}({})", object.noun_text(&words), attributes.join(","))
    });
    (relations.join("; "), objects.collect::<Vec<_>>().join(" "))
}

/// How many prompts of a list were understood, and a line for each other.
#[derive(Default)]
struct Share {
    all: usize,
    wrong: usize,
    failed: Vec<String>,
}

impl Share {
    fn ask(&mut self, prompt: &str, expected: &str, objects: &str) {
        let (found, found_objects) = read(prompt);
        let is_read = expected
            .split('|')
            .any(|reading| relations(reading) == relations(&found));
        let described = objects
            .split_whitespace()
            .all(|object| found_objects.split(' ').any(|it| it == object));
        self.all += 1;
        if !(is_read && described) {
            self.wrong += usize::from(!is_read && !found.is_empty());
            self.failed.push(format!(
                "“{prompt}” is {expected} {objects}, read {found} {found_objects}"
            ));
        }
    }

    fn of_list(path: &Path) -> Self {
        let text = std::fs::read_to_string(path).expect("the list is there");
        let mut share = Self::default();
        for line in text.lines().skip(1).filter(|line| !line.is_empty()) {
            let mut columns = line.split('\t');
            let prompt = columns.next().unwrap_or_default();
            let expected = columns.next().expect("a prompt has its relations");
            share.ask(prompt, expected, columns.next().unwrap_or_default());
        }
        share
    }

    fn assert_all(&self) {
        assert!(self.all > 0, "the list is empty");
        let failed = self.failed.join("\n");
        assert!(self.failed.is_empty(), "of {}:\n{failed}", self.all);
    }
}

fn list(name: &str) -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/fixtures/prompts")
        .join(name)
}

#[test]
fn our_own_prompts_are_understood() {
    Share::of_list(&list("own.tsv")).assert_all();
}

#[test]
fn every_kind_of_sentence_is_understood() {
    Share::of_list(&list("kinds.tsv")).assert_all();
}

#[test]
fn benchmark_prompts_are_understood() {
    Share::of_list(&list("benchmarks.tsv")).assert_all();
}

/// Each `stride`-th of VISOR's prompts: ordered pairs of COCO's names with four phrases.
fn visor(stride: usize) -> Share {
    let names: Vec<&str> = COCO.split(", ").collect();
    let pairs = names
        .iter()
        .flat_map(|first| names.iter().map(move |second| (*first, *second)));
    let phrases = [
        ("to the left of", "left-of"),
        ("to the right of", "right-of"),
        ("above", "above"),
        ("below", "below"),
    ];
    let prompts = pairs
        .filter(|(first, second)| first != second)
        .flat_map(|pair| phrases.map(|phrase| (pair, phrase)));
    let head = |name: &str| {
        name.rsplit(' ')
            .next()
            .map(str::to_owned)
            .unwrap_or_default()
    };
    let mut share = Share::default();
    for ((first, second), (phrase, kind)) in prompts.step_by(stride) {
        let prompt = format!("a {first} {phrase} a {second}");
        let expected = format!("{} {kind} {}", head(first), head(second));
        share.ask(&prompt, &expected, "");
    }
    share
}

#[test]
fn visor_prompts_are_understood() {
    visor(23).assert_all();
}

/// Whole lists: `PROMPT_LISTS=a.tsv:b.tsv tests/run.sh whole_lists -- --ignored --nocapture`.
#[test]
#[ignore = "prints the shares of lists that are not in the repository"]
fn whole_lists_have_shares() {
    let report = |name: &str, share: &Share| {
        let understood = share.all - share.failed.len();
        let fraction = understood as f64 / share.all.max(1) as f64;
        println!(
            "{name}: {understood} of {} ({fraction:.3}), {} wrongly",
            share.all, share.wrong
        );
        for line in &share.failed {
            println!("  {line}");
        }
    };
    report("VISOR", &visor(1));
    for path in std::env::var("PROMPT_LISTS").unwrap_or_default().split(':') {
        if !path.is_empty() {
            report(path, &Share::of_list(Path::new(path)));
        }
    }
}

fn prompt_command(arguments: &[&str], input: &str) -> Output {
    let mut child = Command::new(env!("CARGO_BIN_EXE_storm-studio"))
        .arg("prompt")
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program starts");
    let mut stdin = child.stdin.take().expect("it is piped");
    stdin.write_all(input.as_bytes()).expect("it reads");
    drop(stdin);
    child.wait_with_output().expect("the program ends")
}

#[test]
fn one_line_of_json_for_each_line_that_says_something() {
    let input = "\u{FEFF}a cat to the left of a blue dog\r\n\n  \na tree behind a house\na cat";
    let ran = prompt_command(&["--json", "--file", "-"], input);
    assert!(ran.status.success(), "{ran:?}");
    let text = String::from_utf8(ran.stdout).unwrap();
    let lines: Vec<serde_json::Value> = text
        .lines()
        .map(|line| serde_json::from_str(line).expect(line))
        .collect();
    assert_eq!(lines.len(), 3, "{text}");
    let expected = serde_json::json!({
        "prompt": "a cat to the left of a blue dog",
        "relations": ["cat left-of dog"],
        "objects": [
            {"noun": "cat", "attributes": []},
            {"noun": "dog", "attributes": ["blue"]},
        ],
        "notes": [],
    });
    assert_eq!(lines[0], expected);
    assert_eq!(lines[1]["relations"], serde_json::json!([]));
    assert!(lines[1]["notes"][0].as_str().unwrap().contains("“behind”"));
    assert_eq!(lines[2]["objects"], serde_json::json!([]));
}

#[test]
fn a_person_reads_tokens_objects_and_relations() {
    let ran = prompt_command(&["a red cat above a dog, not left of a bird"], "");
    let text = String::from_utf8(ran.stdout).unwrap();
    for said in ["3 cat", "cat (red), dog", "cat above dog", "“not left of”"] {
        assert!(text.contains(said), "{said}: {text}");
    }
}

#[test]
fn words_that_the_model_was_never_taught_are_said() {
    let folder = tempfile::tempdir().unwrap();
    let model = folder.path().join("toys");
    std::fs::create_dir(&model).unwrap();
    let vocabulary = r#"{"objects": [{"word": "cat", "plural": "cats"}, {"word": "dog"}],
        "filler": ["a", "above"], "most_objects": 3}"#;
    std::fs::write(model.join("vocabulary.json"), vocabulary).unwrap();
    let model = model.to_str().unwrap();
    let ran = prompt_command(&["--model", model, "a Dragon above a cat"], "");
    let text = String::from_utf8(ran.stdout).unwrap();
    let said = "toys knows cat and dog; it has never seen “dragon”";
    assert!(text.contains(said), "{text}");
    let ran = prompt_command(&["--model", model, "five cats above a dog"], "");
    let text = String::from_utf8(ran.stdout).unwrap();
    assert!(
        text.contains("3 objects at most; 6 are asked for"),
        "{text}"
    );
    let ran = prompt_command(&["--model", model, "--json", "a Dragon above a cat"], "");
    let line: serde_json::Value = serde_json::from_slice(&ran.stdout).unwrap();
    assert_eq!(line["never_seen"], serde_json::json!(["Dragon"]));
    // Checkpoints of the web's captions say nothing, and nothing is said.
    std::fs::remove_file(Path::new(model).join("vocabulary.json")).unwrap();
    let ran = prompt_command(&["--model", model, "--json", "a Dragon above a cat"], "");
    let line: serde_json::Value = serde_json::from_slice(&ran.stdout).unwrap();
    assert_eq!(line.get("never_seen"), None);
}

#[test]
fn a_file_that_is_not_there_is_named() {
    let ran = prompt_command(&["--file", "nowhere.txt"], "");
    assert_eq!(ran.status.code(), Some(6));
    assert!(String::from_utf8_lossy(&ran.stderr).contains("nowhere.txt"));
    assert_eq!(prompt_command(&[], "").status.code(), Some(2));
}

#[test]
fn generate_says_what_cannot_be_steered_and_not_that_nothing_is_said() {
    let ran = Command::new(env!("CARGO_BIN_EXE_storm-studio"))
        .args(["generate", "--device", "cpu", "--yes", "--prompt"])
        .arg("a cat behind a dog")
        .output()
        .expect("the program starts");
    assert_eq!(ran.status.code(), Some(2));
    let said = String::from_utf8_lossy(&ran.stderr);
    assert!(said.contains("“behind” can't be steered"), "{said}");
}

#[test]
fn a_reader_who_has_read_enough_ends_it_quietly() {
    let mut child = Command::new(env!("CARGO_BIN_EXE_storm-studio"))
        .args(["prompt", "--json", "--file", "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program starts");
    drop(child.stdout.take());
    let mut stdin = child.stdin.take().expect("it is piped");
    // It may have ended before all is written.
    let _ = stdin.write_all("a cat left of a dog\n".repeat(1000).as_bytes());
    drop(stdin);
    let ended = child.wait_with_output().expect("the program ends");
    assert!(ended.stderr.is_empty(), "{ended:?}");
}
