//! SQL functions that say whether trees answer a query, and check that they answer it rightly.

mod difference;
pub mod found;

use crate::pg::calls::call::Call;
use crate::pg::calls::rows::ResultRows;
use crate::pg::server::error::raise;
use crate::pg::server::transaction::only_reading;
use crate::pg::tables::spi::connected;
use crate::pg::tables::statement::{with_settings, Select};
use crate::pg::values::value::Value;
use crate::settings::{self, Answering};
use difference::{record, Difference};
use found::Finding;
use pgrx::pg_sys::Datum;
use pgrx::prelude::*;

/// The query that the only argument is.
fn query<'fcx>(call: Call<'fcx>) -> &'fcx str {
    call.argument(0).unwrap_or_else(|| {
        raise(
            PgSqlErrorCode::ERRCODE_NULL_VALUE_NOT_ALLOWED,
            "query must not be null",
            "",
            "Give a SELECT as text.",
        )
    })
}

fn text(text: &str) -> Datum {
    Value::from(text).datum()
}

#[pg_extern(sql = false)]
fn powertree_explain(call: Call) {
    let sql = query(call);
    let rows = ResultRows::of(call);
    let found = connected(|| found::collect(|| Select::parse(sql).plan()));
    for Finding { name, reason, .. } in &found {
        let answers = Datum::from(reason.is_none());
        rows.add(|| [Some(text(name)), Some(answers), reason.as_deref().map(text)]);
    }
    if found.is_empty() {
        let reason = match settings::answer_from_trees() {
            Answering::Off => "pg_tally.answer_from_trees is off",
            _ => "the query groups no table with a live power tree",
        };
        rows.add(|| [None, Some(Datum::from(false)), Some(text(reason))]);
    }
}

#[pg_extern(sql = false)]
fn powertree_verify(call: Call) {
    let sql = query(call);
    let rows = ResultRows::of(call);
    let setting = match settings::answer_from_trees() {
        Answering::Exact => c"exact",
        Answering::On | Answering::Off => c"on",
    };
    let surplus = connected(|| {
        let mut difference = Difference::default();
        let mut run = |setting, times| {
            let select = || Select::parse(sql).run(|row| difference.add(row, times));
            with_settings(&[(c"pg_tally.answer_from_trees", setting)], || only_reading(select))
        };
        run(c"off", 1);
        let types = run(setting, -1);
        difference.surplus(&types)
    });
    for one in &surplus {
        let answer = if one.times > 0 { "table" } else { "tree" };
        rows.add(|| [text(answer), text(&record(&one.row)), one.times.abs().into()]);
    }
}
