//! Values of JSON as people would write them: programs save numbers as texts, texts as
//! lists, and `None` where they have nothing.

use serde_json::{Map, Value};

/// A value of JSON as a person would write it; `None` for what says nothing: null,
/// false, an empty text, list or object, and the `None` of Python programs.
pub(super) fn text_of(value: &Value) -> Option<String> {
    match value {
        Value::Null | Value::Bool(false) => None,
        Value::Bool(true) => Some("on".to_owned()),
        Value::String(text) => {
            let text = text.trim();
            (!matches!(text, "" | "None" | "null" | "[]" | "{}" | "False")).then(|| text.to_owned())
        }
        Value::Number(number) => Some(match number.as_f64() {
            // Programs that keep every number as a float write 20.0 steps.
            Some(float) if number.is_f64() && float.fract() == 0.0 && float.abs() < 1e15 => {
                format!("{float:.0}")
            }
            _ => number.to_string(),
        }),
        Value::Array(items) => {
            let texts: Vec<String> = items.iter().filter_map(text_of).collect();
            (!texts.is_empty()).then(|| texts.join(", "))
        }
        Value::Object(fields) => {
            let name = ["name", "model_name"].iter().find_map(|key| {
                let name = fields.get(*key)?;
                text_of(name)
            });
            name.or_else(|| (!fields.is_empty()).then(|| value.to_string()))
        }
    }
}

/// The value of the first of `keys` that says something.
pub(super) fn value(settings: &Map<String, Value>, keys: &[&str]) -> Option<String> {
    keys.iter().find_map(|key| text_of(settings.get(*key)?))
}

/// A text of JSON; programs write prompts as texts, or not at all.
pub(super) fn text<'a>(settings: &'a Map<String, Value>, keys: &[&str]) -> &'a str {
    let mut texts = keys.iter().filter_map(|key| settings.get(*key)?.as_str());
    texts.next().unwrap_or_default()
}

/// The items of a list, which may also be written as one text with commas.
pub(super) fn list(value: Option<&Value>) -> Vec<String> {
    match value {
        Some(Value::Array(items)) => items.iter().filter_map(text_of).collect(),
        Some(value) => {
            let text = text_of(value).unwrap_or_default();
            // As Python prints a list.
            let inside = text.trim_matches(['[', ']']).split(',');
            let items = inside.map(|item| item.trim().trim_matches(['\'', '"']).trim());
            items
                .filter(|item| !item.is_empty())
                .map(str::to_owned)
                .collect()
        }
        None => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn lists_are_read_however_they_are_written() {
        for value in [
            json!(["a", "b c"]),
            json!("a,b c"),
            json!("['a', 'b c']"),
            json!("[\"a\", \"b c\"]"),
        ] {
            assert_eq!(list(Some(&value)), ["a", "b c"], "{value}");
        }
        assert_eq!(list(Some(&json!(0.5))), ["0.5"]);
        assert!(list(Some(&json!("None"))).is_empty());
        assert!(list(None).is_empty());
    }
}
