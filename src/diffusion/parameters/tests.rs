//! The README tells every parameter, and what only files can say is checked.

use super::*;
use crate::parameters::Value;

const BEGIN: &str = "<!-- parameters: written by `UPDATE_README=1 cargo test --lib readme` -->\n";
const END: &str = "<!-- end of the parameters -->";

/// A line of the README's table.
fn line(group: &dyn ParameterGroup, parameter: &Parameter, default: &Value) -> String {
    let description = &parameter.description;
    let mut names = vec![format!("`{}.{}`", group.key(), description.key)];
    let flag = description.flag.map(|flag| format!("`--{}`", flag.name));
    names.extend(flag);
    let readers = parameter.readers.iter().map(ToString::to_string);
    let range = description.range().unwrap_or_else(|| "true, false".into());
    format!(
        "| {} | {default} | {range} | {} | {} |\n",
        names.join(", "),
        readers.collect::<Vec<_>>().join(", "),
        description.text(),
    )
}

fn table() -> String {
    let mut table =
        "| parameter | default | range | read by | meaning |\n| --- | --- | --- | --- | --- |\n"
            .to_owned();
    for group in Optimisation::default().groups() {
        for (parameter, default) in group.parameters().iter().zip(group.defaults()) {
            table += &line(&*group, parameter, &default);
        }
    }
    table
}

#[test]
fn the_readme_lists_every_parameter() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/README.md");
    let readme = std::fs::read_to_string(path).unwrap();
    let (before, rest) = readme.split_once(BEGIN).expect("the table begins");
    let (listed, after) = rest.split_once(END).expect("the table ends");
    let table = table();
    if std::env::var_os("UPDATE_README").is_some() {
        let readme = format!("{before}{BEGIN}{table}{END}{after}");
        std::fs::write(path, readme).unwrap();
        return;
    }
    assert_eq!(listed, table, "set UPDATE_README=1 to write it anew");
}

#[test]
fn no_objective_has_two_parameters_of_one_name_or_flag() {
    let mut optimisation = Optimisation::default();
    let groups = optimisation.groups();
    let tables = || groups.iter().flat_map(|group| group.parameters());
    for &objective in ObjectiveKind::ALL {
        let read: Vec<_> = tables().filter(|it| it.is_read_by(objective)).collect();
        for (index, first) in read.iter().enumerate() {
            for second in &read[index + 1..] {
                let (first, second) = (&first.description, &second.description);
                assert_ne!(first.key, second.key, "{objective}");
                assert_ne!(first.label, second.label, "{objective}");
                assert!(
                    first.flag.is_none() || first.flag != second.flag,
                    "{objective}"
                );
            }
        }
    }
    // Whatever shares a flag shares its other spellings.
    for first in tables() {
        for second in tables() {
            if let (Some(first), Some(second)) = (first.description.flag, second.description.flag) {
                assert!(first.name != second.name || first == second);
            }
        }
    }
}

#[test]
fn a_value_that_cannot_be_changes_nothing() {
    let mut optimisation = Optimisation::default();
    let mut groups = optimisation.groups();
    for text in ["2", "NaN", "-0.1", "half"] {
        let name = Name::Key("window".to_owned());
        let refused = set(&mut groups, &name, text, &[ObjectiveKind::Storm]);
        assert!(matches!(refused, Err(SetError::Value { .. })), "{text}");
    }
    assert_eq!(optimisation, Optimisation::default());
}
