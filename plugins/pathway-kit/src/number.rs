//! The numbers of clinical rules.

/// A number that a rule uses, with a source of the plugin's own `Source`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Number<S> {
    /// The rule.
    pub rule: &'static str,
    /// The value.
    pub value: i64,
    /// What it counts.
    pub unit: &'static str,
    /// Where it comes from.
    pub source: S,
    /// The test with a row below, at and above it.
    pub test: &'static str,
}

impl<S> Number<S> {
    /// As minutes; 1 if it cannot be.
    pub fn minutes(&self) -> u32 {
        u32::try_from(self.value).unwrap_or(1)
    }

    /// As days; 1 if it cannot be.
    pub fn days(&self) -> u16 {
        u16::try_from(self.value).unwrap_or(1)
    }

    /// As hours; 1 if it cannot be.
    pub fn hours(&self) -> u16 {
        u16::try_from(self.value).unwrap_or(1)
    }
}

/// Declares the numbers of a plugin as constants, and `ALL` of them. `Source` must be in scope:
///
/// ```
/// # #[derive(Debug, Clone, Copy, PartialEq)] pub enum Source { Guideline }
/// pathway_kit::numbers! {
///     ADULT = 18 "years", "Adults only, from", Guideline, "who_may_enter";
/// }
/// # fn main() { assert_eq!((ADULT.value, ALL.len()), (18, 1)); }
/// ```
#[macro_export]
macro_rules! numbers {
    ($($name:ident = $value:literal $unit:literal, $rule:literal, $source:ident, $test:literal;)*) => {
        /// A number of this plugin.
        pub type Number = $crate::Number<Source>;
        $(
            #[doc = $rule]
            pub const $name: Number = $crate::Number {
                rule: $rule,
                value: $value,
                unit: $unit,
                source: Source::$source,
                test: $test,
            };
        )*
        /// All of them.
        pub const ALL: &[Number] = &[$($name),*];
    };
}
