//! Notifications to a webhook that fails before it takes them, refuses them, or never answers.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::sync::mpsc::{channel, Receiver};
use std::thread;
use std::time::Duration;

use tally_notify::{Notifier, Origin, Problem};
use tally_rows::config::{NotifyConfig, NotifyFormat, Secret};

/// A server that answers with these codes, one after the other, and sends what it got; 0 is no answer.
fn webhook(codes: &'static [u16]) -> (String, Receiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/secret", listener.local_addr().unwrap());
    let (requests, received) = channel();
    thread::spawn(move || {
        let mut unanswered = Vec::new();
        for code in codes {
            let mut stream = listener.accept().unwrap().0;
            let (mut text, mut part) = (String::new(), [0; 4096]);
            while !text.ends_with('}') {
                let n = stream.read(&mut part).unwrap();
                text += std::str::from_utf8(&part[..n]).unwrap();
            }
            requests.send(text.split("\r\n\r\n").nth(1).unwrap().to_string()).unwrap();
            if *code == 0 {
                unanswered.push(stream);
            } else {
                write!(stream, "HTTP/1.1 {code} X\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
                    .unwrap();
            }
        }
        // Until the test ends.
        thread::park();
    });
    (url, received)
}

fn notifier(url: String) -> Notifier {
    let config = NotifyConfig { url: Secret::Plain(url), format: NotifyFormat::Json, dead_letter_share: 0.5 };
    Notifier::new(&config, Origin { program: "tally load", job: "market".into() }).unwrap()
}

fn not_ready() -> Problem {
    Problem { name: "not ready", subject: String::new() }
}

fn next(received: &Receiver<String>) -> serde_json::Value {
    serde_json::from_str(&received.recv_timeout(Duration::from_secs(60)).unwrap()).unwrap()
}

#[test]
fn is_sent_again_until_it_is_taken_and_then_no_more() {
    let (url, received) = webhook(&[500, 429, 200, 204]);
    let notifier = notifier(url);
    for _ in 0..100 {
        notifier.raise(not_ready(), "no broker answers");
    }
    for _ in 0..3 {
        let told = next(&received);
        assert_eq!((&told["phase"], &told["summary"]), (&"begins".into(), &"no broker answers".into()));
        assert_eq!((&told["program"], &told["job"]), (&"tally load".into(), &"market".into()));
    }
    notifier.clear(&not_ready());
    notifier.finish();
    assert_eq!(next(&received)["phase"], "over");
    assert!(received.try_recv().is_err(), "nothing was sent twice");
}

#[test]
fn what_is_refused_is_not_sent_again() {
    let (url, received) = webhook(&[404, 200]);
    let notifier = notifier(url);
    notifier.raise(not_ready(), "first");
    notifier.raise(Problem { name: "failed", subject: String::new() }, "second");
    notifier.finish();
    assert_eq!(next(&received)["summary"], "first");
    assert_eq!(next(&received)["summary"], "second");
}

#[test]
fn nobody_waits_for_a_webhook_that_never_answers() {
    let (url, received) = webhook(&[0]);
    let notifier = notifier(url);
    notifier.raise(not_ready(), "first");
    next(&received);
    // The queue has room for these; nothing blocks.
    for topic in 0..9 {
        notifier.raise(Problem { name: "topic stopped", subject: topic.to_string() }, "s");
    }
    notifier.finish();
}
