//! The textures of all places: each is made once and kept until its content
//! changes. Where the window's device can draw numbers itself, no texture is made.

use std::collections::HashMap;

use egui::{ColorImage, Context, Painter, Rect, TextureHandle, TextureOptions};

use super::device_drawing::DeviceDrawing;
use super::drawing::{Content, Drawing, Place};
use crate::device::Slot;

/// The textures of all places.
#[derive(Default)]
pub struct Textures {
    held: HashMap<Place, (Content, TextureHandle)>,
    /// How previews and maps are drawn instead, where the window's device can.
    drawing: Option<DeviceDrawing>,
}

impl Textures {
    /// Previews and maps are drawn by the window's device from now on.
    pub fn draw_on_device(&mut self, drawing: Option<DeviceDrawing>) {
        self.drawing = drawing;
    }

    /// Draws the part `uv` of a picture of `slot` into `rect` on the window's
    /// device → `false` if that cannot, and a texture must do.
    pub fn paint(
        &self,
        painter: &Painter,
        (rect, uv): (Rect, Rect),
        place: Place,
        slot: &Slot,
        drawing: Drawing,
    ) -> bool {
        match self.drawing {
            Some(device) if drawing.fits() => {
                device.paint(painter, (rect, uv), place, slot.clone(), drawing);
                true
            }
            _ => false,
        }
    }

    /// Whether [`Self::paint`] can draw at all.
    pub fn draws_on_device(&self) -> bool {
        self.drawing.is_some()
    }

    /// The texture at `place`, drawn by `draw` if the content changed. `None`
    /// if `draw` has nothing to show.
    pub fn get(
        &mut self,
        ctx: &Context,
        place: Place,
        content: Content,
        options: TextureOptions,
        draw: impl FnOnce() -> Option<ColorImage>,
    ) -> Option<TextureHandle> {
        if let Some((held, texture)) = self.held.get(&place)
            && *held == content
        {
            return Some(texture.clone());
        }
        let image = draw()?;
        match self.held.get_mut(&place) {
            Some((held, texture)) => {
                texture.set(image, options);
                *held = content;
                Some(texture.clone())
            }
            None => {
                let texture = ctx.load_texture(format!("{place:?}"), image, options);
                self.held.insert(place, (content, texture.clone()));
                Some(texture)
            }
        }
    }
}
