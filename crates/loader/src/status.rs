//! `tally status`: the progress of a job as stored in PostgreSQL; asks no broker.

use std::path::PathBuf;

use comfy_table::{presets, Table};
use tally_postgres::Failure;
use tally_program::single_threaded;
use tokio_postgres::{Client, Error};

use crate::job;
use crate::pg;

/// Show the progress of a job: positions, lag, and dead letters
#[derive(clap::Args)]
pub struct StatusArgs {
    /// Configuration file (TOML)
    #[arg(long, value_name = "FILE")]
    config: PathBuf,
    /// Job to show, if not the one that the configuration names
    #[arg(long, value_name = "NAME")]
    job: Option<String>,
}

/// Runs the command.
pub fn run(args: StatusArgs) -> Result<(), Failure> {
    let config = job::read(&args.config)?;
    let job = args.job.as_ref().unwrap_or(&config.job);
    single_threaded()?.block_on(async {
        let connector = pg::connector(&config.database, job)?;
        let client = connector.connect().await.map_err(|error| connector.failure(&error))?;
        show(&client, job).await.map_err(|error| pg::failure(pg::OUR_SCHEMA, &error))
    })
}

async fn show(client: &Client, job: &str) -> Result<(), Error> {
    let exists =
        "SELECT to_regclass('loader.offsets') IS NOT NULL AND to_regclass('loader.dead_letters') IS NOT NULL";
    if !client.query_one(exists, &[]).await?.get::<_, bool>(0) {
        println!("job {job:?} has loaded nothing: the schema loader does not exist");
        return Ok(());
    }
    let running = match pg::sessions(client, job).await? {
        0 => "no loader is connected",
        _ => "a loader is connected",
    };
    println!("job {job:?}: {running}");
    let positions = "SELECT topic, partition::text, next_offset::text, coalesce(high_watermark::text, '?'),
                            coalesce(greatest(high_watermark - next_offset, 0)::text, '?'),
                            to_char(updated_at, 'YYYY-MM-DD HH24:MI:SS OF'), coalesce(owner, '')
                     FROM loader.offsets WHERE job = $1 ORDER BY topic, partition";
    let names = ["topic", "partition", "next offset", "last known end", "behind", "last stored", "by"];
    table(client, job, positions, &names).await?;
    let letters = "SELECT topic, stage, sqlstate, coalesce(column_name, ''), count(*)::text,
                          to_char(max(at), 'YYYY-MM-DD HH24:MI:SS OF'), left((array_agg(message ORDER BY at DESC))[1], 80)
                   FROM loader.dead_letters WHERE job = $1 GROUP BY 1, 2, 3, 4 ORDER BY count(*) DESC LIMIT 20";
    let names = ["topic", "stage", "sqlstate", "column", "dead letters", "last one", "last message"];
    table(client, job, letters, &names).await
}

/// Prints the result of a query, unless it is empty.
async fn table(client: &Client, job: &str, sql: &str, names: &[&str]) -> Result<(), Error> {
    let rows = client.query(sql, &[&job]).await?;
    let mut table = Table::new();
    table.load_style(presets::UTF8_HORIZONTAL_ONLY).set_header(names);
    for row in &rows {
        table.add_row((0..names.len()).map(|at| row.get::<_, String>(at)));
    }
    if !rows.is_empty() {
        println!("{table}");
    }
    Ok(())
}
