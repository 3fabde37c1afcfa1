//! Grouping keys: the groups of places, equal as the operators and collations of the query have it.

use super::numbers::{ClassNumbers, GroupNumbers};
use super::place::{Known, Place, Places};
use crate::pg::execution::scan_row::Expression;
use crate::pg::memory::heap;
use crate::pg::memory::region::Region;
use crate::pg::values::kept_function::{Comparing, Hashing, OperatorSide};
use crate::pg::values::value::Value;
use crate::rewrite::rollups::terms::shape::Shape;
use pgrx::pg_sys::Oid;
use rustc_hash::FxBuildHasher;
use std::collections::HashMap;
use std::hash::BuildHasher;

/// An expression by which rows are grouped.
pub struct GroupKey {
    expression: Expression,
    shape: Shape,
    hashing: Hashing,
    equality: Comparing,
}

impl GroupKey {
    /// A key whose values are equal as an operator has it, in a collation.
    pub fn new(
        expression: Expression,
        shape: Shape,
        equality: Oid,
        collation: Oid,
        context: Region,
    ) -> GroupKey {
        let type_oid = expression.type_oid();
        GroupKey {
            expression,
            shape,
            hashing: Hashing::of(equality, OperatorSide::Left, collation, type_oid, context),
            equality: Comparing::of(equality, collation, type_oid, context),
        }
    }

    fn equal(&self, one: Option<Value>, other: Option<Value>) -> bool {
        match (one, other) {
            (None, None) => true,
            (Some(one), Some(other)) => self.equality.holds(one, other),
            _ => false,
        }
    }
}

/// Keys of one shape, and the combinations of their values, numbered.
pub struct Combinations {
    keys: Vec<GroupKey>,
    known: Known<Combination>,
    values: Vec<Option<Value>>,
    /// The latest combination of each hash, and for each combination the one before it of the same hash.
    latest: HashMap<u64, u32, FxBuildHasher>,
    before: Vec<Option<u32>>,
}

/// The values of the keys at a place.
#[derive(Clone, Copy)]
struct Combination {
    number: u32,
    /// The number of the one that is displayed: equal values may differ there, as 1.0 and 1.00 do.
    shown: u32,
}

/// Bytes that a combination of values takes, beside its values.
const COMBINATION: usize = 40;

impl Combinations {
    /// No combinations yet.
    pub fn new(keys: Vec<GroupKey>, shape: Shape) -> Combinations {
        Combinations {
            keys,
            known: Known::new(shape),
            values: Vec::new(),
            latest: HashMap::default(),
            before: Vec::new(),
        }
    }

    /// Bytes in use, apart from those in the memory context.
    fn memory(&self) -> usize {
        self.values.len() * size_of::<Option<Value>>() + self.before.len() * COMBINATION
    }

    /// Whether the first value of a combination is NULL.
    pub fn is_null(&self, number: u32) -> bool {
        self.values.get(number as usize * self.keys.len()).is_none_or(Option::is_none)
    }

    /// The number of the combination at a place; values are copied into the memory context.
    pub fn number(&mut self, places: &Places, place: Place, context: Region) -> u32 {
        if self.keys.is_empty() {
            return 0;
        }
        let Combinations { keys, known, values, latest, before } = self;
        let find = || {
            places.set(place);
            let (first, count) = (values.len(), keys.len());
            heap::room(values, count);
            let mut hash = 0_u64;
            for key in keys.iter() {
                let value = key.expression.copied(context);
                hash = hash.rotate_left(5).wrapping_mul(0x9e37_79b9_7f4a_7c15)
                    ^ key.hashing.hash(value.as_ref().map(Value::lent));
                values.push(value);
            }
            let mut is_known = |number: &u32| {
                let known = *number as usize * count;
                (0..count).all(|place| keys[place].equal(values[known + place], values[first + place]))
            };
            let latest_alike = latest.get(&hash).copied();
            let mut alike = std::iter::successors(latest_alike, |&number| before[number as usize]);
            let equal = alike.find(&mut is_known);
            let next = (first / count) as u32;
            let Some(number) = equal else {
                heap::room(latest, 1);
                latest.insert(hash, next);
                heap::room(before, 1);
                before.push(latest_alike);
                return Combination { number: next, shown: next };
            };
            let known = number as usize * count;
            let is_alike = |place: usize| match (values[known + place], values[first + place]) {
                (Some(one), Some(other)) => keys[place].expression.is_alike(one, other),
                _ => true,
            };
            if (0..count).all(is_alike) {
                values.truncate(first);
                return Combination { number, shown: number };
            }
            heap::room(before, 1);
            before.push(None);
            Combination { number, shown: next }
        };
        known.at(place, find).number
    }

    /// The value of a key at a place that has been numbered.
    fn value(&self, place: Place, key: usize) -> Option<Value> {
        let Combination { shown, .. } = self.known.get(place)?;
        self.values[shown as usize * self.keys.len() + key]
    }
}

/// The groups of all grouping sets, numbered in the order in which they are found.
pub struct Groups {
    sets: Vec<SetGroups>,
    pub all: Vec<Group>,
    context: Region,
}

/// The number of the group of a place.
pub enum GroupNumber {
    Known(usize),
    /// The group has just been added.
    New(usize),
    /// The group is not known; its hash.
    WithoutRoom(u64),
}

/// A group.
#[derive(Clone, Copy)]
pub struct Group {
    pub set: usize,
    /// One of its places; None if it has no rows.
    pub place: Option<Place>,
}

impl Groups {
    /// No groups yet, of sets with these keys; values of keys are kept in the memory context.
    pub fn new(sets: impl Iterator<Item = Vec<GroupKey>>, context: Region) -> Groups {
        Groups { sets: sets.map(SetGroups::new).collect(), all: Vec::new(), context }
    }

    pub fn num_sets(&self) -> usize {
        self.sets.len()
    }

    /// The group of a place in a set, which may be a new one if there is room for it.
    pub fn number(&mut self, set: usize, places: &Places, place: Place, has_room: bool) -> GroupNumber {
        let groups = &mut self.sets[set];
        let values = groups.values(places, place, self.context);
        if let Some(number) = groups.numbers.get(values) {
            return GroupNumber::Known(number as usize);
        }
        if !has_room {
            return GroupNumber::WithoutRoom(FxBuildHasher.hash_one((set, values)));
        }
        let next = self.all.len();
        groups.numbers.insert(values, next as u32);
        self.add(Group { set, place: Some(place) });
        GroupNumber::New(next)
    }

    /// The value of a key of a group, by the place of the key in the group's set.
    pub fn value(&self, group: &Group, key: usize) -> Option<Value> {
        let set = &self.sets[group.set];
        let (class, place) = set.classes[key];
        set.combinations()[class].value(group.place?, place)
    }

    /// Forgets the groups, but not the values of keys.
    pub fn clear(&mut self) {
        self.sets.iter_mut().for_each(|set| set.numbers.clear());
        self.all.clear();
    }

    /// Bytes that groups take.
    pub fn memory(&self) -> usize {
        let numbers: usize = self.sets.iter().map(|set| set.numbers.memory()).sum();
        self.all.len() * size_of::<Group>() + numbers
    }

    /// Bytes that values of keys take.
    pub fn memory_of_keys(&self) -> usize {
        let of_set = |set: &SetGroups| -> usize { set.combinations().map(Combinations::memory).iter().sum() };
        self.sets.iter().map(of_set).sum()
    }

    /// Adds the groups that are there even without rows: those of sets without keys.
    pub fn complete(&mut self) {
        for set in 0..self.sets.len() {
            if self.sets[set].classes.is_empty() && !self.all.iter().any(|group| group.set == set) {
                self.add(Group { set, place: None });
            }
        }
    }

    fn add(&mut self, group: Group) {
        heap::room(&mut self.all, 1);
        self.all.push(group);
    }
}

/// The groups of one grouping set.
struct SetGroups {
    /// For each key the combinations that it is in, of time, of series, of joined rows or of several of these, and its place there.
    classes: Vec<(usize, usize)>,
    of_time: Combinations,
    of_series: Combinations,
    of_joined: Combinations,
    of_several: Combinations,
    numbers: GroupNumbers,
}

impl SetGroups {
    fn new(keys: Vec<GroupKey>) -> SetGroups {
        let mut classes = Vec::new();
        let mut parts: [Vec<GroupKey>; 4] = Default::default();
        for key in keys {
            let class = match () {
                () if key.shape.is_of_time_alone() => 0,
                () if key.shape.is_of_series_alone() => 1,
                () if key.shape == Shape::JOINED => 2,
                () => 3,
            };
            classes.push((class, parts[class].len()));
            parts[class].push(key);
        }
        let beside_time = parts[1..].iter().filter(|keys| !keys.is_empty()).count();
        let [of_time, of_series, of_joined, of_several] = parts;
        let several = of_several.iter().fold(Shape::FREE, |all, key| all.and(key.shape));
        SetGroups {
            classes,
            of_time: Combinations::new(of_time, Shape::TIME),
            of_series: Combinations::new(of_series, Shape::SERIES),
            of_joined: Combinations::new(of_joined, Shape::JOINED),
            of_several: Combinations::new(of_several, several),
            numbers: GroupNumbers::new(beside_time > 1),
        }
    }

    /// The combinations, in the order of the classes.
    fn combinations(&self) -> [&Combinations; 4] {
        [&self.of_time, &self.of_series, &self.of_joined, &self.of_several]
    }

    /// The values of the keys at a place, by their numbers.
    fn values(&mut self, places: &Places, place: Place, context: Region) -> ClassNumbers {
        [
            self.of_time.number(places, place, context),
            self.of_series.number(places, place, context),
            self.of_joined.number(places, place, context),
            self.of_several.number(places, place, context),
        ]
    }
}
