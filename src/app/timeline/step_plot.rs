//! The plots under the timeline's thumbnails, on the same axis of steps: signed
//! distance, loss, gradient norm; STORM's steps are tinted.

use egui::{Color32, Rect, Stroke, Ui, vec2};
use egui_plot::{HLine, Line, Plot, PlotBounds, PlotPoints, Points, VLine};

use crate::app::look::names::method_name;
use crate::app::look::theme::Palette;
use crate::app::state::State;
use crate::app::state::session::{Run, RunState, Trace};
use crate::diffusion::Method;
use crate::film::looks::Mark;

/// What the plot shows.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Curve {
    #[default]
    Distance,
    Loss,
    Gradient,
}

impl Curve {
    pub const ALL: [Self; 3] = [Self::Distance, Self::Loss, Self::Gradient];

    pub fn name(self) -> &'static str {
        match self {
            Self::Distance => "Distance",
            Self::Loss => "Loss",
            Self::Gradient => "Gradient",
        }
    }

    pub fn explanation(self) -> &'static str {
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

pub fn plot_ui(ui: &mut Ui, curve: Curve, state: &State) {
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
                for method in run.request.settings.methods.list() {
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
    value: impl Fn(&crate::app::state::session::UpdatePoint) -> f64,
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
    let font = egui::FontId::proportional(crate::app::look::theme::SMALL_SIZE);
    let text = match curve {
        Curve::Distance => match became_true(&run.storm) {
            Some(step) => format!(
                "{}: true by attention since step {}",
                method_name(Method::Storm),
                step + 1
            ),
            None if run.request.settings.methods.includes(Method::Storm) => {
                format!("{}: not true by attention", method_name(Method::Storm))
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

/// The first step from which on all relations stayed true, with every object there.
fn became_true(trace: &Trace) -> Option<usize> {
    let is_true = |reading: &Option<crate::storm::objective::Reading>| {
        reading.as_ref().is_some_and(|reading| {
            !reading.relations.is_empty()
                && reading.objects.iter().all(|object| !object.absent)
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
                copies: Vec::new(),
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
