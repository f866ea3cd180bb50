//! Arrows go down only: a crate imports what stands below it, and within a crate no two
//! top-level modules need each other, directly or around a corner.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

/// Each crate of the host with those that it may import. `docs/decisions/0023-crates-by-concern.md`
/// has the reasons.
const BELOW: [(&str, &[&str]); 14] = [
    ("features", &[]),
    ("domain", &["features"]),
    ("store", &["domain"]),
    ("plugin", &["domain"]),
    ("runtime", &["domain", "plugin"]),
    ("fhir", &["domain", "store"]),
    ("platform", &["domain", "store", "plugin", "fhir"]),
    ("records", &["domain", "store", "plugin", "fhir", "platform"]),
    ("extensions", &["domain", "store", "plugin", "runtime", "fhir", "platform", "records"]),
    ("identity", &["domain", "store", "plugin", "runtime", "fhir", "platform", "records", "extensions"]),
    ("care", &["domain", "store", "plugin", "runtime", "fhir", "platform", "records", "extensions"]),
    ("payment", &["domain", "store", "plugin", "runtime", "fhir", "platform", "records", "extensions", "care"]),
    (
        "pharmacy",
        &["domain", "store", "plugin", "runtime", "fhir", "platform", "records", "extensions", "care", "payment"],
    ),
    (
        "server",
        &[
            "domain",
            "store",
            "plugin",
            "runtime",
            "fhir",
            "platform",
            "records",
            "extensions",
            "identity",
            "care",
            "payment",
            "pharmacy",
            // The model of pathway files, which the SDK's side owns: it depends on nothing of ours.
            "pathway-file",
        ],
    ),
];

/// Libraries that one crate alone names.
const ALONE: [(&str, &str); 6] = [
    ("sqlx", "store"),
    ("wasmparser", "plugin"),
    ("wasmtime", "runtime"),
    ("wasmtime-wasi", "runtime"),
    ("axum", "server"),
    ("utoipa-axum", "server"),
];

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
    // What the host and the guests share depends on neither.
    let shared = dependencies(&host().join("../sdk/pathway-file/Cargo.toml"));
    assert!(shared.iter().all(|name| !name.starts_with("xinglin-")), "{shared:?}");
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

/// What the root of a crate shows of its modules, to all or within the crate, each with the
/// module that it is from: whoever imports `crate::Name` needs that one.
fn shown(root: &str) -> BTreeMap<String, String> {
    fn leaves(tree: &str, found: &mut Vec<String>) {
        let (mut depth, mut start) = (0, 0);
        for (here, c) in tree.char_indices().chain([(tree.len(), ',')]) {
            match c {
                '{' => depth += 1,
                '}' => depth -= 1,
                ',' if depth == 0 => {
                    let branch = tree[start..here].trim();
                    match branch.split_once('{') {
                        Some((_, inner)) => leaves(inner.strip_suffix('}').unwrap_or(inner), found),
                        None if branch.is_empty() => {}
                        None => found.extend(branch.rsplit([':', ' ']).next().map(str::to_owned)),
                    }
                    start = here + 1;
                }
                _ => {}
            }
        }
    }
    let mut shown = BTreeMap::new();
    let imports = root.split("\npub use ").skip(1).chain(root.split("\nuse ").skip(1));
    for statement in imports.filter_map(|rest| rest.split(';').next()) {
        let (Some(module), mut names) = (first_name(statement), Vec::new()) else { continue };
        leaves(statement, &mut names);
        shown.extend(names.into_iter().map(|name| (name, module.clone())));
    }
    shown
}

/// Files that are compiled for tests alone: `#[cfg(test)] mod name;`.
fn of_tests(file: &Path, source: &str) -> Vec<PathBuf> {
    let named_after = |stem: &str| matches!(stem, "lib" | "main" | "mod");
    let folder = match file.file_stem().and_then(|stem| stem.to_str()) {
        Some(stem) if !named_after(stem) => file.with_extension(""),
        _ => file.parent().expect("a folder").to_owned(),
    };
    let modules = source.split("#[cfg(test)]\nmod ").skip(1).filter_map(|rest| rest.split_once(';'));
    let modules = modules.filter(|(name, _)| name.chars().all(|c| c.is_alphanumeric() || c == '_'));
    modules.flat_map(|(name, _)| [folder.join(format!("{name}.rs")), folder.join(name).join("mod.rs")]).collect()
}

/// Each top-level module of a crate with those that it imports, tests left out.
fn modules(crate_folder: &Path) -> BTreeMap<String, BTreeSet<String>> {
    let src = crate_folder.join("src");
    let shown = shown(&read(&src.join("lib.rs")));
    let files: Vec<(PathBuf, String)> = sources(&src).into_iter().map(|file| (file.clone(), read(&file))).collect();
    let tests: BTreeSet<PathBuf> = files.iter().flat_map(|(file, source)| of_tests(file, source)).collect();
    let mut modules: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for (file, source) in files.iter().filter(|(file, _)| !tests.contains(file)) {
        let relative = file.strip_prefix(&src).expect("below it");
        let first = relative.iter().next().expect("a name").to_string_lossy();
        let module = first.strip_suffix(".rs").unwrap_or(&first).to_owned();
        if module != "lib" && module != "main" {
            let names = imported(source).into_iter().map(|name| shown.get(&name).cloned().unwrap_or(name));
            modules.entry(module).or_default().extend(names);
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
        if let Some(way) = circle(&modules(&host().join(name))) {
            wrong.push(format!("host/{name}: {}", way.join(" → ")));
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
    let root = "mod a;\npub use a::{\n    B,\n    c::{D, e::F as G},\n};\npub use h::I;\nuse h::j;\n";
    let expected = [("B", "a"), ("D", "a"), ("G", "a"), ("I", "h"), ("j", "h")];
    assert_eq!(shown(root), expected.map(|(name, module)| (name.to_owned(), module.to_owned())).into());
    let source = "#[cfg(test)]\nmod a;\nmod b;\n#[cfg(test)]\nmod tests {\n    use super::*;\n}\n";
    assert_eq!(of_tests(Path::new("src/x.rs"), source), ["src/x/a.rs", "src/x/a/mod.rs"].map(PathBuf::from));
    assert_eq!(of_tests(Path::new("src/lib.rs"), source), ["src/a.rs", "src/a/mod.rs"].map(PathBuf::from));
}
