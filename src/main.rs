//! The program: arguments in, exit code out.

use std::process::ExitCode;

/// Every operation on the CPU allocates its result. Large ones are mapped by the system's
/// allocator, and their pages cleared, each time anew.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    storm_studio::cli::main()
}
