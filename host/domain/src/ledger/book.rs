//! The transactions of bills, and the checks of new ones.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::{Account, Entry, LedgerError, Side, Stamp, Transaction, transaction::Kind};
use crate::{
    id::{BillId, TransactionId},
    money::{Money, MoneyError},
    payer::Source,
};

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
    /// Loads stored transactions, with the same checks as new ones. Contra entries come after all others: each was
    /// stamped by who wrote it, so that one may have an earlier time than its original.
    ///
    /// # Errors
    /// If they would be refused.
    pub fn load(transactions: impl IntoIterator<Item = Transaction>) -> Result<Self, LedgerError> {
        let (originals, contras): (Vec<_>, Vec<_>) =
            transactions.into_iter().partition(|transaction| transaction.reverses().is_none());
        let mut book = Self::default();
        book.post_all(originals.into_iter().chain(contras))?;
        Ok(book)
    }

    /// Posts a transaction.
    ///
    /// # Errors
    /// If its id is already used; if it is a contra entry without original, of another shape, or
    /// the second of its original; or if more would be returned on the bill than was booked for a
    /// source.
    pub fn post(&mut self, transaction: Transaction) -> Result<(), LedgerError> {
        self.post_all([transaction])
    }

    /// Posts transactions that are stored together, or none of them. What is returned is compared with
    /// what was booked once all are posted: an [unwinding](Self::unwind) takes entries back that rest on
    /// each other.
    ///
    /// # Errors
    /// As [`post`](Self::post).
    pub fn post_all(&mut self, transactions: impl IntoIterator<Item = Transaction>) -> Result<(), LedgerError> {
        let before = self.transactions.len();
        let posted = || {
            for transaction in transactions {
                if self.get(transaction.id()).is_some() {
                    return Err(LedgerError::Booked(transaction.id()));
                }
                if let Some(original) = transaction.reverses() {
                    self.check_contra(&transaction, original)?;
                }
                self.transactions.push(transaction);
            }
            let bills: BTreeSet<BillId> =
                self.transactions.iter().skip(before).filter_map(|t| t.entry().bill).collect();
            bills.into_iter().try_for_each(|bill| self.check_balances(bill))
        };
        let result = posted();
        if result.is_err() {
            self.transactions.truncate(before);
        }
        result
    }

    /// What takes back what stands of a bill, for a reason if there is one: contra entries, newest first, of all
    /// of it, or only of what was booked of one payer, and what persons posted, which may rest on it. Of the
    /// payer whose settlement the others rest on, it is all. Money is not undone by it: what was paid and is
    /// not owed any more is owed to who paid it ([evened](Self::evened)).
    ///
    /// # Errors
    /// On overflow.
    pub fn unwind(
        &self,
        bill: BillId,
        (payer, why): (Option<&str>, Option<&str>),
        mut stamp: impl FnMut() -> Stamp,
    ) -> Result<Vec<Transaction>, LedgerError> {
        let standing: Vec<&Transaction> = self.standing(bill).filter(|t| !t.kind().is_money()).collect();
        let is_of = |t: &Transaction| payer.is_none_or(|payer| t.entry().payer.as_deref() == Some(payer));
        let whole = standing.iter().any(|t| t.kind() == Kind::Settlement && is_of(t));
        let posted = |t: &Transaction| t.entry().stamp.by.is_some();
        let booked = standing.iter().any(|t| is_of(t));
        let of_it = standing.into_iter().rev().filter(|t| whole || is_of(t) || (booked && posted(t)));
        let contras = of_it.map(|t| t.contra(stamp(), why)).collect();
        self.evened(contras, stamp)
    }

    /// Entries of one bill, and those that even them out: who has paid more than they owe by now, the patient or a
    /// payer, is owed it, and what is owed to a payer pays what it owes. Of what they owe less, and nobody has paid, so
    /// much is not written off any more.
    ///
    /// # Errors
    /// On overflow.
    pub fn evened(
        &self,
        mut made: Vec<Transaction>,
        mut stamp: impl FnMut() -> Stamp,
    ) -> Result<Vec<Transaction>, LedgerError> {
        let Some(Entry { bill: Some(bill), doctor, .. }) = made.first().map(|first| first.entry().clone()) else {
            return Ok(made);
        };
        let entry = |payer: Option<&String>, stamp| Entry { stamp, bill: Some(bill), payer: payer.cloned(), doctor };
        let sources = || Source::ALL.into_iter().filter(|source| *source != Source::Cash);
        // What somebody has paid and is not owed back.
        let kept = |made: &[Transaction], payer: Option<&str>, (money, owes): (Account, Account)| {
            let kept = self.moved(bill, made, payer, money)?.plus(self.moved(bill, made, payer, owes)?)?;
            Ok::<_, LedgerError>(kept.max(Money::ZERO))
        };
        let of_bill = self.transactions.iter().chain(&made).filter(|t| t.entry().bill == Some(bill));
        let payers: BTreeSet<String> = of_bill.filter_map(|t| t.entry().payer.clone()).collect();
        for payer in &payers {
            for source in sources() {
                let beyond = self.moved(bill, &made, Some(payer), Account::receivable(source))?.negate()?;
                let mut paid = kept(&made, Some(payer), (Account::Bank, Account::PayerPayable))?;
                // What it kept back may be owed on another account than what it had paid.
                for other in sources() {
                    let owed = self.moved(bill, &made, Some(payer), Account::receivable(other))?;
                    paid = paid.plus(owed.max(Money::ZERO))?;
                }
                let back = beyond.min(paid);
                if back > Money::ZERO {
                    made.push(Transaction::refund_due(entry(Some(payer), stamp()), source, back)?);
                }
                let of = (Account::receivable(source), Some(payer.as_str()));
                let less = self.less_written_off(bill, &made, of, beyond.minus(back.max(Money::ZERO))?, &mut stamp)?;
                made.extend(less);
            }
            for source in sources() {
                let owed = self.open(bill, &made, payer, Account::receivable(source))?;
                let owes = self.open(bill, &made, payer, Account::PayerPayable)?.negate()?;
                if owed.min(owes) > Money::ZERO {
                    made.push(Transaction::offset(entry(Some(payer), stamp()), source, owed.min(owes))?);
                }
            }
        }
        let beyond = self.moved(bill, &made, None, Account::PatientReceivable)?.negate()?;
        if beyond > Money::ZERO {
            let back = beyond.min(kept(&made, None, (Account::Cash, Account::PatientPayable))?);
            if back > Money::ZERO {
                made.push(Transaction::refund_due(entry(None, stamp()), Source::Cash, back)?);
            }
            let of = (Account::PatientReceivable, None);
            let less = self.less_written_off(bill, &made, of, beyond.minus(back)?, stamp)?;
            made.extend(less);
        }
        Ok(made)
    }

    /// So much of a receivable, of one payer or of all, is not written off any more: the newest write-offs are taken
    /// back, and what is left of the last one is written off again.
    fn less_written_off(
        &self,
        bill: BillId,
        made: &[Transaction],
        (owed, payer): (Account, Option<&str>),
        mut less: Money,
        mut stamp: impl FnMut() -> Stamp,
    ) -> Result<Vec<Transaction>, LedgerError> {
        let taken_back = |t: &Transaction| made.iter().any(|other| other.reverses() == Some(t.id()));
        let is_of = |t: &Transaction| payer.is_none_or(|payer| t.entry().payer.as_deref() == Some(payer));
        let standing: Vec<&Transaction> =
            self.standing(bill).filter(|t| t.is_write_off_of(owed) && is_of(t) && !taken_back(t)).collect();
        let mut entries = Vec::new();
        for written in standing.into_iter().rev() {
            if less <= Money::ZERO {
                break;
            }
            entries.push(written.contra(stamp(), Some("less is owed")));
            let (amount, contra) = (written.amount()?, less.min(written.amount()?));
            less = less.minus(contra)?;
            if contra < amount {
                entries.push(written.written_off_again(stamp(), owed, amount.minus(contra)?)?);
            }
        }
        Ok(entries)
    }

    /// What an [unwinding](Self::unwind) for this reason took along and still holds of what is left of a bill:
    /// what of the patient's debt was written off, as far as anything is owed, and the fees of its services,
    /// if there are as many services. To be booked again once what is left is settled.
    ///
    /// # Errors
    /// On overflow.
    pub fn still_holds(
        &self,
        bill: BillId,
        why: &str,
        mut stamp: impl FnMut() -> Stamp,
    ) -> Result<Vec<Transaction>, LedgerError> {
        let of_it =
            |t: &&Transaction| t.entry().bill == Some(bill) && t.entry().stamp.by.is_none() && t.reason() == Some(why);
        let taken_along: BTreeSet<TransactionId> =
            self.transactions.iter().filter(of_it).filter_map(Transaction::reverses).collect();
        let mut owed = self.moved(bill, &[], None, Account::PatientReceivable)?;
        let mut served = self.moved(bill, &[], None, Account::ServiceRevenue)?.negate()?;
        let mut entries = Vec::new();
        for original in self.transactions.iter().filter(|t| taken_along.contains(&t.id())) {
            let amount = original.amount()?;
            if original.is_write_off_of(Account::PatientReceivable) && owed > Money::ZERO {
                entries.push(original.written_off_again(stamp(), Account::PatientReceivable, amount.min(owed))?);
                owed = owed.minus(amount.min(owed))?;
            } else if original.kind() == Kind::PlatformFee && amount <= served {
                entries.push(original.again(stamp()));
                served = served.minus(amount)?;
            }
        }
        Ok(entries)
    }

    /// What a payer remitted of a bill, to the fen: what it owes, by source; what is beyond that is owed to it. Of
    /// what it kept back (below zero), what was owed to it; what is beyond that it owes once more.
    ///
    /// # Errors
    /// If no bill or payer is named, or on overflow.
    pub fn remitted(
        &self,
        about: &Entry,
        amount: Money,
        mut stamp: impl FnMut() -> Stamp,
    ) -> Result<Vec<Transaction>, LedgerError> {
        let (Some(bill), Some(payer)) = (about.bill, about.payer.as_deref()) else {
            return Err(LedgerError::Missing("payer"));
        };
        let mut entry = || Entry { stamp: stamp(), ..about.clone() };
        let receivables = Source::ALL.into_iter().filter(|source| *source != Source::Cash).map(Account::receivable);
        let (mut left, mut booked) = (amount, Vec::new());
        for account in receivables.clone().chain([Account::PayerPayable]) {
            // A debt of the payer above zero, one to it below: each is settled by money of its own sign.
            let open = self.open(bill, &[], payer, account)?;
            let part = match amount < Money::ZERO {
                true => left.max(open.min(Money::ZERO)),
                false => left.min(open.max(Money::ZERO)),
            };
            if part != Money::ZERO {
                booked.push(Transaction::remitted(entry(), account, part)?);
                left = left.minus(part)?;
            }
        }
        if left != Money::ZERO {
            let of_payer = |t: &&Transaction| t.entry().bill == Some(bill) && t.entry().payer.as_deref() == Some(payer);
            let known = |account: &Account| {
                let mut all = self.transactions.iter().filter(of_payer).flat_map(Transaction::postings);
                all.any(|posting| posting.account == *account)
            };
            let account = match left < Money::ZERO {
                true => receivables.clone().find(known).unwrap_or(Account::BasicFundReceivable),
                false => Account::PayerPayable,
            };
            booked.push(Transaction::remitted(entry(), account, left)?);
        }
        Ok(booked)
    }

    /// The entries of a bill that nobody has taken back.
    pub fn standing(&self, bill: BillId) -> impl Iterator<Item = &Transaction> {
        let reversed: BTreeSet<TransactionId> = self.transactions.iter().filter_map(Transaction::reverses).collect();
        let stands = move |t: &&Transaction| {
            t.entry().bill == Some(bill) && t.reverses().is_none() && !reversed.contains(&t.id())
        };
        self.transactions.iter().filter(stands)
    }

    /// What stands of a payer on an account of a bill, and still does with what was booked of the bill without naming it.
    fn open(&self, bill: BillId, made: &[Transaction], payer: &str, account: Account) -> Result<Money, LedgerError> {
        let of_payer = self.moved(bill, made, Some(payer), account)?;
        let of_all = self.moved(bill, made, None, account)?;
        Ok(match of_payer < Money::ZERO {
            true => of_payer.max(of_all.min(Money::ZERO)),
            false => of_payer.min(of_all.max(Money::ZERO)),
        })
    }

    /// Debits less credits of an account in a bill, of one payer or of all, with entries that are to be posted.
    fn moved(
        &self,
        bill: BillId,
        made: &[Transaction],
        payer: Option<&str>,
        account: Account,
    ) -> Result<Money, LedgerError> {
        let of_it = |t: &&Transaction| {
            t.entry().bill == Some(bill) && payer.is_none_or(|payer| t.entry().payer.as_deref() == Some(payer))
        };
        let all = self.transactions.iter().chain(made).filter(of_it);
        all.map(|t| t.moved(account)).try_fold(Money::ZERO, |sum, moved| Ok(sum.plus(moved?)?))
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
        self.transactions.iter().find(|t| t.id() == id)
    }

    fn check_contra(&self, contra: &Transaction, original: TransactionId) -> Result<(), LedgerError> {
        let found = self.get(original).ok_or(LedgerError::NoOriginal(original))?;
        let again = self.transactions.iter().any(|t| t.reverses() == Some(original));
        if again || found.reverses().is_some() {
            return Err(LedgerError::AlreadyReversed(original));
        }
        if contra.mirrors(found) { Ok(()) } else { Err(LedgerError::NotContra(original)) }
    }

    /// Checks that no account of a bill has a balance on its wrong side: a source is returned
    /// at most what was booked for it, and at most the revenue is reversed. Nor is more owed to the patient than
    /// is held of their money.
    fn check_balances(&self, bill: BillId) -> Result<(), LedgerError> {
        let of_bill = self.transactions.iter().filter(|t| t.entry().bill == Some(bill));
        for (account, turnover) in turnovers(of_bill)?.into_iter().filter(|(account, _)| account.is_of_a_bill()) {
            let balance = match account.normal() {
                Side::Debit => turnover.balance()?,
                Side::Credit => turnover.balance()?.negate()?,
            };
            if balance < Money::ZERO {
                return Err(LedgerError::Exceeds { account, balance });
            }
        }
        let account = Account::PatientPayable;
        let kept = self.moved(bill, &[], None, Account::Cash)?.plus(self.moved(bill, &[], None, account)?)?;
        if kept < Money::ZERO { Err(LedgerError::Exceeds { account, balance: kept }) } else { Ok(()) }
    }
}

fn turnovers<'a>(transactions: impl Iterator<Item = &'a Transaction>) -> Result<TrialBalance, MoneyError> {
    let mut balance = TrialBalance::new();
    for posting in transactions.flat_map(Transaction::postings) {
        balance.entry(posting.account).or_default().add(posting.side, posting.amount)?;
    }
    Ok(balance)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::{
        billing::{Allocation, PayerKind},
        code::Code,
        fixture::{self, fen},
        id::AccountId,
        ledger::transaction::stamp,
        payer::{Adjudication, LineKind, Part, Source},
    };

    const BILL: BillId = BillId::from_u128(1);

    fn of_payer(id: u128, bill: BillId, payer: &str) -> Entry {
        Entry { stamp: stamp(id), bill: Some(bill), payer: Some(payer.into()), doctor: Some(AccountId::from_u128(1)) }
    }

    fn entry(id: u128) -> Entry {
        of_payer(id, BILL, "fund")
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
        let mut stamps = (10..).map(stamp);
        let unwound = book.unwind(BILL, (None, None), || stamps.next().expect("id")).expect("fits");
        book.post_all(unwound).expect("contra");
        assert_eq!(balances(&book)[&Account::PatientPayable], -6750);
        let more = Transaction::repayment(entry(19), fen(6751)).expect("balanced");
        assert_eq!(book.post(more).map_err(|e| e.code()).err(), Some(Code::RefundExceeds));
        book.post(Transaction::repayment(entry(19), fen(6750)).expect("balanced")).expect("booked");
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
        let mut book = Book::load([
            Transaction::settlement(entry(1), &before).expect("balanced"),
            Transaction::transfer(of_payer(2, BILL, "insurer"), &before, &after).expect("balanced"),
        ])
        .expect("booked");
        assert_eq!(balances(&book)[&Account::CommercialReceivable], 4200);
        assert_eq!(balances(&book)[&Account::PatientReceivable], 8550);

        // Each takes back its own, the last first; the first payer's settlement carries the whole.
        let mut stamps = (10..).map(stamp);
        let mut taken_back = |book: &Book, payer: &str| {
            let contras = book.unwind(BILL, (Some(payer), None), || stamps.next().expect("id")).expect("fits");
            contras.iter().filter_map(Transaction::reverses).map(TransactionId::as_u128).collect::<Vec<_>>()
        };
        assert_eq!(taken_back(&book, "insurer"), [2]);
        assert_eq!(taken_back(&book, "fund"), [2, 1]);
        assert!(taken_back(&book, "stranger").is_empty());
        for contra in book.unwind(BILL, (Some("insurer"), None), || stamp(20)).expect("fits") {
            book.post(contra).expect("contra");
        }
        assert_eq!(balances(&book)[&Account::PatientReceivable], 12_750);
        assert_eq!(balances(&book)[&Account::CommercialReceivable], 0);
    }

    /// What the accounts booked of a bill does not stand in the way of its reversal.
    #[test]
    fn a_bill_is_taken_back_with_all_that_was_booked_of_it() {
        let mut book = settled_and_paid();
        for transaction in [
            Transaction::remittance(entry(3), Source::BasicFund, fen(5000)),
            Transaction::write_off(entry(4), Source::BasicFund, fen(550), "refused for good"),
            Transaction::platform_fee(entry(5), fen(1000), fen(600)),
        ] {
            book.post(transaction.expect("balanced")).expect("booked");
        }
        let more = Transaction::write_off(entry(6), Source::BasicFund, fen(1), "again").expect("balanced");
        assert_eq!(book.post(more).map_err(|e| e.code()).err(), Some(Code::RefundExceeds));
        let fee = Transaction::platform_fee(entry(6), fen(300), fen(101)).expect("balanced");
        assert_eq!(book.post(fee).map_err(|e| e.code()).err(), Some(Code::RefundExceeds), "the visit was 2000");
        let mut stamps = (10..).map(stamp);
        let unwound = book.unwind(BILL, (Some("fund"), None), || stamps.next().expect("id")).expect("fits");
        book.post_all(unwound).expect("contra");
        // What was paid is theirs who paid it.
        let left: Vec<_> = balances(&book).into_iter().filter(|(_, balance)| *balance != 0).collect();
        let (patients, payers) = (Account::PatientPayable, Account::PayerPayable);
        assert_eq!(left, [(Account::Cash, 6750), (Account::Bank, 5000), (patients, -6750), (payers, -5000)]);
    }

    /// The worked example of a capitated year: 90 % of 60,000,000 paid ahead, 54,600,000 used,
    /// 4,860,000 retained, a final payment of 5,460,000. And of an overrun: 66,000,000 used, of
    /// which the provider bears 4,500,000.
    #[test]
    fn a_capitated_year_comes_to_nothing() {
        type Make = fn(Entry, Money) -> Result<Transaction, LedgerError>;
        let year: [&[(Make, i64)]; 2] = [
            &[
                (Transaction::capitation_prepayment, 54_000_000),
                (Transaction::capitation_consumption, 54_600_000),
                (Transaction::capitation_surplus, 4_860_000),
                (Transaction::capitation_prepayment, 5_460_000),
            ],
            &[
                (Transaction::capitation_prepayment, 54_000_000),
                (Transaction::capitation_consumption, 66_000_000),
                (Transaction::capitation_overrun, 4_500_000),
                (Transaction::capitation_prepayment, 7_500_000),
            ],
        ];
        for steps in year {
            let made = (1..).zip(steps).map(|(id, (make, amount))| {
                make(Entry { bill: None, doctor: None, ..entry(id) }, fen(*amount)).expect("balanced")
            });
            let balances = balances(&Book::load(made).expect("booked"));
            assert_eq!(balances[&Account::CapitationLiability], 0);
            let bank = balances[&Account::Bank];
            let result = balances.get(&Account::CapitationRevenue).or(balances.get(&Account::CapitationLoss));
            assert_eq!(bank, -balances[&Account::BasicFundReceivable] - result.expect("a result"));
        }
    }

    #[test]
    fn nothing_is_reversed_twice() {
        let mut book = settled_and_paid();
        let receipt = book.transactions()[1].clone();
        let contra = receipt.contra(stamp(3), None);
        book.post(contra.clone()).expect("contra");
        let mut refuse = |t: Transaction| book.post(t).expect_err("refused").code();
        assert_eq!(refuse(receipt.contra(stamp(4), None)), Code::PayAlreadyReversed);
        assert_eq!(refuse(contra.contra(stamp(4), None)), Code::PayAlreadyReversed);
        assert_eq!(refuse(contra), Code::PayIdempotencyConflict);
        let stranger = Transaction::receipt(entry(9), fen(1)).expect("balanced");
        assert_eq!(refuse(stranger.contra(stamp(4), None)), Code::LedgerUnbalanced);
        let settled = Transaction::settlement(entry(1), &allocation()).expect("balanced");
        let another = Transaction::settlement(of_payer(1, BILL, "insurer"), &allocation()).expect("balanced");
        assert_eq!(refuse(another.contra(stamp(4), None)), Code::LedgerUnbalanced, "of another payer");
        book.post(settled.contra(stamp(4), Some("wrong bill"))).expect("contra");
    }

    #[test]
    fn no_more_comes_back_than_was_taken() {
        let mut book = settled_and_paid();
        let refund = |id, amount| Transaction::refund(entry(id), LineKind::Material, fen(amount)).expect("balanced");
        assert_eq!(book.post(refund(3, 4501)).map_err(|e| e.code()).err(), Some(Code::RefundExceeds));
        book.post(refund(3, 4500)).expect("class C");
        assert_eq!(book.post(refund(4, 1)).map_err(|e| e.code()).err(), Some(Code::RefundExceeds));
        let repay = |id, bill, fen| Transaction::repayment(of_payer(id, bill, "fund"), fen).expect("balanced");
        let code = |posted: Result<(), LedgerError>| posted.map_err(|e| e.code()).err();
        assert_eq!(code(book.post(repay(4, BILL, fen(4501)))), Some(Code::RefundExceeds), "4500 is owed");
        book.post(repay(4, BILL, fen(4500))).expect("owed");
        // What is owed for another bill does not count.
        assert_eq!(code(book.post(repay(5, BillId::from_u128(2), fen(1)))), Some(Code::RefundExceeds));
        // The rest is owed when all is taken back.
        let mut stamps = (10..).map(stamp);
        let unwound = book.unwind(BILL, (None, None), || stamps.next().expect("id")).expect("fits");
        book.post_all(unwound).expect("all of it");
        assert_eq!(balances(&book)[&Account::PatientPayable], -2250);
    }

    /// Strips of 4500 back: of what the patient owes first, then of what was paid.
    #[test]
    fn what_is_the_patients_alone_goes_back_of_debt_and_then_of_what_was_paid() {
        let mut rest = fixture::bill();
        rest.lines.pop();
        let after = allocation().without(&rest).expect("the patient's");
        for (received, owed, back) in [(0, 2250, 0), (6750, 0, 4500), (5000, 0, 2750), (1000, 1250, 0)] {
            let mut book =
                Book::load([Transaction::settlement(entry(1), &allocation()).expect("balanced")]).expect("booked");
            if received > 0 {
                book.post(Transaction::receipt(entry(2), fen(received)).expect("balanced")).expect("booked");
            }
            let refund = Transaction::reduction(entry(3), (&allocation(), &after)).expect("balanced");
            book.post_all(book.clone().evened(vec![refund], || stamp(4)).expect("fits")).expect("booked");
            let now = |account| balances(&book).get(&account).copied().unwrap_or_default();
            assert_eq!((now(Account::PatientReceivable), now(Account::PatientPayable)), (owed, -back), "{received}");
            assert_eq!((now(Account::MaterialRevenue), now(Account::BasicFundReceivable)), (0, 5550));
            let mut stamps = (10..).map(stamp);
            let unwound = book.unwind(BILL, (Some("fund"), None), || stamps.next().expect("id"));
            book.post_all(unwound.expect("fits")).expect("contra");
            // All that was paid is theirs.
            assert_eq!(balances(&book).get(&Account::PatientPayable).copied().unwrap_or_default(), -received);
            let left = balances(&book).into_iter().filter(|(_, balance)| *balance != 0).count();
            assert_eq!(left, if received > 0 { 2 } else { 0 });
        }
        let other = allocation().without(&fixture::bill_of(&[(LineKind::Service, 1999)]));
        assert!(other.is_err(), "the fund pays of it");
    }

    /// An entry that another rests on may have been taken back before.
    #[test]
    fn what_rests_on_each_other_is_taken_back_together() {
        let settled = |id, cash| {
            let of = fixture::bill_of(&[(LineKind::Service, cash)]);
            let adjudication = fixture::adjudication_of(&of, &[(Source::Cash, cash)]);
            let allocation = Allocation::check(&of, &adjudication, PayerKind::BasicInsurance).expect("sound");
            Transaction::settlement(entry(id), &allocation).expect("balanced")
        };
        let mut book = Book::default();
        let second = settled(2, 7000);
        let fee = Transaction::platform_fee(entry(3), fen(1000), fen(1)).expect("balanced");
        for transaction in [settled(1, 1000), second.clone(), fee, settled(4, 1)] {
            book.post(transaction).expect("booked");
        }
        book.post(second.contra(stamp(5), None)).expect("1001 of revenue are left for the fee");
        let mut ids = 6..;
        let unwound = book.unwind(BILL, (None, None), || stamp(ids.next().expect("an id"))).expect("fits");
        // The newest alone would leave too little of the revenue for the fee.
        assert_eq!(book.clone().post(unwound[0].clone()).map_err(|e| e.code()), Err(Code::RefundExceeds));
        book.post_all(unwound).expect("all of it");
        assert!(turnovers(book.transactions().iter()).expect("fits").values().all(|t| t.debit == t.credit));
        // In whatever order they were stored at that moment.
        let (before, mut together) = book.transactions().split_at(5);
        let mut stored = before.to_vec();
        while let Some((last, rest)) = together.split_last() {
            stored.push(last.clone());
            together = rest;
        }
        assert!(Book::load(stored).is_ok());
    }

    fn made(transaction: Result<Transaction, LedgerError>) -> Transaction {
        transaction.expect("balanced")
    }

    fn left(book: &Book) -> Vec<(Account, i64)> {
        balances(book).into_iter().filter(|(_, balance)| *balance != 0).collect()
    }

    /// What the fund and the account pay in all, and the patient.
    fn shared(id: u128, [fund, cash]: [i64; 2]) -> (Transaction, Allocation) {
        let of = fixture::bill_of(&[(LineKind::Service, fund + cash)]);
        let adjudication = fixture::adjudication_of(&of, &[(Source::BasicFund, fund), (Source::Cash, cash)]);
        let allocation = Allocation::check(&of, &adjudication, PayerKind::BasicInsurance).expect("sound");
        (made(Transaction::settlement(entry(id), &allocation)), allocation)
    }

    /// A reversal is stamped by a host whose clock is behind that of who settled.
    #[test]
    fn an_earlier_stamp_of_a_contra_entry_makes_no_book_unreadable() {
        let mut book = settled_and_paid();
        let mut stamps = (10..).map(stamp);
        book.post_all(book.clone().unwind(BILL, (None, None), || stamps.next().expect("id")).expect("fits"))
            .expect("all");
        let stored = || book.transactions().iter().rev().cloned();
        assert_eq!(Book::load(stored()).map(|loaded| left(&loaded)), Ok(left(&book)));
        let orphan = Book::load(stored().filter(|t| t.reverses().is_some()));
        assert_eq!(orphan.map_err(|e| e.code()), Err(Code::LedgerUnbalanced));
    }

    /// D7: the fund has remitted 5550, of which 3675 are left: what it keeps back of the next remittance is in the
    /// books, whether its claims come together or one by one.
    #[test]
    fn what_a_payer_keeps_back_of_a_bill_is_booked_to_the_fen() {
        for items in [&[-5550 + 3675][..], &[3675, -5550], &[-5550, 3675]] {
            let mut ids = 1_u128..;
            let mut stamps = || stamp(ids.next().expect("an id"));
            let remitted = |book: &mut Book, amount, stamps: &mut dyn FnMut() -> Stamp| {
                book.post_all(book.clone().remitted(&entry(0), fen(amount), stamps).expect("fits")).expect("booked");
            };
            let mut book = Book::default();
            let (settled, _) = shared(100, [5550, 2500]);
            book.post(settled).expect("booked");
            remitted(&mut book, 5550, &mut stamps);
            let unwound = book.unwind(BILL, (Some("fund"), Some("refund box")), &mut stamps).expect("fits");
            book.post_all(unwound).expect("contra");
            assert_eq!(left(&book), [(Account::Bank, 5550), (Account::PayerPayable, -5550)]);
            let (rest, _) = shared(101, [3675, 1875]);
            book.post_all(book.clone().evened(vec![rest], &mut stamps).expect("fits")).expect("booked");
            assert_eq!(balances(&book)[&Account::PayerPayable], -1875);
            for amount in items {
                remitted(&mut book, *amount, &mut stamps);
            }
            let [bank, owed, owes] = [Account::Bank, Account::BasicFundReceivable, Account::PayerPayable]
                .map(|account| balances(&book)[&account]);
            assert_eq!((bank, owed + owes), (3675, 0), "{items:?}");
        }
    }

    /// All of what it paid is kept back before its reversal is known here: nothing stands in the way of that.
    #[test]
    fn what_is_kept_back_before_the_reversal_is_known_is_even_afterwards() {
        let mut stamps = (10..).map(stamp);
        let mut stamps = || stamps.next().expect("id");
        let mut book = settled_and_paid();
        for amount in [11_550, -11_550] {
            let booked = book.remitted(&entry(0), fen(amount), &mut stamps).expect("fits");
            book.post_all(booked).expect("booked");
        }
        assert_eq!(balances(&book)[&Account::BasicFundReceivable], 11_550);
        let unwound = book.unwind(BILL, (Some("fund"), None), &mut stamps).expect("fits");
        book.post_all(unwound).expect("contra");
        assert_eq!(left(&book), [(Account::Cash, 6750), (Account::PatientPayable, -6750)]);
    }

    /// What a payer sends that it does not owe is owed to it, and what it keeps back that it never paid it owes.
    #[test]
    fn what_is_remitted_is_in_the_books_whatever_is_owed() {
        use Account as A;
        /// Amounts one after the other, and what is left.
        type Row = (&'static [i64], &'static [(Account, i64)]);
        let rows: [Row; 5] = [
            (&[4200], &[(A::Bank, 4200), (A::BasicFundReceivable, 1350)]),
            (&[6000], &[(A::Bank, 6000), (A::PayerPayable, -450)]),
            (&[6000, -450], &[(A::Bank, 5550)]),
            (&[-5550], &[(A::BasicFundReceivable, 11_100), (A::Bank, -5550)]),
            (&[6000, -1000], &[(A::BasicFundReceivable, 550), (A::Bank, 5000)]),
        ];
        for (amounts, expected) in rows {
            let mut book = Book::load([shared(1, [5550, 0]).0]).expect("booked");
            for (amount, id) in amounts.iter().zip((10_u128..).step_by(10)) {
                let mut stamps = (id..).map(stamp);
                let booked = book.remitted(&entry(0), fen(*amount), || stamps.next().expect("id"));
                book.post_all(booked.expect("fits")).expect("booked");
            }
            let mut expected = expected.to_vec();
            expected.push((A::ServiceRevenue, -5550));
            expected.sort();
            assert_eq!(left(&book), expected, "{amounts:?}");
        }
        let nobodys = Entry { payer: None, ..entry(1) };
        assert!(Book::default().remitted(&nobodys, fen(1), || stamp(1)).is_err());
    }

    const OWED: Account = Account::PatientReceivable;
    const BACK: Account = Account::PatientPayable;
    const OFF: Account = Account::WriteOffLoss;

    /// Of 10000 some was paid and some written off; 2500 are given back: first of the debt, then of what was paid,
    /// and of the rest nobody has anything.
    #[test]
    fn what_was_written_off_is_not_given_back_as_money() {
        let whole = fixture::bill_of(&[(LineKind::Service, 7500), (LineKind::Material, 2500)]);
        let rest = fixture::bill_of(&[(LineKind::Service, 7500)]);
        let [before, after] = [whole, rest].map(|bill| Allocation::self_pay(&bill).expect("sound"));
        // Paid, written off: then owed, owed back, written off.
        for ([paid, off], [owed, back, still]) in [
            ([0, 10_000], [0, 0, 7500]),
            ([10_000, 0], [0, 2500, 0]),
            ([1000, 9000], [0, 1000, 7500]),
            ([0, 9000], [0, 0, 7500]),
            ([0, 7500], [0, 0, 7500]),
            ([0, 5000], [2500, 0, 5000]),
            ([5000, 5000], [0, 2500, 5000]),
        ] {
            let mut book = Book::load([made(Transaction::settlement(entry(1), &before))]).expect("booked");
            for (id, part) in [(2, off - off / 3), (3, off / 3)] {
                if part > 0 {
                    let by = Some(AccountId::from_u128(7));
                    let of_person = Entry { stamp: Stamp { by, ..stamp(id) }, ..entry(id) };
                    book.post(made(Transaction::write_off(of_person, Source::Cash, fen(part), "hardship")))
                        .expect("off");
                }
            }
            if paid > 0 {
                book.post(made(Transaction::receipt(entry(4), fen(paid)))).expect("paid");
            }
            let mut stamps = (10..).map(stamp);
            let reduction = made(Transaction::reduction(entry(5), (&before, &after)));
            let all = book.evened(vec![reduction], || stamps.next().expect("id")).expect("fits");
            book.post_all(all).expect("given back");
            let now = |account| balances(&book).get(&account).copied().unwrap_or_default();
            let is = [OWED, BACK, OFF].map(now);
            assert_eq!(is, [owed, -back, still], "{paid} {off}");
            let of_person = |t: &&Transaction| t.kind() == Kind::WriteOff && t.entry().stamp.by.is_none();
            assert!(!book.transactions().iter().any(|t| of_person(&t)), "who wrote it off still has");
        }
    }

    /// Cash 4000, of which 3999 were waived and 1 paid; what a refund leaves costs 3500, or only 1: the patient is
    /// not asked for what was waived, and the fee of the visit is not forgotten.
    #[test]
    fn a_refund_revives_no_debt_that_was_waived() {
        for (rest, waived, fee) in [(3500, 3500, true), (2000, 2000, true), (1500, 1500, false)] {
            let mut book = Book::default();
            let by = Some(AccountId::from_u128(7));
            let of_person = |id| Entry { stamp: Stamp { by, ..stamp(id) }, payer: None, ..entry(id) };
            for transaction in [
                shared(1, [0, 4000]).0,
                made(Transaction::write_off(of_person(2), Source::Cash, fen(3999), "hardship")),
                made(Transaction::platform_fee(of_person(3), fen(1000), fen(600))),
                made(Transaction::receipt(entry(4), fen(1))),
            ] {
                book.post(transaction).expect("booked");
            }
            let mut stamps = (10..).map(stamp);
            let mut stamps = || stamps.next().expect("id");
            let unwound = book.unwind(BILL, (Some("fund"), Some("refund box")), &mut stamps).expect("fits");
            book.post_all(unwound).expect("contra");
            // It is tried in vain before.
            book.post(shared(100, [0, rest]).0).expect("booked");
            let unwound = book.unwind(BILL, (Some("fund"), None), &mut stamps).expect("fits");
            book.post_all(unwound).expect("contra");
            book.post(shared(101, [0, rest]).0).expect("booked");
            let again = book.still_holds(BILL, "refund box", &mut stamps).expect("fits");
            assert!(again.iter().all(|t| t.entry().stamp.by == by));
            book.post_all(again).expect("booked");
            let now = |account| balances(&book).get(&account).copied().unwrap_or_default();
            assert_eq!((now(OWED), now(OFF)), (rest - waived, waived));
            assert_eq!(now(Account::DoctorPayable), if fee { -1000 } else { 0 }, "{rest}");
            assert!(book.still_holds(BILL, "refund another", &mut stamps).expect("fits").is_empty());
        }
    }

    /// What of a bill is left when it was taken back.
    const MONEY: [Account; 4] = [Account::Cash, Account::Bank, Account::PatientPayable, Account::PayerPayable];

    #[derive(Debug, Clone)]
    enum Try {
        Settle { bill: u128, fund: i64, account: i64, cash: i64 },
        Pay { bill: u128, amount: i64 },
        Refund { bill: u128, amount: i64 },
        Overpay { bill: u128, amount: i64 },
        Repay { bill: u128, amount: i64 },
        Remit { bill: u128, amount: i64 },
        WriteOff { bill: u128, amount: i64 },
        Fee { bill: u128, amount: i64 },
        Contra { index: usize },
        Unwind { bill: u128 },
    }

    fn attempts() -> impl Strategy<Value = Vec<Try>> {
        let amount = 1_i64..10_000;
        let attempt =
            prop_oneof![
                (0_u128..3, 0_i64..5000, 0_i64..5000, 1_i64..5000)
                    .prop_map(|(bill, fund, account, cash)| Try::Settle { bill, fund, account, cash }),
                (0_u128..3, amount.clone()).prop_map(|(bill, amount)| Try::Pay { bill, amount }),
                (0_u128..3, amount.clone()).prop_map(|(bill, amount)| Try::Refund { bill, amount }),
                (0_u128..3, amount.clone()).prop_map(|(bill, amount)| Try::Overpay { bill, amount }),
                (0_u128..3, amount.clone()).prop_map(|(bill, amount)| Try::Repay { bill, amount }),
                (0_u128..3, amount.clone()).prop_map(|(bill, amount)| Try::Remit { bill, amount }),
                (0_u128..3, amount.clone()).prop_map(|(bill, amount)| Try::WriteOff { bill, amount }),
                (0_u128..3, amount).prop_map(|(bill, amount)| Try::Fee { bill, amount }),
                (0_u128..3).prop_map(|bill| Try::Unwind { bill }),
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
            let mut ids = 1_u128..;
            for attempt in attempts {
                let mut stamp = || stamp(ids.next().expect("an id"));
                let mut entry = |bill| Entry { stamp: stamp(), ..of_payer(0, BillId::from_u128(bill), "fund") };
                let made = match attempt {
                    Try::Settle { bill, fund, account, cash } => {
                        let of = fixture::bill_of(&[(LineKind::Service, fund + account + cash)]);
                        let parts =
                            [(Source::BasicFund, fund), (Source::PersonalAccount, account), (Source::Cash, cash)];
                        let adjudication = fixture::adjudication_of(&of, &parts);
                        let allocation = Allocation::check(&of, &adjudication, PayerKind::BasicInsurance);
                        Transaction::settlement(entry(bill), &allocation.expect("sound"))
                    }
                    Try::Pay { bill, amount } => Transaction::receipt(entry(bill), fen(amount)),
                    Try::Refund { bill, amount } => Transaction::refund(entry(bill), LineKind::Service, fen(amount)),
                    Try::Overpay { bill, amount } => Transaction::overpayment(entry(bill), fen(amount)),
                    Try::Repay { bill, amount } => Transaction::repayment(entry(bill), fen(amount)),
                    Try::Remit { bill, amount } => Transaction::remittance(entry(bill), Source::BasicFund, fen(amount)),
                    Try::WriteOff { bill, amount } => {
                        Transaction::write_off(entry(bill), Source::BasicFund, fen(amount), "gone")
                    }
                    Try::Fee { bill, amount } => Transaction::platform_fee(entry(bill), fen(amount), fen(1)),
                    Try::Contra { index } => match book.transactions().get(index) {
                        // Nobody may: it is undone by its own kind.
                        Some(original) if original.kind().is_money_of_the_patient() => continue,
                        Some(original) => Ok(original.contra(stamp(), None)),
                        None => continue,
                    },
                    Try::Unwind { bill } => {
                        // Always possible, and leaves nothing of the bill but what is owed to who paid it.
                        let bill = BillId::from_u128(bill);
                        book.post_all(book.unwind(bill, (None, None), &mut stamp).expect("fits")).expect("all of it");
                        let own = book.transactions().iter().filter(|t| t.entry().bill == Some(bill));
                        for (account, turnover) in turnovers(own).expect("fits") {
                            if !MONEY.contains(&account) {
                                prop_assert_eq!(turnover.debit, turnover.credit, "{}", account);
                            }
                        }
                        continue;
                    }
                };
                let before = book.clone();
                let made = made.expect("balanced");
                // Whoever takes an entry back posts what evens it out too.
                let all = match made.reverses() {
                    Some(_) => before.evened(vec![made], &mut stamp).expect("fits"),
                    None => vec![made],
                };
                if book.post_all(all).is_err() {
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
                let own = book.transactions().iter().filter(|t| t.entry().bill == Some(BillId::from_u128(bill)));
                for (account, turnover) in turnovers(own).expect("fits") {
                    match account.normal() {
                        _ if !account.is_of_a_bill() => {}
                        Side::Debit => prop_assert!(turnover.debit >= turnover.credit, "{}", account),
                        Side::Credit => prop_assert!(turnover.credit >= turnover.debit, "{}", account),
                    }
                }
            }
        }
    }
    /// What befalls a bill. Amounts are tried; what must not be refused is cut to what is possible.
    #[derive(Debug, Clone, Copy)]
    enum Act {
        Settle { fund: i64, cash: i64 },
        Insurer(i64),
        Pays(i64),
        Repaid(i64),
        WritesOff(i64),
        WritesOffInsurer(i64),
        Denies { amount: i64, undertaken: bool },
        FundRemits(i64),
        InsurerRemits(i64),
        DecidesAnew(i64),
        GivesBack(i64),
        Corrects(usize),
        TakesBackInsurer,
        Refunds { fund: i64, cash: i64 },
        Reversed,
    }

    fn acts() -> impl Strategy<Value = Vec<Act>> {
        let amount = || 1_i64..6000;
        let signed = || -6000_i64..6000;
        let shares = || (0_i64..5000, 0_i64..5000);
        let act = prop_oneof![
            3 => shares().prop_map(|(fund, cash)| Act::Settle { fund, cash }),
            3 => amount().prop_map(Act::Insurer),
            2 => amount().prop_map(Act::Pays),
            1 => amount().prop_map(Act::Repaid),
            2 => amount().prop_map(Act::WritesOff),
            1 => amount().prop_map(Act::WritesOffInsurer),
            2 => (amount(), any::<bool>()).prop_map(|(amount, undertaken)| Act::Denies { amount, undertaken }),
            1 => signed().prop_map(Act::FundRemits),
            1 => signed().prop_map(Act::InsurerRemits),
            2 => (0_i64..6000).prop_map(Act::DecidesAnew),
            2 => amount().prop_map(Act::GivesBack),
            2 => (0_usize..30).prop_map(Act::Corrects),
            1 => Just(Act::TakesBackInsurer),
            1 => shares().prop_map(|(fund, cash)| Act::Refunds { fund, cash }),
            1 => Just(Act::Reversed),
        ];
        proptest::collection::vec(act, 1..40)
    }

    /// A bill with the fund and an insurer.
    #[derive(Default)]
    struct World {
        book: Book,
        ids: u128,
        /// What the fund, the insurer and the patient pay, while it is settled.
        agreed: Option<[i64; 3]>,
        refunds: u32,
        /// What is at the bank.
        bank: i64,
    }

    impl World {
        fn stamps(&mut self) -> impl FnMut() -> Stamp + use<'_> {
            || {
                self.ids += 1;
                stamp(self.ids)
            }
        }

        fn entry(&mut self, payer: Option<&str>, person: bool) -> Entry {
            let by = person.then_some(AccountId::from_u128(7));
            let stamp = Stamp { by, ..(self.stamps())() };
            Entry { stamp, payer: payer.map(str::to_owned), ..entry(0) }
        }

        fn allocation([fund, insurer, cash]: [i64; 3]) -> Allocation {
            let sum = fund + insurer + cash;
            let of = fixture::bill_of(&[(LineKind::Service, sum)]);
            let first = [(Source::BasicFund, fund), (Source::Cash, insurer + cash)];
            let first = fixture::adjudication_of(&of, &first);
            let all = [(Source::BasicFund, fund), (Source::Commercial, insurer), (Source::Cash, cash)];
            let all = fixture::adjudication_of(&of, &all);
            let bill = crate::payer::Bill { prior: vec![first], ..of };
            Allocation::check(&bill, &all, PayerKind::Commercial).expect("sound")
        }

        fn on(&self, account: Account) -> i64 {
            balances(&self.book).get(&account).copied().unwrap_or_default()
        }

        /// Posts what must never be refused.
        fn must(&mut self, made: Vec<Transaction>) {
            self.book.post_all(made).expect("never refused");
        }

        fn evened(&mut self, made: Vec<Transaction>) {
            let book = self.book.clone();
            let all = book.evened(made, self.stamps()).expect("fits");
            self.must(all);
        }

        /// What a person tries: as it is, or not at all.
        fn tries(&mut self, made: Result<Transaction, LedgerError>) {
            drop(self.book.post(made.expect("balanced")));
        }

        fn settle(&mut self, fund: i64, cash: i64) {
            if fund + cash == 0 {
                return;
            }
            let shares = [fund, 0, cash];
            let entry = self.entry(Some("fund"), false);
            self.evened(vec![made(Transaction::settlement(entry, &Self::allocation(shares)))]);
            self.agreed = Some(shares);
        }

        fn unwind(&mut self, payer: Option<&str>, why: Option<&str>) {
            let book = self.book.clone();
            let all = book.unwind(BILL, (payer, why), self.stamps()).expect("fits");
            self.must(all);
        }

        fn remits(&mut self, payer: &str, amount: i64) {
            let (book, about) = (self.book.clone(), self.entry(Some(payer), true));
            let booked = book.remitted(&about, fen(amount), self.stamps()).expect("fits");
            self.must(booked);
            self.bank += amount;
        }

        /// What becomes of the insurer's share, and what of the patient's the hospital bears then.
        fn transfer(&mut self, to: i64, borne: bool) {
            let Some([fund, insurer, cash]) = self.agreed else { return };
            let after = [fund, to.min(insurer + cash), cash + insurer - to.min(insurer + cash)];
            let mut all = Vec::new();
            if borne {
                let denials: Vec<Transaction> =
                    self.book.standing(BILL).filter(|t| t.kind() == Kind::Denial).cloned().collect();
                for denial in denials {
                    all.push(denial.contra((self.stamps())(), None));
                }
            }
            if after != [fund, insurer, cash] {
                let (entry, before) = (self.entry(Some("insurer"), false), Self::allocation([fund, insurer, cash]));
                all.push(made(Transaction::transfer(entry, &before, &Self::allocation(after))));
            }
            if borne && after[2] > cash {
                let entry = self.entry(Some("insurer"), false);
                all.push(made(Transaction::write_off(entry, Source::Cash, fen(after[2] - cash), "anew, to less")));
            }
            self.evened(all);
            self.agreed = Some(after);
        }

        fn act(&mut self, act: Act) {
            match act {
                Act::Settle { fund, cash } if self.agreed.is_none() => self.settle(fund, cash),
                Act::Pays(amount) => {
                    let (entry, owed) = (self.entry(None, false), self.on(Account::PatientReceivable).max(0));
                    let kept = amount.min(owed);
                    if kept > 0 {
                        self.must(vec![made(Transaction::receipt(entry, fen(kept)))]);
                    }
                    let entry = self.entry(None, false);
                    if amount > kept {
                        self.must(vec![made(Transaction::overpayment(entry, fen(amount - kept)))]);
                    }
                }
                Act::Repaid(amount) => {
                    let (entry, payable) = (self.entry(None, false), -self.on(Account::PatientPayable));
                    if payable > 0 {
                        self.must(vec![made(Transaction::repayment(entry, fen(amount.min(payable))))]);
                    }
                }
                Act::FundRemits(amount) if amount != 0 => self.remits("fund", amount),
                Act::InsurerRemits(amount) if amount != 0 => self.remits("insurer", amount),
                Act::Reversed => {
                    self.unwind(None, None);
                    self.agreed = None;
                    assert!(
                        left(&self.book).iter().all(|(account, _)| MONEY.contains(account) || self.keeps(*account))
                    );
                    assert_eq!(self.on(Account::Cash), -self.on(Account::PatientPayable));
                }
                // By persons only while it is settled.
                _ if self.agreed.is_none() => {}
                Act::Insurer(amount) => {
                    let insured = self.agreed.map_or(0, |[_, insurer, _]| insurer);
                    self.transfer(insured + amount, false);
                }
                Act::DecidesAnew(benefit) => self.transfer(benefit, true),
                Act::WritesOff(amount) => {
                    let entry = self.entry(None, true);
                    self.tries(Transaction::write_off(entry, Source::Cash, fen(amount), "hardship"));
                }
                Act::WritesOffInsurer(amount) => {
                    let entry = self.entry(Some("insurer"), true);
                    let owed = self.on(Account::CommercialReceivable);
                    if owed > 0 {
                        let amount = fen(amount.min(owed));
                        self.tries(Transaction::write_off(entry, Source::Commercial, amount, "insolvent"));
                    }
                }
                Act::Denies { amount, undertaken } => {
                    let entry = self.entry(Some("insurer"), true);
                    self.tries(Transaction::denial(entry, fen(amount), undertaken, "excluded"));
                }
                Act::GivesBack(amount) => {
                    let [fund, insurer, cash] = self.agreed.expect("settled");
                    let less = amount.min(cash).min(fund + insurer + cash - 1);
                    if less > 0 {
                        let (before, after) = ([fund, insurer, cash], [fund, insurer, cash - less]);
                        let entry = self.entry(None, false);
                        let shares = (&Self::allocation(before), &Self::allocation(after));
                        self.evened(vec![made(Transaction::reduction(entry, shares))]);
                        self.agreed = Some(after);
                    }
                }
                Act::Corrects(index) => {
                    let by_hand = self.book.standing(BILL).filter(|t| !t.kind().is_of_the_bill()).cloned();
                    let Some(original) = by_hand.into_iter().nth(index) else { return };
                    let contra = vec![original.contra((self.stamps())(), Some("a mistake"))];
                    match original.kind() {
                        Kind::Remittance => {
                            let book = self.book.clone();
                            let all = book.evened(contra, self.stamps()).expect("fits");
                            if self.book.post_all(all).is_ok() {
                                self.bank -= original.moved(Account::Bank).expect("fits").as_fen();
                            }
                        }
                        _ => self.evened(contra),
                    }
                }
                Act::TakesBackInsurer => {
                    self.unwind(Some("insurer"), None);
                    self.agreed = self.agreed.map(|[fund, insurer, cash]| [fund, 0, insurer + cash]);
                }
                Act::Refunds { fund, cash } => {
                    self.refunds += 1;
                    let why = format!("refund {}", self.refunds);
                    self.unwind(Some("insurer"), Some(&why));
                    self.unwind(Some("fund"), Some(&why));
                    self.agreed = None;
                    self.settle(fund, cash);
                    let book = self.book.clone();
                    let again = book.still_holds(BILL, &why, self.stamps()).expect("fits");
                    self.must(again);
                }
                _ => {}
            }
        }

        /// A payer that kept back what it never paid owes it, though the bill was taken back.
        fn keeps(&self, account: Account) -> bool {
            [Account::BasicFundReceivable, Account::CommercialReceivable].contains(&account) && self.on(account) > 0
        }

        /// Sums of what stands of a kind on the patient's receivable.
        fn stands(&self, kind: Kind) -> i64 {
            let of_kind = self.book.standing(BILL).filter(|t| t.kind() == kind);
            of_kind.map(|t| t.moved(Account::PatientReceivable).expect("fits").as_fen()).sum()
        }
    }

    proptest! {
        /// Whatever persons, payers and refunds do to a bill: all that must go on goes on, the bank has what was
        /// remitted, and what the patient is charged is owed, paid or written off. The books are read in any order.
        #[test]
        fn what_is_charged_is_owed_paid_or_written_off(acts in acts(), seed in any::<u64>()) {
            let mut world = World::default();
            for act in acts {
                world.act(act);
                prop_assert_eq!(world.on(Account::Bank), world.bank, "{:?}", act);
                let charged = world.agreed.map_or(0, |[_, _, cash]| cash) + world.stands(Kind::Denial);
                let [owed, cash, payable] =
                    [Account::PatientReceivable, Account::Cash, Account::PatientPayable].map(|account| world.on(account));
                prop_assert_eq!(charged, owed + cash + payable - world.stands(Kind::WriteOff), "{:?}", act);
            }
            // As it is stored: by times that do not follow each other.
            let mut stored = world.book.transactions().to_vec();
            stored.sort_by_key(|t| t.id().as_u128().wrapping_mul(u128::from(seed) | 1));
            let loaded = Book::load(stored).expect("readable");
            prop_assert_eq!(left(&loaded), left(&world.book));
        }
    }
}
