//! Integration tests, in one binary: whole models, whole runs, the program itself.

mod app;
mod checkpoints;
mod command_line;
mod counted_calls;
mod draw;
mod engine;
mod evaluate;
mod fixture;
mod ldm_names;
mod narrow;
mod parity;
mod schedulers;
mod toybox;
mod wgpu;
