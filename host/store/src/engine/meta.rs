//! Values of the whole installation.

use serde::{Serialize, de::DeserializeOwned};

use crate::{
    Executor, OperatorScope, OperatorTx, Result,
    db::{Arg, Sql, args},
};

impl<E: Executor> OperatorScope<E> {
    /// The value of a key, if any.
    ///
    /// # Errors
    /// `Corrupt` if it is of another type.
    pub async fn find_meta<T: DeserializeOwned>(&self, key: &str) -> Result<Option<T>> {
        let row = self.exec.row(Sql::new("SELECT value FROM meta WHERE key = $1", args![key])).await?;
        row.map(|row| row.json("value")).transpose()
    }
}

impl OperatorTx {
    /// The value of a key, if it has one, which nobody else changes before this transaction ends.
    ///
    /// # Errors
    /// As [`find_meta`](OperatorScope::find_meta).
    pub async fn take_meta<T: DeserializeOwned>(&self, key: &str) -> Result<Option<T>> {
        if let Some(text) = self.exec.engine().lock() {
            self.exec.rows(Sql::new(text, args![format!("meta/{key}")])).await?;
        }
        self.find_meta(key).await
    }

    /// Sets the value of a key.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn put_meta<T: Serialize + Sync>(&self, key: &str, value: &T) -> Result<()> {
        let sql = "INSERT INTO meta (key, value) VALUES ($1, $2)
                   ON CONFLICT (key) DO UPDATE SET value = excluded.value";
        self.exec.execute(Sql::new(sql, args![key, Arg::json(value)?])).await?;
        Ok(())
    }
}
