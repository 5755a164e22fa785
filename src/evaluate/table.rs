//! The comparison for people: a column per method, a row per figure.

use super::bootstrap::Interval;
use super::figures::Figure;
use super::summary::{Estimate, MethodSummary, Summary};

/// The table, and below it what the default method has more than each other.
pub fn table(summary: &Summary) -> String {
    let methods = &summary.methods;
    let mut rows = vec![row("", methods, |method| method.method.to_string())];
    rows.push(row("Pictures", methods, |method| {
        method.pictures.to_string()
    }));
    for figure in shown(methods) {
        rows.push(row(figure.title(), methods, |method| {
            estimate(figure, method.figure(figure))
        }));
        if figure == Figure::Conditional {
            rows.extend(relation_rows(methods));
        }
    }
    let mut text = align(&rows);
    let compared: Vec<MethodSummary> = methods
        .iter()
        .filter(|method| !method.storm_minus_this.is_empty())
        .cloned()
        .collect();
    if !compared.is_empty() {
        let mut rows = vec![row("storm minus …", &compared, |method| {
            method.method.to_string()
        })];
        for figure in shown(&compared) {
            rows.push(row(figure.title(), &compared, |method| {
                difference(figure, method.storm_minus_this[&figure])
            }));
        }
        text.push('\n');
        text.push_str(&align(&rows));
        text.push_str("* 0 lies outside the 95 % interval\n");
    }
    text
}

/// The figures that some method has.
fn shown(methods: &[MethodSummary]) -> impl Iterator<Item = Figure> {
    let has = |figure: &Figure| {
        let mut values = methods.iter().map(|method| method.figure(*figure).value);
        values.any(f64::is_finite)
    };
    Figure::ALL.into_iter().filter(has)
}

fn relation_rows(methods: &[MethodSummary]) -> Vec<Vec<String>> {
    let Some(first) = methods.first() else {
        return Vec::new();
    };
    let relations = first.per_relation.iter().enumerate();
    relations
        .map(|(index, (relation, _))| {
            let title = format!("Unconditional, {}", relation.phrase());
            row(&title, methods, |method| {
                number(method.per_relation[index].1, 2)
            })
        })
        .collect()
}

fn row(
    title: &str,
    methods: &[MethodSummary],
    cell: impl Fn(&MethodSummary) -> String,
) -> Vec<String> {
    let cells = methods.iter().map(cell);
    std::iter::once(title.to_string()).chain(cells).collect()
}

fn estimate(figure: Figure, Estimate { value, interval }: Estimate) -> String {
    let decimals = figure.decimals();
    let value = number(value, decimals);
    match interval {
        Some(Interval { low, high }) => {
            format!(
                "{value} [{}, {}]",
                number(low, decimals),
                number(high, decimals)
            )
        }
        None => value,
    }
}

fn difference(figure: Figure, estimated: Estimate) -> String {
    let mark = match estimated.interval {
        Some(interval) if interval.excludes_zero() => " *",
        _ => "",
    };
    format!("{}{mark}", estimate(figure, estimated))
}

fn number(value: f64, decimals: usize) -> String {
    if value.is_finite() {
        format!("{value:.decimals$}")
    } else {
        "–".to_string()
    }
}

/// Columns as wide as their widest cell, two spaces apart.
pub(super) fn align(rows: &[Vec<String>]) -> String {
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let width = |column: usize| {
        let cells = rows.iter().filter_map(|row| row.get(column));
        cells.map(|cell| cell.chars().count()).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..columns).map(width).collect();
    let mut text = String::new();
    for row in rows {
        let cells = row.iter().zip(&widths);
        let line: Vec<String> = cells
            .map(|(cell, width)| format!("{cell:width$}"))
            .collect();
        text.push_str(line.join("  ").trim_end());
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evaluate::figures::tests::picture;
    use crate::evaluate::method::EvaluatedMethod;

    #[test]
    fn the_table_has_a_column_per_method_and_no_row_for_what_nobody_has() {
        let storm = picture(1, Some(0.1), true);
        let mut standard = picture(1, Some(0.9), true);
        standard.method = EvaluatedMethod::Standard;
        let methods = [EvaluatedMethod::Standard, EvaluatedMethod::STORM];
        let text = table(&Summary::new(&[&storm, &standard], &methods));
        let line = |start: &str| {
            let line = text.lines().find(|line| line.starts_with(start));
            let line = line.unwrap_or_else(|| panic!("no {start:?} in\n{text}"));
            line.split_whitespace().collect::<Vec<_>>().join(" ")
        };
        assert_eq!(line("  "), "standard storm");
        assert_eq!(
            line("Unconditional "),
            "Unconditional 0.00 [0.00, 0.00] 1.00 [1.00, 1.00]"
        );
        assert_eq!(
            line("Unconditional, left of"),
            "Unconditional, left of 0.00 1.00"
        );
        assert!(
            !text.contains("VISOR-4") && !text.contains("Right colours"),
            "{text}"
        );
        let differences = text.split("storm minus …").nth(1).unwrap();
        assert!(differences.contains("1.00 [1.00, 1.00] *"), "{text}");
    }
}
