//! Allergens in free text, as people write them: 青霉素、头孢过敏; "penicillin, peanuts".
//!
//! A text is split into parts, and each part must be understood: as a medicine, as a group, as
//! something that is no medicine, or as "none". A part that is not, and one that denies something,
//! leaves the text to be coded by a person; so does a text that only says "allergic to drugs".

use crate::table::{GROUPS, Group, INGREDIENTS, Ingredient, TEXT_IDLE, TEXT_NONE, TEXT_NOT_MEDICINES};

/// What a text says.
#[derive(Debug, Default)]
pub struct Reading {
    pub ingredients: Vec<&'static Ingredient>,
    pub groups: Vec<&'static Group>,
    /// Whether every part was understood, and there was one.
    pub whole: bool,
}

/// Words that turn the meaning of what follows.
const DENIALS: [&str; 12] =
    ["无", "否认", "没有", "不过敏", "不是", "未", "阴性", "no", "not", "denies", "denied", "negative"];
const SEPARATORS: [char; 13] = ['、', ',', ';', '/', '+', '。', '.', '(', ')', '和', '及', '与', '\n'];

/// Reads a text.
pub fn read(text: &str) -> Reading {
    let text = normalized(text);
    if is_in(TEXT_NONE, &text) {
        return Reading { whole: true, ..Reading::default() };
    }
    let mut reading = Reading::default();
    let (mut parts, mut understood) = (0, 0);
    for part in text.split(SEPARATORS).filter(|part| !bare(part).is_empty()) {
        parts += 1;
        if is_in(TEXT_NONE, part) || is_in(TEXT_NOT_MEDICINES, part) {
            understood += 1;
            continue;
        }
        if DENIALS.iter().any(|word| contains(part, word)) {
            continue;
        }
        let (ingredients, groups) = named(part);
        if !ingredients.is_empty() || !groups.is_empty() {
            understood += 1;
        }
        reading.ingredients.extend(ingredients);
        reading.groups.extend(groups);
    }
    reading.whole = parts > 0 && parts == understood;
    reading
}

fn is_in(list: &[&str], part: &str) -> bool {
    list.contains(&part.trim()) || list.contains(&bare(part).as_str())
}

/// Medicines and groups named in a part.
fn named(part: &str) -> (Vec<&'static Ingredient>, Vec<&'static Group>) {
    let says = |names: &[&str]| names.iter().any(|name| contains(part, name));
    let ingredients = INGREDIENTS.iter().filter(|ingredient| says(ingredient.names)).collect();
    (ingredients, GROUPS.iter().filter(|group| says(group.names)).collect())
}

/// Chinese is contained anywhere; a word in letters stands alone, in singular or plural.
fn contains(text: &str, name: &str) -> bool {
    text.match_indices(name).any(|(at, found)| {
        let is_letter = |c: Option<char>| c.is_some_and(|c| c.is_ascii_alphabetic());
        let after = text.get(at + found.len()..).unwrap_or_default();
        let after = after.strip_prefix('s').unwrap_or(after);
        !name.starts_with(|c: char| c.is_ascii())
            || (!is_letter(text.get(..at).and_then(|before| before.chars().next_back()))
                && !is_letter(after.chars().next()))
    })
}

/// Without words that say nothing about the allergen: 过敏, "allergic to".
fn bare(part: &str) -> String {
    let mut bare = part.to_owned();
    for idle in TEXT_IDLE {
        while let Some(at) = bare.find(idle) {
            bare.replace_range(at..at + idle.len(), " ");
        }
    }
    bare.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// In lower case and half width.
fn normalized(text: &str) -> String {
    let narrow = |c: char| match c {
        '\u{3000}' => ' ',
        '\u{ff01}'..='\u{ff5e}' => char::from_u32(u32::from(c) - 0xfee0).unwrap_or(c),
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
        ] {
            assert!(!read(text).2, "{text}");
        }
        assert_eq!(read("青霉素、某某药").1, ["PENICILLINS"], "what is understood counts");
        assert!(read("否认青霉素过敏").1.is_empty());
        assert!(read("morphine sulfate").1.is_empty(), "no sulfonamide");
    }
}
