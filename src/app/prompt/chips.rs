//! A word of the prompt as a chip: its token's index, its text, its role.

use std::ops::Range;
use std::sync::Arc;

use egui::{
    Color32, CornerRadius, FontId, Galley, Response, Sense, Shape, Stroke, StrokeKind, Ui, vec2,
};

use crate::app::look::theme::{BODY_SIZE, Palette};
use crate::film::looks::{Look, Mark};

/// Height of a chip.
pub const HEIGHT: f32 = 24.0;
const INDEX_SIZE: f32 = 9.5;
/// Room for the mark of a noun.
const MARK_WIDTH: f32 = 12.0;

/// What a word is in the picture.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ChipRole {
    None,
    Noun(Look),
    /// Of the object with this look.
    Attribute(Look),
}

/// One word to draw.
#[derive(Debug, Clone)]
pub struct Chip<'a> {
    pub text: &'a str,
    /// Positions of its tokens.
    pub tokens: Range<usize>,
    /// The text cut where its tokens meet; several are joined visibly.
    pub pieces: Vec<&'a str>,
    /// What the prompt's brackets give it; 1 without any.
    pub weight: f32,
    pub role: ChipRole,
    /// The model that was never taught the word, by its name.
    pub never_seen_by: Option<&'a str>,
    /// Its heatmap is under the pointer.
    pub is_lit: bool,
}

impl Chip<'_> {
    /// Which tokens the chip stands for.
    fn numbers(&self) -> String {
        match self.tokens.len() {
            0 => "–".to_string(),
            1 => self.tokens.start.to_string(),
            _ => format!("{}–{}", self.tokens.start, self.tokens.end - 1),
        }
    }

    /// The text, with its weight if it has one; where a word has several tokens, a
    /// dot marks the seams.
    fn joined(&self) -> String {
        let text = match self.pieces.len() {
            0 | 1 => self.text.to_string(),
            _ => self.pieces.join("·"),
        };
        match self.weight_text() {
            Some(weight) => format!("{text} ×{weight}"),
            None => text,
        }
    }

    /// To two decimals, without zeros at the end.
    fn weight_text(&self) -> Option<String> {
        (self.weight != 1.0).then(|| ((self.weight * 100.0).round() / 100.0).to_string())
    }

    fn description(&self) -> String {
        let role = match self.role {
            ChipRole::None => "",
            ChipRole::Noun(look) if look.mark == Mark::Disc => ", subject",
            ChipRole::Noun(_) => ", object",
            ChipRole::Attribute(_) => ", attribute",
        };
        let weight = self.weight_text();
        let weight = weight.map_or_else(String::new, |weight| format!(", weight {weight}"));
        let model = self.never_seen_by;
        let unknown = model.map_or_else(String::new, |model| format!(", never seen by {model}"));
        format!("{} {}{role}{weight}{unknown}", self.numbers(), self.text)
    }

    /// What a click will do, and what is to be said of the word.
    fn hover_text(&self, explanation: &str) -> String {
        match self.never_seen_by {
            Some(model) => format!("{model} has never seen “{}”\n{explanation}", self.text),
            None => explanation.to_string(),
        }
    }
}

/// How wide a chip is.
pub fn chip_width(ui: &Ui, chip: &Chip<'_>) -> f32 {
    let has_mark = matches!(chip.role, ChipRole::Noun(_));
    let [text, numbers] = galleys(ui, chip);
    width(has_mark, text.size().x, numbers.size().x)
}

fn width(has_mark: bool, text: f32, numbers: f32) -> f32 {
    let mark = if has_mark { MARK_WIDTH } else { 0.0 };
    8.0 + mark + text + 5.0 + numbers + 8.0
}

/// The text and the token numbers of a chip.
fn galleys(ui: &Ui, chip: &Chip<'_>) -> [Arc<Galley>; 2] {
    let palette = Palette::of(ui);
    let layout = |text: String, size: f32, colour: Color32| {
        let font = FontId::proportional(size);
        ui.painter().layout_no_wrap(text, font, colour)
    };
    [
        layout(chip.joined(), BODY_SIZE, palette.text),
        layout(chip.numbers(), INDEX_SIZE, palette.weak_text),
    ]
}

/// Draws a chip; `explanation` says what a click will do.
pub fn chip_ui(ui: &mut Ui, chip: &Chip<'_>, explanation: &str) -> Response {
    let palette = Palette::of(ui);
    let (fill, outline, text_colour, mark) = match chip.role {
        ChipRole::None => (palette.raised, palette.raised, palette.text, None),
        ChipRole::Noun(look) => {
            let colour = look.colour(palette);
            let fill = palette.raised.lerp_to_gamma(colour, 0.22);
            (fill, colour, palette.text, Some(look))
        }
        ChipRole::Attribute(look) => (palette.surface, look.colour(palette), palette.text, None),
    };
    let [text, numbers] = galleys(ui, chip);
    let width = width(mark.is_some(), text.size().x, numbers.size().x);
    let (rect, response) = ui.allocate_exact_size(vec2(width, HEIGHT), Sense::click());
    let response = response.on_hover_cursor(egui::CursorIcon::PointingHand);
    let is_hovered = response.hovered() || chip.is_lit;
    let fill = if is_hovered {
        fill.lerp_to_gamma(palette.text, 0.1)
    } else {
        fill
    };
    let stroke = match (response.has_focus(), chip.is_lit) {
        (true, _) => Stroke::new(2.0, palette.accent),
        (false, true) => Stroke::new(1.5, palette.text),
        (false, false) => Stroke::new(1.0, outline),
    };
    let painter = ui.painter();
    let round = CornerRadius::same((0.5 * HEIGHT) as u8);
    painter.rect(rect, round, fill, stroke, StrokeKind::Inside);
    let mut x = rect.left() + 8.0;
    if let Some(look) = mark {
        let centre = egui::pos2(x + 4.0, rect.center().y);
        look.paint(painter, centre, 4.0, palette);
        x += MARK_WIDTH;
    }
    let middle = |height: f32| rect.center().y - 0.5 * height;
    let text_size = text.size();
    painter.galley(egui::pos2(x, middle(text_size.y)), text, text_colour);
    if chip.never_seen_by.is_some() {
        let y = rect.center().y + 0.5 * text_size.y - 1.0;
        let ends = [egui::pos2(x + 1.0, y), egui::pos2(x + text_size.x, y)];
        painter.extend(Shape::dotted_line(&ends, palette.weak_text, 3.0, 0.9));
    }
    x += text_size.x + 5.0;
    let place = egui::pos2(x, middle(numbers.size().y) + 1.0);
    painter.galley(place, numbers, palette.weak_text);
    let description = chip.description();
    let is_assigned = chip.role != ChipRole::None;
    response.widget_info(|| {
        egui::WidgetInfo::selected(
            egui::accesskit::Role::Button,
            true,
            is_assigned,
            &description,
        )
    });
    response.on_hover_text(chip.hover_text(explanation))
}
