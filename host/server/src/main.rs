//! `xinglin`: one binary for the hospital, its operators and plugin authors.

use clap::Parser;

fn main() -> std::process::ExitCode {
    xinglin_server::cli::Cli::parse().run()
}
