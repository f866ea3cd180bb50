//! Packages as files: the component, with `pkg.wasm.KEYID.minisig` files beside it.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use xinglin_runtime::{Bundle, Package, Signature};

/// Reads a package with the signatures beside it, or a bundle.
pub fn read(path: &Path) -> Result<Bundle> {
    let named = || path.display().to_string();
    let bytes = bounded(path, Bundle::MAX_BYTES)?;
    if Bundle::is_one(&bytes) {
        return Bundle::read(&bytes).with_context(named);
    }
    let mut signatures = Vec::<Signature>::new();
    for file in signatures_beside(path)? {
        let signature = bounded(&file, Signature::MAX_BYTES)
            .and_then(|bytes| Ok(Signature::parse(&bytes)?))
            .with_context(|| file.display().to_string())?;
        if signatures.iter().all(|known| known.key() != signature.key()) {
            signatures.push(signature);
        }
    }
    if signatures.len() > Signature::MOST {
        bail!("{} has {} signatures beside it; {} are taken", named(), signatures.len(), Signature::MOST);
    }
    Ok(Bundle { component: bytes.into(), signatures })
}

/// Reads a package without signatures.
pub fn component(path: &Path) -> Result<Bundle> {
    let bytes = bounded(path, Package::MAX_BYTES)?;
    if Bundle::is_one(&bytes) {
        bail!("{} is a bundle; give the package, and `plugin save` it again", path.display());
    }
    Ok(Bundle::unsigned(bytes))
}

/// Parses and checks the component of a bundle.
pub fn package(bundle: &Bundle, origin: impl std::fmt::Display) -> Result<Package> {
    Package::read(bundle.component.clone()).map_err(|error| {
        let code = error.code();
        anyhow::Error::new(error).context(format!("{origin} is refused: {code}"))
    })
}

/// Writes a package with its signatures beside it; returns the files, the package first.
pub fn write(path: &Path, bundle: &Bundle) -> Result<Vec<PathBuf>> {
    let mut files = vec![path.to_owned()];
    std::fs::write(path, &bundle.component).with_context(|| path.display().to_string())?;
    for signature in &bundle.signatures {
        files.push(write_signature(path, signature)?);
    }
    Ok(files)
}

/// Writes a signature beside its package.
pub fn write_signature(package: &Path, signature: &Signature) -> Result<PathBuf> {
    let file = package.with_file_name(Bundle::signature_name(&name(package)?, signature.key()));
    std::fs::write(&file, signature.text()).with_context(|| file.display().to_string())?;
    Ok(file)
}

/// `pkg.wasm.….minisig` and minisign's own `pkg.wasm.minisig`, by name.
fn signatures_beside(path: &Path) -> Result<Vec<PathBuf>> {
    let prefix = format!("{}.", name(path)?);
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).with_context(|| folder.display().to_string())? {
        let entry = entry?;
        let file = entry.file_name();
        if file.to_str().is_some_and(|file| file.starts_with(&prefix) && file.ends_with(".minisig")) {
            files.push(entry.path());
        }
    }
    files.sort();
    Ok(files)
}

fn name(path: &Path) -> Result<String> {
    let name = path.file_name().and_then(|name| name.to_str());
    Ok(name.with_context(|| format!("{} is no name of a file", path.display()))?.to_owned())
}

/// Reads a file of at most `limit` bytes.
pub fn bounded(path: &Path, limit: usize) -> Result<Vec<u8>> {
    let named = || path.display().to_string();
    let size = std::fs::metadata(path).with_context(named)?.len();
    if size > limit as u64 {
        bail!("{} has {size} bytes; {limit} are taken", named());
    }
    std::fs::read(path).with_context(named)
}
