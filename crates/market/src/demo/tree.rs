//! The power tree and its table: the same question to both, the same answer from both.

use indicatif::HumanCount;
use jiff::{SignedDuration, Timestamp};
use tally_postgres::Failure;

use super::database::Database;
use super::questions::Questions;
use super::say;
use crate::simulate::MarketArgs;

/// The distance of the range from the start of the first day and from the end of the last, chosen to cut through
/// leaves.
const INSIDE: SignedDuration = SignedDuration::from_millis(12_345_678);

/// Makes a tree over the trades and compares it with them: by its function, and by ordinary SQL.
pub fn compare(
    questions: &mut Questions,
    database: &Database,
    (from, to): (Timestamp, Timestamp),
) -> Result<(), Failure> {
    let between = |text: &str| text.replace("{from}", &from.to_string()).replace("{to}", &to.to_string());
    questions.ask(database, include_str!("tree_1_make.sql"))?;
    let mut compare = |of_table: &str, of_tree: &str| {
        let (plain, plain_time) = questions.ask(database, &between(of_table))?;
        let (tree, tree_time) = questions.ask(database, &between(of_tree))?;
        if plain != tree {
            return Err(Failure::new("the tree and its table disagree").at("demo"));
        }
        match (plain_time.as_secs_f64() / tree_time.as_secs_f64()) as u64 {
            times @ 2.. => say(format_args!("The same answer, {} times as fast.", HumanCount(times))),
            _ => say("The same answer."),
        }
    };
    compare(include_str!("tree_2_plain.sql"), include_str!("tree_3_tree.sql"))?;
    compare(include_str!("tree_4_table.sql"), include_str!("tree_5_words.sql"))?;
    questions.ask(database, &between(include_str!("tree_6_explain.sql")))?;
    Ok(())
}

/// Returns a range that covers most of the market's time.
pub fn range(market: &MarketArgs) -> (Timestamp, Timestamp) {
    let end = market.start.saturating_add(SignedDuration::from_hours(24 * i64::from(market.days)));
    let end = end.unwrap_or(Timestamp::MAX);
    (market.start + INSIDE, end - INSIDE)
}
