//! The loading of all parts, on several connections.

use std::sync::atomic::{AtomicUsize, Ordering};

use super::format::Input;
use super::ledger::{self, Key};
use super::narrow::Narrow;
use super::parallel::parallel;
use super::part::Part;
use super::progress::Progress;
use super::writer::{Fate, Run, Writer};
use crate::definition::Definition;
use crate::failure::Failure;
use crate::load;

/// A part to load.
pub struct Task<'a> {
    /// The file.
    pub input: &'a dyn Input,
    /// The part.
    pub part: Part,
    /// The table and the columns that the file's fields go to.
    pub definition: &'a Definition,
}

/// Loads the parts, in order, each by the next of so many connections that is free.
pub fn load(run: &Run, tasks: &[Task], connections: usize, progress: &Progress) -> Result<(), Failure> {
    let next = AtomicUsize::new(0);
    let connections = connections.min(tasks.len());
    let work = |_| {
        let done = load::runtime()?.block_on(async {
            let Some(mut writer) = Writer::connect(run).await? else { return Ok(()) };
            while let (false, Some(task)) = (run.is_over(), tasks.get(next.fetch_add(1, Ordering::Relaxed))) {
                load_part(run, &mut writer, task, progress).await?;
            }
            Ok(())
        });
        if done.is_err() {
            run.failed.store(true, Ordering::Relaxed);
        }
        done
    };
    parallel(connections, connections, work).map(|_| ())
}

async fn load_part(
    run: &Run,
    writer: &mut Writer<'_>,
    task: &Task<'_>,
    progress: &Progress,
) -> Result<(), Failure> {
    let Task { input, part, definition } = task;
    let key = Key { job: &run.job, path: ledger::path(*input), from: part.from };
    let Some(next) = writer.begin(key).await? else {
        return writer.end(key, None).await;
    };
    let left_out = |failure| run.left_out.add(input.path(), failure);
    let mut reader = match input.read(part, next, &definition.columns) {
        Ok(reader) => reader,
        Err(failure) => {
            left_out(failure);
            return writer.end(key, None).await;
        }
    };
    let mut at = next.0;
    loop {
        let batch = match reader.next() {
            Ok(Some(batch)) => batch,
            Ok(None) => break,
            Err(failure) => {
                left_out(failure);
                return writer.end(key, None).await;
            }
        };
        match writer.store(key, definition, &batch).await? {
            Fate::Stored => run.narrow.note(input.path(), &batch.dead_letters),
            Fate::Dropped => return Ok(()),
            Fate::NoneGood(first) => {
                let what = format!("none of its rows can be stored; {first}");
                let narrow = Narrow::default();
                narrow.note(input.path(), &batch.dead_letters);
                let mend = match narrow.statement(&definition.table) {
                    Some(statement) => format!("{statement}, then run it again; nothing of it is stored"),
                    None => "mend the file, the options or the table; nothing of it is stored".into(),
                };
                left_out(Failure::new(what).at(input.path().display()).mend(mend));
                return writer.end(key, None).await;
            }
        }
        progress.add(input.bytes_of(batch.next.0 - batch.from));
        at = batch.next.0;
        if run.is_over() {
            return writer.end(key, None).await;
        }
    }
    match input.check_unchanged(at) {
        Ok(()) => writer.end(key, Some(at)).await,
        Err(failure) => {
            left_out(failure);
            writer.end(key, None).await
        }
    }
}
