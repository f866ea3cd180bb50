//! `xinglin`: one binary for the hospital, its operators and plugin authors.

use clap::Parser;

/// Records are trees of small strings, allocated by one thread and freed by another.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> std::process::ExitCode {
    xinglin_server::cli::Cli::parse().run()
}
