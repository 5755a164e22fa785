//! The same numbers on wgpu: Mesa's lavapipe where there is no GPU.

use std::sync::OnceLock;

use storm_studio::device::{ComputeDevice, DevicePreference};

use crate::toybox;

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
}

#[test]
fn the_gradient_agrees_with_pytorch_on_wgpu() {
    toybox::gradient_agrees(device().burn(), "wgpu");
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
