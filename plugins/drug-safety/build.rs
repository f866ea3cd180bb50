//! Turns `data/*.toml` into sorted static tables. A row without a source, a code
//! that is nobody's, a source that nobody cites: each stops the build.

use std::{
    collections::{BTreeMap, BTreeSet},
    env, fs,
    path::Path,
};

use serde::{Deserialize, de::DeserializeOwned};

type Result<T, E = Box<dyn std::error::Error>> = std::result::Result<T, E>;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Source {
    title: String,
    year: u16,
    url: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Drugs {
    ingredient: BTreeMap<String, Ingredient>,
    alias: BTreeMap<String, String>,
    combination: BTreeMap<String, Vec<String>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Ingredient {
    zh: String,
    en: String,
    #[serde(default)]
    rxnorm: Vec<String>,
    #[serde(default)]
    snomed: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Product {
    atc: Vec<String>,
    name: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Interactions {
    interaction: Vec<Interaction>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Interaction {
    code: String,
    a: Vec<String>,
    b: Vec<String>,
    level: Level,
    only_with: Option<Narrow>,
    zh: String,
    en: String,
    advice_zh: String,
    advice_en: String,
    source: String,
    section: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Level {
    Contraindicated,
    Major,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Narrow {
    Diabetes,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Renals {
    renal: Vec<Renal>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Renal {
    atc: String,
    below: u16,
    action: Action,
    zh: String,
    en: String,
    source: String,
    section: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Action {
    Contraindicated,
    Avoid,
    NotStart,
    Reduce,
    MaxDailyMg(f64),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Allergies {
    group: Vec<Group>,
    not_medicines: NotMedicines,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Group {
    code: String,
    zh: String,
    en: String,
    members: Vec<String>,
    #[serde(default)]
    snomed: Vec<String>,
    #[serde(default)]
    rxnorm: Vec<String>,
    level: GroupLevel,
    source: String,
    section: Option<String>,
    #[serde(default)]
    cross: Vec<String>,
    #[serde(default)]
    cross_zh: String,
    #[serde(default)]
    cross_en: String,
}

#[derive(Deserialize, PartialEq)]
#[serde(rename_all = "kebab-case")]
enum GroupLevel {
    Veto,
    Warn,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NotMedicines {
    snomed: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Duplicates {
    class: BTreeMap<String, Name>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Name {
    zh: String,
    en: String,
}

fn main() -> Result<()> {
    println!("cargo::rerun-if-changed=data");
    let drugs: Drugs = read("ingredients")?;
    let products: BTreeMap<String, Product> = read("rxnorm")?;
    let interactions: Interactions = read("interactions")?;
    let renals: Renals = read("renal")?;
    let allergies: Allergies = read("allergies")?;
    let duplicates: Duplicates = read("duplicates")?;
    let mut sources = Sources { all: read("sources")?, cited: BTreeSet::new() };

    let mut out = String::new();
    emit_drugs(&mut out, &drugs, &products)?;
    let known = Known(&drugs);

    let mut rows = Vec::new();
    for row in &interactions.interaction {
        known.all(&row.code, row.a.iter().chain(&row.b))?;
        let contraindicated = matches!(row.level, Level::Contraindicated);
        let only_with_diabetes = matches!(row.only_with, Some(Narrow::Diabetes));
        rows.push(format!(
            "Interaction {{ code: {:?}, a: &{:?}, b: &{:?}, contraindicated: {contraindicated}, \
             only_with_diabetes: {only_with_diabetes}, text: {}, advice: {}, source: {} }}",
            row.code,
            row.a,
            row.b,
            text(&row.code, &row.zh, &row.en)?,
            text(&row.code, &row.advice_zh, &row.advice_en)?,
            sources.cite(&row.code, &row.source, row.section.as_deref())?,
        ));
    }
    unique(interactions.interaction.iter().map(|row| &row.code))?;
    emit(&mut out, "INTERACTIONS", "Interaction", &rows);

    let mut sorted: Vec<&Renal> = renals.renal.iter().collect();
    sorted.sort_by_key(|row| row.below);
    let mut rows = Vec::new();
    for row in sorted {
        known.all(&row.atc, [&row.atc])?;
        let action = match row.action {
            Action::Contraindicated => "Action::Contraindicated".to_owned(),
            Action::Avoid => "Action::Avoid".to_owned(),
            Action::NotStart => "Action::NotStart".to_owned(),
            Action::Reduce => "Action::Reduce".to_owned(),
            Action::MaxDailyMg(most) => {
                let digits = most.to_string();
                let (whole, fraction) = digits.split_once('.').unwrap_or((&digits, ""));
                let unscaled: i64 = format!("{whole}{fraction}").parse()?;
                format!("Action::MaxDailyMg(Decimal::new({unscaled}, {}))", fraction.len())
            }
        };
        rows.push(format!(
            "Renal {{ atc: {:?}, below: {}, action: {action}, text: {}, source: {} }}",
            row.atc,
            row.below,
            text(&row.atc, &row.zh, &row.en)?,
            sources.cite(&row.atc, &row.source, row.section.as_deref())?,
        ));
    }
    emit(&mut out, "RENAL", "Renal", &rows);

    let mut rows = Vec::new();
    for row in &allergies.group {
        known.all(&row.code, row.members.iter().chain(&row.cross))?;
        let cross = match row.cross.is_empty() {
            true => "Text { zh: \"\", en: \"\" }".to_owned(),
            false => text(&row.code, &row.cross_zh, &row.cross_en)?,
        };
        rows.push(format!(
            "Group {{ code: {:?}, name: {}, members: &{:?}, snomed: &{:?}, rxnorm: &{:?}, veto: {}, cross: &{:?}, \
             cross_name: {cross}, source: {} }}",
            row.code,
            text(&row.code, &row.zh, &row.en)?,
            row.members,
            row.snomed,
            row.rxnorm,
            row.level == GroupLevel::Veto,
            row.cross,
            sources.cite(&row.code, &row.source, row.section.as_deref())?,
        ));
    }
    unique(allergies.group.iter().map(|row| &row.code))?;
    emit(&mut out, "GROUPS", "Group", &rows);
    unique(&allergies.not_medicines.snomed)?;
    let others: Vec<String> = allergies.not_medicines.snomed.iter().map(|code| format!("{code:?}")).collect();
    emit(&mut out, "NOT_MEDICINES", "&str", &others);

    let mut rows = Vec::new();
    for (atc, name) in &duplicates.class {
        known.all(atc, [atc])?;
        rows.push(format!("Class {{ atc: {atc:?}, name: {} }}", text(atc, &name.zh, &name.en)?));
    }
    emit(&mut out, "CLASSES", "Class", &rows);

    sources.check()?;
    let folder = env::var_os("OUT_DIR").ok_or("cargo sets OUT_DIR")?;
    fs::write(Path::new(&folder).join("tables.rs"), out)?;
    Ok(())
}

fn read<T: DeserializeOwned>(table: &str) -> Result<T> {
    let path = format!("data/{table}.toml");
    toml::from_str(&fs::read_to_string(&path)?).map_err(|error| format!("{path}: {error}").into())
}

fn emit(out: &mut String, name: &str, kind: &str, rows: &[String]) {
    out.push_str(&format!("pub static {name}: &[{kind}] = &[\n"));
    for row in rows {
        out.push_str(&format!("    {row},\n"));
    }
    out.push_str("];\n");
}

fn emit_drugs(out: &mut String, drugs: &Drugs, products: &BTreeMap<String, Product>) -> Result<()> {
    let exact = |code: &String| match drugs.ingredient.contains_key(code) {
        true => Ok(()),
        false => Err(format!("`{code}` is no ingredient")),
    };
    let mut rows = Vec::new();
    // By code, what it stands for, whatever it is: one look-up for all of ATC.
    let mut atc: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    let mut rxnorm: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    let mut snomed: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for (code, ingredient) in &drugs.ingredient {
        if code.len() != 7 {
            return Err(format!("`{code}` is no ATC code of the fifth level").into());
        }
        rows.push(format!("Ingredient {{ atc: {code:?}, name: {} }}", text(code, &ingredient.zh, &ingredient.en)?));
        atc.insert(code, vec![code]);
        for (codes, table) in [(&ingredient.rxnorm, &mut rxnorm), (&ingredient.snomed, &mut snomed)] {
            for other in codes {
                if table.insert(other, vec![code]).is_some() {
                    return Err(format!("`{other}` is two ingredients").into());
                }
            }
        }
    }
    for (alias, code) in &drugs.alias {
        exact(code)?;
        atc.insert(alias, vec![code]);
    }
    for (combination, parts) in &drugs.combination {
        parts.iter().try_for_each(exact)?;
        atc.insert(combination, parts.iter().map(String::as_str).collect());
    }
    for (code, product) in products {
        product.atc.iter().try_for_each(exact)?;
        if product.name.is_empty() || product.atc.is_empty() {
            return Err(format!("the product `{code}` says too little").into());
        }
        let parts = product.atc.iter().map(String::as_str).collect();
        if rxnorm.insert(code, parts).is_some() {
            return Err(format!("`{code}` is a product and an ingredient").into());
        }
    }
    emit(out, "INGREDIENTS", "Ingredient", &rows);
    for (name, table) in [("ATC", atc), ("RXNORM", rxnorm), ("SNOMED", snomed)] {
        let rows: Vec<String> = table.iter().map(|(code, parts)| format!("({code:?}, &{parts:?})")).collect();
        emit(out, name, "(&str, &[&str])", &rows);
    }
    Ok(())
}

struct Known<'a>(&'a Drugs);

impl Known<'_> {
    /// Each beginning of a code is the beginning of something.
    fn all<'a>(&self, row: &str, prefixes: impl IntoIterator<Item = &'a String>) -> Result<()> {
        for prefix in prefixes {
            if !self.0.ingredient.keys().any(|code| code.starts_with(prefix.as_str())) {
                return Err(format!("{row}: no ingredient begins with `{prefix}`").into());
            }
        }
        Ok(())
    }
}

struct Sources {
    all: BTreeMap<String, Source>,
    cited: BTreeSet<String>,
}

impl Sources {
    fn cite(&mut self, row: &str, key: &str, section: Option<&str>) -> Result<String> {
        let Source { title, year, url } =
            self.all.get(key).ok_or_else(|| format!("{row}: there is no source `{key}`"))?;
        if title.is_empty() || !(1950..=2100).contains(year) {
            return Err(format!("the source `{key}` says too little").into());
        }
        self.cited.insert(key.to_owned());
        Ok(format!("Source {{ title: {title:?}, section: {section:?}, year: {year}, url: {url:?} }}"))
    }

    fn check(&self) -> Result<()> {
        match self.all.keys().find(|key| !self.cited.contains(*key)) {
            Some(key) => Err(format!("nobody cites the source `{key}`").into()),
            None => Ok(()),
        }
    }
}

fn text(row: &str, zh: &str, en: &str) -> Result<String> {
    if zh.is_empty() || en.is_empty() {
        return Err(format!("{row}: a text is missing").into());
    }
    Ok(format!("Text {{ zh: {zh:?}, en: {en:?} }}"))
}

fn unique<'a>(codes: impl IntoIterator<Item = &'a String>) -> Result<()> {
    let mut seen = BTreeSet::new();
    for code in codes {
        if !seen.insert(code) {
            return Err(format!("`{code}` is there twice").into());
        }
    }
    Ok(())
}
