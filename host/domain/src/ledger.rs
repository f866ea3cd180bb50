//! Double-entry ledger. A [`Transaction`] that does not balance cannot be constructed, nor
//! deserialised. Transactions are never changed; each is corrected at most once, by a linked
//! contra entry.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    str::FromStr,
};

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::{
    billing::Allocation,
    code::Code,
    id::{BillId, TransactionId},
    money::{Money, MoneyError},
    payer::{LineKind, Source},
    time::Instant,
};

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
    /// Paid by patients.
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
    /// Contract discounts borne by the provider.
    ProviderAdjustment = "adjustment.provider", Debit;
    /// Revenue of services.
    ServiceRevenue = "revenue.service", Credit;
    /// Revenue of medicines.
    MedicineRevenue = "revenue.medicine", Credit;
    /// Revenue of materials.
    MaterialRevenue = "revenue.material", Credit;
    /// Other revenue.
    OtherRevenue = "revenue.other", Credit;
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

/// One entry of a transaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Posting {
    /// The account.
    pub account: Account,
    /// The side.
    pub side: Side,
    /// The amount; positive.
    pub amount: Money,
}

impl Posting {
    const fn debit(account: Account, amount: Money) -> Self {
        Self { account, side: Side::Debit, amount }
    }

    const fn credit(account: Account, amount: Money) -> Self {
        Self { account, side: Side::Credit, amount }
    }
}

/// What a transaction records.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// A bill was settled.
    Settlement,
    /// A later payer took over a part of the bill.
    Transfer,
    /// The patient paid.
    Receipt,
    /// The patient was refunded.
    Refund,
    /// The contra entry of this transaction.
    Contra(TransactionId),
}

/// A balanced set of postings about one bill.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Unchecked", deny_unknown_fields)]
pub struct Transaction {
    id: TransactionId,
    bill: BillId,
    kind: Kind,
    at: Instant,
    postings: Vec<Posting>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Unchecked {
    id: TransactionId,
    bill: BillId,
    kind: Kind,
    at: Instant,
    postings: Vec<Posting>,
}

impl TryFrom<Unchecked> for Transaction {
    type Error = LedgerError;

    fn try_from(Unchecked { id, bill, kind, at, postings }: Unchecked) -> Result<Self, LedgerError> {
        Self::new(Entry { id, bill, at }, kind, postings)
    }
}

/// Why a transaction is refused.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum LedgerError {
    /// Overflow, or an invalid amount.
    #[error(transparent)]
    Money(#[from] MoneyError),
    /// The amount of a posting is not positive.
    #[error("a posting of {0}; it must be more than nothing")]
    Amount(Money),
    /// Debits and credits differ.
    #[error("debit {debit}, credit {credit}")]
    Unbalanced {
        /// Sum of debits.
        debit: Money,
        /// Sum of credits.
        credit: Money,
    },
    /// No postings.
    #[error("a transaction without postings")]
    Empty,
    /// The id is already used.
    #[error("transaction {0} is booked already")]
    Booked(TransactionId),
    /// The original of a contra entry does not exist.
    #[error("there is no transaction {0} to reverse")]
    NoOriginal(TransactionId),
    /// The contra entry does not mirror its original.
    #[error("the contra entry of {0} is not its mirror image")]
    NotContra(TransactionId),
    /// A second contra entry of one original, or a contra entry of a contra entry.
    #[error("transaction {0} was reversed before, or is itself a contra entry")]
    AlreadyReversed(TransactionId),
    /// More is returned than was booked.
    #[error("account {account} of the bill would stand at {balance}")]
    Exceeds {
        /// The account.
        account: Account,
        /// The balance that would result.
        balance: Money,
    },
}

impl LedgerError {
    /// The stable code.
    pub const fn code(&self) -> Code {
        match self {
            Self::Money(_) | Self::Amount(_) => Code::MoneyInvalid,
            Self::Unbalanced { .. } | Self::Empty | Self::NoOriginal(_) | Self::NotContra(_) => Code::LedgerUnbalanced,
            Self::Booked(_) => Code::PayIdempotencyConflict,
            Self::AlreadyReversed(_) => Code::PayAlreadyReversed,
            Self::Exceeds { .. } => Code::RefundExceeds,
        }
    }
}

/// The data common to new transactions: id (generated by the caller), bill, time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Entry {
    /// Its id.
    pub id: TransactionId,
    /// The bill.
    pub bill: BillId,
    /// When it is booked.
    pub at: Instant,
}

impl Transaction {
    fn new(Entry { id, bill, at }: Entry, kind: Kind, postings: Vec<Posting>) -> Result<Self, LedgerError> {
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
        Ok(Self { id, bill, kind, at, postings })
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
        Self::new(entry, Kind::Settlement, postings)
    }

    /// A later payer took over a part of the bill: books the differences only.
    ///
    /// # Errors
    /// If nothing changed, or the gross differs.
    pub fn transfer(entry: Entry, before: &Allocation, after: &Allocation) -> Result<Self, LedgerError> {
        let mut postings = Vec::new();
        let mut change = |account, from: Money, to: Money| -> Result<(), LedgerError> {
            let difference = to.minus(from)?;
            if difference > Money::ZERO {
                postings.push(Posting::debit(account, difference));
            } else if difference < Money::ZERO {
                postings.push(Posting::credit(account, difference.negate()?));
            }
            Ok(())
        };
        for source in Source::ALL {
            change(Account::receivable(source), before.part(source), after.part(source))?;
        }
        change(Account::ProviderAdjustment, before.adjustment(), after.adjustment())?;
        Self::new(entry, Kind::Transfer, postings)
    }

    /// A payment of the patient.
    ///
    /// # Errors
    /// If the amount is not positive.
    pub fn receipt(entry: Entry, amount: Money) -> Result<Self, LedgerError> {
        let postings = vec![Posting::debit(Account::Cash, amount), Posting::credit(Account::PatientReceivable, amount)];
        Self::new(entry, Kind::Receipt, postings)
    }

    /// A refund to the patient, of revenue of a kind of line.
    ///
    /// # Errors
    /// If the amount is not positive.
    pub fn refund(entry: Entry, kind: LineKind, amount: Money) -> Result<Self, LedgerError> {
        let postings = vec![Posting::debit(Account::revenue(kind), amount), Posting::credit(Account::Cash, amount)];
        Self::new(entry, Kind::Refund, postings)
    }

    /// The contra entry: sides exchanged, linked to this one.
    pub fn contra(&self, id: TransactionId, at: Instant) -> Self {
        let turned = |posting: &Posting| Posting { side: posting.side.other(), ..*posting };
        Self {
            id,
            bill: self.bill,
            kind: Kind::Contra(self.id),
            at,
            postings: self.postings.iter().map(turned).collect(),
        }
    }

    /// Its id.
    pub const fn id(&self) -> TransactionId {
        self.id
    }

    /// The bill.
    pub const fn bill(&self) -> BillId {
        self.bill
    }

    /// What it records.
    pub const fn kind(&self) -> Kind {
        self.kind
    }

    /// The transaction that it reverses, if it is a contra entry.
    pub const fn reverses(&self) -> Option<TransactionId> {
        match self.kind {
            Kind::Contra(original) => Some(original),
            _ => None,
        }
    }

    /// When it was booked.
    pub const fn at(&self) -> Instant {
        self.at
    }

    /// The entries.
    pub fn postings(&self) -> &[Posting] {
        &self.postings
    }
}

/// The turnover of an account, both sides.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Turnover {
    /// Sum of debits.
    pub debit: Money,
    /// Sum of credits.
    pub credit: Money,
}

impl Turnover {
    /// Debit minus credit.
    ///
    /// # Errors
    /// On overflow.
    pub fn balance(self) -> Result<Money, MoneyError> {
        self.debit.minus(self.credit)
    }

    fn add(&mut self, side: Side, amount: Money) -> Result<(), MoneyError> {
        let sum = match side {
            Side::Debit => &mut self.debit,
            Side::Credit => &mut self.credit,
        };
        *sum = sum.plus(amount)?;
        Ok(())
    }
}

/// The turnover of all accounts.
pub type TrialBalance = BTreeMap<Account, Turnover>;

/// The transactions of one or more bills, in order. Load all transactions of a bill before
/// posting to it: the checks use those that are loaded.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Book {
    transactions: Vec<Transaction>,
}

impl Book {
    /// Loads stored transactions, with the same checks as new ones.
    ///
    /// # Errors
    /// If one of them would be refused.
    pub fn load(transactions: impl IntoIterator<Item = Transaction>) -> Result<Self, LedgerError> {
        let mut book = Self::default();
        for transaction in transactions {
            book.post(transaction)?;
        }
        Ok(book)
    }

    /// Posts a transaction.
    ///
    /// # Errors
    /// If its id is already used; if it is a contra entry without original, of another shape, or
    /// the second of its original; or if more would be returned on the bill than was booked for a
    /// source.
    pub fn post(&mut self, transaction: Transaction) -> Result<(), LedgerError> {
        if self.get(transaction.id).is_some() {
            return Err(LedgerError::Booked(transaction.id));
        }
        if let Some(original) = transaction.reverses() {
            self.check_contra(&transaction, original)?;
        }
        self.check_balances(&transaction)?;
        self.transactions.push(transaction);
        Ok(())
    }

    /// The contra entries that reverse a bill completely, newest first.
    pub fn unwind(&self, bill: BillId, at: Instant, mut next_id: impl FnMut() -> TransactionId) -> Vec<Transaction> {
        let reversed: BTreeSet<TransactionId> = self.transactions.iter().filter_map(Transaction::reverses).collect();
        self.transactions
            .iter()
            .rev()
            .filter(|t| t.bill == bill && t.reverses().is_none() && !reversed.contains(&t.id))
            .map(|t| t.contra(next_id(), at))
            .collect()
    }

    /// All transactions, in order.
    pub fn transactions(&self) -> &[Transaction] {
        &self.transactions
    }

    /// The turnover of all accounts. Total debit equals total credit.
    ///
    /// # Errors
    /// On overflow.
    pub fn trial_balance(&self) -> Result<TrialBalance, MoneyError> {
        turnovers(self.transactions.iter())
    }

    fn get(&self, id: TransactionId) -> Option<&Transaction> {
        self.transactions.iter().find(|t| t.id == id)
    }

    fn check_contra(&self, contra: &Transaction, original: TransactionId) -> Result<(), LedgerError> {
        let found = self.get(original).ok_or(LedgerError::NoOriginal(original))?;
        let again = self.transactions.iter().any(|t| t.reverses() == Some(original));
        if again || found.reverses().is_some() {
            return Err(LedgerError::AlreadyReversed(original));
        }
        if found.contra(contra.id, contra.at) == *contra { Ok(()) } else { Err(LedgerError::NotContra(original)) }
    }

    /// Checks that no account of the bill gets a balance on its wrong side: a source is returned
    /// at most what was booked for it, and at most the revenue is reversed.
    fn check_balances(&self, next: &Transaction) -> Result<(), LedgerError> {
        let of_bill = self.transactions.iter().filter(|t| t.bill == next.bill);
        for (account, turnover) in turnovers(of_bill.chain([next]))? {
            let balance = match account.normal() {
                Side::Debit => turnover.balance()?,
                Side::Credit => turnover.balance()?.negate()?,
            };
            if balance < Money::ZERO {
                return Err(LedgerError::Exceeds { account, balance });
            }
        }
        Ok(())
    }
}

fn turnovers<'a>(transactions: impl Iterator<Item = &'a Transaction>) -> Result<TrialBalance, MoneyError> {
    let mut balance = TrialBalance::new();
    for posting in transactions.flat_map(|t| &t.postings) {
        balance.entry(posting.account).or_default().add(posting.side, posting.amount)?;
    }
    Ok(balance)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::{
        billing::PayerKind,
        fixture::{self, NOW, fen},
        payer::{Adjudication, Part},
    };

    fn entry(id: u128) -> Entry {
        Entry { id: TransactionId::from_u128(id), bill: BillId::from_u128(1), at: NOW }
    }

    fn allocation() -> Allocation {
        Allocation::check(&fixture::bill(), &fixture::adjudication(), PayerKind::BasicInsurance).expect("sound")
    }

    fn balances(book: &Book) -> BTreeMap<Account, i64> {
        let balance = book.trial_balance().expect("balance");
        balance.into_iter().map(|(account, t)| (account, t.balance().expect("fits").as_fen())).collect()
    }

    fn settled_and_paid() -> Book {
        let settlement = Transaction::settlement(entry(1), &allocation()).expect("balanced");
        let receipt = Transaction::receipt(entry(2), fen(6750)).expect("balanced");
        Book::load([settlement, receipt]).expect("booked")
    }

    /// The worked example of a basic-insurance settlement, to the fen.
    #[test]
    fn a_settlement_is_posted_to_the_fen() {
        let expected = BTreeMap::from([
            (Account::BasicFundReceivable, 5550),
            (Account::PersonalAccountReceivable, 6000),
            (Account::PatientReceivable, 0),
            (Account::Cash, 6750),
            (Account::ServiceRevenue, -2000),
            (Account::MedicineRevenue, -11800),
            (Account::MaterialRevenue, -4500),
        ]);
        assert_eq!(balances(&settled_and_paid()), expected);
    }

    /// One box of metformin (2500) is returned: the bill is reversed and the rest settled again.
    /// Fund −1875, account 0, cash −625.
    #[test]
    fn a_returned_box_is_reversed_whole_and_the_rest_settled() {
        let mut book = settled_and_paid();
        let before = balances(&book);
        let mut ids = (10..).map(TransactionId::from_u128);
        for contra in book.unwind(BillId::from_u128(1), NOW, || ids.next().expect("id")) {
            book.post(contra).expect("contra");
        }
        assert!(balances(&book).values().all(|&balance| balance == 0));

        let mut bill = fixture::bill();
        bill.lines[1].gross = fen(2500);
        let mut adjudication = fixture::adjudication();
        adjudication.lines[1].in_scope = fen(2500);
        for (part, amount) in adjudication.parts.iter_mut().zip([3675, 6000, 6125]) {
            part.amount = fen(amount);
        }
        let rest = Allocation::check(&bill, &adjudication, PayerKind::BasicInsurance).expect("sound");
        book.post(Transaction::settlement(entry(20), &rest).expect("balanced")).expect("booked");
        book.post(Transaction::receipt(entry(21), fen(6125)).expect("balanced")).expect("booked");

        let after = balances(&book);
        let delta = |account| after[&account] - before[&account];
        assert_eq!(delta(Account::BasicFundReceivable), -1875);
        assert_eq!(delta(Account::PersonalAccountReceivable), 0);
        assert_eq!(delta(Account::Cash), -625);
        assert_eq!(after.values().sum::<i64>(), 0);
    }

    #[test]
    fn a_second_payer_takes_over_what_it_pays() {
        let part = |source, amount| Part { source, amount: fen(amount) };
        let first = Adjudication {
            parts: vec![part(Source::BasicFund, 5550), part(Source::Cash, 12750)],
            ..fixture::adjudication()
        };
        let before = Allocation::check(&fixture::bill(), &first, PayerKind::BasicInsurance).expect("sound");
        let bill = crate::payer::Bill { prior: vec![first.clone()], ..fixture::bill() };
        let parts = vec![part(Source::BasicFund, 5550), part(Source::Commercial, 4200), part(Source::Cash, 8550)];
        let after = Allocation::check(&bill, &Adjudication { parts, ..first }, PayerKind::Commercial).expect("sound");
        let book = Book::load([
            Transaction::settlement(entry(1), &before).expect("balanced"),
            Transaction::transfer(entry(2), &before, &after).expect("balanced"),
        ])
        .expect("booked");
        assert_eq!(balances(&book)[&Account::CommercialReceivable], 4200);
        assert_eq!(balances(&book)[&Account::PatientReceivable], 8550);
    }

    #[test]
    fn what_does_not_balance_cannot_be_read() {
        let good =
            serde_json::to_value(Transaction::settlement(entry(1), &allocation()).expect("balanced")).expect("json");
        assert!(serde_json::from_value::<Transaction>(good.clone()).is_ok());
        for (index, amount) in [(0, 5549), (0, -5550), (0, 0)] {
            let mut bad = good.clone();
            bad["postings"][index]["amount"] = amount.into();
            assert!(serde_json::from_value::<Transaction>(bad).is_err(), "{amount}");
        }
        assert_eq!(Transaction::receipt(entry(1), fen(-1)).map_err(|e| e.code()), Err(Code::MoneyInvalid));
        assert_eq!(Transaction::new(entry(1), Kind::Refund, vec![]).map_err(|e| e.code()), Err(Code::LedgerUnbalanced));
    }

    #[test]
    fn nothing_is_reversed_twice() {
        let mut book = settled_and_paid();
        let receipt = book.transactions()[1].clone();
        let contra = receipt.contra(TransactionId::from_u128(3), NOW);
        book.post(contra.clone()).expect("contra");
        let mut refuse = |t: Transaction| book.post(t).expect_err("refused").code();
        assert_eq!(refuse(receipt.contra(TransactionId::from_u128(4), NOW)), Code::PayAlreadyReversed);
        assert_eq!(refuse(contra.contra(TransactionId::from_u128(4), NOW)), Code::PayAlreadyReversed);
        assert_eq!(refuse(contra), Code::PayIdempotencyConflict);
        let stranger = Transaction::receipt(entry(9), fen(1)).expect("balanced");
        assert_eq!(refuse(stranger.contra(TransactionId::from_u128(4), NOW)), Code::LedgerUnbalanced);
        let mut smaller = Transaction::settlement(entry(1), &allocation()).expect("balanced").contra(entry(4).id, NOW);
        smaller.postings.swap(0, 1);
        assert_eq!(refuse(smaller), Code::LedgerUnbalanced);
    }

    #[test]
    fn no_more_comes_back_than_was_taken() {
        let mut book = settled_and_paid();
        let refund = |id, amount| Transaction::refund(entry(id), LineKind::Material, fen(amount)).expect("balanced");
        assert_eq!(book.post(refund(3, 4501)).map_err(|e| e.code()).err(), Some(Code::RefundExceeds));
        book.post(refund(3, 4500)).expect("class C");
        assert_eq!(book.post(refund(4, 1)).map_err(|e| e.code()).err(), Some(Code::RefundExceeds));
        let medicine = Transaction::refund(entry(4), LineKind::Medicine, fen(2251)).expect("balanced");
        assert_eq!(book.post(medicine).map_err(|e| e.code()).err(), Some(Code::RefundExceeds), "cash is 2250");
        // Cash of another bill does not count.
        let mut other = Transaction::refund(entry(5), LineKind::Material, fen(1)).expect("balanced");
        other.bill = BillId::from_u128(2);
        assert_eq!(book.post(other).map_err(|e| e.code()).err(), Some(Code::RefundExceeds));
    }

    #[test]
    fn accounts_read_back() {
        for &account in Account::ALL {
            assert_eq!(account.as_str().parse(), Ok(account));
        }
        assert!("revenue.gold".parse::<Account>().is_err());
    }

    #[derive(Debug, Clone)]
    enum Try {
        Settle { bill: u128, fund: i64, account: i64, cash: i64 },
        Pay { bill: u128, amount: i64 },
        Refund { bill: u128, amount: i64 },
        Contra { index: usize },
    }

    fn attempts() -> impl Strategy<Value = Vec<Try>> {
        let amount = 1_i64..10_000;
        let attempt =
            prop_oneof![
                (0_u128..3, 0_i64..5000, 0_i64..5000, 1_i64..5000)
                    .prop_map(|(bill, fund, account, cash)| Try::Settle { bill, fund, account, cash }),
                (0_u128..3, amount.clone()).prop_map(|(bill, amount)| Try::Pay { bill, amount }),
                (0_u128..3, amount).prop_map(|(bill, amount)| Try::Refund { bill, amount }),
                (0_usize..20).prop_map(|index| Try::Contra { index }),
            ];
        proptest::collection::vec(attempt, 1..40)
    }

    proptest! {
        /// For any sequence of attempts the books balance, no account of a bill has a balance on
        /// its wrong side, and every original has at most one contra entry.
        #[test]
        fn the_books_always_balance(attempts in attempts()) {
            let mut book = Book::default();
            for (n, attempt) in attempts.into_iter().enumerate() {
                let entry = |bill| Entry {
                    id: TransactionId::from_u128(n as u128 + 1),
                    bill: BillId::from_u128(bill),
                    at: NOW,
                };
                let transaction = match attempt {
                    Try::Settle { bill, fund, account, cash } => {
                        let of = fixture::bill_of(&[(LineKind::Medicine, fund + account + cash)]);
                        let parts =
                            [(Source::BasicFund, fund), (Source::PersonalAccount, account), (Source::Cash, cash)];
                        let adjudication = fixture::adjudication_of(&of, &parts);
                        let allocation = Allocation::check(&of, &adjudication, PayerKind::BasicInsurance);
                        Transaction::settlement(entry(bill), &allocation.expect("sound"))
                    }
                    Try::Pay { bill, amount } => Transaction::receipt(entry(bill), fen(amount)),
                    Try::Refund { bill, amount } => Transaction::refund(entry(bill), LineKind::Medicine, fen(amount)),
                    Try::Contra { index } => match book.transactions().get(index) {
                        Some(original) => Ok(original.contra(entry(0).id, NOW)),
                        None => continue,
                    },
                };
                let before = book.clone();
                if book.post(transaction.expect("balanced")).is_err() {
                    prop_assert_eq!(&book, &before);
                }
                let trial = book.trial_balance().expect("fits");
                let sum = Money::sum(trial.values().map(|t| t.balance().expect("fits")));
                prop_assert_eq!(sum, Ok(Money::ZERO));
            }
            let reversed: Vec<_> = book.transactions().iter().filter_map(Transaction::reverses).collect();
            let distinct: BTreeSet<_> = reversed.iter().collect();
            prop_assert_eq!(distinct.len(), reversed.len());
            for bill in 0..3 {
                let own = book.transactions().iter().filter(|t| t.bill() == BillId::from_u128(bill));
                let cash = turnovers(own).expect("fits").get(&Account::Cash).copied().unwrap_or_default();
                prop_assert!(cash.debit >= cash.credit);
            }
        }
    }
}
