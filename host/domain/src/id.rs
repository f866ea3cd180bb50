//! Typed identifiers: a readable prefix and a time-ordered 128-bit value, valid
//! as FHIR ids, for example `pat-01kae3x9m7f0q8w2c5r4t6y1zb`.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use thiserror::Error;

use crate::code::Code;

/// The text is not an identifier of the wanted kind.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("`{text}` is not an id of the form `{prefix}-…`")]
pub struct InvalidId {
    /// The prefix that was expected.
    pub prefix: &'static str,
    /// What came instead, cut to 64 characters.
    pub text: String,
}

impl InvalidId {
    /// The stable code.
    pub const fn code(&self) -> Code {
        Code::BodyInvalid
    }
}

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident = $prefix:literal;)*) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(u128);

        impl $name {
            /// What the text form begins with, before the dash.
            pub const PREFIX: &'static str = $prefix;

            /// From a value drawn at the edge (a UUIDv7 as a number).
            pub const fn from_u128(value: u128) -> Self {
                Self(value)
            }

            /// The bare value.
            pub const fn as_u128(self) -> u128 {
                self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                let mut buffer = [0; ulid::ULID_LEN];
                let text = ulid::Ulid(self.0).array_to_str(&mut buffer);
                text.make_ascii_lowercase();
                write!(f, "{}-{text}", $prefix)
            }
        }

        impl FromStr for $name {
            type Err = InvalidId;

            fn from_str(text: &str) -> Result<Self, InvalidId> {
                text.strip_prefix(concat!($prefix, "-"))
                    .filter(|rest| !rest.bytes().any(|b| b.is_ascii_uppercase()))
                    .and_then(|rest| ulid::Ulid::from_string(rest).ok())
                    .map(|value| Self(value.0))
                    .ok_or_else(|| InvalidId { prefix: $prefix, text: text.chars().take(64).collect() })
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
                text.parse().map_err(serde::de::Error::custom)
            }
        }
    )*};
}

ids! {
    /// A hospital, pharmacy, insurer or other party that is isolated from the rest.
    TenantId = "ten";
    /// A login: a person in one tenant, in their roles.
    AccountId = "acc";
    /// A sign-in, until it ends.
    SessionId = "ses";
    /// A patient of one tenant.
    PatientId = "pat";
    /// One online visit.
    EncounterId = "enc";
    /// A prescription (处方).
    PrescriptionId = "rx";
    /// What is charged for one order.
    BillId = "bill";
    /// One operation with a payer.
    PaymentId = "pay";
    /// One balanced set of postings.
    TransactionId = "txn";
    /// One patient in one pathway.
    EnrolmentId = "enr";
    /// A pathway's task: a durable timer.
    TaskId = "task";
    /// Something somebody must look at.
    AlertId = "alert";
    /// A stop on online prescribing.
    HoldId = "hold";
    /// One call of one hook of one plugin.
    CallId = "call";
    /// What a patient agreed to.
    ConsentId = "con";
    /// One opening of a restricted compartment in an emergency.
    EmergencyAccessId = "glass";
    /// A guardian, or somebody else who belongs to a patient.
    RelationId = "kin";
    /// An attachment.
    BlobId = "blob";
    /// One export in bulk.
    ExportId = "export";
    /// A conversation by video.
    VideoId = "video";
    /// A certificate that somebody holds, or says they do.
    CertificateId = "cert";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_it_writes() {
        let id = PatientId::from_u128(0x0193_5b2a_7c4d_7000_8000_0123_4567_89ab);
        let text = id.to_string();
        assert!(text.starts_with("pat-01"), "{text}");
        assert!(text.len() <= 64 && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-'));
        assert_eq!(text.parse(), Ok(id));
        assert_eq!(serde_json::from_str::<PatientId>(&format!("{text:?}")).ok(), Some(id));
    }

    #[test]
    fn refuses_another_kind_and_other_spellings() {
        let text = PatientId::from_u128(7).to_string();
        assert!(text.parse::<EncounterId>().is_err());
        assert!(text.to_uppercase().parse::<PatientId>().is_err());
        assert!("pat-".parse::<PatientId>().is_err());
    }
}
