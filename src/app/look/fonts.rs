//! The fonts: those embedded, then those of the system for other writing, then a
//! box for what no font has, which is remembered so that the person can be told.

use std::collections::BTreeSet;
use std::sync::{Arc, LazyLock, Mutex, PoisonError};

use egui::epaint::text::{
    FontProvider, GlyphBitmap, GlyphRasterizer, GlyphRasterizerRequest, RasterizedGlyph,
};
use egui::{Color32, ColorImage, FontData, FontDefinitions, FontFamily, vec2};
use egui_system_font_provider::SystemFontProvider;
use unicode_script::{Script, UnicodeScript};

/// The system's fonts are looked through once, on a thread of their own.
static SYSTEM: LazyLock<Arc<SystemFontProvider>> =
    LazyLock::new(|| Arc::new(SystemFontProvider::new()));

/// Writing that no font has, as it turns up.
#[derive(Debug, Clone, Default)]
pub struct MissingGlyphs(Arc<Mutex<Missing>>);

#[derive(Debug, Default)]
struct Missing {
    /// Scripts that were told of, by what to install.
    told: BTreeSet<String>,
    /// A character and what to install for it, not told yet.
    next: Option<(char, String)>,
}

impl MissingGlyphs {
    /// A sentence for writing that turned up since the last call.
    pub fn news(&self) -> Option<String> {
        let mut missing = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (letter, font) = missing.next.take()?;
        let script = match letter.script() {
            Script::Common | Script::Inherited | Script::Unknown => String::new(),
            script => format!(" ({})", script.full_name().replace('_', " ")),
        };
        Some(format!(
            "No font of this system has “{letter}”{script}, so that a box stands in its place; \
             install {font} to see it. The model reads the words all the same."
        ))
    }

    fn found(&self, cluster: &str) {
        let Some(letter) = cluster.chars().next() else {
            return;
        };
        if letter.is_control() || letter.is_whitespace() {
            return;
        }
        let font = font_for(letter.script());
        let mut missing = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if missing.told.insert(font.clone()) {
            missing.next = Some((letter, font));
        }
    }
}

/// Gives `ctx` the embedded fonts, those of the system behind them, and a box for
/// what neither has.
pub fn install(ctx: &egui::Context) -> MissingGlyphs {
    install_with(ctx, SYSTEM.clone())
}

/// The same with other fonts than the system's.
pub fn install_with(ctx: &egui::Context, system: Arc<dyn FontProvider>) -> MissingGlyphs {
    ctx.set_fonts(embedded());
    ctx.set_font_providers(vec![system]);
    let missing = MissingGlyphs::default();
    let found = missing.clone();
    let boxes = move |request: &GlyphRasterizerRequest<'_>| {
        found.found(request.cluster);
        Some(empty_box(request.font_size_px))
    };
    ctx.set_glyph_rasterizers(vec![GlyphRasterizer::new("missing glyphs", boxes)]);
    missing
}

/// The font of the Noto family that has a script; they are free and everywhere.
fn font_for(script: Script) -> String {
    match script {
        Script::Han | Script::Hiragana | Script::Katakana | Script::Hangul | Script::Bopomofo => {
            "Noto Sans CJK (the package fonts-noto-cjk)".to_string()
        }
        Script::Common | Script::Inherited | Script::Unknown => {
            "Noto Sans Symbols (the package fonts-noto-core)".to_string()
        }
        script => {
            let name = script.full_name().replace('_', " ");
            format!("Noto Sans {name} (the package fonts-noto-core)")
        }
    }
}

/// A box as high as a capital, standing on the baseline.
fn empty_box(font_size: f32) -> RasterizedGlyph {
    let [width, height] = [0.56, 0.7].map(|share| (share * font_size).round().max(3.0) as usize);
    let line = (font_size / 14.0).round().max(1.0) as usize;
    let mut image = ColorImage::filled([width, height], Color32::TRANSPARENT);
    for y in 0..height {
        for x in 0..width {
            let is_edge = x < line || y < line || x + line >= width || y + line >= height;
            if is_edge {
                image[(x, y)] = Color32::WHITE;
            }
        }
    }
    let side = (0.1 * font_size).round();
    RasterizedGlyph {
        bitmap: GlyphBitmap {
            image,
            offset_px: vec2(side, -(height as f32)),
            is_color: false,
        },
        advance_px: width as f32 + 2.0 * side,
    }
}

fn embedded() -> FontDefinitions {
    let mut fonts = FontDefinitions::default();
    let embedded: [(&str, &[u8]); 3] = [
        (
            "Storm Sans",
            include_bytes!("../../../assets/fonts/StormSans.ttf"),
        ),
        (
            "Storm Mono",
            include_bytes!("../../../assets/fonts/StormMono.ttf"),
        ),
        (
            "Storm Icons",
            include_bytes!("../../../assets/fonts/StormIcons.ttf"),
        ),
    ];
    for (name, bytes) in embedded {
        let data = FontData::from_static(bytes);
        fonts.font_data.insert(name.to_string(), Arc::new(data));
    }
    for (family, first) in [
        (FontFamily::Proportional, "Storm Sans"),
        (FontFamily::Monospace, "Storm Mono"),
    ] {
        let names = fonts.families.entry(family).or_default();
        names.insert(0, first.to_string());
        names.insert(1, "Storm Icons".to_string());
    }
    fonts
}

#[cfg(test)]
mod tests {
    use egui::FontId;
    use egui::epaint::text::{FallbackRequest, FontInsert};

    use super::*;

    /// Lays out `text` once.
    fn lay_out(ctx: &egui::Context, text: &str) {
        let _ = ctx.run_ui(egui::RawInput::default(), |ui| {
            let font = FontId::proportional(13.0);
            let galley = ui
                .painter()
                .layout_no_wrap(text.to_string(), font, Color32::WHITE);
            assert!(galley.size().x > 8.0);
        });
    }

    #[test]
    fn what_no_font_has_is_told_once_a_script_with_what_to_install() {
        let ctx = egui::Context::default();
        let none = |_: &FallbackRequest<'_>| -> Option<FontInsert> { None };
        let missing = install_with(&ctx, Arc::new(none));
        lay_out(&ctx, "a plain text, é and Ω and ● too");
        assert_eq!(missing.news(), None);
        lay_out(&ctx, "बिल्ली");
        let news = missing.news().unwrap();
        assert!(news.contains("(Devanagari)"), "{news}");
        assert!(news.contains("install Noto Sans Devanagari"), "{news}");
        lay_out(&ctx, "कुत्ता");
        assert_eq!(missing.news(), None);
        lay_out(&ctx, "猫 고양이");
        let news = missing.news().unwrap();
        assert!(news.contains("install Noto Sans CJK"), "{news}");
    }

    #[test]
    fn every_font_is_named_as_its_foundry_names_it() {
        assert!(font_for(Script::Arabic).starts_with("Noto Sans Arabic ("));
        assert!(font_for(Script::Canadian_Aboriginal).starts_with("Noto Sans Canadian Aboriginal"));
    }
}
