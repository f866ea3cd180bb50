//! Empty services: no egress, secrets, identity or keys. Used by replays.

use xinglin_plugin::KeyKind;

use super::{
    http::{Egress, EgressFuture, HttpError, HttpRequest},
    identity::{Identity, IdentityFuture},
    secrets::{Secrets, SecretsFuture},
    signing::{Keyring, KeyringFuture, PublicKey},
};

pub(crate) struct Nothing;

impl Egress for Nothing {
    fn send(&self, _: HttpRequest) -> EgressFuture<'_> {
        Box::pin(async { Err(HttpError::Unavailable("this call has no way out".to_owned())) })
    }
}

impl Secrets for Nothing {
    fn available(&self) -> SecretsFuture<'_> {
        Box::pin(async { Vec::new() })
    }
}

impl Identity for Nothing {
    fn available(&self) -> IdentityFuture<'_> {
        Box::pin(async { Vec::new() })
    }
}

impl Keyring for Nothing {
    fn public_keys(&self) -> KeyringFuture<'_, Vec<PublicKey>> {
        Box::pin(async { Ok(Vec::new()) })
    }

    fn sign<'a>(&'a self, _: &'a str, _: KeyKind, _: &'a [u8]) -> KeyringFuture<'a, Option<Vec<u8>>> {
        Box::pin(async { Ok(None) })
    }
}
