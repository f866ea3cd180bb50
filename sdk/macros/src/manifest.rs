//! Checks of a `plugin.toml` at compile time. The runtime checks the rest when the plugin is
//! installed.

use std::{env, fs, path::Path};

use toml::{Table, Value};

const KEYS: [&str; 11] = [
    "id",
    "version",
    "publisher",
    "licence",
    "name",
    "description",
    "capabilities",
    "compartment",
    "limits",
    "settings",
    "data-needs",
];
const CAPABILITIES: [&str; 10] =
    ["log", "settings", "kv", "records", "http", "secrets", "identity", "signing", "files", "random"];
const EXAMPLE: &str = "\n\n    id = \"acme.my-plugin\"\n    version = \"0.1.0\"\n    publisher = \"Acme\"\n    \
                       licence = \"Apache-2.0\"\n\n    [name]\n    zh-CN = \"…\"\n    en = \"…\"\n";

/// A checked manifest.
#[derive(Debug)]
pub struct Manifest {
    /// The text of the file.
    pub text: String,
    /// Whether it requests `log`.
    pub logs: bool,
}

/// The manifest of the crate that is compiled; an error says how to fix it.
pub fn read() -> Result<Manifest, String> {
    let folder = env::var("CARGO_MANIFEST_DIR").map_err(|_| "compile with cargo: CARGO_MANIFEST_DIR is not set")?;
    let version = env::var("CARGO_PKG_VERSION").map_err(|_| "compile with cargo: CARGO_PKG_VERSION is not set")?;
    let path = Path::new(&folder).join("plugin.toml");
    let text = fs::read_to_string(&path).map_err(|error| {
        format!(
            "cannot read `{}` ({error}): every plugin has a plugin.toml beside its Cargo.toml:{EXAMPLE}",
            path.display()
        )
    })?;
    let logs = check(&text, &version).map_err(|problem| format!("{}: {problem}", path.display()))?;
    Ok(Manifest { text, logs })
}

fn check(text: &str, crate_version: &str) -> Result<bool, String> {
    let table: Table = text.parse().map_err(|error| format!("not well-formed TOML:\n{error}"))?;
    if let Some(unknown) = table.keys().find(|key| !KEYS.contains(&key.as_str())) {
        return Err(format!("unknown key `{unknown}`; a manifest may have {}", KEYS.join(", ")));
    }
    let id = required(&table, "id")?;
    if !is_id(id) {
        return Err(format!(
            "`id = \"{id}\"` is not an id: it is the publisher and the plugin in lower case with a dot between, \
             letters, digits and hyphens, for example `acme.my-plugin`"
        ));
    }
    required(&table, "publisher")?;
    required(&table, "licence")?;
    let version = required(&table, "version")?;
    if version != crate_version {
        return Err(format!(
            "`version = \"{version}\"`, but the crate is {crate_version}: set both to the same, \
             or nobody can tell which code a version is"
        ));
    }
    for language in ["zh-CN", "en"] {
        let name = table.get("name").and_then(|name| name.get(language)).and_then(Value::as_str);
        if name.is_none_or(|name| name.trim().is_empty()) {
            return Err(format!("the name in `{language}` is missing: add `{language} = \"…\"` under `[name]`"));
        }
    }
    capabilities(&table)
}

/// Whether the plugin requests `log`.
fn capabilities(table: &Table) -> Result<bool, String> {
    let none = Table::new();
    let asked = match table.get("capabilities") {
        None => &none,
        Some(Value::Table(asked)) => asked,
        Some(_) => return Err("write each capability as a table: `[capabilities.log]`".to_owned()),
    };
    for (name, wish) in asked {
        if !CAPABILITIES.contains(&name.as_str()) {
            return Err(format!("there is no capability `{name}`; there are {}", CAPABILITIES.join(", ")));
        }
        if wish.get("reason").and_then(Value::as_str).is_none_or(|reason| reason.trim().is_empty()) {
            return Err(format!(
                "`[capabilities.{name}]` gives no reason: the person who grants it must read why, \
                 so add `reason = \"…\"`"
            ));
        }
    }
    if asked.get("kv").is_some_and(|kv| kv.get("quota-kib").and_then(Value::as_integer).is_none_or(|kib| kib <= 0)) {
        return Err("`[capabilities.kv]` needs `quota-kib`, how much it may keep, for example 64".to_owned());
    }
    if asked.get("files").is_some_and(|files| files.get("packs").or(files.get("scratch-kib")).is_none()) {
        return Err(
            "`[capabilities.files]` asks for nothing: name `packs = […]`, or say `scratch-kib`, for example 1024"
                .to_owned(),
        );
    }
    if asked.contains_key("records") && !table.contains_key("data-needs") {
        return Err("it asks for `records` and may read nothing in them: declare what in `[data-needs]`".to_owned());
    }
    for (name, keys, example) in [
        ("http", ["hosts", "plaintext-hosts"].as_slice(), "hosts = [\"api.example.com\"]"),
        ("secrets", &["keys"], "keys = [\"token\"]"),
        ("identity", &["fields"], "fields = [\"id-number\"]"),
        ("signing", &["keys"], "keys = { gateway = \"sm2\" }"),
    ] {
        if asked.get(name).is_some_and(|wish| keys.iter().all(|key| wish.get(key).is_none())) {
            return Err(format!("`[capabilities.{name}]` does not say which: add `{example}`"));
        }
    }
    if table.contains_key("settings") && !asked.contains_key("settings") {
        return Err("it declares settings that it may not read: add `[capabilities.settings]` with a reason".to_owned());
    }
    Ok(asked.contains_key("log"))
}

fn required<'a>(table: &'a Table, key: &str) -> Result<&'a str, String> {
    match table.get(key) {
        Some(Value::String(text)) if !text.trim().is_empty() => Ok(text),
        Some(_) => Err(format!("`{key}` must be a text that is not empty")),
        None => Err(format!("`{key}` is missing. A manifest begins like this:{EXAMPLE}")),
    }
}

fn is_id(id: &str) -> bool {
    let segments: Vec<&str> = id.split('.').collect();
    segments.len() >= 2
        && segments.iter().all(|segment| {
            segment.starts_with(|c: char| c.is_ascii_lowercase())
                && !segment.ends_with('-')
                && segment.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = r#"
        id = "acme.my-plugin"
        version = "1.2.3"
        publisher = "Acme"
        licence = "MIT"
        [name]
        zh-CN = "插件"
        en = "Plugin"
    "#;

    #[test]
    fn the_least_manifest_passes() {
        assert_eq!(check(GOOD, "1.2.3"), Ok(false));
        let logging = format!("{GOOD}\n[capabilities.log]\nreason = \"to explain\"");
        assert_eq!(check(&logging, "1.2.3"), Ok(true));
    }

    #[test]
    fn each_mistake_says_what_to_do() {
        let with = |more: &str| format!("{GOOD}\n{more}");
        let cases = [
            ("id = ".to_owned(), "not well-formed TOML"),
            (GOOD.replace("id =", "ident ="), "unknown key `ident`"),
            (GOOD.replace("acme.my-plugin", "MyPlugin"), "is not an id"),
            (GOOD.replace("publisher = \"Acme\"", ""), "`publisher` is missing"),
            (GOOD.replace("\"MIT\"", "1"), "`licence` must be a text"),
            (GOOD.replace("1.2.3", "1.2.4"), "but the crate is 1.2.3"),
            (GOOD.replace("en = \"Plugin\"", ""), "add `en = \"…\"` under `[name]`"),
            (with("[capabilities.prescribe]"), "no capability `prescribe`"),
            (with("[capabilities.log]"), "gives no reason"),
            (with("[capabilities.kv]\nreason = \"x\""), "needs `quota-kib`"),
            (with("[capabilities.files]\nreason = \"x\""), "asks for nothing"),
            (with("[capabilities.records]\nreason = \"x\""), "declare what in `[data-needs]`"),
            (with("[settings.x]\ntype = \"text\""), "add `[capabilities.settings]`"),
            (with("[capabilities.http]\nreason = \"x\""), "add `hosts = "),
            (with("[capabilities.identity]\nreason = \"x\""), "add `fields = "),
            (with("[capabilities.signing]\nreason = \"x\""), "add `keys = { "),
        ];
        for (text, hint) in cases {
            let problem = check(&text, "1.2.3").expect_err(hint);
            assert!(problem.contains(hint), "{problem}");
        }
    }
}
