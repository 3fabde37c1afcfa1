//! Equal rows lead to equal bits, whichever way the work was split.

mod common;

use common::{bits, data, merged, rng, steps_apart};
use rand::seq::SliceRandom;
use tally_stats::Tally;

#[test]
fn serial_shuffled_and_merged_agree() {
    let mut rng = rng(10);
    let mut differing = 0;
    for trial in 0..10_000 {
        let (what, mut values) = data(&mut rng, 2_000);
        let serial: Tally = values.iter().copied().collect();
        let parts = merged(&mut rng, &values);
        values.shuffle(&mut rng);
        let shuffled: Tally = values.iter().copied().collect();
        let both = merged(&mut rng, &values);
        let others = [parts, shuffled, both];
        for other in &others {
            assert!(steps_apart(&serial, other) <= 1, "trial {trial}, {what}: more than an ulp apart");
        }
        differing += usize::from(others.iter().any(|other| bits(other) != bits(&serial)));
    }
    assert!(differing <= 1, "{differing} of 10,000 trials differ in a bit");
}
