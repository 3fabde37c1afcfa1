//! An analyst's first questions: one line of English, the SQL, and the answer as a table.

use std::time::Instant;

use comfy_table::{presets, CellAlignment, Table};
use tally_loader::Failure;

use super::database::{Answer, Database};
use super::say;

/// The questions, in the order in which they are asked.
const QUESTIONS: [&str; 7] = [
    include_str!("0_dead_letters.sql"),
    include_str!("1_symbols.sql"),
    include_str!("2_hourly.sql"),
    include_str!("3_days.sql"),
    include_str!("4_interval.sql"),
    include_str!("5_change.sql"),
    include_str!("6_detect.sql"),
];

/// Asks all of them.
pub fn ask_all(database: &Database) -> Result<(), Failure> {
    for text in QUESTIONS {
        let (question, sql) = split(text);
        say(format_args!("\n{question}\n\n{sql}\n"))?;
        let started = Instant::now();
        let answer = database.ask(sql)?;
        let elapsed = started.elapsed();
        if !answer.columns.is_empty() {
            say(aligned(&answer))?;
        }
        say(format_args!("({:.0} ms)", elapsed.as_secs_f64() * 1e3))?;
    }
    Ok(())
}

/// The comment in the first line, and the statement below it.
fn split(text: &str) -> (&str, &str) {
    let (first, sql) = text.split_once('\n').expect("a question and its SQL");
    (first.trim_start_matches("-- "), sql.trim_end())
}

/// The table as psql would show it: numbers to the right.
fn aligned(answer: &Answer) -> Table {
    let mut table = Table::new();
    table.load_style(presets::ASCII_MARKDOWN).set_header(&answer.columns);
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
    fn every_question_is_a_line_of_english_and_a_statement() {
        for text in QUESTIONS {
            let (question, sql) = split(text);
            assert!(text.starts_with("-- ") && question.ends_with(['?', '.']), "{question}");
            assert!(sql.ends_with(';') && sql.matches(';').count() == 1, "{sql}");
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
        assert_eq!(lines[2], "| BTC      | 1000 |");
        assert_eq!(lines[3], "| ETH.USDT |    1 |");
        assert_eq!(lines[4], "|          |      |");
    }
}
