//! 药品网络销售禁止清单: what must not be prescribed or sold online, as data.
//!
//! An entry matches by the hospital's class, ATC code, route or name, so that incomplete
//! catalogue data do not bypass the list. Names are matched in display texts too: a false
//! positive is preferred to a miss.

use serde::Deserialize;
use thiserror::Error;

use super::medicine::{DrugClass, Medicine};
use crate::coding::{Citation, Coding, system};

/// The list cannot be parsed.
#[derive(Debug, Error)]
#[error("the negative list cannot be read: {0}")]
pub struct InvalidList(#[from] toml::de::Error);

/// A negative list.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NegativeList {
    /// Its source.
    pub citation: Citation,
    #[serde(rename = "entry")]
    entries: Vec<Entry>,
}

/// One entry.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    /// The name in the list.
    pub name: String,
    /// Forbidden for every hospital; otherwise only for network retail.
    #[serde(default)]
    pub always: bool,
    /// Only the substance alone (单方), not in combination.
    #[serde(default)]
    single: bool,
    #[serde(default)]
    hit: Marks,
    #[serde(default)]
    except: Marks,
}

/// Criteria that match a medicine.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Marks {
    classes: Vec<DrugClass>,
    atc: Vec<String>,
    routes: Vec<String>,
    names: Vec<String>,
}

impl NegativeList {
    /// The national list, first edition.
    ///
    /// # Errors
    /// If the embedded data cannot be parsed.
    pub fn national() -> Result<Self, InvalidList> {
        Self::parse(include_str!("../../data/negative-list.toml"))
    }

    /// Parses a list.
    ///
    /// # Errors
    /// If it is not a list in TOML.
    pub fn parse(text: &str) -> Result<Self, InvalidList> {
        Ok(toml::from_str(text)?)
    }

    /// The entry that forbids a medicine, if any. For a hospital that delivers its own medicines
    /// under a local rule, only the entries with `always` apply.
    pub fn forbids(&self, medicine: &Medicine, own_delivery: bool) -> Option<&Entry> {
        self.entries.iter().find(|entry| (entry.always || !own_delivery) && entry.covers(medicine))
    }
}

impl Entry {
    fn covers(&self, medicine: &Medicine) -> bool {
        self.hit.on(medicine, self.single) && !self.except.on(medicine, false)
    }
}

impl Marks {
    /// Whether it matches. With `alone`, ingredients and the product's name do not count if
    /// there are several ingredients.
    fn on(&self, medicine: &Medicine, alone: bool) -> bool {
        let line = &medicine.line;
        let combination = alone && line.ingredients.len() > 1;
        let ingredients: &[Coding] = if combination { &[] } else { &line.ingredients };
        let named: &[Coding] = if combination { &[] } else { &line.code };
        let by_class = self.classes.iter().any(|&class| medicine.is(class));
        let by_route = line.route.iter().any(|route| self.routes.contains(&route.code));
        let by_atc = line.code.iter().chain(ingredients).any(|coding| self.has_atc(coding));
        let by_name = named.iter().chain(ingredients).any(|coding| self.has_name(coding));
        by_class || by_route || by_atc || by_name
    }

    fn has_atc(&self, coding: &Coding) -> bool {
        coding.system == system::ATC && self.atc.iter().any(|prefix| coding.code.starts_with(prefix.as_str()))
    }

    fn has_name(&self, coding: &Coding) -> bool {
        let texts = [Some(coding.code.as_str()), coding.display.as_deref()];
        texts.into_iter().flatten().any(|text| {
            let text = text.to_lowercase();
            self.names.iter().any(|name| has_word(&text, &name.to_lowercase()))
        })
    }
}

/// Whether `name` occurs in `text` as a whole word. In Chinese, which has no spaces, any
/// occurrence counts.
fn has_word(text: &str, name: &str) -> bool {
    text.match_indices(name).any(|(start, found)| {
        let before = text[..start].chars().next_back();
        let after = text[start + found.len()..].chars().next();
        let part_of_word = |c: Option<char>| c.is_some_and(|c| c.is_ascii_alphanumeric());
        !part_of_word(before) && !part_of_word(after)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture;

    fn list() -> NegativeList {
        NegativeList::national().expect("list")
    }

    fn atc(codes: &[&str]) -> Medicine {
        let mut medicine = fixture::medicine("x");
        medicine.line.ingredients = codes.iter().map(|code| Coding::new(system::ATC, *code)).collect();
        medicine
    }

    fn named(name: &str) -> Medicine {
        let mut medicine = fixture::medicine("x");
        medicine.line.code[0].display = Some(name.into());
        medicine
    }

    fn forbidden(medicine: &Medicine) -> bool {
        list().forbids(medicine, false).is_some()
    }

    #[test]
    fn every_entry_can_hit_and_names_itself() {
        for entry in &list().entries {
            let marks = &entry.hit;
            let count = marks.classes.len() + marks.atc.len() + marks.names.len() + marks.routes.len();
            assert!(count > 0 && !entry.name.is_empty(), "{}", entry.name);
            for name in &marks.names {
                let hits = entry.covers(&named(name));
                assert!(hits, "{}: its own name {name} is excepted", entry.name);
            }
            for code in &marks.atc {
                assert!(entry.covers(&atc(&[code.as_str()])), "{}: {code}", entry.name);
            }
            assert!(!marks.names.iter().any(String::is_empty) && !marks.atc.iter().any(String::is_empty));
        }
    }

    #[test]
    fn group_a_by_code_name_or_class() {
        for code in ["N05CF02", "N05CF01", "N05BA01", "N02AA01", "J07BB02", "B05AA01", "V09AB03", "N06BA04", "R05DA04"]
        {
            assert!(forbidden(&atc(&[code])), "{code}");
        }
        for name in ["酒石酸唑吡坦片", "Zolpidem tartrate 10 mg", "地西泮片", "艾司氯胺酮", "阿普唑仑"]
        {
            assert!(forbidden(&named(name)), "{name}");
        }
        let mut granules = fixture::medicine("x");
        granules.classes.insert(DrugClass::TcmGranules);
        assert!(forbidden(&granules));
    }

    #[test]
    fn injections_except_those_that_lower_glucose() {
        let ceftriaxone = named("注射用头孢曲松钠");
        assert!(forbidden(&ceftriaxone));
        let mut by_route = fixture::medicine("x");
        by_route.line.route = Some(Coding::new(system::SNOMED, "78421000"));
        assert!(forbidden(&by_route));
        let mut insulin = named("甘精胰岛素注射液");
        insulin.line.ingredients = vec![Coding::new(system::ATC, "A10AE04")];
        insulin.classes.insert(DrugClass::Injection);
        assert!(!forbidden(&insulin));
        let mut semaglutide = named("司美格鲁肽注射液");
        semaglutide.line.code.push(Coding::new(system::ATC, "A10BJ06"));
        assert!(!forbidden(&semaglutide));
    }

    #[test]
    fn single_substances_are_free_in_combination() {
        assert!(forbidden(&atc(&["N03AF01"])));
        assert!(forbidden(&named("碳酸锂缓释片")));
        assert!(forbidden(&named("拉莫三嗪片")));
        assert!(forbidden(&atc(&["R05DA09"])), "dextromethorphan alone");
        assert!(!forbidden(&atc(&["R05DA09", "N02BE01"])), "dextromethorphan with paracetamol");
        assert!(forbidden(&atc(&["G03CA03"])), "estradiol");
        assert!(!forbidden(&atc(&["G03CA03", "G03DB01"])), "estradiol with dydrogesterone");
        assert!(!forbidden(&named("Ethinylestradiol 35 µg")), "another word");
        assert!(forbidden(&named("复方米非司酮片")));
    }

    #[test]
    fn antifungals_are_free_on_the_skin() {
        let mut itraconazole = atc(&["J02AC02"]);
        assert!(forbidden(&itraconazole));
        itraconazole.classes.insert(DrugClass::Topical);
        assert!(!forbidden(&itraconazole));
    }

    #[test]
    fn ephedrine_mixtures_except_chinese_patent_medicines() {
        assert!(forbidden(&named("复方盐酸伪麻黄碱缓释胶囊")));
        assert!(forbidden(&atc(&["R01BA52"])));
        let mut patent = named("含麻黄碱的中成药");
        patent.classes.insert(DrugClass::ChinesePatent);
        assert!(!forbidden(&patent));
    }

    #[test]
    fn own_delivery_lifts_only_the_retail_part() {
        let list = list();
        assert!(list.forbids(&atc(&["B01AA03"]), false).is_some());
        assert!(list.forbids(&atc(&["B01AA03"]), true).is_none());
        assert!(list.forbids(&atc(&["N05CF02"]), true).is_some());
    }

    #[test]
    fn everyday_medicines_are_allowed() {
        for code in ["A10BA02", "A10BK01", "C09AA02", "C10AA05", "N06AB06", "J05AR20", "R06AE07", "A02BC01", "N02BE01"]
        {
            assert!(!forbidden(&atc(&[code])), "{code}");
        }
        for name in ["盐酸二甲双胍片", "达格列净片", "舍曲林片", "比克恩丙诺片", "布洛芬缓释胶囊", "Levothyroxine"]
        {
            assert!(!forbidden(&named(name)), "{name}");
        }
        assert!(!forbidden(&fixture::metformin()));
    }
}
