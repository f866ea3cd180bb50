//! What must not be prescribed or sold online (药品网络销售禁止清单), as data.
//!
//! One matcher over the identity of a product ([`Product`]): any of class, ATC, RxNorm, generic
//! name, brand, ingredient or route suffices, so that incomplete or wrong catalogue data do not
//! bypass the list. A false positive is preferred to a miss.

use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::{
    medicine::DrugClass,
    product::{Ingredient, Name, Naming, Occurs, Product},
    substance::Substances,
};
use crate::{
    coding::{Citation, Coding, system},
    payer::LineKind,
};

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
    /// By which titles are read.
    #[serde(skip)]
    substances: Substances,
}

/// One entry.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    /// The name in the list.
    name: String,
    /// Forbidden for every hospital; otherwise only for network retail.
    #[serde(default)]
    always: bool,
    /// The source, if it is not that of the list.
    #[serde(default)]
    citation: Option<Citation>,
    /// Only the substance alone (单方), not in combination.
    #[serde(default)]
    single: bool,
    /// Not for the skin, eye, ear or nose (外用剂型), by the product's own form.
    #[serde(default)]
    topical_allowed: bool,
    /// Not in a form that is not injected, by the product's own title.
    #[serde(default)]
    by_form: bool,
    #[serde(default)]
    hit: Marks,
    /// Names that contain a name of the entry by accident.
    #[serde(default)]
    not: Vec<Name>,
    /// The same, in place of `not`, for what is not sold as a medicine.
    #[serde(default)]
    devices: Vec<Name>,
    /// Any of them lifts the entry; a class does not if the title is nothing but a listed name.
    #[serde(default)]
    except: Marks,
    /// Lifts the entry: no ATC code outside these groups, and no other known substance in a name.
    #[serde(default)]
    unless_atc: Vec<String>,
}

/// Criteria that match a product.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Marks {
    classes: Vec<DrugClass>,
    /// Beginnings of ATC codes.
    atc: Vec<String>,
    /// Groups of NHSA drug codes.
    nhsa: Vec<String>,
    /// RxNorm codes of ingredients.
    rxnorm: Vec<String>,
    /// SNOMED CT codes of routes.
    routes: Vec<String>,
    names: Vec<Name>,
    /// Ends of words.
    endings: Vec<Name>,
    /// Names that count if the title says nothing else.
    alone: Vec<Name>,
    /// Dosage forms, of what is sold as a medicine.
    forms: Vec<Name>,
    brands: Vec<Name>,
}

/// That a product must not be prescribed or sold online, and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Error)]
#[error("{entry} must not be prescribed or sold online ({list}): {by}")]
pub struct Forbidden {
    /// The list.
    pub list: Citation,
    /// The entry.
    pub entry: String,
    /// Whether no local rule can lift it.
    pub always: bool,
    /// What matched.
    pub by: Match,
}

/// What of a product matched an entry.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Error)]
#[serde(rename_all = "snake_case", tag = "kind", content = "value")]
pub enum Match {
    /// The hospital's class.
    #[error("by the class of the medicine")]
    Class(DrugClass),
    /// An ATC code of the product.
    #[error("by the ATC code {0}")]
    Atc(String),
    /// An RxNorm code of the product.
    #[error("by the RxNorm code {0}")]
    Rxnorm(String),
    /// Its name.
    #[error("by the name `{0}`")]
    Name(String),
    /// Its brand.
    #[error("by the brand `{0}`")]
    Brand(String),
    /// An ingredient, by its code or name.
    #[error("by the ingredient `{0}`")]
    Ingredient(String),
    /// The route on the prescription.
    #[error("by the route {0}")]
    Route(String),
}

impl NegativeList {
    /// The national list, first edition, with later changes of the catalogue of psychotropics.
    ///
    /// # Errors
    /// If the embedded data cannot be parsed.
    pub fn national() -> Result<Self, InvalidList> {
        let list: Self = toml::from_str(include_str!("../../data/negative-list.toml"))?;
        Ok(Self { substances: toml::from_str(include_str!("../../data/substances.toml"))?, ..list })
    }

    /// The substances by which titles are read.
    pub const fn substances(&self) -> &Substances {
        &self.substances
    }

    /// Why a product is forbidden, if it is. For a hospital that delivers its own medicines under a
    /// local rule, only the entries with `always` apply.
    pub fn forbids(&self, product: &Product, own_delivery: bool) -> Option<Forbidden> {
        self.entries.iter().filter(|entry| entry.always || !own_delivery).find_map(|entry| {
            Some(Forbidden {
                by: entry.covers(product, &self.substances)?,
                list: entry.citation.as_ref().unwrap_or(&self.citation).clone(),
                entry: entry.name.clone(),
                always: entry.always,
            })
        })
    }
}

impl Entry {
    fn covers(&self, product: &Product, substances: &Substances) -> Option<Match> {
        let by = self.hits(product, substances)?;
        let lifted = (self.topical_allowed && product.is_topical())
            || (self.by_form && product.is_of_another_form())
            || self.excepts(product)
            || self.is_exempt(product, substances);
        (!lifted).then_some(by)
    }

    fn hits(&self, product: &Product, substances: &Substances) -> Option<Match> {
        let Marks { classes, atc, nhsa, rxnorm, routes, forms, .. } = &self.hit;
        let mixed = self.single && self.is_mixed(product, substances);
        let class = classes.iter().find(|&&class| product.is(class)).map(|&class| Match::Class(class));
        let coded = || {
            product.codes().iter().find_map(|coding| match coding.system.as_str() {
                system::ATC => begins(atc, &coding.code).then(|| Match::Atc(coding.code.clone())),
                system::RXNORM => rxnorm.contains(&coding.code).then(|| Match::Rxnorm(coding.code.clone())),
                _ => None,
            })
        };
        let listed = |group: &&str| begins(atc, group) || nhsa.iter().any(|listed| listed == group);
        let grouped = || product.nhsa_groups().find(listed).map(|group| Match::Atc(group.to_owned()));
        let (naming, masks) = (product.naming(), self.masks(product.kind()));
        let named = || product.names().iter().find_map(|name| self.names_in(name, mixed, naming, masks));
        let formed = || {
            let forms = forms.iter().filter(|_| product.kind() == LineKind::Medicine);
            let has = |form: &&Name| product.texts().iter().any(|text| text.has(form, form_occurs(form), masks));
            forms.filter(has).map(|form| Match::Name(form.to_string())).next()
        };
        let holds = || {
            let part = product.ingredients().iter().find(|part| !mixed && self.is_of(part))?;
            Some(Match::Ingredient(part.code.display.clone().unwrap_or_else(|| part.code.code.clone())))
        };
        let route = || {
            let route = product.route()?;
            routes.iter().any(|code| code == route).then(|| Match::Route(route.to_owned()))
        };
        class.or_else(coded).or_else(grouped).or_else(named).or_else(formed).or_else(holds).or_else(route)
    }

    /// The name or brand of the entry in a text. In a combination only one that says nothing else
    /// counts; in the name of a service only a brand, of a material no brand that is another word by
    /// accident.
    fn names_in(&self, text: &Name, mixed: bool, naming: Naming, not: &[Name]) -> Option<Match> {
        let Marks { names, endings, alone, brands, .. } = &self.hit;
        let generic = || {
            let inside = |&name: &&Name| text.has(name, Occurs::Anywhere, not) && (!mixed || text.is_only(name));
            let ending = |&name: &&Name| text.has(name, Occurs::Ending, not);
            let only = |&name: &&Name| text.is_only(name);
            let found = names.iter().find(inside).or_else(|| endings.iter().find(ending));
            found.or_else(|| alone.iter().find(only)).map(|name| Match::Name(name.to_string()))
        };
        let brand = || {
            let counts = |brand: &&Name| naming == Naming::Ware || !brand.is_short();
            let has = |&brand: &&Name| text.has(brand, Occurs::Apart, not);
            brands.iter().filter(counts).find(has).map(|brand| Match::Brand(brand.to_string()))
        };
        match naming {
            Naming::Ware | Naming::Material => generic().or_else(brand),
            Naming::Service => brand(),
            Naming::Test => None,
        }
    }

    /// The names that contain one of the entry by accident.
    fn masks(&self, kind: LineKind) -> &[Name] {
        if kind == LineKind::Medicine || self.devices.is_empty() { &self.not } else { &self.devices }
    }

    fn is_of(&self, part: &Ingredient) -> bool {
        let coded = match part.code.system.as_str() {
            system::ATC => begins(&self.hit.atc, &part.code.code),
            system::RXNORM => self.hit.rxnorm.contains(&part.code.code),
            _ => false,
        };
        coded || part.names.iter().any(|name| self.names_in(name, false, Naming::Ware, &self.not).is_some())
    }

    /// Whether it is this substance and another: its ingredients are both, in one code system (one
    /// ingredient in two systems is one), and its title or the code of the product says so too.
    fn is_mixed(&self, product: &Product, substances: &Substances) -> bool {
        let parts = product.ingredients();
        let other = |mine: &Coding, other: &Ingredient| {
            other.code.system == mine.system && is_substance(&other.code) && !self.is_of(other)
        };
        let both =
            parts.iter().filter(|part| self.is_of(part)).any(|mine| parts.iter().any(|part| other(&mine.code, part)));
        let said = || product.names().first().is_some_and(|title| self.says_more(title, substances));
        both && (product.is_coded_as_combination() || said())
    }

    /// Whether a title names a compound preparation, or another substance than this.
    fn says_more(&self, title: &Name, substances: &Substances) -> bool {
        COMPOUND.iter().any(|word| title.has(&Name::new(word), Occurs::Anywhere, &[]))
            || substances.other_in(title, &self.hit.names)
    }

    fn excepts(&self, product: &Product) -> bool {
        let Marks { classes, atc, names, .. } = &self.except;
        let only = || {
            let mut listed = self.hit.names.iter().chain(&self.hit.alone);
            listed.any(|name| product.names().iter().any(|text| text.is_only(name)))
        };
        (classes.iter().any(|&class| product.is(class)) && !only())
            || product.atc().any(|code| begins(atc, code))
            || names.iter().any(|name| product.names().iter().any(|text| text.has(name, Occurs::Anywhere, &[])))
    }

    fn is_exempt(&self, product: &Product, substances: &Substances) -> bool {
        let mut codes = product.atc().peekable();
        let grouped = codes.peek().is_some() && codes.all(|code| begins(&self.unless_atc, code));
        let mut texts = product.names().iter().chain(product.ingredients().iter().flat_map(|part| &part.names));
        grouped && !texts.any(|text| substances.other_in(text, &[]))
    }
}

/// What names of compound preparations have.
const COMPOUND: [&str; 2] = ["复方", "compound"];

/// A form of one character ends a word: 头孢曲松针, not 针灸.
fn form_occurs(form: &Name) -> Occurs {
    if form.to_string().chars().count() == 1 { Occurs::Ending } else { Occurs::Anywhere }
}

/// Whether a code says which substance it is: of ATC, those of the fifth level.
fn is_substance(coding: &Coding) -> bool {
    coding.system != system::ATC || coding.code.len() > 5
}

fn begins(groups: &[String], code: &str) -> bool {
    groups.iter().any(|group| code.starts_with(group.as_str()))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    fn list() -> &'static NegativeList {
        crate::fixture::rules().negative_list
    }

    /// A medicine of a title, product codes and ingredients.
    struct Item<'a> {
        title: &'a str,
        codes: &'a [(&'a str, &'a str)],
        ingredients: &'a [(&'a str, &'a str)],
        classes: &'a [DrugClass],
        kind: LineKind,
    }

    const ITEM: Item<'static> =
        Item { title: "某药", codes: &[], ingredients: &[], classes: &[], kind: LineKind::Medicine };

    impl Item<'_> {
        fn product(&self) -> Product {
            let coded = |codes: &[(&str, &str)]| -> Vec<Coding> {
                codes.iter().map(|(system, code)| Coding::new(*system, *code)).collect()
            };
            let own = Coding::new("urn:own", "i-1");
            let codes: Vec<Coding> = std::iter::once(own).chain(coded(self.codes)).collect();
            let classes: BTreeSet<DrugClass> = self.classes.iter().copied().collect();
            Product::new(self.kind, self.title, &codes, &coded(self.ingredients), &classes)
        }

        fn by(&self) -> Option<Match> {
            list().forbids(&self.product(), false).map(|forbidden| forbidden.by)
        }

        fn is_forbidden(&self) -> bool {
            self.by().is_some()
        }
    }

    fn covers(entry: &Entry, item: &Item<'_>) -> bool {
        entry.covers(&item.product(), list().substances()).is_some()
    }

    fn titled(title: &str) -> bool {
        Item { title, ..ITEM }.is_forbidden()
    }

    fn made_of(codes: &[&str]) -> bool {
        let ingredients: Vec<(&str, &str)> = codes.iter().map(|code| (system::ATC, *code)).collect();
        Item { ingredients: &ingredients, ..ITEM }.is_forbidden()
    }

    #[test]
    fn every_entry_can_hit_by_each_of_its_marks() {
        for entry in &list().entries {
            let Marks { classes, atc, nhsa, rxnorm, routes, names, endings, alone, forms, brands } = &entry.hit;
            let count = classes.len() + atc.len() + names.len() + routes.len();
            assert!(count > 0 && !entry.name.is_empty(), "{}", entry.name);
            let whole = names.iter().chain(alone).chain(brands).map(Name::to_string);
            for title in whole.chain(endings.iter().chain(forms).map(|word| format!("某药{word}"))) {
                assert!(covers(entry, &Item { title: &title, ..ITEM }), "{}: {title}", entry.name);
            }
            for group in nhsa {
                let code = format!("X{group}L001A001010100001");
                assert!(covers(entry, &Item { codes: &[("urn:own", &code)], ..ITEM }), "{}: {group}", entry.name);
            }
            for (system, code) in
                atc.iter().map(|code| (system::ATC, code)).chain(rxnorm.iter().map(|code| (system::RXNORM, code)))
            {
                let codes = &[(system, code.as_str())][..];
                assert!(covers(entry, &Item { codes, ..ITEM }), "{}: {code}", entry.name);
                assert!(covers(entry, &Item { ingredients: codes, ..ITEM }), "{}: {code}", entry.name);
                assert!(system != system::ATC || super::super::product::is_atc(code), "{code}");
            }
            for &class in classes {
                assert!(covers(entry, &Item { classes: &[class], ..ITEM }), "{}", entry.name);
            }
        }
    }

    /// Those of the list that are one substance, and the medicines of its first part.
    fn substances() -> impl Iterator<Item = &'static Entry> {
        list().entries.iter().filter(|entry| !entry.hit.names.is_empty() && entry.name != "注射剂(降糖类药物除外)")
    }

    fn wide(text: &str) -> String {
        text.chars()
            .map(|c| if c.is_ascii_graphic() { char::from_u32(c as u32 + 0xfee0).unwrap_or(c) } else { c })
            .collect()
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 1024, ..ProptestConfig::default() })]

        #[test]
        /// For every listed substance, under each of its names, whatever is written around it and however.
        #[test]
        fn no_decoration_hides_a_listed_name(
            at in 0..substances().count(),
            which in any::<proptest::sample::Index>(),
            salt in prop::sample::select(vec!["", "盐酸", "酒石酸", "富马酸", "重酒石酸", "注射用", "复方", "【集采】", "Sodium "]),
            form in prop::sample::select(vec!["", "片", "钠片", "缓释胶囊", "口服溶液", "注射液", " tablets 10 mg × 7", " 胶囊(进口)", "\u{200b}"]),
            blanks in prop::sample::select(vec!["", " ", "\u{3000}", "\u{a0}", "·", "\u{200b}"]),
            broad in any::<bool>(), upper in any::<bool>(), decomposed in any::<bool>(),
        ) {
            let entry = substances().nth(at).expect("counted");
            let name = which.get(&entry.hit.names).to_string();
            let inside: Vec<String> = name.chars().map(String::from).collect();
            // Letters that stand apart would be words of their own beside another word.
            let name = if name.is_ascii() { name } else { inside.join(blanks) };
            let mut title = format!("{salt}{name}{form}");
            if upper {
                title = title.to_uppercase();
            }
            if broad {
                title = wide(&title);
            }
            if decomposed {
                title = unicode_normalization::UnicodeNormalization::nfkd(title.as_str()).collect();
            }
            prop_assert!(covers(entry, &Item { title: &title, ..ITEM }), "{title}");
        }

        #[test]
        /// Under every spelling of system and code.
        #[test]
        fn no_spelling_hides_a_listed_code(
            at in 0..substances().count(),
            which in any::<proptest::sample::Index>(),
            system in prop::sample::select(vec![
                "http://www.whocc.no/atc", "https://www.whocc.no/atc/", "urn:oid:2.16.840.1.113883.6.73", "HTTP://WWW.WHOCC.NO/ATC",
            ]),
            blank in prop::sample::select(vec!["", " ", "\u{3000}"]),
            lower in any::<bool>(), broad in any::<bool>(), ingredient in any::<bool>(),
        ) {
            let entry = substances().nth(at).expect("counted");
            prop_assume!(!entry.hit.atc.is_empty());
            let mut code = format!("{blank}{}{blank}", which.get(&entry.hit.atc));
            if lower {
                code = code.to_lowercase();
            }
            if broad {
                code = wide(&code);
            }
            let codes = &[(system, code.as_str())][..];
            let item = if ingredient { Item { ingredients: codes, ..ITEM } } else { Item { codes, ..ITEM } };
            prop_assert!(covers(entry, &item), "{system}|{code}");
        }

        #[test]
        fn any_text_can_be_a_title(title in ".{0,60}") {
            titled(&title);
        }
    }

    #[test]
    fn what_the_formularies_of_hospitals_hold_is_found() {
        for title in [
            "酒石酸唑吡坦片",
            "华法林钠片",
            "碳酸锂片",
            "注射用头孢曲松钠",
            "维生素C注射液",
            "思诺思",
            "Stilnox 10mg",
            "AMBIEN",
            "可密定",
            "Coumadin",
            "Ｃｏｕｍａｄｉｎ",
            "唑 吡 坦",
            "佐匹克隆",
            "右佐匹克隆片 3mg",
            "艾司氯胺酮鼻喷雾剂",
            "盐酸曲马多缓释片",
            "氨酚曲马多片",
            "氨酚羟考酮片",
            "复方磷酸可待因口服溶液",
            "复方盐酸伪麻黄碱缓释胶囊",
            "新康泰克",
            "氨酚伪麻美芬片",
            "冻干人用狂犬病疫苗",
            "卡介苗",
            "人血白蛋白",
            "静注人免疫球蛋白",
            "三九感冒灵配方颗粒",
            "碘[131I]化钠口服溶液",
            "得理多",
            "利必通",
            "复方米非司酮片",
            "米索前列醇片",
            "十一酸睾酮软胶囊",
            "重组人生长激素",
            "伊曲康唑胶囊",
            "Lithium carbonate 300 mg",
        ] {
            assert!(titled(title), "{title}");
        }
        for (system, code) in [
            (system::ATC, "n05cf02"),
            ("https://www.whocc.no/atc", "N05CF02"),
            ("urn:oid:2.16.840.1.113883.6.73", " N05 CF02 "),
            (system::RXNORM, "39993"),
            ("https://www.nlm.nih.gov/research/umls/rxnorm", "11289"),
            ("urn:own", "XN05CFZ001A001010100001"),
        ] {
            assert!(Item { codes: &[(system, code)], ..ITEM }.is_forbidden(), "{system}|{code}");
        }
    }

    #[test]
    fn a_wrong_ingredient_or_code_hides_nothing() {
        let metformin = &[(system::ATC, "A10BA02")][..];
        for title in ["酒石酸唑吡坦片", "思诺思", "华法林钠片", "伊曲康唑胶囊", "地高辛片"] {
            let item = Item { title, codes: metformin, ingredients: metformin, ..ITEM };
            assert!(item.is_forbidden(), "{title}");
            // Nor do two, though the entry is about single preparations.
            let two = &[(system::ATC, "A10BA02"), (system::ATC, "C10AA05")][..];
            assert!(Item { title, codes: metformin, ingredients: two, ..ITEM }.is_forbidden(), "{title}");
        }
        let warfarin = (system::ATC, "B01AA03");
        let claimed =
            Item { title: "华法林钠片", codes: metformin, ingredients: &[warfarin, metformin[0]], ..ITEM };
        assert!(claimed.is_forbidden(), "the name says that it is the substance alone");
        // One ingredient in two systems is no combination.
        for other in [(system::RXNORM, "11289"), ("urn:own", "w-1"), (system::ATC, "B01AA"), (system::ATC, "B01AA03")] {
            assert!(Item { ingredients: &[warfarin, other], ..ITEM }.is_forbidden(), "{other:?}");
        }
        assert_eq!(
            Item { title: "维生素片", codes: &[("urn:x", "华法林")], ..ITEM }.by(),
            Some(Match::Name("华法林".into()))
        );
    }

    #[test]
    fn it_says_what_matched() {
        let by = |item: Item<'_>| item.by();
        assert_eq!(by(Item { title: "思诺思", ..ITEM }), Some(Match::Brand("思诺思".into())));
        assert_eq!(by(Item { title: "酒石酸唑吡坦片", ..ITEM }), Some(Match::Name("唑吡坦".into())));
        assert_eq!(by(Item { codes: &[(system::ATC, "n05cf02")], ..ITEM }), Some(Match::Atc("N05CF02".into())));
        assert_eq!(by(Item { codes: &[(system::RXNORM, "39993")], ..ITEM }), Some(Match::Rxnorm("39993".into())));
        assert_eq!(
            by(Item { ingredients: &[(system::ATC, "N05CF02")], ..ITEM }),
            Some(Match::Ingredient("N05CF02".into()))
        );
        assert_eq!(by(Item { classes: &[DrugClass::Toxic], ..ITEM }), Some(Match::Class(DrugClass::Toxic)));
        let said = list().forbids(&Item { title: "思诺思", ..ITEM }.product(), false).expect("forbidden").to_string();
        assert_eq!(
            said,
            "精神药品 must not be prescribed or sold online (药品网络销售禁止清单(第一版), 国家药监局公告2022年第111号 (2022)): by the brand `思诺思`"
        );
    }

    #[test]
    fn injections_except_those_that_lower_glucose() {
        let injection = |title, atc: &str, classes| {
            let codes = &[(system::ATC, atc)][..];
            Item { title, codes, ingredients: codes, classes, ..ITEM }.is_forbidden()
        };
        assert!(injection("注射用头孢曲松钠", "J01DD04", &[]));
        assert!(injection("Ceftriaxone 1 g powder for injection", "J01DD04", &[]));
        assert!(injection("头孢曲松", "J01DD04", &[DrugClass::Injection]));
        assert!(injection("注射用头孢曲松钠", "A10AE04", &[]), "a wrong code frees nothing");
        assert!(injection("甘精胰岛素注射液", "J01DD04", &[]), "nor does a wrong name");
        assert!(!injection("甘精胰岛素注射液", "A10AE04", &[DrugClass::Injection]));
        assert!(!injection("司美格鲁肽注射液", "A10BJ06", &[]) && !injection("诺和泰 注射液", "A10BJ06", &[]));
        assert!(!injection("Insulin lispro injection 100 U/mL", "A10AB04", &[]));
        let nhsa = &[("urn:own", "XA10AEA001B001010100001")][..];
        assert!(
            !Item { title: "甘精胰岛素注射液", codes: nhsa, ingredients: &[(system::ATC, "A10AE04")], ..ITEM }
                .is_forbidden()
        );
        let mut typed = crate::fixture::metformin();
        typed.line.route = Some(Coding::new("https://snomed.info/sct", "78421000"));
        assert!(
            list().forbids(&(&typed).into(), false).is_some(),
            "whoever prescribes an injection prescribes an injection"
        );
    }

    #[test]
    fn the_topical_exemption_is_the_products_not_the_doctors() {
        let azole = &[(system::ATC, "J02AC02")][..];
        let stated = |title, classes| Item { title, codes: azole, ingredients: azole, classes, ..ITEM };
        assert!(stated("伊曲康唑胶囊", &[][..]).is_forbidden());
        assert!(stated("伊曲康唑胶囊", &[DrugClass::Topical]).is_forbidden(), "a capsule is not for the skin");
        assert!(
            !stated("伊曲康唑乳膏", &[]).is_forbidden() && !stated("伊曲康唑", &[DrugClass::Topical]).is_forbidden()
        );
        assert!(!Item { title: "夫西地酸乳膏", ingredients: &[(system::ATC, "D06AX01")], ..ITEM }.is_forbidden());
        let mut typed = crate::fixture::medicine("i-1");
        (typed.title, typed.line.ingredients) = ("伊曲康唑胶囊".into(), vec![Coding::new(system::ATC, "J02AC02")]);
        typed.line.route = Some(Coding::new(system::SNOMED, "6064005"));
        assert!(list().forbids(&(&typed).into(), false).is_some(), "the route on the line lifts nothing");
        // The exemption is for antimicrobials.
        assert!(Item { title: "雌二醇凝胶", classes: &[DrugClass::Topical], ..ITEM }.is_forbidden());
    }

    #[test]
    fn single_substances_are_free_in_combination() {
        assert!(made_of(&["N03AF01"]) && made_of(&["G03CA03"]));
        assert!(made_of(&["G03CA03", "G03DB01"]), "neither title nor code say that it is a combination");
        let combined = |title, codes: &[&str]| {
            let ingredients: Vec<(&str, &str)> = codes.iter().map(|code| (system::ATC, *code)).collect();
            Item { title, ingredients: &ingredients, ..ITEM }.is_forbidden()
        };
        assert!(!combined("雌二醇屈螺酮片", &["G03CA03", "G03AC10"]));
        assert!(!combined("炔雌醇环丙孕酮片", &["G03HA01", "G03CA01"]) && !combined("炔雌醇环丙孕酮片", &["G03HB01"]));
        assert!(combined("补佳乐", &["G03CA03", "G03DB01"]), "a brand is one product");
        assert!(titled("复方米非司酮片") && !titled("Ethinylestradiol 35 µg") && !titled("炔雌二醇片"));
    }

    #[test]
    fn dextromethorphan_and_diphenoxylate_are_psychotropics() {
        let own_delivery = |item: Item<'_>| list().forbids(&item.product(), true);
        for title in ["氢溴酸右美沙芬片", "右美沙芬缓释混悬液", "复方地芬诺酯片", "Dextromethorphan 15 mg", "Lomotil"]
        {
            let forbidden = own_delivery(Item { title, ..ITEM }).expect(title);
            assert!(forbidden.always && forbidden.list.year == 2024, "{forbidden}");
        }
        let atc = |code| own_delivery(Item { codes: &[(system::ATC, code)], ..ITEM });
        assert!(atc("R05DA09").is_some() && atc("A07DA01").is_some() && atc("R05FA02").is_none());
        let paracetamol = &[(system::ATC, "R05DA09"), (system::ATC, "N02BE01")];
        assert!(!Item { title: "氨酚右美沙芬片", ingredients: paracetamol, ..ITEM }.is_forbidden());
        let syrup = &[(system::ATC, "R05DA09"), (system::ATC, "R06AB04")][..];
        assert!(!Item { title: "复方氢溴酸右美沙芬糖浆", ingredients: syrup, ..ITEM }.is_forbidden());
        assert!(Item { title: "氢溴酸右美沙芬片", ingredients: syrup, ..ITEM }.is_forbidden());
    }

    #[test]
    fn own_delivery_lifts_only_the_retail_part() {
        let forbidden =
            |code: &str| list().forbids(&Item { codes: &[(system::ATC, code)], ..ITEM }.product(), true).is_some();
        for retail in ["B01AA03", "N03AF01", "J02AC02", "G03BA03", "R01BA52"] {
            assert!(made_of(&[retail]) && !forbidden(retail), "{retail}");
        }
        for never in ["J07BB02", "B05AA01", "N02AA01", "N05CF02", "M03AX01", "V09AB03", "R01BA02", "N02AJ13"] {
            assert!(forbidden(never), "{never}");
        }
        let classes = |class| list().forbids(&Item { classes: &[class], ..ITEM }.product(), true).is_some();
        use DrugClass as C;
        for class in [C::Vaccine, C::BloodProduct, C::Narcotic, C::Psychotropic, C::Toxic, C::Radioactive, C::Precursor]
        {
            assert!(classes(class), "{class:?}");
        }
        assert!(!classes(C::HospitalPreparation) && !classes(C::TcmGranules) && !classes(C::Injection));
    }

    #[test]
    fn ephedrine_mixtures_except_chinese_patent_medicines() {
        assert!(titled("复方盐酸伪麻黄碱缓释胶囊") && made_of(&["R01BA52"]));
        assert!(!Item { title: "含麻黄碱的中成药", classes: &[DrugClass::ChinesePatent], ..ITEM }.is_forbidden());
    }

    /// Titles, with the ATC code of product and ingredient.
    const ALLOWED: &[(&str, &str)] = &[
        ("盐酸二甲双胍片", "A10BA02"),
        ("Metformin hydrochloride tablets 500 mg × 60", "A10BA02"),
        ("达格列净片", "A10BK01"),
        ("磷酸西格列汀片", "A10BH01"),
        ("格列美脲片", "A10BB12"),
        ("阿卡波糖片", "A10BF01"),
        ("门冬胰岛素注射液", "A10AB05"),
        ("甘精胰岛素注射液", "A10AE04"),
        ("利拉鲁肽注射液", "A10BJ02"),
        ("度拉糖肽注射液", "A10BJ05"),
        ("苯磺酸氨氯地平片", "C08CA01"),
        ("硝苯地平控释片", "C08CA05"),
        ("缬沙坦胶囊", "C09CA03"),
        ("盐酸贝那普利片", "C09AA07"),
        ("Quinapril 10 mg", "C09AA06"),
        ("琥珀酸美托洛尔缓释片", "C07AB02"),
        ("甲磺酸多沙唑嗪缓释片", "C02CA04"),
        ("盐酸特拉唑嗪片", "G04CA03"),
        ("螺内酯片", "C03DA01"),
        ("阿托伐他汀钙片", "C10AA05"),
        ("瑞舒伐他汀钙片", "C10AA07"),
        ("阿司匹林肠溶片", "B01AC06"),
        ("硫酸氢氯吡格雷片", "B01AC04"),
        ("利伐沙班片", "B01AF01"),
        ("硝酸甘油片", "C01DA02"),
        ("奥美拉唑肠溶胶囊", "A02BC01"),
        ("左甲状腺素钠片", "H03AA01"),
        ("去氨加压素片", "H01BA02"),
        ("盐酸舍曲林片", "N06AB06"),
        ("阿戈美拉汀片", "N06AX22"),
        ("奥卡西平片", "N03AF02"),
        ("丙戊酸钠缓释片", "N03AG01"),
        ("左乙拉西坦片", "N03AX14"),
        ("普瑞巴林胶囊", "N02BF02"),
        ("盐酸阿扑吗啡舌下片", "N04BC07"),
        ("硫酸羟氯喹片", "P01BA02"),
        ("多索茶碱片", "R03DA11"),
        ("茶碱缓释片", "R03DA04"),
        ("布地奈德吸入气雾剂", "R03BA02"),
        ("奥硝唑片", "P01AB03"),
        ("氟康唑胶囊", "J02AC01"),
        ("头孢克肟胶囊", "J01DD08"),
        ("左氧氟沙星片", "J01MA12"),
        ("阿莫西林胶囊", "J01CA04"),
        ("恩替卡韦片", "J05AF10"),
        ("比克恩丙诺片", "J05AR20"),
        ("屈螺酮炔雌醇片", "G03AA12"),
        ("Ethinyl estradiol 35 µg with norgestimate", "G03AA11"),
        ("地屈孕酮片", "G03DB01"),
        ("非布司他片", "M04AA03"),
        ("苯溴马隆片", "M04AB03"),
        ("布洛芬缓释胶囊", "M01AE01"),
        ("对乙酰氨基酚片", "N02BE01"),
        ("氯雷他定片", "R06AX13"),
        ("毛果芸香碱滴眼液", "S01EB01"),
        ("夫西地酸乳膏", "D06AX01"),
        ("甲地高辛片", "C01AA08"),
        ("双氢麦角胺片", "N02CA01"),
    ];

    #[test]
    fn common_medicines_are_not_refused() {
        assert!(ALLOWED.len() >= 40);
        for &(title, atc) in ALLOWED {
            let codes = &[(system::ATC, atc)][..];
            assert_eq!(Item { title, codes, ingredients: codes, ..ITEM }.by(), None, "{title}");
        }
        for (kind, title) in [
            (LineKind::Material, "一次性使用无菌注射器 5 mL"),
            (LineKind::Material, "胰岛素注射笔用针头 insulin injection pen needles"),
            (LineKind::Material, "血糖试纸 Glucose test strips × 50"),
            (LineKind::Service, "地高辛血药浓度测定"),
            (LineKind::Service, "血清白蛋白测定 serum albumin"),
            (LineKind::Service, "复诊诊查费 Follow-up visit"),
            (LineKind::Service, "肌肉注射费"),
            (LineKind::Other, "病历复印费"),
        ] {
            assert_eq!(Item { title, kind, ..ITEM }.by(), None, "{title}");
        }
    }

    #[test]
    fn every_kind_of_item_is_looked_up() {
        for kind in [LineKind::Medicine, LineKind::Material, LineKind::Service, LineKind::Other] {
            assert!(Item { title: "佐匹克隆片", kind, ..ITEM }.is_forbidden(), "{kind:?}");
            assert!(Item { codes: &[(system::ATC, "N05CF01")], kind, ..ITEM }.is_forbidden(), "{kind:?}");
        }
    }
}
