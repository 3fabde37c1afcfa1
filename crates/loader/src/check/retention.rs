//! Warnings about messages that retention may remove before they are loaded.

use crate::kafka::Partition;

/// Returns a warning for each partition whose next offset is close to the oldest one that the broker keeps.
pub fn advice<'a>(partitions: impl IntoIterator<Item = (&'a Partition, i64)>) -> Vec<String> {
    partitions.into_iter().filter_map(|(partition, next)| warning(partition, next)).collect()
}

fn warning(partition: &Partition, next: i64) -> Option<String> {
    let Partition { topic, number, low, high, .. } = partition;
    // While nothing was ever removed, being close means nothing.
    let removes = *low > 0 && next < *high;
    (removes && next - low < (high - low) / 10).then(|| {
        format!(
            "topic {topic:?} partition {number}: {} messages are not loaded, and retention, which is at {low}, \
             is only {} behind the first of them; load soon, or raise retention.ms of the topic",
            high - next,
            next - low
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn warns_of_what_is_near() {
        let partition =
            |low, high| Partition { topic: "t".into(), topic_id: None, number: 3, low, high, begin: low };
        let warned = |low, high, next| !advice([(&partition(low, high), next)]).is_empty();
        assert!(warned(1000, 2000, 1050));
        assert!(warned(1000, 2000, 1000));
        assert!(!warned(1000, 2000, 1100));
        assert!(!warned(0, 2000, 0), "nothing was removed yet");
        assert!(!warned(1000, 1000, 1000), "nothing is left to load");
        let text = advice([(&partition(1000, 2000), 1050)]).remove(0);
        assert!(text.starts_with("topic \"t\" partition 3: 950 messages are not loaded"), "{text}");
    }
}
