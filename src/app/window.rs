//! The operating system's window around [`StudioApp`].

use std::path::PathBuf;
use std::sync::Arc;

use eframe::egui_wgpu::{WgpuConfiguration, WgpuSetup, WgpuSetupExisting};
use eframe::{CreationContext, NativeOptions, Storage};

use super::preferences::{self, Preferences};
use super::studio::StudioApp;
use crate::checkpoint::CheckpointSource;
use crate::device::{ComputeDevice, DeviceError, DevicePreference, Precision};
use crate::engine::Engine;

/// What past steps may take of the memory.
const STORE_BYTES: usize = 1 << 30;

/// How to open the window.
#[derive(Debug, Clone)]
pub struct AppOptions {
    pub device: DevicePreference,
    pub precision: Precision,
    /// What to open once the window is there, or why it cannot be.
    pub model: Result<CheckpointSource, String>,
    /// Where Ctrl+S saves to.
    pub output: PathBuf,
    /// Forget what an earlier session left behind.
    pub fresh: bool,
}

/// Why there is no window.
#[derive(Debug, thiserror::Error)]
pub enum AppError {
    #[error(transparent)]
    Device(#[from] DeviceError),
    /// No X11 or Wayland, or whatever this system has.
    #[error(
        "there is no display to open a window on; `storm-studio generate` works without a window"
    )]
    NoDisplay,
    /// Neither Vulkan, Metal, DirectX 12 nor OpenGL.
    #[error(
        "no graphics driver answers through Vulkan, Metal, DirectX 12 or OpenGL ({0}); `storm-studio generate` works without a window"
    )]
    NoGraphics(String),
    #[error("the window could not be opened ({0}); `storm-studio generate` works without a window")]
    Window(String),
}

/// Opens the window and returns when it is closed.
///
/// # Errors
/// [`AppError`] in a sentence with what to do instead.
pub fn run(options: AppOptions) -> Result<(), AppError> {
    let device = ComputeDevice::open(options.device)?.with_precision(options.precision)?;
    let native = NativeOptions {
        viewport: egui::ViewportBuilder::default()
            .with_title("Storm Studio")
            .with_app_id("storm-studio")
            .with_inner_size([1280.0, 800.0])
            .with_min_inner_size([960.0, 640.0]),
        wgpu_options: graphics(&device),
        persist_window: !options.fresh,
        ..NativeOptions::default()
    };
    let create = move |context: &CreationContext<'_>| {
        let window = Window::new(context, device, &options);
        Ok(Box::new(window) as Box<dyn eframe::App>)
    };
    eframe::run_native("storm-studio", native, Box::new(create)).map_err(AppError::from)
}

impl From<eframe::Error> for AppError {
    fn from(error: eframe::Error) -> Self {
        match &error {
            eframe::Error::Winit(_) | eframe::Error::WinitEventLoop(_) => {
                // The library's own words speak of its source files.
                tracing::debug!("{error}");
                Self::NoDisplay
            }
            eframe::Error::Wgpu(_) => Self::NoGraphics(error.to_string()),
            _ => Self::Window(error.to_string()),
        }
    }
}

/// Draws with the device that computes, where that is a GPU, so that pictures
/// need not travel; with one of its own otherwise.
fn graphics(device: &ComputeDevice) -> WgpuConfiguration {
    match device.wgpu() {
        None => WgpuConfiguration::default(),
        Some(handles) => WgpuConfiguration {
            wgpu_setup: WgpuSetup::Existing(WgpuSetupExisting {
                instance: handles.instance.clone(),
                adapter: handles.adapter.clone(),
                device: handles.device.clone(),
                queue: handles.queue.clone(),
            }),
            ..WgpuConfiguration::default()
        },
    }
}

/// eframe's side of the program.
struct Window {
    studio: StudioApp,
}

impl Window {
    fn new(context: &CreationContext<'_>, device: ComputeDevice, options: &AppOptions) -> Self {
        let ctx = context.egui_ctx.clone();
        let repaint = ctx.clone();
        let wake = Arc::new(move || repaint.request_repaint());
        // Whatever becomes of the model asked for, there is one at once.
        let engine = Engine::start(device, CheckpointSource::Embedded, STORE_BYTES, wake);
        let preferences = match context.storage {
            Some(storage) if !options.fresh => remembered(storage),
            _ => Preferences::default(),
        };
        let mut studio = StudioApp::new(&ctx, engine, options.output.clone(), preferences);
        match &options.model {
            Ok(CheckpointSource::Embedded) => {}
            Ok(source) => studio.load(source.clone()),
            Err(reason) => studio.refuse_model(reason),
        }
        Self { studio }
    }
}

fn remembered(storage: &dyn Storage) -> Preferences {
    let text = storage.get_string(preferences::KEY).unwrap_or_default();
    if text.is_empty() {
        return Preferences::default();
    }
    serde_json::from_str(&text).unwrap_or_else(|error| {
        tracing::warn!("what the last session left behind cannot be read: {error}");
        Preferences::default()
    })
}

impl eframe::App for Window {
    fn logic(&mut self, ctx: &egui::Context, _frame: &mut eframe::Frame) {
        self.studio.logic(ctx);
    }

    fn ui(&mut self, ui: &mut egui::Ui, _frame: &mut eframe::Frame) {
        self.studio.ui(ui);
    }

    fn save(&mut self, storage: &mut dyn Storage) {
        match serde_json::to_string(&self.studio.preferences()) {
            Ok(text) => storage.set_string(preferences::KEY, text),
            Err(error) => tracing::warn!("the preferences cannot be kept: {error}"),
        }
    }

    fn on_exit(&mut self) {
        tracing::info!("{}", self.studio.meter().summary());
    }
}
