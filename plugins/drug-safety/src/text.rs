//! Allergens in free text, as people write them: 青霉素、头孢过敏; "penicillin, peanuts".
//!
//! Every name in the text is found, the longest first, and the text is split into parts. A part is
//! understood if it says "none", or if nothing is left of it beside names and words that say
//! nothing of the allergen. A part that is not, and one that denies something, leaves the text to
//! be coded by a person; so does a text that only says "allergic to drugs".

use crate::table::{GROUPS, Group, INGREDIENTS, Ingredient, TEXT_BESIDE, TEXT_IDLE, TEXT_NONE, TEXT_NOT_MEDICINES};

/// What a text says.
#[derive(Debug, Default)]
pub struct Reading {
    pub ingredients: Vec<&'static Ingredient>,
    pub groups: Vec<&'static Group>,
    /// Whether every part was understood, and there was one.
    pub whole: bool,
}

/// Words that turn the meaning of what follows.
const DENIALS: [&str; 15] = [
    "无",
    "否认",
    "没有",
    "不过敏",
    "不是",
    "未",
    "排除",
    "阴性",
    "no",
    "not",
    "without",
    "never",
    "denies",
    "denied",
    "negative",
];
/// Between parts.
const SEPARATORS: [char; 21] =
    ['、', ',', ';', '/', '+', '&', '|', ':', '。', '.', '(', ')', '[', ']', '"', '“', '”', '和', '及', '与', '或'];
/// Between parts, as words.
const CONJUNCTIONS: [&str; 2] = ["and", "or"];
/// Where a name was: in Unicode's private use area, so that no text has it.
const NAMED: char = '\u{e000}';

/// Reads a text.
pub fn read(text: &str) -> Reading {
    let text = normalized(text);
    if is_none(&text) {
        return Reading { whole: true, ..Reading::default() };
    }
    let names = Names::of(&text);
    let mut reading = Reading::default();
    let (mut parts, mut understood) = (0, 0);
    let masked = names.masked(&text);
    for part in
        masked.split(|c: char| c == '\n' || SEPARATORS.contains(&c)).filter(|part| !without(part, TEXT_IDLE).is_empty())
    {
        parts += 1;
        if is_none(&names.unmasked(part)) {
            understood += 1;
            continue;
        }
        if DENIALS.iter().any(|word| !found(part, word).is_empty()) {
            continue;
        }
        let mut said = part.chars().filter_map(|c| names.at(c)).peekable();
        let named = said.peek().is_some();
        for said in said.flatten() {
            match said {
                Said::Ingredient(one) if reading.ingredients.iter().all(|other| other.atc != one.atc) => {
                    reading.ingredients.push(one);
                }
                Said::Group(one) if reading.groups.iter().all(|other| other.code != one.code) => {
                    reading.groups.push(one);
                }
                _ => {}
            }
        }
        let rest: String = part.chars().map(|c| if names.at(c).is_some() { ' ' } else { c }).collect();
        understood += u32::from(named && without(&without(&rest, TEXT_IDLE), TEXT_BESIDE).is_empty());
    }
    reading.whole = parts > 0 && parts == understood;
    reading
}

fn is_none(part: &str) -> bool {
    TEXT_NONE.contains(&part.trim()) || TEXT_NONE.contains(&without(part, TEXT_IDLE).as_str())
}

/// What a name stands for.
#[derive(Debug, Clone, Copy)]
enum Said {
    Ingredient(&'static Ingredient),
    Group(&'static Group),
    NoMedicine,
}

/// The names in a text, none within another.
struct Names {
    /// Ascending, in bytes, with all that each stands for.
    found: Vec<(usize, usize, Vec<Said>)>,
    names: Vec<String>,
}

impl Names {
    fn of(text: &str) -> Self {
        let ingredients = INGREDIENTS.iter().flat_map(|one| one.names.iter().map(move |n| (*n, Said::Ingredient(one))));
        let groups = GROUPS.iter().flat_map(|one| one.names.iter().map(move |n| (*n, Said::Group(one))));
        let others = TEXT_NOT_MEDICINES.iter().map(|name| (*name, Said::NoMedicine));
        let all = ingredients.chain(groups).chain(others);
        let mut all: Vec<_> =
            all.flat_map(|(name, said)| found(text, name).into_iter().map(move |(at, end)| (at, end, said))).collect();
        all.sort_by_key(|(at, end, _)| (std::cmp::Reverse(end - at), *at));
        let mut kept: Vec<(usize, usize, Vec<Said>)> = Vec::new();
        for (at, end, said) in all {
            match kept.iter_mut().find(|(start, stop, _)| at < *stop && *start < end) {
                None => kept.push((at, end, vec![said])),
                // Another meaning of the same words.
                Some((start, stop, meanings)) if (*start, *stop) == (at, end) => meanings.push(said),
                Some(_) => {}
            }
        }
        kept.sort_by_key(|(at, ..)| *at);
        let names = kept.iter().map(|(at, end, _)| text.get(*at..*end).unwrap_or_default().to_owned()).collect();
        Self { found: kept, names }
    }

    /// The text with one character in place of each name, and the conjunctions as separators.
    fn masked(&self, text: &str) -> String {
        let mut masked = String::new();
        let mut from = 0;
        for (index, (at, end, _)) in self.found.iter().enumerate() {
            masked.push_str(text.get(from..*at).unwrap_or_default());
            masked.extend(u32::try_from(index).ok().and_then(|index| char::from_u32(u32::from(NAMED) + index)));
            from = *end;
        }
        masked.push_str(text.get(from..).unwrap_or_default());
        for word in CONJUNCTIONS {
            for (at, end) in found(&masked, word).into_iter().rev() {
                masked.replace_range(at..end, ",");
            }
        }
        masked
    }

    fn unmasked(&self, part: &str) -> String {
        let name = |c: char| self.index(c).and_then(|index| self.names.get(index));
        part.chars().map(|c| name(c).map_or_else(|| c.to_string(), String::clone)).collect()
    }

    fn index(&self, c: char) -> Option<usize> {
        let index = u32::from(c).checked_sub(u32::from(NAMED))?;
        usize::try_from(index).ok().filter(|index| *index < self.found.len())
    }

    fn at(&self, c: char) -> Option<Vec<Said>> {
        self.found.get(self.index(c)?).map(|(_, _, said)| said.clone())
    }
}

/// Where a name is: Chinese anywhere; a word in letters alone, in singular or plural.
fn found(text: &str, name: &str) -> Vec<(usize, usize)> {
    let is_letter = |c: Option<char>| c.is_some_and(|c| c.is_ascii_alphabetic());
    let in_letters = |edge: Option<char>| edge.is_some_and(|c| c.is_ascii_alphanumeric());
    let places = text.match_indices(name).filter_map(|(at, found)| {
        let end = at + found.len();
        let after = text.get(end..).unwrap_or_default();
        let plural = after.strip_prefix('s').filter(|after| !is_letter(after.chars().next()));
        let end = if in_letters(name.chars().next_back()) && plural.is_some() { end + 1 } else { end };
        let before = text.get(..at).and_then(|before| before.chars().next_back());
        let next = text.get(end..).and_then(|after| after.chars().next());
        let apart = (!in_letters(name.chars().next()) || !is_letter(before))
            && (!in_letters(name.chars().next_back()) || !is_letter(next));
        apart.then_some((at, end))
    });
    places.collect()
}

/// What is left of a part without such words, blanks, dashes and numbers.
fn without(part: &str, words: &[&str]) -> String {
    let mut rest = part.to_owned();
    for word in words {
        for (at, end) in found(&rest, word).into_iter().rev() {
            rest.replace_range(at..end, " ");
        }
    }
    let tokens = rest.split(|c: char| c.is_whitespace() || c == '-');
    let says = |token: &&str| !token.chars().all(|c| c.is_ascii_digit());
    tokens.filter(says).collect::<Vec<_>>().join(" ")
}

/// In lower case and half width.
fn normalized(text: &str) -> String {
    let narrow = |c: char| match c {
        '\u{3000}' => ' ',
        '\u{ff01}'..='\u{ff5e}' => char::from_u32(u32::from(c) - 0xfee0).unwrap_or(c),
        '\u{e000}'..='\u{f8ff}' => '?',
        other => other,
    };
    text.chars().map(narrow).flat_map(char::to_lowercase).collect::<String>().trim().to_owned()
}

#[cfg(test)]
mod tests {
    fn read(text: &str) -> (Vec<&'static str>, Vec<&'static str>, bool) {
        let reading = super::read(text);
        let ingredients = reading.ingredients.iter().map(|ingredient| ingredient.atc).collect();
        (ingredients, reading.groups.iter().map(|group| group.code).collect(), reading.whole)
    }

    #[test]
    fn a_text_names_medicines_and_groups() {
        for (text, ingredients, groups) in [
            ("青霉素", &[][..], &["PENICILLINS"][..]),
            ("对青霉素过敏", &[], &["PENICILLINS"]),
            ("Penicillins", &[], &["PENICILLINS"]),
            ("头孢类、磺胺类药物过敏", &[], &["CEPHALOSPORINS", "SULFONAMIDE_ANTIBACTERIALS"]),
            ("Sulfonamide (substance)", &[], &["SULFONAMIDE_ANTIBACTERIALS"]),
            ("花生过敏", &[], &[]),
            ("胰岛素", &[], &["INSULINS"]),
            ("阿司匹林", &["B01AC06"], &[]),
            ("ALLERGIC TO ASPIRIN, sulfa drugs", &["B01AC06"], &["SULFONAMIDE_ANTIBACTERIALS"]),
            ("阿莫西林胶囊过敏史", &["J01CA04"], &[]),
            ("Amoxicillin", &["J01CA04"], &[]),
            ("花生、海鲜", &[], &[]),
            ("青霉素,花粉", &[], &["PENICILLINS"]),
            ("无", &[], &[]),
            ("否认药物过敏史", &[], &[]),
            ("NKDA", &[], &[]),
            ("No known drug allergies", &[], &[]),
            // Words that say nothing of the allergen.
            ("2019年对青霉素钠注射液过敏,皮试阳性", &["J01CE01"], &[]),
            ("青霉素类抗生素过敏史", &[], &["PENICILLINS"]),
            ("盐酸莫西沙星片致皮疹", &["J01MA14"], &[]),
            ("阿莫西林克拉维酸钾", &["J01CA04"], &[]),
            ("复方新诺明", &["J01EA01", "J01EC01"], &[]),
            ("allergic to penicillin and aspirin: rash, hives", &["B01AC06"], &["PENICILLINS"]),
            ("known sulfa allergy", &[], &["SULFONAMIDE_ANTIBACTERIALS"]),
            ("amoxicillin or cefaclor", &["J01CA04", "J01DC04"], &[]),
            ("amoxicillin & ibuprofen", &["J01CA04", "M01AE01"], &[]),
            ("amoxicillin ibuprofen", &["J01CA04", "M01AE01"], &[]),
            ("amoxicillin-ibuprofen", &["J01CA04", "M01AE01"], &[]),
            ("阿莫西林或布洛芬/阿司匹林", &["J01CA04", "M01AE01", "B01AC06"], &[]),
            ("鱼、虾和花粉过敏", &[], &[]),
            // The longest name counts.
            ("舒乐安定", &["N05CD04"], &[]),
        ] {
            assert_eq!(read(text), (ingredients.to_vec(), groups.to_vec(), true), "{text}");
        }
    }

    #[test]
    fn what_is_not_understood_wholly_is_left_to_a_person() {
        for text in [
            "",
            "  ",
            "某某药",
            "青霉素、某某药",
            "否认青霉素过敏",
            "not penicillin",
            "皮试阴性",
            "药物过敏",
            "drug allergy",
            // Something is left over.
            "penicillin and Septrin",
            "penicillin or Septrin",
            "penicillin & Septrin",
            "penicillin/Septrin",
            "penicillin + Septrin",
            "penicillin; Septrin",
            "penicillin-Septrin",
            "penicillin Septrin",
            "青霉素和施普善",
            "青霉素及施普善",
            "青霉素或施普善",
            "青霉素与施普善",
            "青霉素；施普善",
            "青霉素，施普善",
            "青霉素／施普善",
            "青霉素施普善过敏",
            "青霉素等药物过敏",
            "penicillin?",
            "依诺沙星",
            "抗生素",
            "青霉素、抗生素",
            "鱼精蛋白",
            "no penicillin allergy",
            "无青霉素过敏",
            "penicillins, denies sulfa",
        ] {
            assert!(!read(text).2, "{text}");
        }
        for text in ["青霉素、某某药", "penicillin and Septrin", "青霉素施普善过敏"] {
            assert_eq!(read(text).1, ["PENICILLINS"], "what is understood counts: {text}");
        }
        assert!(read("否认青霉素过敏").1.is_empty());
        assert!(read("morphine sulfate").1.is_empty(), "no sulfonamide");
    }
}
