//! How much memory a device has left, where anything tells it.
//!
//! The CPU, software adapters and graphics built into a processor compute in
//! the system's memory, whose free part is known. wgpu does not tell that of a
//! card's own.

use serde::Serialize;
use sysinfo::{MemoryRefreshKind, ProcessRefreshKind, ProcessesToUpdate, System};

use super::ComputeDevice;

/// What limits a run on a device.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct MemoryLimits {
    /// The largest buffer that a kernel may bind, in bytes; `None` on the CPU.
    pub largest_buffer: Option<u64>,
    /// Bytes free for this program; `None` where nobody tells.
    pub free: Option<u64>,
}

impl ComputeDevice {
    /// What limits a run on this device at the moment.
    pub fn memory_limits(&self) -> MemoryLimits {
        MemoryLimits {
            largest_buffer: self.largest_buffer(),
            free: self.shares_system_memory().then(free_memory).flatten(),
        }
    }

    fn shares_system_memory(&self) -> bool {
        let Some(gpu) = self.wgpu() else {
            return true;
        };
        matches!(
            gpu.adapter.get_info().device_type,
            wgpu::DeviceType::Cpu | wgpu::DeviceType::IntegratedGpu
        )
    }

    /// The largest buffer that a kernel may bind, in bytes; `None` on the CPU,
    /// which has no such limit.
    fn largest_buffer(&self) -> Option<u64> {
        let limits = self.wgpu()?.device.limits();
        Some(
            limits
                .max_storage_buffer_binding_size
                .min(limits.max_buffer_size),
        )
    }
}

/// Bytes that the system, or the container this program runs in, can still give.
fn free_memory() -> Option<u64> {
    let mut system = System::new();
    system.refresh_memory_specifics(MemoryRefreshKind::nothing().with_ram());
    let available = system.available_memory();
    // What a container counts as used includes pages of files, which give way.
    let in_container = system
        .cgroup_limits()
        .map(|limits| limits.total_memory.saturating_sub(limits.rss));
    let free = in_container.map_or(available, |inside| available.min(inside));
    // Zero is what it says where it knows nothing.
    (free > 0).then_some(free)
}

/// Bytes of this program that lie in memory; `None` where the system does not tell.
pub fn resident_memory() -> Option<u64> {
    let own = sysinfo::get_current_pid().ok()?;
    let mut system = System::new();
    let memory = ProcessRefreshKind::nothing().with_memory().without_tasks();
    system.refresh_processes_specifics(ProcessesToUpdate::Some(&[own]), false, memory);
    Some(system.process(own)?.memory()).filter(|bytes| *bytes > 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_this_program_takes_lies_in_memory() {
        let before = resident_memory().expect("this system tells");
        let taken = vec![7u8; 64 << 20];
        let after = resident_memory().expect("this system tells");
        assert!(std::hint::black_box(&taken)[1 << 20] == 7);
        // Other tests of this process give and take meanwhile.
        assert!(before > 1 << 20 && after > 64 << 20, "{before} {after}");
    }

    #[test]
    fn the_cpu_knows_its_memory_and_binds_any_buffer() {
        let limits = ComputeDevice::cpu(None).memory_limits();
        assert_eq!(limits.largest_buffer, None);
        let free = limits.free.expect("this system tells");
        // Between this test's own size and more than any machine has.
        assert!((1 << 20..1 << 50).contains(&free), "{free}");
    }
}
