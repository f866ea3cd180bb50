//! What a product is, in one form for every rule that asks: names, codes, ingredients and classes
//! of an item, without the spelling of their source.

use std::{collections::BTreeSet, fmt, ops::Range, sync::LazyLock};

use serde::Deserialize;
use thiserror::Error;
use unicode_normalization::UnicodeNormalization;

use super::{DrugClass, Medicine, substance::Substances};
use crate::{
    coding::{Coding, system},
    payer::LineKind,
};

/// The identity of a product: normalised once, compared often.
#[derive(Debug, Clone)]
pub struct Product {
    kind: LineKind,
    /// The title, display texts, then codes that are names too.
    names: Vec<Name>,
    /// How many of them are texts.
    texts: usize,
    codes: Vec<Coding>,
    /// NHSA drug codes among them.
    nhsa: Vec<String>,
    ingredients: Vec<Ingredient>,
    classes: BTreeSet<DrugClass>,
    /// SNOMED CT codes of routes.
    route: Option<String>,
    /// A pharmacist said that it is no medicine.
    cleared: bool,
}

/// What the names of an item are names of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Naming {
    /// Of what is sold.
    Ware,
    /// Of a material: the same, but what is like a short brand is a maker's.
    Material,
    /// Of a service: 疫苗接种服务费. No medicine is sold, unless it says a dosage form or a brand.
    Service,
    /// Of a laboratory test or its material: 血清睾酮测定. What is measured is not sold.
    Test,
}

/// One coding of an active ingredient.
#[derive(Debug, Clone)]
pub(super) struct Ingredient {
    pub(super) code: Coding,
    pub(super) names: Vec<Name>,
}

/// What identifies an item as a medicine though it is sold as something else.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum MedicineMark {
    /// An ATC, RxNorm or NHSA drug code.
    #[error("it has a code of medicines, {0}")]
    Code(String),
    /// A number of approval as a medicine (国药准字).
    #[error("it is approved as a medicine, {0}")]
    Approval(String),
    /// Active ingredients.
    #[error("it has active ingredients")]
    Ingredients,
    /// Legal categories of medicines.
    #[error("it has legal categories of medicines")]
    Classes,
    /// A dosage form in its name.
    #[error("its name has a dosage form of medicines, `{0}`")]
    Form(String),
    /// A substance in its name.
    #[error("its name has a substance of medicines, `{0}`")]
    Substance(String),
}

impl MedicineMark {
    /// Whether it is one of medicines only. Names of foods and devices may have forms and substances
    /// of medicines.
    pub const fn is_certain(&self) -> bool {
        !matches!(self, Self::Form(_) | Self::Substance(_))
    }
}

/// What a medicine lacks to be identified.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum Lack {
    /// No ATC code of the fourth level or deeper, and no NHSA drug code.
    #[error("it has neither an ATC code of the fourth level nor an NHSA drug code")]
    Code,
    /// No ingredient, or one that neither ATC, RxNorm nor a name identifies.
    #[error("it has no ingredients, or one that neither ATC, RxNorm nor a name identifies")]
    Ingredients,
    /// Nothing that tells whether it is injected.
    #[error("neither its title, its classes nor an NHSA drug code tell its dosage form, and so whether it is injected")]
    Form,
}

impl Product {
    /// The identity of an item. `title` and the display texts of its codings are its names.
    pub fn new(
        kind: LineKind,
        title: &str,
        codings: &[Coding],
        ingredients: &[Coding],
        classes: &BTreeSet<DrugClass>,
    ) -> Self {
        let codes: Vec<Coding> = codings.iter().map(Coding::canonical).collect();
        let displays = codes.iter().filter_map(|coding| coding.display.as_deref());
        let mut names: Vec<Name> = std::iter::once(title).chain(displays).map(Name::new).collect();
        let texts = names.len();
        names.extend(codes.iter().filter_map(name_of_code));
        let ingredients = ingredients.iter().map(|coding| {
            let code = coding.canonical();
            Ingredient { names: names_of(&code).collect(), code }
        });
        let nhsa: Vec<String> = codes.iter().filter_map(|coding| nhsa_drug(&coding.code)).collect();
        Self {
            classes: classes.iter().copied().chain(nhsa.iter().filter_map(|code| nhsa_class(code))).collect(),
            ingredients: ingredients.collect(),
            route: None,
            cleared: false,
            kind,
            names,
            texts,
            codes,
            nhsa,
        }
    }

    /// The same product, which a pharmacist said to be no medicine: marks that are not certain do
    /// not count.
    #[must_use]
    pub fn cleared(self, cleared: bool) -> Self {
        Self { cleared, ..self }
    }

    /// Title, display texts, and codes of systems without a grammar.
    pub(super) fn names(&self) -> &[Name] {
        &self.names
    }

    /// Title and display texts: a code may have the letters of a form by accident, `PEN-001`.
    pub(super) fn texts(&self) -> &[Name] {
        &self.names[..self.texts]
    }

    /// What its names are names of: a dosage form is of a ware, whatever else they say.
    pub(super) fn naming(&self) -> Naming {
        let says = |forms: &Forms| self.form(forms).is_some();
        let is_act = || self.kind == LineKind::Service || (self.kind == LineKind::Other && says(&ACTS));
        if self.kind == LineKind::Medicine || says(&PRECISE) || says(&INJECTED) {
            Naming::Ware
        } else if says(&LABORATORY) {
            Naming::Test
        } else if is_act() {
            Naming::Service
        } else if self.kind == LineKind::Material {
            Naming::Material
        } else {
            Naming::Ware
        }
    }

    /// What it is sold as.
    pub(super) const fn kind(&self) -> LineKind {
        self.kind
    }

    pub(super) fn codes(&self) -> &[Coding] {
        &self.codes
    }

    pub(super) fn ingredients(&self) -> &[Ingredient] {
        &self.ingredients
    }

    pub(super) fn is(&self, class: DrugClass) -> bool {
        self.classes.contains(&class)
    }

    pub(super) fn route(&self) -> Option<&str> {
        self.route.as_deref()
    }

    /// All ATC codes: of the product, of its ingredients, and the group of an NHSA code.
    pub(super) fn atc(&self) -> impl Iterator<Item = &str> {
        let ingredients = self.ingredients.iter().map(|ingredient| &ingredient.code);
        let coded = self.codes.iter().chain(ingredients).filter(|coding| coding.system == system::ATC);
        coded.map(|coding| coding.code.as_str()).chain(self.nhsa_groups())
    }

    /// The ATC codes that NHSA drug codes contain: of the fourth level, or the whole code in those
    /// of hospitals that write it.
    pub(super) fn nhsa_groups(&self) -> impl Iterator<Item = &str> {
        self.nhsa.iter().filter_map(|code| nhsa_atc(code))
    }

    /// Whether a code of the product is one of combinations.
    pub(super) fn is_coded_as_combination(&self) -> bool {
        self.codes.iter().any(|coding| coding.system == system::ATC && is_combination(&coding.code))
    }

    /// Whether the product itself is for the skin, eye, ear or nose: by the hospital's class or the
    /// form in its name, and not against another form in its name. Nothing that is written on a
    /// prescription matters.
    pub(super) fn is_topical(&self) -> bool {
        let systemic = || self.names.iter().any(|name| SYSTEMIC.find(name).is_some());
        let topical = self.is(DrugClass::Topical) || self.form(&TOPICAL).is_some();
        topical && !systemic() && !self.is(DrugClass::Injection)
    }

    /// Whether its name has a dosage form that is not injected, and nothing says that it is.
    pub(super) fn is_of_another_form(&self) -> bool {
        let injected = self.is(DrugClass::Injection) || self.form(&INJECTED).is_some();
        self.form(&PRECISE).is_some() && !injected
    }

    /// Whether anything tells if it is injected: a form in its title, a class, an NHSA code, ATC codes
    /// of groups that are not. Those of A10 may be sold either way.
    fn tells_its_form(&self) -> bool {
        use DrugClass as C;
        let classes = [C::Injection, C::NotInjected, C::Topical, C::TcmPieces, C::TcmGranules];
        let mut groups = self.atc().peekable();
        let grouped = groups.peek().is_some()
            && groups.all(|code| code.starts_with("A10") || NOT_INJECTED.iter().any(|group| code.starts_with(group)));
        let forms = [&*TOLD, &*PRECISE, &*TOPICAL, &*SYSTEMIC, &*INJECTED];
        grouped
            || classes.iter().any(|&class| self.is(class))
            || self.nhsa.iter().any(|code| nhsa_form(code).is_some())
            || forms.iter().any(|forms| self.form(forms).is_some())
    }

    fn form<'a>(&self, forms: &'a Forms) -> Option<&'a Name> {
        self.texts().iter().find_map(|name| forms.find(name))
    }

    /// What makes it a medicine, whatever it is said to be.
    pub fn medicine_mark(&self, substances: &Substances) -> Option<MedicineMark> {
        let coded = |coding: &&Coding| matches!(coding.system.as_str(), system::ATC | system::RXNORM);
        if let Some(code) = self.codes.iter().find(coded).map(|coding| &coding.code).or(self.nhsa.first()) {
            return Some(MedicineMark::Code(code.clone()));
        }
        // Codes of systems without a grammar are among the names.
        match self.names.iter().find_map(|name| approval(&name.tight)) {
            Some(number) => Some(MedicineMark::Approval(number)),
            None if !self.ingredients.is_empty() => Some(MedicineMark::Ingredients),
            None if !self.classes.is_empty() => Some(MedicineMark::Classes),
            None if self.cleared => None,
            None => self.doubt(substances),
        }
    }

    /// What its name has of medicines.
    fn doubt(&self, substances: &Substances) -> Option<MedicineMark> {
        if let Some(form) = self.form(&PRECISE).or_else(|| self.form(&INJECTED)) {
            return Some(MedicineMark::Form(form.to_string()));
        }
        let ware = matches!(self.naming(), Naming::Ware | Naming::Material);
        let substance = self.texts().iter().filter(|_| ware).find_map(|name| substances.known_in(name))?;
        Some(MedicineMark::Substance(substance.to_string()))
    }

    /// What a medicine lacks to be told from what must not be sold; `None` if nothing.
    pub fn lack(&self) -> Option<Lack> {
        let grouped = |coding: &Coding| coding.system == system::ATC && coding.code.len() >= ATC_GROUP;
        let said =
            |part: &Ingredient| matches!(part.code.system.as_str(), system::ATC | system::RXNORM) || named(&part.code);
        if self.nhsa.is_empty() && !self.codes.iter().any(grouped) {
            Some(Lack::Code)
        } else if self.ingredients.is_empty() || !self.ingredients.iter().all(said) {
            Some(Lack::Ingredients)
        } else if self.tells_its_form() {
            None
        } else {
            Some(Lack::Form)
        }
    }
}

impl From<&Medicine> for Product {
    fn from(medicine: &Medicine) -> Self {
        let line = &medicine.line;
        let product = Self::new(LineKind::Medicine, &medicine.title, &line.code, &line.ingredients, &medicine.classes);
        Self { route: line.route.as_ref().map(|route| route.canonical().code), ..product }
    }
}

/// Whether a code has the form of ATC, at any level: `N`, `N05`, `N05C`, `N05CF`, `N05CF02`.
pub fn is_atc(code: &str) -> bool {
    let shape = |at: usize, byte: u8| match at {
        0 | 3 | 4 => byte.is_ascii_uppercase(),
        _ => byte.is_ascii_digit(),
    };
    matches!(code.len(), 1 | 3 | 4 | 5 | 7) && code.bytes().enumerate().all(|(at, byte)| shape(at, byte))
}

/// Length of an ATC code of the fourth level, the chemical subgroup.
const ATC_GROUP: usize = 5;

/// Length of an ATC code of the fifth level, the substance.
const ATC_WHOLE: usize = 7;

/// Whether an ATC code is one of combinations: of a group of them, or by its number, 50 and above
/// (WHO, Guidelines for ATC classification and DDD assignment 2024).
fn is_combination(code: &str) -> bool {
    let number = code.get(ATC_GROUP..).and_then(|digits| digits.parse::<u8>().ok());
    number.is_some_and(|number| number >= 50) || COMBINATIONS.iter().any(|group| code.starts_with(group))
}

/// ATC groups for use on skin, mucosae and eye, or by inhalation (WHO, ATC index 2024).
const NOT_INJECTED: [&str; 24] = [
    "A01A", "C05A", "D01A", "D02", "D03A", "D04", "D05A", "D06", "D07", "D08", "D09", "D10A", "G01A", "M02A", "R01A",
    "R03A", "R03B", "S01A", "S01C", "S01E", "S01F", "S01G", "S02", "S03",
];

/// ATC groups of combinations (WHO, ATC index 2024).
const COMBINATIONS: [&str; 31] = [
    "A02BD", "A10BD", "C02L", "C03E", "C07B", "C07C", "C07D", "C07E", "C07F", "C08G", "C09B", "C09D", "C10B", "G03AA",
    "G03AB", "G03E", "G03FA", "G03FB", "G03HB", "J01RA", "J04AM", "J05AR", "N02AJ", "R03AK", "R03AL", "R05FA", "R05FB",
    "S01CA", "D07B", "D07C", "D07X",
];

/// A drug code of the National Healthcare Security Administration (医保药品分类与代码), by its form:
/// `X` and 22 characters for western medicines, beginning with the ATC group; `Z` and 19 for
/// Chinese patent medicines; `T` and 9 for pieces. Some hospitals write `X`, a whole ATC code and a
/// number. `None` for any other code.
fn nhsa_drug(code: &str) -> Option<String> {
    let code: String = code.nfkc().filter(|c| !c.is_whitespace()).flat_map(char::to_uppercase).collect();
    let digits = |from: usize| code.as_bytes()[from..].iter().all(u8::is_ascii_digit);
    let grouped = || code.get(1..1 + ATC_GROUP).is_some_and(is_atc);
    let fits = match (code.as_bytes().first(), code.len()) {
        (Some(b'X'), 23) => grouped() && digits(14),
        (Some(b'X'), 12..=22) => whole_atc(&code).is_some() && digits(1 + ATC_WHOLE),
        (Some(b'Z'), 20) => grouped() && digits(10),
        (Some(b'T'), 10) => digits(1),
        _ => false,
    };
    fits.then_some(code)
}

/// The ATC code in an NHSA code of a western medicine.
fn nhsa_atc(code: &str) -> Option<&str> {
    let western = code.starts_with('X').then_some(code)?;
    whole_atc(western).or_else(|| western.get(1..1 + ATC_GROUP))
}

fn whole_atc(code: &str) -> Option<&str> {
    code.get(1..1 + ATC_WHOLE).filter(|atc| is_atc(atc))
}

/// The letter of the dosage form in an NHSA code: after the group and the four characters of the
/// name. `B` is injected.
fn nhsa_form(code: &str) -> Option<char> {
    match (code.chars().next(), code.len()) {
        (Some('X'), 23) => code.chars().nth(1 + ATC_GROUP + 4).filter(char::is_ascii_uppercase),
        _ => None,
    }
}

/// The class that the form of an NHSA code says.
fn nhsa_class(code: &str) -> Option<DrugClass> {
    match (code.chars().next(), nhsa_form(code)) {
        (Some('X'), Some('B')) => Some(DrugClass::Injection),
        (Some('Z'), _) => Some(DrugClass::ChinesePatent),
        (Some('T'), _) => Some(DrugClass::TcmPieces),
        _ => None,
    }
}

/// The number of approval of a medicine in a text: `国药准字H20023370`.
fn approval(tight: &str) -> Option<String> {
    let (_, number) = tight.split_once("国药准字")?;
    Some(format!(
        "国药准字{}",
        number.chars().take_while(char::is_ascii_alphanumeric).collect::<String>().to_uppercase()
    ))
}

fn names_of(coding: &Coding) -> impl Iterator<Item = Name> {
    coding.display.as_deref().map(Name::new).into_iter().chain(name_of_code(coding))
}

/// Codes are names too in systems that have no grammar: `zolpidem-10mg`.
fn name_of_code(coding: &Coding) -> Option<Name> {
    let grammar = matches!(coding.system.as_str(), system::ATC | system::RXNORM | system::SNOMED);
    (!grammar).then(|| Name::new(&coding.code))
}

fn named(coding: &Coding) -> bool {
    coding.display.as_deref().is_some_and(|text| !Name::new(text).tight.is_empty())
}

/// A text as it is compared: NFKC, lower case, nothing but letters and digits.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(from = "String")]
pub(super) struct Name {
    /// As it was written.
    text: String,
    tight: String,
    /// Where words begin or end: at what was between them in the text, and where Chinese, other
    /// letters and digits meet.
    bounds: BTreeSet<usize>,
}

/// Which occurrences of a name count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Occurs {
    /// Any in Chinese, which has no spaces; whole words in other scripts.
    Anywhere,
    /// Whole words also in Chinese if the name has two characters or fewer: short brands are parts
    /// of other words by accident.
    Apart,
    /// The end of a word, but not after a number: 盐酸二甲双胍片, adalimumab, not 20片.
    Ending,
}

impl Name {
    pub(super) fn new(text: &str) -> Self {
        #[derive(PartialEq, Clone, Copy)]
        enum Script {
            Chinese,
            Digit,
            Letter,
        }
        let (mut tight, mut bounds, mut last) = (String::with_capacity(text.len()), BTreeSet::from([0]), None);
        for c in text.nfkc().flat_map(char::to_lowercase) {
            if is_ignorable(c) {
                continue;
            }
            let script = match c {
                _ if c.is_ascii_digit() => Some(Script::Digit),
                _ if is_chinese(c) => Some(Script::Chinese),
                _ if c.is_alphanumeric() => Some(Script::Letter),
                _ => None,
            };
            if script != last {
                bounds.insert(tight.len());
            }
            if script.is_some() {
                tight.push(c);
            }
            last = script;
        }
        bounds.insert(tight.len());
        Self { text: text.to_owned(), tight, bounds }
    }

    /// Where another name occurs in it.
    pub(super) fn find<'a>(&'a self, name: &'a Self, occurs: Occurs) -> impl Iterator<Item = Range<usize>> + 'a {
        let chinese = name.tight.chars().any(is_chinese);
        let whole = match occurs {
            Occurs::Anywhere => !chinese,
            Occurs::Apart => !chinese || name.is_short(),
            Occurs::Ending => false,
        };
        let in_bounds = move |at: &Range<usize>| {
            self.bounds.contains(&at.end)
                && match occurs {
                    Occurs::Ending => at.start > 0 && !is_count(&self.tight[..at.start]),
                    Occurs::Anywhere | Occurs::Apart => self.bounds.contains(&at.start),
                }
        };
        let ranges = self.tight.match_indices(&name.tight).map(|(start, found)| start..start + found.len());
        ranges.filter(move |at| (occurs != Occurs::Ending && !whole) || in_bounds(at))
    }

    /// Whether it has two characters or fewer.
    pub(super) fn is_short(&self) -> bool {
        self.tight.chars().count() <= 2
    }

    /// Whether another name occurs in it, other than inside one of `not`.
    pub(super) fn has(&self, name: &Self, occurs: Occurs, not: &[Self]) -> bool {
        let masked = |at: &Range<usize>| {
            let covers = |mask: Range<usize>| mask.start <= at.start && at.end <= mask.end;
            not.iter().any(|mask| self.find(mask, Occurs::Anywhere).any(covers))
        };
        !name.tight.is_empty() && self.find(name, occurs).any(|at| !masked(&at))
    }

    /// Whether it says nothing but `name`, with salt, form and strength: 华法林钠片.
    pub(super) fn is_only(&self, name: &Self) -> bool {
        let Some((before, after)) = self.tight.split_once(&name.tight) else { return false };
        let chinese = name.tight.chars().any(is_chinese);
        [before, after].into_iter().all(|rest| {
            let mut rest: String =
                rest.chars().filter(|&c| !c.is_ascii_digit() && (!chinese || is_chinese(c))).collect();
            for filler in FILLERS.split(", ") {
                rest = rest.replace(filler, "");
            }
            rest.is_empty()
        })
    }
}

impl From<String> for Name {
    fn from(text: String) -> Self {
        Self::new(&text)
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// Whether a text ends in a number, other than of a name: 维生素B12.
fn is_count(text: &str) -> bool {
    let name = text.trim_end_matches(|c: char| c.is_ascii_digit());
    let mut before = name.chars().rev();
    let numbered = before.next().is_some_and(|c| c.is_ascii_alphabetic()) && before.next().is_some_and(is_chinese);
    name.len() < text.len() && !numbered
}

fn is_chinese(c: char) -> bool {
    matches!(c, '\u{2e80}'..='\u{2fdf}' | '\u{3005}'..='\u{3007}' | '\u{3400}'..='\u{9fff}' | '\u{f900}'..='\u{faff}' | '\u{20000}'..='\u{3ffff}')
}

/// Characters without a meaning of their own (Unicode: Default_Ignorable_Code_Point).
fn is_ignorable(c: char) -> bool {
    matches!(c, '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{e0000}'..='\u{e0fff}')
}

/// Words of names, and the texts that have one by accident.
struct Forms {
    inside: Vec<Name>,
    ending: Vec<Name>,
    not: Vec<Name>,
}

impl Forms {
    /// Words that are found anywhere, those that end a word, and exceptions; comma between.
    fn new(inside: &str, ending: &str, not: &str) -> Self {
        let words = |text: &str| text.split(", ").filter(|word| !word.is_empty()).map(Name::new).collect();
        Self { inside: words(inside), ending: words(ending), not: words(not) }
    }

    /// The first of them in a text.
    fn find(&self, text: &Name) -> Option<&Name> {
        let inside = self.inside.iter().find(|form| text.has(form, Occurs::Anywhere, &self.not));
        inside.or_else(|| self.ending.iter().find(|form| text.has(form, Occurs::Ending, &self.not)))
    }
}

/// Dosage forms outside the body, as 中国药典2020年版四部 0100 制剂通则 names them.
static TOPICAL: LazyLock<Forms> = LazyLock::new(|| {
    Forms::new(
        "乳膏, 软膏, 凝胶, 滴眼, 眼膏, 眼用, 滴耳, 耳用, 滴鼻, 搽剂, 涂剂, 涂膜, 洗剂, 贴膏, 外用, 喷雾剂, cream, ointment, gel, \
         eye drops, ophthalmic, ear drops, topical, lotion",
        "",
        "",
    )
});

/// Dosage forms that are swallowed or injected.
static SYSTEMIC: LazyLock<Forms> = LazyLock::new(|| {
    Forms::new(
        "片, 胶囊, 颗粒, 口服, 糖浆, 干混悬, 分散, 注射, 丸, 输液, 滴丸, tablet, tablets, capsule, capsules, oral, syrup, \
         injection, infusion, granules, vial, ampoule, pill, pills",
        "",
        "阿片",
    )
});

/// Dosage forms that are injected.
static INJECTED: LazyLock<Forms> =
    LazyLock::new(|| Forms::new("注射用, 注射乳剂", "注射液, 注射剂, 针剂, 粉针", "注射用针, 注射用药"));

/// Dosage forms that are not injected and that names of other things seldom have (中国药典2020年版四部 0100
/// 制剂通则). The exceptions are images, devices, parts of the body.
static PRECISE: LazyLock<Forms> = LazyLock::new(|| {
    Forms::new(
        "片剂, 缓释片, 控释片, 肠溶片, 分散片, 咀嚼片, 泡腾片, 口崩片, 崩解片, 口含片, 含片, 舌下片, 阴道片, 薄膜衣片, 糖衣片, 混悬剂, \
         混悬液, 胶囊剂, 软胶囊, 硬胶囊, 肠溶胶囊, 缓释胶囊, 颗粒剂, 冲剂, 糖浆, 口服液, 口服溶液, 口服乳, 口服散, 口服混悬, 口服滴剂, \
         滴剂, 滴丸, 丸剂, 水蜜丸, 大蜜丸, 浓缩丸, 口服合剂, 酊剂, 散剂, 滴眼, 眼膏, 眼用, 滴耳, 滴鼻, 鼻喷, 乳膏, 软膏, 贴膏, 贴剂, \
         透皮贴, 巴布膏, 搽剂, 涂剂, 涂膜, 乳胶剂, 眼药水, 栓剂, 灌肠液, 灌肠剂, 气雾剂, 粉雾剂, 吸入剂, 吸入用, 吸入溶液, 吸入粉, 喷雾剂, \
         含漱液, 煎膏, 膏滋, 开塞露, tablet, tablets, caplet, caplets, capsule, capsules, softgel, softgels, granules, syrup, \
         lozenge, lozenges, suppository, suppositories, pessary, pessaries, ointment, cream, eye drops, ear drops, \
         nasal spray, nasal drops, oral solution, oral suspension, oral drops, inhalation powder, elixir",
        "片, 丸, 散, 膏, 栓, 酊, 胶囊, 颗粒, 合剂",
        "纱布片, 试纸片, 纸片, 试片, 检测片, 镜片, 晶体片, 棉片, 刀片, 电极片, 贴片, 敷片, 敷料片, 冷敷片, 切片, 涂片, 摄片, 拍片, \
         阅片, 读片, 洗片, 胶片, 照片, 图片, 名片, 卡片, 平片, 光片, 线片, 胸片, 牙片, 咬翼片, 正位片, 侧位片, 全景片, 断层片, \
         造影片, ct片, mr片, dr片, 芯片, 垫片, 玻片, 钢片, 夹片, 滤片, 膜片, 湿片, 补片, 网片, 瓣片, 瓷片, 瓷贴片, 树脂片, \
         海绵片, 骨片, 软骨片, 皮片, 甲片, 尿片, 消毒泡腾片, 消毒片, 清洁片, 清洗片, 睾丸, 弹丸, 扩散, 弥散, 分散, 发散, 离散, \
         牙膏, 石膏, 唇膏, 护手膏, 耦合膏, 导电膏, 橡皮膏, 防漏膏, 耦合剂, 聚合剂, 粘合剂, 黏合剂, 螯合剂, 血栓, 溶栓, 取栓, 抗栓, 螺栓, 棉栓, 耳栓, 空胶囊, 空心胶囊, 定位胶囊, \
         骨颗粒, 陶瓷颗粒, 吸附颗粒, 眼用手术, 眼用剪, 眼用镊, capsule endoscopy, tablet computer",
    )
});

/// What tells beside these that a medicine is not injected: forms and units of packs.
static TOLD: LazyLock<Forms> = LazyLock::new(|| {
    Forms::new(
        "片, 胶囊, 颗粒, 口服, 吸入, 气雾, 粉雾, 喷雾, 含漱, 漱口, 乳膏, 灌肠, 泡腾, 膜剂, 糊剂, 洗液, 冲洗液, 透析液, 饮片, 药茶, 药水, 红花油, 活络油, 风油精, 清凉油, 鱼肝油, 松节油, \
         tab, tabs, cap, caps, powder for oral, orally, inhaler, inhalation, inhalant, nebuliser, nebulizer, patch, patches, \
         spray, enema, rectal, vaginal, nasal, drops, suspension, mouthwash, pellets",
        "丸, 散, 膏, 丹, 栓, 酊, 贴, 露, 霜, 酒, 水, 搽, 剂, 滴液",
        "阿片, 注射剂, 针剂, 粉针剂, 冻干粉剂, 制剂, 试剂, 抑制剂, 拮抗剂, 激动剂, 阻滞剂, 造影剂, 显影剂, 溶剂, 盐水, 糖水, 用水, 灭菌水, 无菌水",
    )
});

/// Acts, at the end of the name of what is neither a medicine nor a material.
static ACTS: LazyLock<Forms> = LazyLock::new(|| {
    Forms::new("", "费, 服务, 接种, 护理, 维护, 换药, 挂号, 会诊, 咨询, 体检", "自费, 免费, 公费, 付费")
});

/// What names of laboratory tests and their kits have.
static LABORATORY: LazyLock<Forms> = LazyLock::new(|| {
    Forms::new(
        "测定, 检测, 检验, 浓度监测, 试剂, 试纸, 试条, 免疫组化, assay, test, tests, level, levels, reagent, strips",
        "",
        "检验合格, 检测合格, 经检验, 经检测, 已检验, 已检测",
    )
});

/// Salts, esters, hydrates and forms around the name of a substance, longest first.
const FILLERS: &str = "hydrochloride, hydrobromide, phosphate, carbonate, etexilate, tartrate, fumarate, sulphate, \
    mesylate, valerate, capsules, maleate, sulfate, acetate, tablets, capsule, sodium, tablet, \
    口服混悬液, 口腔崩解片, 缓释混悬液, 薄膜衣片, 甲苯磺酸, 口服溶液, 肠溶胶囊, 缓释胶囊, 半水合物, 重酒石酸, oral, 软胶囊, \
    口服液, 分散片, 缓释片, 控释片, 肠溶片, 咀嚼片, 口崩片, 薄膜衣, 注射液, 注射用, 混悬液, 水合物, \
    乙磺酸, 甲磺酸, 苯磺酸, 氢溴酸, 枸橼酸, 琥珀酸, 马来酸, 富马酸, 酒石酸, 苯甲酸, 十一酸, 盐酸, \
    硫酸, 磷酸, 醋酸, 乙酸, 碳酸, 戊酸, 丙酸, 乳酸, 胶囊, 颗粒, 滴丸, 糖浆, 一水, 二水, 三水, 半水, \
    单方, 缓释, 控释, 肠溶, 进口, 国产, 原研, 集采, 外用, 饮片, 水飞, mg, μg, ml, 片, 粉, 净, 装, 丸, 散, 钠, 钾, 钙, 镁, 酯, 重, 盒, 瓶, 支, 粒, 袋";

#[cfg(test)]
mod tests {
    use super::*;

    fn has(text: &str, name: &str) -> bool {
        Name::new(text).has(&Name::new(name), Occurs::Anywhere, &[])
    }

    fn item(kind: LineKind, title: &str, codes: &[(&str, &str)]) -> Product {
        let codings: Vec<Coding> = codes.iter().map(|(system, code)| Coding::new(*system, *code)).collect();
        Product::new(kind, title, &codings, &[], &BTreeSet::new())
    }

    #[test]
    fn names_are_words_whatever_is_between_and_around_them() {
        for text in [
            "Zolpidem",
            "zolpidem10mg",
            "ZOLPIDEM tartrate",
            "ｚｏｌｐｉｄｅｍ",
            "zol-pidem",
            "z o l p i d e m",
            "zol\u{200b}pidem",
            "片zolpidem片",
        ] {
            assert!(has(text, "zolpidem"), "{text}");
        }
        for text in ["hydroquinine", "quinines", "quinineb"] {
            assert!(!has(text, "quinine"), "{text}");
        }
        for text in ["酒石酸唑吡坦片", "唑 吡 坦", "唑\u{3000}吡·坦", "唑(吡)坦"] {
            assert!(has(text, "唑吡坦"), "{text}");
        }
        let masked = Name::new("乙炔雌二醇片").has(&Name::new("雌二醇"), Occurs::Anywhere, &[Name::new("炔雌二醇")]);
        assert!(!masked);
        let ends = |text: &str, form: &str| Name::new(text).has(&Name::new(form), Occurs::Ending, &[]);
        assert!(ends("二甲双胍片0.5g×48片", "片") && ends("Metformin 片", "片") && ends("维生素B12片", "片"));
        assert!(!ends("试纸50片", "片") && !ends("10mg*7片", "片") && !ends("片", "片") && !ends("胶囊内镜", "胶囊"));
        assert!(ends("adalimumab-aaty", "mab") && !ends("mabuterol", "mab"));
        let brand = |text: &str| Name::new(text).has(&Name::new("培达"), Occurs::Apart, &[]);
        assert!(brand("培达 50mg") && brand("培达(西洛他唑片)") && !brand("安培达片"));
    }

    #[test]
    fn a_pure_name_has_only_salt_form_and_strength_around_it() {
        let only = |text: &str, name: &str| Name::new(text).is_only(&Name::new(name));
        assert!(only("华法林钠片 2.5mg×60片/盒", "华法林") && only("Warfarin Sodium Tablets 5 mg", "warfarin"));
        assert!(only("重酒石酸卡巴拉汀胶囊", "卡巴拉汀"));
        assert!(!only("雌二醇屈螺酮片", "雌二醇") && !only("炔雌醇环丙孕酮片", "环丙孕酮"));
        assert!(!only("Estradiol/dydrogesterone tablets", "estradiol"));
    }

    #[test]
    fn medicines_are_known_by_their_codes_whatever_they_are_sold_as() {
        let substances = Substances::default();
        let mark = |title: &str, codes: &[(&str, &str)]| item(LineKind::Other, title, codes).medicine_mark(&substances);
        let code = |text: &str| Some(MedicineMark::Code(text.into()));
        assert_eq!(mark("x", &[("https://www.whocc.no/atc/", "n05cf01")]), code("N05CF01"));
        assert_eq!(mark("x", &[("urn:oid:2.16.840.1.113883.6.88", "6809")]), code("6809"));
        assert_eq!(mark("x", &[("urn:own", "XA10BAE058A001010100483")]), code("XA10BAE058A001010100483"));
        assert_eq!(mark("x", &[("urn:own", "ZA01AAA0001010100001")]), code("ZA01AAA0001010100001"));
        let approval = Some(MedicineMark::Approval("国药准字H20023370".into()));
        assert_eq!(mark("x", &[("urn:own", "国药准字 H20023370")]), approval);
        assert_eq!(mark("某片（国药准字Ｈ20023370）", &[("urn:own", "x")]), approval);
        assert_eq!(mark("血糖试纸", &[("urn:own", "glucose-test-strips-50")]), None);
        assert_eq!(mark("挂号费", &[("urn:own", "T100")]), None);
    }

    #[test]
    fn a_medicine_is_known_by_code_and_ingredients() {
        let lack = |codes: &[Coding], ingredients: &[Coding]| {
            Product::new(LineKind::Medicine, "某片", codes, ingredients, &BTreeSet::new()).lack()
        };
        let (own, atc) = (Coding::new("urn:own", "x"), Coding::new(system::ATC, "A10BA02"));
        let nhsa = Coding::new("urn:own", "XA10BAE058A001010100483");
        assert_eq!(lack(std::slice::from_ref(&own), std::slice::from_ref(&atc)), Some(Lack::Code));
        assert_eq!(lack(&[Coding::new(system::ATC, "A10")], std::slice::from_ref(&atc)), Some(Lack::Code));
        assert_eq!(lack(std::slice::from_ref(&atc), &[]), Some(Lack::Ingredients));
        assert_eq!(lack(std::slice::from_ref(&nhsa), std::slice::from_ref(&own)), Some(Lack::Ingredients));
        let named = Coding { display: Some("二甲双胍".into()), ..own };
        assert_eq!(lack(&[nhsa], &[named]), None);
        assert_eq!(lack(std::slice::from_ref(&atc), std::slice::from_ref(&atc)), None);
    }

    #[test]
    fn the_form_of_a_product_is_its_own() {
        let topical = |title: &str| item(LineKind::Medicine, title, &[]).is_topical();
        assert!(topical("夫西地酸乳膏") && topical("Fusidic acid cream 2%") && topical("夫西地酸滴眼液"));
        assert!(!topical("夫西地酸") && !topical("伊曲康唑胶囊") && !topical("伊曲康唑口服溶液"));
        let classes = BTreeSet::from([DrugClass::Topical]);
        let stated = |title: &str| Product::new(LineKind::Medicine, title, &[], &[], &classes).is_topical();
        assert!(stated("立思丁") && !stated("伊曲康唑胶囊") && !stated("注射用伏立康唑"));
    }

    #[test]
    fn atc_codes_have_a_form() {
        assert!(["N", "N05", "N05C", "N05CF", "N05CF02"].iter().all(|code| is_atc(code)));
        assert!(!["", "N0", "N05CF2", "n05cf02", "N05CF021", "05NCF02", "N05C02"].iter().any(|code| is_atc(code)));
    }
}
