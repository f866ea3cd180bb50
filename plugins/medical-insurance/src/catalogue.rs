//! The scheme's catalogue of items. The table is generated from `data/catalogue.toml`.

use xinglin_sdk::types::{Coding, Codings as _};

/// Code system of the items.
pub const SYSTEM: &str = "https://xinglin.dev/catalogue";

/// How the scheme treats an item.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Class {
    /// 甲: fully in scope.
    A,
    /// 乙: the patient pays a share first.
    B {
        /// 先行自付比例.
        self_pay_percent: i64,
    },
    /// 丙: outside the catalogue.
    C,
}

/// One item.
#[derive(Debug)]
pub struct Item {
    code: &'static str,
    /// How it is treated.
    pub class: Class,
    /// Maximum recognised price of one unit, in fen.
    pub limit: Option<i64>,
}

static ITEMS: &[Item] = include!(concat!(env!("OUT_DIR"), "/catalogue.rs"));

/// The item with one of these codes; `None` if the catalogue does not have it.
pub fn find(codes: &[Coding]) -> Option<&'static Item> {
    codes
        .codes_in(SYSTEM)
        .find_map(|code| ITEMS.binary_search_by(|item| item.code.cmp(code)).ok())
        .and_then(|index| ITEMS.get(index))
}
