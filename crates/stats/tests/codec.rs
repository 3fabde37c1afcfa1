//! Text, JSON and binary read back bit for bit, and refuse what cannot be a tally.

mod common;

use common::{any_finite, bits, data, merged, rng};
use rand::seq::IndexedRandom;
use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use tally_stats::{Parts, Tally, TextError, WireError};

/// Any tally that SQL can make: of values, of special values, merged, with a part taken away.
fn any_tally(rng: &mut ChaCha8Rng) -> Tally {
    let (_, mut values) = data(rng, 200);
    for _ in 0..rng.random_range(0..3) {
        values.push(*[f64::NAN, f64::INFINITY, f64::NEG_INFINITY, -0.0, 0.0].choose(rng).unwrap());
    }
    let mut tally = merged(rng, &values);
    match rng.random_range(0..4) {
        0 => {
            let part: Tally = values[rng.random_range(0..values.len())..].iter().copied().collect();
            // Values too far apart for the difference are an error and leave the tally as it is.
            let _ = tally.unmerge(&part);
        }
        1 => tally.observe_wide(1e18, 0.1),
        _ => {}
    }
    tally
}

/// Equal to the bit in all that is reported, and in what the binary form holds.
fn assert_same(a: &Tally, b: &Tally) {
    assert_eq!(bits(a), bits(b), "{a} and {b}");
    assert_eq!(a.to_bytes(), b.to_bytes(), "{a} and {b}");
}

#[test]
fn every_form_reads_back() {
    let mut rng = rng(20);
    for _ in 0..20_000 {
        let tally = any_tally(&mut rng);
        let text = tally.to_string();
        assert_same(&tally, &text.parse().unwrap_or_else(|error| panic!("{error:?}: {text}")));
        let json = serde_json::to_string(&Parts::from(&tally)).unwrap();
        let parts: Parts = serde_json::from_str(&json).unwrap();
        assert_same(&tally, &parts.into_tally().unwrap_or_else(|error| panic!("{error:?}: {json}")));
        assert_same(&tally, &Tally::from_bytes(&tally.to_bytes()).unwrap());
    }
}

/// Asserts that what was accepted is a tally: it has bounds, no accessor is out of them, and it reads back.
fn assert_sound(tally: &Tally) {
    let _ = bits(tally);
    assert_same(tally, &Tally::from_bytes(&tally.to_bytes()).unwrap());
    assert_same(tally, &tally.to_string().parse().unwrap_or_else(|error| panic!("{error:?}: {tally}")));
    if let (Some(min), Some(mean), Some(max)) = (tally.min(), tally.avg(), tally.max()) {
        let room = (min.abs().max(max.abs())) * 1e-15;
        assert!(mean.is_nan() || min - room <= mean && (mean <= max + room || max.is_nan()), "{tally}");
    }
    assert!(tally.var_pop().is_none_or(|v| v >= 0.0 || v.is_nan()), "{tally}");
    let mut twice = *tally;
    twice.merge(tally);
    let _ = twice.unmerge(tally);
}

#[test]
fn mutated_text_is_refused_or_sound() {
    let mut rng = rng(21);
    let mut accepted = 0;
    for _ in 0..100_000 {
        let mut text = any_tally(&mut rng).to_string().into_bytes();
        for _ in 0..rng.random_range(1..4) {
            let at = rng.random_range(0..text.len().max(1));
            match rng.random_range(0..4) {
                0 => text[at] = *b"0123456789.-+eE(),[] <>=NaInfity".choose(&mut rng).unwrap(),
                1 => drop(text.remove(at)),
                2 => text.insert(at, *b"0123456789.-e,] ".choose(&mut rng).unwrap()),
                _ => text.truncate(at.max(8)),
            }
        }
        if let Ok(tally) = String::from_utf8_lossy(&text).parse::<Tally>() {
            assert_sound(&tally);
            accepted += 1;
        }
    }
    assert!(accepted > 1_000, "only {accepted} mutations were accepted: is anything tested?");
}

#[test]
fn mutated_bytes_are_refused_or_sound() {
    let mut rng = rng(22);
    let mut accepted = 0;
    for _ in 0..100_000 {
        let mut bytes = any_tally(&mut rng).to_bytes();
        for _ in 0..rng.random_range(1..4) {
            let at = rng.random_range(0..bytes.len());
            bytes[at] = if rng.random() { rng.random() } else { bytes[at] ^ 1 << rng.random_range(0..8) };
        }
        if rng.random_range(0..4) == 0 {
            let word = 1 + 8 * rng.random_range(0..10);
            bytes[word..word + 8].copy_from_slice(&any_finite(&mut rng).to_be_bytes());
        }
        let length =
            if rng.random_range(0..50) == 0 { rng.random_range(0..bytes.len()) } else { bytes.len() };
        if let Ok(tally) = Tally::from_bytes(&bytes[..length]) {
            assert_sound(&tally);
            accepted += 1;
        }
    }
    assert!(accepted > 1_000, "only {accepted} mutations were accepted: is anything tested?");
}

#[test]
fn impossible_texts_name_the_reason() {
    for (text, reason) in [
        ("(-1,2,2,1,3)", "count is negative"),
        ("(3,2,-1,1,3)", "m2 is negative"),
        ("(3,5,2,1,3)", "mean is not between min and max"),
        ("(3,2,2,3,1)", "min is greater than max"),
        ("(3,2,9,1,3)", "m2 is too large for min and max"),
        ("(3,2,0.1,1,3)", "m2 is too small for min and max"),
        ("(3,2,NaN,1,3)", "NaN and infinities must be counted in nonfinite"),
        ("(0,0,0,0,0)", "no values have nothing but their count"),
        ("(0,,,1,2)", "no values have nothing but their count"),
        ("(3,2,2,1,)", "mean, m2, min or max is missing"),
        ("(3,2,2,1,3) sum[12] squares[50]", "mean is not between min and max"),
        ("(3,2,2,1,3) sum[6.5] squares[16.2]", "mean does not agree with sum"),
        ("(1,NaN,NaN,,) nonfinite[2 0 0]", "there are more NaN and infinities than values"),
        ("(1,Infinity,NaN,1,1) nonfinite[0 1 0]", "min and max do not agree with the infinities"),
    ] {
        match text.parse::<Tally>() {
            Err(TextError::Impossible(why)) => assert_eq!(why.0, reason, "{text}"),
            other => panic!("{text}: {other:?}"),
        }
    }
}

#[test]
fn what_is_no_text_is_a_syntax_error() {
    for text in [
        "",
        "3",
        "(3,2,2,1)",
        "(3,2,2,1,3",
        "(3,2,2,1,3) x",
        "(3,2,2,1,3) sum[",
        "(x,2,2,1,3)",
        "(3,2,2,1,3,4)",
    ] {
        assert_eq!(text.parse::<Tally>(), Err(TextError::Syntax), "{text}");
    }
}

#[test]
fn bytes_of_another_version_or_length() {
    let mut bytes = Tally::EMPTY.to_bytes().to_vec();
    bytes[0] = 2;
    assert_eq!(Tally::from_bytes(&bytes), Err(WireError::Version(2)));
    bytes[0] = 1;
    bytes.push(0);
    assert_eq!(Tally::from_bytes(&bytes), Err(WireError::Length));
    assert_eq!(Tally::from_bytes(&[]), Err(WireError::Length));
}
