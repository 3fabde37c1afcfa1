//! Reads the configuration of a job, with the checks that need a decoder.

use std::path::Path;

use tally_postgres::Failure;
use tally_rows::config::{Column, Config, Topic};
use tally_rows::decode::constant;

/// Reads and validates a file.
pub fn read(path: &Path) -> Result<Config, Failure> {
    let config = Config::read(path)?;
    config.topics.iter().try_for_each(check_constants).map_err(|failure| failure.at(path.display()))?;
    Ok(config)
}

fn check_constants(topic: &Topic) -> Result<(), Failure> {
    let mappings = topic.mappings();
    let columns = mappings.iter().filter_map(|mapping| mapping.columns).flatten();
    columns.into_iter().try_for_each(|column| check_constant(topic, column))
}

fn check_constant(topic: &Topic, column: &Column) -> Result<(), Failure> {
    let Some(value) = &column.value else { return Ok(()) };
    constant(column, &value.to_string()).map(|_| ()).map_err(|reject| {
        let place = format!("topic {:?}: column {:?}: `value`", topic.name, column.name);
        Failure::usage(format!("{place}: {}", reject.message)).mend("write a value of the column's type")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn constants_have_the_type_of_their_column() {
        let check = |value: &str| {
            let column = format!("columns = [{{ name = 'a', type = 'bigint', value = {value} }}]");
            let text = format!("job='j'\ndatabase='d'\nbrokers='b'\n[[topic]]\nname = 't'\n{column}\n");
            check_constants(&Config::parse("t.toml", &text).unwrap().topics[0])
        };
        check("7").unwrap();
        let complaint = check("'x'").unwrap_err().to_string();
        assert!(complaint.contains("column \"a\": `value`: text \"x\" is not bigint"), "{complaint}");
    }
}
