//! Policies from files: parsed, validated against the schema, and sorted by action.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    fs, io,
    path::Path,
    str::FromStr,
    sync::LazyLock,
    time::SystemTime,
};

use cedar_policy::{
    ActionConstraint, Effect, EntityUid, Policy, PolicyId, PolicySet, ValidationMode, Validator, ffi::DetailedError,
};
use xinglin_domain::{access::Action, id::TenantId};

use crate::policy::{Flaw, Flaws, HOST, Policies, PolicyText, Rules, ask::action_uid, schema};

/// Path prefix of shipped policies.
pub(crate) const SHIPPED: &str = "shipped/";

const EXTENSION: &str = "cedar";

/// Largest file, in bytes.
const MOST_BYTES: u64 = 1 << 20;

const FILES: [(&str, &str); 5] = [
    ("care.cedar", include_str!("../../policies/care.cedar")),
    ("money.cedar", include_str!("../../policies/money.cedar")),
    ("plugins.cedar", include_str!("../../policies/plugins.cedar")),
    ("records.cedar", include_str!("../../policies/records.cedar")),
    ("running.cedar", include_str!("../../policies/running.cedar")),
];

/// A valid policy.
#[derive(Clone)]
struct Sound {
    policy: Policy,
    text: PolicyText,
}

/// The validator, and the shipped policies.
type Shipped = (Validator, Vec<Sound>);

/// Schema and shipped policies: constants of this program, parsed once.
fn shipped() -> Result<&'static Shipped, Flaws> {
    static READ: LazyLock<Result<Shipped, Vec<Flaw>>> = LazyLock::new(|| {
        let validator = Validator::new(schema().map_err(|Flaws(flaws)| flaws)?);
        let mut flaws = Vec::new();
        let parsed = FILES.map(|(name, source)| parse(&validator, &format!("{SHIPPED}{name}"), source, &mut flaws));
        let shipped = parsed.into_iter().flatten().collect();
        if flaws.is_empty() { Ok((validator, shipped)) } else { Err(flaws) }
    });
    READ.as_ref().map_err(|flaws| Flaws(flaws.clone()))
}

pub(crate) fn load(root: &Path) -> Result<Policies, Flaws> {
    let (validator, shipped) = shipped()?;
    let mut flaws = Vec::new();
    let mut added = read_root(validator, root, &mut flaws);
    let host = added.remove(HOST).unwrap_or_default();
    let mut everywhere = shipped.clone();
    everywhere.extend(host);
    let mut tenants = HashMap::new();
    for (tenant, own) in added {
        match TenantId::from_str(&tenant) {
            Ok(id) => {
                let all: Vec<_> = everywhere.iter().cloned().chain(own).collect();
                tenants.insert(id, rules(&all, &mut flaws));
            }
            // A mistyped folder name must not leave a tenant without its policies.
            Err(_) => flaws.push(Flaw {
                file: tenant,
                line: None,
                problem: format!("a folder of policies is called like a tenant, `ten-…`, or `{HOST}`"),
            }),
        }
    }
    let everywhere = rules(&everywhere, &mut flaws);
    if flaws.is_empty() { Ok(Policies { everywhere, tenants }) } else { Err(Flaws(flaws)) }
}

/// Validates a folder of policies, or that of one tenant, without effect.
///
/// # Errors
/// All errors; also if there is nothing to check.
pub fn check(folder: &Path) -> Result<Vec<PolicyText>, Flaws> {
    let mut flaws = Vec::new();
    let is_root = listed(folder, &mut flaws).iter().any(|path| path.is_dir());
    let found = if is_root {
        let Policies { everywhere, tenants } = load(folder)?;
        let own = tenants.into_values().flat_map(|rules| rules.texts);
        let mut texts: Vec<_> =
            everywhere.texts.into_iter().chain(own).filter(|text| !text.file.starts_with(SHIPPED)).collect();
        texts.sort_by(|a, b| (&a.file, a.line).cmp(&(&b.file, b.line)));
        texts.dedup();
        texts
    } else {
        let found = read_folder(&shipped()?.0, folder, "", &mut flaws);
        rules(&found, &mut flaws);
        found.into_iter().map(|sound| sound.text).collect()
    };
    if found.is_empty() && flaws.is_empty() {
        let problem = format!("no `*.{EXTENSION}` here, nor in `{HOST}/` or `ten-…/` beneath it");
        flaws.push(Flaw { file: folder.display().to_string(), line: None, problem });
    }
    if flaws.is_empty() { Ok(found) } else { Err(Flaws(flaws)) }
}

/// Changes when the content of the folder changes: path, length and modification time of each file.
///
/// # Errors
/// If it cannot be read.
pub fn fingerprint(root: &Path) -> io::Result<BTreeMap<String, (u64, Option<SystemTime>)>> {
    let mut found = BTreeMap::new();
    for folder in entries(root)? {
        let inside = if folder.is_dir() { entries(&folder)? } else { vec![folder] };
        for path in inside {
            let about = fs::metadata(&path)?;
            found.insert(path.display().to_string(), (about.len(), about.modified().ok()));
        }
    }
    Ok(found)
}

fn entries(folder: &Path) -> io::Result<Vec<std::path::PathBuf>> {
    match fs::read_dir(folder) {
        Ok(entries) => {
            let mut paths = entries.map(|entry| Ok(entry?.path())).collect::<io::Result<Vec<_>>>()?;
            paths.sort();
            Ok(paths)
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
        Err(error) => Err(error),
    }
}

/// The policies of each subfolder.
fn read_root(validator: &Validator, root: &Path, flaws: &mut Vec<Flaw>) -> BTreeMap<String, Vec<Sound>> {
    let mut found = BTreeMap::new();
    for path in listed(root, flaws) {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if path.is_dir() {
            found.insert(name.clone(), read_folder(validator, &path, &format!("{name}/"), flaws));
        } else if path.extension().is_some_and(|extension| extension == EXTENSION) {
            let problem = format!("belongs into `{HOST}/` or into the folder of a tenant");
            flaws.push(Flaw { file: name, line: None, problem });
        }
    }
    found
}

fn read_folder(validator: &Validator, folder: &Path, prefix: &str, flaws: &mut Vec<Flaw>) -> Vec<Sound> {
    let mut found = Vec::new();
    for path in listed(folder, flaws) {
        if path.extension().is_none_or(|extension| extension != EXTENSION) {
            continue;
        }
        let file = format!("{prefix}{}", path.file_name().unwrap_or_default().to_string_lossy());
        let source = fs::metadata(&path).and_then(|about| match about.len() {
            ..=MOST_BYTES => fs::read_to_string(&path),
            _ => Err(io::Error::other("is larger than 1 MiB")),
        });
        match source {
            Ok(source) => {
                for sound in parse(validator, &file, &source, flaws) {
                    if sound.policy.effect() == Effect::Permit {
                        flaws.push(Flaw {
                            file: sound.text.file,
                            line: Some(sound.text.line),
                            problem: "policies that are added only forbid: `permit` would change nothing, write \
                                      `forbid … unless { … }`"
                                .into(),
                        });
                    } else {
                        found.push(sound);
                    }
                }
            }
            Err(error) => flaws.push(Flaw { file, line: None, problem: error.to_string() }),
        }
    }
    found
}

fn listed(folder: &Path, flaws: &mut Vec<Flaw>) -> Vec<std::path::PathBuf> {
    entries(folder).unwrap_or_else(|error| {
        flaws.push(Flaw { file: folder.display().to_string(), line: None, problem: error.to_string() });
        Vec::new()
    })
}

/// The policies of one file, each with a unique id.
fn parse(validator: &Validator, file: &str, source: &str, flaws: &mut Vec<Flaw>) -> Vec<Sound> {
    let set = match PolicySet::from_str(source) {
        Ok(set) => set,
        Err(errors) => {
            flaws.extend(errors.iter().map(|error| in_file(file, source, &error.into())));
            return Vec::new();
        }
    };
    if set.templates().next().is_some() {
        flaws.push(Flaw {
            file: file.into(),
            line: None,
            problem: "templates (`?principal`) are not used here".into(),
        });
        return Vec::new();
    }
    let checked = validator.validate(&set, ValidationMode::Strict);
    flaws.extend(checked.validation_errors().map(|error| in_file(file, source, &error.into())));
    // Such as a condition that is always false.
    flaws.extend(checked.validation_warnings().map(|warning| in_file(file, source, &warning.into())));
    let mut policies: Vec<&Policy> = set.policies().collect();
    // `policy0`, `policy1`, … in the order of the file.
    policies.sort_by_key(|policy| policy.id().to_string().trim_start_matches("policy").parse().unwrap_or(usize::MAX));
    let (mut names, mut from, mut found) = (BTreeSet::new(), 0, Vec::new());
    for policy in policies {
        let text = policy.to_string();
        let at = source.get(from..).and_then(|rest| rest.find(&text)).map_or(from, |at| from + at);
        from = at;
        let line = line_of(source, at);
        let name = policy.annotation("id").map_or_else(|| format!("L{line}"), str::to_owned);
        if !names.insert(name.clone()) {
            let problem = format!("there is an `@id(\"{name}\")` in this file already");
            flaws.push(Flaw { file: file.into(), line: Some(line), problem });
            continue;
        }
        let id = format!("{file}#{name}");
        let effect = if policy.effect() == Effect::Permit { "permit" } else { "forbid" };
        found.push(Sound {
            policy: policy.new_id(PolicyId::new(&id)),
            text: PolicyText { id, effect, file: file.into(), line, text },
        });
        from += 1;
    }
    found
}

fn in_file(file: &str, source: &str, error: &DetailedError) -> Flaw {
    let line = error.source_locations.first().map(|label| line_of(source, label.loc.start));
    let label = error.source_locations.first().and_then(|label| label.label.as_deref());
    let hints = [label, error.help.as_deref()];
    let mut problem = error.message.clone();
    for hint in hints.into_iter().flatten() {
        problem.push_str(", ");
        problem.push_str(hint);
    }
    Flaw { file: file.into(), line, problem }
}

fn line_of(source: &str, at: usize) -> usize {
    source.bytes().take(at).filter(|byte| *byte == b'\n').count() + 1
}

fn rules(all: &[Sound], flaws: &mut Vec<Flaw>) -> Rules {
    let mut by_action = HashMap::new();
    for &action in Action::ALL {
        let (own, group) = (action_uid(action.as_str()), action_uid(action.noun()));
        let speaks = |uid: &EntityUid| *uid == own || *uid == group;
        let speaking = all.iter().filter(|sound| match sound.policy.action_constraint() {
            ActionConstraint::Any => true,
            ActionConstraint::Eq(uid) => speaks(&uid),
            ActionConstraint::In(uids) => uids.iter().any(speaks),
        });
        match PolicySet::from_policies(speaking.map(|sound| sound.policy.clone())) {
            Ok(set) => drop(by_action.insert(action, set)),
            Err(error) => flaws.push(Flaw { file: action.as_str().into(), line: None, problem: error.to_string() }),
        }
    }
    Rules { by_action, texts: all.iter().map(|sound| sound.text.clone()).collect() }
}
