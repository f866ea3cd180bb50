//! A bundle and its signatures are read, whatever their bytes, without a panic;
//! what is read is written back as it was.

#![no_main]

use libfuzzer_sys::fuzz_target;
use xinglin_runtime::{Bundle, Signature, Statement};

fuzz_target!(|bytes: &[u8]| {
    if let Ok(bundle) = Bundle::read(bytes) {
        let written = bundle.to_bytes().expect("what was read can be written");
        let again = Bundle::read(&written).expect("what was written can be read");
        assert_eq!(again.component, bundle.component);
        assert_eq!(again.signatures.len(), bundle.signatures.len());
    }
    if let Ok(signature) = Signature::parse(bytes) {
        let _ = Statement::parse(signature.comment());
    }
});
