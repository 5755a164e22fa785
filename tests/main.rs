//! Integration tests, in one binary: whole models, whole runs, the program itself.

mod command_line;
mod draw;
mod counted_calls;
mod engine;
mod fixture;
mod narrow;
mod parity;
mod schedulers;
mod toybox;
mod wgpu;
