//! The tables of a run: defines them and creates the missing ones.

use tally_postgres::Failure;
use tally_rows::config::{Config, Mapping, TableLayout, TableName, Topic};
use tally_rows::definition::Definition;
use tokio_postgres::Transaction;

use crate::load::assignment::{AssignedTopic, Table};
use crate::pg::{self, FoundTable};

/// Finds out the definitions of the tables, and creates tables that are defined but missing; returns the statements
/// that did.
pub async fn prepare(
    tx: &Transaction<'_>,
    config: &Config,
) -> Result<(Vec<AssignedTopic>, Vec<Table>, Vec<String>), Failure> {
    let mut topics = Vec::with_capacity(config.topics.len());
    let mut tables: Vec<Table> = Vec::new();
    // The columns of each route. Rows of a route may lack a column of another one, unless the table requires a value.
    let mut routes: Vec<(usize, Definition)> = Vec::new();
    for topic in &config.topics {
        let mut of_topic = Vec::new();
        for mapping in topic.mappings() {
            let name = pg::qualify(tx, topic.table_of(&mapping)).await.map_err(at(topic, &mapping))?;
            let columns = mapping.columns.map(<[_]>::to_vec);
            let route = columns.map(|columns| Definition::new(mapping.layout, name.clone(), columns));
            let number = tables.iter().position(|table| table.name == name).unwrap_or(tables.len());
            match (tables.get_mut(number), &route) {
                (None, _) => {
                    tables.push(Table {
                        name,
                        topic: topic.name.clone(),
                        definition: route.clone(),
                        template: None,
                    });
                }
                (Some(Table { definition: Some(definition), .. }), Some(route)) => {
                    definition.unite(&route.columns)
                }
                (Some(_), _) => {
                    return Err(Failure::usage(format!("two topics go to table {name}"))
                        .mend("set `table` of one of them, or list the `columns` of both"));
                }
            }
            routes.extend(route.map(|route| (number, route)));
            of_topic.push(number);
        }
        topics.push(AssignedTopic { config: topic.clone(), tables: of_topic });
    }
    let mut names: Vec<&TableName> = tables.iter().map(|table| &table.name).collect();
    names.sort(); // every loader locks in the same order, so that none deadlock
    for name in names {
        let locked = pg::lock_table(tx, name).await;
        locked.map_err(|error| pg::failure(&format!("table {name}"), &error))?;
    }
    let mut statements = Vec::new();
    for (number, table) in tables.iter_mut().enumerate() {
        let topic = topics.iter().find(|topic| topic.tables.contains(&number)).expect("each is of a topic");
        let mappings = topic.config.mappings();
        let at_route =
            topic.tables.iter().position(|of_topic| *of_topic == number).expect("it has this table");
        let mapping = mappings[at_route];
        let found = FoundTable::look_up(tx, &table.name).await?;
        let routes = routes.iter().filter(|(of, _)| *of == number).map(|(_, route)| route);
        let job = &config.job;
        let failed = at(&topic.config, &mapping);
        statements.extend(define_table(tx, job, table, mapping.layout, found, routes, failed).await?);
    }
    Ok((topics, tables, statements))
}

/// Decides on the definition of a table: configured, recorded, or found; returns the statement that created the table.
async fn define_table<'d>(
    tx: &Transaction<'_>,
    job: &str,
    table: &mut Table,
    layout: TableLayout<'_>,
    found: Option<FoundTable>,
    routes: impl Iterator<Item = &'d Definition>,
    failed: impl Fn(tokio_postgres::Error) -> Failure,
) -> Result<Option<String>, Failure> {
    let recorded = pg::recorded(tx, job, &table.topic, &table.name).await.map_err(&failed)?;
    if table.definition.is_none() {
        table.definition = match (&recorded, &found) {
            (Some(recorded), found) => {
                let mut known = Definition::new(layout, table.name.clone(), recorded.columns.clone());
                if let Some(found) = found {
                    found.follow(&mut known);
                }
                Some(known)
            }
            (None, Some(found)) => {
                let template = found.template(layout);
                if template.optional.is_empty() {
                    Some(template.definition)
                } else {
                    found.check(&template.definition_with(|_| false))?;
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
            for route in routes {
                found.check(route)?;
            }
            None
        }
        None => {
            let ddl = definition.create_table();
            tx.batch_execute(&ddl).await.map_err(&failed)?;
            Some(ddl)
        }
    };
    if recorded.as_ref() != Some(definition) || ddl.is_some() {
        pg::record(tx, job, &table.topic, definition, ddl.as_deref()).await.map_err(&failed)?;
    }
    Ok(ddl)
}

fn at<'a>(topic: &'a Topic, mapping: &Mapping) -> impl Fn(tokio_postgres::Error) -> Failure + 'a {
    let table = topic.table_of(mapping);
    move |error| pg::failure(&format!("table {table} of topic {:?}", topic.name), &error)
}
