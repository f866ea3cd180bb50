//! Building the plugins of this repository.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};

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

/// `plugins/*`, the examples in Python and what only tests need.
pub fn build_all(with: With) -> Result<()> {
    build_rust(with)?;
    build_variants(with)?;
    build_python(with)
}

/// A plugin of this repository with something changed on purpose, for the tests of
/// what ought to notice. It is made of a copy: there is no switch in what ships.
struct Variant {
    /// Its folder in `plugins/`.
    plugin: &'static str,
    /// Name of its package.
    name: &'static str,
    /// File, what stands there once, and what shall.
    changes: &'static [(&'static str, &'static str, &'static str)],
}

const VARIANTS: [Variant; 1] = [Variant {
    plugin: "diabetes",
    name: "diabetes-2.1.0",
    changes: &[
        ("plugin.toml", "\nversion = \"2.0.0\"", "\nversion = \"2.1.0\""),
        ("Cargo.toml", "\nversion = \"2.0.0\"", "\nversion = \"2.1.0\""),
        // A glucose between the two is critical to 2.0.0 and not to 2.1.0.
        ("src/numbers.rs", "GLUCOSE_HIGH = 167 ", "GLUCOSE_HIGH = 200 "),
    ],
}];

/// Into `target/plugins/variants/`.
fn build_variants(with: With) -> Result<()> {
    let (plugins, workspace) = (sh::root().join("plugins"), sh::target().join("variants"));
    for file in ["Cargo.toml", "Cargo.lock"] {
        copy(&plugins.join(file), &workspace.join(file))?;
    }
    let members: Vec<String> = VARIANTS.iter().map(|variant| format!("\"{}\"", variant.name)).collect();
    let manifest = std::fs::read_to_string(workspace.join("Cargo.toml"))?;
    let all = manifest.split_once("members = [").and_then(|(_, rest)| rest.split_once(']'));
    let (all, _) = all.context("plugins/Cargo.toml names its members")?;
    change(&workspace.join("Cargo.toml"), &format!("[{all}]"), &format!("[{}]", members.join(", ")))?;
    // What plugins share stays where it is.
    let manifest = std::fs::read_to_string(workspace.join("Cargo.toml"))?;
    let shared = manifest.replace("{ path = \"", &format!("{{ path = \"{}/", plugins.display()));
    std::fs::write(workspace.join("Cargo.toml"), shared)?;
    let mut folders = Vec::new();
    for Variant { plugin, name, changes } in VARIANTS {
        let (from, to) = (plugins.join(plugin), workspace.join(name));
        // What is built of it stays: it is beside.
        if to.is_dir() {
            std::fs::remove_dir_all(&to)?;
        }
        for part in ["Cargo.toml", "plugin.toml", "src"] {
            copy(&from.join(part), &to.join(part))?;
        }
        for (file, before, after) in changes {
            change(&to.join(file), before, after)?;
        }
        folders.push(to);
    }
    // Apart from the plugins themselves: cargo takes crates of the same name and place in
    // their workspace for the same, and the plugins would come out as their variants.
    let apart = workspace.join("target");
    with.xinglin(["plugin", "build"])?
        .args(folders)
        .args(["--out".into(), out().join("variants")])
        .env("CARGO_TARGET_DIR", apart)
        .run()
}

/// A file, or a folder with all that is in it.
fn copy(from: &Path, to: &Path) -> Result<()> {
    if !from.is_dir() {
        std::fs::create_dir_all(to.parent().context("a file is in a folder")?)?;
        std::fs::copy(from, to).with_context(|| from.display().to_string())?;
        return Ok(());
    }
    for entry in std::fs::read_dir(from)? {
        let entry = entry?;
        copy(&entry.path(), &to.join(entry.file_name()))?;
    }
    Ok(())
}

/// Replaces what must stand in a file exactly once.
fn change(file: &Path, before: &str, after: &str) -> Result<()> {
    let text = std::fs::read_to_string(file).with_context(|| file.display().to_string())?;
    ensure!(text.matches(before).count() == 1, "{} does not say {before:?} once", file.display());
    Ok(std::fs::write(file, text.replace(before, after))?)
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
    /// The packages of `wit/` that it is written against.
    contract: &'static [&'static str],
    /// Whether it does without the system: `--stub-wasi`.
    is_stubbed: bool,
}

/// What a checker in Python is written against.
const PRESCRIBING: &[&str] = &["types", "clinical", "host", "prescribing"];

/// A payer, or a list of prices.
const PAYMENT: &[&str] = &["types", "clinical", "host", "payment-1.1"];

/// A disease pathway that follows up.
const PATHWAY: &[&str] = &["types", "clinical", "host", "pathway-1.1"];

const PYTHON: [Python; 5] = [
    Python {
        folder: "python-plugin",
        world: "example:paediatrics/paediatrics@1.0.0",
        contract: PRESCRIBING,
        is_stubbed: true,
    },
    Python {
        folder: "python-wasi",
        world: "example:code-table/code-table@1.0.0",
        contract: PRESCRIBING,
        is_stubbed: false,
    },
    Python { folder: "python-heads", world: "example:heads/heads@1.0.0", contract: PAYMENT, is_stubbed: true },
    Python {
        folder: "python-pathway",
        world: "example:anticoagulation/anticoagulation@1.0.0",
        contract: PATHWAY,
        is_stubbed: true,
    },
    Python { folder: "python-insurer", world: "example:insurer/insurer@1.0.0", contract: PAYMENT, is_stubbed: true },
];

fn build_python(with: With) -> Result<()> {
    for Python { folder, world, contract, is_stubbed } in PYTHON {
        let example = sh::root().join("examples").join(folder);
        let core = sh::target().join(format!("{folder}.component.wasm"));
        let wit: Vec<_> = contract.iter().map(|name| sh::root().join("wit").join(name)).collect();
        let folders = wit.iter().cloned().chain([example.clone(), example.join("wit")]);
        let files = folders.filter_map(|folder| folder.read_dir().ok()).flatten().flatten().map(|file| file.path());
        let sources = files.filter(|file| file.extension().is_some_and(|is| is == "py" || is == "toml" || is == "wit"));
        let newest_source = sources.filter_map(|file| file.metadata().ok()?.modified().ok()).max();
        let built = core.metadata().and_then(|file| file.modified()).ok();
        if built.is_none() || built < newest_source {
            println!("building examples/{folder} (Python, about 20 s)");
            // Not by its script, which names the folder in which the environment was made.
            sh::program(
                setup::python_venv().join("bin/python"),
                ["-c", "import componentize_py; componentize_py.script()"],
            )
            .args(["--quiet"])
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
