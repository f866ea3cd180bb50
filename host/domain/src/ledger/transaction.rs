//! What is booked.

use std::{collections::BTreeMap, fmt};

use super::{Account, LedgerError, Side};
use crate::{
    billing::{Allocation, cash::Channel},
    id::{AccountId, BillId, TransactionId},
    money::Money,
    payer::{LineKind, Source},
    pricing::Payee,
    time::{Day, Instant},
};

/// One entry of a transaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Posting {
    /// The account.
    pub account: Account,
    /// The side.
    pub side: Side,
    /// The amount; positive.
    pub amount: Money,
}

impl Posting {
    /// An entry of a signed amount: a debit is above zero, a credit below.
    ///
    /// # Errors
    /// On overflow.
    pub fn signed(account: Account, amount: Money) -> Result<Self, LedgerError> {
        if amount < Money::ZERO {
            Ok(Self::credit(account, amount.negate()?))
        } else {
            Ok(Self::debit(account, amount))
        }
    }

    /// The amount, negative if it is a credit.
    ///
    /// # Errors
    /// On overflow.
    pub fn amount_signed(&self) -> Result<Money, LedgerError> {
        Ok(match self.side {
            Side::Debit => self.amount,
            Side::Credit => self.amount.negate()?,
        })
    }

    const fn debit(account: Account, amount: Money) -> Self {
        Self { account, side: Side::Debit, amount }
    }

    const fn credit(account: Account, amount: Money) -> Self {
        Self { account, side: Side::Credit, amount }
    }
}

macro_rules! kinds {
    ($($(#[$doc:meta])* $name:ident = $text:literal;)*) => {
        /// What a transaction records.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Kind {
            $($(#[$doc])* $name,)*
            /// The contra entry of this transaction.
            Contra(TransactionId),
        }

        impl Kind {
            /// All but contra entries.
            pub const ORIGINALS: &'static [Self] = &[$(Self::$name),*];

            /// The stored name.
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$name => $text,)*
                    Self::Contra(_) => "contra",
                }
            }
        }
    };
}

kinds! {
    /// A bill was settled.
    Settlement = "settlement";
    /// A later payer took over a part of the bill.
    Transfer = "transfer";
    /// The patient paid.
    Receipt = "receipt";
    /// The patient paid what they do not owe.
    Overpayment = "overpayment";
    /// A charge of the patient was taken back: it is owed to them.
    Refund = "refund";
    /// What the patient or a payer had paid, and does not owe any more, is owed to them.
    RefundDue = "refund_due";
    /// What was owed to the patient or a payer pays what they owe, of a bill that was settled anew.
    Offset = "offset";
    /// What was owed to the patient was paid back.
    Repayment = "repayment";
    /// Money arrived at the bank, or a payer kept it back.
    Remittance = "remittance";
    /// An insurer denied afterwards what it owed of a bill: the patient owes it, or the provider bears it.
    Denial = "denial";
    /// Nobody will pay.
    WriteOff = "write_off";
    /// A fund paid ahead for the care of its members.
    CapitationPrepayment = "capitation_prepayment";
    /// Care of a member was paid out of what the fund had paid ahead.
    CapitationConsumption = "capitation_consumption";
    /// The retained surplus, or the borne overrun, of a capitated year.
    CapitationAccrual = "capitation_accrual";
    /// What of a bill's services is the doctor's and what the platform's.
    PlatformFee = "platform_fee";
    /// A service was sold that is still to be given.
    Sale = "sale";
    /// A service that was sold was given, or a day of it has passed.
    Earning = "earning";
    /// What was sold was given back.
    SaleRefund = "sale_refund";
    /// Anything else, by a person, with a reason.
    Adjustment = "adjustment";
}

impl Kind {
    /// From the stored name, and the transaction that it reverses.
    ///
    /// # Errors
    /// If there is no such kind, or only one of both says that it is a contra entry.
    pub fn stored(name: &str, reverses: Option<TransactionId>) -> Result<Self, LedgerError> {
        let known = match reverses {
            Some(original) => Some(Self::Contra(original)),
            None => Self::ORIGINALS.iter().copied().find(|kind| kind.as_str() == name),
        };
        known.filter(|kind| kind.as_str() == name).ok_or_else(|| LedgerError::Kind(name.to_owned()))
    }

    /// Whether it belongs to a bill's own course, which only the bill's reversal takes back, or is of the
    /// patient's money.
    pub const fn is_of_the_bill(self) -> bool {
        matches!(self, Self::Settlement | Self::Transfer | Self::Refund) || self.is_money_of_the_patient()
    }

    /// Whether money of the patient moved, or what was paid is owed to who paid it: nobody undoes it by hand.
    pub const fn is_money_of_the_patient(self) -> bool {
        matches!(self, Self::Receipt | Self::Overpayment | Self::RefundDue | Self::Offset | Self::Repayment)
    }

    /// Whether money moved, of the patient or at the bank, or is owed to who paid it: no reversal of a bill undoes it.
    pub const fn is_money(self) -> bool {
        self.is_money_of_the_patient() || matches!(self, Self::Remittance)
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What a transaction is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Subject<'a> {
    /// One bill.
    Bill(BillId),
    /// A payer's contract or scheme, by the id of its plugin.
    Payer(&'a str),
    /// Only the tenant.
    Tenant,
}

/// Id and time of a new transaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stamp {
    /// Generated by the caller.
    pub id: TransactionId,
    /// The business day that it belongs to.
    pub day: Day,
    /// When it is booked.
    pub at: Instant,
    /// The person who books it; `None` if the host.
    pub by: Option<AccountId>,
}

/// The data common to new transactions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Id and time.
    pub stamp: Stamp,
    /// The bill, if it is about one.
    pub bill: Option<BillId>,
    /// Id of the payer's plugin; `None` if no payer but the patient is concerned.
    pub payer: Option<String>,
    /// The doctor of the visit.
    pub doctor: Option<AccountId>,
}

/// A balanced set of postings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Transaction {
    entry: Entry,
    kind: Kind,
    channel: Option<Channel>,
    reason: Option<String>,
    postings: Vec<Posting>,
}

/// A transaction as the store has it, to be checked again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stored {
    /// Its common data.
    pub entry: Entry,
    /// What it records.
    pub kind: Kind,
    /// The channel by which the money of patients moved.
    pub channel: Option<Channel>,
    /// Why.
    pub reason: Option<String>,
    /// The entries.
    pub postings: Vec<Posting>,
}

impl TryFrom<Stored> for Transaction {
    type Error = LedgerError;

    fn try_from(Stored { entry, kind, channel, reason, postings }: Stored) -> Result<Self, LedgerError> {
        Ok(Self::new(entry, kind, reason, postings)?.through(channel))
    }
}

impl Transaction {
    fn new(entry: Entry, kind: Kind, reason: Option<String>, postings: Vec<Posting>) -> Result<Self, LedgerError> {
        if postings.is_empty() {
            return Err(LedgerError::Empty);
        }
        let (mut debit, mut credit) = (Money::ZERO, Money::ZERO);
        for posting in &postings {
            if posting.amount <= Money::ZERO {
                return Err(LedgerError::Amount(posting.amount));
            }
            let sum = match posting.side {
                Side::Debit => &mut debit,
                Side::Credit => &mut credit,
            };
            *sum = sum.plus(posting.amount)?;
        }
        if debit != credit {
            return Err(LedgerError::Unbalanced { debit, credit });
        }
        let (bill, payer) = (entry.bill.is_some(), entry.payer.is_some());
        let needed = match kind {
            Kind::Settlement | Kind::Transfer | Kind::Receipt | Kind::Overpayment | Kind::Refund | Kind::Repayment => {
                [("bill", bill), ("", true)]
            }
            Kind::RefundDue | Kind::Offset => {
                let of_payer = postings.iter().any(|posting| posting.account == Account::PayerPayable);
                [("bill", bill), ("payer", payer || !of_payer)]
            }
            Kind::PlatformFee => [("bill", bill), ("doctor", entry.doctor.is_some())],
            Kind::CapitationPrepayment | Kind::CapitationConsumption | Kind::CapitationAccrual => {
                [("payer", payer), ("", true)]
            }
            // The plugin that priced it, and the purchase.
            Kind::Sale | Kind::Earning | Kind::SaleRefund => [("payer", payer), ("reason", reason.is_some())],
            Kind::Remittance => {
                [("payer", payer || postings.iter().any(|posting| posting.account == Account::Cash)), ("", true)]
            }
            Kind::Denial => [("bill", bill && payer), ("reason", reason.is_some())],
            Kind::WriteOff => [("payer", payer || bill), ("reason", reason.is_some())],
            Kind::Adjustment => [("reason", reason.is_some()), ("", true)],
            Kind::Contra(_) => [("", true); 2],
        };
        match needed.iter().find(|(_, is_there)| !is_there) {
            Some((missing, _)) => Err(LedgerError::Missing(missing)),
            None => Ok(Self { entry, kind, channel: None, reason, postings }),
        }
    }

    fn pair(
        entry: Entry,
        kind: Kind,
        (debit, credit): (Account, Account),
        amount: Money,
        reason: Option<&str>,
    ) -> Result<Self, LedgerError> {
        let reason = reason.map(str::trim).filter(|reason| !reason.is_empty()).map(str::to_owned);
        Self::new(entry, kind, reason, vec![Posting::debit(debit, amount), Posting::credit(credit, amount)])
    }

    /// A settled bill: the share of each source is a receivable, the discount an adjustment, and
    /// the gross is revenue by kind.
    ///
    /// # Errors
    /// If the bill is zero.
    pub fn settlement(entry: Entry, allocation: &Allocation) -> Result<Self, LedgerError> {
        let mut postings: Vec<Posting> = allocation
            .parts()
            .iter()
            .map(|(&source, &amount)| Posting::debit(Account::receivable(source), amount))
            .collect();
        if allocation.adjustment() != Money::ZERO {
            postings.push(Posting::debit(Account::ProviderAdjustment, allocation.adjustment()));
        }
        let revenue = allocation.revenue().iter();
        postings.extend(revenue.map(|(&kind, &amount)| Posting::credit(Account::revenue(kind), amount)));
        Self::new(entry, Kind::Settlement, None, postings)
    }

    /// A later payer took over a part of the bill: books the differences only.
    ///
    /// # Errors
    /// If nothing changed, or the gross differs.
    pub fn transfer(entry: Entry, before: &Allocation, after: &Allocation) -> Result<Self, LedgerError> {
        let shares = Source::ALL
            .into_iter()
            .map(|source| (Account::receivable(source), before.part(source), after.part(source)))
            .chain([(Account::ProviderAdjustment, before.adjustment(), after.adjustment())]);
        let mut postings = Vec::new();
        for (account, from, to) in shares {
            let difference = to.minus(from)?;
            if difference != Money::ZERO {
                postings.push(Posting::signed(account, difference)?);
            }
        }
        Self::new(entry, Kind::Transfer, None, postings)
    }

    /// The same by a channel of patients' money.
    #[must_use]
    pub fn through(self, channel: Option<Channel>) -> Self {
        Self { channel, ..self }
    }

    /// A payment of the patient.
    ///
    /// # Errors
    /// If the amount is not positive.
    pub fn receipt(entry: Entry, amount: Money) -> Result<Self, LedgerError> {
        Self::pair(entry, Kind::Receipt, (Account::Cash, Account::PatientReceivable), amount, None)
    }

    /// A payment of the patient that is not owed, and goes back.
    ///
    /// # Errors
    /// If the amount is not positive.
    pub fn overpayment(entry: Entry, amount: Money) -> Result<Self, LedgerError> {
        Self::pair(entry, Kind::Overpayment, (Account::Cash, Account::PatientPayable), amount, None)
    }

    /// A charge of a kind of line is taken back: what the patient paid for it is owed to them.
    ///
    /// # Errors
    /// If the amount is not positive.
    pub fn refund(entry: Entry, kind: LineKind, amount: Money) -> Result<Self, LedgerError> {
        Self::pair(entry, Kind::Refund, (Account::revenue(kind), Account::PatientPayable), amount, None)
    }

    /// What a source paid, and does not owe any more, is owed to who paid it.
    ///
    /// # Errors
    /// If the amount is not positive, or no payer is named for a source other than cash.
    pub fn refund_due(entry: Entry, source: Source, amount: Money) -> Result<Self, LedgerError> {
        let accounts = (Account::receivable(source), Account::payable(source));
        Self::pair(entry, Kind::RefundDue, accounts, amount, None)
    }

    /// What is owed to who paid pays what they owe, of a bill that was settled anew.
    ///
    /// # Errors
    /// If the amount is not positive, or no payer is named for a source other than cash.
    pub fn offset(entry: Entry, source: Source, amount: Money) -> Result<Self, LedgerError> {
        let accounts = (Account::payable(source), Account::receivable(source));
        Self::pair(entry, Kind::Offset, accounts, amount, None)
    }

    /// What is owed to the patient is paid back.
    ///
    /// # Errors
    /// If the amount is not positive.
    pub fn repayment(entry: Entry, amount: Money) -> Result<Self, LedgerError> {
        Self::pair(entry, Kind::Repayment, (Account::PatientPayable, Account::Cash), amount, None)
    }

    /// Lines of a paid bill were given back that are the patient's alone: the patient owes less, or less than
    /// nothing, which [is evened](super::Book::evened).
    ///
    /// # Errors
    /// If nothing changed, or another source pays less than before.
    pub fn reduction(entry: Entry, (before, after): (&Allocation, &Allocation)) -> Result<Self, LedgerError> {
        let mut postings = Vec::new();
        for (&kind, &amount) in before.revenue() {
            let less = amount.minus(after.revenue().get(&kind).copied().unwrap_or_default())?;
            if less != Money::ZERO {
                postings.push(Posting::signed(Account::revenue(kind), less)?);
            }
        }
        let shares = [
            (Account::PatientReceivable, before.part(Source::Cash).minus(after.part(Source::Cash))?),
            (Account::ProviderAdjustment, before.adjustment().minus(after.adjustment())?),
        ];
        for (account, less) in shares {
            if less != Money::ZERO {
                postings.push(Posting::signed(account, less.negate()?)?);
            }
        }
        Self::new(entry, Kind::Refund, None, postings)
    }

    /// Money at the bank: what a payer owed, or what patients had paid.
    ///
    /// # Errors
    /// If the amount is not positive, or no payer is named for a source other than cash.
    pub fn remittance(entry: Entry, source: Source, amount: Money) -> Result<Self, LedgerError> {
        let from = match source {
            Source::Cash => Account::Cash,
            source => Account::receivable(source),
        };
        Self::pair(entry, Kind::Remittance, (Account::Bank, from), amount, None)
    }

    /// Money at the bank that a payer sent beyond what it owes; below zero, what it kept back of what stood on
    /// this account of the bill.
    ///
    /// # Errors
    /// If the amount is zero, or no payer is named.
    pub fn remitted(entry: Entry, account: Account, amount: Money) -> Result<Self, LedgerError> {
        let (accounts, amount) = match amount < Money::ZERO {
            true => ((account, Account::Bank), amount.negate()?),
            false => ((Account::Bank, account), amount),
        };
        Self::pair(entry, Kind::Remittance, accounts, amount, None)
    }

    /// What an insurer denied of a bill after it had settled: owed by the patient who undertook to pay it
    /// beforehand, otherwise borne by the provider.
    ///
    /// # Errors
    /// If the amount is not positive, there is no reason, or bill or payer is missing.
    pub fn denial(entry: Entry, amount: Money, undertaken: bool, reason: &str) -> Result<Self, LedgerError> {
        let to = if undertaken { Account::PatientReceivable } else { Account::WriteOffLoss };
        Self::pair(entry, Kind::Denial, (to, Account::CommercialReceivable), amount, Some(reason))
    }

    /// What a source owes and will not pay.
    ///
    /// # Errors
    /// If the amount is not positive, there is no reason, or neither bill nor payer.
    pub fn write_off(entry: Entry, source: Source, amount: Money, reason: &str) -> Result<Self, LedgerError> {
        let accounts = (Account::WriteOffLoss, Account::receivable(source));
        Self::pair(entry, Kind::WriteOff, accounts, amount, Some(reason))
    }

    /// A fund pays ahead. The balancing payment of a year is one too.
    ///
    /// # Errors
    /// If the amount is not positive, or no payer is named.
    pub fn capitation_prepayment(entry: Entry, amount: Money) -> Result<Self, LedgerError> {
        Self::pair(entry, Kind::CapitationPrepayment, (Account::Bank, Account::CapitationLiability), amount, None)
    }

    /// The share of the fund in care of its members is consumption of what it paid ahead, and not
    /// claimed.
    ///
    /// # Errors
    /// If the amount is not positive, or no payer is named.
    pub fn capitation_consumption(entry: Entry, amount: Money) -> Result<Self, LedgerError> {
        let accounts = (Account::CapitationLiability, Account::BasicFundReceivable);
        Self::pair(entry, Kind::CapitationConsumption, accounts, amount, None)
    }

    /// The surplus of a year that the provider retains.
    ///
    /// # Errors
    /// If the amount is not positive, or no payer is named.
    pub fn capitation_surplus(entry: Entry, amount: Money) -> Result<Self, LedgerError> {
        let accounts = (Account::CapitationLiability, Account::CapitationRevenue);
        Self::pair(entry, Kind::CapitationAccrual, accounts, amount, None)
    }

    /// The overrun of a year that the provider bears.
    ///
    /// # Errors
    /// If the amount is not positive, or no payer is named.
    pub fn capitation_overrun(entry: Entry, amount: Money) -> Result<Self, LedgerError> {
        let accounts = (Account::CapitationLoss, Account::CapitationLiability);
        Self::pair(entry, Kind::CapitationAccrual, accounts, amount, None)
    }

    /// Care of members by another institution, for which the lead pays out of what was paid ahead.
    ///
    /// # Errors
    /// If the amount is not positive, or no payer is named.
    pub fn capitation_referred(entry: Entry, amount: Money, source: &str) -> Result<Self, LedgerError> {
        let accounts = (Account::CapitationLiability, Account::InstitutionPayable);
        Self::pair(entry, Kind::CapitationConsumption, accounts, amount, Some(source))
    }

    /// The parts of a retained surplus that are not the lead's.
    ///
    /// # Errors
    /// If both are nothing, or no payer is named.
    pub fn capitation_division(entry: Entry, partners: Money, team: Money) -> Result<Self, LedgerError> {
        let owed = [(Account::InstitutionPayable, partners), (Account::TeamPayable, team)];
        let owed = owed.into_iter().filter(|(_, amount)| *amount != Money::ZERO);
        let mut postings = vec![Posting::debit(Account::CapitationRevenue, partners.plus(team)?)];
        postings.extend(owed.map(|(account, amount)| Posting::credit(account, amount)));
        Self::new(entry, Kind::CapitationAccrual, None, postings)
    }

    /// The balancing payment of a closed year: of the fund, or below zero to it.
    ///
    /// # Errors
    /// If it is nothing, or no payer is named.
    pub fn capitation_balance(entry: Entry, payable: Money, slip: &str) -> Result<Self, LedgerError> {
        let accounts = match payable < Money::ZERO {
            true => (Account::CapitationLiability, Account::Bank),
            false => (Account::Bank, Account::CapitationLiability),
        };
        let amount = if payable < Money::ZERO { payable.negate()? } else { payable };
        Self::pair(entry, Kind::CapitationPrepayment, accounts, amount, Some(slip))
    }

    /// A service is sold: the patient owes what is due now, and the service is owed to them.
    ///
    /// # Errors
    /// If the amount is not positive.
    pub fn sale(entry: Entry, amount: Money, purchase: &str) -> Result<Self, LedgerError> {
        let accounts = (Account::PatientReceivable, Account::DeferredRevenue);
        Self::pair(entry, Kind::Sale, accounts, amount, Some(purchase))
    }

    /// What was sold is earned by those whose income it is.
    ///
    /// # Errors
    /// If all are nothing.
    pub fn earning(entry: Entry, earned: &[(Payee, Money)], purchase: &str) -> Result<Self, LedgerError> {
        let mut postings = vec![Posting::debit(Account::DeferredRevenue, Money::sum(earned.iter().map(|one| one.1))?)];
        postings.extend(incomes(earned)?.map(|(account, amount)| Posting::credit(account, amount)));
        Self::new(entry, Kind::Earning, Some(purchase.to_owned()), postings)
    }

    /// What was sold is given back: first what is not earned yet, then of whom it had become.
    ///
    /// # Errors
    /// If all are nothing.
    pub fn sale_refund(
        entry: Entry,
        deferred: Money,
        earned: &[(Payee, Money)],
        purchase: &str,
    ) -> Result<Self, LedgerError> {
        let back = Money::sum(earned.iter().map(|one| one.1).chain([deferred]))?;
        let mut postings = vec![Posting::credit(Account::PatientReceivable, back)];
        if deferred != Money::ZERO {
            postings.push(Posting::debit(Account::DeferredRevenue, deferred));
        }
        postings.extend(incomes(earned)?.map(|(account, amount)| Posting::debit(account, amount)));
        Self::new(entry, Kind::SaleRefund, Some(purchase.to_owned()), postings)
    }

    /// What of a bill's service revenue is owed to the doctor and to the platform.
    ///
    /// # Errors
    /// If an amount is not positive, or bill or doctor is missing.
    pub fn platform_fee(entry: Entry, doctor: Money, platform: Money) -> Result<Self, LedgerError> {
        let postings = vec![
            Posting::debit(Account::ServiceRevenue, doctor.plus(platform)?),
            Posting::credit(Account::DoctorPayable, doctor),
            Posting::credit(Account::PlatformPayable, platform),
        ];
        Self::new(entry, Kind::PlatformFee, None, postings)
    }

    /// Any other amount from one account to another.
    ///
    /// # Errors
    /// If the amount is not positive, there is no reason, or the accounts are the same.
    pub fn adjustment(
        entry: Entry,
        debit: Account,
        credit: Account,
        amount: Money,
        reason: &str,
    ) -> Result<Self, LedgerError> {
        if debit == credit {
            return Err(LedgerError::SameAccount(debit));
        }
        Self::pair(entry, Kind::Adjustment, (debit, credit), amount, Some(reason))
    }

    /// The contra entry: sides exchanged, linked to this one, about the same bill, payer and
    /// doctor, on its own day.
    #[must_use]
    pub fn contra(&self, stamp: Stamp, reason: Option<&str>) -> Self {
        let turned = |posting: &Posting| Posting { side: posting.side.other(), ..*posting };
        Self {
            entry: Entry { stamp, ..self.entry.clone() },
            kind: Kind::Contra(self.id()),
            channel: self.channel,
            reason: reason.map(str::to_owned),
            postings: self.postings.iter().map(turned).collect(),
        }
    }

    /// Whether this is the contra entry of that one.
    pub(super) fn mirrors(&self, original: &Self) -> bool {
        original.contra(self.entry.stamp, self.reason.as_deref()) == *self
    }

    /// Its id.
    pub const fn id(&self) -> TransactionId {
        self.entry.stamp.id
    }

    /// What it is about.
    pub fn about(&self) -> Subject<'_> {
        match (self.entry.bill, &self.entry.payer) {
            (Some(bill), _) => Subject::Bill(bill),
            (None, Some(payer)) => Subject::Payer(payer),
            (None, None) => Subject::Tenant,
        }
    }

    /// Id, time, bill, payer and doctor.
    pub const fn entry(&self) -> &Entry {
        &self.entry
    }

    /// What it records.
    pub const fn kind(&self) -> Kind {
        self.kind
    }

    /// The channel by which the money of patients moved.
    pub const fn channel(&self) -> Option<Channel> {
        self.channel
    }

    /// Why, if a person booked it.
    pub fn reason(&self) -> Option<&str> {
        self.reason.as_deref()
    }

    /// The same again, under another stamp, by who had booked it.
    pub(super) fn again(&self, stamp: Stamp) -> Self {
        let stamp = Stamp { by: self.entry.stamp.by, ..stamp };
        Self { entry: Entry { stamp, ..self.entry.clone() }, ..self.clone() }
    }

    /// So much of what stood on a receivable is written off again, by who had written it off, for their reason.
    pub(super) fn written_off_again(&self, stamp: Stamp, owed: Account, amount: Money) -> Result<Self, LedgerError> {
        let accounts = (Account::WriteOffLoss, owed);
        Self::pair(self.again(stamp).entry, Kind::WriteOff, accounts, amount, self.reason.as_deref())
    }

    /// Whether nobody will pay what stood on a receivable.
    pub(super) fn is_write_off_of(&self, owed: Account) -> bool {
        self.kind == Kind::WriteOff && self.postings.iter().any(|posting| posting.account == owed)
    }

    /// Debits less credits of an account.
    ///
    /// # Errors
    /// On overflow.
    pub fn moved(&self, account: Account) -> Result<Money, LedgerError> {
        let of_it = self.postings.iter().filter(|posting| posting.account == account);
        of_it.map(Posting::amount_signed).try_fold(Money::ZERO, |sum, amount| Ok(sum.plus(amount?)?))
    }

    /// The same with a note of the person who books it, unless it has a reason.
    #[must_use]
    pub fn noted(self, note: Option<&str>) -> Self {
        let note = note.map(str::trim).filter(|note| !note.is_empty()).map(str::to_owned);
        Self { reason: self.reason.or(note), ..self }
    }

    /// What it moves from one side to the other.
    ///
    /// # Errors
    /// On overflow.
    pub fn amount(&self) -> Result<Money, LedgerError> {
        let debits = self.postings.iter().filter(|posting| posting.side == Side::Debit);
        Ok(Money::sum(debits.map(|posting| posting.amount))?)
    }

    /// The transaction that it reverses, if it is a contra entry.
    pub const fn reverses(&self) -> Option<TransactionId> {
        match self.kind {
            Kind::Contra(original) => Some(original),
            _ => None,
        }
    }

    /// The entries.
    pub fn postings(&self) -> &[Posting] {
        &self.postings
    }
}

/// The accounts of payees, each with the sum of what is theirs.
fn incomes(earned: &[(Payee, Money)]) -> Result<impl Iterator<Item = (Account, Money)>, LedgerError> {
    let mut sums = BTreeMap::<Account, Money>::new();
    for (payee, amount) in earned {
        let account = match payee {
            Payee::Hospital => Account::ServiceRevenue,
            Payee::Doctor => Account::DoctorPayable,
            Payee::Platform => Account::PlatformPayable,
        };
        let sum = sums.entry(account).or_default();
        *sum = sum.plus(*amount)?;
    }
    Ok(sums.into_iter().filter(|(_, amount)| *amount != Money::ZERO))
}

#[cfg(test)]
pub(super) use tests::stamp;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        code::Code,
        fixture::{NOW, fen},
    };

    pub(in super::super) fn stamp(id: u128) -> Stamp {
        Stamp { id: TransactionId::from_u128(id), day: Day::of(NOW), at: NOW, by: None }
    }

    fn of(bill: bool, payer: bool, doctor: bool) -> Entry {
        Entry {
            stamp: stamp(1),
            bill: bill.then_some(BillId::from_u128(1)),
            payer: payer.then(|| "xinglin.basic-insurance".to_owned()),
            doctor: doctor.then_some(AccountId::from_u128(1)),
        }
    }

    /// Each kind: what it needs, and its two sides.
    #[test]
    fn each_kind_makes_its_own_postings() {
        type Make = fn(Entry) -> Result<Transaction, LedgerError>;
        type Row = (Make, Kind, &'static str, &'static [(Account, i64)]);
        use Account as A;
        let table: [Row; 29] = [
            (|e| Transaction::receipt(e, fen(5)), Kind::Receipt, "b", &[(A::Cash, 5), (A::PatientReceivable, -5)]),
            (
                |e| Transaction::refund(e, LineKind::Material, fen(5)),
                Kind::Refund,
                "b",
                &[(A::MaterialRevenue, 5), (A::PatientPayable, -5)],
            ),
            (|e| Transaction::overpayment(e, fen(5)), Kind::Overpayment, "b", &[(A::Cash, 5), (A::PatientPayable, -5)]),
            (
                |e| Transaction::refund_due(e, Source::Cash, fen(5)),
                Kind::RefundDue,
                "b",
                &[(A::PatientReceivable, 5), (A::PatientPayable, -5)],
            ),
            (
                |e| Transaction::refund_due(e, Source::BasicFund, fen(5)),
                Kind::RefundDue,
                "bp",
                &[(A::BasicFundReceivable, 5), (A::PayerPayable, -5)],
            ),
            (|e| Transaction::repayment(e, fen(5)), Kind::Repayment, "b", &[(A::PatientPayable, 5), (A::Cash, -5)]),
            (
                |e| Transaction::remittance(e, Source::Commercial, fen(5)),
                Kind::Remittance,
                "p",
                &[(A::Bank, 5), (A::CommercialReceivable, -5)],
            ),
            (
                |e| Transaction::remittance(e, Source::Cash, fen(5)),
                Kind::Remittance,
                "",
                &[(A::Bank, 5), (A::Cash, -5)],
            ),
            (
                |e| Transaction::denial(e, fen(5), true, "excluded"),
                Kind::Denial,
                "bp",
                &[(A::PatientReceivable, 5), (A::CommercialReceivable, -5)],
            ),
            (
                |e| Transaction::denial(e, fen(5), false, "excluded"),
                Kind::Denial,
                "bp",
                &[(A::WriteOffLoss, 5), (A::CommercialReceivable, -5)],
            ),
            (
                |e| Transaction::offset(e, Source::Cash, fen(5)),
                Kind::Offset,
                "b",
                &[(A::PatientPayable, 5), (A::PatientReceivable, -5)],
            ),
            (
                |e| Transaction::offset(e, Source::Commercial, fen(5)),
                Kind::Offset,
                "bp",
                &[(A::PayerPayable, 5), (A::CommercialReceivable, -5)],
            ),
            (
                |e| Transaction::remitted(e, A::PayerPayable, fen(5)),
                Kind::Remittance,
                "p",
                &[(A::Bank, 5), (A::PayerPayable, -5)],
            ),
            (
                |e| Transaction::remitted(e, A::PayerPayable, fen(-5)),
                Kind::Remittance,
                "p",
                &[(A::PayerPayable, 5), (A::Bank, -5)],
            ),
            (
                |e| Transaction::write_off(e, Source::Commercial, fen(5), "refused for good"),
                Kind::WriteOff,
                "p",
                &[(A::WriteOffLoss, 5), (A::CommercialReceivable, -5)],
            ),
            (
                |e| Transaction::write_off(e, Source::Cash, fen(5), "moved away"),
                Kind::WriteOff,
                "b",
                &[(A::WriteOffLoss, 5), (A::PatientReceivable, -5)],
            ),
            (
                |e| Transaction::capitation_prepayment(e, fen(5)),
                Kind::CapitationPrepayment,
                "p",
                &[(A::Bank, 5), (A::CapitationLiability, -5)],
            ),
            (
                |e| Transaction::capitation_consumption(e, fen(5)),
                Kind::CapitationConsumption,
                "p",
                &[(A::CapitationLiability, 5), (A::BasicFundReceivable, -5)],
            ),
            (
                |e| Transaction::capitation_surplus(e, fen(5)),
                Kind::CapitationAccrual,
                "p",
                &[(A::CapitationLiability, 5), (A::CapitationRevenue, -5)],
            ),
            (
                |e| Transaction::capitation_overrun(e, fen(5)),
                Kind::CapitationAccrual,
                "p",
                &[(A::CapitationLoss, 5), (A::CapitationLiability, -5)],
            ),
            (
                |e| Transaction::capitation_referred(e, fen(5), "statement 3"),
                Kind::CapitationConsumption,
                "p",
                &[(A::CapitationLiability, 5), (A::InstitutionPayable, -5)],
            ),
            // DOMAIN.md D3: of 4,860,000 the lead's 2,916,000 stay its revenue.
            (
                |e| Transaction::capitation_division(e, fen(1_215_000), fen(729_000)),
                Kind::CapitationAccrual,
                "p",
                &[(A::CapitationRevenue, 1_944_000), (A::InstitutionPayable, -1_215_000), (A::TeamPayable, -729_000)],
            ),
            (
                |e| Transaction::capitation_balance(e, fen(5_460_000), "slip 9"),
                Kind::CapitationPrepayment,
                "p",
                &[(A::Bank, 5_460_000), (A::CapitationLiability, -5_460_000)],
            ),
            (
                |e| Transaction::capitation_balance(e, fen(-5), "slip 9"),
                Kind::CapitationPrepayment,
                "p",
                &[(A::CapitationLiability, 5), (A::Bank, -5)],
            ),
            (
                |e| Transaction::sale(e, fen(11_000), "buy-1"),
                Kind::Sale,
                "p",
                &[(A::PatientReceivable, 11_000), (A::DeferredRevenue, -11_000)],
            ),
            // DOMAIN.md D5: 10000 of the doctor, 1000 of the platform.
            (
                |e| {
                    let earned =
                        [(Payee::Doctor, fen(10_000)), (Payee::Platform, fen(1_000)), (Payee::Hospital, fen(0))];
                    Transaction::earning(e, &earned, "buy-1")
                },
                Kind::Earning,
                "p",
                &[(A::DeferredRevenue, 11_000), (A::DoctorPayable, -10_000), (A::PlatformPayable, -1_000)],
            ),
            (
                |e| {
                    Transaction::sale_refund(
                        e,
                        fen(3),
                        &[(Payee::Hospital, fen(1)), (Payee::Hospital, fen(1))],
                        "buy-1",
                    )
                },
                Kind::SaleRefund,
                "p",
                &[(A::PatientReceivable, -5), (A::DeferredRevenue, 3), (A::ServiceRevenue, 2)],
            ),
            // 10000 is wholly the doctor's, 600 the platform's.
            (
                |e| Transaction::platform_fee(e, fen(10_000), fen(600)),
                Kind::PlatformFee,
                "bd",
                &[(A::ServiceRevenue, 10_600), (A::DoctorPayable, -10_000), (A::PlatformPayable, -600)],
            ),
            (
                |e| Transaction::adjustment(e, A::DoctorPayable, A::Bank, fen(5), "paid out"),
                Kind::Adjustment,
                "",
                &[(A::DoctorPayable, 5), (A::Bank, -5)],
            ),
        ];
        for (make, kind, needs, postings) in table {
            let has = |what| needs.contains(what);
            let made = make(of(has('b'), has('p'), has('d'))).expect("enough");
            let signed = made.postings().iter().map(|p| (p.account, p.amount_signed().expect("fits").as_fen()));
            assert_eq!((made.kind(), signed.collect::<Vec<_>>()), (kind, postings.to_vec()));
            for missing in needs.chars() {
                let has = |what| needs.contains(what) && what != missing;
                let refused = make(of(has('b'), has('p'), has('d'))).expect_err("not enough");
                assert_eq!(refused.code(), Code::BodyInvalid, "{kind} without {missing}: {refused}");
            }
        }
    }

    #[test]
    fn what_makes_no_sense_is_not_made() {
        let code = |made: Result<Transaction, LedgerError>| made.map_err(|error| error.code()).err();
        let adjust = |debit, credit, reason| {
            code(Transaction::adjustment(of(false, false, false), debit, credit, fen(1), reason))
        };
        assert_eq!(adjust(Account::Bank, Account::Bank, "why"), Some(Code::LedgerUnbalanced));
        assert_eq!(adjust(Account::Bank, Account::Cash, " "), Some(Code::BodyInvalid));
        assert_eq!(adjust(Account::Bank, Account::Cash, "why"), None);
        let off = Transaction::write_off(of(true, false, false), Source::Cash, fen(1), "");
        assert_eq!(code(off), Some(Code::BodyInvalid));
        for amount in [0, -1] {
            let remitted = Transaction::remittance(of(false, true, false), Source::BasicFund, fen(amount));
            assert_eq!(code(remitted), Some(Code::MoneyInvalid));
        }
        let huge = Transaction::platform_fee(of(true, true, true), fen(i64::MAX), fen(1));
        assert_eq!(code(huge), Some(Code::MoneyInvalid));
        assert_eq!(
            code(Transaction::new(of(true, true, true), Kind::Refund, None, vec![])),
            Some(Code::LedgerUnbalanced)
        );
    }

    #[test]
    fn what_does_not_balance_cannot_be_read() {
        let good =
            Transaction::receipt(of(true, false, false), fen(5)).expect("balanced").through(Some(Channel::Alipay));
        let stored = |postings: Vec<Posting>| Stored {
            entry: good.entry().clone(),
            kind: Kind::Receipt,
            channel: Some(Channel::Alipay),
            reason: None,
            postings,
        };
        assert_eq!(Transaction::try_from(stored(good.postings().to_vec())), Ok(good.clone()));
        for amount in [4, 0, -5] {
            let mut postings = good.postings().to_vec();
            postings[0].amount = fen(amount);
            assert!(Transaction::try_from(stored(postings)).is_err(), "{amount}");
        }
    }

    #[test]
    fn kinds_read_back() {
        for &kind in Kind::ORIGINALS {
            assert_eq!(Kind::stored(kind.as_str(), None), Ok(kind));
            assert!(Kind::stored(kind.as_str(), Some(stamp(1).id)).is_err(), "{kind} reverses nothing");
        }
        assert_eq!(Kind::stored("contra", Some(stamp(1).id)), Ok(Kind::Contra(stamp(1).id)));
        assert!(Kind::stored("contra", None).is_err());
        assert!(Kind::stored("gift", None).is_err());
    }
}
