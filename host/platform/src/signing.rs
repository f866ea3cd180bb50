//! Signatures of staff, with the keys that the host holds for them.

use base64::{Engine, engine::general_purpose::STANDARD};
use xinglin_domain::{
    canonical::Digest,
    id::AccountId,
    signature::{Signature, VerifySignature},
};

use crate::{Caller, Platform, keys};

const ALGORITHM: &str = "ed25519";

impl Platform {
    /// The caller's signature over a digest, at the moment of the request.
    pub fn sign(&self, caller: &Caller, digest: &Digest) -> Signature {
        let signer = caller.actor.account;
        Signature {
            signer,
            key_id: self.key_id(signer),
            algorithm: ALGORITHM.to_owned(),
            value: STANDARD.encode(self.keys().sign(signer, digest.as_bytes())),
            at: caller.now,
        }
    }

    fn key_id(&self, account: AccountId) -> String {
        Digest::of_bytes(&self.keys().public_key(account)).to_string()
    }
}

impl VerifySignature for Platform {
    fn verify(&self, digest: &Digest, signature: &Signature) -> bool {
        let Ok(value) = STANDARD.decode(&signature.value) else { return false };
        signature.algorithm == ALGORITHM
            && signature.key_id == self.key_id(signature.signer)
            && keys::verify(&self.keys().public_key(signature.signer), digest.as_bytes(), &value)
    }
}
