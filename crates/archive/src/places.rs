//! The places of archives, as the ledger names them.

use std::collections::BTreeMap;

use tally_objects::Address;
use tally_postgres::Failure;

/// Places that objects are below; each is opened once, which takes longer than to read a small object.
#[derive(Debug, Default)]
pub struct Places(BTreeMap<String, Address>);

impl Places {
    /// Returns the place with this address.
    pub fn at(&mut self, url: &str) -> Result<Address, Failure> {
        if let Some(place) = self.0.get(url) {
            return Ok(place.clone());
        }
        let place = Address::of_place(url)?;
        self.0.insert(url.into(), place.clone());
        Ok(place)
    }
}
