//! The same numbers on wgpu: Mesa's lavapipe where there is no GPU.

use std::sync::{Arc, OnceLock};

use storm_studio::checkpoint::CheckpointSource;
use storm_studio::device::{ComputeDevice, DevicePreference, Slot, WgpuHandles};
use storm_studio::diffusion::{Method, Methods, SchedulerKind};
use storm_studio::engine::{Engine, EngineError, Event, RequestError, Trajectory};
use storm_studio::restore::read_picture;
use storm_studio::storm::RelationKind;

use crate::command_line::generate;
use crate::engine::{cat_and_dog, run};
use crate::fixture::assert_near;
use crate::{narrow_sdxl, previews, toybox};

/// One wgpu device for all tests; each registration costs memory and autotuning.
pub fn device() -> &'static ComputeDevice {
    static DEVICE: OnceLock<ComputeDevice> = OnceLock::new();
    DEVICE.get_or_init(|| {
        ComputeDevice::open(DevicePreference::Gpu)
            .expect("a Vulkan driver; tests/run.sh installs Mesa's")
    })
}

#[test]
fn components_agree_with_diffusers_on_wgpu() {
    toybox::components_agree(device().burn(), "wgpu");
    previews::decoder_agrees(device().burn(), "wgpu");
}

#[test]
fn the_gradient_agrees_with_pytorch_on_wgpu() {
    toybox::gradient_agrees(device().burn(), "wgpu");
}

#[test]
fn an_update_of_stable_diffusion_xl_agrees_on_wgpu() {
    narrow_sdxl::update_agrees(device().burn(), "wgpu");
}

#[test]
fn a_tensor_of_burn_is_read_through_the_shared_device() {
    use burn::tensor::Tensor;
    let handles = device().wgpu().expect("this device is wgpu");
    let tensor = Tensor::<1>::from_floats([1.0, 2.0, 3.0, 4.0], device().burn());
    let doubled = tensor.mul_scalar(2.0);
    let buffer = storm_studio::device::tensor_buffer(&doubled).expect("it lies on wgpu");
    let read = handles.device.create_buffer(&wgpu::BufferDescriptor {
        label: None,
        size: 16,
        usage: wgpu::BufferUsages::COPY_DST | wgpu::BufferUsages::MAP_READ,
        mapped_at_creation: false,
    });
    let mut encoder = handles.device.create_command_encoder(&Default::default());
    encoder.copy_buffer_to_buffer(buffer.buffer(), buffer.offset(), &read, 0, 16);
    handles.queue.submit([encoder.finish()]);
    let slice = read.slice(..);
    slice.map_async(wgpu::MapMode::Read, |mapped| mapped.unwrap());
    handles
        .device
        .poll(wgpu::PollType::wait_indefinitely())
        .unwrap();
    let bytes = slice.get_mapped_range().unwrap().to_vec();
    let numbers: &[f32] = bytemuck::cast_slice(&bytes);
    assert_eq!(numbers, [2.0, 4.0, 6.0, 8.0]);
}

/// Of an update, as a fraction of the length of the initial noise.
const SMALL_STEP: f64 = 0.002;

/// A STORM run whose first steps all update.
fn storm_trajectory(device: ComputeDevice, scheduler: SchedulerKind) -> Arc<Trajectory> {
    let engine = Engine::start(device, CheckpointSource::Embedded, 0, Arc::new(|| ()));
    let mut request = cat_and_dog(RelationKind::RightOf, 6);
    // Of this prompt the walk makes two or three times as much of a difference in the first
    // latents; of "left" sixty times as much, and no two machines would agree.
    request.prompt = "a cat to the right of a dog".to_string();
    request.settings.methods = Methods::Storm;
    request.settings.scheduler = Some(scheduler);
    // A gradient turns with the last bits of the latents, so whole steps lead runs apart
    // whose every part agrees; small ones show that the walks are the same.
    request.settings.optimisation.update.step_size = SMALL_STEP;
    request.trajectory = Some(Method::Storm);
    request.settings.optimisation.update.least_noise = 0.0;
    request.settings.optimisation.update.window = 0.7;
    // More than there is room for, so that every step of the window updates.
    request.settings.optimisation.parameters.readings.margin = 0.8;
    let events = run(&engine, request);
    let trajectory = events.into_iter().find_map(|event| match event {
        Event::Trajectory(trajectory) => Some(trajectory),
        _ => None,
    });
    trajectory.expect("the run was recorded")
}

#[test]
fn a_storm_run_on_wgpu_is_the_run_on_flex() {
    agrees_with_flex(SchedulerKind::Ddim);
}

/// The noise that is added on the way is the host's, the same for every device.
#[test]
fn a_stochastic_storm_run_on_wgpu_is_the_run_on_flex() {
    agrees_with_flex(SchedulerKind::EulerAncestral);
}

/// As `generate --like` does, from a file that the CPU made.
#[test]
fn a_picture_is_made_again_on_wgpu_within_one_level() {
    let folder = tempfile::tempdir().unwrap();
    let line = [
        "--prompt",
        "a cat left of a dog",
        "--seeds",
        "3",
        "--steps",
        "4",
        "--step-size",
        &SMALL_STEP.to_string(),
    ];
    assert!(generate(folder.path(), &line).status.success());
    let folder = folder.path().join("a cat left of a dog");
    let device = device().clone();
    let engine = Engine::start(device, CheckpointSource::Embedded, 0, Arc::new(|| ()));
    let like = read_picture(&folder.join("3.png")).unwrap().taken;
    let events = run(&engine, like);
    let pictures = events.iter().filter_map(|event| match event {
        Event::Picture(picture) => Some(picture),
        _ => None,
    });
    let largest = pictures.map(|again| {
        let name = match again.method {
            Method::Storm => "3.png",
            Method::Standard => "3-standard.png",
        };
        let made = image::open(folder.join(name)).unwrap().into_rgb8();
        assert_eq!(again.image.dimensions(), made.dimensions());
        let levels = again.image.as_raw().iter().zip(made.as_raw());
        levels.map(|(ours, theirs)| ours.abs_diff(*theirs)).max()
    });
    let largest: Vec<Option<u8>> = largest.collect();
    assert_eq!(largest.len(), 2);
    assert!(largest.iter().all(|it| *it <= Some(1)), "{largest:?}");
}

fn agrees_with_flex(scheduler: SchedulerKind) {
    let ours = storm_trajectory(device().clone(), scheduler);
    let theirs = storm_trajectory(ComputeDevice::cpu(None), scheduler);
    let names = |trajectory: &Trajectory| -> Vec<String> {
        let tensors = trajectory.tensors.iter();
        tensors.map(|tensor| tensor.name.clone()).collect()
    };
    assert_eq!(names(&ours), names(&theirs));
    let updates = ours
        .tensors
        .iter()
        .filter(|tensor| tensor.name.ends_with(".after"));
    assert!(updates.count() >= 3);
    for (ours, theirs) in ours.tensors.iter().zip(&theirs.tensors) {
        if ours.name.starts_with("latents.") {
            // Some walks are over latents as long as their noise.
            let largest = theirs
                .values
                .iter()
                .fold(4f32, |most, value| most.max(value.abs()));
            assert_near(&ours.name, &ours.values, &theirs.values, 2.5e-4 * largest);
        }
    }
}

#[test]
fn what_the_device_cannot_hold_is_refused_and_the_next_run_works() {
    let source = CheckpointSource::Embedded;
    let engine = Engine::start(device().clone(), source, 1 << 26, Arc::new(|| ()));
    let mut request = cat_and_dog(RelationKind::LeftOf, 1);
    request.settings.methods = Methods::Standard;
    let mut large = request.clone();
    large.settings.size = Some([2048, 2048]);
    match run(&engine, large).last() {
        Some(Event::Failed { error, .. }) => {
            let is_limit = matches!(
                **error,
                EngineError::Request(RequestError::BufferLimit { .. })
            );
            assert!(is_limit, "{error}");
        }
        other => panic!("{other:?}"),
    }
    let events = run(&engine, request);
    let pictures = events
        .iter()
        .filter(|event| matches!(event, Event::Picture(_)));
    assert_eq!(pictures.count(), 1);
}

#[test]
fn a_lost_device_ends_the_run_in_words_and_nothing_panics() {
    // One of its own, since it is taken away.
    let handles = WgpuHandles::open().expect("a Vulkan driver; tests/run.sh installs Mesa's");
    let device = ComputeDevice::on(handles.clone()).unwrap();
    let engine = Engine::start(device, CheckpointSource::Embedded, 1 << 26, Arc::new(|| ()));
    let mut request = cat_and_dog(RelationKind::LeftOf, 20);
    request.settings.methods = Methods::Standard;
    let id = engine.submit(request.clone());
    let mut steps = 0;
    let error = loop {
        match engine.wait_event().expect("the worker lives") {
            Event::Stepped(_) => {
                steps += 1;
                handles.device.destroy();
            }
            Event::Failed { error, .. } => break error,
            Event::Finished { .. } => panic!("it went on without a device"),
            _ => {}
        }
    };
    assert!(matches!(*error, EngineError::DeviceLost(_)), "{error}");
    assert!(error.to_string().contains("restart"), "{error}");
    assert!((1..20).contains(&steps), "{steps} steps");
    // What lay there is gone; asking for it is an error and no panic.
    let kept = engine.store().steps(id, 0, Method::Standard);
    let preview = &kept[0].1.preview;
    assert!(matches!(preview, Slot::Device(_)));
    assert!(preview.read().is_err());
    // Whoever asks again is told the same, and the worker ends in peace.
    let events = run(&engine, request);
    let last = events.last();
    let is_told = matches!(last, Some(Event::Failed { error, .. })
        if matches!(**error, EngineError::DeviceLost(_)));
    assert!(is_told, "{last:?}");
}
