//! Makes the program smaller where its linker knows how: equal functions are kept once, and
//! the places that a load address is added to are listed as a bitmap, 6 MB of it less.
//!
//! Both are tried on an empty program first, with the compiler, flags and linker of this build.
//! A program that has the bitmap needs the C library of its making (glibc 2.36) or a newer one,
//! so it is asked for only where such a program has run.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs};

/// Rust promises no function an address of its own.
const EQUAL_FUNCTIONS_ONCE: &str = "-Wl,--icf=all";
const RELOCATIONS_AS_BITMAP: &str = "-Wl,-z,pack-relative-relocs";

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    let is = |name: &str, value: &str| env::var(name).is_ok_and(|it| it == value);
    let is_here = env::var("HOST").ok() == env::var("TARGET").ok();
    if !is("CARGO_CFG_TARGET_OS", "linux") || !is("PROFILE", "release") || !is_here {
        return;
    }
    for argument in [EQUAL_FUNCTIONS_ONCE, RELOCATIONS_AS_BITMAP] {
        if links_and_runs(argument).unwrap_or(false) {
            println!("cargo:rustc-link-arg-bins={argument}");
        }
    }
}

/// Whether an empty program that is linked with `argument` runs.
fn links_and_runs(argument: &str) -> Option<bool> {
    let folder = PathBuf::from(env::var_os("OUT_DIR")?);
    let (source, program) = (folder.join("empty.rs"), folder.join("empty"));
    fs::write(&source, "fn main() {}").ok()?;
    let linked = compiler(&source, &program, argument)?.output().ok()?;
    if !linked.status.success() {
        return Some(false);
    }
    Some(Command::new(&program).output().ok()?.status.success())
}

fn compiler(source: &Path, program: &Path, argument: &str) -> Option<Command> {
    let mut compiler = Command::new(env::var_os("RUSTC")?);
    let flags = env::var("CARGO_ENCODED_RUSTFLAGS").unwrap_or_default();
    compiler.args(flags.split('\u{1f}').filter(|flag| !flag.is_empty()));
    if let Some(linker) = env::var_os("RUSTC_LINKER") {
        compiler
            .arg("-C")
            .arg(format!("linker={}", linker.to_str()?));
    }
    compiler.arg("-C").arg(format!("link-arg={argument}"));
    compiler.arg("-o").arg(program).arg(source);
    Some(compiler)
}
