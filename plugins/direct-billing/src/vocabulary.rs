//! Terms that data files and settings may have.

/// Terms of a contract. Every profile has all of them; `setting terms.<insurer>` overrides them.
///
/// | term | value |
/// |---|---|
/// | `plans` | codes of plans, by commas |
/// | `networks` | `tier:percent` by commas: what the patient bears (共付比例) in each tier |
/// | `deductible` | fen a benefit year |
/// | `copay` | fen a visit, which is a claim |
/// | `discount` | percent that the provider gives up by contract |
/// | `visit-limit`, `annual-limit` | fen, or `none` |
/// | `visits`, `mental-visits` | visits a benefit year, or `none` |
/// | `waiting-days`, `mental-waiting-days` | days since the cover began |
/// | `excluded`, `preauthorization-services` | selectors by commas |
/// | `preauthorization-above` | fen of one claim, or `none` |
/// | `guarantee-days` | days for which a guarantee of payment holds |
/// | `documents`, `claim-documents` | LOINC codes of papers wanted with a preauthorization, with a claim |
/// | `filing-days`, `appeal-days` | days after the service, after the decision, or `none` |
/// | `year` | `calendar`, or `policy`: from each anniversary of the cover |
/// | `remit-days` | of local decisions: days until the simulated advice of payment, or `none` |
pub const TERMS: &[&str] = &[
    "plans",
    "networks",
    "deductible",
    "copay",
    "discount",
    "visit-limit",
    "annual-limit",
    "visits",
    "mental-visits",
    "waiting-days",
    "mental-waiting-days",
    "excluded",
    "preauthorization-above",
    "preauthorization-services",
    "guarantee-days",
    "documents",
    "claim-documents",
    "filing-days",
    "appeal-days",
    "year",
    "remit-days",
];
