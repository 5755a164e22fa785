//! The one place where colours, sizes and spaces are declared.
//!
//! Object colours come from the Okabe–Ito set and are never the only
//! difference: every object also has a [`Mark`](crate::film::looks::Mark).

use crate::draw::OBJECT_COLOURS;
use egui::epaint::Shadow;
use egui::style::{HandleShape, Selection, WidgetVisuals, Widgets};
use egui::{
    Color32, CornerRadius, FontId, Margin, RichText, Stroke, Style, TextStyle, Theme, Ui, Visuals,
    vec2,
};

/// Text of the prompt and of headings.
pub const PROMPT_SIZE: f32 = 15.0;
/// Everything else.
pub const BODY_SIZE: f32 = 13.0;
/// Secondary text.
pub const SMALL_SIZE: f32 = 11.5;
/// The canvases' verdicts and the empty states' first line.
pub const HEADING_SIZE: f32 = 16.0;

/// Corners of buttons, fields and pictures.
pub const CORNER: u8 = 6;

/// All colours of one theme, by role.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Palette {
    /// Behind the panels.
    pub ground: Color32,
    /// Panels.
    pub surface: Color32,
    /// Buttons, chips and fields on a panel.
    pub raised: Color32,
    /// Separators and outlines.
    pub line: Color32,
    pub text: Color32,
    pub weak_text: Color32,
    /// First relation's subject and object, then the second's.
    pub objects: [Color32; 4],
    /// A relation that holds.
    pub holds: Color32,
    pub error: Color32,
    /// Generate, focus, selection.
    pub accent: Color32,
    /// Text on the accent.
    pub on_accent: Color32,
    /// Behind steps that STORM updated.
    pub update_tint: Color32,
}

const fn rgb(hex: u32) -> Color32 {
    Color32::from_rgb((hex >> 16) as u8, (hex >> 8) as u8, hex as u8)
}

/// The colour of an object that strips and animations have too.
const fn bytes(object: usize) -> Color32 {
    let [red, green, blue] = OBJECT_COLOURS[object];
    Color32::from_rgb(red, green, blue)
}

impl Palette {
    pub const DARK: Self = Self {
        ground: rgb(0x14161A),
        surface: rgb(0x1B1E24),
        raised: rgb(0x252A32),
        line: rgb(0x343A44),
        text: rgb(0xE8EAED),
        weak_text: rgb(0x9BA4AF),
        objects: [bytes(0), bytes(1), bytes(2), bytes(3)],
        holds: rgb(0x2FBF8F),
        error: rgb(0xE5633B),
        accent: rgb(0x7AA2FF),
        on_accent: rgb(0x14161A),
        update_tint: rgb(0x232B3D),
    };

    pub const LIGHT: Self = Self {
        ground: rgb(0xF3F4F6),
        surface: rgb(0xFFFFFF),
        raised: rgb(0xE9ECF0),
        line: rgb(0xD3D8DF),
        text: rgb(0x1A1D22),
        weak_text: rgb(0x5B6570),
        objects: [rgb(0x966000), rgb(0x0072B2), rgb(0xA3527C), rgb(0x6E6500)],
        holds: rgb(0x00795A),
        error: rgb(0xB8401A),
        accent: rgb(0x3563D9),
        on_accent: rgb(0xFFFFFF),
        update_tint: rgb(0xE3EAFB),
    };

    /// The palette of the theme that `ui` is drawn in.
    pub fn of(ui: &Ui) -> &'static Self {
        Self::by_mode(ui.visuals().dark_mode)
    }

    pub fn by_mode(dark_mode: bool) -> &'static Self {
        if dark_mode { &Self::DARK } else { &Self::LIGHT }
    }

    /// The colour of an object by its index in the layout.
    pub fn object(&self, index: usize) -> Color32 {
        self.objects[index % self.objects.len()]
    }
}

/// Text of more weight than the rest around it.
pub fn bold(text: impl Into<String>) -> RichText {
    RichText::new(text).variation(*b"wght", 600.0)
}

/// Secondary text.
pub fn small(text: impl Into<String>) -> RichText {
    RichText::new(text).small()
}

/// WCAG's relative luminance, 0 for black and 1 for white.
pub fn relative_luminance(colour: Color32) -> f64 {
    let linear = |byte: u8| {
        let value = f64::from(byte) / 255.0;
        if value <= 0.04045 {
            value / 12.92
        } else {
            ((value + 0.055) / 1.055).powf(2.4)
        }
    };
    0.2126 * linear(colour.r()) + 0.7152 * linear(colour.g()) + 0.0722 * linear(colour.b())
}

/// Gives `ctx` both themes' styles.
pub fn install(ctx: &egui::Context) {
    for theme in [Theme::Dark, Theme::Light] {
        ctx.style_mut_of(theme, |style| apply(style, theme));
    }
}

fn apply(style: &mut Style, theme: Theme) {
    let palette = Palette::by_mode(theme == Theme::Dark);
    style.text_styles = [
        (TextStyle::Body, FontId::proportional(BODY_SIZE)),
        (TextStyle::Button, FontId::proportional(BODY_SIZE)),
        (TextStyle::Small, FontId::proportional(SMALL_SIZE)),
        (TextStyle::Heading, FontId::proportional(HEADING_SIZE)),
        (TextStyle::Monospace, FontId::monospace(SMALL_SIZE)),
    ]
    .into();
    style.drag_value_text_style = TextStyle::Body;
    style.animation_time = 0.1;
    let spacing = &mut style.spacing;
    spacing.item_spacing = vec2(8.0, 4.0);
    spacing.button_padding = vec2(8.0, 4.0);
    spacing.window_margin = Margin::same(12);
    spacing.menu_margin = Margin::same(8);
    spacing.interact_size = vec2(28.0, 24.0);
    spacing.combo_width = 96.0;
    spacing.tooltip_width = 320.0;
    spacing.indent = 12.0;
    style.visuals = visuals(theme, palette);
}

fn visuals(theme: Theme, palette: &Palette) -> Visuals {
    let shadow = Shadow {
        offset: [0, 4],
        blur: 16,
        spread: 0,
        color: Color32::from_black_alpha(if theme == Theme::Dark { 110 } else { 40 }),
    };
    Visuals {
        widgets: widgets(palette),
        selection: Selection {
            bg_fill: palette.accent.gamma_multiply(0.35),
            stroke: Stroke::new(1.0, palette.text),
        },
        weak_text_color: Some(palette.weak_text),
        hyperlink_color: palette.accent,
        faint_bg_color: palette.ground,
        extreme_bg_color: palette.ground,
        text_edit_bg_color: Some(palette.ground),
        code_bg_color: palette.raised,
        warn_fg_color: palette.objects[0],
        error_fg_color: palette.error,
        window_corner_radius: CornerRadius::same(CORNER),
        menu_corner_radius: CornerRadius::same(CORNER),
        window_shadow: shadow,
        popup_shadow: shadow,
        window_fill: palette.surface,
        window_stroke: Stroke::new(1.0, palette.line),
        panel_fill: palette.surface,
        indent_has_left_vline: false,
        slider_trailing_fill: true,
        handle_shape: HandleShape::Circle,
        interact_cursor: Some(egui::CursorIcon::PointingHand),
        ..theme.default_visuals()
    }
}

fn widgets(palette: &Palette) -> Widgets {
    let state = |fill: Color32, outline: Color32, text: Color32| WidgetVisuals {
        bg_fill: fill,
        weak_bg_fill: fill,
        bg_stroke: Stroke::new(1.0, outline),
        corner_radius: CornerRadius::same(CORNER),
        fg_stroke: Stroke::new(1.0, text),
        expansion: 0.0,
    };
    let hovered = palette.raised.lerp_to_gamma(palette.text, 0.08);
    Widgets {
        noninteractive: state(palette.surface, palette.line, palette.text),
        inactive: state(palette.raised, Color32::TRANSPARENT, palette.text),
        hovered: state(hovered, palette.line, palette.text),
        active: state(hovered, palette.accent, palette.text),
        open: state(palette.raised, palette.accent, palette.text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// WCAG's contrast ratio, 1 to 21.
    fn contrast(a: Color32, b: Color32) -> f64 {
        let (a, b) = (relative_luminance(a), relative_luminance(b));
        (a.max(b) + 0.05) / (a.min(b) + 0.05)
    }

    #[test]
    fn contrast_is_wcags() {
        assert!((contrast(Color32::BLACK, Color32::WHITE) - 21.0).abs() < 1e-9);
        // The grey that WCAG's own material gives as the lightest on white for 4.5 : 1.
        assert!((contrast(rgb(0x767676), Color32::WHITE) - 4.54).abs() < 0.01);
    }

    #[test]
    fn all_text_keeps_a_contrast_of_four_and_a_half() {
        for (name, palette) in [("dark", Palette::DARK), ("light", Palette::LIGHT)] {
            let mut texts = vec![
                palette.text,
                palette.weak_text,
                palette.holds,
                palette.error,
            ];
            texts.push(palette.accent);
            texts.extend(palette.objects);
            for text in texts {
                for back in [palette.ground, palette.surface] {
                    let ratio = contrast(text, back);
                    assert!(ratio >= 4.5, "{name}: {text:?} on {back:?} is {ratio:.2}");
                }
            }
            assert!(contrast(palette.text, palette.raised) >= 7.0, "{name}");
            assert!(contrast(palette.weak_text, palette.raised) >= 4.5, "{name}");
            assert!(contrast(palette.on_accent, palette.accent) >= 4.5, "{name}");
        }
    }
}
