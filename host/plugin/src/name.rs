//! Names chosen by plugins: a segment of an id, a key, a setting or a pack.

/// `a`, `a1`, `a-b`.
pub(crate) fn is_name(part: &str) -> bool {
    part.starts_with(|c: char| c.is_ascii_lowercase())
        && part.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
        && !part.ends_with('-')
}
