//! Apps and service clients: registration, authorization, tokens, launches (SMART App Launch 2).

pub mod authorize;
pub mod client;
pub mod exchange;
pub mod launch;
