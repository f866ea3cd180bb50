//! Keys that the host holds for plugins.

use aes_gcm::{
    AesGcm, Nonce,
    aead::{Aead, consts::U12},
};
use base64::{Engine, engine::general_purpose::STANDARD};
use ed25519_dalek::Signer as _;
use sm2::dsa::signature::Signer as _;
use xinglin_platform::ambient;
use xinglin_runtime::{KeyKind, SM2_IDENTITY};

/// The private half of a key, or a shared one. Never printed.
pub struct PluginKey {
    kind: KeyKind,
    secret: Vec<u8>,
}

impl std::fmt::Debug for PluginKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "PluginKey({}, …)", self.kind)
    }
}

impl PluginKey {
    /// A new key.
    pub fn draw(kind: KeyKind) -> Self {
        loop {
            let secret = match kind {
                KeyKind::Sm4 => ambient::random_bytes::<16>().to_vec(),
                KeyKind::Ed25519 | KeyKind::Sm2 => ambient::random_bytes::<32>().to_vec(),
            };
            // One in 2^32 is no key of SM2.
            if let Some(key) = Self::read(kind, &secret) {
                return key;
            }
        }
    }

    /// A key from its bytes: the 32 of a seed of Ed25519 (RFC 8032, 5.1.5), the 32
    /// of a scalar of SM2, the 16 of SM4. `None` if they are no key.
    pub fn read(kind: KeyKind, secret: &[u8]) -> Option<Self> {
        let key = Self { kind, secret: secret.to_vec() };
        let usable = match kind {
            KeyKind::Ed25519 => key.ed25519().is_some(),
            KeyKind::Sm2 => secret.len() == 32 && key.sm2().is_some(),
            KeyKind::Sm4 => secret.len() == 16,
        };
        usable.then_some(key)
    }

    /// The bytes, to be sealed.
    pub fn secret(&self) -> &[u8] {
        &self.secret
    }

    /// The public half: 32 bytes, or 65 of SEC1 uncompressed. SM4 has none.
    pub fn public(&self) -> Option<Vec<u8>> {
        match self.kind {
            KeyKind::Ed25519 => Some(self.ed25519()?.verifying_key().to_bytes().to_vec()),
            KeyKind::Sm2 => Some(self.sm2()?.verifying_key().to_sec1_bytes().to_vec()),
            KeyKind::Sm4 => None,
        }
    }

    /// A signature of 64 bytes; `None` if the key does not sign.
    pub fn sign(&self, message: &[u8]) -> Option<Vec<u8>> {
        match self.kind {
            KeyKind::Ed25519 => Some(self.ed25519()?.sign(message).to_bytes().to_vec()),
            KeyKind::Sm2 => Some(self.sm2()?.try_sign(message).ok()?.to_vec()),
            KeyKind::Sm4 => None,
        }
    }

    /// SM4-GCM with a fresh nonce: 12 bytes of it, ciphertext, 16 bytes of tag, in
    /// base64; `None` if the key does not encrypt.
    pub fn encrypt(&self, body: &[u8]) -> Option<String> {
        if self.kind != KeyKind::Sm4 {
            return None;
        }
        let cipher = <AesGcm<sm4::Sm4, U12> as aes_gcm::KeyInit>::new_from_slice(&self.secret).ok()?;
        let nonce = ambient::random_bytes::<12>();
        let sealed = cipher.encrypt(&Nonce::from(nonce), body).ok()?;
        Some(STANDARD.encode([nonce.as_slice(), &sealed].concat()))
    }

    fn ed25519(&self) -> Option<ed25519_dalek::SigningKey> {
        self.secret.as_slice().try_into().ok().map(ed25519_dalek::SigningKey::from_bytes)
    }

    fn sm2(&self) -> Option<sm2::dsa::SigningKey> {
        sm2::dsa::SigningKey::from_slice(SM2_IDENTITY, &self.secret).ok()
    }
}

#[cfg(test)]
mod tests {
    use xinglin_runtime::verify;

    use super::*;

    fn bytes(text: &str) -> Vec<u8> {
        hex::decode(text).unwrap()
    }

    /// RFC 8032, 7.1, test 2.
    #[test]
    fn ed25519_is_that_of_its_rfc() {
        let secret = bytes("4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb");
        let key = PluginKey::read(KeyKind::Ed25519, &secret).unwrap();
        let public = bytes("3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c");
        let signature = bytes(
            "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da\
             085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00",
        );
        assert_eq!(key.public(), Some(public.clone()));
        assert_eq!(key.sign(&[0x72]), Some(signature.clone()));
        assert!(verify(KeyKind::Ed25519, &public, &[0x72], &signature));
        assert!(!verify(KeyKind::Ed25519, &public, &[0x73], &signature));
        assert!(!verify(KeyKind::Sm2, &public, &[0x72], &signature));
    }

    /// GB/T 32918.5-2017, annex A.2: the recommended curve, the usual identity,
    /// `message digest`, a fixed k. Ours draws another k, so the example is
    /// verified and its key is used.
    #[test]
    fn sm2_is_that_of_its_standard() {
        let secret = bytes("3945208f7b2144b13f36e38ac6d39f95889393692860b51a42fb81ef4df7c5b8");
        let key = PluginKey::read(KeyKind::Sm2, &secret).unwrap();
        let public = bytes(
            "0409f9df311e5421a150dd7d161e4bc5c672179fad1833fc076bb08ff356f35020\
             ccea490ce26775a52dc6ea718cc1aa600aed05fbf35e084a6632f6072da9ad13",
        );
        let signature = bytes(
            "f5a03b0648d2c4630eeac513e1bb81a15944da3827d5b74143ac7eaceee720b3\
             b1b6aa29df212fd8763182bc0d421ca1bb9038fd1f7f42d4840b69c485bbc1aa",
        );
        assert_eq!(key.public(), Some(public.clone()));
        assert!(verify(KeyKind::Sm2, &public, b"message digest", &signature));
        let ours = key.sign(b"message digest").unwrap();
        assert!(verify(KeyKind::Sm2, &public, b"message digest", &ours));
        assert!(!verify(KeyKind::Sm2, &public, b"message digesT", &ours));
        for nonsense in [&[][..], &[0; 64], &ours[..63]] {
            assert!(!verify(KeyKind::Sm2, &public, b"message digest", nonsense));
        }
        assert!(!verify(KeyKind::Sm2, &public[..64], b"message digest", &ours));
    }

    /// RFC 8998, appendix A.1.
    #[test]
    fn sm4_gcm_is_that_of_its_rfc() {
        let key = bytes("0123456789abcdeffedcba9876543210");
        let message = bytes(
            "aaaaaaaaaaaaaaaabbbbbbbbbbbbbbbbccccccccccccccccdddddddddddddddd\
             eeeeeeeeeeeeeeeeffffffffffffffffeeeeeeeeeeeeeeeeaaaaaaaaaaaaaaaa",
        );
        let sealed = bytes(
            "17f399f08c67d5ee19d0dc9969c4bb7d5fd46fd3756489069157b282bb200735\
             d82710ca5c22f0ccfa7cbf93d496ac15a56834cbcf98c397b4024a2691233b8d\
             83de3541e4c2b58177e065a9bf7b62ec",
        );
        let cipher = <AesGcm<sm4::Sm4, U12> as aes_gcm::KeyInit>::new_from_slice(&key).unwrap();
        let nonce: [u8; 12] = bytes("00001234567800000000abcd").try_into().unwrap();
        let aad = bytes("feedfacedeadbeeffeedfacedeadbeefabaddad2");
        let payload = aes_gcm::aead::Payload { msg: &message, aad: &aad };
        assert_eq!(cipher.encrypt(&Nonce::from(nonce), payload).unwrap(), sealed);

        let key = PluginKey::read(KeyKind::Sm4, &key).unwrap();
        let ours = STANDARD.decode(key.encrypt(&message).unwrap()).unwrap();
        let nonce: [u8; 12] = ours[..12].try_into().unwrap();
        assert_eq!(cipher.decrypt(&Nonce::from(nonce), &ours[12..]).unwrap(), message);
        assert_ne!(STANDARD.decode(key.encrypt(&message).unwrap()).unwrap()[..12], nonce, "a fresh nonce each time");
    }

    #[test]
    fn keys_are_what_they_are_and_nothing_else() {
        for kind in [KeyKind::Ed25519, KeyKind::Sm2, KeyKind::Sm4] {
            let key = PluginKey::draw(kind);
            assert!(PluginKey::read(kind, key.secret()).is_some());
            assert_eq!((key.sign(b"").is_some(), key.encrypt(b"").is_some()), (kind.signs(), !kind.signs()));
            assert!(PluginKey::read(kind, &key.secret()[1..]).is_none());
            assert!(!format!("{key:?}").contains(&hex::encode(key.secret())));
        }
        assert!(
            PluginKey::read(KeyKind::Sm2, &[0; 32]).is_none() && PluginKey::read(KeyKind::Sm2, &[255; 32]).is_none()
        );
    }
}
