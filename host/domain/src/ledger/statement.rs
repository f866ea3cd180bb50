//! What payers, days, doctors or accounts come to.
//!
//! All figures are changes of a balance in fen, so that the balance is the opening balance and all
//! columns together. For payers, days and doctors it is the balance of receivables: what is owed to
//! the hospital. A bill that is settled is owed (`settled`, above zero); its reversal takes that
//! back (`reversed`, below); money that arrives settles it (`remitted`, below); money that is given
//! back (`refunded`, above) makes good a charge that was taken back. Each is in the day on which it
//! happens, not in that of its bill.

use std::str::FromStr;

use super::{Account, Kind};

/// What the lines of a statement are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum By {
    /// One for each payer, and one for the patients.
    Payer,
    /// One for each business day.
    Day,
    /// One for each doctor.
    Doctor,
    /// One for each account.
    Account,
    /// One for each doctor: what the hospital owes them, and not what it is owed.
    Income,
    /// One for each channel by which patients pay: their money that is not at the bank yet.
    Channel,
}

impl By {
    /// All of them.
    pub const ALL: [Self; 6] = [Self::Payer, Self::Day, Self::Doctor, Self::Account, Self::Income, Self::Channel];

    /// The name in the API.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Payer => "payer",
            Self::Day => "day",
            Self::Doctor => "doctor",
            Self::Account => "account",
            Self::Income => "income",
            Self::Channel => "channel",
        }
    }

    /// The accounts that it sums: refunds of a bill go past its receivables, so that their money
    /// is counted too.
    pub fn accounts(self) -> Vec<Account> {
        let counts = |account: &Account| match self {
            Self::Account => true,
            Self::Income => *account == Account::DoctorPayable,
            Self::Channel => *account == Account::Cash,
            _ => account.is_receivable() || *account == Account::PatientPayable,
        };
        Account::ALL.iter().copied().filter(counts).collect()
    }
}

impl FromStr for By {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        Self::ALL.into_iter().find(|by| by.as_str() == text).ok_or(())
    }
}

/// The sum of postings of one key, account and kind of transaction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Movement {
    /// The payer, day, doctor or account.
    pub key: String,
    /// The account.
    pub account: Account,
    /// What was booked; of a contra entry, what it reverses.
    pub kind: Kind,
    /// Whether it is a contra entry.
    pub contra: bool,
    /// Whether it was before the statement begins.
    pub earlier: bool,
    /// Debits less credits.
    pub fen: i128,
}

/// One line of a statement.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Line {
    /// The payer, day, doctor or account.
    pub key: String,
    /// The balance before the first day.
    pub opening: i128,
    /// Settlements and transfers.
    pub settled: i128,
    /// Charges taken back.
    pub reversed: i128,
    /// Given back to patients.
    pub refunded: i128,
    /// Money received: of patients, and at the bank.
    pub remitted: i128,
    /// Given up.
    pub written_off: i128,
    /// Everything else.
    pub adjusted: i128,
    /// The balance at the end of the last day.
    pub balance: i128,
}

impl Line {
    fn add(&mut self, by: By, movement: &Movement) {
        // What is owed to doctors is a credit.
        let fen = if by == By::Income { -movement.fen } else { movement.fen };
        let refund = movement.kind == Kind::Refund;
        if !matches!(by, By::Account | By::Income | By::Channel) && !movement.account.is_receivable() {
            // A charge was taken back and its money given back: nothing more is owed than before.
            if refund && !movement.earlier {
                self.reversed += fen;
                self.refunded -= fen;
            }
            return;
        }
        self.balance += fen;
        if movement.earlier {
            self.opening += fen;
            return;
        }
        let column = match (movement.kind, movement.contra) {
            (Kind::Settlement | Kind::Transfer | Kind::Sale | Kind::Earning | Kind::PlatformFee, false) => {
                &mut self.settled
            }
            (Kind::Settlement | Kind::Transfer | Kind::Sale | Kind::Earning | Kind::PlatformFee, true)
            | (Kind::SaleRefund, _) => &mut self.reversed,
            // What is refunded of a debt is a charge that is taken back.
            (Kind::Refund, _) if movement.account.is_receivable() => &mut self.reversed,
            (Kind::Refund | Kind::RefundDue | Kind::Repayment | Kind::Offset, _)
            | (Kind::Receipt | Kind::Overpayment, true) => &mut self.refunded,
            (Kind::Receipt | Kind::Overpayment, false) | (Kind::Remittance, _) => &mut self.remitted,
            (Kind::WriteOff, _) => &mut self.written_off,
            _ => &mut self.adjusted,
        };
        *column += fen;
    }

    /// Whether nothing happened and nothing is owed.
    fn is_nothing(&self) -> bool {
        *self == Self { key: self.key.clone(), ..Self::default() }
    }
}

/// The lines of a statement, in the order of their keys in `movements`. By day, what was earlier
/// has an empty key, and each day opens with the balance of the one before it.
pub fn lines(by: By, movements: &[Movement]) -> Vec<Line> {
    let mut lines: Vec<Line> = Vec::new();
    for movement in movements {
        if lines.last().is_none_or(|last| last.key != movement.key) {
            lines.push(Line { key: movement.key.clone(), ..Line::default() });
        }
        if let Some(line) = lines.last_mut() {
            line.add(by, movement);
        }
    }
    if by == By::Day {
        let mut balance = 0;
        for line in &mut lines {
            if !line.key.is_empty() {
                line.opening += balance;
                line.balance += balance;
            }
            balance = line.balance;
        }
        lines.retain(|line| !line.key.is_empty());
    }
    lines.retain(|line| !line.is_nothing());
    lines
}

/// The sum of lines. Days follow each other: the first opens and the last closes.
pub fn total(by: By, lines: &[Line]) -> Line {
    let mut total = Line::default();
    for line in lines {
        total.opening += line.opening;
        total.settled += line.settled;
        total.reversed += line.reversed;
        total.refunded += line.refunded;
        total.remitted += line.remitted;
        total.written_off += line.written_off;
        total.adjusted += line.adjusted;
        total.balance += line.balance;
    }
    if by == By::Day {
        total.opening = lines.first().map_or(0, |line| line.opening);
        total.balance = lines.last().map_or(0, |line| line.balance);
    }
    total
}

#[cfg(test)]
mod tests {
    use super::*;

    fn moved(key: &str, account: Account, kind: Kind, (contra, earlier): (bool, bool), fen: i128) -> Movement {
        Movement { key: key.into(), account, kind, contra, earlier, fen }
    }

    const FIRST: (bool, bool) = (false, false);
    const CONTRA: (bool, bool) = (true, false);
    const EARLIER: (bool, bool) = (false, true);

    fn adds_up(line: &Line) -> bool {
        let columns = [line.settled, line.reversed, line.refunded, line.remitted, line.written_off, line.adjusted];
        line.opening + columns.iter().sum::<i128>() == line.balance
    }

    /// The worked example: 5550 fund, 6000 account, 6750 patient. The fund remits, the patient
    /// pays, a material of 4500 is refunded.
    #[test]
    fn a_line_adds_up_to_its_balance() {
        use Account as A;
        let of = |by| {
            lines(
                by,
                &[
                    moved("a", A::BasicFundReceivable, Kind::Settlement, EARLIER, 100),
                    moved("a", A::BasicFundReceivable, Kind::Settlement, FIRST, 5550),
                    moved("a", A::PersonalAccountReceivable, Kind::Settlement, FIRST, 6000),
                    moved("a", A::BasicFundReceivable, Kind::Remittance, FIRST, -5000),
                    moved("a", A::BasicFundReceivable, Kind::WriteOff, FIRST, -50),
                    moved("a", A::BasicFundReceivable, Kind::Adjustment, FIRST, 7),
                    moved("patient", A::PatientReceivable, Kind::Settlement, FIRST, 6750),
                    moved("patient", A::PatientReceivable, Kind::Receipt, FIRST, -6750),
                    moved("patient", A::Cash, Kind::Receipt, FIRST, 6750),
                    moved("patient", A::PatientPayable, Kind::Refund, FIRST, -4500),
                    moved("patient", A::PatientPayable, Kind::Repayment, FIRST, 4500),
                ],
            )
        };
        let by_payer = of(By::Payer);
        assert_eq!(
            by_payer[0],
            Line {
                key: "a".into(),
                opening: 100,
                settled: 11_550,
                remitted: -5000,
                written_off: -50,
                adjusted: 7,
                balance: 6607,
                ..Line::default()
            }
        );
        assert_eq!(
            by_payer[1],
            Line {
                key: "patient".into(),
                settled: 6750,
                remitted: -6750,
                reversed: -4500,
                refunded: 4500,
                ..Line::default()
            }
        );
        assert!(by_payer.iter().all(adds_up));
        assert!(adds_up(&total(By::Payer, &by_payer)));
    }

    /// Settled on one day, paid back on the next: the second day shows it, and both add up.
    #[test]
    fn a_refund_is_in_the_day_on_which_it_happens() {
        use Account as A;
        let day = |key, kind, flags, fen| moved(key, A::PatientReceivable, kind, flags, fen);
        let lines = lines(
            By::Day,
            &[
                day("", Kind::Settlement, EARLIER, 10),
                day("2026-11-21", Kind::Settlement, FIRST, 6750),
                day("2026-11-21", Kind::Receipt, FIRST, -6750),
                day("2026-11-22", Kind::Settlement, CONTRA, -6750),
                day("2026-11-22", Kind::RefundDue, FIRST, 6750),
            ],
        );
        let days: Vec<_> = lines.iter().map(|l| (l.opening, l.settled, l.reversed, l.refunded, l.balance)).collect();
        assert_eq!(days, [(10, 6750, 0, 0, 10), (10, 0, -6750, 6750, 10)]);
        assert!(lines.iter().all(adds_up));
        let total = total(By::Day, &lines);
        assert_eq!((total.opening, total.balance, total.settled + total.reversed), (10, 10, 0));
    }

    /// What a doctor has earned is owed to them, until it is paid out.
    #[test]
    fn an_income_is_what_is_owed_to_a_doctor() {
        let of = |kind, fen| moved("acc-1", Account::DoctorPayable, kind, FIRST, fen);
        let lines = lines(
            By::Income,
            &[
                of(Kind::Earning, -10_000),
                of(Kind::SaleRefund, 4000),
                of(Kind::PlatformFee, -500),
                of(Kind::Adjustment, 6000),
            ],
        );
        let [line] = &lines[..] else { panic!("{lines:?}") };
        assert_eq!((line.settled, line.reversed, line.adjusted, line.balance), (10_500, -4000, -6000, 500));
        assert!(adds_up(line));
        assert_eq!(By::Income.accounts(), [Account::DoctorPayable]);
    }

    #[test]
    fn by_account_all_accounts_come_to_nothing() {
        let pair = |account: Account, fen| moved(account.as_str(), account, Kind::Remittance, FIRST, fen);
        let lines = lines(By::Account, &[pair(Account::Bank, 5550), pair(Account::BasicFundReceivable, -5550)]);
        assert!(total(By::Account, &lines).is_nothing());
        assert!(lines.iter().all(adds_up));
        assert_eq!(By::Account.accounts().len(), Account::ALL.len());
        assert_eq!("doctor".parse(), Ok(By::Doctor));
        assert_eq!("moon".parse::<By>(), Err(()));
    }
}
