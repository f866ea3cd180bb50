//! Dated figures with their sources: of the tenant, in the setting `scheme`, or the illustrative
//! ones that a plugin ships, in a demonstration.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, de::DeserializeOwned};
use toml::value::{Date, Datetime};
use xinglin_sdk::{
    insurance::Error,
    settings,
    time::{DAY, Instant},
    types::Citation,
};

use crate::{calendar, missing};

/// Setting with the tenant's own text.
pub const SCHEME: &str = "scheme";
/// Setting that permits figures which nobody has set.
pub const ACCEPT_ILLUSTRATIVE: &str = "accept-illustrative";

/// What one plugin writes under `[edition.scheme]`.
pub trait Figures: DeserializeOwned {
    /// Keys of the sources that it names.
    fn cited(&self) -> Vec<&str>;

    /// Whether the figures hold together.
    ///
    /// # Errors
    /// Says what does not.
    fn check(&self) -> Result<(), String>;
}

/// A document that figures come from.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Source {
    title: String,
    section: Option<String>,
    year: u16,
    url: Option<String>,
}

/// A day in Asia/Shanghai.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(try_from = "Datetime")]
struct Day(Instant);

impl TryFrom<Datetime> for Day {
    type Error = &'static str;

    fn try_from(written: Datetime) -> Result<Self, Self::Error> {
        match written {
            Datetime { date: Some(Date { year, month, day }), time: None, offset: None } => {
                Ok(Self(calendar::date(year, month, day)))
            }
            _ => Err("write a day, such as 2026-01-31"),
        }
    }
}

/// Figures that apply from a day on.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, bound = "T: Figures")]
pub struct Edition<T> {
    from: Day,
    /// The last day.
    until: Option<Day>,
    #[serde(default)]
    illustrative: bool,
    source: BTreeMap<String, Source>,
    /// The figures.
    pub scheme: T,
}

impl<T: Figures> Edition<T> {
    /// One of its sources. What is illustrative says so.
    pub fn cite(&self, key: &str) -> Citation {
        // `check` has looked at every key.
        let Some(Source { title, section, year, url }) = self.source.get(key).cloned() else {
            return Citation::new(key, 0);
        };
        let title = if self.illustrative { format!("{title}(示例参数 / illustrative figures)") } else { title };
        Citation { title, section, year, url }
    }

    fn check(&self) -> Result<(), String> {
        let cited: BTreeSet<&str> = self.scheme.cited().into_iter().collect();
        if let Some(key) = cited.iter().find(|key| !self.source.contains_key(**key)) {
            return Err(format!("there is no source `{key}`"));
        }
        for (key, source) in &self.source {
            if !cited.contains(key.as_str()) {
                return Err(format!("nothing cites the source `{key}`"));
            }
            if source.title.is_empty() || !(1950..=2100).contains(&source.year) {
                return Err(format!("the source `{key}` says too little"));
            }
        }
        self.scheme.check()
    }

    fn holds(&self, at: Instant) -> bool {
        self.from.0 <= at && self.until.is_none_or(|last| at < last.0 + DAY)
    }
}

/// All editions of a scheme, oldest first.
#[derive(Debug, Clone)]
pub struct Editions<T> {
    editions: Vec<Edition<T>>,
    accepts_illustrative: bool,
}

impl<T: Figures> Editions<T> {
    /// The tenant's, or else those shipped.
    ///
    /// # Errors
    /// If the tenant's cannot be read, or do not hold together.
    pub fn of(shipped: &str) -> Result<Self, Error> {
        let own = settings::text(SCHEME).filter(|text| !text.trim().is_empty());
        let editions = read(own.as_deref().unwrap_or(shipped)).map_err(|problem| {
            missing(format!("设置项 {SCHEME} 有误:{problem}"), format!("The setting `{SCHEME}` is wrong: {problem}"))
        })?;
        Ok(Self { editions, accepts_illustrative: settings::boolean(ACCEPT_ILLUSTRATIVE).unwrap_or(false) })
    }

    /// The figures of all of them.
    pub fn schemes(&self) -> impl Iterator<Item = &T> {
        self.editions.iter().map(|edition| &edition.scheme)
    }

    /// The edition that applies at a moment.
    ///
    /// # Errors
    /// If there is none, or if it is illustrative and the tenant does not accept that.
    pub fn at(&self, at: Instant) -> Result<&Edition<T>, Error> {
        let day = calendar::written(at);
        let edition = self.editions.iter().rev().find(|edition| edition.holds(at)).ok_or_else(|| {
            missing(
                format!("方案没有适用于 {day} 的参数,请在设置项 {SCHEME} 中补充。"),
                format!("No figures apply on {day}; add them to the setting `{SCHEME}`."),
            )
        })?;
        if edition.illustrative && !self.accepts_illustrative {
            return Err(missing(
                format!(
                    "本机构尚未设置自己的参数(设置项 {SCHEME}),随附参数仅为示例;演示时可打开 {ACCEPT_ILLUSTRATIVE}。"
                ),
                format!(
                    "The hospital has not set its own figures (setting `{SCHEME}`), and those shipped are illustrative. \
                     In a demonstration, switch `{ACCEPT_ILLUSTRATIVE}` on."
                ),
            ));
        }
        Ok(edition)
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, bound = "T: Figures")]
struct File<T> {
    edition: Vec<Edition<T>>,
}

/// Reads and checks a text; an error says where it is wrong.
fn read<T: Figures>(text: &str) -> Result<Vec<Edition<T>>, String> {
    let File { edition: editions } = toml::from_str::<File<T>>(text).map_err(|error| {
        let before = error.span().and_then(|span| text.get(..span.start));
        let line = before.map_or(0, |before| before.matches('\n').count()) + 1;
        format!("line {line}: {}", error.message())
    })?;
    for edition in &editions {
        let day = calendar::written(edition.from.0);
        edition.check().map_err(|problem| format!("edition of {day}: {problem}"))?;
        if edition.until.is_some_and(|last| last < edition.from) {
            return Err(format!("edition of {day}: it ends before it begins"));
        }
    }
    for pair in editions.windows(2) {
        if let [before, after] = pair
            && (before.from >= after.from || before.until.is_some_and(|last| last >= after.from))
        {
            return Err(format!("edition of {}: one before it begins or ends later", calendar::written(after.from.0)));
        }
    }
    Ok(editions)
}

/// Whether all keys are there, and differ.
///
/// # Errors
/// Names the first key that is there twice.
pub fn unique<'a>(keys: impl IntoIterator<Item = &'a str>) -> Result<(), String> {
    let mut seen = BTreeSet::new();
    match keys.into_iter().find(|key| key.is_empty() || !seen.insert(*key)) {
        Some("") => Err("a code is empty".to_owned()),
        Some(key) => Err(format!("`{key}` is there twice")),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, Clone, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct One {
        figure: u8,
        source: String,
    }

    impl Figures for One {
        fn cited(&self) -> Vec<&str> {
            vec![&self.source]
        }

        fn check(&self) -> Result<(), String> {
            if self.figure == 0 { Err("the figure is zero".to_owned()) } else { Ok(()) }
        }
    }

    fn edition(head: &str, figure: u8) -> String {
        format!(
            "[[edition]]\n{head}\n[edition.source.a]\ntitle = \"通知\"\nyear = 2026\n\
             [edition.scheme]\nfigure = {figure}\nsource = \"a\"\n"
        )
    }

    #[test]
    fn the_edition_of_the_day_applies() {
        let text = edition("from = 2026-01-01\nuntil = 2026-12-31", 1) + &edition("from = 2028-01-01", 2);
        let editions = Editions { editions: read::<One>(&text).expect("sound"), accepts_illustrative: false };
        let cases = [
            (calendar::date(2026, 1, 1) - 1, None),
            (calendar::date(2026, 1, 1), Some(1)),
            (calendar::date(2027, 1, 1) - 1, Some(1)),
            (calendar::date(2027, 1, 1), None),
            (calendar::date(2028, 1, 1), Some(2)),
            (calendar::date(2099, 1, 1), Some(2)),
        ];
        for (at, figure) in cases {
            assert_eq!(editions.at(at).ok().map(|edition| edition.scheme.figure), figure, "{}", calendar::written(at));
        }
    }

    #[test]
    fn what_is_illustrative_is_accepted_or_refused_and_says_so() {
        let text = edition("from = 2026-01-01\nillustrative = true", 1);
        let mut editions = Editions { editions: read::<One>(&text).expect("sound"), accepts_illustrative: false };
        assert!(matches!(editions.at(calendar::date(2026, 1, 1)), Err(Error::MissingData(_))));
        editions.accepts_illustrative = true;
        let edition = editions.at(calendar::date(2026, 1, 1)).expect("accepted");
        assert_eq!(edition.cite("a").title, "通知(示例参数 / illustrative figures)");
    }

    #[test]
    fn a_mistake_is_found() {
        let good = edition("from = 2026-01-01", 1);
        let cases = [
            ("from 2026".to_owned(), "line 1: "),
            (good.replace("figure = 1", "figure = 1\nfigures = 2"), "line 8: unknown field `figures`"),
            (good.replace("figure = 1", "figure = 0"), "edition of 2026-01-01: the figure is zero"),
            (good.replace("source = \"a\"", "source = \"b\""), "there is no source `b`"),
            (good.clone() + "[edition.source.b]\ntitle = \"b\"\nyear = 2026\n", "nothing cites the source `b`"),
            (good.replace("year = 2026", "year = 26"), "the source `a` says too little"),
            (good.replace("from = 2026-01-01", "from = 2026-01-01T00:00:00"), "write a day"),
            (edition("from = 2026-01-02\nuntil = 2026-01-01", 1), "it ends before it begins"),
            (good.clone() + &good, "edition of 2026-01-01: one before it begins or ends later"),
            (
                edition("from = 2026-01-01\nuntil = 2026-02-01", 1) + &edition("from = 2026-02-01", 1),
                "edition of 2026-02-01",
            ),
        ];
        for (text, hint) in cases {
            let problem = read::<One>(&text).expect_err(hint);
            assert!(problem.contains(hint), "{problem} / {hint}");
        }
    }
}
