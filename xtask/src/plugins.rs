//! Building the plugins of this repository.

use std::path::PathBuf;

use anyhow::{Context, Result};

use crate::{setup, sh};

/// Where packages end up.
pub fn out() -> PathBuf {
    sh::target().join("plugins")
}

/// `plugins/*` and the example in Python.
pub fn build_all() -> Result<()> {
    build_rust()?;
    build_python()
}

/// `plugins/*`, with the same command that plugin authors use.
pub fn build_rust() -> Result<()> {
    let mut folders: Vec<PathBuf> = std::fs::read_dir(sh::root().join("plugins"))
        .context("plugins/")?
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| path.join("plugin.toml").is_file())
        .collect();
    folders.sort();
    xinglin(["plugin", "build"]).args(folders).args(["--out".into(), out()]).run()
}

fn build_python() -> Result<()> {
    let example = sh::root().join("examples/python-plugin");
    let core = sh::target().join("python-plugin.component.wasm");
    let newest_source = ["app.py", "plugin.toml", "wit/world.wit"]
        .iter()
        .filter_map(|file| example.join(file).metadata().ok()?.modified().ok())
        .max();
    let built = core.metadata().and_then(|file| file.modified()).ok();
    if built.is_none() || built < newest_source {
        println!("building examples/python-plugin (Python, about 20 s)");
        let wit = ["types", "clinical", "host", "prescribing"].map(|name| sh::root().join("wit").join(name));
        sh::program(setup::python_venv().join("bin/componentize-py"), ["--quiet"])
            .args(wit.iter().flat_map(|path| ["-d".as_ref(), path.as_os_str()]))
            .args(["-d".into(), example.join("wit"), "-w".into(), "age-check".into(), "componentize".into()])
            .args(["--stub-wasi".into(), "-p".into(), example.clone(), "app".into(), "-o".into(), core.clone()])
            .run()?;
    }
    xinglin(["plugin", "build", "--component"])
        .args([core, example, "--out".into(), out()])
        .run()
}

fn xinglin<const N: usize>(arguments: [&str; N]) -> sh::Sh {
    sh::cargo(["run", "--quiet", "--package", "xinglin-server", "--"]).args(arguments)
}
