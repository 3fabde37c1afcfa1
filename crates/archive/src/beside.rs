//! Threads for what can be done beside other work: those of jobs that have none.

use std::mem::replace;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::Arc;
use std::thread::{Builder, JoinHandle};

use tally_postgres::Failure;

/// The number of threads that jobs without work leave to the others: all together are never at work in more threads than there are jobs.
#[derive(Debug, Clone, Default)]
pub struct Helpers(Arc<AtomicUsize>);

/// The right to one thread more, until it is dropped.
pub struct Helper(Helpers);

impl Helpers {
    /// Adds a thread.
    pub fn add(&self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }

    /// Takes a thread, if one is left.
    pub fn take(&self) -> Option<Helper> {
        let less = |left: usize| left.checked_sub(1);
        self.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, less).ok()?;
        Some(Helper(self.clone()))
    }
}

impl Drop for Helper {
    fn drop(&mut self) {
        self.0.add();
    }
}

/// A value that a helper works on at times, one piece of work after the other.
pub enum Beside<T> {
    Here(T),
    Away(JoinHandle<(T, Result<(), Failure>)>),
    /// A thread has taken it along.
    Lost,
}

impl<T: Send + 'static> Beside<T> {
    /// Returns the value once nobody works on it; fails if the last piece of work has.
    pub fn here(&mut self) -> Result<&mut T, Failure> {
        if let Self::Away(_) = self {
            if let Self::Away(thread) = replace(self, Self::Lost) {
                let (value, outcome) = thread.join().map_err(|_| lost())?;
                *self = Self::Here(value);
                outcome?;
            }
        }
        match self {
            Self::Here(value) => Ok(value),
            _ => Err(lost()),
        }
    }

    /// Returns the value, as [`Beside::here`] does, for good.
    pub fn take(mut self) -> Result<T, Failure> {
        self.here()?;
        match self {
            Self::Here(value) => Ok(value),
            _ => Err(lost()),
        }
    }

    /// Works on the value once the piece of work before is done: beside the caller if a helper is left.
    pub fn work(
        &mut self,
        helpers: &Helpers,
        work: impl FnOnce(&mut T) -> Result<(), Failure> + Send + 'static,
    ) -> Result<(), Failure> {
        let value = self.here()?;
        let Some(helper) = helpers.take() else { return work(value) };
        if let Self::Here(mut value) = replace(self, Self::Lost) {
            let thread = Builder::new().name("archive".into()).spawn(move || {
                let outcome = work(&mut value);
                drop(helper);
                (value, outcome)
            });
            *self = Self::Away(thread.map_err(Failure::transient)?);
        }
        Ok(())
    }
}

fn lost() -> Failure {
    Failure::new("thread has ended early")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn work_is_done_in_turn_and_its_failure_told_once() -> Result<(), Failure> {
        for number_of_helpers in 0..2 {
            let (helpers, mut list) = (Helpers::default(), Beside::Here(Vec::new()));
            (0..number_of_helpers).for_each(|_| helpers.add());
            for number in 0..3 {
                list.work(&helpers, move |list| {
                    list.push(number);
                    Ok(())
                })?;
            }
            assert_eq!(*list.here()?, [0, 1, 2]);
            let told =
                list.work(&helpers, |_| Err(Failure::new("no room"))).and_then(|()| list.here().map(drop));
            assert!(told.is_err_and(|failure| failure.to_string().contains("no room")));
            assert_eq!(list.take()?, [0, 1, 2]);
            assert_eq!(helpers.take().is_some(), number_of_helpers > 0);
        }
        Ok(())
    }

    #[test]
    fn a_helper_has_one_thing_to_do_at_a_time() {
        let helpers = Helpers::default();
        assert!(helpers.take().is_none());
        helpers.add();
        let helper = helpers.take();
        assert!(helper.is_some() && helpers.take().is_none());
        drop(helper);
        assert!(helpers.take().is_some());
    }
}
