//! Loads all parts over several connections.

use std::sync::atomic::{AtomicUsize, Ordering};

use tally_files::format::Input;
use tally_files::part::Part;
use tally_postgres::{ErrorKind, Failure};
use tally_program::single_threaded;
use tally_rows::definition::Definition;

use super::ledger::PartKey;
use super::narrow::Narrow;
use super::parallel::parallel;
use super::part_ledger::PartLedger;
use super::progress::StepProgress;
use super::run::Run;
use crate::exit::{unless_failed, Exit};
use crate::store::writer::Writer;

/// A part to load.
pub struct Task<'a> {
    /// The file.
    pub input: &'a dyn Input,
    /// The part.
    pub part: Part,
    /// The table and the columns that the file's fields go to.
    pub definition: &'a Definition,
}

/// Loads the parts in order, each over the next free one of this many connections.
pub fn load(run: &Run, tasks: &[Task], connections: usize, progress: &StepProgress) -> Result<(), Failure> {
    let next = AtomicUsize::new(0);
    let connections = connections.min(tasks.len());
    let work = |_| {
        let done = unless_failed(single_threaded()?.block_on(async {
            let mut writer = Writer::connect(&run.connector, run.stop.clone()).await?;
            while let (false, Some(task)) = (run.is_over(), tasks.get(next.fetch_add(1, Ordering::Relaxed))) {
                load_part(run, &mut writer, task, progress).await?;
            }
            Ok(())
        }));
        if done.is_err() {
            run.failed.store(true, Ordering::Relaxed);
        }
        done
    };
    parallel(connections, connections, work).map(|_| ())
}

async fn load_part(
    run: &Run,
    writer: &mut Writer,
    task: &Task<'_>,
    progress: &StepProgress,
) -> Result<(), Exit> {
    let Task { input, part, definition } = task;
    let key = PartKey { job: &run.job, path: input.name(), from: part.from };
    let mut ledger = PartLedger::new(run, key, definition);
    let Some(next) = ledger.open(writer).await? else {
        return ledger.close(writer, None).await;
    };
    let left_out = |failure| run.left_out.add(input.name(), failure);
    let mut reader = match input.read(part, next, &definition.columns) {
        Ok(reader) => reader,
        Err(failure) => {
            left_out(failure);
            return ledger.close(writer, None).await;
        }
    };
    let mut at = next.0;
    loop {
        let batch = match reader.next() {
            Ok(Some(batch)) => batch,
            Ok(None) => break,
            Err(failure) => {
                left_out(failure);
                return ledger.close(writer, None).await;
            }
        };
        match writer.store(&mut ledger, &batch).await {
            Ok(_) => run.narrow.note(input.name(), &batch.dead_letters),
            Err(Exit::Failed(failure)) if failure.kind() == ErrorKind::Reject => {
                let narrow = Narrow::default();
                narrow.note(input.name(), &batch.dead_letters);
                let mend = match narrow.statement(&definition.table) {
                    Some(statement) => {
                        format!("{statement}, then run the command again; nothing of the file is stored")
                    }
                    None => {
                        "correct the file, the options or the table; nothing of the file is stored".into()
                    }
                };
                left_out(failure.at(input.name()).mend(mend));
                return ledger.close(writer, None).await;
            }
            Err(exit) => return Err(exit),
        }
        progress.add(input.bytes_of(batch.next.0 - batch.from));
        at = batch.next.0;
        if run.is_over() {
            return ledger.close(writer, None).await;
        }
    }
    match input.check_unchanged(at) {
        Ok(()) => ledger.close(writer, Some(at)).await,
        Err(failure) => {
            left_out(failure);
            ledger.close(writer, None).await
        }
    }
}
