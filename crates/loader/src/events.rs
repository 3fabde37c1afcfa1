//! The topics of a configuration, as the source of the service's events.

use std::path::Path;
use std::sync::Arc;

use tally_postgres::Failure;
use tally_program::single_threaded;
use tally_rows::config::{Config, Mode, RegistryConfig};
use tally_rows::definition::Definition;
use tally_serve::{EventSource, Met, PartitionEnds, TopicTables};
use tokio_postgres::Transaction;

use crate::job;
use crate::kafka::{self, Fetched, JobConsumer, PartitionReader, Prefetch, Watermarks};
use crate::pg::{self, FoundTable};

/// Parts of the memory for messages that wait: readers of a service share it.
const SHARES: usize = 4;

/// The topics of a configuration, on their broker.
struct KafkaEvents {
    config: Config,
    metadata_client: JobConsumer,
    prefetch: Prefetch,
}

/// Opens the topics of a file; does not connect yet.
pub fn open(path: &Path) -> Result<Arc<dyn EventSource>, Failure> {
    let mut config = job::read(path)?;
    // No group takes part.
    (config.mode, config.writers) = (Mode::Assign, SHARES);
    let metadata_client = kafka::metadata_client(&config)?;
    let prefetch = kafka::prefetch(&config);
    Ok(Arc::new(KafkaEvents { config, metadata_client, prefetch }))
}

impl KafkaEvents {
    /// The configuration of one topic alone.
    fn of_topic(&self, name: &str) -> Result<Config, Failure> {
        let section = self.config.section(name)?;
        let config = Config { topics: vec![section.clone()], ..self.config.clone() };
        config.for_topics(&[name.to_string()])
    }

    fn session(
        &self,
        consumer: &JobConsumer,
        topic: &str,
        from: &[(i32, i64)],
        take: &mut dyn FnMut(Met) -> bool,
    ) -> Result<(), Failure> {
        let begin = from.iter().map(|(partition, next)| (topic, *partition, *next));
        let mut reader = PartitionReader::begin(consumer, self.prefetch.clone(), begin)?;
        loop {
            let goes_on = match reader.next()? {
                Fetched::Message(message) => {
                    let headers = message.headers();
                    let record = message.record(headers.as_deref());
                    reader.note(&record);
                    take(Met::Message(&record))
                }
                Fetched::End(partition, offset) => take(Met::End(partition, offset)),
                Fetched::Nothing => take(Met::Nothing),
                Fetched::Crowd => false,
            };
            if !goes_on {
                return Ok(());
            }
        }
    }
}

impl EventSource for KafkaEvents {
    fn registry(&self) -> Option<&RegistryConfig> {
        self.config.registry.as_ref()
    }

    fn max_message_bytes(&self) -> usize {
        self.config.max_message_bytes
    }

    fn tables(&self, topic: &str) -> Result<TopicTables, Failure> {
        let config = self.of_topic(topic)?;
        let connector = pg::connector(&config.database, &format!("events {}", config.job))?;
        let found = single_threaded()?.block_on(async {
            let mut client = connector.connect().await.map_err(|error| connector.failure(&error))?;
            let tx = client.transaction().await.map_err(|error| connector.failure(&error))?;
            look_up(&tx, config).await
        });
        found.map_err(|failure| failure.at(format!("topic {topic:?}")))
    }

    fn partitions(&self, topic: &str) -> Result<Vec<PartitionEnds>, Failure> {
        let found = kafka::partitions(&self.metadata_client, &self.of_topic(topic)?)?;
        let ends = |partition: &kafka::Partition| PartitionEnds {
            number: partition.number,
            low: partition.low,
            high: partition.high,
        };
        Ok(found.iter().map(ends).collect())
    }

    fn read(
        &self,
        topic: &str,
        from: &[(i32, i64)],
        take: &mut dyn FnMut(Met) -> bool,
    ) -> Result<(), Failure> {
        let consumer = kafka::consumer(&self.config, Watermarks::default(), 0, &self.prefetch)?;
        let ended = self.session(&consumer, topic, from, take);
        kafka::close(consumer, None);
        ended
    }
}

/// Finds the tables of the only topic of a configuration, whose columns are those that the loader fills.
async fn look_up(tx: &Transaction<'_>, mut config: Config) -> Result<TopicTables, Failure> {
    let topic = config.topics.remove(0);
    let (mut tables, mut targets) = (Vec::<Definition>::new(), Vec::new());
    for mapping in topic.mappings() {
        let named = topic.table_of(&mapping);
        let place = format!("table {named}");
        let failure = |error: tokio_postgres::Error| pg::failure(&place, &error);
        let name = pg::qualify(tx, named).await.map_err(failure)?;
        let Some(found) = FoundTable::look_up(tx, &name).await? else {
            return Err(Failure::new("does not exist")
                .at(&place)
                .mend("load the topic, or create the table"));
        };
        let mut definition = match mapping.columns {
            Some(columns) => Definition::new(mapping.layout, name, columns.to_vec()),
            None => match pg::recorded_if_any(tx, &config.job, &topic.name, &name).await.map_err(failure)? {
                Some(recorded) => {
                    let mut known = Definition::new(mapping.layout, name, recorded.columns);
                    found.follow(&mut known);
                    known
                }
                // Columns that fill themselves cannot be told from those that messages fill.
                None => found.template(mapping.layout).definition_with(|_| false),
            },
        };
        found.adapt(&mut definition);
        // A loader would ask for the column; without it there is nothing to see.
        definition.overflow.take_if(|name| found.columns().iter().all(|column| column.name != *name));
        let known = tables.iter().position(|table| table.table == definition.table);
        targets.push(known.unwrap_or(tables.len()));
        match known {
            Some(known) => tables[known].unite(&definition.columns),
            None => tables.push(definition),
        }
    }
    Ok(TopicTables { topic, tables, targets })
}
