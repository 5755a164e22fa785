//! What showing a run costs when one device computes and draws: bytes that cross
//! to the host, counted in wgpu's own log where buffers are mapped; milliseconds
//! per frame; memory after many runs.
//!
//! `cargo bench --bench shared_device -- wgpu` computes and draws with the first
//! graphics adapter (a software one compiles kernels for minutes), `-- cpu`
//! computes on the CPU and draws with the same adapter; with `textures` besides,
//! previews and maps are drawn on the CPU. `EACH_READ=1` lists every read: whole
//! staging buffers, which may be larger than what was asked for.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use eframe::egui_wgpu::{
    RenderState, RendererOptions, ScreenDescriptor, WgpuSetup, WgpuSetupExisting,
};
use egui::{Pos2, RawInput, Rect, vec2};
use egui_kittest::wgpu::create_render_state;
use storm_studio::app::{DeviceDrawing, Preferences, StudioApp};
use storm_studio::checkpoint::CheckpointSource;
use storm_studio::device::{ComputeDevice, WgpuHandles};
use storm_studio::engine::Engine;

/// Nine words, so at least eight live heatmaps beside the chosen ones.
const PROMPT: &str = "a red cat to the left of a blue dog";
const SIZE: [u32; 2] = [1280, 800];
const RUNS: usize = 20;

static READS: AtomicU64 = AtomicU64::new(0);
static BYTES: AtomicU64 = AtomicU64::new(0);

/// Counts what wgpu says of every buffer that is mapped for reading.
struct MapCounter;

impl log::Log for MapCounter {
    fn enabled(&self, metadata: &log::Metadata<'_>) -> bool {
        metadata.target().starts_with("wgpu_core")
    }

    fn log(&self, record: &log::Record<'_>) {
        if !self.enabled(record.metadata()) {
            return;
        }
        let line = record.args().to_string();
        if !line.starts_with("Buffer::map_async") || !line.contains("host: Read") {
            return;
        }
        let size = line.split("size Some(").nth(1).and_then(|rest| {
            let (digits, _) = rest.split_once(')')?;
            digits.parse::<u64>().ok()
        });
        READS.fetch_add(1, Ordering::Relaxed);
        BYTES.fetch_add(size.expect("wgpu logs the size"), Ordering::Relaxed);
        if std::env::var_os("EACH_READ").is_some() {
            println!("    read {} bytes", size.unwrap_or(0));
        }
    }

    fn flush(&self) {}
}

/// A window without a desktop: frames are laid out, drawn and thrown away.
struct Window {
    ctx: egui::Context,
    app: StudioApp,
    render_state: RenderState,
    target: wgpu::TextureView,
    began: Instant,
}

impl Window {
    fn new(device: ComputeDevice, handles: &WgpuHandles, draws_on_device: bool) -> Self {
        let setup = WgpuSetup::Existing(WgpuSetupExisting {
            instance: handles.instance.clone(),
            adapter: handles.adapter.clone(),
            device: handles.device.clone(),
            queue: handles.queue.clone(),
        });
        let render_state = create_render_state(setup, RendererOptions::default());
        let texture = handles.device.create_texture(&wgpu::TextureDescriptor {
            label: None,
            size: wgpu::Extent3d {
                width: SIZE[0],
                height: SIZE[1],
                depth_or_array_layers: 1,
            },
            mip_level_count: 1,
            sample_count: 1,
            dimension: wgpu::TextureDimension::D2,
            format: render_state.target_format,
            usage: wgpu::TextureUsages::RENDER_ATTACHMENT,
            view_formats: &[],
        });
        let ctx = egui::Context::default();
        let engine = Engine::start(device, CheckpointSource::Embedded, 1 << 28, Arc::new(|| ()));
        let output = std::env::temp_dir();
        let mut app = StudioApp::new(&ctx, engine, output.into(), Preferences::default());
        if draws_on_device {
            app.draw_on_device(DeviceDrawing::of(&render_state));
        }
        Self {
            ctx,
            app,
            target: texture.create_view(&Default::default()),
            render_state,
            began: Instant::now(),
        }
    }

    /// One frame → milliseconds from its beginning to the device's being done
    /// with everything submitted so far.
    fn frame(&mut self) -> f64 {
        let began = Instant::now();
        let size = vec2(SIZE[0] as f32, SIZE[1] as f32);
        let input = RawInput {
            screen_rect: Some(Rect::from_min_size(Pos2::ZERO, size)),
            time: Some(self.began.elapsed().as_secs_f64()),
            ..RawInput::default()
        };
        let app = &mut self.app;
        let output = self.ctx.clone().run_ui(input, |ui| {
            app.logic(ui.ctx());
            app.ui(ui);
        });
        let RenderState { device, queue, .. } = &self.render_state;
        let mut renderer = self.render_state.renderer.write();
        for (id, images) in &output.textures_delta.set {
            for image in images {
                renderer.update_texture(device, queue, *id, image);
            }
        }
        let screen = ScreenDescriptor {
            size_in_pixels: SIZE,
            pixels_per_point: 1.0,
        };
        let meshes = self.ctx.tessellate(output.shapes, 1.0);
        let mut encoder = device.create_command_encoder(&Default::default());
        let buffers = renderer.update_buffers(device, queue, &mut encoder, &meshes, &screen);
        let mut pass = encoder
            .begin_render_pass(&wgpu::RenderPassDescriptor {
                color_attachments: &[Some(wgpu::RenderPassColorAttachment {
                    view: &self.target,
                    depth_slice: None,
                    resolve_target: None,
                    ops: wgpu::Operations::default(),
                })],
                ..Default::default()
            })
            .forget_lifetime();
        renderer.render(&mut pass, &meshes, &screen);
        drop(pass);
        queue.submit(buffers.into_iter().chain([encoder.finish()]));
        for id in &output.textures_delta.free {
            renderer.free_texture(id);
        }
        device
            .poll(wgpu::PollType::wait_indefinitely())
            .expect("the device draws");
        began.elapsed().as_secs_f64() * 1e3
    }

    /// Frames until the engine is done → milliseconds of each.
    fn frames_until_idle(&mut self) -> Vec<f64> {
        let mut frames = Vec::new();
        loop {
            frames.push(self.frame());
            let session = &self.app.state().session;
            if session.model().is_some() && !session.is_busy() {
                return frames;
            }
            std::thread::sleep(std::time::Duration::from_millis(16));
        }
    }

    fn generate(&mut self, steps: usize) -> Vec<f64> {
        let state = self.app.state_mut();
        state.draft.settings_mut().steps = steps;
        state.actions.push(storm_studio::app::Action::Generate);
        self.frame();
        self.frames_until_idle()
    }
}

fn median(mut numbers: Vec<f64>) -> f64 {
    numbers.sort_by(f64::total_cmp);
    numbers[numbers.len() / 2]
}

/// What `count` frames of an idle window cost, in words. The CPU time is that of
/// all threads, a software adapter's too, so it holds on a busy machine as well.
fn idle_frames(window: &mut Window, count: usize) -> String {
    let before = cpu_milliseconds();
    let frames: Vec<f64> = (0..count).map(|_| window.frame()).collect();
    let cpu = (cpu_milliseconds() - before) / count as f64;
    let median = median(frames);
    format!("{median:.1} ms a frame, {cpu:.1} ms of CPU time")
}

/// Of this process so far, in Linux's ticks of 10 ms; NaN elsewhere.
fn cpu_milliseconds() -> f64 {
    let status = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    // Fields 14 and 15; the second, in parentheses, may hold spaces.
    let fields = status.rsplit_once(')').map_or("", |(_, rest)| rest);
    let ticks = |index: usize| fields.split_whitespace().nth(index)?.parse::<f64>().ok();
    10.0 * (ticks(11).unwrap_or(f64::NAN) + ticks(12).unwrap_or(f64::NAN))
}

fn resident_mib() -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find(|line| line.starts_with("VmRSS"));
    let kib = line.and_then(|line| line.split_whitespace().nth(1)?.parse::<f64>().ok());
    kib.unwrap_or(f64::NAN) / 1024.0
}

fn main() {
    log::set_logger(&MapCounter).expect("nothing else logs here");
    log::set_max_level(log::LevelFilter::Trace);
    let on_wgpu = std::env::args().any(|argument| argument == "wgpu");
    let on_textures = std::env::args().any(|argument| argument == "textures");
    let handles = WgpuHandles::open().expect("a graphics adapter");
    let device = match on_wgpu {
        true => ComputeDevice::on(handles.clone()).expect("burn takes the adapter"),
        false => ComputeDevice::cpu(None),
    };
    println!("computes on {device}, draws on {}", handles.summary());
    let mut window = Window::new(device, &handles, !on_textures);
    window.frames_until_idle();
    let state = window.app.state_mut();
    state
        .draft
        .edit(|content| content.prompt = PROMPT.to_string());
    state.draft.propose_again();
    println!("first screen: {}", idle_frames(&mut window, 30));

    // The first run tunes kernels, which reads back too.
    let began = Instant::now();
    window.generate(4);
    println!("first run: {:.1} s", began.elapsed().as_secs_f64());
    let (reads, bytes) = (READS.load(Ordering::Relaxed), BYTES.load(Ordering::Relaxed));
    let began = Instant::now();
    let busy = window.generate(4);
    let seconds = began.elapsed().as_secs_f64();
    let reads = READS.load(Ordering::Relaxed) - reads;
    let bytes = BYTES.load(Ordering::Relaxed) - bytes;
    let run = window.app.state().shown_run().expect("a run was made");
    let (steps, updates) = (run.steps_made(), run.storm.updates.len());
    println!("a run of {steps} steps with {updates} updates: {seconds:.1} s");
    println!("    read back: {bytes} bytes in {reads} reads");
    let most = busy.iter().copied().fold(0.0, f64::max);
    println!(
        "    {} frames meanwhile: median {:.1} ms, longest {most:.1} ms",
        busy.len(),
        median(busy)
    );
    // The last step's previews and maps instead of the finished pictures.
    window.app.state_mut().view.step = Some(steps - 2);
    for show_maps in [false, true] {
        window.app.state_mut().view.show_maps = show_maps;
        window.frame();
        let reads = READS.load(Ordering::Relaxed);
        let frames = idle_frames(&mut window, 60);
        let reads = READS.load(Ordering::Relaxed) - reads;
        println!("previews and heatmaps, overlays {show_maps}: {frames}, {reads} reads");
    }
    window.app.state_mut().view.step = None;
    let once = resident_mib();
    for _ in 0..RUNS {
        window.generate(2);
    }
    let often = resident_mib();
    println!("resident memory: {once:.0} MiB, and {often:.0} MiB after {RUNS} runs more");
    println!("kept steps: {} KiB", window.app.state().store.bytes() >> 10);
}
