//! Turns `data/profiles/*.toml` into one table, and refuses a profile that makes no sense: a term
//! without a source that is not marked as illustrative, an unknown word, two fields of one name.

#[path = "src/vocabulary.rs"]
mod vocabulary;

use std::{collections::BTreeMap, env, error::Error, fmt::Write as _, fs, path::Path};

use serde::Deserialize;
use vocabulary::TERMS;

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Profile {
    id: String,
    zh: String,
    en: String,
    source: String,
    as_of: u16,
    terms: BTreeMap<String, Term>,
    gateway: Gateway,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Term {
    value: String,
    source: Option<String>,
    #[serde(default)]
    illustrative: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Gateway {
    #[serde(default)]
    illustrative: bool,
    base: String,
    amounts: String,
    times: String,
    signature: String,
    signature_header: String,
    identity: Vec<String>,
    not_processed: Vec<u16>,
    fields: BTreeMap<String, String>,
    outcomes: BTreeMap<String, String>,
}

/// Fields of messages, as this plugin calls them.
const FIELDS: &[&str] = &[
    "adjustment",
    "allowed",
    "amount",
    "ask-after",
    "at",
    "balances",
    "basic",
    "benefit",
    "benefits",
    "bill",
    "birth-date",
    "code",
    "codes",
    "coinsurance",
    "content",
    "contractual",
    "copay",
    "count",
    "currency",
    "deductible",
    "diagnoses",
    "documents",
    "documents-wanted",
    "draws",
    "end",
    "entries",
    "excluded",
    "expires",
    "from",
    "gross",
    "grounds",
    "id",
    "id-number",
    "in-scope",
    "insurance-number",
    "items",
    "key",
    "kind",
    "limit",
    "lines",
    "member",
    "message",
    "name",
    "network",
    "not-covered",
    "number",
    "of",
    "outcome",
    "over-limit",
    "plan",
    "policy",
    "pre-self-pay",
    "preauthorization",
    "preauthorization-required",
    "prior",
    "quantity",
    "reasons",
    "reference",
    "refusals",
    "related",
    "remittances",
    "self-funded",
    "sent-at",
    "served-at",
    "source",
    "start",
    "system",
    "to",
    "total",
    "trace",
    "use",
    "used",
];

/// What an answer may say that it is.
const OUTCOMES: &[&str] = &[
    "in-force",
    "not-in-force",
    "covered",
    "declined",
    "adjudicated",
    "approved",
    "partial",
    "pending",
    "refused",
    "cancelled",
    "never-seen",
];

/// As in `plugin.toml`.
const IDENTITY: [&str; 4] = ["birth-date", "id-number", "insurance-number", "name"];

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-changed=data/profiles");
    println!("cargo::rerun-if-changed=src/vocabulary.rs");
    let mut files: Vec<_> =
        fs::read_dir("data/profiles")?.map(|entry| Ok(entry?.path())).collect::<Result<_, Box<dyn Error>>>()?;
    files.sort();
    let mut table = String::from("&[\n");
    for file in files {
        let profile: Profile = toml::from_str(&fs::read_to_string(&file)?)?;
        write(&profile, &mut table).map_err(|reason| format!("{}: {reason}", file.display()))?;
        if file.file_stem().is_none_or(|stem| stem != profile.id.as_str()) {
            return Err(format!("{} has the id `{}`", file.display(), profile.id).into());
        }
    }
    table.push(']');
    let out = env::var_os("OUT_DIR").ok_or("cargo sets OUT_DIR")?;
    fs::write(Path::new(&out).join("profiles.rs"), table)?;
    Ok(())
}

fn write(profile: &Profile, table: &mut String) -> Result<(), Box<dyn Error>> {
    let Profile { id, zh, en, source, as_of, terms, gateway } = profile;
    if [id, zh, en, source].into_iter().any(String::is_empty) {
        return Err("id, zh, en and source are not empty".into());
    }
    writeln!(
        table,
        "    Profile {{ id: {id:?}, zh: {zh:?}, en: {en:?}, source: {source:?}, as_of: {as_of}, terms: &["
    )?;
    if let Some(missing) = TERMS.iter().find(|key| !terms.contains_key(**key)) {
        return Err(format!("`terms.{missing}` is missing").into());
    }
    for (key, Term { value, source, illustrative }) in terms {
        if !TERMS.contains(&key.as_str()) {
            return Err(format!("there is no term `{key}`").into());
        }
        if source.as_ref().is_some_and(|source| !source.is_empty()) == *illustrative {
            return Err(format!("`terms.{key}` has a source or is illustrative, and not both").into());
        }
        writeln!(table, "        Term {{ key: {key:?}, value: {value:?}, illustrative: {illustrative} }},")?;
    }
    shape(gateway, table)
}

fn shape(gateway: &Gateway, table: &mut String) -> Result<(), Box<dyn Error>> {
    let one_of = |what: &str, word: &str, of: &[&str]| match of.contains(&word) {
        true => Ok(()),
        false => Err(format!("`gateway.{what}` is one of {}, not `{word}`", of.join(", "))),
    };
    one_of("amounts", &gateway.amounts, &["fen", "yuan"])?;
    one_of("times", &gateway.times, &["rfc3339", "millis"])?;
    one_of("signature", &gateway.signature, &["sm2", "ed25519"])?;
    for field in &gateway.identity {
        one_of("identity", field, &IDENTITY)?;
    }
    if !gateway.base.starts_with('/') || gateway.base.ends_with('/') || gateway.signature_header.is_empty() {
        return Err("`gateway.base` is a path without a slash at its end, and the signature has a header".into());
    }
    // A success and a conflict have meanings of their own; whether anything was done after
    // another status, the insurer has to say.
    if gateway
        .not_processed
        .iter()
        .any(|status| !(400..600).contains(status) || matches!(status, 404 | 409 | 500 | 502 | 504))
    {
        return Err("`gateway.not-processed` has statuses that do not tell that nothing was done".into());
    }
    let amounts = if gateway.amounts == "fen" { "Fen" } else { "Yuan" };
    let times = if gateway.times == "millis" { "Millis" } else { "Rfc3339" };
    let Gateway { illustrative, base, signature, signature_header, identity, not_processed, .. } = gateway;
    writeln!(
        table,
        "    ], gateway: Gateway {{ illustrative: {illustrative}, base: {base:?}, amounts: Amounts::{amounts}, times: \
         Times::{times}, signature: {signature:?}, signature_header: {signature_header:?}, identity: &{identity:?}, \
         not_processed: &{not_processed:?}, fields: &["
    )?;
    names(FIELDS, &gateway.fields, table)?;
    table.push_str("    ], outcomes: &[\n");
    names(OUTCOMES, &gateway.outcomes, table)?;
    table.push_str("    ] } },\n");
    Ok(())
}

/// Every word of ours with theirs, sorted by ours.
fn names(ours: &[&str], theirs: &BTreeMap<String, String>, table: &mut String) -> Result<(), Box<dyn Error>> {
    if let Some(unknown) = theirs.keys().find(|key| !ours.contains(&key.as_str())) {
        return Err(format!("`{unknown}` is not a word of this plugin").into());
    }
    let mut all: Vec<_> = ours.iter().map(|word| (*word, theirs.get(*word).map_or(*word, String::as_str))).collect();
    all.sort_unstable();
    for (word, name) in &all {
        if all.iter().any(|(other, taken)| other != word && taken == name) || name.is_empty() {
            return Err(format!("`{word}` has the name `{name}`, which another has too").into());
        }
        writeln!(table, "        ({word:?}, {name:?}),")?;
    }
    Ok(())
}
