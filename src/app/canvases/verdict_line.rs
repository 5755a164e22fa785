//! A verdict on the screen: "● cat is left of ■ dog", and who judged.

use egui::{Label, Rect, Ui, UiBuilder, vec2};

use super::verdict::{Verdict, WishVerdict, by_attention, by_detector, wishes};
use crate::app::look::icons;
use crate::app::look::theme::{Palette, bold, small};
use crate::app::state::{ShownObject, State};
use crate::diffusion::Method;
use crate::engine::Picture;

/// Verdicts for which there is room under a canvas.
const LINES: usize = 2;
const JUDGES: &str = "A finished picture is looked at by the model's detector, if it has one that \
                      knows the objects; otherwise the centres of the words' attention are compared";

/// "● cat is left of ■ dog", and whether that is what was asked for.
pub fn verdict_ui(ui: &mut Ui, rect: Rect, method: Method, state: &State) {
    let palette = Palette::of(ui);
    let Some(run) = state.shown_run() else { return };
    let Some(reading) = state
        .shown_step(method)
        .and_then(|step| run.trace(method).reading(step))
    else {
        return;
    };
    let objects = state.shown_objects();
    let looked_at = finished_picture(method, state).and_then(|picture| {
        let gaps = run.request.settings.optimisation.parameters.readings.gaps();
        let (width, height) = picture.image.dimensions();
        by_detector(
            &run.request.layout,
            picture.sighted.as_deref()?,
            f64::from(width) / f64::from(height),
            [gaps.near, gaps.far],
        )
    });
    let mut found = by_attention(&run.request.layout, reading);
    let mut judge = "by attention".to_string();
    if let Some(judged) = looked_at {
        let is_whole = judged.verdicts.iter().all(Option::is_some);
        for (found, seen) in found.iter_mut().zip(judged.verdicts) {
            if let Some(seen) = seen {
                *found = seen;
            }
        }
        judge = match is_whole {
            true => "by detector".to_string(),
            false => "by detector, what it doesn't know by attention".to_string(),
        };
        for (object, count) in judged.repeated {
            if let Some(object) = objects.get(object) {
                judge += &format!(" · {count} × {}", object.label);
            }
        }
    }
    let picture = finished_picture(method, state);
    let sighted = picture.and_then(|it| it.sighted.as_deref());
    let sides = picture.map_or([1.0; 2], |it| {
        let (width, height) = it.image.dimensions();
        [width, height].map(f64::from)
    });
    let wished = wishes(&run.request.layout, reading, sighted, sides);
    let lines = if wished.is_empty() { LINES } else { LINES - 1 };
    ui.scope_builder(UiBuilder::new().max_rect(rect), |ui| {
        ui.spacing_mut().item_spacing = vec2(4.0, 2.0);
        wishes_ui(ui, &wished, &objects);
        for (index, verdict) in found.iter().take(lines).enumerate() {
            let further = match index + 1 == lines {
                true => &found[lines.min(found.len())..],
                false => &[],
            };
            let mut notes = further_text(further);
            if index == 0 {
                notes.push(judge.clone());
            }
            ui.horizontal(|ui| {
                verdict_line_ui(ui, verdict, &objects);
                if !notes.is_empty() {
                    let note = small(notes.join(" · ")).color(palette.weak_text);
                    let mut explanation = sentences(further, &objects);
                    explanation.extend((index == 0).then(|| format!("Judged {judge}. {JUDGES}")));
                    ui.add(Label::new(note).truncate())
                        .on_hover_text(explanation.join("\n"));
                }
            });
        }
    });
}

/// “2 × cat · dog is big”: everything else that was asked for, in one line.
fn wishes_ui(ui: &mut Ui, wished: &[WishVerdict], objects: &[ShownObject]) {
    if wished.is_empty() {
        return;
    }
    let palette = Palette::of(ui);
    let label = |object: usize| objects.get(object).map_or("", |object| &object.label);
    let words = |wish: &WishVerdict| match wish.phrase.strip_suffix('×') {
        Some(_) => format!("{} {}", wish.phrase, label(wish.object)),
        None => format!("{} {}", label(wish.object), wish.phrase),
    };
    let text: Vec<String> = wished.iter().map(words).collect();
    let is_true = wished.iter().all(|wish| wish.is_true);
    let (icon, colour) = match is_true {
        true => (icons::CHECK_CIRCLE, palette.holds),
        false => (icons::WARNING_CIRCLE, palette.weak_text),
    };
    ui.horizontal(|ui| {
        ui.label(egui::RichText::new(icon).size(17.0).color(colour));
        let text = text.join(" · ");
        let colour = if is_true { palette.holds } else { palette.text };
        ui.add(Label::new(bold(&text).color(colour)).truncate())
            .on_hover_text(text);
    });
}

/// How many more verdicts there are and how many of them are true, in few words, since
/// the line is as long as the canvas is wide.
fn further_text(further: &[Verdict]) -> Vec<String> {
    let held = further.iter().filter(|verdict| verdict.is_true).count();
    match (further.len(), held) {
        (0, _) => Vec::new(),
        (1, 0) => vec!["1 more, false".to_owned()],
        (1, _) => vec!["1 more, true".to_owned()],
        (count, held) => vec![format!("{count} more, {held} true")],
    }
}

fn sentences(verdicts: &[Verdict], objects: &[ShownObject]) -> Vec<String> {
    let label = |index: usize| objects.get(index).map_or("", |object| &object.label);
    let lines = verdicts.iter().map(|verdict| {
        let (subject, object) = (label(verdict.subject), label(verdict.object));
        format!("{subject} {} {object}", verdict.phrase)
    });
    lines.collect()
}

fn verdict_line_ui(ui: &mut Ui, verdict: &Verdict, objects: &[ShownObject]) {
    let palette = Palette::of(ui);
    let (icon, colour) = if verdict.is_true {
        (icons::CHECK_CIRCLE, palette.holds)
    } else {
        (icons::WARNING_CIRCLE, palette.weak_text)
    };
    ui.label(egui::RichText::new(icon).size(17.0).color(colour));
    for (index, phrase) in [
        (verdict.subject, Some(verdict.phrase.as_str())),
        (verdict.object, None),
    ] {
        if let Some(object) = objects.get(index) {
            let text = format!("{} {}", object.look.mark.text(), object.label);
            let text = bold(text).color(object.look.colour(palette));
            ui.add(Label::new(text).truncate());
        }
        if let Some(phrase) = phrase {
            let colour = match verdict.is_true {
                true => palette.holds,
                false => palette.text,
            };
            ui.add(Label::new(bold(phrase).color(colour)).truncate());
        }
    }
}

/// The picture of the last step, if that is what the canvas shows.
pub fn finished_picture(method: Method, state: &State) -> Option<&Picture> {
    let run = state.shown_run()?;
    let picture = run.trace(method).picture.as_ref();
    picture.filter(|_| is_at_the_end(method, state))
}

pub fn is_at_the_end(method: Method, state: &State) -> bool {
    let last = state
        .shown_run()
        .and_then(|run| run.trace(method).last_step());
    state.view.step.is_none() || state.view.step >= last
}
