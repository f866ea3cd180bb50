//! RSA signatures over SHA-256.

use base64::{Engine, engine::general_purpose::STANDARD};
use ring::{
    rand::SystemRandom,
    signature::{RSA_PKCS1_2048_8192_SHA256, RSA_PKCS1_SHA256, RsaKeyPair, UnparsedPublicKey},
};

fn der(pem: &str) -> Vec<u8> {
    let bare: String = pem.lines().filter(|line| !line.starts_with("-----")).collect();
    STANDARD.decode(bare).unwrap_or_default()
}

/// The signature in base64.
pub(crate) fn sign(private_key: &str, message: &[u8]) -> String {
    let key = RsaKeyPair::from_pkcs8(&der(private_key)).expect("a key of this repository");
    let mut signature = vec![0; key.public().modulus_len()];
    key.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), message, &mut signature).expect("a signature");
    STANDARD.encode(signature)
}

/// Whether the signature is of this key.
pub(crate) fn verifies(public_key: &str, message: &[u8], signature: &str) -> bool {
    let der = der(public_key);
    let Ok(info) = spki::SubjectPublicKeyInfoRef::try_from(der.as_slice()) else { return false };
    let key = UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, info.subject_public_key.raw_bytes());
    STANDARD.decode(signature).is_ok_and(|signature| key.verify(message, &signature).is_ok())
}

/// Random letters and digits.
pub(crate) fn nonce() -> String {
    hex::encode(rand::random::<[u8; 16]>())
}
