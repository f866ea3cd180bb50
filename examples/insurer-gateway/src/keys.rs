//! Who signed a message, and who may read it.

use aes_gcm::{
    AesGcm, KeyInit as _, Nonce,
    aead::{Aead as _, consts::U12},
};
use anyhow::{Context as _, Result, bail};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use ed25519_dalek::Verifier as _;
use sm2::dsa::signature::{Signer as _, Verifier as _};

use crate::clock;

/// The usual identity of GB/T 32918.2-2016.
const IDENTITY: &str = "1234567812345678";

/// The keys of this side, and of the hospital.
pub struct Keys {
    /// Of this side.
    own: sm2::dsa::SigningKey,
    /// Of the hospital; without it requests need no signature.
    hospital: Option<Hospital>,
    /// Shared with the hospital; without it bodies come in plain.
    shared: Option<Vec<u8>>,
}

enum Hospital {
    Sm2(sm2::dsa::VerifyingKey),
    Ed25519(ed25519_dalek::VerifyingKey),
}

impl Keys {
    /// From their text: this side's SM2 scalar in hexadecimal (drawn if left out), the hospital's public key and the
    /// shared SM4 key in base64.
    pub fn read(own: Option<&str>, hospital: Option<&str>, shared: Option<&str>) -> Result<Self> {
        let own = match own {
            Some(text) => sm2::dsa::SigningKey::from_slice(IDENTITY, &hex::decode(text)?)
                .map_err(|_| anyhow::anyhow!("no SM2 key"))?,
            // One in 2^32 is no key of SM2.
            None => std::iter::repeat_with(clock::dice::<32>)
                .find_map(|bytes| sm2::dsa::SigningKey::from_slice(IDENTITY, &bytes).ok())
                .context("no SM2 key")?,
        };
        let hospital = hospital.map(|text| Hospital::read(&STANDARD.decode(text)?)).transpose()?;
        let shared = shared.map(|text| STANDARD.decode(text)).transpose()?;
        if shared.as_ref().is_some_and(|key| key.len() != 16) {
            bail!("an SM4 key has 16 bytes");
        }
        Ok(Self { own, hospital, shared })
    }

    /// The public half of this side's key, in base64.
    pub fn public(&self) -> String {
        STANDARD.encode(self.own.verifying_key().to_sec1_bytes())
    }

    /// A signature of this side, in base64.
    pub fn sign(&self, message: &[u8]) -> Option<String> {
        self.own.try_sign(message).ok().map(|signature| STANDARD.encode(signature.to_vec()))
    }

    /// Whether the hospital signed these bytes.
    pub fn is_signed(&self, message: &[u8], signature: Option<&str>) -> bool {
        let Some(hospital) = &self.hospital else { return true };
        let Some(signature) = signature.and_then(|text| STANDARD.decode(text).ok()) else { return false };
        match hospital {
            Hospital::Sm2(key) => sm2::dsa::Signature::from_slice(&signature)
                .is_ok_and(|signature| key.verify(message, &signature).is_ok()),
            Hospital::Ed25519(key) => ed25519_dalek::Signature::from_slice(&signature)
                .is_ok_and(|signature| key.verify(message, &signature).is_ok()),
        }
    }

    /// A body in plain; `None` if it is not under the shared key.
    pub fn open(&self, body: &[u8]) -> Option<Vec<u8>> {
        let Some(shared) = &self.shared else { return Some(body.to_vec()) };
        let sealed = STANDARD.decode(body).ok()?;
        let (nonce, sealed) = sealed.split_first_chunk::<12>()?;
        let cipher = AesGcm::<sm4::Sm4, U12>::new_from_slice(shared).ok()?;
        cipher.decrypt(&Nonce::from(*nonce), sealed).ok()
    }
}

impl Hospital {
    fn read(bytes: &[u8]) -> Result<Self> {
        if let Ok(bytes) = bytes.try_into() {
            return Ok(Self::Ed25519(ed25519_dalek::VerifyingKey::from_bytes(bytes)?));
        }
        let key = sm2::dsa::VerifyingKey::from_sec1_bytes(IDENTITY, bytes);
        key.map(Self::Sm2).map_err(|_| anyhow::anyhow!("the hospital's key is neither of SM2 nor of Ed25519"))
    }
}
