//! A disease pathway as data: a YAML file instead of a program.
//!
//! - [`model`]: what a pathway consists of.
//! - [`condition`]: the language of `if`, three-valued and exact: what is not known is neither true
//!   nor false, and there are no floats.
//! - [`known`]: what is measured, in which units.
//! - [`slot`]: how the model gets into the component `generic-pathway` without compiling it again.
//! - `read` (feature `yaml`): YAML to model; errors say line, column and what to do.
//! - `check` (feature `check`): the checks of `xinglin pathway check`.
//!
//! It depends on nothing of the host and nothing of the SDK: both use it.

#[cfg(feature = "check")]
pub mod check;
pub mod condition;
pub mod known;
#[cfg(feature = "patch")]
pub mod manifest;
pub mod model;
pub mod number;
#[cfg(feature = "yaml")]
pub mod read;
pub mod slot;
