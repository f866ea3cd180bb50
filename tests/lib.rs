//! End-to-end tests of a real server: `it/main.rs`.
