//! Integration tests, in one binary: whole models, whole runs, the program itself.

mod command_line;
mod engine;
mod evaluate;
mod fixture;
mod narrow;
mod schedulers;
mod toybox;
mod wgpu;
