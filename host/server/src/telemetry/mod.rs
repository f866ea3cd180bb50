//! What operators see of a running hospital: numbers ([`meter`]) and traces
//! ([`trace`]). They say what was called, how often and how long it took, of which
//! tenant and plugin; never of whom it was, and never what was said.

pub mod meter;
pub mod trace;
