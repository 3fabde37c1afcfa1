//! `tally-market demo` as a visitor runs it, with fewer trades.

use std::process::Command;

use postgres::{Client, NoTls};

#[test]
#[ignore = "needs PostgreSQL with pg_tally, in DATABASE_URL, and tally in the directory of tally-market"]
fn the_demo_ends_by_itself_and_finds_what_the_simulator_did() {
    let url = std::env::var("DATABASE_URL").expect("DATABASE_URL is set");
    let mut client = Client::connect(&url, NoTls).unwrap();
    // The extension watches every DDL command of its database: that of the other tests stays without.
    client.batch_execute("DROP DATABASE IF EXISTS market_demo").unwrap();
    client.batch_execute("CREATE DATABASE market_demo").unwrap();
    let (server, _) = url.rsplit_once('/').unwrap();
    let url = format!("{server}/market_demo");
    let output = Command::new(env!("CARGO_BIN_EXE_tally-market"))
        .args(["demo", "--count", "500000", "--surge", "SOL.USDT:3:1.4", "--database", &url])
        .output()
        .unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{text}{}", String::from_utf8_lossy(&output.stderr));
    for expected in
        ["Produced is loaded plus dead letters", "The same answer", "SOL.USDT rose from 0.9", "That is all."]
    {
        assert!(text.contains(expected), "{expected}: {text}");
    }
    let mut demo = Client::connect(&url, NoTls).unwrap();
    let left = "SELECT count(*) FROM pg_namespace WHERE nspname = 'tally_demo'";
    assert_eq!(demo.query_one(left, &[]).unwrap().get::<_, i64>(0), 0);
    drop(demo);
    client.batch_execute("DROP DATABASE market_demo").unwrap();
}
