//! Infotexts as we and as other programs write them.

use proptest::prelude::*;

use super::*;

fn ours() -> ImageSettings {
    ImageSettings {
        prompt: "a cat to the left of a dog,\nphoto: (red:1.2)".to_owned(),
        negative_prompt: "blurry, text".to_owned(),
        steps: Some(50),
        sampler: Some("PLMS".to_owned()),
        schedule_type: None,
        cfg_scale: Some(7.5),
        seed: Some(4_294_967_296),
        size: Some((512, 768)),
        model: Some("sd 1.5".to_owned()),
        extras: vec![
            (
                "STORM relations".to_owned(),
                "[[2,9],[None,8]], left-of".to_owned(),
            ),
            ("RNG".to_owned(), "CPU".to_owned()),
            ("Version".to_owned(), "storm-studio 0.1.0".to_owned()),
            ("Model hash".to_owned(), "6ce0161689".to_owned()),
        ],
    }
}

const OURS: &str = "a cat to the left of a dog,
photo: (red:1.2)
Negative prompt: blurry, text
Steps: 50, Sampler: PLMS, CFG scale: 7.5, Seed: 4294967296, Size: 512x768, Model hash: 6ce0161689, \
Model: sd 1.5, RNG: CPU, STORM relations: \"[[2,9],[None,8]], left-of\", Version: storm-studio 0.1.0";

#[test]
fn it_is_written_in_the_usual_order() {
    assert_eq!(ours().to_infotext(), OURS);
    let mut settings = ours();
    settings.negative_prompt.clear();
    settings.cfg_scale = Some(7.0);
    settings.schedule_type = Some("Karras".to_owned());
    settings.extras.clear();
    assert_eq!(
        settings.to_infotext().lines().last(),
        Some(
            "Steps: 50, Sampler: PLMS, Schedule type: Karras, CFG scale: 7, Seed: 4294967296, Size: 512x768, Model: sd 1.5"
        )
    );
    assert_eq!(ImageSettings::default().to_infotext(), "");
}

#[test]
fn ours_is_read_back() {
    let mut read = ImageSettings::from_infotext(OURS);
    let mut written = ours();
    read.extras.sort();
    written.extras.sort();
    assert_eq!(read, written);
    assert_eq!(read.extra("RNG"), Some("CPU"));
    assert_eq!(read.extra("Clip skip"), None);
}

#[test]
fn values_are_quoted_only_where_readers_need_it() {
    for (value, written) in [
        ("plain (1) [x]", "plain (1) [x]"),
        ("猫", "猫"),
        ("a, b", "\"a, b\""),
        ("a: 猫", "\"a: 猫\""),
        ("a\nb", "\"a\\nb\""),
        ("a, \"b\" \\", "\"a, \\\"b\\\" \\\\\""),
        ("\"b\"", "\"\\\"b\\\"\""),
        (" b", "\" b\""),
    ] {
        assert_eq!(quoted(value), written);
    }
}

/// The shapes that A1111 1.x, Forge and others write.
#[test]
fn other_programs_are_read() {
    let text = "masterpiece, (cat:1.2)\r\nsecond line\nNegative prompt: bad,\nworse\n\
        Steps: 20, Sampler: DPM++ 2M, Schedule type: Karras, CFG scale: 7, Seed: 123456789, Size: 512x512, \
        Model hash: fc2511737a, Model: chilloutmix_NiPrunedFp32Fix, Denoising strength: 0.55, Clip skip: 2, \
        Hires upscaler: R-ESRGAN 4x+, Lora hashes: \"detail: 0123, more: 4567\", ADetailer model 2nd: x, Version: v1.10.1";
    let settings = ImageSettings::from_infotext(text);
    assert_eq!(settings.prompt, "masterpiece, (cat:1.2)\nsecond line");
    assert_eq!(settings.negative_prompt, "bad,\nworse");
    assert_eq!(settings.sampler.as_deref(), Some("DPM++ 2M"));
    assert_eq!(settings.schedule_type.as_deref(), Some("Karras"));
    assert_eq!(
        (settings.steps, settings.seed),
        (Some(20), Some(123_456_789))
    );
    assert_eq!(
        (settings.cfg_scale, settings.size),
        (Some(7.0), Some((512, 512)))
    );
    assert_eq!(
        settings.model.as_deref(),
        Some("chilloutmix_NiPrunedFp32Fix")
    );
    assert_eq!(settings.extra("Clip skip"), Some("2"));
    assert_eq!(
        settings.extra("Lora hashes"),
        Some("detail: 0123, more: 4567")
    );
    assert_eq!(settings.extra("Hires upscaler"), Some("R-ESRGAN 4x+"));
    assert_eq!(settings.extra("ADetailer model 2nd"), Some("x"));
    assert_eq!(settings.extras.len(), 7);
}

#[test]
fn a_text_without_three_settings_is_a_prompt() {
    for text in [
        "a cat",
        "a cat, style: oil, light: soft",
        "",
        "Steps: 20, Seed: 1",
    ] {
        let settings = ImageSettings::from_infotext(text);
        assert_eq!(
            settings,
            ImageSettings {
                prompt: text.to_owned(),
                ..Default::default()
            }
        );
    }
    let only = ImageSettings::from_infotext("Steps: 20, Sampler: Euler, Seed: 1");
    assert_eq!((only.prompt.as_str(), only.seed), ("", Some(1)));
    let negative = ImageSettings::from_infotext("Negative prompt: a\nNegative prompt: b");
    assert_eq!(
        (negative.prompt.as_str(), negative.negative_prompt.as_str()),
        ("", "a\nb")
    );
}

/// What Python gives for A1111's expression on these lines, quotes undone.
#[test]
fn items_are_found_as_the_regular_expression_finds_them() {
    for (line, expected) in [
        (
            "Steps: 20, Size: 1x1",
            &[("Steps", "20"), ("Size", "1x1")][..],
        ),
        ("A: 1, Bc: 2", &[("Bc", "2")]),
        (
            "Key:\"a, b\", Next key: \"unclosed, Third: 3",
            &[("Key", "a, b"), ("Next key", "\"unclosed"), ("Third", "3")],
        ),
        (
            "Key: \"a\" b, Other: 1",
            &[("Key", "\"a\" b"), ("Other", "1")],
        ),
        (
            "Empty: , Other-1/2: \"\"",
            &[("Empty", ""), ("Other-1/2", "")],
        ),
        (
            "--key: 1,,  ,x y: z: w, end",
            &[("key", "1"), ("x y", "z: w")],
        ),
        (
            "Schlüssel: Wert, 鍵a: 値",
            &[("Schlüssel", "Wert"), ("鍵a", "値")],
        ),
        (
            "Key: \"a\\\"b\\\\\", Next: \"\\x\"",
            &[("Key", "a\"b\\"), ("Next", "\"\\x\"")],
        ),
        ("no items", &[]),
        ("trailing:", &[("trailing", "")]),
    ] {
        let items = parse_items(line);
        let items: Vec<(&str, &str)> = items
            .iter()
            .map(|(key, value)| (*key, value.as_str()))
            .collect();
        assert_eq!(items, expected, "{line}");
    }
}

#[test]
fn what_is_not_understood_is_kept() {
    let text = "a cat\nSteps: many, Sampler: Euler, Seed: -1, Size: big, CFG scale: 7, Steps: few";
    let settings = ImageSettings::from_infotext(text);
    assert_eq!(
        (settings.steps, settings.seed, settings.size),
        (None, None, None)
    );
    assert_eq!(settings.extra("Steps"), Some("few"));
    assert_eq!(settings.extra("Seed"), Some("-1"));
    assert_eq!(settings.extra("Size"), Some("big"));
}

#[test]
fn keys_that_readers_cannot_parse_are_left_out() {
    let extras = ["k", "a,b", "a:b", "", "-ab", "ok"].map(|key| (key.to_owned(), "1".to_owned()));
    let settings = ImageSettings {
        extras: extras.to_vec(),
        ..Default::default()
    };
    assert_eq!(settings.to_infotext(), "\nok: 1");
}

#[test]
fn own_json_travels_beside_it() {
    let own = serde_json::json!({ "relations": ["cat left-of dog"], "margin": 0.35 });
    let chunks = text_chunks(&ours(), &own).unwrap();
    assert_eq!(chunks[0].keyword, PARAMETERS_KEYWORD);
    let infotext = ImageSettings::from_infotext(&chunks[0].text);
    assert_eq!(infotext.prompt, ours().prompt);
    assert_eq!(own_of::<serde_json::Value>(&chunks).unwrap().unwrap(), own);
    assert!(own_of::<Vec<u8>>(&chunks).unwrap().is_err());
    assert!(own_of::<serde_json::Value>(&chunks[..1]).is_none());
}

proptest! {
    #[test]
    fn any_value_is_read_back(value in ".*", other in ".*", model in r"[^\s].*[^\s]") {
        let settings = ImageSettings {
            prompt: "a cat".to_owned(),
            steps: Some(20),
            sampler: Some("Euler".to_owned()),
            seed: Some(1),
            model: Some(model),
            extras: vec![("STORM relations".to_owned(), value), ("Other/key".to_owned(), other)],
            ..Default::default()
        };
        let read = ImageSettings::from_infotext(&settings.to_infotext());
        let mut written = settings;
        written.extras.retain(|(_, value)| !value.is_empty());
        prop_assert_eq!(read, written);
    }

    #[test]
    fn any_text_is_accepted(text in any::<String>(), line in r#"([a-zA ]{1,3}[:,"\\ ]{1,3}){0,20}"#) {
        let _ = ImageSettings::from_infotext(&text);
        let settings = ImageSettings::from_infotext(&format!("cat\n{line}"));
        prop_assert!(settings.prompt.starts_with("cat"));
    }
}
