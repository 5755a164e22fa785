//! Pictures drawn by the window's own device, in egui's paint callbacks.
//!
//! A callback holds a [`Slot`] and how to draw it; the shaders of [`crate::draw`]
//! read the numbers where they lie. Numbers of the host are copied to the device
//! once per step: what was prepared for a place is kept until other numbers or
//! another drawing come.

use std::collections::HashMap;

use eframe::egui_wgpu::{self, CallbackResources, CallbackTrait, RenderState, ScreenDescriptor};
use egui::{PaintCallbackInfo, Painter, Rect};

use super::drawing::{Drawing, Place, WHOLE};
use crate::device::Slot;
use crate::draw::{
    ColourMap, HeatmapPainter, LatentPreviewPainter, Numbers, OverlayPainter, Picture,
};

/// Prepared pictures beyond which those that are no longer seen are dropped.
const MANY_PICTURES: usize = 256;
/// Uploads remembered for further pictures of the same numbers.
const RECENT_UPLOADS: usize = 4;

/// That the window can draw by paint callbacks; what they draw with is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DeviceDrawing(());

impl DeviceDrawing {
    /// `None` where the window's device cannot run the shaders: OpenGL without
    /// storage buffers, or a target that wants linear colours.
    pub fn of(render_state: &RenderState) -> Option<Self> {
        let flags = render_state.adapter.get_downlevel_capabilities().flags;
        let limits = render_state.device.limits();
        let target = render_state.target_format;
        let can = flags.contains(wgpu::DownlevelFlags::FRAGMENT_STORAGE)
            && limits.max_storage_buffers_per_shader_stage >= 2
            && !target.is_srgb();
        if !can {
            return None;
        }
        // Made now, so that the first frame of a run does not wait for pipelines.
        let mut renderer = render_state.renderer.write();
        let resources = &mut renderer.callback_resources;
        resources.insert(Prepared::new(&render_state.device, target));
        Some(Self(()))
    }

    /// Draws the part `uv` of a picture of `slot` into `rect`.
    pub fn paint(
        self,
        painter: &Painter,
        (rect, uv): (Rect, Rect),
        place: Place,
        slot: Slot,
        drawing: Drawing,
    ) {
        let callback = PaintSlot {
            pass: painter.ctx().cumulative_pass_nr(),
            place,
            slot,
            drawing,
            uv,
        };
        painter.add(egui_wgpu::Callback::new_paint_callback(rect, callback));
    }
}

struct PaintSlot {
    /// Counts egui's passes, to know what is still seen.
    pass: u64,
    place: Place,
    slot: Slot,
    drawing: Drawing,
    /// The part of the picture that is seen, as fractions.
    uv: Rect,
}

impl CallbackTrait for PaintSlot {
    fn prepare(
        &self,
        device: &wgpu::Device,
        queue: &wgpu::Queue,
        _screen: &ScreenDescriptor,
        _encoder: &mut wgpu::CommandEncoder,
        resources: &mut CallbackResources,
    ) -> Vec<wgpu::CommandBuffer> {
        if let Some(prepared) = resources.get_mut::<Prepared>() {
            prepared.prepare(device, queue, self);
        }
        Vec::new()
    }

    fn paint(
        &self,
        info: PaintCallbackInfo,
        pass: &mut wgpu::RenderPass<'static>,
        resources: &CallbackResources,
    ) {
        let prepared = resources.get::<Prepared>();
        let Some(entry) = prepared.and_then(|prepared| prepared.entries.get(&self.place)) else {
            return;
        };
        // egui's own viewport ends at the window's edge, and would squeeze what
        // reaches beyond it.
        let scale = info.pixels_per_point;
        let (corner, size) = (info.viewport.min * scale, info.viewport.size() * scale);
        pass.set_viewport(corner.x, corner.y, size.x, size.y, 0.0, 1.0);
        entry.picture.draw(pass);
    }
}

/// What lives on the window's device between frames.
struct Prepared {
    latents: LatentPreviewPainter,
    heatmaps: Vec<(ColourMap, HeatmapPainter)>,
    overlay: OverlayPainter,
    entries: HashMap<Place, Entry>,
    /// Newest last.
    uploads: Vec<(Slot, Numbers)>,
}

struct Entry {
    slot: Slot,
    drawing: Drawing,
    picture: Picture,
    /// The part that the picture shows.
    uv: Rect,
    /// egui's pass in which it was last asked for.
    seen: u64,
}

impl Prepared {
    fn new(device: &wgpu::Device, target: wgpu::TextureFormat) -> Self {
        let heatmaps = ColourMap::ALL.map(|map| {
            let painter = HeatmapPainter::new(device, target, &map.table());
            (map, painter)
        });
        Self {
            latents: LatentPreviewPainter::new(device, target),
            heatmaps: heatmaps.into(),
            overlay: OverlayPainter::new(device, target),
            entries: HashMap::new(),
            uploads: Vec::new(),
        }
    }

    fn prepare(&mut self, device: &wgpu::Device, queue: &wgpu::Queue, asked: &PaintSlot) {
        self.renew(device, asked);
        if let Some(entry) = self.entries.get_mut(&asked.place) {
            entry.seen = asked.pass;
            if entry.uv != asked.uv {
                let (corner, size) = (asked.uv.min, asked.uv.size());
                entry.picture.show_part(queue, corner.into(), size.into());
                entry.uv = asked.uv;
            }
        }
    }

    /// Makes the place's picture anew if it is another one.
    fn renew(&mut self, device: &wgpu::Device, asked: &PaintSlot) {
        if let Some(entry) = self.entries.get(&asked.place)
            && entry.slot.is(&asked.slot)
            && entry.drawing == asked.drawing
        {
            return;
        }
        if self.entries.len() >= MANY_PICTURES {
            self.entries.retain(|_, entry| entry.seen + 2 > asked.pass);
        }
        match self.picture(device, asked) {
            Some(picture) => {
                let entry = Entry {
                    slot: asked.slot.clone(),
                    drawing: asked.drawing.clone(),
                    picture,
                    uv: WHOLE,
                    seen: asked.pass,
                };
                self.entries.insert(asked.place, entry);
            }
            None => {
                self.entries.remove(&asked.place);
            }
        }
    }

    fn picture(&mut self, device: &wgpu::Device, asked: &PaintSlot) -> Option<Picture> {
        let numbers = self.numbers(device, &asked.slot)?;
        match &asked.drawing {
            Drawing::Latents(preview) => Some(self.latents.picture(device, preview, &numbers)),
            Drawing::Heatmap(heatmap, colours) => {
                let mut painters = self.heatmaps.iter();
                let (_, painter) = painters.find(|(map, _)| map == colours)?;
                Some(painter.picture(device, heatmap, &numbers))
            }
            Drawing::Overlay(overlay) => Some(self.overlay.picture(device, overlay, &numbers)),
        }
    }

    /// The slot's numbers; those of the host are uploaded once for all pictures.
    fn numbers(&mut self, device: &wgpu::Device, slot: &Slot) -> Option<Numbers> {
        let mut uploads = self.uploads.iter();
        if let Some((_, numbers)) = uploads.find(|(held, _)| held.is(slot)) {
            return Some(numbers.clone());
        }
        let numbers = Numbers::of(slot, device)?;
        if self.uploads.len() >= RECENT_UPLOADS {
            self.uploads.remove(0);
        }
        self.uploads.push((slot.clone(), numbers.clone()));
        Some(numbers)
    }
}
