//! The operating system's window around [`StudioApp`].

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use eframe::egui_wgpu::{WgpuConfiguration, WgpuSetup, WgpuSetupExisting};
use eframe::{CreationContext, NativeOptions, Storage};

use crate::app::paint::device_drawing::DeviceDrawing;
use crate::app::shell::preferences::{self, Preferences};
use crate::app::studio::StudioApp;
use crate::checkpoint::CheckpointSource;
use crate::device::{ComputeDevice, DeviceError, DevicePreference, Precision};
use crate::engine::Engine;
use crate::export::OutputFolder;

/// What past steps may take of the memory.
const STORE_BYTES: usize = 1 << 30;

/// How to open the window.
#[derive(Debug, Clone)]
pub struct AppOptions {
    pub device: DevicePreference,
    pub precision: Precision,
    /// What to open once the window is there, or why it cannot be.
    pub model: Result<CheckpointSource, String>,
    /// Whose LoRAs are listed; without it that of the last session.
    pub lora_folder: Option<PathBuf>,
    /// Whose textual inversions are words of prompts; without it that of the last session.
    pub embedding_folder: Option<PathBuf>,
    /// Where Ctrl+S saves to.
    pub output: OutputFolder,
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
    /// With the window's device went the window.
    #[error(
        "the graphics device was lost ({0}); the finished pictures are saved; start again, with \
         --device cpu if it happens again"
    )]
    DeviceLost(String),
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
        // The program adds its own, which tells of what no font has.
        system_font_fallback: false,
        ..NativeOptions::default()
    };
    let restarts = Arc::new(AtomicBool::new(false));
    let (shared, wants_restart) = (device.clone(), Arc::clone(&restarts));
    let create = move |context: &CreationContext<'_>| {
        let window = Window::new(context, device, &options, wants_restart);
        Ok(Box::new(window) as Box<dyn eframe::App>)
    };
    // eframe panics when the device it draws with is lost.
    let opened = catch_unwind(AssertUnwindSafe(|| {
        eframe::run_native("storm-studio", native, Box::new(create))
    }));
    let is_lost = shared.is_lost();
    match opened {
        Ok(closed) => closed.map_err(AppError::from)?,
        Err(_) if is_lost => {}
        Err(panic) => resume_unwind(panic),
    }
    if restarts.load(Ordering::Relaxed) || (is_lost && restart_is_wanted(&shared)) {
        return restart();
    }
    if is_lost {
        return Err(AppError::DeviceLost(shared.to_string()));
    }
    Ok(())
}

/// Asks by the system's own dialog, since the window is gone with its device.
fn restart_is_wanted(device: &ComputeDevice) -> bool {
    let text = format!(
        "The graphics device was lost ({device}): its driver was reset, or it went away. The \
         finished pictures are saved. Start Storm Studio again?"
    );
    let dialog = rfd::MessageDialog::new()
        .set_level(rfd::MessageLevel::Error)
        .set_title("Storm Studio")
        .set_description(text)
        .set_buttons(rfd::MessageButtons::YesNo);
    dialog.show() == rfd::MessageDialogResult::Yes
}

/// Starts the program again as it was started; a new process, because a lost
/// device leaves nothing in this one to compute with.
fn restart() -> Result<(), AppError> {
    let program = std::env::current_exe().map_err(|error| AppError::Window(error.to_string()))?;
    std::process::Command::new(program)
        .args(std::env::args_os().skip(1))
        .spawn()
        .map_err(|error| AppError::Window(error.to_string()))?;
    Ok(())
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
    /// Whether the window draws with the device that computes.
    shares_device: bool,
    wants_restart: Arc<AtomicBool>,
}

impl Window {
    fn new(
        context: &CreationContext<'_>,
        device: ComputeDevice,
        options: &AppOptions,
        wants_restart: Arc<AtomicBool>,
    ) -> Self {
        let ctx = context.egui_ctx.clone();
        let repaint = ctx.clone();
        let shares_device = device.wgpu().is_some();
        let wake = Arc::new(move || repaint.request_repaint());
        // Whatever becomes of the model asked for, there is one at once.
        let engine = Engine::start(device, CheckpointSource::Embedded, STORE_BYTES, wake);
        let mut preferences = match context.storage {
            Some(storage) if !options.fresh => remembered(storage),
            _ => Preferences::default(),
        };
        if let Some(folder) = &options.lora_folder {
            preferences.networks.lora_folder = Some(folder.clone());
        }
        if let Some(folder) = &options.embedding_folder {
            preferences.networks.embedding_folder = Some(folder.clone());
        }
        let mut studio = StudioApp::new(&ctx, engine, options.output.clone(), preferences);
        studio.keep_pictures(&ctx);
        let drawing = context.wgpu_render_state.as_ref();
        let drawing = drawing.and_then(DeviceDrawing::of);
        if drawing.is_none() {
            tracing::info!("the window's device cannot run the shaders; the CPU draws previews");
        }
        studio.draw_on_device(drawing);
        match &options.model {
            Ok(CheckpointSource::Embedded) => {}
            Ok(source) => studio.load(source.clone()),
            Err(reason) => studio.refuse_model(reason),
        }
        Self {
            studio,
            shares_device,
            wants_restart,
        }
    }
}

impl Drop for Window {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.studio.save_all();
        }
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
        if self.studio.rescue().device_is_lost && self.shares_device {
            // Nothing can be drawn any more.
            ctx.send_viewport_cmd(egui::ViewportCommand::Close);
        }
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
        let wants_restart = self.studio.rescue().wants_restart;
        self.wants_restart.store(wants_restart, Ordering::Relaxed);
        tracing::info!("{}", self.studio.meter().summary());
    }
}
