//! Takes what another version of the pathway remembered. Implement [`Migration`] on the type that carries
//! `#[plugin(follow_up, migration)]`.

crate::bindings::pathway_1_1!(
    "package xinglin:role-migration; world migration-role { export xinglin:pathway/migration@1.1.0; }",
    {}
);

pub use bindings::exports::xinglin::pathway::migration::{Guest as Migration, Migrated};
