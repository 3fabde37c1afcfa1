//! Topics that are named by a pattern: each topic of the broker that matches has its own table.

use tally_postgres::Failure;

use super::{plain_name, Config, TableName, Topic};

impl Config {
    /// Whether the broker's topics are needed to match patterns.
    pub fn has_patterns(&self) -> bool {
        self.topics.iter().any(Topic::is_pattern)
    }

    /// Returns the section of a topic: its own, or else the first pattern that matches.
    pub fn section(&self, name: &str) -> Result<&Topic, Failure> {
        let own = self.topics.iter().find(|topic| topic.name == name);
        own.or_else(|| self.topics.iter().find(|topic| topic.fits(name))).ok_or_else(|| {
            Failure::usage(format!("no topic {name:?} in the configuration")).mend("add a [[topic]] section")
        })
    }

    /// Returns the configuration with a section for each topic of the broker that matches a pattern.
    ///
    /// A topic that has a section of its own keeps it; if several patterns match, the first one counts.
    pub fn for_topics(&self, existing: &[String]) -> Result<Self, Failure> {
        let mut topics: Vec<Topic> = Vec::new();
        let named = |name: &String| self.topics.iter().any(|topic| topic.name == *name);
        for topic in &self.topics {
            if !topic.is_pattern() {
                topics.push(topic.clone());
                continue;
            }
            let fitting: Vec<(&String, &str)> = existing
                .iter()
                .filter(|name| !named(name) && topics.iter().all(|topic| topic.name != **name))
                .filter_map(|name| Some((name, topic.matched(name)?)))
                .collect();
            if fitting.is_empty() {
                return Err(Failure::new("no topic on the broker matches")
                    .at(format!("topic {:?}", topic.name))
                    .mend("create one, or correct `name` in its [[topic]] section"));
            }
            topics.extend(fitting.into_iter().map(|(name, matched)| topic.for_name(name, matched)));
        }
        let config = Self { topics, ..self.clone() };
        config.validate()?;
        Ok(config)
    }
}

impl Topic {
    /// Whether the name is a pattern; topics have no stars in their names.
    pub fn is_pattern(&self) -> bool {
        self.name.contains('*')
    }

    /// Whether a topic's name matches the pattern.
    pub fn fits(&self, name: &str) -> bool {
        self.matched(name).is_some()
    }

    /// Returns what the star stands for in a topic's name, if the name matches; Kafka's own topics match no pattern.
    fn matched<'n>(&self, name: &'n str) -> Option<&'n str> {
        let (before, after) = self.name.split_once('*')?;
        let rest = name.strip_prefix(before)?.strip_suffix(after)?;
        (!name.starts_with("__")).then_some(rest)
    }

    /// Returns the section of one topic.
    fn for_name(&self, name: &str, matched: &str) -> Self {
        let table = self.table.as_ref().map(|table| {
            let name = table.name.replace('*', &plain_name(matched));
            TableName { name, schema: table.schema.clone() }
        });
        Self { name: name.into(), table, ..self.clone() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tables(topics: &str) -> Result<Vec<String>, String> {
        let config =
            Config::parse("t.toml", &format!("job='j'\ndatabase='d'\nbrokers='b'\n{topics}")).unwrap();
        let existing = ["__offsets", "md.Trades", "md.ticker", "other"].map(str::to_string);
        let config = config.for_topics(&existing).map_err(|failure| failure.to_string())?;
        let names = config.topics.iter().map(|t| format!("{} {}", t.name, t.table_of(&t.mappings()[0])));
        Ok(names.collect())
    }

    #[test]
    fn each_topic_that_fits_has_its_table() {
        let pattern = "[[topic]]\nname = 'md.*'\ntable = 'market.m_*'\n";
        let found = tables(pattern).unwrap();
        assert_eq!(found, ["md.Trades \"market\".\"m_trades\"", "md.ticker \"market\".\"m_ticker\""]);
        let found = tables(&format!("[[topic]]\nname = '*'\n{pattern}[[topic]]\nname = 'other'\n"));
        assert!(found.unwrap_err().contains("no topic on the broker matches"));
        let found =
            tables(&format!("{pattern}[[topic]]\nname = '*'\n[[topic]]\nname = 'md.ticker'\n")).unwrap();
        let expected = ["md.Trades \"market\".\"m_trades\"", "other \"other\"", "md.ticker \"md_ticker\""];
        assert_eq!(found, expected);
    }

    #[test]
    fn one_table_for_all_needs_columns() {
        let one = "[[topic]]\nname = 'md.*'\ntable = 'all'\n";
        assert!(tables(one).unwrap_err().contains("both go to table \"all\""));
        let columns = format!("{one}columns = [{{ name = 'a', type = 'text' }}]\n");
        assert_eq!(tables(&columns).unwrap().len(), 2);
    }
}
