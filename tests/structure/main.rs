//! The structure of the repository: which crate may import which, which folders may, and
//! that what the documents name exists. Nothing here is compiled against the host.

mod arrows;
mod invariants;
