//! The sight that a snapshot has of a tree beside its nodes: spans, log and size, read once for a question.

use super::access::spans;
use super::leaves::{together, Run};
use super::logged::Logged;
use super::refused::Refused;
use super::size::{extent, known_extent, Estimate};
use crate::powertree::model::question::Range;
use crate::powertree::model::tree::Tree;
use crate::powertree::store::log::Log;
use crate::powertree::store::state::TreeState;
use crate::powertree::store::tables::Tables;
use std::rc::Rc;

/// The sight that the active snapshot has of a tree, for a question about some of its series or all.
pub struct Seen<'q> {
    pub tree: Rc<Tree>,
    pub tables: Tables,
    /// The keys of the series, encoded; None for all.
    pub series: Option<&'q [Vec<u8>]>,
    /// Leaves that the base table answers for, in order and apart.
    pub spans: Vec<Run>,
    pub logged: Logged<'q>,
    /// The state that the nodes are in.
    state: Option<TreeState>,
}

impl<'q> Seen<'q> {
    /// Looks at a tree, unless the table itself must answer.
    pub fn of(tree: Rc<Tree>, series: Option<&'q [Vec<u8>]>) -> Result<Seen<'q>, Refused> {
        let tables = Tables::known().ok_or(Refused::Stale)?;
        let spans = together(&spans(&tables, tree.id)?);
        let state = TreeState::visible(&tables, tree.id);
        let folded = state.as_ref().map_or(0, |state| state.folded);
        let logged = Logged::read(Log::of(&tables, tree.id, folded), series);
        Ok(Seen { tree, tables, series, spans, logged, state })
    }

    /// Positions between which all rows of the series are; None if there are none.
    pub fn bounds(&self) -> Option<Range> {
        let (leaves, ends) = (self.tree.leaves, self.tree.position.ends());
        let positions = |(first, last): (i64, i64)| (leaves.first(first), leaves.last(last));
        let of_nodes = self.state.as_ref().and_then(|state| extent(&self.tables, &self.tree, state));
        let others = self.spans.iter().copied().chain(self.logged.leaves).map(positions);
        let all = others.chain(of_nodes).reduce(|a, b| (a.0.min(b.0), a.1.max(b.1)));
        all.map(|(first, last)| Range { first: first.max(ends.0), last: last.min(ends.1) })
    }

    /// Positions between which all rows in nodes are, the whole line if they were not read yet; None if there are no such
    /// rows.
    pub fn stored(&self) -> Option<Range> {
        let known = self.state.as_ref().and_then(|state| known_extent(&self.tree, state));
        let (first, last) = known.unwrap_or(Some(self.tree.position.ends()))?;
        Some(Range { first, last })
    }

    /// Estimates the size of the tree.
    pub fn estimate(&self) -> Estimate {
        let log_rows = self.logged.count as i64;
        let estimate = |state| Estimate::of(&self.tree, &self.tables, state, log_rows);
        self.state.as_ref().map_or(Estimate::default(), estimate)
    }
}
