//! Apps and service clients (SMART App Launch 2.2, SMART Backend Services): registration,
//! authorization, tokens, launches.

pub mod authorize;
pub mod client;
pub mod exchange;
pub mod launch;
