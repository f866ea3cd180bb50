//! SQLite: one writer that commits in groups.
//!
//! Only one transaction can write at a time, and with `synchronous = FULL` each commit waits for
//! the disk. So transactions take turns on one connection and share commits: a turn is a savepoint
//! in a common transaction, and a finished turn queues again to be committed. Turns that were
//! waiting before it join the group in the meantime; the first to reach the front again commits for
//! all. [`Turn::commit`] returns when the group is on disk, never before. A single turn does not
//! wait.
//!
//! The savepoint of a turn is released by the next turn, or by the commit, which saves a call to
//! the connection's thread.
//!
//! Beginning and ending run in tasks of their own, so that a dropped caller leaves the connection
//! in a consistent state.

use std::{
    sync::{Arc, OnceLock},
    time::Duration,
};

use sqlx::{Connection as _, SqliteConnection};
use tokio::{
    runtime::Handle,
    sync::{Mutex, OwnedMutexGuard},
    time::timeout,
};

use crate::{Result, StoreError};

/// Grants turns, in order of request.
#[derive(Debug, Clone)]
pub(crate) struct Writer {
    desk: Arc<Mutex<Desk>>,
    patience: Duration,
}

#[derive(Debug)]
struct Desk {
    /// `None` once closed.
    connection: Option<SqliteConnection>,
    /// The open common transaction, with the savepoint of a turn.
    group: Option<Arc<Group>>,
    /// That turn has not finished; if its holder is gone, it was abandoned.
    in_turn: bool,
    /// SQLite may have rolled back the common transaction.
    suspect: bool,
}

/// Turns that are committed together.
#[derive(Debug, Default)]
struct Group(OnceLock<Result<(), Arc<str>>>);

impl Group {
    fn outcome(&self) -> Option<Result<()>> {
        let outcome = self.0.get()?;
        Some(outcome.clone().map_err(|reason| StoreError::Unavailable(reason.as_ref().into())))
    }
}

impl Writer {
    pub(crate) fn new(connection: SqliteConnection, patience: Duration) -> Self {
        let desk = Desk { connection: Some(connection), group: None, in_turn: false, suspect: false };
        Self { desk: Arc::new(Mutex::new(desk)), patience }
    }

    /// Waits for a turn.
    pub(crate) async fn begin(&self) -> Result<Turn> {
        let writer = self.clone();
        detached(async move {
            let waiting = timeout(writer.patience, writer.desk.clone().lock_owned());
            let mut desk = waiting.await.map_err(|_| StoreError::Contention)?;
            desk.tidy().await;
            let group = desk.next_turn().await?;
            Ok(Turn { writer, group, desk: Some(desk) })
        })
        .await
    }

    /// Ends the open transaction and closes the connection.
    pub(crate) async fn close(&self) -> Result<()> {
        let mut desk = self.desk.lock().await;
        desk.settle().await;
        match desk.connection.take() {
            Some(connection) => Ok(connection.close().await?),
            None => Ok(()),
        }
    }

    /// Queues behind all waiting turns, and ensures that the group has ended.
    async fn finish(&self, group: &Group) -> Result<()> {
        let mut desk = self.desk.lock().await;
        if group.outcome().is_none() {
            desk.settle().await;
        }
        group.outcome().unwrap_or_else(|| Err(StoreError::corrupt("a group of writes was lost")))
    }
}

impl Desk {
    async fn run(&mut self, sql: &'static str) -> Result<()> {
        sqlx::raw_sql(sql).execute(self.connection()?).await?;
        Ok(())
    }

    fn connection(&mut self) -> Result<&mut SqliteConnection> {
        self.connection.as_mut().ok_or_else(|| StoreError::Unavailable("the store is closed".into()))
    }

    /// Opens the savepoint of a turn, in the open group or a new one.
    async fn next_turn(&mut self) -> Result<Arc<Group>> {
        if self.group.is_some() && self.run("RELEASE turn; SAVEPOINT turn").await.is_err() {
            self.suspect = true;
            self.tidy().await;
        }
        if self.group.is_none() {
            self.run("BEGIN IMMEDIATE; SAVEPOINT turn").await?;
        }
        self.in_turn = true;
        Ok(self.group.get_or_insert_default().clone())
    }

    /// Rolls back an abandoned turn, and a group that may have lost writes.
    async fn tidy(&mut self) {
        if self.in_turn {
            self.in_turn = false;
            self.suspect |= self.run("ROLLBACK TO turn").await.is_err();
        }
        if self.suspect {
            self.suspect = false;
            // Fails if SQLite has rolled back already.
            let _ = self.run("ROLLBACK").await;
            self.end_group(Err("a neighbour's write failed and took the transaction along".into()));
        }
    }

    /// Commits the open group, if any.
    async fn settle(&mut self) {
        self.tidy().await;
        if self.group.is_none() {
            return;
        }
        match self.run("COMMIT").await {
            Ok(()) => self.end_group(Ok(())),
            Err(error) => {
                let _ = self.run("ROLLBACK").await;
                self.end_group(Err(format!("commit failed: {error:?}").into()));
            }
        }
    }

    fn end_group(&mut self, outcome: Result<(), Arc<str>>) {
        if let Some(Group(slot)) = self.group.take().as_deref() {
            // Set once: the group is removed from the desk here.
            let _ = slot.set(outcome);
        }
    }
}

/// The exclusive right to write, until it is returned.
#[derive(Debug)]
pub(crate) struct Turn {
    writer: Writer,
    group: Arc<Group>,
    /// Taken when the turn ends.
    desk: Option<OwnedMutexGuard<Desk>>,
}

impl Turn {
    pub(crate) fn connection(&mut self) -> Result<&mut SqliteConnection> {
        self.desk.as_mut().ok_or(StoreError::Aborted)?.connection()
    }

    /// Records that SQLite may have rolled back everything.
    pub(crate) fn mark_suspect(&mut self) {
        if let Some(desk) = &mut self.desk {
            desk.suspect = true;
        }
    }

    /// Returns when the writes are on disk.
    pub(crate) async fn commit(mut self) -> Result<()> {
        detached(async move {
            let mut desk = self.desk.take().ok_or(StoreError::Aborted)?;
            desk.in_turn = false;
            drop(desk);
            self.writer.finish(&self.group).await
        })
        .await
    }

    /// Returns when the turn is rolled back.
    pub(crate) async fn rollback(mut self) -> Result<()> {
        detached(async move {
            // Returning the desk with the savepoint open abandons the turn.
            drop(self.desk.take());
            // The result of the group concerns the other turns only.
            let _ = self.writer.finish(&self.group).await;
            Ok(())
        })
        .await
    }
}

/// A dropped turn is rolled back by the next turn; a task ensures that there is one.
impl Drop for Turn {
    fn drop(&mut self) {
        if self.desk.take().is_some()
            && let Ok(runtime) = Handle::try_current()
        {
            let (writer, group) = (self.writer.clone(), self.group.clone());
            runtime.spawn(async move { writer.finish(&group).await });
        }
    }
}

/// Runs to the end even if the caller is dropped.
#[expect(clippy::disallowed_methods, reason = "the caller waits for it, and `close` for the desk that it holds")]
pub(crate) async fn detached<T: Send + 'static>(work: impl Future<Output = Result<T>> + Send + 'static) -> Result<T> {
    match tokio::spawn(work).await {
        Ok(result) => result,
        Err(error) => Err(StoreError::Unavailable(error.into())),
    }
}
