//! Resolves product codes to ingredients.

use xinglin_sdk::{
    clinical::Medication,
    prescribing::Line,
    time::Instant,
    types::{AttributeValue, Attributes as _, Coding, Codings as _, Decimal, system},
};

use crate::table::{self, Ingredient, Unit};

/// Attribute of a medication: when what was dispensed is used up.
pub const SUPPLY_ENDS: &str = "xinglin.supply-ends";

/// A resolved medicine.
#[derive(Debug)]
pub struct Drug {
    /// The ingredients, each once.
    pub ingredients: Vec<&'static Ingredient>,
    /// Whether all ingredients are known.
    pub known: bool,
    /// For display.
    pub label: String,
    /// When the supply ends, if it is taken and that is known.
    pub supply_ends: Option<Instant>,
    codes: Vec<Coding>,
}

impl Drug {
    /// The medicine of a line.
    pub fn ordered(line: &Line) -> Self {
        Self::of(&line.code, &line.ingredients)
    }

    /// A medicine in use.
    pub fn taken(medication: &Medication) -> Self {
        let supply_ends = match medication.attributes.value(SUPPLY_ENDS) {
            Some(AttributeValue::Instant(at)) => Some(*at),
            _ => None,
        };
        Self { supply_ends, ..Self::of(&medication.code, &medication.ingredients) }
    }

    /// A product is known if one of its codings is, in ATC or RxNorm. All
    /// ingredients that the host lists in ATC must be known.
    fn of(product: &[Coding], ingredients: &[Coding]) -> Self {
        let mut found: Vec<&'static Ingredient> = Vec::new();
        for ingredient in product.iter().chain(ingredients).flat_map(resolve) {
            if !found.iter().any(|known| known.atc == ingredient.atc) {
                found.push(ingredient);
            }
        }
        let gap = ingredients.iter().any(|code| code.system == system::ATC && resolve(code).next().is_none());
        Self {
            known: !found.is_empty() && !gap,
            ingredients: found,
            label: product.label().to_owned(),
            supply_ends: None,
            codes: product.to_vec(),
        }
    }

    /// Whether it contains this ingredient.
    pub fn holds(&self, ingredient: &Ingredient) -> bool {
        self.ingredients.iter().any(|own| own.atc == ingredient.atc)
    }

    /// Whether it is the same product.
    pub fn is_product(&self, other: &Self) -> bool {
        self.codes.iter().any(|code| other.codes.iter().any(|c| c.same(code)))
    }

    /// Whether it has the same ingredients, as another product of one medicine.
    pub fn is_medicine(&self, other: &Self) -> bool {
        self.known
            && other.known
            && self.ingredients.len() == other.ingredients.len()
            && self.ingredients.iter().all(|ingredient| other.holds(ingredient))
    }

    /// Whether an amount of it is an amount of one ingredient.
    pub fn is_single(&self) -> bool {
        self.known && self.ingredients.len() == 1
    }

    /// Its codes in ATC.
    pub fn atc(&self) -> impl Iterator<Item = &str> {
        self.codes.codes_in(system::ATC)
    }
}

/// The ingredients of a code: one, several, or none if it is unknown.
pub fn resolve(code: &Coding) -> impl Iterator<Item = &'static Ingredient> {
    let table: &'static [table::Entry] = match code.system.as_str() {
        system::ATC => table::ATC,
        system::RXNORM => table::RXNORM,
        system::SNOMED => table::SNOMED,
        _ => &[],
    };
    table::ingredients(table, &code.code)
}

/// One dose of a line in a unit; `None` if the line's own unit is of another kind. An amount that
/// cannot be counted is the greatest that can.
pub fn one_dose(line: &Line, unit: Unit) -> Option<Decimal> {
    let value = line.dose.value;
    let times = |factor: Decimal| Some(value.times(factor).unwrap_or(Decimal::whole(i64::MAX)));
    match (unit, line.dose.unit.as_str()) {
        (Unit::Milligram, "mg" | "MG" | "毫克") => Some(value),
        (Unit::Milligram, "g" | "克") => times(Decimal::whole(1000)),
        (Unit::Milligram, "ug" | "mcg" | "µg" | "μg" | "微克") => times(Decimal::new(1, 3)),
        (Unit::Milligram, "ng") => times(Decimal::new(1, 6)),
        (Unit::International, "[iU]" | "[IU]" | "IU" | "U" | "u" | "单位") => Some(value),
        (Unit::International, "k[iU]") => times(Decimal::whole(1000)),
        (Unit::International, "10*4.[iU]" | "万单位") => times(Decimal::whole(10_000)),
        (Unit::Millilitre, "mL" | "ml" | "毫升") => Some(value),
        (Unit::Piece, "" | "1" | "{tbl}" | "{tablet}" | "{cap}" | "{capsule}" | "{pill}" | "片" | "粒") => {
            Some(value)
        }
        _ => None,
    }
}

/// What a line gives of a medicine of one ingredient in a day.
pub fn daily_dose(line: &Line, unit: Unit) -> Option<Decimal> {
    one_dose(line, unit)?.times(line.doses_per_day)
}
#[cfg(test)]
mod tests {
    use super::*;

    fn names(product: &[Coding], ingredients: &[Coding]) -> (Vec<&'static str>, bool) {
        let drug = Drug::of(product, ingredients);
        (drug.ingredients.iter().map(|ingredient| ingredient.name.en).collect(), drug.known)
    }

    #[test]
    fn a_medicine_is_its_ingredients_whatever_system_names_it() {
        assert_eq!(names(&[Coding::rxnorm("860975")], &[]), (vec!["metformin"], true));
        assert_eq!(names(&[Coding::atc("A10BA02"), Coding::rxnorm("860975")], &[]), (vec!["metformin"], true));
        assert_eq!(names(&[Coding::atc("A10BD15")], &[]), (vec!["metformin", "dapagliflozin"], true));
        assert_eq!(names(&[Coding::atc("N02BA01")], &[]), (vec!["aspirin"], true));
        assert_eq!(names(&[Coding::rxnorm("1656356")], &[]), (vec!["sacubitril", "valsartan"], true));
        assert_eq!(names(&[Coding::new("urn:x", "1")], &[Coding::atc("C10AA05")]), (vec!["atorvastatin"], true));
    }

    #[test]
    fn what_is_not_known_wholly_is_not_known() {
        assert_eq!(names(&[Coding::atc("A10")], &[]), (vec![], false));
        assert_eq!(names(&[Coding::rxnorm("1359133")], &[]), (vec![], false));
        let parts = [Coding::atc("A10BA02"), Coding::atc("Z99ZZ99")];
        assert_eq!(names(&[Coding::new("urn:x", "1")], &parts), (vec!["metformin"], false));
    }
}
