//! Resolves product codes to ingredients.

use xinglin_sdk::types::{Coding, Codings as _, system};

use crate::table::{self, Ingredient};

/// A resolved medicine.
#[derive(Debug)]
pub struct Drug {
    /// The ingredients, each once.
    pub ingredients: Vec<&'static Ingredient>,
    /// Whether all ingredients are known.
    pub known: bool,
    /// For display.
    pub label: String,
    codes: Vec<Coding>,
}

impl Drug {
    /// A product is known if one of its codings is, in ATC or RxNorm. All
    /// ingredients that the host lists in ATC must be known.
    pub fn of(product: &[Coding], ingredients: &[Coding]) -> Self {
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
}

/// The ingredients of a code: one, several, or none if it is unknown.
pub fn resolve(code: &Coding) -> impl Iterator<Item = &'static Ingredient> {
    let table: &'static [(&str, &[&str])] = match code.system.as_str() {
        system::ATC => table::ATC,
        system::RXNORM => table::RXNORM,
        system::SNOMED => table::SNOMED,
        _ => &[],
    };
    table::ingredients(table, &code.code)
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
