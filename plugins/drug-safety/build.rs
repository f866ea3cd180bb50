//! Turns `data/*.toml` into sorted static tables. A row without a source, a code
//! that is nobody's, a set, class or source that nobody names: each stops the build.

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
    /// Other names that a text may use.
    #[serde(default)]
    names: Vec<String>,
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
#[serde(rename_all = "kebab-case")]
enum Level {
    Contraindicated,
    Major,
    Moderate,
    /// A warning if the allergy was judged dangerous, otherwise a remark.
    ByCriticality,
}

impl Level {
    fn emit(&self) -> &'static str {
        match self {
            Self::Contraindicated => "Level::Contraindicated",
            Self::Major => "Level::Major",
            Self::Moderate => "Level::Moderate",
            Self::ByCriticality => "Level::ByCriticality",
        }
    }
}

/// Narrows a row to some patients.
#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Only {
    Diabetes,
    PreExposureProphylaxis,
    RenalImpairment,
}

fn only(only: Option<&Only>) -> &'static str {
    match only {
        None => "None",
        Some(Only::Diabetes) => "Some(Only::Diabetes)",
        Some(Only::PreExposureProphylaxis) => "Some(Only::PreExposureProphylaxis)",
        Some(Only::RenalImpairment) => "Some(Only::RenalImpairment)",
    }
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
    only: Option<Only>,
    zh: String,
    en: String,
    advice_zh: String,
    advice_en: String,
    source: String,
    section: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Renals {
    renal: Vec<Renal>,
    baseline: Vec<Baseline>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Renal {
    atc: String,
    below: u16,
    action: Action,
    only: Option<Only>,
    zh: String,
    en: String,
    source: String,
    section: Option<String>,
}

/// Renal function is known before it is given, whoever the patient is.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Baseline {
    atc: Vec<String>,
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
#[serde(deny_unknown_fields)]
struct Allergies {
    group: Vec<Group>,
    text: Texts,
    code: Codes,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Group {
    code: String,
    zh: String,
    en: String,
    members: Vec<String>,
    #[serde(default)]
    names: Vec<String>,
    #[serde(default)]
    snomed: Vec<String>,
    #[serde(default)]
    rxnorm: Vec<String>,
    level: Level,
    source: String,
    section: Option<String>,
    #[serde(default)]
    cross: Vec<Cross>,
}

/// Ingredients outside the group that may cross-react.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Cross {
    members: Vec<String>,
    level: Level,
    zh: String,
    en: String,
    source: String,
    section: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Texts {
    none: Vec<String>,
    not_medicines: Vec<String>,
    idle: Vec<String>,
    beside: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Codes {
    not_medicines: Vec<String>,
    unspecific: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Duplicates {
    class: Vec<Class>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Class {
    members: Vec<String>,
    zh: String,
    en: String,
    source: Option<String>,
    section: Option<String>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Doses {
    One(Dose),
    Several(Vec<Dose>),
}

/// Maxima as `500 mg`, ages in years.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Dose {
    #[serde(default = "adult")]
    from: f64,
    below: Option<f64>,
    once: Option<String>,
    day: Option<String>,
    week: Option<String>,
    once_per_kg: Option<String>,
    day_per_kg: Option<String>,
    weekly: Option<If>,
    weekly_above: Option<String>,
    level: Option<Level>,
    section: Option<String>,
}

/// Whatever the dose, or doses below an amount: what is swallowed daily is more.
#[derive(Deserialize)]
#[serde(untagged)]
enum If {
    Always(bool),
    Below(String),
}

fn adult() -> f64 {
    18.0
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Ages {
    age: Vec<Age>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Age {
    atc: Vec<String>,
    #[serde(default)]
    from: f64,
    below: Option<f64>,
    level: Level,
    zh: String,
    en: String,
    source: String,
    section: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Pregnancies {
    pregnancy: Vec<Pregnancy>,
    lactation: Vec<Pregnancy>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Pregnancy {
    atc: Vec<String>,
    level: Level,
    /// Whether an unknown status is asked for.
    #[serde(default)]
    ask: bool,
    zh: String,
    en: String,
    source: String,
    section: Option<String>,
}

fn main() -> Result<()> {
    println!("cargo::rerun-if-changed=data");
    let drugs: Drugs = read("ingredients")?;
    let products: BTreeMap<String, Product> = read("rxnorm")?;
    let interactions: Interactions = read("interactions")?;
    let mut sources = Sources { all: read("sources")?, cited: BTreeSet::new() };
    let mut sets = Sets { all: read("sets")?, named: BTreeSet::new(), drugs: &drugs };

    let mut out = String::new();
    emit_interactions(&mut out, &interactions.interaction, &mut sets, &mut sources)?;
    emit_drugs(&mut out, &drugs, &products, &interactions.interaction, &mut sets)?;
    emit_renal(&mut out, read("renal")?, &mut sets, &mut sources)?;
    emit_allergies(&mut out, read("allergies")?, &mut sets, &mut sources)?;
    emit_doses(&mut out, read("doses")?, &drugs, &mut sources)?;

    let duplicates: Duplicates = read("duplicates")?;
    let mut rows = Vec::new();
    for Class { members, zh, en, source, section } in &duplicates.class {
        let source = match source {
            Some(source) => format!("Some({})", sources.cite(en, source, section.as_deref())?),
            None => "None".to_owned(),
        };
        let members = sets.expand(en, members)?;
        rows.push(format!("Class {{ members: &{members:?}, name: {}, source: {source} }}", text(en, zh, en)?));
    }
    emit(&mut out, "CLASSES", "Class", &rows);

    let ages: Ages = read("ages")?;
    let mut rows = Vec::new();
    for Age { atc, from, below, level, zh, en, source, section } in &ages.age {
        rows.push(format!(
            "Age {{ members: &{:?}, from: {}, below: {}, level: {}, text: {}, source: {} }}",
            sets.expand(en, atc)?,
            months(*from),
            below.map_or(u32::MAX, months),
            level.emit(),
            text(en, zh, en)?,
            sources.cite(en, source, section.as_deref())?,
        ));
    }
    emit(&mut out, "AGES", "Age", &rows);

    let pregnancies: Pregnancies = read("pregnancy")?;
    for (name, table) in [("PREGNANCY", &pregnancies.pregnancy), ("LACTATION", &pregnancies.lactation)] {
        let mut rows = Vec::new();
        for Pregnancy { atc, level, ask, zh, en, source, section } in table {
            rows.push(format!(
                "Pregnancy {{ members: &{:?}, level: {}, ask: {ask}, text: {}, source: {} }}",
                sets.expand(en, atc)?,
                level.emit(),
                text(en, zh, en)?,
                sources.cite(en, source, section.as_deref())?,
            ));
        }
        emit(&mut out, name, "Pregnancy", &rows);
    }

    sources.check()?;
    sets.check()?;
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

fn emit_interactions(out: &mut String, all: &[Interaction], sets: &mut Sets, sources: &mut Sources) -> Result<()> {
    let mut rows = Vec::new();
    for row in all {
        sets.expand(&row.code, row.a.iter().chain(&row.b))?;
        rows.push(format!(
            "Interaction {{ code: {:?}, level: {}, only: {}, text: {}, advice: {}, source: {} }}",
            row.code,
            row.level.emit(),
            only(row.only.as_ref()),
            text(&row.code, &row.zh, &row.en)?,
            text(&row.code, &row.advice_zh, &row.advice_en)?,
            sources.cite(&row.code, &row.source, row.section.as_deref())?,
        ));
    }
    unique(all.iter().map(|row| &row.code))?;
    emit(out, "INTERACTIONS", "Interaction", &rows);
    Ok(())
}

fn emit_drugs(
    out: &mut String,
    drugs: &Drugs,
    products: &BTreeMap<String, Product>,
    interactions: &[Interaction],
    sets: &mut Sets,
) -> Result<()> {
    let exact = |code: &String| match drugs.ingredient.contains_key(code) {
        true => Ok(()),
        false => Err(format!("`{code}` is no ingredient")),
    };
    let mut sides = Vec::new();
    for row in interactions {
        sides.push([sets.expand(&row.code, &row.a)?, sets.expand(&row.code, &row.b)?]);
    }
    let mut rows = Vec::new();
    // By code, what it stands for, whatever it is: one look-up for all of ATC.
    let mut atc: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    let mut rxnorm: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    let mut snomed: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for (code, ingredient) in &drugs.ingredient {
        if code.len() != 7 {
            return Err(format!("`{code}` is no ATC code of the fifth level").into());
        }
        let on = |side: usize| -> Vec<usize> {
            let holds = |sides: &[Vec<String>; 2]| sides[side].iter().any(|prefix| code.starts_with(prefix.as_str()));
            sides.iter().enumerate().filter(|(_, sides)| holds(sides)).map(|(rule, _)| rule).collect()
        };
        rows.push(format!(
            "Ingredient {{ atc: {code:?}, name: {}, names: &{:?}, a: &{:?}, b: &{:?} }}",
            text(code, &ingredient.zh, &ingredient.en)?,
            names(&ingredient.zh, &ingredient.en, &ingredient.names),
            on(0),
            on(1),
        ));
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
        if atc.insert(alias, vec![code]).is_some() {
            return Err(format!("`{alias}` is there twice").into());
        }
    }
    for (combination, parts) in &drugs.combination {
        parts.iter().try_for_each(exact)?;
        let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
        // A code of a combination may be the home of one of its parts.
        if atc.insert(combination, parts).is_some_and(|before| before != [combination]) {
            return Err(format!("`{combination}` is there twice").into());
        }
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

fn emit_renal(out: &mut String, mut table: Renals, sets: &mut Sets, sources: &mut Sources) -> Result<()> {
    table.renal.sort_by_key(|row| row.below);
    let mut rows = Vec::new();
    for row in &table.renal {
        sets.expand(&row.atc, [&row.atc])?;
        let action = match row.action {
            Action::Contraindicated => "Action::Contraindicated".to_owned(),
            Action::Avoid => "Action::Avoid".to_owned(),
            Action::NotStart => "Action::NotStart".to_owned(),
            Action::Reduce => "Action::Reduce".to_owned(),
            Action::MaxDailyMg(most) => format!("Action::MaxDailyMg({})", decimal(&most.to_string())?),
        };
        rows.push(format!(
            "Renal {{ atc: {:?}, below: {}, action: {action}, only: {}, text: {}, source: {} }}",
            row.atc,
            row.below,
            only(row.only.as_ref()),
            text(&row.atc, &row.zh, &row.en)?,
            sources.cite(&row.atc, &row.source, row.section.as_deref())?,
        ));
    }
    emit(out, "RENAL", "Renal", &rows);
    let mut rows = Vec::new();
    for Baseline { atc, source, section } in &table.baseline {
        let members = sets.expand(source, atc)?;
        let source = sources.cite(source, source, section.as_deref())?;
        rows.push(format!("Baseline {{ members: &{members:?}, source: {source} }}"));
    }
    emit(out, "BASELINES", "Baseline", &rows);
    Ok(())
}

fn emit_allergies(out: &mut String, table: Allergies, sets: &mut Sets, sources: &mut Sources) -> Result<()> {
    let mut rows = Vec::new();
    for row in &table.group {
        let mut crosses = Vec::new();
        for cross in &row.cross {
            crosses.push(format!(
                "Cross {{ members: &{:?}, level: {}, text: {}, source: {} }}",
                sets.expand(&row.code, &cross.members)?,
                cross.level.emit(),
                text(&row.code, &cross.zh, &cross.en)?,
                sources.cite(&row.code, &cross.source, cross.section.as_deref())?,
            ));
        }
        rows.push(format!(
            "Group {{ code: {:?}, name: {}, members: &{:?}, names: &{:?}, snomed: &{:?}, rxnorm: &{:?}, level: {}, \
             cross: &[{}], source: {} }}",
            row.code,
            text(&row.code, &row.zh, &row.en)?,
            sets.expand(&row.code, &row.members)?,
            names(&row.zh, &row.en, &row.names),
            row.snomed,
            row.rxnorm,
            row.level.emit(),
            crosses.join(", "),
            sources.cite(&row.code, &row.source, row.section.as_deref())?,
        ));
    }
    unique(table.group.iter().map(|row| &row.code))?;
    emit(out, "GROUPS", "Group", &rows);
    for (name, list) in [
        ("NOT_MEDICINES", &table.code.not_medicines),
        ("UNSPECIFIC", &table.code.unspecific),
        ("TEXT_NONE", &table.text.none),
        ("TEXT_NOT_MEDICINES", &table.text.not_medicines),
        ("TEXT_IDLE", &table.text.idle),
        ("TEXT_BESIDE", &table.text.beside),
    ] {
        unique(list)?;
        // Longest first, as texts are read.
        let mut list: Vec<&String> = list.iter().collect();
        list.sort_by_key(|text| std::cmp::Reverse(text.len()));
        let rows: Vec<String> = list.iter().map(|text| format!("{text:?}")).collect();
        emit(out, name, "&str", &rows);
    }
    Ok(())
}

fn emit_doses(
    out: &mut String,
    table: BTreeMap<String, BTreeMap<String, Doses>>,
    drugs: &Drugs,
    sources: &mut Sources,
) -> Result<()> {
    let mut all: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (source, rows) in table {
        for (atc, rows) in rows {
            // Of a medicine or of a fixed combination. A compendium is cited by its article.
            let name = |code: &String| drugs.ingredient.get(code).map(|ingredient| ingredient.en.as_str());
            let parts = drugs.combination.get(&atc).map_or_else(|| vec![&atc], |parts| parts.iter().collect());
            let article: Option<Vec<&str>> = parts.into_iter().map(name).collect();
            let article = article.ok_or_else(|| format!("doses: `{atc}` is no medicine"))?.join(" with ");
            let section = match source.split_once('-') {
                Some(("label", _)) => "2 Dosage and Administration",
                Some(("smpc", _)) => "4.2 Posology",
                _ => article.as_str(),
            };
            let rows = match rows {
                Doses::One(row) => vec![row],
                Doses::Several(rows) => rows,
            };
            for row in rows {
                let mut units = BTreeSet::new();
                let mut amount = |amount: &String| -> Result<String> {
                    let (value, unit) = quantity(&atc, amount)?;
                    units.insert(unit);
                    Ok(value)
                };
                let weekly = match (&row.weekly, &row.weekly_above) {
                    (None, None) => "Weekly::Never".to_owned(),
                    (Some(If::Always(true)), None) => "Weekly::Always".to_owned(),
                    (Some(If::Below(least)), None) => format!("Weekly::Below({})", amount(least)?),
                    (None, Some(most)) => format!("Weekly::Above({})", amount(most)?),
                    _ => return Err(format!("doses: `{atc}` is weekly in two ways, or in none").into()),
                };
                let mut most = |most: Option<&String>| match most {
                    Some(most) => amount(most).map(|most| format!("Some({most})")),
                    None => Ok("None".to_owned()),
                };
                let limits = format!(
                    "once: {}, day: {}, week: {}, once_per_kg: {}, day_per_kg: {}",
                    most(row.once.as_ref())?,
                    most(row.day.as_ref())?,
                    most(row.week.as_ref())?,
                    most(row.once_per_kg.as_ref())?,
                    most(row.day_per_kg.as_ref())?,
                );
                let [unit] = units.into_iter().collect::<Vec<_>>()[..] else {
                    return Err(format!("doses: `{atc}` needs maxima in one unit").into());
                };
                // The strength of a tablet is not known.
                let level = match (unit, row.level) {
                    ("Unit::Piece", None) => Level::Major,
                    ("Unit::Piece", Some(_)) => {
                        return Err(format!("doses: `{atc}` is counted in tablets, which is always major").into());
                    }
                    (_, level) => level.unwrap_or(Level::Contraindicated),
                };
                let section = row.section.as_deref().unwrap_or(section);
                all.entry(atc.clone()).or_default().push(format!(
                    "Dose {{ from: {}, below: {}, unit: {unit}, {limits}, weekly: {weekly}, level: {}, source: {} }}",
                    months(row.from),
                    row.below.map_or(u32::MAX, months),
                    level.emit(),
                    sources.cite(&atc, &source, Some(section))?,
                ));
            }
        }
    }
    let rows: Vec<String> = all.iter().map(|(atc, rows)| format!("({atc:?}, &[{}])", rows.join(", "))).collect();
    emit(out, "DOSES", "(&str, &[Dose])", &rows);
    Ok(())
}

/// Named lists of ATC codes and their beginnings; `@name` stands for one.
struct Sets<'a> {
    all: BTreeMap<String, Vec<String>>,
    named: BTreeSet<String>,
    drugs: &'a Drugs,
}

impl Sets<'_> {
    /// Each beginning of a code is the beginning of something.
    fn expand<'b>(&mut self, row: &str, entries: impl IntoIterator<Item = &'b String>) -> Result<Vec<String>> {
        let mut prefixes = Vec::new();
        for entry in entries {
            match entry.strip_prefix('@') {
                Some(name) => {
                    let set = self.all.get(name).cloned().ok_or_else(|| format!("{row}: there is no set `{name}`"))?;
                    self.named.insert(name.to_owned());
                    prefixes.extend(self.expand(name, &set)?);
                }
                None if self.drugs.ingredient.keys().any(|code| code.starts_with(entry.as_str())) => {
                    prefixes.push(entry.clone());
                }
                None => return Err(format!("{row}: no ingredient begins with `{entry}`").into()),
            }
        }
        Ok(prefixes)
    }

    fn check(&self) -> Result<()> {
        match self.all.keys().find(|key| !self.named.contains(*key)) {
            Some(key) => Err(format!("nobody names the set `{key}`").into()),
            None => Ok(()),
        }
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

/// Ages are given in years and compared in completed months.
fn months(years: f64) -> u32 {
    (years * 12.0).round() as u32
}

/// An amount in the unit it is compared in.
fn quantity(row: &str, text: &str) -> Result<(String, &'static str)> {
    let (number, unit) = text.split_once(' ').ok_or_else(|| format!("{row}: `{text}` has no unit"))?;
    let (factor, unit) = match unit {
        "ug" => (0.001, "Unit::Milligram"),
        "mg" => (1.0, "Unit::Milligram"),
        "g" => (1000.0, "Unit::Milligram"),
        "U" => (1.0, "Unit::International"),
        "mL" => (1.0, "Unit::Millilitre"),
        "tbl" => (1.0, "Unit::Piece"),
        _ => return Err(format!("{row}: the unit of `{text}` is unknown").into()),
    };
    let value: f64 = number.parse()?;
    if value <= 0.0 {
        return Err(format!("{row}: `{text}` is no maximum").into());
    }
    // Floats as decimal text: at most six digits after the point, none invented.
    let digits = format!("{:.6}", value * factor);
    Ok((decimal(digits.trim_end_matches('0').trim_end_matches('.'))?, unit))
}

fn decimal(digits: &str) -> Result<String> {
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let unscaled: i64 = format!("{whole}{fraction}").parse()?;
    Ok(format!("Decimal::new({unscaled}, {})", fraction.len()))
}

fn text(row: &str, zh: &str, en: &str) -> Result<String> {
    if zh.is_empty() || en.is_empty() {
        return Err(format!("{row}: a text is missing").into());
    }
    Ok(format!("Text {{ zh: {zh:?}, en: {en:?} }}"))
}

/// All names, as a text is compared: in lower case.
fn names(zh: &str, en: &str, others: &[String]) -> Vec<String> {
    [zh, en].into_iter().chain(others.iter().map(String::as_str)).map(str::to_lowercase).collect()
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
