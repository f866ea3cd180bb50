//! `xinglin plugin build`: makes an installable package from a crate, or from a component built
//! elsewhere.

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result, bail};
use clap::Args;
use xinglin_runtime::{Manifest, Package, attach, componentize};

/// Build plugins into packages that a hospital can install.
///
/// A plugin is a folder with a `plugin.toml`. Beside a `Cargo.toml` it is built
/// with cargo for wasm32-unknown-unknown; a component made by another tool
/// (componentize-py, jco) is given with --component.
///
/// Examples:
///   xinglin plugin build plugins/diabetes
///   xinglin plugin build plugins/diabetes plugins/drug-safety --out dist
///   xinglin plugin build --component app.wasm examples/python-plugin
#[derive(Args)]
#[command(verbatim_doc_comment)]
pub struct Build {
    /// Folders with a plugin.toml.
    #[arg(required = true)]
    folders: Vec<PathBuf>,
    /// A component that is already built; then one folder only.
    #[arg(long, value_name = "FILE")]
    component: Option<PathBuf>,
    /// Folder of the packages, which are named after their folders.
    #[arg(long, default_value = "target/plugins", value_name = "FOLDER")]
    out: PathBuf,
}

impl Build {
    /// Runs the command.
    pub fn run(self) -> Result<()> {
        std::fs::create_dir_all(&self.out).with_context(|| self.out.display().to_string())?;
        if let Some(component) = self.component {
            let [folder] = self.folders.as_slice() else {
                bail!("--component takes one folder, the one with its plugin.toml");
            };
            let component = std::fs::read(&component).with_context(|| component.display().to_string())?;
            return write(&self.out, folder, &component);
        }
        let toolchain = Toolchain::find()?;
        for folder in &self.folders {
            if !folder.join("plugin.toml").is_file() {
                bail!("{} has no plugin.toml", folder.display());
            }
            let module = toolchain.compile(folder)?;
            let module = std::fs::read(&module).with_context(|| module.display().to_string())?;
            let component = componentize(&module).with_context(|| {
                format!("{} is not a plugin: does its struct carry #[plugin(…)]?", folder.display())
            })?;
            write(&self.out, folder, &component)?;
        }
        Ok(())
    }
}

/// Attaches the manifest, checks the package as a host would at installation, and writes it.
fn write(out: &Path, folder: &Path, component: &[u8]) -> Result<()> {
    let path = folder.join("plugin.toml");
    let text = std::fs::read_to_string(&path).with_context(|| path.display().to_string())?;
    let manifest = Manifest::parse(&text).with_context(|| path.display().to_string())?;
    let bytes = attach(component, &manifest)?;
    let package = Package::read(bytes.clone()).with_context(|| folder.display().to_string())?;
    let name = folder
        .canonicalize()?
        .file_name()
        .map(|name| name.to_string_lossy().into_owned())
        .context("a plugin's folder has a name")?;
    let file = out.join(format!("{name}.wasm"));
    // Written to a temporary file and renamed: an interrupted build leaves the old package.
    let aside = out.join(format!(".{name}.wasm.{}", std::process::id()));
    std::fs::write(&aside, &bytes).and_then(|()| std::fs::rename(&aside, &file))?;
    println!(
        "{:24} {} {}  {:>7}  sha256:{}",
        file.display(),
        package.manifest().id,
        package.manifest().version,
        size(bytes.len()),
        package.digest(),
    );
    Ok(())
}

fn size(bytes: usize) -> String {
    match bytes {
        0..1_048_576 => format!("{} KiB", bytes.div_ceil(1024)),
        _ => format!("{} MiB", bytes.div_ceil(1_048_576)),
    }
}

/// A toolchain that can compile Rust to `wasm32-unknown-unknown`.
enum Toolchain {
    /// The toolchain on the PATH, if it has the target.
    Own,
    /// Debian's cargo and rustc, which build the standard library from source.
    Debian,
}

const TARGET: &str = "wasm32-unknown-unknown";

impl Toolchain {
    fn find() -> Result<Self> {
        let rustc = Command::new("rustc").args(["--print", "sysroot"]).output();
        let sysroot = rustc.map(|out| String::from_utf8_lossy(&out.stdout).trim().to_owned()).unwrap_or_default();
        if Path::new(&sysroot).join("lib/rustlib").join(TARGET).join("lib").is_dir() {
            return Ok(Self::Own);
        }
        if Path::new("/usr/bin/cargo").is_file() && Path::new("/usr/bin/wasm-ld").is_file() {
            return Ok(Self::Debian);
        }
        bail!(
            "no compiler for {TARGET}. Install one of:\n  rustup target add {TARGET}\n  \
             apt-get install rustc-web cargo-web rust-web-src lld      (Debian 12 or later)"
        )
    }

    /// Builds the crate in `folder` and returns its core module.
    fn compile(&self, folder: &Path) -> Result<PathBuf> {
        let manifest = folder.join("Cargo.toml");
        if !manifest.is_file() {
            bail!("{} has no Cargo.toml; give a component built by another tool with --component", folder.display());
        }
        let mut cargo = match self {
            Self::Own => Command::new("cargo"),
            Self::Debian => {
                let mut cargo = Command::new("/usr/bin/cargo");
                cargo
                    .arg("-Zbuild-std=std,panic_abort")
                    .env("RUSTC", "/usr/bin/rustc")
                    .env("RUSTC_BOOTSTRAP", "1")
                    .env("CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_LINKER", "wasm-ld");
                cargo
            }
        };
        let output = cargo
            .args(["build", "--release", "--target", TARGET, "--message-format=json-render-diagnostics", "--quiet"])
            .arg("--manifest-path")
            .arg(&manifest)
            // Guests must not inherit the compiler flags of the host's build.
            .env_remove("RUSTFLAGS")
            .env_remove("CARGO_ENCODED_RUSTFLAGS")
            .stderr(std::process::Stdio::inherit())
            .output()
            .context("cannot start cargo")?;
        if !output.status.success() {
            bail!("{} does not build", folder.display());
        }
        let manifest = manifest.canonicalize()?;
        artifact(&output.stdout, &manifest).with_context(|| {
            format!("{} made no .wasm: its Cargo.toml needs `[lib] crate-type = [\"cdylib\"]`", folder.display())
        })
    }
}

/// The `.wasm` that cargo reports for the crate of this manifest.
fn artifact(messages: &[u8], manifest: &Path) -> Option<PathBuf> {
    String::from_utf8_lossy(messages)
        .lines()
        .filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok())
        .filter(|message| message["reason"] == "compiler-artifact")
        .filter(|message| message["manifest_path"].as_str().is_some_and(|path| Path::new(path) == manifest))
        .flat_map(|message| message["filenames"].as_array().cloned().unwrap_or_default())
        .filter_map(|file| file.as_str().map(PathBuf::from))
        .find(|file| file.extension().is_some_and(|extension| extension == "wasm"))
}
