//! The roster: the series that were met, and those of them that are asked for.

use crate::pg::memory::heap::{check, room};
use crate::powertree::model::key::SameHash;
use rustc_hash::FxBuildHasher;
use std::collections::HashMap;

/// A series that was met.
pub struct Met {
    pub hash: i64,
    /// The place of the key among all keys.
    key: (usize, usize),
    /// The number in the order of acceptance; None if the series is not asked for.
    pub number: Option<usize>,
    pub has_nodes: bool,
    /// Leaves that the base table must answer for, in order.
    pub dirty: Vec<i64>,
}

/// The series that were met, each asked about once.
pub struct Roster<A> {
    accept: A,
    all: Vec<Met>,
    /// The places of series in `all`, by their hash.
    places: HashMap<i64, usize, FxBuildHasher>,
    /// The places of accepted series, by their number.
    accepted: Vec<usize>,
    keys: Vec<u8>,
}

impl<A: FnMut(&[u8]) -> bool> Roster<A> {
    pub fn new(accept: A) -> Roster<A> {
        Roster { accept, all: Vec::new(), places: HashMap::default(), accepted: Vec::new(), keys: Vec::new() }
    }

    /// Adds a series that was not met before.
    pub fn add(&mut self, hash: i64, key: &[u8], has_nodes: bool) -> usize {
        check();
        let number = (self.accept)(key).then_some(self.accepted.len());
        let (place, begin) = (self.all.len(), self.keys.len());
        room(&mut self.keys, key.len());
        self.keys.extend(key);
        if number.is_some() {
            room(&mut self.accepted, 1);
            self.accepted.push(place);
        }
        room(&mut self.places, 1);
        self.places.insert(hash, place);
        room(&mut self.all, 1);
        let key = (begin, self.keys.len());
        self.all.push(Met { hash, key, number, has_nodes, dirty: Vec::new() });
        place
    }

    /// Finds the place of a series; None if it was not met.
    pub fn place(&self, hash: i64, key: &[u8]) -> Result<Option<usize>, SameHash> {
        match self.places.get(&hash) {
            Some(&place) if self.key_at(place) == key => Ok(Some(place)),
            Some(_) => Err(SameHash),
            None => Ok(None),
        }
    }

    /// The number of the accepted series of this hash.
    pub fn number(&self, hash: i64) -> Option<usize> {
        self.all[*self.places.get(&hash)?].number
    }

    pub fn at(&self, place: usize) -> &Met {
        &self.all[place]
    }

    pub fn at_mut(&mut self, place: usize) -> &mut Met {
        &mut self.all[place]
    }

    /// The accepted series, in order.
    pub fn accepted(&self) -> impl Iterator<Item = (usize, &Met)> {
        self.accepted.iter().map(|&place| &self.all[place]).enumerate()
    }

    pub fn num_accepted(&self) -> usize {
        self.accepted.len()
    }

    /// The key of an accepted series.
    pub fn key(&self, number: usize) -> &[u8] {
        self.key_at(self.accepted[number])
    }

    pub fn numbered(&self, number: usize) -> &Met {
        &self.all[self.accepted[number]]
    }

    fn key_at(&self, place: usize) -> &[u8] {
        let (begin, end) = self.all[place].key;
        &self.keys[begin..end]
    }
}
