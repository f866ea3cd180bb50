//! Signatures of the channels: RSA (PKCS #1, version 1.5) over SHA-256, which WeChat Pay calls
//! `SHA256-RSA2048` and Alipay `RSA2`.

use base64::{Engine, engine::general_purpose::STANDARD};
use ring::{
    rand::SystemRandom,
    signature::{RSA_PKCS1_2048_8192_SHA256, RSA_PKCS1_SHA256, RsaKeyPair, UnparsedPublicKey},
};

/// The bytes of a key: PEM, or its base64 alone, as Alipay's tools give it.
fn der(text: &str) -> Option<Vec<u8>> {
    let lines = text.lines().filter(|line| !line.trim_start().starts_with("-----"));
    let bare: String = lines.flat_map(str::chars).filter(|c| !c.is_whitespace()).collect();
    STANDARD.decode(bare).ok()
}

/// The merchant's key.
pub(super) struct Private(RsaKeyPair);

impl Private {
    /// From PKCS #8 or PKCS #1; `None` if it is no RSA key of 2048 to 4096 bits.
    pub(super) fn read(text: &str) -> Option<Self> {
        let der = der(text)?;
        RsaKeyPair::from_pkcs8(&der).or_else(|_| RsaKeyPair::from_der(&der)).ok().map(Self)
    }

    /// The signature in base64.
    pub(super) fn sign(&self, message: &[u8]) -> Option<String> {
        let mut signature = vec![0; self.0.public().modulus_len()];
        // The randomness blinds the computation; the signature does not depend on it.
        self.0.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), message, &mut signature).ok()?;
        Some(STANDARD.encode(signature))
    }
}

/// A channel's key.
pub(super) struct Public(Vec<u8>);

impl Public {
    /// From a public key (`BEGIN PUBLIC KEY`); `None` if it is none.
    pub(super) fn read(text: &str) -> Option<Self> {
        let der = der(text)?;
        let info = spki::SubjectPublicKeyInfoRef::try_from(der.as_slice()).ok()?;
        Some(Self(info.subject_public_key.raw_bytes().to_vec()))
    }

    /// Whether a signature in base64 is the channel's.
    pub(super) fn verifies(&self, message: &[u8], signature: &str) -> bool {
        let key = UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, &self.0);
        STANDARD.decode(signature).is_ok_and(|signature| key.verify(message, &signature).is_ok())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PRIVATE: &str = include_str!("../../../../../examples/cash-channel/keys/merchant.key");
    const PUBLIC: &str = include_str!("../../../../../examples/cash-channel/keys/merchant.pub");

    #[test]
    fn what_is_signed_is_verified_and_nothing_else() {
        let (private, public) = (Private::read(PRIVATE).expect("a key"), Public::read(PUBLIC).expect("a key"));
        let signature = private.sign("金额".as_bytes()).expect("signed");
        assert!(public.verifies("金额".as_bytes(), &signature));
        for (message, signature) in [("金", signature.as_str()), ("金额", ""), ("金额", "AAAA"), ("金额", "!")] {
            assert!(!public.verifies(message.as_bytes(), signature), "{message} {signature}");
        }
        // Without its frame.
        let bare: String = PRIVATE.lines().filter(|line| !line.starts_with('-')).collect();
        assert!(Private::read(&bare).is_some());
        assert!(Private::read(PUBLIC).is_none() && Public::read("").is_none() && Private::read("x").is_none());
    }
}
