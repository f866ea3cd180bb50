use xinglin_domain::{
    id::AccountId,
    ledger::{Book, Entry, Transaction},
    money::Money,
    pricing::{
        Payee,
        sale::{Back, Moves, Sale},
    },
    time::{Day, Instant},
};
use xinglin_platform::{AppError, AppResult};
use xinglin_store::TenantTx;

use crate::ledger;

/// What is posted of a sale, on which day and by whom.
pub(super) struct Posting<'a> {
    pub(super) tx: &'a TenantTx,
    pub(super) sale: &'a Sale,
    pub(super) now: Instant,
    /// `None` if the host.
    pub(super) by: Option<AccountId>,
}

impl Posting<'_> {
    async fn entry(&self, day: Day) -> AppResult<Entry> {
        let stamp = ledger::stamp_on(self.tx, day, self.now, self.by).await?();
        Ok(Entry { stamp, bill: None, payer: Some(self.sale.plugin.clone()), doctor: self.sale.doctor })
    }

    async fn put(&self, made: Transaction) -> AppResult<()> {
        ledger::put(self.tx, &mut Book::default(), vec![made]).await
    }

    fn today(&self) -> Day {
        Day::of(self.now)
    }

    /// What a step bills, as a receivable of the patient, and earns.
    pub(super) async fn moves(&self, Moves { sold, earned }: Moves) -> AppResult<()> {
        if sold > Money::ZERO {
            let made = Transaction::sale(self.entry(self.today()).await?, sold, &self.sale.id.to_string())?;
            self.put(made).await?;
        }
        self.earned(self.today(), &earned).await
    }

    /// What is earned of a day.
    pub(super) async fn earned(&self, day: Day, earned: &[(Payee, Money)]) -> AppResult<()> {
        if Money::sum(earned.iter().map(|(_, amount)| *amount)).map_err(AppError::internal)? == Money::ZERO {
            return Ok(());
        }
        let made = Transaction::earning(self.entry(day).await?, earned, &self.sale.id.to_string())?;
        self.put(made).await
    }

    /// What is given back, and what is kept of the rest.
    pub(super) async fn back(&self, Back { deferred, earned, kept }: Back) -> AppResult<()> {
        if deferred > Money::ZERO || !earned.is_empty() {
            let entry = self.entry(self.today()).await?;
            let made = Transaction::sale_refund(entry, deferred, &earned, &self.sale.id.to_string())?;
            self.put(made).await?;
        }
        self.earned(self.today(), &kept).await
    }
}
