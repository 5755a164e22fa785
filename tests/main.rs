//! Integration tests, in one binary: whole models, whole runs, the program itself.

mod command_line;
mod draw;
mod engine;
mod fixture;
mod narrow;
mod schedulers;
mod toybox;
mod wgpu;
