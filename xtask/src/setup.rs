//! What a machine needs beyond cargo, found or installed.

use std::path::{Path, PathBuf};

use anyhow::{Result, bail};

use crate::sh;

/// The version the Python example is built and tested with.
const COMPONENTIZE_PY: &str = "componentize-py==0.25.1";

/// FHIR clients that the server is held against.
const FHIRPY: &str = "fhirpy==2.3.1";
const FHIR_KIT_CLIENT: &str = "fhir-kit-client@2.0.3";
/// The examples of the specification, and its definitions.
pub const FHIR_EXAMPLES: &str = "hl7.fhir.r4.examples@4.0.1";
/// The value sets of the specification, as lists of codes.
pub const FHIR_EXPANSIONS: &str = "hl7.fhir.r4.expansions@4.0.1";

/// What sign-in is tested against: a provider of identities, and what an authenticator in
/// software is made of.
const OIDC_PROVIDER: &str = "oidc-provider@9.13.3";
const FIDO2: &str = "fido2==2.2.1";

/// Which calls the API as its description says it may be called.
const SCHEMATHESIS: &str = "schemathesis==4.32.5";

/// A client of CDS Hooks.
const HEALTHCHAIN: &str = "healthchain==0.16.1";

/// A simulator of patients, Synthea in Python, and what of it writes FHIR. Its package
/// names half a gigabyte more (SciPy, pandas, …), which no patient needs.
const SYNTHEA: [&str; 5] = ["tietai-synthea==1.5.0", "click==8.5.1", "Jinja2==3.1.6", "PyYAML==6.0.3", "tqdm==4.70.1"];

/// Who is simulated: folder, how many, how old. Children, for a short life is a small
/// record, and some whose chronic diseases have had time to begin.
const POPULATION: [(&str, &str, &str); 2] = [("children", "96", "0-2"), ("adults", "4", "20-50")];

/// Everything.
pub fn all() -> Result<()> {
    wasm_target()?;
    postgres()?;
    trust_tools()?;
    componentize_py()?;
    fhir_clients()?;
    sign_in_tools()?;
    fuzzer()?;
    cds_client()?;
    population()
}

/// A compiler for `wasm32-unknown-unknown`: the toolchain's own, rustup's, or
/// Debian's.
pub fn wasm_target() -> Result<()> {
    if own_target()? || debian_toolchain() {
        return Ok(());
    }
    println!("setup: adding the target wasm32-unknown-unknown");
    if sh::program("rustup", ["target", "add", "wasm32-unknown-unknown"]).succeeds() && own_target()? {
        return Ok(());
    }
    println!("setup: rustup cannot; trying Debian's compiler for the web");
    apt(&["rustc-web", "cargo-web", "rust-web-src", "lld"])?;
    if debian_toolchain() {
        return Ok(());
    }
    bail!(
        "no compiler for wasm32-unknown-unknown. Install one of:\n  \
         rustup target add wasm32-unknown-unknown\n  \
         apt-get install rustc-web cargo-web rust-web-src lld      (Debian 12 or later)"
    )
}

fn own_target() -> Result<bool> {
    let sysroot = sh::program("rustc", ["--print", "sysroot"]).output()?;
    Ok(Path::new(&sysroot).join("lib/rustlib/wasm32-unknown-unknown/lib").is_dir())
}

fn debian_toolchain() -> bool {
    Path::new("/usr/bin/cargo").is_file()
        && Path::new("/usr/bin/wasm-ld").is_file()
        && std::fs::read_dir("/usr/src").is_ok_and(|entries| {
            entries.flatten().any(|entry| entry.file_name().to_string_lossy().starts_with("rustc-"))
        })
}

/// The programs of a PostgreSQL server. The tests start a cluster of their own.
fn postgres() -> Result<()> {
    if std::env::var_os("DATABASE_URL").is_some() || initdb().is_some() {
        return Ok(());
    }
    println!("setup: installing PostgreSQL, which the tests start by themselves");
    apt(&["postgresql"])?;
    if initdb().is_some() {
        return Ok(());
    }
    bail!("no PostgreSQL server programs (initdb, postgres) found; install postgresql 13 or later, or set DATABASE_URL")
}

fn initdb() -> Option<PathBuf> {
    let on_path =
        std::env::var_os("PATH").into_iter().flat_map(|path| std::env::split_paths(&path).collect::<Vec<_>>());
    let debian = std::fs::read_dir("/usr/lib/postgresql")
        .into_iter()
        .flatten()
        .flatten()
        .map(|version| version.path().join("bin"));
    on_path.chain(debian).map(|folder| folder.join("initdb")).find(|file| file.is_file())
}

/// What signatures and registries are tested against: Debian's minisign and
/// docker-registry.
fn trust_tools() -> Result<()> {
    let tools = [("minisign", "minisign"), ("docker-registry", "docker-registry")];
    let missing = || -> Vec<&str> {
        tools.iter().filter(|(program, _)| on_path(program).is_none()).map(|(_, package)| *package).collect()
    };
    if missing().is_empty() {
        return Ok(());
    }
    println!("setup: installing {}, which the tests run", missing().join(" and "));
    apt(&missing())?;
    match missing().as_slice() {
        [] => Ok(()),
        missing => bail!("{} not found on the PATH; install them by hand and run this again", missing.join(" and ")),
    }
}

fn on_path(program: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders = std::env::split_paths(&path).chain(["/usr/bin".into(), "/usr/sbin".into()]);
    folders.map(|folder| folder.join(program)).find(|file| file.is_file())
}

/// `componentize-py`, in a virtual environment of its own, for the plugin that
/// is written in Python.
pub fn componentize_py() -> Result<()> {
    let venv = python_venv();
    if venv.join("bin/componentize-py").is_file() {
        return Ok(());
    }
    pip_install(COMPONENTIZE_PY)
}

/// A package, into the virtual environment, which is made if there is none.
fn pip_install(package: &str) -> Result<()> {
    pip([package])
}

fn pip<'a>(arguments: impl IntoIterator<Item = &'a str>) -> Result<()> {
    let venv = python_venv();
    let arguments: Vec<_> = arguments.into_iter().collect();
    println!("setup: installing {} into {}", arguments.join(" "), venv.display());
    if !venv.join("bin/python").is_file() && !sh::program("python3", ["-m", "venv"]).args([&venv]).succeeds() {
        apt(&["python3-venv"])?;
        sh::program("python3", ["-m", "venv"]).args([&venv]).run()?;
    }
    let install = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check"];
    sh::program(venv.join("bin/python"), install).args(arguments).run()
}

/// fhirpy beside componentize-py, fhir-kit-client in a folder of its own.
fn fhir_clients() -> Result<()> {
    if !has_module("fhirpy") {
        pip_install(FHIRPY)?;
    }
    npm_install(FHIR_KIT_CLIENT)?;
    // Which the tests import.
    npm_install(FHIR_EXAMPLES)
}

/// oidc-provider and fido2, each beside the FHIR client of its kind.
fn sign_in_tools() -> Result<()> {
    if !has_module("fido2.webauthn") {
        pip_install(FIDO2)?;
    }
    npm_install(OIDC_PROVIDER)
}

fn fuzzer() -> Result<()> {
    match has_module("schemathesis") {
        true => Ok(()),
        false => pip_install(SCHEMATHESIS),
    }
}

fn cds_client() -> Result<()> {
    match has_module("healthchain") {
        true => Ok(()),
        false => pip_install(HEALTHCHAIN),
    }
}

/// A hundred lives and more, in `target/population`: of one seed and one day, so always
/// the same.
pub fn population() -> Result<()> {
    let lives = sh::target().join("population");
    let (marker, made) = (lives.join("made-of"), format!("{SYNTHEA:?} {POPULATION:?}"));
    if std::fs::read_to_string(&marker).is_ok_and(|found| found == made) {
        return Ok(());
    }
    if lives.is_dir() {
        std::fs::remove_dir_all(&lives)?;
    }
    if !has_module("synthea") {
        pip(["--no-deps"].into_iter().chain(SYNTHEA))?;
    }
    println!("setup: simulating patients into {}", lives.display());
    for (folder, number, ages) in POPULATION {
        let simulate = ["-m", "synthea.cli", "generate", "--seed", "4", "--reference-date", "20260101"];
        sh::program(python_venv().join("bin/python"), simulate)
            .args(["--population", number, "--age", ages, "--log-level", "error", "--output"])
            .args([lives.join(folder)])
            .run()?;
    }
    Ok(std::fs::write(marker, made)?)
}

fn has_module(name: &str) -> bool {
    sh::program(python_venv().join("bin/python"), ["-c", &format!("import {name}")]).succeeds()
}

/// What the tables of FHIR are made of.
pub fn fhir_definitions() -> Result<()> {
    npm_install(FHIR_EXAMPLES)?;
    npm_install(FHIR_EXPANSIONS)
}

/// Where a package of the FHIR specification is.
pub fn fhir_package(package: &str) -> PathBuf {
    node_modules().join(name_of(package))
}

fn node_modules() -> PathBuf {
    sh::target().join("node/node_modules")
}

fn name_of(package: &str) -> &str {
    package.rsplit_once('@').map_or(package, |(name, _)| name)
}

/// A package with its version, into `target/node`.
fn npm_install(package: &str) -> Result<()> {
    if node_modules().join(name_of(package)).is_dir() {
        return Ok(());
    }
    if on_path("node").is_none() || on_path("npm").is_none() {
        println!("setup: installing Node.js, which programs that the tests run need");
        apt(&["nodejs", "npm"])?;
    }
    let folder = sh::target().join("node");
    println!("setup: installing {package} into {}", folder.display());
    std::fs::create_dir_all(&folder)?;
    let install = ["install", "--no-audit", "--no-fund", "--silent", package, "--prefix"];
    sh::program("npm", install).args([&folder]).run()
}

/// Where Python tools live.
pub fn python_venv() -> PathBuf {
    sh::target().join("python")
}

fn apt(packages: &[&str]) -> Result<()> {
    let install = || {
        sh::program("apt-get", ["install", "-y", "-qq", "--no-install-recommends"])
            .args(packages)
            .env("DEBIAN_FRONTEND", "noninteractive")
            .succeeds()
    };
    if install() || (sh::program("apt-get", ["update", "-qq"]).succeeds() && install()) {
        return Ok(());
    }
    bail!("could not install {} with apt-get; install them by hand (as root) and run this again", packages.join(" "))
}
