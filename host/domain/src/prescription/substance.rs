//! Names of substances, by which the title of a product is read.

use serde::Deserialize;

use super::product::{Name, Occurs};

/// Substances of medicines that are on sale, and stems of their names; not complete.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Substances {
    /// What has one in its name is a medicine.
    known: Vec<Name>,
    /// Names also of foods, reagents and devices.
    common: Vec<Name>,
}

impl Substances {
    /// The first in a text that is a substance of medicines only.
    pub(super) fn known_in(&self, text: &Name) -> Option<&Name> {
        self.known.iter().find(|name| text.has(name, Occurs::Anywhere, &[]))
    }

    /// Whether a text names any other substance than `own`.
    pub(super) fn other_in(&self, text: &Name, own: &[Name]) -> bool {
        let mine: Vec<_> = own.iter().flat_map(|name| text.find(name, Occurs::Anywhere)).collect();
        let mut others = self.known.iter().chain(&self.common).flat_map(|name| text.find(name, Occurs::Anywhere));
        others.any(|at| mine.iter().all(|own| at.end <= own.start || own.end <= at.start))
    }
}
