//! Assignment of partitions when several loaders of one job share the work.

use serde::Deserialize;

/// The way partitions are assigned to a loader.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// The loader takes all partitions, or the fixed share that the configuration names.
    #[default]
    Assign,
    /// Kafka's consumer group assigns partitions, and moves them when loaders come and go.
    Subscribe,
}

/// One of several loaders that share the partitions by their numbers: `2 of 3`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct Replica {
    index: i32,
    of: i32,
}

impl Replica {
    /// Whether a partition belongs to this loader.
    pub fn owns(self, partition: i32) -> bool {
        partition % self.of == self.index - 1
    }
}

impl TryFrom<String> for Replica {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let parsed = text.split_once(" of ").and_then(|(index, of)| {
            Some(Self { index: index.trim().parse().ok()?, of: of.trim().parse().ok()? })
        });
        parsed
            .filter(|replica| (1..=replica.of).contains(&replica.index))
            .ok_or_else(|| format!("{text:?} is not a replica: write \"1 of 3\", \"2 of 3\" or \"3 of 3\""))
    }
}

/// A list of partitions: `0-7,12`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct Partitions(Vec<(i32, i32)>);

impl Partitions {
    /// Whether a partition is among them.
    pub fn contains(&self, partition: i32) -> bool {
        self.0.iter().any(|(first, last)| (*first..=*last).contains(&partition))
    }
}

impl TryFrom<String> for Partitions {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let range = |part: &str| {
            let (first, last) = part.split_once('-').unwrap_or((part, part));
            let (first, last) = (first.trim().parse().ok()?, last.trim().parse().ok()?);
            (0 <= first && first <= last).then_some((first, last))
        };
        text.split(',')
            .map(range)
            .collect::<Option<_>>()
            .map(Self)
            .ok_or_else(|| format!("{text:?} is not a list of partitions: write \"0-7\" or \"0-3,8,12-15\""))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn replicas_share_every_partition_once() {
        let replicas =
            ["1 of 3", "2 of 3", "3 of 3"].map(|text| Replica::try_from(text.to_string()).unwrap());
        for partition in 0..20 {
            assert_eq!(replicas.iter().filter(|replica| replica.owns(partition)).count(), 1);
        }
        for wrong in ["0 of 3", "4 of 3", "1 of 0", "1/3", "a of b"] {
            assert!(Replica::try_from(wrong.to_string()).is_err(), "{wrong}");
        }
    }

    #[test]
    fn lists_of_partitions() {
        let list = Partitions::try_from(String::from("0-2, 5")).unwrap();
        let found: Vec<i32> = (0..9).filter(|partition| list.contains(*partition)).collect();
        assert_eq!(found, [0, 1, 2, 5]);
        for wrong in ["", "3-1", "-1", "a", "1,,2"] {
            assert!(Partitions::try_from(wrong.to_string()).is_err(), "{wrong}");
        }
    }
}
