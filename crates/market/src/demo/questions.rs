//! An analyst's first questions: each is one line of English and its SQL, answered by a table.

use std::time::{Duration, Instant};

use comfy_table::{presets, CellAlignment, Table};
use console::style;
use tally_postgres::Failure;

use super::database::{Answer, Database};
use super::say;

/// Questions about the trades and their hours.
pub const FIRST: [&str; 6] = [
    include_str!("0_dead_letters.sql"),
    include_str!("1_symbols.sql"),
    include_str!("2_hourly.sql"),
    include_str!("3_days.sql"),
    include_str!("4_interval.sql"),
    include_str!("5_wilder.sql"),
];
/// The question about changes across all symbols.
pub const REPORT: &str = include_str!("6_report.sql");
/// The question about changes in one series.
pub const DETECT: &str = include_str!("7_detect.sql");

/// Counts the questions as they are asked.
#[derive(Default)]
pub struct Questions {
    asked: u32,
}

impl Questions {
    /// Asks a question, prints the answer, and returns it with the time that it took.
    pub fn ask(&mut self, database: &Database, text: &str) -> Result<(Answer, Duration), Failure> {
        self.asked += 1;
        let (question, sql) = split(text);
        let heading = format!("{}. {question}", self.asked);
        say(format_args!("\n{}\n\n{}\n", style(heading).bold(), style(sql).cyan()))?;
        let started = Instant::now();
        let mut answer = Answer::default();
        for statement in statements(sql) {
            answer = database.ask(statement)?;
        }
        let elapsed = started.elapsed();
        // A function that is called for its effect returns an empty value.
        if answer.rows.iter().flatten().any(|value| value.as_deref().is_some_and(|text| !text.is_empty())) {
            say(aligned(&answer))?;
        } else if !answer.columns.is_empty() {
            say("Nothing.")?;
        }
        say(style(format_args!("{:.1} ms", elapsed.as_secs_f64() * 1e3)).dim())?;
        Ok((answer, elapsed))
    }
}

/// The comment in the first line, and the statements below it.
fn split(text: &str) -> (&str, &str) {
    let (first, sql) = text.split_once('\n').expect("a question and its SQL");
    (first.trim_start_matches("-- "), sql.trim_end())
}

/// Splits a text at its empty lines into statements, each of which has its own transaction.
fn statements(sql: &str) -> impl Iterator<Item = &str> {
    sql.split("\n\n")
}

/// Formats an answer as a table, as wide as the terminal if there is one, with numbers aligned to the right.
fn aligned(answer: &Answer) -> Table {
    let mut table = Table::new();
    table.load_style(presets::UTF8_FULL_CONDENSED).set_header(&answer.columns);
    if let Some((_, columns)) = console::Term::stdout().size_checked() {
        table.set_width(columns).set_content_arrangement(comfy_table::ContentArrangement::Dynamic);
    }
    for row in &answer.rows {
        table.add_row(row.iter().map(|value| value.as_deref().unwrap_or_default()));
    }
    for (i, column) in table.column_iter_mut().enumerate() {
        let mut values = answer.rows.iter().filter_map(|row| row[i].as_deref());
        if values.all(|value| value.parse::<f64>().is_ok()) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_question_is_a_line_of_english_and_statements() {
        let tree = [
            include_str!("tree_1_make.sql"),
            include_str!("tree_2_plain.sql"),
            include_str!("tree_3_tree.sql"),
            include_str!("tree_4_table.sql"),
            include_str!("tree_5_words.sql"),
            include_str!("tree_6_explain.sql"),
        ];
        for text in FIRST.into_iter().chain(tree).chain([REPORT, DETECT]) {
            let (question, sql) = split(text);
            assert!(text.starts_with("-- ") && question.ends_with(['?', '.', ':']), "{question}");
            assert!(sql.ends_with(';') && sql.matches(';').count() == statements(sql).count(), "{sql}");
        }
    }

    #[test]
    fn numbers_stand_to_the_right() {
        let text = |x: &str| Some(x.to_owned());
        let answer = Answer {
            columns: vec!["symbol".into(), "n".into()],
            rows: vec![vec![text("BTC"), text("1000")], vec![text("ETH.USDT"), text("1")], vec![None, None]],
        };
        let lines: Vec<String> = aligned(&answer).lines().map(|line| line.trim_end().to_owned()).collect();
        assert_eq!(lines[3], "│ BTC      ┆ 1000 │");
        assert_eq!(lines[4], "│ ETH.USDT ┆    1 │");
        assert_eq!(lines[5], "│          ┆      │");
    }
}
