//! The timeline: every step as a thumbnail over plots that share its axis.
//! Going back shows the pictures, maps and verdicts as they were, while
//! generation goes on.

use egui::{Color32, Key, Rect, Sense, Stroke, TextureOptions, Ui, UiBuilder, pos2, vec2};
use egui_plot::{HLine, Line, Plot, PlotBounds, PlotPoints, Points, VLine};
use serde::{Deserialize, Serialize};

use super::canvas::method_name;
use super::icons;
use super::pictures::{self, Content, Place};
use super::session::{Run, RunState, Trace};
use super::settings_panel::icon_button;
use super::state::State;
use super::theme::{Mark, Palette, small};
use crate::diffusion::Method;

/// Width of the column of choices on the left.
const CHOICES_WIDTH: f32 = 104.0;
/// Tallest row of thumbnails.
const THUMBNAIL_HEIGHT: f32 = 30.0;

/// What the plot shows.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Curve {
    #[default]
    Distance,
    Loss,
    Gradient,
}

impl Curve {
    const ALL: [Self; 3] = [Self::Distance, Self::Loss, Self::Gradient];

    fn name(self) -> &'static str {
        match self {
            Self::Distance => "Distance",
            Self::Loss => "Loss",
            Self::Gradient => "Gradient",
        }
    }

    fn explanation(self) -> &'static str {
        match self {
            Self::Distance => {
                "How far the relation is from true: above zero it holds, at the dashed line with \
                 its margin"
            }
            Self::Loss => "The loss that STORM lowers, at each of its updates",
            Self::Gradient => "Length of the loss's gradient at each update",
        }
    }
}

#[derive(Debug, Default)]
pub struct TimelinePanel {
    curve: Curve,
}

impl TimelinePanel {
    pub fn ui(&mut self, ui: &mut Ui, state: &mut State) {
        let palette = Palette::of(ui);
        if state.shown_run().is_none() {
            ui.centered_and_justified(|ui| {
                let text = "Every step is kept here, to go back to.";
                ui.label(small(text).color(palette.weak_text));
            });
            return;
        }
        let area = ui.available_rect_before_wrap();
        let choices = Rect::from_min_size(area.min, vec2(CHOICES_WIDTH, area.height()));
        ui.scope_builder(UiBuilder::new().max_rect(choices), |ui| {
            self.choices_ui(ui, state)
        });
        let right = Rect::from_min_max(area.min + vec2(CHOICES_WIDTH + 8.0, 0.0), area.max);
        self.steps_ui(ui, right, state);
    }

    fn choices_ui(&mut self, ui: &mut Ui, state: &mut State) {
        ui.spacing_mut().item_spacing.y = 2.0;
        ui.horizontal(|ui| {
            ui.spacing_mut().item_spacing.x = 0.0;
            step_buttons_ui(ui, state);
        });
        for curve in Curve::ALL {
            let button = egui::Button::selectable(self.curve == curve, small(curve.name()))
                .min_size(vec2(CHOICES_WIDTH - 8.0, 20.0));
            if ui.add(button).on_hover_text(curve.explanation()).clicked() {
                self.curve = curve;
            }
        }
    }

    fn steps_ui(&mut self, ui: &mut Ui, area: Rect, state: &mut State) {
        let Some(run) = state.shown_run() else { return };
        let count = run.step_count.max(1);
        let methods: Vec<Method> = run.request.methods.clone();
        let rows = methods.len() as f32;
        let aspect = run.size[1] as f32 / run.size[0].max(1) as f32;
        let height = (area.width() / count as f32 * aspect)
            .min(THUMBNAIL_HEIGHT)
            .max(8.0);
        let mut top = area.top();
        for method in methods {
            let strip = Rect::from_min_size(pos2(area.left(), top), vec2(area.width(), height));
            thumbnails_ui(ui, strip, method, state);
            top += height + 2.0;
        }
        let plot = Rect::from_min_max(
            pos2(area.left(), area.top() + rows * (height + 2.0) + 2.0),
            area.max,
        );
        if plot.height() > 12.0 {
            ui.scope_builder(UiBuilder::new().max_rect(plot), |ui| {
                plot_ui(ui, self.curve, state)
            });
        }
        scrub_ui(ui, area, count, state);
    }
}

/// One step back, forward, and to the newest.
fn step_buttons_ui(ui: &mut Ui, state: &mut State) {
    let last = state
        .shown_run()
        .and_then(|run| run.steps_made().checked_sub(1));
    let shown = state.view.step.or(last);
    if icon_button(
        ui,
        icons::CARET_LEFT,
        "One step back",
        "One step back (Left)",
    )
    .clicked()
    {
        state.view.step = shown.map(|step| step.saturating_sub(1));
    }
    if icon_button(
        ui,
        icons::CARET_RIGHT,
        "One step forward",
        "One step forward (Right)",
    )
    .clicked()
    {
        state.view.step = shown.map(|step| step + 1).filter(|step| Some(*step) < last);
    }
    let newest = egui::Button::selectable(state.view.step.is_none(), icons::SKIP_FORWARD);
    let newest = ui
        .add(newest.min_size(vec2(24.0, 22.0)))
        .on_hover_text("Follow the newest step (End)")
        .accessible_name("Newest step");
    if newest.clicked() {
        state.view.step = None;
    }
}

/// All steps of one method in a row, drawn from one texture.
fn thumbnails_ui(ui: &Ui, strip: Rect, method: Method, state: &mut State) {
    let palette = Palette::of(ui);
    let painter = ui.painter_at(strip);
    let Some(run) = state.shown_run() else { return };
    let (key, count, last) = (run.key, run.step_count, run.trace(method).last_step());
    let Some(map) = state.session.model().map(|model| model.latent_rgb.clone()) else {
        return;
    };
    let store = state.store.clone();
    let content = Content {
        run: key,
        method,
        step: last,
        variant: 0,
    };
    let place = Place::Thumbnails(method);
    let texture = state
        .textures
        .get(ui.ctx(), place, content, TextureOptions::LINEAR, || {
            pictures::thumbnails(&store.steps(key.request, key.seed, method), count, &map)
        });
    let Some(texture) = texture else { return };
    // Each keeps its shape in the middle of its step's share of the width.
    let share = strip.width() / count.max(1) as f32;
    let [width, height] = texture.size();
    let aspect = width as f32 / count.max(1) as f32 / height.max(1) as f32;
    let size = vec2((strip.height() * aspect).min(share), strip.height());
    let is_shown = |step: usize| state.shown_step(method) == Some(step);
    for step in 0..=last.unwrap_or(0) {
        let centre = pos2(strip.left() + (step as f32 + 0.5) * share, strip.center().y);
        let rect = Rect::from_center_size(centre, size);
        let [left, right] = [step, step + 1].map(|edge| edge as f32 / count as f32);
        let uv = Rect::from_min_max(pos2(left, 0.0), pos2(right, 1.0));
        painter.image(texture.id(), rect, uv, Color32::WHITE);
        if is_shown(step) {
            let stroke = Stroke::new(2.0, palette.accent);
            painter.rect_stroke(rect, 1.0, stroke, egui::StrokeKind::Inside);
        }
    }
}

fn plot_ui(ui: &mut Ui, curve: Curve, state: &State) {
    let palette = Palette::of(ui);
    let Some(run) = state.shown_run() else { return };
    let count = run.step_count.max(1) as f64;
    let lines = curves(run, curve, palette);
    let [low, high] = bounds(&lines, curve, run);
    let margin = run
        .storm
        .reading(usize::MAX - 1)
        .or(run.standard.reading(usize::MAX - 1))
        .and_then(|reading| reading.relations.first())
        .map(|relation| relation.margin);
    let updated: Vec<f64> = run
        .storm
        .updates
        .iter()
        .map(|update| update.step as f64)
        .collect();
    let shown = state.view.step.or_else(|| run.steps_made().checked_sub(1));
    let size = ui.available_size();
    let response = Plot::new("steps")
        .min_size(egui::Vec2::ZERO)
        .width(size.x)
        .height(size.y)
        .show_axes([false, false])
        .show_grid([false, false])
        .allow_drag(false)
        .allow_zoom(false)
        .allow_scroll(false)
        .allow_boxed_zoom(false)
        .show_x(false)
        .show_y(false)
        .show_background(false)
        .show(ui, |plot| {
            plot.set_plot_bounds(PlotBounds::from_min_max([-0.5, low], [count - 0.5, high]));
            for step in updated {
                let tint = vec![
                    [step - 0.5, low],
                    [step + 0.5, low],
                    [step + 0.5, high],
                    [step - 0.5, high],
                ];
                let tint = egui_plot::Polygon::new("", PlotPoints::from(tint));
                plot.polygon(
                    tint.fill_color(palette.update_tint)
                        .stroke(Stroke::NONE)
                        .allow_hover(false),
                );
            }
            if curve == Curve::Distance {
                plot.hline(HLine::new("", 0.0).color(palette.line).allow_hover(false));
                if let Some(margin) = margin {
                    let dashed = HLine::new("", margin).color(palette.holds.gamma_multiply(0.7));
                    plot.hline(
                        dashed
                            .style(egui_plot::LineStyle::dashed_loose())
                            .allow_hover(false),
                    );
                }
            }
            if let Some(shown) = shown {
                plot.vline(
                    VLine::new("", shown as f64)
                        .color(palette.accent)
                        .width(1.5)
                        .allow_hover(false),
                );
            }
            for line in lines {
                line.show(plot, shown);
            }
        });
    legend_ui(ui, response.response.rect, curve, run, palette);
}

/// A curve over the steps.
struct PlotLine {
    points: Vec<[f64; 2]>,
    colour: Color32,
    mark: Mark,
    is_faint: bool,
}

impl PlotLine {
    fn show<'a>(self, plot: &mut egui_plot::PlotUi<'a>, shown: Option<usize>) {
        let width = if self.is_faint { 1.0 } else { 2.0 };
        let marked: Vec<[f64; 2]> = self
            .points
            .iter()
            .copied()
            .filter(|point| shown.is_some_and(|step| point[0] == step as f64))
            .collect();
        let line = Line::new("", PlotPoints::from(self.points))
            .color(self.colour)
            .width(width);
        plot.line(line.allow_hover(false));
        let shape = match self.mark {
            Mark::Disc => egui_plot::MarkerShape::Circle,
            Mark::Square => egui_plot::MarkerShape::Square,
        };
        let points = Points::new("", PlotPoints::from(marked))
            .color(self.colour)
            .radius(4.0);
        plot.points(points.shape(shape).allow_hover(false));
    }
}

fn curves(run: &Run, curve: Curve, palette: &Palette) -> Vec<PlotLine> {
    match curve {
        Curve::Distance => {
            let relations = run.request.layout.relations.len();
            let mut lines = Vec::new();
            for relation in 0..relations {
                for method in &run.request.methods {
                    lines.push(distance(run.trace(*method), relation, *method, palette));
                }
            }
            lines
        }
        Curve::Loss => vec![update_line(run, palette, |update| update.loss)],
        Curve::Gradient => vec![update_line(run, palette, |update| update.gradient_norm)],
    }
}

fn distance(trace: &Trace, relation: usize, method: Method, palette: &Palette) -> PlotLine {
    let steps = trace.readings.iter().enumerate();
    let points = steps.filter_map(|(step, reading)| {
        let found = reading.as_ref()?.relations.get(relation)?;
        Some([step as f64, found.signed_distance])
    });
    PlotLine {
        points: points.collect(),
        colour: match method {
            Method::Storm => palette.object(2 * relation),
            Method::Standard => palette.weak_text,
        },
        mark: if method == Method::Storm {
            Mark::Disc
        } else {
            Mark::Square
        },
        is_faint: method == Method::Standard,
    }
}

fn update_line(
    run: &Run,
    palette: &Palette,
    value: impl Fn(&super::session::UpdatePoint) -> f64,
) -> PlotLine {
    let updates = run.storm.updates.iter();
    PlotLine {
        points: updates
            .map(|update| [update.step as f64, value(update)])
            .collect(),
        colour: palette.object(0),
        mark: Mark::Disc,
        is_faint: false,
    }
}

fn bounds(lines: &[PlotLine], curve: Curve, run: &Run) -> [f64; 2] {
    let values = lines
        .iter()
        .flat_map(|line| line.points.iter().map(|point| point[1]));
    let (mut low, mut high) = values
        .fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), value| {
            (low.min(value), high.max(value))
        });
    if curve == Curve::Distance {
        low = low.min(-0.2);
        high = high.max(0.5);
    }
    if !low.is_finite() || !high.is_finite() {
        return [0.0, 1.0];
    }
    let room = 0.1 * (high - low).max(1e-6 * run.step_count as f64 + 1e-9);
    [low - room, high + room]
}

/// What the lines are, and when the relation became true.
fn legend_ui(ui: &Ui, rect: Rect, curve: Curve, run: &Run, palette: &Palette) {
    let painter = ui.painter_at(rect);
    let font = egui::FontId::proportional(super::theme::SMALL_SIZE);
    let text = match curve {
        Curve::Distance => match became_true(&run.storm) {
            Some(step) => format!(
                "{}: true since step {}",
                method_name(Method::Storm),
                step + 1
            ),
            None if run.request.methods.contains(&Method::Storm) => {
                format!("{}: not true yet", method_name(Method::Storm))
            }
            None => String::new(),
        },
        Curve::Loss | Curve::Gradient => match (run.storm.updates.last(), run.state) {
            (Some(update), _) if curve == Curve::Loss => format!("newest {:.4}", update.loss),
            (Some(update), _) => format!("newest {:.3e}", update.gradient_norm),
            (None, RunState::Running) => "no update yet".to_string(),
            (None, _) => "no update was needed".to_string(),
        },
    };
    let galley = painter.layout_no_wrap(text, font, palette.weak_text);
    let place = rect.right_bottom() - galley.size() - vec2(6.0, 4.0);
    let back = Rect::from_min_size(place, galley.size()).expand(3.0);
    painter.rect_filled(back, 3.0, palette.surface.gamma_multiply(0.85));
    painter.galley(place, galley, palette.weak_text);
}

/// The first step from which on all relations stayed true.
fn became_true(trace: &Trace) -> Option<usize> {
    let is_true = |reading: &Option<crate::storm::objective::Reading>| {
        reading.as_ref().is_some_and(|reading| {
            !reading.relations.is_empty()
                && reading
                    .relations
                    .iter()
                    .all(|relation| relation.signed_distance > 0.0)
        })
    };
    let last_false = trace.readings.iter().rposition(|reading| !is_true(reading));
    let first = last_false.map_or(0, |step| step + 1);
    (first < trace.readings.len()).then_some(first)
}

/// Dragging anywhere over the steps, and the arrow keys.
fn scrub_ui(ui: &mut Ui, area: Rect, count: usize, state: &mut State) {
    let response = ui
        .interact(
            area,
            ui.scope_id().with("scrubber"),
            Sense::click_and_drag(),
        )
        .on_hover_cursor(egui::CursorIcon::ResizeHorizontal);
    let Some(last) = state
        .shown_run()
        .and_then(|run| run.steps_made().checked_sub(1))
    else {
        return;
    };
    if let Some(pointer) = response.interact_pointer_pos()
        && (response.dragged() || response.clicked())
    {
        let fraction = (pointer.x - area.left()) / area.width().max(1.0);
        let step = (fraction.clamp(0.0, 1.0) * count as f32) as usize;
        state.view.step = (step < last).then_some(step);
        response.request_focus();
    }
    if response.has_focus() {
        keys_ui(ui, last, state);
        let stroke = Stroke::new(1.0, Palette::of(ui).accent);
        ui.painter()
            .rect_stroke(area.expand(2.0), 3.0, stroke, egui::StrokeKind::Outside);
    }
    let shown = state.view.step.unwrap_or(last);
    response.widget_info(|| egui::WidgetInfo::slider(true, shown as f64, "Step shown"));
}

fn keys_ui(ui: &Ui, last: usize, state: &mut State) {
    ui.memory_mut(|memory| {
        let filter = egui::EventFilter {
            horizontal_arrows: true,
            ..Default::default()
        };
        if let Some(id) = memory.focused() {
            memory.set_focus_lock_filter(id, filter);
        }
    });
    let shown = state.view.step.unwrap_or(last);
    let pressed = |key| ui.input(|input| input.key_pressed(key));
    let step = if pressed(Key::ArrowLeft) {
        shown.saturating_sub(1)
    } else if pressed(Key::ArrowRight) {
        shown + 1
    } else if pressed(Key::Home) {
        0
    } else if pressed(Key::End) {
        last
    } else {
        return;
    };
    state.view.step = (step < last).then_some(step);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::storm::objective::{Reading, RelationReading};

    fn trace(distances: &[f64]) -> Trace {
        let reading = |&signed_distance: &f64| {
            Some(Reading {
                objects: Vec::new(),
                relations: vec![RelationReading {
                    signed_distance,
                    margin: 0.35,
                    holds: false,
                }],
                satisfied: false,
            })
        };
        Trace {
            readings: distances.iter().map(reading).collect(),
            ..Trace::default()
        }
    }

    #[test]
    fn the_relation_is_true_from_the_last_change_on() {
        assert_eq!(became_true(&trace(&[-0.1, 0.2, -0.3, 0.1, 0.4])), Some(3));
        assert_eq!(became_true(&trace(&[0.1, 0.2])), Some(0));
        assert_eq!(became_true(&trace(&[0.1, -0.2])), None);
        assert_eq!(became_true(&trace(&[])), None);
    }
}
