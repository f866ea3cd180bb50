//! The transactions of bills, and the checks of new ones.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::{Account, Entry, LedgerError, Side, Stamp, Transaction, transaction::Kind};
use crate::{
    id::{BillId, TransactionId},
    money::{Money, MoneyError},
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
    /// Loads stored transactions, with the same checks as new ones.
    ///
    /// # Errors
    /// If they would be refused.
    pub fn load(transactions: impl IntoIterator<Item = Transaction>) -> Result<Self, LedgerError> {
        let mut book = Self::default();
        book.post_all(transactions)?;
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

    /// What takes back what stands of a bill: contra entries, newest first, of all of it, or only
    /// of what was booked of one payer, and what persons posted, which may rest on it. Of the payer whose
    /// settlement the others rest on, it is all. Money of the patient is not undone by it: what they have
    /// paid and do not owe any more is owed to them, which is the last entry.
    pub fn unwind(&self, bill: BillId, payer: Option<&str>, mut stamp: impl FnMut() -> Stamp) -> Vec<Transaction> {
        let reversed: BTreeSet<TransactionId> = self.transactions.iter().filter_map(Transaction::reverses).collect();
        let stands = |t: &&Transaction| {
            t.entry().bill == Some(bill)
                && t.reverses().is_none()
                && !reversed.contains(&t.id())
                && !t.kind().is_money_of_the_patient()
        };
        let standing: Vec<&Transaction> = self.transactions.iter().filter(stands).collect();
        let is_of = |t: &Transaction| payer.is_none_or(|payer| t.entry().payer.as_deref() == Some(payer));
        let whole = standing.iter().any(|t| t.kind() == Kind::Settlement && is_of(t));
        let posted = |t: &Transaction| t.entry().stamp.by.is_some();
        let booked = standing.iter().any(|t| is_of(t));
        let of_it = standing.into_iter().rev().filter(|t| whole || is_of(t) || (booked && posted(t)));
        let mut unwound: Vec<Transaction> = of_it.map(|t| t.contra(stamp(), None)).collect();
        let of_bill = self.transactions.iter().filter(|t| t.entry().bill == Some(bill)).chain(&unwound);
        let receivable = turnovers(of_bill).ok().and_then(|all| all.get(&Account::PatientReceivable).copied());
        let paid = receivable.and_then(|turnover| turnover.balance().and_then(Money::negate).ok());
        if let (Some(first), Some(paid)) = (unwound.first(), paid.filter(|paid| *paid > Money::ZERO)) {
            let entry = Entry { stamp: stamp(), payer: None, ..first.entry().clone() };
            unwound.extend(Transaction::refund_due(entry, paid));
        }
        unwound
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
    /// at most what was booked for it, and at most the revenue is reversed.
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
        Ok(())
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
        let unwound = book.unwind(BILL, None, || stamps.next().expect("id"));
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
        let mut taken_back = |book: &Book, payer| {
            let contras = book.unwind(BILL, Some(payer), || stamps.next().expect("id"));
            contras.iter().filter_map(Transaction::reverses).map(TransactionId::as_u128).collect::<Vec<_>>()
        };
        assert_eq!(taken_back(&book, "insurer"), [2]);
        assert_eq!(taken_back(&book, "fund"), [2, 1]);
        assert!(taken_back(&book, "stranger").is_empty());
        for contra in book.unwind(BILL, Some("insurer"), || stamp(20)) {
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
        let unwound = book.unwind(BILL, Some("fund"), || stamps.next().expect("id"));
        book.post_all(unwound).expect("contra");
        // What the patient paid is theirs.
        let left: Vec<_> = balances(&book).into_iter().filter(|(_, balance)| *balance != 0).collect();
        assert_eq!(left, [(Account::Cash, 6750), (Account::PatientPayable, -6750)]);
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
        let unwound = book.unwind(BILL, None, || stamps.next().expect("id"));
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
            let debt = balances(&book)[&Account::PatientReceivable];
            let refund = Transaction::reduction(entry(3), (&allocation(), &after), fen(debt)).expect("balanced");
            book.post(refund).expect("booked");
            let now = |account| balances(&book).get(&account).copied().unwrap_or_default();
            assert_eq!((now(Account::PatientReceivable), now(Account::PatientPayable)), (owed, -back), "{received}");
            assert_eq!((now(Account::MaterialRevenue), now(Account::BasicFundReceivable)), (0, 5550));
            let mut stamps = (10..).map(stamp);
            book.post_all(book.clone().unwind(BILL, Some("fund"), || stamps.next().expect("id"))).expect("contra");
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
        let unwound = book.unwind(BILL, None, || stamp(ids.next().expect("an id")));
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
                        // Always possible, and leaves nothing of the bill but what is owed to the patient.
                        let bill = BillId::from_u128(bill);
                        book.post_all(book.unwind(bill, None, &mut stamp)).expect("all of it");
                        let own = book.transactions().iter().filter(|t| t.entry().bill == Some(bill));
                        for (account, turnover) in turnovers(own).expect("fits") {
                            if ![Account::Cash, Account::PatientPayable].contains(&account) {
                                prop_assert_eq!(turnover.debit, turnover.credit, "{}", account);
                            }
                        }
                        continue;
                    }
                };
                let before = book.clone();
                if book.post(made.expect("balanced")).is_err() {
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
}
