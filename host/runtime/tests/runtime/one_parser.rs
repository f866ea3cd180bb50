//! A package is judged by the parser that the engine compiles it with. Two versions
//! may differ in what they take for valid, and whatever only one of them refuses
//! would pass the bounds and reach the compiler, or the other way round.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;

/// What reads and writes WebAssembly, and moves with the engine.
const TOOLS: [&str; 4] = ["wasmparser", "wasm-encoder", "wit-parser", "wit-component"];

/// Macros that bring tools of their own. They run inside the compiler, and nothing
/// of them is linked.
const MACROS: [&str; 2] = ["wit-bindgen-rust-macro", "wasmtime-internal-component-macro"];

#[derive(Deserialize)]
struct Lock {
    package: Vec<Package>,
}

#[derive(Deserialize)]
struct Package {
    name: String,
    version: String,
    source: Option<String>,
    #[serde(default)]
    dependencies: Vec<String>,
}

impl Lock {
    fn read() -> Self {
        toml::from_str(include_str!("../../../../Cargo.lock")).expect("a lock file")
    }

    /// What a line of `dependencies` means: `NAME`, or `NAME VERSION` if there are several.
    fn find(&self, line: &str) -> &Package {
        let mut words = line.split(' ');
        let (name, version) = (words.next(), words.next());
        let fits = |p: &&Package| Some(p.name.as_str()) == name && version.is_none_or(|version| p.version == version);
        self.package.iter().find(fits).unwrap_or_else(|| panic!("{line} is locked"))
    }

    /// Everything that is linked into something of this workspace.
    fn linked(&self) -> BTreeMap<&str, BTreeSet<&str>> {
        let mut waiting: Vec<&Package> = self.package.iter().filter(|p| p.source.is_none()).collect();
        let mut linked = BTreeMap::<&str, BTreeSet<&str>>::new();
        while let Some(package) = waiting.pop() {
            let versions = linked.entry(&package.name).or_default();
            if versions.insert(&package.version) && !MACROS.contains(&package.name.as_str()) {
                waiting.extend(package.dependencies.iter().map(|line| self.find(line)));
            }
        }
        linked
    }
}

#[test]
fn packages_are_judged_by_the_parser_of_the_engine() {
    let lock = Lock::read();
    let engine = lock.find("wasmtime-environ");
    let linked = lock.linked();
    for tool in TOOLS {
        let versions: Vec<&str> = linked.get(tool).into_iter().flatten().copied().collect();
        let [version] = versions.as_slice() else { panic!("{tool} is linked as {versions:?}: take wasmtime's") };
        // The engine reads and writes by these two; the others are of the same release.
        if let Some(line) = engine.dependencies.iter().find(|line| line.split(' ').next() == Some(tool)) {
            let theirs = &lock.find(line).version;
            assert_eq!(version, theirs, "{tool}: ours, and that of wasmtime {}", engine.version);
        }
    }
    let ours = |name: &str| lock.find("xinglin-plugin").dependencies.iter().any(|line| line.starts_with(name));
    assert!(ours("wasmparser") && engine.dependencies.iter().any(|line| line.starts_with("wasmparser")));
}
