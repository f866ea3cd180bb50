//! Building the plugins of this repository.

use std::path::PathBuf;

use anyhow::{Context, Result};

use crate::{setup, sh};

/// Where packages end up.
pub fn out() -> PathBuf {
    sh::target().join("plugins")
}

/// How the command that plugin authors use is run here.
#[derive(Clone, Copy)]
pub enum With {
    /// Through cargo, which builds what is needed and no more.
    Cargo,
    /// The binary as the tests have it: built with all of the workspace, so that
    /// nothing is compiled twice with other features.
    Workspace,
}

/// `plugins/*` and the examples in Python.
pub fn build_all(with: With) -> Result<()> {
    build_rust(with)?;
    build_python(with)
}

/// `plugins/*`.
pub fn build_rust(with: With) -> Result<()> {
    let mut folders: Vec<PathBuf> = std::fs::read_dir(sh::root().join("plugins"))
        .context("plugins/")?
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| path.join("plugin.toml").is_file())
        .collect();
    folders.sort();
    with.xinglin(["plugin", "build"])?.args(folders).args(["--out".into(), out()]).run()
}

/// An example in Python.
struct Python {
    /// Its folder in `examples/`, and the name of its package.
    folder: &'static str,
    world: &'static str,
    /// Whether it does without the system: `--stub-wasi`.
    is_stubbed: bool,
}

const PYTHON: [Python; 2] = [
    Python { folder: "python-plugin", world: "example:paediatrics/paediatrics@1.0.0", is_stubbed: true },
    Python { folder: "python-wasi", world: "example:code-table/code-table@1.0.0", is_stubbed: false },
];

fn build_python(with: With) -> Result<()> {
    for Python { folder, world, is_stubbed } in PYTHON {
        let example = sh::root().join("examples").join(folder);
        let core = sh::target().join(format!("{folder}.component.wasm"));
        let wit = ["types", "clinical", "host", "prescribing"].map(|name| sh::root().join("wit").join(name));
        let own = ["app.py", "plugin.toml", "wit/world.wit"].map(|file| example.join(file));
        let contract =
            wit.each_ref().map(|folder| folder.join(folder.file_name().unwrap_or_default()).with_extension("wit"));
        let newest_source = own.iter().chain(&contract).filter_map(|file| file.metadata().ok()?.modified().ok()).max();
        let built = core.metadata().and_then(|file| file.modified()).ok();
        if built.is_none() || built < newest_source {
            println!("building examples/{folder} (Python, about 20 s)");
            sh::program(setup::python_venv().join("bin/componentize-py"), ["--quiet"])
                .args(wit.iter().flat_map(|path| ["-d".as_ref(), path.as_os_str()]))
                .args(["-d".into(), example.join("wit"), "-w".into(), world.into(), "componentize".into()])
                .args(is_stubbed.then_some("--stub-wasi"))
                .args(["-p".into(), example.clone(), "app".into(), "-o".into(), core.clone()])
                .run()?;
        }
        with.xinglin(["plugin", "build", "--component"])?.args([core, example, "--out".into(), out()]).run()?;
    }
    Ok(())
}

impl With {
    /// The `xinglin` of this tree, built if need be, in sight of whoever waits.
    pub fn xinglin<const N: usize>(self, arguments: [&str; N]) -> Result<sh::Sh> {
        match self {
            Self::Cargo => sh::cargo(["build", "--package", "xinglin-server", "--bin", "xinglin"]).run()?,
            Self::Workspace => sh::cargo(["build", "--workspace", "--bins", "--tests"]).run()?,
        }
        Ok(sh::program(sh::target().join("debug/xinglin"), arguments))
    }
}
