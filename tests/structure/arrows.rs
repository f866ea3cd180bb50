//! Arrows go down only: a crate imports what stands below it, and within a crate no two
//! top-level modules need each other, directly or around a corner.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

/// Each crate of the host with those that it may import. `docs/decisions/0023-crates-by-concern.md`
/// has the reasons.
const BELOW: [(&str, &[&str]); 13] = [
    ("features", &[]),
    ("domain", &["features"]),
    ("store", &["domain"]),
    ("runtime", &["domain"]),
    ("fhir", &["domain", "store"]),
    ("platform", &["domain", "store", "runtime", "fhir"]),
    ("records", &["domain", "store", "runtime", "fhir", "platform"]),
    ("extensions", &["domain", "store", "runtime", "fhir", "platform", "records"]),
    ("identity", &["domain", "store", "runtime", "fhir", "platform", "records", "extensions"]),
    ("care", &["domain", "store", "runtime", "fhir", "platform", "records", "extensions"]),
    ("payment", &["domain", "store", "runtime", "fhir", "platform", "records", "extensions", "care"]),
    ("pharmacy", &["domain", "store", "runtime", "fhir", "platform", "records", "extensions", "care", "payment"]),
    (
        "server",
        &[
            "domain",
            "store",
            "runtime",
            "fhir",
            "platform",
            "records",
            "extensions",
            "identity",
            "care",
            "payment",
            "pharmacy",
        ],
    ),
];

/// Libraries that one crate alone names.
const ALONE: [(&str, &str); 5] = [
    ("sqlx", "store"),
    ("wasmtime", "runtime"),
    ("wasmtime-wasi", "runtime"),
    ("axum", "server"),
    ("utoipa-axum", "server"),
];

/// Crates from before this test, whose modules still need each other: `access`, `practice`
/// and `relation` of the domain, `db` and `dialect` of the store, the call path of the
/// runtime. A crate is taken off this list when its circle is gone, and none is added.
const CIRCLES_TO_BREAK: [&str; 3] = ["domain", "store", "runtime"];

fn host() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../host")
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The names in `[dependencies]` of a manifest.
fn dependencies(manifest: &Path) -> BTreeSet<String> {
    let text = read(manifest);
    let lines = text.lines().skip_while(|line| *line != "[dependencies]").skip(1);
    let names = lines.take_while(|line| !line.starts_with('[')).filter(|line| !line.starts_with('#'));
    names
        .filter_map(|line| line.split(['.', ' ', '=']).next())
        .filter(|name| !name.is_empty())
        .map(str::to_owned)
        .collect()
}

#[test]
fn crates_import_only_what_stands_below_them() {
    let folders: BTreeSet<String> = fs::read_dir(host())
        .expect("host/")
        .map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned())
        .collect();
    let known: BTreeSet<String> = BELOW.iter().map(|(name, _)| (*name).to_owned()).collect();
    assert_eq!(folders, known, "a crate of host/ has no place in the order, or is gone");
    let mut wrong = Vec::new();
    for (name, below) in BELOW {
        for dependency in dependencies(&host().join(name).join("Cargo.toml")) {
            if let Some(ours) = dependency.strip_prefix("xinglin-")
                && !below.contains(&ours)
            {
                wrong.push(format!("host/{name} imports host/{ours}, which does not stand below it"));
            }
            if let Some((library, owner)) = ALONE.iter().find(|(library, _)| *library == dependency)
                && *owner != name
            {
                wrong.push(format!("host/{name} names {library}, which is for host/{owner} alone"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// The SDK is for guests: it sees the contract in `wit/` and nothing of the host.
#[test]
fn the_sdk_imports_nothing_of_the_host() {
    let manifest = host().join("../sdk/Cargo.toml");
    let ours: Vec<String> = dependencies(&manifest).into_iter().filter(|name| name.starts_with("xinglin-")).collect();
    assert_eq!(ours, ["xinglin-sdk-macros"]);
}

/// Rust files below a folder.
fn sources(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display())) {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            found.extend(sources(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
    found
}

/// What a file imports of its own crate: the first names after `crate::`, tests left out.
fn imported(source: &str) -> BTreeSet<String> {
    let code = source.split("\n#[cfg(test)]\nmod tests").next().unwrap_or_default();
    let code: String =
        code.lines().map(|line| line.split("//").next().unwrap_or_default()).collect::<Vec<_>>().join("\n");
    let mut names = BTreeSet::new();
    for (at, _) in code.match_indices("crate::") {
        if code[..at].ends_with(|c: char| c.is_alphanumeric() || c == '_' || c == ':') {
            continue;
        }
        let rest = &code[at + "crate::".len()..];
        match rest.strip_prefix('{') {
            None => names.extend(first_name(rest)),
            Some(group) => {
                let (mut depth, mut start) = (0, 0);
                for (here, c) in group.char_indices() {
                    match c {
                        '{' => depth += 1,
                        '}' if depth == 0 => {
                            names.extend(first_name(&group[start..here]));
                            break;
                        }
                        '}' => depth -= 1,
                        ',' if depth == 0 => {
                            names.extend(first_name(&group[start..here]));
                            start = here + 1;
                        }
                        _ => {}
                    }
                }
            }
        }
    }
    names
}

fn first_name(path: &str) -> Option<String> {
    let name: String = path.trim_start().chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
    (!name.is_empty()).then_some(name)
}

/// Each top-level module of a crate with those that it imports.
fn modules(crate_folder: &Path) -> BTreeMap<String, BTreeSet<String>> {
    let src = crate_folder.join("src");
    let mut modules: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for file in sources(&src) {
        let relative = file.strip_prefix(&src).expect("below it");
        let first = relative.iter().next().expect("a name").to_string_lossy();
        let module = first.strip_suffix(".rs").unwrap_or(&first).to_owned();
        if module != "lib" && module != "main" {
            modules.entry(module).or_default().extend(imported(&read(&file)));
        }
    }
    let names: BTreeSet<String> = modules.keys().cloned().collect();
    for (module, imports) in &mut modules {
        imports.retain(|name| name != module && names.contains(name));
    }
    modules
}

/// A way from a module back to itself, if there is one.
fn circle(modules: &BTreeMap<String, BTreeSet<String>>) -> Option<Vec<String>> {
    fn walk(
        at: &str,
        modules: &BTreeMap<String, BTreeSet<String>>,
        way: &mut Vec<String>,
        done: &mut BTreeSet<String>,
    ) -> bool {
        if let Some(start) = way.iter().position(|step| step == at) {
            way.drain(..start);
            way.push(at.to_owned());
            return true;
        }
        if !done.insert(at.to_owned()) {
            return false;
        }
        way.push(at.to_owned());
        for next in modules.get(at).into_iter().flatten() {
            if walk(next, modules, way, done) {
                return true;
            }
        }
        way.pop();
        false
    }
    let mut done = BTreeSet::new();
    modules.keys().find_map(|module| {
        let mut way = Vec::new();
        walk(module, modules, &mut way, &mut done).then_some(way)
    })
}

#[test]
fn no_modules_of_a_crate_need_each_other() {
    let mut wrong = Vec::new();
    for (name, _) in BELOW {
        let found = circle(&modules(&host().join(name)));
        match (found, CIRCLES_TO_BREAK.contains(&name)) {
            (Some(way), false) => wrong.push(format!("host/{name}: {}", way.join(" → "))),
            (None, true) => wrong.push(format!("host/{name} has no circle any more: take it off the list")),
            _ => {}
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn a_circle_is_found() {
    let of = |pairs: &[(&str, &[&str])]| -> BTreeMap<String, BTreeSet<String>> {
        let set = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        pairs.iter().map(|(name, imports)| ((*name).to_owned(), set(imports))).collect()
    };
    assert_eq!(circle(&of(&[("a", &["b", "c"]), ("b", &["c"]), ("c", &[])])), None);
    let way = circle(&of(&[("a", &["b"]), ("b", &["c"]), ("c", &["b"])])).expect("a circle");
    assert_eq!(way, ["b", "c", "b"]);
    let source = "use crate::{\n    a::{b, c},\n    Root, d,\n};\n// crate::comment\nfn f() { crate::e::g() }\n\
                  #[cfg(test)]\nmod tests { use crate::t; }";
    let expected = ["Root", "a", "d", "e"].map(str::to_owned);
    assert_eq!(imported(source), expected.into());
}
