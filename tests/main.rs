//! Integration tests, in one binary: whole models, whole runs, the program itself.

mod allocation;
mod app;
mod arguments;
mod bad_files;
mod checkpoints;
mod command_line;
mod consistency;
mod counted_calls;
mod draw;
mod engine;
mod evaluate;
mod fixture;
mod full_size;
mod ldm_names;
mod mutations;
mod narrow;
mod other_models;
mod parity;
mod pictures;
mod previews;
mod prompts;
mod schedulers;
mod single_files;
mod tiles;
mod toybox;
mod wgpu;
