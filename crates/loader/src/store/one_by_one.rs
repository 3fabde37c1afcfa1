//! Inserts rows one by one inside the server when many of them are refused: a round trip for each would take too long.

use tally_rows::decode::Reject;
use tally_rows::definition::Definition;
use tokio_postgres::{Error, Statement, Transaction};

use super::staging_table::StagingTable;

/// The table in which the block notes the refused rows.
const REFUSED: &str = "pg_temp.\"tally refused\"";

/// The statements for one table.
pub struct OneByOne {
    /// The name of the staging table.
    pub table: String,
    create: String,
    copy: String,
    clear: String,
    insert: String,
}

impl OneByOne {
    /// Makes the statements of a table; none if newer rows replace older ones.
    pub fn new(definition: &Definition) -> Option<Self> {
        let stage = StagingTable::new(definition);
        (!definition.is_keyed()).then(|| Self {
            table: stage.table.clone(),
            create: stage.create(),
            copy: stage.copy(),
            clear: stage.clear(),
            insert: stage.insert_one_by_one(REFUSED),
        })
    }

    /// Prepares the COPY into the staging table, if the session may create one and the server has the language of the
    /// block.
    pub async fn open(&self, tx: &Transaction<'_>) -> Result<Option<Statement>, Error> {
        let sql = "SELECT has_database_privilege(current_database(), 'TEMPORARY')
                          AND EXISTS (SELECT FROM pg_catalog.pg_language WHERE lanname = 'plpgsql'
                                      AND has_language_privilege(oid, 'USAGE'))";
        if !tx.query_one(sql, &[]).await?.get::<_, bool>(0) {
            return Ok(None);
        }
        let refused = format!(
            "CREATE TEMPORARY TABLE IF NOT EXISTS {REFUSED}
                 (number integer, state text, col text, message text) ON COMMIT DELETE ROWS"
        );
        tx.batch_execute(&format!("{}; {refused}; {}; DELETE FROM {REFUSED}", self.create, self.clear))
            .await?;
        tx.prepare(&self.copy).await.map(Some)
    }

    /// Brings the staged rows into their table, and returns the numbers of those that are refused, with the reasons.
    pub async fn insert(&self, tx: &Transaction<'_>) -> Result<Vec<(usize, Reject)>, Error> {
        tx.batch_execute(&self.insert).await?;
        let sql = format!("SELECT number, state, col, message FROM {REFUSED} ORDER BY number");
        let rows = tx.query(&sql, &[]).await?;
        let refused = rows.iter().map(|row| {
            let reject =
                Reject { sqlstate: row.get(1), column: row.get(2), message: row.get(3), wider: None };
            (row.get::<_, i32>(0) as usize, reject) // counted from 0
        });
        let refused = refused.collect();
        tx.batch_execute(&format!("{}; DELETE FROM {REFUSED}", self.clear)).await?;
        Ok(refused)
    }
}
