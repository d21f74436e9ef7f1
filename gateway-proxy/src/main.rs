//! The `gateway` command.

use clap::Parser;
use std::process::ExitCode;

mod cli;

/// A request takes about a dozen allocations, from a few octets up to a buffer of 64 KiB; the
/// system's allocator gives the large ones back to the kernel again and again.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    match cli::Cli::parse().run() {
        Ok(code) => code,
        Err(error) => {
            eprintln!("gateway: {error}");
            ExitCode::from(2)
        }
    }
}
