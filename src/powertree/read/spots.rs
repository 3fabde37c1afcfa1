//! Rows at positions that the nodes know, read for columns that they do not have.

use super::left::{as_owner, is_readable};
use super::refused::Refused;
use crate::pg::tables::spi::SpiRow;
use crate::powertree::base::spots::SpotQuery;
use crate::powertree::model::tree::Tree;

pub use crate::powertree::base::spots::Spot;

/// Spots that are asked for at once.
const BATCH: usize = 10_000;

/// Calls `each` with the number of a spot, from 0, and a row there, whose columns are from 2 on, until it returns false.
///
/// The owner of the table reads it, as [`cells::read`](super::cells::read) does, before which this is not asked: what the user of
/// the query may read was checked there and by the query. No code of the user's runs meanwhile.
pub fn read_spots(
    tree: &Tree,
    columns: &[i16],
    spots: &[Spot],
    mut each: impl FnMut(usize, &SpiRow) -> bool,
) -> Result<(), Refused> {
    if spots.is_empty() {
        return Ok(());
    }
    if !is_readable(tree) {
        return Err(Refused::Rights);
    }
    as_owner(tree, |base| {
        let query = SpotQuery::prepare(base, columns);
        let mut goes_on = true;
        for (number, batch) in spots.chunks(BATCH).enumerate() {
            if goes_on {
                query.run(batch, |spot, row| {
                    goes_on = each(number * BATCH + spot, row);
                    goes_on
                });
            }
        }
    });
    Ok(())
}
