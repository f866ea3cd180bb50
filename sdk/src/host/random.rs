//! Random numbers that a replay reproduces. Request them with
//! `[capabilities.random]`.

/// 0 to 65536 unpredictable bytes. A larger length ends the call.
pub fn bytes(length: u32) -> Vec<u8> {
    #[cfg(target_family = "wasm")]
    return crate::bindings::xinglin::host::random::bytes(length);
    #[cfg(not(target_family = "wasm"))]
    crate::testing::with("random", |call| call.random(length))
}
