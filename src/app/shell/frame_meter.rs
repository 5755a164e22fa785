//! How long the window's own thread works for each frame, and how much memory
//! the program holds.

use std::time::{Duration, Instant};

use cpu_time::ThreadTime;

use crate::device::resident_memory;

/// Frames remembered.
const FRAMES: usize = 4096;
/// CPU time of a frame above which the log says what it went into.
const SLOW: Duration = Duration::from_millis(8);

/// Records frames; the oldest are forgotten.
#[derive(Debug, Default)]
pub struct FrameMeter {
    last: Option<(Instant, Option<Duration>)>,
    /// What the frame has done so far, and the thread's CPU time when it was done.
    parts: Vec<(&'static str, Duration)>,
    /// Seconds of CPU time of the window's thread, per frame.
    cpu: Vec<f32>,
    /// Seconds from frame to frame.
    intervals: Vec<f32>,
    next: usize,
}

impl FrameMeter {
    /// To be called at the beginning of each frame. A frame's time is counted
    /// from its beginning to the next one's, so that tessellation and submission
    /// are in it; `counts` says whether the frame that ends now is of interest.
    pub fn begin(&mut self, counts: bool) {
        let now = (Instant::now(), thread_cpu_time());
        if let Some((wall, cpu)) = self.last
            && counts
        {
            let interval = now.0.duration_since(wall).as_secs_f32();
            let worked = now.1.zip(cpu).map(|(now, then)| now.saturating_sub(then));
            if let (Some(worked), Some(start)) = (worked, cpu)
                && worked > SLOW
            {
                self.explain(worked, start);
            }
            self.push(
                worked.map_or(f32::NAN, |worked| worked.as_secs_f32()),
                interval,
            );
        }
        self.last = Some(now);
        self.parts.clear();
    }

    /// `part` of this frame is done.
    pub fn done(&mut self, part: &'static str) {
        if tracing::enabled!(tracing::Level::DEBUG) {
            self.parts.extend(thread_cpu_time().map(|now| (part, now)));
        }
    }

    /// Writes what a slow frame did into the log.
    fn explain(&self, worked: Duration, start: Duration) {
        let mut before = start;
        let parts = self.parts.iter().map(|(part, at)| {
            let took = at.saturating_sub(std::mem::replace(&mut before, *at));
            format!("{part} {:.1} ms", 1e3 * took.as_secs_f32())
        });
        let parts: Vec<String> = parts.collect();
        tracing::debug!(
            "a frame took {:.1} ms of CPU: {}",
            1e3 * worked.as_secs_f32(),
            parts.join(", ")
        );
    }

    fn push(&mut self, cpu: f32, interval: f32) {
        if self.cpu.len() < FRAMES {
            self.cpu.push(cpu);
            self.intervals.push(interval);
        } else {
            self.cpu[self.next] = cpu;
            self.intervals[self.next] = interval;
        }
        self.next = (self.next + 1) % FRAMES;
    }

    /// A percentile (0 to 1) of the CPU time and of the interval, in seconds.
    pub fn percentile(&self, fraction: f64) -> Option<[f32; 2]> {
        let of = |values: &[f32]| {
            let mut sorted: Vec<f32> = values
                .iter()
                .copied()
                .filter(|value| value.is_finite())
                .collect();
            sorted.sort_by(f32::total_cmp);
            let last = sorted.len().checked_sub(1)?;
            Some(sorted[(fraction * last as f64).round() as usize])
        };
        Some([of(&self.cpu).unwrap_or(f32::NAN), of(&self.intervals)?])
    }

    /// Both figures in words.
    pub fn summary(&self) -> String {
        let (Some(middle), Some(high)) = (self.percentile(0.5), self.percentile(0.99)) else {
            return "No frame was measured yet.".to_string();
        };
        format!(
            "Window thread, {} frames while generating: {:.1} ms of CPU per frame (99th percentile \
             {:.1} ms), {:.0} ms between frames ({:.0} ms).",
            self.cpu.len(),
            1e3 * middle[0],
            1e3 * high[0],
            1e3 * middle[1],
            1e3 * high[1],
        )
    }
}

/// CPU time of this thread, if the system tells it.
fn thread_cpu_time() -> Option<Duration> {
    let time = ThreadTime::try_now().ok()?;
    Some(time.as_duration())
}

/// The program's memory, read once a second.
#[derive(Debug, Default)]
pub struct MemoryMeter {
    read: Option<(Instant, Option<u64>)>,
}

impl MemoryMeter {
    /// To be called in each frame.
    pub fn refresh(&mut self) {
        let is_stale = self
            .read
            .is_none_or(|(when, _)| when.elapsed() > Duration::from_secs(1));
        if is_stale {
            self.read = Some((Instant::now(), resident_memory()));
        }
    }

    /// Bytes in memory; `None` where the system does not tell.
    pub fn resident_bytes(&self) -> Option<u64> {
        self.read?.1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_of_the_newest_frames() {
        let mut meter = FrameMeter::default();
        assert_eq!(meter.percentile(0.5), None);
        for frame in 0..FRAMES + 100 {
            meter.push(frame as f32, 2.0 * frame as f32);
        }
        assert_eq!(meter.percentile(0.0), Some([100.0, 200.0]));
        assert_eq!(meter.percentile(1.0), Some([4195.0, 8390.0]));
    }
}
