//! The values to extract from a message, as a tree of their paths.

use rustc_hash::FxHashMap;

use super::walk::{for_each_element, for_each_field};
use super::Reject;

/// The members to extract from one object or array.
#[derive(Default)]
pub struct Node {
    members: Vec<(String, Member)>,
    /// A fast hash is enough: anybody can choose the keys that are looked up, but not those in the map.
    index: FxHashMap<String, usize>,
    /// The members that are places in an array, counted from 0, or from -1 at the end.
    places: Vec<(isize, usize)>,
}

/// The consumers of a member: some take the whole, others something inside it.
#[derive(Default)]
pub struct Member {
    slots: Vec<usize>,
    inner: Option<Node>,
}

/// A receiver of the values that are found.
pub trait Visitor<'m> {
    /// Takes a requested value, with the number of its request.
    fn value(&mut self, slot: usize, raw: &'m str) -> Result<(), Reject>;

    /// Takes a value that was not requested.
    fn left_over(&mut self, key: &str, raw: &'m str) -> Result<(), Reject>;

    /// Walks a value of which only parts were requested.
    fn inside(&mut self, key: &str, walk: impl FnOnce(&mut Self) -> Result<(), Reject>)
        -> Result<(), Reject>;
}

impl Node {
    /// Requests the value at a path of at least one step.
    pub fn want(&mut self, path: &[String], slot: usize) {
        let (first, rest) = path.split_first().expect("a path has at least one step");
        let at = *self.index.entry(first.clone()).or_insert_with(|| {
            if let Ok(place) = first.parse() {
                self.places.push((place, self.members.len()));
            }
            self.members.push((first.clone(), Member::default()));
            self.members.len() - 1
        });
        self.members[at].1.want(rest, slot);
    }

    /// Whether nothing was requested.
    pub fn is_empty(&self) -> bool {
        self.members.is_empty()
    }

    /// Whether a value can contain what was requested.
    pub fn fits(&self, raw: &str) -> bool {
        raw.starts_with('{') || (raw.starts_with('[') && !self.places.is_empty())
    }

    /// Finds a field. Most messages keep one order of fields, so the field after the last one found is tried first.
    fn find(&self, key: &str, next: &mut usize) -> Option<&Member> {
        let at = match self.members.get(*next) {
            Some((name, _)) if name == key => *next,
            _ => *self.index.get(key)?,
        };
        *next = at + 1;
        Some(&self.members[at].1)
    }

    /// Walks the members of an object, or of an array if places in one are requested.
    pub fn walk<'m>(&self, json: &'m str, visitor: &mut impl Visitor<'m>) -> Result<(), Reject> {
        if json.trim_ascii_start().starts_with('[') && !self.places.is_empty() {
            return self.walk_array(json, visitor);
        }
        let mut next = 0;
        for_each_field(json, |key, raw| match self.find(key, &mut next) {
            Some(member) => member.walk(key, raw, visitor),
            None => visitor.left_over(key, raw),
        })
    }

    fn walk_array<'m>(&self, json: &'m str, visitor: &mut impl Visitor<'m>) -> Result<(), Reject> {
        let mut elements = Vec::new();
        for_each_element(json, |raw| {
            elements.push(raw);
            Ok(())
        })?;
        for (place, raw) in elements.iter().enumerate() {
            // No message has enough elements for their numbers to overflow.
            let (from_front, from_back) = (place as isize, place as isize - elements.len() as isize);
            let key = place.to_string();
            let mut wanted =
                self.places.iter().filter(|(p, _)| *p == from_front || *p == from_back).peekable();
            if wanted.peek().is_none() {
                visitor.left_over(&key, raw)?;
            }
            for (_, at) in wanted {
                self.members[*at].1.walk(&key, raw, visitor)?;
            }
        }
        Ok(())
    }
}

impl Member {
    /// Requests the value itself, or the value at a path inside it.
    pub fn want(&mut self, path: &[String], slot: usize) {
        if path.is_empty() {
            self.slots.push(slot);
        } else {
            self.inner.get_or_insert_default().want(path, slot);
        }
    }

    /// Passes the value to its consumers.
    pub fn walk<'m>(&self, key: &str, raw: &'m str, visitor: &mut impl Visitor<'m>) -> Result<(), Reject> {
        for &slot in &self.slots {
            visitor.value(slot, raw)?;
        }
        match &self.inner {
            Some(inner) if inner.fits(raw) => visitor.inside(key, |visitor| inner.walk(raw, visitor)),
            // A scalar where an object or a list was expected counts as an unknown field.
            _ if self.slots.is_empty() && raw != "null" => visitor.left_over(key, raw),
            _ => Ok(()),
        }
    }
}
