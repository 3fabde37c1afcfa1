//! The tables of a run: which there are, what they look like, and that they are there.

use tokio_postgres::Transaction;

use crate::config::{Config, Mapping, TableName, Topic};
use crate::definition::{Definition, Template};
use crate::pg::{self, Found};
use crate::Failure;

/// A topic and where it goes.
#[derive(Clone)]
pub struct AssignedTopic {
    /// Its section of the configuration.
    pub config: Topic,
    /// By its ways: which of the tables each of them leads to.
    pub tables: Vec<usize>,
}

/// A table that rows go to.
#[derive(Clone)]
pub struct Table {
    /// Its name, with the schema.
    pub name: TableName,
    /// The first topic that goes there.
    pub topic: String,
    /// What it looks like, unless that has to be inferred.
    pub definition: Option<Definition>,
    /// What it may look like, if it exists and only messages can say which of its columns are to be filled.
    pub template: Option<Template>,
}

/// Finds out what the tables look like, and creates those that are known and missing; gives the statements for that.
pub async fn prepare(
    tx: &Transaction<'_>,
    config: &Config,
) -> Result<(Vec<AssignedTopic>, Vec<Table>, Vec<String>), Failure> {
    let mut topics = Vec::with_capacity(config.topics.len());
    let mut tables: Vec<Table> = Vec::new();
    // What each way fills; a column that another way fills is not missed in this one's rows, unless it must be there.
    let mut ways: Vec<(usize, Definition)> = Vec::new();
    for topic in &config.topics {
        let mut of_topic = Vec::new();
        for mapping in topic.mappings() {
            let name = pg::qualify(tx, topic.table_of(&mapping)).await.map_err(at(topic, &mapping))?;
            let columns = mapping.columns.map(<[_]>::to_vec);
            let way = columns.map(|columns| Definition::new(mapping.layout, name.clone(), columns));
            let number = tables.iter().position(|table| table.name == name).unwrap_or(tables.len());
            match (tables.get_mut(number), &way) {
                (None, _) => {
                    tables.push(Table {
                        name,
                        topic: topic.name.clone(),
                        definition: way.clone(),
                        template: None,
                    });
                }
                (Some(Table { definition: Some(definition), .. }), Some(way)) => {
                    definition.unite(&way.columns)
                }
                (Some(_), _) => {
                    return Err(Failure::usage(format!("two topics go to table {name}"))
                        .mend("set `table` of one of them, or list the `columns` of both"));
                }
            }
            ways.extend(way.map(|way| (number, way)));
            of_topic.push(number);
        }
        topics.push(AssignedTopic { config: topic.clone(), tables: of_topic });
    }
    let mut names: Vec<&TableName> = tables.iter().map(|table| &table.name).collect();
    names.sort(); // in one order for all
    for name in names {
        let locked = pg::lock_table(tx, name).await;
        locked.map_err(|error| pg::failure(&format!("table {name}"), &error))?;
    }
    let mut statements = Vec::new();
    for (number, table) in tables.iter_mut().enumerate() {
        let topic = topics.iter().find(|topic| topic.tables.contains(&number)).expect("each is of a topic");
        let mappings = topic.config.mappings();
        let at_way = topic.tables.iter().position(|of_topic| *of_topic == number).expect("it has this table");
        let mapping = mappings[at_way];
        let found = Found::look_up(tx, &table.name).await?;
        let ways = ways.iter().filter(|(of, _)| *of == number).map(|(_, way)| way);
        let job = &config.job;
        let settled = settle(tx, job, table, &mapping, found, ways).await;
        statements.extend(settled.map_err(|trouble| match trouble {
            Trouble::Known(failure) => failure,
            Trouble::Server(error) => at(&topic.config, &mapping)(error),
        })?);
    }
    Ok((topics, tables, statements))
}

enum Trouble {
    Known(Failure),
    Server(tokio_postgres::Error),
}

impl From<Failure> for Trouble {
    fn from(failure: Failure) -> Self {
        Self::Known(failure)
    }
}

impl From<tokio_postgres::Error> for Trouble {
    fn from(error: tokio_postgres::Error) -> Self {
        Self::Server(error)
    }
}

/// Decides what a table looks like: as it is configured, as it was recorded, or as it is; gives the statement that made it.
async fn settle(
    tx: &Transaction<'_>,
    job: &str,
    table: &mut Table,
    mapping: &Mapping<'_>,
    found: Option<Found>,
    ways: impl Iterator<Item = &Definition>,
) -> Result<Option<String>, Trouble> {
    let recorded = pg::recorded(tx, job, &table.topic, &table.name).await?;
    if table.definition.is_none() {
        table.definition = match (&recorded, &found) {
            (Some(recorded), found) => {
                let mut known = Definition::new(mapping.layout, table.name.clone(), recorded.columns.clone());
                if let Some(found) = found {
                    found.follow(&mut known);
                }
                Some(known)
            }
            (None, Some(found)) => {
                let template = found.template(mapping.layout);
                if template.optional.is_empty() {
                    Some(template.definition)
                } else {
                    found.check(&template.settle(|_| false))?;
                    table.template = Some(template);
                    None
                }
            }
            (None, None) => {
                pg::check_schema(tx, &table.name).await?;
                None
            }
        };
    }
    if let (Some(definition), Some(found)) = (&mut table.definition, &found) {
        found.adapt(definition);
    }
    let Some(definition) = &table.definition else { return Ok(None) };
    let ddl = match &found {
        Some(found) => {
            found.check(definition)?;
            for way in ways {
                found.check(way)?;
            }
            None
        }
        None => {
            let ddl = definition.create_table();
            tx.batch_execute(&ddl).await?;
            Some(ddl)
        }
    };
    if recorded.as_ref() != Some(definition) || ddl.is_some() {
        pg::record(tx, job, &table.topic, definition, ddl.as_deref()).await?;
    }
    Ok(ddl)
}

fn at<'a>(topic: &'a Topic, mapping: &Mapping) -> impl FnOnce(tokio_postgres::Error) -> Failure + 'a {
    let table = topic.table_of(mapping);
    move |error| pg::failure(&format!("table {table} of topic {:?}", topic.name), &error)
}
