//! `xinglin pathway build`.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use clap::Args;
use xinglin_pathway_file::{manifest::manifest, slot};
use xinglin_runtime::{Manifest, Package, attach};

use super::check;

/// Build pathway files into packages that a hospital can install. No compiler is needed: the file is
/// written into the package `generic-pathway`, which is built once with `xinglin plugin build`.
///
/// A file with findings is not built. The package is signed, pushed and installed like any other.
///
/// Examples:
///   xinglin pathway build gout.yaml -o gout.wasm
///   xinglin pathway build examples/pathways/*.yaml -o dist
///   xinglin pathway build gout.yaml --template vendor/generic-pathway.wasm
#[derive(Args)]
#[command(verbatim_doc_comment)]
pub struct Build {
    /// Pathway files (YAML).
    #[arg(required = true)]
    files: Vec<PathBuf>,
    /// A package (`….wasm`), or a folder of packages, which are named after their files.
    #[arg(short, long, default_value = "target/plugins", value_name = "PATH")]
    out: PathBuf,
    /// The package that executes the files.
    #[arg(long, default_value = "target/plugins/generic-pathway.wasm", value_name = "FILE")]
    template: PathBuf,
}

impl Build {
    /// Runs the command.
    pub fn run(self) -> Result<()> {
        let template = executor(&self.template)?;
        let one = self.out.extension().is_some_and(|extension| extension == "wasm");
        if one && self.files.len() > 1 {
            bail!("-o names one package, and there are {} files: name a folder", self.files.len());
        }
        let folder = if one { self.out.parent().unwrap_or(Path::new("")) } else { &self.out };
        if !folder.as_os_str().is_empty() {
            std::fs::create_dir_all(folder).with_context(|| folder.display().to_string())?;
        }
        for file in &self.files {
            let out = if one {
                self.out.clone()
            } else {
                self.out.join(file.with_extension("wasm").file_name().context("a file has a name")?)
            };
            write(file, &template, &out)?;
        }
        Ok(())
    }
}

/// The package of a pathway file, by the package that executes it.
pub(in crate::cli) fn packed(path: &Path, template: &Path) -> Result<Vec<u8>> {
    component(path, &executor(template)?)
}

fn executor(template: &Path) -> Result<Vec<u8>> {
    std::fs::read(template).with_context(|| {
        format!(
            "{}: give the package with --template, or build it: xinglin plugin build plugins/generic-pathway",
            template.display()
        )
    })
}

fn component(path: &Path, template: &[u8]) -> Result<Vec<u8>> {
    let (file, findings) = check::read(path)?;
    if !findings.is_empty() {
        check::print(path, &file, &findings);
        bail!("{} is not built: {}", path.display(), check::counted(findings.len()));
    }
    let built = slot::write(template, &file.pathway).with_context(|| path.display().to_string())?;
    let manifest = Manifest::parse(&manifest(&file.pathway)).with_context(|| path.display().to_string())?;
    Ok(attach(&built, &manifest)?)
}

fn write(path: &Path, template: &[u8], out: &Path) -> Result<()> {
    let bytes = component(path, template)?;
    // As a host would at installation.
    let package = Package::read(bytes.clone()).with_context(|| path.display().to_string())?;
    let name = out.file_name().context("a package has a name")?.to_string_lossy().into_owned();
    // Written to a temporary file and renamed: an interrupted build leaves the old package.
    let aside = out.with_file_name(format!(".{name}.{}", std::process::id()));
    std::fs::write(&aside, &bytes)
        .and_then(|()| std::fs::rename(&aside, out))
        .with_context(|| out.display().to_string())?;
    println!(
        "{:24} {} {}  sha256:{}",
        out.display(),
        package.manifest().id,
        package.manifest().version,
        package.digest()
    );
    Ok(())
}
