//! The chart of accounts.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::payer::{LineKind, Source};

/// The text is not the name of an account.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("`{0}` is not in the chart of accounts")]
pub struct UnknownAccount(pub String);

macro_rules! accounts {
    ($($(#[$doc:meta])* $name:ident = $text:literal, $normal:ident;)*) => {
        /// The chart of accounts.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(into = "String", try_from = "String")]
        pub enum Account {
            $($(#[$doc])* $name,)*
        }

        impl Account {
            /// All accounts.
            pub const ALL: &'static [Self] = &[$(Self::$name),*];

            /// The stored name.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$name => $text,)* }
            }

            /// The side on which its balance increases.
            pub const fn normal(self) -> Side {
                match self { $(Self::$name => Side::$normal,)* }
            }
        }
    };
}

accounts! {
    /// Owed by patients.
    PatientReceivable = "receivable.patient", Debit;
    /// Paid by patients, and not yet at the bank.
    Cash = "cash", Debit;
    /// Owed by the pooled fund.
    BasicFundReceivable = "receivable.basic-fund", Debit;
    /// Owed by other public funds.
    SupplementaryFundReceivable = "receivable.supplementary-fund", Debit;
    /// Owed by insurers.
    CommercialReceivable = "receivable.commercial", Debit;
    /// Owed by personal accounts.
    PersonalAccountReceivable = "receivable.personal-account", Debit;
    /// Owed by family accounts.
    FamilyAccountReceivable = "receivable.family-account", Debit;
    /// Money of the hospital at its bank.
    Bank = "bank", Debit;
    /// Contract discounts borne by the provider.
    ProviderAdjustment = "adjustment.provider", Debit;
    /// Receivables that nobody will pay.
    WriteOffLoss = "loss.write-off", Debit;
    /// What a capitated year cost the provider beyond its budget.
    CapitationLoss = "loss.capitation", Debit;
    /// Prepaid by a fund for the care of its members, and not consumed yet.
    CapitationLiability = "liability.capitation", Credit;
    /// Paid by patients for services that are still to be given.
    DeferredRevenue = "liability.deferred", Credit;
    /// Owed to other institutions: for care of members, and their part of a surplus.
    InstitutionPayable = "payable.institution", Credit;
    /// The team's part of a surplus.
    TeamPayable = "payable.team", Credit;
    /// Owed to patients: what they paid and do not owe, or not any more.
    PatientPayable = "payable.patient", Credit;
    /// Owed to payers: what they remitted and do not owe, or not any more.
    PayerPayable = "payable.payer", Credit;
    /// Owed to doctors.
    DoctorPayable = "payable.doctor", Credit;
    /// Owed to the platform.
    PlatformPayable = "payable.platform-fee", Credit;
    /// Revenue of services.
    ServiceRevenue = "revenue.service", Credit;
    /// Revenue of medicines.
    MedicineRevenue = "revenue.medicine", Credit;
    /// Revenue of materials.
    MaterialRevenue = "revenue.material", Credit;
    /// Other revenue.
    OtherRevenue = "revenue.other", Credit;
    /// The retained surplus of a capitated year.
    CapitationRevenue = "revenue.capitation", Credit;
}

impl Account {
    /// The receivable account of a source.
    pub const fn receivable(source: Source) -> Self {
        match source {
            Source::BasicFund => Self::BasicFundReceivable,
            Source::SupplementaryFund => Self::SupplementaryFundReceivable,
            Source::Commercial => Self::CommercialReceivable,
            Source::PersonalAccount => Self::PersonalAccountReceivable,
            Source::FamilyAccount => Self::FamilyAccountReceivable,
            Source::Cash => Self::PatientReceivable,
        }
    }

    /// Where it stands what a source has paid and does not owe.
    pub const fn payable(source: Source) -> Self {
        match source {
            Source::Cash => Self::PatientPayable,
            _ => Self::PayerPayable,
        }
    }

    /// Whether it is the receivable of a source.
    pub const fn is_receivable(self) -> bool {
        matches!(
            self,
            Self::BasicFundReceivable
                | Self::SupplementaryFundReceivable
                | Self::CommercialReceivable
                | Self::PersonalAccountReceivable
                | Self::FamilyAccountReceivable
                | Self::PatientReceivable
        )
    }

    /// Whether each bill has a balance of it, which is never on the wrong side. The others are
    /// common to many bills.
    pub const fn is_of_a_bill(self) -> bool {
        !matches!(
            self,
            Self::Bank
                | Self::CapitationLiability
                | Self::CapitationLoss
                | Self::CapitationRevenue
                | Self::DeferredRevenue
                | Self::InstitutionPayable
                | Self::TeamPayable
        )
    }

    /// The revenue account of a kind of line.
    pub const fn revenue(kind: LineKind) -> Self {
        match kind {
            LineKind::Service => Self::ServiceRevenue,
            LineKind::Medicine => Self::MedicineRevenue,
            LineKind::Material => Self::MaterialRevenue,
            LineKind::Other => Self::OtherRevenue,
        }
    }
}

impl fmt::Display for Account {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Account {
    type Err = UnknownAccount;

    fn from_str(text: &str) -> Result<Self, UnknownAccount> {
        Self::ALL.iter().copied().find(|account| account.as_str() == text).ok_or_else(|| UnknownAccount(text.into()))
    }
}

impl TryFrom<String> for Account {
    type Error = UnknownAccount;

    fn try_from(text: String) -> Result<Self, UnknownAccount> {
        text.parse()
    }
}

impl From<Account> for String {
    fn from(account: Account) -> Self {
        account.as_str().to_owned()
    }
}

/// A side of an account.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Side {
    /// 借.
    Debit,
    /// 贷.
    Credit,
}

impl Side {
    /// The opposite side.
    #[must_use]
    pub const fn other(self) -> Self {
        match self {
            Self::Debit => Self::Credit,
            Self::Credit => Self::Debit,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accounts_read_back() {
        for &account in Account::ALL {
            assert_eq!(account.as_str().parse(), Ok(account));
        }
        assert!("revenue.gold".parse::<Account>().is_err());
        let receivables: Vec<Account> =
            Account::ALL.iter().copied().filter(|account| account.is_receivable()).collect();
        assert_eq!(receivables.len(), Source::ALL.len());
        assert!(Source::ALL.iter().all(|source| receivables.contains(&Account::receivable(*source))));
    }
}
