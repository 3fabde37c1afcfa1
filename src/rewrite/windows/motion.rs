//! The motion of a frame through the rows, one step at a time.

use super::argument::Argument;
use super::ask::{Ask, KeyPair, Outcome, Side};
use super::definition::FrameDefinition;
use super::frame::Frame;
use super::rows::Rows;
use super::statistic::Statistic;
use crate::pg::execution::copies::Copies;
use crate::pg::nodes::tree::NodeRef;
use pgrx::pg_sys::{self, Datum, WindowFunc};

/// A frame, the rows that it moves through, and what is asked of it.
pub struct Motion {
    definition: FrameDefinition,
    rows: Rows,
    /// The frame; None until its offsets are evaluated.
    frame: Option<Frame>,
    columns: Vec<ResultColumn>,
    /// The results for the current row, which are valid until the next step.
    results: Vec<Option<Datum>>,
    /// The current row, counted within its partition.
    current: i64,
    /// The first row of the frame, which ends with the last row that has entered.
    left: i64,
    /// The first thing to be done for the current row.
    next: Ask,
    /// The end of the current row's frame; None until it is found.
    tail: Option<i64>,
    /// Whether the rows before the current row's frame have left.
    has_left: bool,
}

/// A statistic of one of the arguments.
struct ResultColumn {
    statistic: Statistic,
    argument: usize,
    is_real: bool,
}

impl Motion {
    /// The frame before the first row, of which these functions are asked.
    pub fn new(
        definition: FrameDefinition,
        functions: impl Iterator<Item = (NodeRef<'static, WindowFunc>, Statistic)>,
        copies: Copies,
    ) -> Motion {
        let mut rows = Rows::new(&definition, copies);
        let columns: Vec<ResultColumn> = functions
            .map(|(function, statistic)| ResultColumn {
                statistic,
                argument: match statistic {
                    Statistic::Rows => 0,
                    _ => rows.argument(function, statistic),
                },
                is_real: function.wintype == pg_sys::FLOAT4OID,
            })
            .collect();
        let results = vec![None; columns.len()];
        Motion {
            definition,
            rows,
            frame: None,
            columns,
            results,
            current: 0,
            left: 0,
            next: Ask::Nothing,
            tail: None,
            has_left: false,
        }
    }

    /// The window functions whose arguments are evaluated, in the order of their values.
    pub fn arguments(&mut self) -> impl Iterator<Item = NodeRef<'static, WindowFunc>> + '_ {
        self.rows.arguments().iter().map(|argument| argument.function())
    }

    /// The number of rows read of this partition.
    #[inline]
    pub fn count(&self) -> i64 {
        self.rows.count()
    }

    /// The results for the current row, each of the type that its function returns.
    #[inline]
    pub fn results(&self) -> &[Option<Datum>] {
        &self.results
    }

    /// The first thing to be done for a row.
    #[inline]
    pub fn begin(&self) -> Ask {
        self.next
    }

    /// The next comparison that is asked for; None when the frame knows enough. Cannot fail.
    #[inline]
    pub fn to_compare(&self) -> Option<KeyPair> {
        self.frame.as_ref()?.to_compare()
    }

    /// Takes the outcome of that comparison. Cannot fail.
    #[inline]
    pub fn learn(&mut self, side: Side, is_in_range: bool) {
        if let Some(frame) = &mut self.frame {
            frame.learn(side, is_in_range, self.rows.known_order());
        }
    }

    /// The most memory that the rows have taken, in bytes.
    pub fn most_memory(&mut self) -> usize {
        self.rows.most_memory()
    }

    /// Takes what came of the last step, and asks for the next.
    #[inline]
    pub fn step(&mut self, outcome: &Outcome) -> Ask {
        match outcome {
            Outcome::Done => {}
            Outcome::Row { starts_group, key, arguments } => {
                self.rows.add(*starts_group, key.as_ref(), *arguments)
            }
            Outcome::Complete { is_last, arguments } => self.rows.complete(*is_last, *arguments),
            Outcome::Entered(row) => self.rows.enter(row),
            Outcome::Offsets(offsets) => {
                let frame = Frame::new(&self.definition, *offsets);
                if frame.ends_with_what_is_read() {
                    self.rows.enter_at_once();
                }
                let needs_queue = self.rows.are_delayed() || frame.looks_ahead();
                self.frame = Some(frame);
                if needs_queue {
                    return Ask::Queue;
                }
            }
        }
        self.advance().unwrap_or_else(|ask| ask)
    }

    /// Moves the frame to the current row's; an error is what has to be done before.
    #[inline]
    fn advance(&mut self) -> Result<Ask, Ask> {
        let Some(frame) = &mut self.frame else { return Err(Ask::Offsets) };
        let rows = &mut self.rows;
        if self.current == rows.count() {
            if !rows.are_complete() {
                return Err(rows.more());
            }
            if rows.are_exhausted() {
                return Ok(Ask::End);
            }
            self.next_partition();
            return Ok(Ask::NextPartition);
        }
        let tail = match self.tail {
            Some(tail) => tail,
            None => *self.tail.insert(frame.tail(self.current, rows)?.max(rows.entered())),
        };
        if !self.has_left {
            let head = frame.head(self.current, rows)?.clamp(self.left, tail);
            rows.leave(head.min(rows.entered()) - self.left);
            frame.forget(self.current, rows);
            self.left = head;
            self.has_left = true;
        }
        if rows.entered() < tail {
            let next = rows.next_to_enter(self.left);
            if next == Ask::Skip {
                rows.skip();
            }
            return Err(next);
        }
        self.report();
        self.current += 1;
        (self.tail, self.has_left) = (None, false);
        self.next = self.look_forward();
        Ok(Ask::Return)
    }

    /// Finds the end of the next row's frame, or what has to be done for that. No row leaves yet, since the results may be
    /// about the rows that are in the frame.
    #[inline]
    fn look_forward(&mut self) -> Ask {
        let (Some(frame), rows) = (&mut self.frame, &mut self.rows) else { return Ask::Nothing };
        if self.current == rows.count() {
            return if rows.are_complete() { Ask::Nothing } else { rows.more() };
        }
        match frame.tail(self.current, rows) {
            Ok(tail) => {
                self.tail = Some(tail.max(rows.entered()));
                Ask::Nothing
            }
            Err(ask) => ask,
        }
    }

    /// Computes the results for the frame.
    #[inline]
    fn report(&mut self) {
        let frame_rows = self.rows.entered() - self.left;
        let arguments = self.rows.arguments();
        arguments.iter_mut().for_each(Argument::prepare_report);
        for (column, result) in self.columns.iter().zip(&mut self.results) {
            *result = match column.statistic {
                Statistic::Rows => Some(Datum::from(frame_rows)),
                statistic => arguments[column.argument].report(statistic, column.is_real),
            };
        }
    }

    /// Begins the next partition.
    fn next_partition(&mut self) {
        self.rows.next_partition();
        if let Some(frame) = &mut self.frame {
            frame.next_partition();
        }
        (self.current, self.left, self.tail, self.has_left) = (0, 0, None, false);
    }

    /// Forgets everything that was read.
    pub fn restart(&mut self) {
        (self.frame, self.next) = (None, Ask::Nothing);
        self.rows.restart();
        (self.current, self.left, self.tail, self.has_left) = (0, 0, None, false);
    }
}
