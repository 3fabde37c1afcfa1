//! Tables that a program keeps for itself, in a schema of its own.

use tokio_postgres::{Error, GenericClient};

/// The tables of one part of a program.
///
/// Triggers and policies of a table run as whoever uses it, so that a role that may make schemas could make this one first, and wait.
/// The schema is used only if it belongs, with all that is in it, to roles that could do as much anyhow.
#[derive(Debug)]
pub struct OwnTables {
    /// The schema, a plain identifier.
    pub schema: &'static str,
    /// The owner that the schema may have besides those of the database and superusers.
    pub owner: Owner,
    /// The tables.
    pub tables: &'static [&'static str],
    /// Statements that make the schema and those tables that are missing.
    pub create: &'static str,
}

/// Owners of a schema besides that of the database and superusers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Owner {
    /// No other: users who do not trust each other use it.
    Nobody,
    /// A role that has the rights of the user that uses it.
    User,
}

impl OwnTables {
    /// Whether they are there; fails if they are not to be trusted.
    pub async fn are_there(&self, client: &impl GenericClient) -> Result<bool, Error> {
        client.batch_execute(&trust(self.schema, self.owner)).await?;
        let sql = "SELECT pg_catalog.bool_and(pg_catalog.to_regclass($1 || '.' || t) IS NOT NULL) FROM pg_catalog.unnest($2::text[]) t";
        Ok(client.query_one(sql, &[&self.schema, &self.tables]).await?.get(0))
    }

    /// Makes them, unless they are there, within a transaction.
    pub async fn ensure(&self, client: &impl GenericClient) -> Result<(), Error> {
        // IF NOT EXISTS requires the privilege to create even where nothing is missing.
        match self.are_there(client).await? {
            true => Ok(()),
            false => self.make(client).await,
        }
    }

    /// Makes what is missing of them, within a transaction.
    pub async fn make(&self, client: &impl GenericClient) -> Result<(), Error> {
        // Two programs may start at once; IF NOT EXISTS alone lets one of them fail.
        let turn = "SELECT pg_catalog.pg_advisory_xact_lock(pg_catalog.hashtextextended('pg_tally schema ' || $1, 0))";
        let trust = trust(self.schema, self.owner);
        client.execute(turn, &[&self.schema]).await?;
        client.batch_execute(&trust).await?;
        client.batch_execute(self.create).await?;
        // Somebody else may have been faster with the schema.
        client.batch_execute(&trust).await
    }
}

/// Returns a statement that fails, with SQLSTATE 42501, if somebody else owns any of the schema. One that is not there is trusted.
pub fn trust(schema: &'static str, owner: Owner) -> String {
    let is_user = match owner {
        Owner::Nobody => "false",
        Owner::User => "pg_catalog.pg_has_role(r.oid, current_user, 'USAGE')",
    };
    // Nothing is found by the session's search_path.
    format!(
        "DO LANGUAGE plpgsql $$
         DECLARE stranger pg_catalog.text;
         BEGIN
             SELECT r.rolname INTO stranger
             FROM pg_catalog.pg_roles r
             WHERE NOT r.rolsuper AND r.rolname OPERATOR(pg_catalog.<>) 'pg_database_owner' AND NOT {is_user}
                 AND NOT EXISTS (SELECT FROM pg_catalog.pg_database d
                     WHERE d.datname OPERATOR(pg_catalog.=) pg_catalog.current_database() AND d.datdba OPERATOR(pg_catalog.=) r.oid)
                 AND EXISTS (SELECT FROM pg_catalog.pg_namespace n LEFT JOIN pg_catalog.pg_class c ON c.relnamespace OPERATOR(pg_catalog.=) n.oid
                     WHERE n.nspname OPERATOR(pg_catalog.=) '{schema}'
                         AND (n.nspowner OPERATOR(pg_catalog.=) r.oid OR c.relowner OPERATOR(pg_catalog.=) r.oid))
             LIMIT 1;
             IF stranger IS NOT NULL THEN
                 RAISE insufficient_privilege USING
                     MESSAGE = pg_catalog.format('schema {schema} is not used, since role \"%s\" owns it or some of it', stranger),
                     HINT = 'Have the owner of the database, or a superuser, own the schema and all that is in it.';
             END IF;
         END $$"
    )
}
