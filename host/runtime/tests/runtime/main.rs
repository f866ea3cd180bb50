//! The plugin engine, seen from outside, against guests written by hand for the
//! purpose: each does one thing that no decent plugin would.
#![allow(clippy::disallowed_methods, reason = "tasks of a test end with it")]

mod cache;
mod calls;
mod capabilities;
mod contract;
mod fixtures;
mod hostile;
mod insurers;
mod limits;
#[cfg(feature = "fixture-2-0")]
mod majors;
mod one_parser;
mod packages;
mod panels;
mod reach;
mod resilience;
mod tape;
mod trust;
mod wire;
