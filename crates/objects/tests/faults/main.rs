//! Faults of an S3 server: an object is there as a whole or not at all, whoever wrote it knows which, and attempts end.

mod store;

use std::io::{self, Read, Write};
use std::time::Duration;

use bytes::Bytes;
use store::{Fault, Kind, Store, ALWAYS};
use tally_objects::{Address, Condition, Object, ObjectWriter, Put};
use tally_postgres::ErrorKind;

/// Size of an object of three pieces, as ObjectWriter sends them, the last of which is short.
const SIZE: usize = (20 << 20) + 7;
/// The number of times that a request is sent at most: once, and ten times again.
const ATTEMPTS: usize = 11;

const REFUSED: Fault = Fault::Refuse(500, "InternalError");
const BUSY: Fault = Fault::Refuse(503, "SlowDown");
/// A lost connection; which of both is said depends on who notices first.
const LOST: [&str; 2] = ["onnection", "roken pipe"];

/// Bytes that differ at any shift.
fn contents(seed: u64, size: usize) -> Bytes {
    let mut state = seed | 1;
    let next = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 56) as u8
    };
    std::iter::repeat_with(next).take(size).collect()
}

fn write(address: &Address, bytes: &[u8]) -> io::Result<String> {
    let mut writer = ObjectWriter::create(address)?;
    writer.write_all(bytes)?;
    writer.finish()
}

fn read(address: &Address) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    Object::find(address).unwrap().expect("the object is there").open(0).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// Whether an object is what was written, by the tag that the writer was told.
#[track_caller]
fn assert_stored(address: &Address, tag: &str, bytes: &[u8]) {
    let found = Object::find(address).unwrap().expect("the object is there");
    assert_eq!((found.version(), found.size()), (tag.to_string(), bytes.len() as u64));
    assert!(read(address).unwrap() == bytes, "other bytes");
}

#[track_caller]
fn assert_empty(store: &Store, why: &str) {
    assert!(Object::list(&store.address("")).unwrap().is_empty(), "{why}");
    assert_eq!(store.left_behind(), [""; 0], "{why}");
}

#[test]
fn passing_faults_of_an_upload_are_waited_out() {
    let store = Store::new();
    let bytes = contents(1, SIZE);
    let faults = [
        (Kind::Begin, REFUSED),
        (Kind::Begin, BUSY),
        (Kind::Begin, Fault::LoseAnswer),
        (Kind::Part, REFUSED),
        (Kind::Part, BUSY),
        (Kind::Part, Fault::CutRequest(3 << 20)),
        (Kind::Part, Fault::LoseAnswer),
        (Kind::Part, Fault::Wait(Duration::from_millis(200))),
        (Kind::Complete, REFUSED),
        (Kind::Complete, BUSY),
        (Kind::Complete, Fault::LoseAnswer),
        (Kind::Complete, Fault::CutAnswer(20)),
        // As for users who may write and not list, if there is no object.
        (Kind::Head, Fault::Refuse(403, "AccessDenied")),
    ];
    for (at, (kind, fault)) in faults.into_iter().enumerate() {
        store.fail(kind, fault, 2);
        let address = store.address(&format!("upload/{at}"));
        let tag = write(&address, &bytes).unwrap_or_else(|e| panic!("{kind:?} {fault:?}: {e}"));
        store.mend();
        assert_stored(&address, &tag, &bytes);
        assert_eq!(store.left_behind(), [""; 0], "{kind:?} {fault:?}");
    }
}

#[test]
fn lasting_faults_of_an_upload_end_it_and_leave_nothing() {
    let bytes = contents(2, SIZE);
    for (kind, fault, cause) in [
        (Kind::Begin, REFUSED, ["store answers 500 Internal Server Error: InternalError"; 2]),
        (Kind::Part, BUSY, ["store answers 503 Service Unavailable: SlowDown"; 2]),
        (Kind::Part, Fault::CutRequest(3 << 20), LOST),
        (Kind::Part, Fault::LoseAnswer, LOST),
        (Kind::Complete, REFUSED, ["store answers 500 Internal Server Error: InternalError"; 2]),
        (Kind::Complete, Fault::CutRequest(9), LOST),
    ] {
        let store = Store::new();
        let address = store.address("upload/once");
        store.fail(kind, fault, ALWAYS);
        let said = write(&address, &bytes).expect_err("a lasting fault").to_string();
        let is_said = cause.iter().any(|cause| said.contains(cause));
        assert!(is_said && said.ends_with("then run the command again"), "{kind:?} {fault:?}: {said}");
        assert!(store.requests(kind) <= 3 * ATTEMPTS, "{kind:?} {fault:?}: {}", store.requests(kind));
        store.mend();
        assert_empty(&store, &format!("{kind:?} {fault:?}"));
        let tag = write(&address, &bytes).unwrap();
        assert_stored(&address, &tag, &bytes);
    }
}

#[test]
fn an_object_that_was_there_before_is_not_taken_for_the_new_one() {
    let store = Store::new();
    let address = store.address("upload/again");
    let (before, after) = (contents(3, SIZE), contents(4, SIZE));
    let old = write(&address, &before).unwrap();
    store.fail(Kind::Complete, REFUSED, ALWAYS);
    write(&address, &after).expect_err("it was not replaced");
    store.mend();
    assert_stored(&address, &old, &before);
    store.fail(Kind::Complete, Fault::LoseAnswer, 1);
    let new = write(&address, &after).unwrap();
    assert_ne!(new, old);
    assert_stored(&address, &new, &after);
}

#[test]
fn conditions_are_respected_and_a_lost_answer_counts_as_a_refusal() {
    let store = Store::new();
    let address = store.address("whole/object");
    let put = |bytes: &'static [u8], condition: &Condition| {
        address.put(Bytes::from_static(bytes), condition).unwrap()
    };
    for fault in [REFUSED, BUSY, Fault::CutRequest(1)] {
        store.fail(Kind::Put, fault, 1);
    }
    let Put::Stored(first) = put(b"first", &Condition::Absent) else { panic!("refused") };
    assert_eq!(store.mend(), 0);
    assert_stored(&address, &first, b"first");
    assert_eq!(put(b"other", &Condition::Absent), Put::Refused);
    store.fail(Kind::Put, REFUSED, 1);
    let Put::Stored(second) = put(b"second", &Condition::Tag(first.clone())) else { panic!("refused") };
    assert_stored(&address, &second, b"second");
    assert_eq!(put(b"other", &Condition::Tag(first)), Put::Refused);
    // The second attempt finds what the first one has stored.
    store.fail(Kind::Put, Fault::LoseAnswer, 1);
    assert_eq!(put(b"third", &Condition::Tag(second)), Put::Refused);
    assert_eq!(address.get().unwrap().unwrap().0, b"third"[..]);
    let address = store.address("whole/other");
    store.fail(Kind::Put, Fault::LoseAnswer, 1);
    assert_eq!(address.put(Bytes::from_static(b"fourth"), &Condition::Absent).unwrap(), Put::Refused);
    assert_eq!(address.get().unwrap().unwrap().0, b"fourth"[..]);
    // Without a condition it is stored again.
    store.fail(Kind::Put, Fault::LoseAnswer, 1);
    let Put::Stored(tag) = address.put(Bytes::from_static(b"fifth"), &Condition::Any).unwrap() else {
        panic!("refused")
    };
    assert_eq!(address.get().unwrap(), Some((Bytes::from_static(b"fifth"), tag)));
}

#[test]
fn a_wrong_key_and_a_wrong_clock_are_named_at_once() {
    let store = Store::new();
    let is_named = |address: &Address, code: &str| {
        for failure in [
            address.put(Bytes::from_static(b"a"), &Condition::Absent).unwrap_err(),
            address.get().unwrap_err(),
        ] {
            let said = failure.to_string();
            assert!(said.contains("access denied") && said.contains("clock"), "{said}");
            assert!(said.contains(code), "{said}");
            assert_ne!(failure.kind(), ErrorKind::Retry);
        }
        let failed = write(address, b"a").expect_err("refused");
        assert_eq!(failed.kind(), io::ErrorKind::PermissionDenied, "{failed}");
        assert!(failed.to_string().contains(code), "{failed}");
    };
    is_named(&store.address_by("a", &[("AWS_SECRET_ACCESS_KEY", "wrong")]), "SignatureDoesNotMatch");
    let (put, get) = (store.requests(Kind::Put), store.requests(Kind::Get));
    assert_eq!((put, get), (1, 1), "an attempt is not repeated");
    for kind in [Kind::Put, Kind::Get, Kind::Begin] {
        store.fail(kind, Fault::Refuse(403, "RequestTimeTooSkewed"), ALWAYS);
    }
    let address = store.address("a");
    is_named(&address, "RequestTimeTooSkewed");
    store.mend();
    assert_empty(&store, "nothing was stored");
}

#[test]
fn a_bucket_that_is_not_there_is_named() {
    let store = Store::new();
    store.fail(Kind::Put, Fault::Refuse(404, "NoSuchBucket"), 1);
    let failure = store.address("a").put(Bytes::from_static(b"a"), &Condition::Any).unwrap_err();
    assert_eq!(failure.to_string(), "s3://bucket/a: no such bucket");
}

#[test]
fn reading_goes_on_after_passing_faults() {
    let store = Store::new();
    let address = store.address("read/object");
    let bytes = contents(5, SIZE);
    write(&address, &bytes).unwrap();
    for fault in
        [REFUSED, BUSY, Fault::CutAnswer(70_000), Fault::LoseAnswer, Fault::Wait(Duration::from_millis(200))]
    {
        store.fail(Kind::Get, fault, 2);
        store.fail(Kind::Head, fault, 1);
        assert!(read(&address).unwrap() == bytes, "{fault:?}");
        assert!(address.get().unwrap().unwrap().0 == bytes, "{fault:?}");
        store.mend();
    }
    store.fail(Kind::Get, BUSY, ALWAYS);
    let failure = address.get().unwrap_err();
    let said = failure.to_string();
    let expected = "s3://bucket/read/object: store answers 503 Service Unavailable: SlowDown; ";
    assert!(said.starts_with(expected), "{said}");
    assert_eq!(failure.kind(), ErrorKind::Retry);
}

#[test]
fn a_server_that_does_not_answer_is_given_up() {
    let store = Store::new();
    let address = store.address_by("slow", &[("AWS_TIMEOUT", "200ms")]);
    for kind in [Kind::Put, Kind::Get, Kind::Begin] {
        store.fail(kind, Fault::Wait(Duration::from_secs(3600)), ALWAYS);
    }
    let failure = address.put(Bytes::from_static(b"slow"), &Condition::Absent).unwrap_err();
    assert!(failure.to_string().contains("timed out") && failure.kind() == ErrorKind::Retry, "{failure}");
    assert_eq!(store.requests(Kind::Put), 1, "who knows whether it is done");
    let said = address.get().unwrap_err().to_string();
    assert!(said.contains("timed out"), "{said}");
    let said = write(&address, b"a").expect_err("no answer").to_string();
    assert!(said.contains("timed out"), "{said}");
    assert!(store.requests(Kind::Get) <= ATTEMPTS && store.requests(Kind::Begin) <= ATTEMPTS);
}
