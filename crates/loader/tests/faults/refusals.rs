//! PostgreSQL answers, but will not take the rows: no space, locks, rights, and tables that change under the loader.

use std::path::Path;
use std::process::Command;
use std::thread;
use std::time::Duration;

use tally_testkit::{wait_until, Loader, Scene};

/// A job that has loaded its first messages.
fn scene(name: &str) -> (Scene, Loader) {
    let mut scene = Scene::new(name);
    scene.produce(1_000);
    let mut loader = scene.load();
    scene.wait_for_all(&mut loader);
    (scene, loader)
}

/// A lock is held for as long as somebody likes: the loader waits, quietly, and goes on.
#[test]
#[ignore = "breaks servers; scripts/test.py faults"]
fn lock_held() {
    let (mut scene, mut loader) = scene("lock_held");
    scene.execute("BEGIN; LOCK TABLE trades");
    scene.produce(2_000);
    let before = loader.processor_time();
    thread::sleep(Duration::from_secs(8));
    let spent = loader.processor_time() - before;
    assert!(spent < Duration::from_secs(1), "it spins: {spent:?}");
    loader.assert_runs();
    scene.execute("COMMIT");
    scene.finish(loader);
}

#[test]
#[ignore = "breaks servers; scripts/test.py faults"]
fn read_only() {
    let (mut scene, loader) = scene("read_only");
    assert!(loader.terminate().success());
    scene.produce(1_000);
    scene.database_options = "-c default_transaction_read_only=on".into();
    let complaint = scene.complaint(scene.load());
    assert!(complaint.contains("25006") && complaint.contains("primary"), "{complaint}");
    scene.database_options.clear();
    let loader = scene.load();
    scene.finish(loader);
}

#[test]
#[ignore = "breaks servers; scripts/test.py faults"]
fn right_revoked() {
    let (mut scene, loader) = scene("right_revoked");
    assert!(loader.terminate().success());
    scene.execute(
        "CREATE ROLE trades LOGIN; GRANT ALL ON TABLE trades TO trades; GRANT USAGE ON SCHEMA loader TO trades;
         GRANT ALL ON ALL TABLES IN SCHEMA loader TO trades",
    );
    scene.user = scene.name.clone();
    let mut loader = scene.load();
    scene.produce(1_000);
    scene.wait_for_all(&mut loader);
    scene.execute("REVOKE INSERT ON trades FROM trades");
    scene.produce(1_000);
    let complaint = scene.complaint(loader);
    assert!(complaint.contains("42501") && complaint.contains("GRANT"), "{complaint}");
    scene.check();
    scene.execute("GRANT INSERT ON trades TO trades");
    let loader = scene.load();
    scene.finish(loader);
}

#[test]
#[ignore = "breaks servers; scripts/test.py faults"]
fn table_dropped() {
    let (mut scene, loader) = scene("table_dropped");
    scene.execute("ALTER TABLE trades RENAME TO trades_away");
    scene.produce(1_000);
    let complaint = scene.complaint(loader);
    assert!(complaint.contains("42P01") && complaint.contains(&scene.name), "{complaint}");
    scene.execute("ALTER TABLE trades_away RENAME TO trades");
    scene.check();
    let loader = scene.load();
    scene.finish(loader);
}

#[test]
#[ignore = "breaks servers; scripts/test.py faults"]
fn column_added_and_another_dropped() {
    let (mut scene, mut loader) = scene("column_dropped");
    scene.execute("ALTER TABLE trades ADD more text DEFAULT 'x'");
    scene.produce(1_000);
    scene.wait_for_all(&mut loader);
    scene.execute("ALTER TABLE trades RENAME n TO m");
    scene.produce(1_000);
    let complaint = scene.complaint(loader);
    assert!(complaint.contains("42703") && complaint.contains("\"n\""), "{complaint}");
    scene.execute("ALTER TABLE trades RENAME m TO n");
    let loader = scene.load();
    scene.finish(loader);
}

/// The bytes of a binary COPY mean something else in a column of another type, even where they fit.
#[test]
#[ignore = "breaks servers; scripts/test.py faults"]
fn column_of_another_type() {
    for (n, kind) in ["integer", "double precision", "text"].iter().enumerate() {
        let (mut scene, loader) = scene(&format!("column_type_{n}"));
        scene.execute(&format!("ALTER TABLE trades ALTER n TYPE {kind}"));
        scene.produce(1_000);
        let complaint = scene.complaint(loader);
        assert!(complaint.contains("another type") || complaint.contains(kind), "{complaint}");
        scene.execute("ALTER TABLE trades ALTER n TYPE bigint USING n::bigint");
        scene.check();
        let loader = scene.load();
        scene.finish(loader);
    }
}

/// Stored positions that are gone, by somebody's hand or with a restored backup: nothing starts over in silence.
#[test]
#[ignore = "breaks servers; scripts/test.py faults"]
fn positions_gone() {
    let (mut scene, loader) = scene("positions_gone");
    scene.execute("CREATE TABLE trades_positions AS SELECT * FROM loader.offsets WHERE job = 'trades'");
    scene.execute("DELETE FROM loader.offsets WHERE job = 'trades'");
    scene.produce(1_000);
    scene.complaint(loader);
    let rows = "SELECT count(*) FROM trades";
    assert_eq!(scene.number(rows), 1_000);
    let complaint = scene.complaint(scene.load());
    assert!(complaint.contains("loader.offsets"), "{complaint}");
    assert_eq!(scene.number(rows), 1_000, "it started again");
    scene.execute("INSERT INTO loader.offsets SELECT * FROM trades_positions");
    let loader = scene.load();
    scene.finish(loader);
}

/// A small file system with a table's rows.
struct Tablespace {
    directory: String,
}

impl Tablespace {
    /// Mounts a small file system; returns nothing if this user may not.
    fn mount(name: &str) -> Option<Self> {
        let directory = Path::new("/var/tmp").join(name).display().to_string();
        std::fs::create_dir(&directory).unwrap();
        let tablespace = Self { directory };
        run("mount", &["-t", "tmpfs", "-o", "size=2m", "tmpfs", &tablespace.directory]).then_some(tablespace)
    }

    fn grow(&self) {
        assert!(run("mount", &["-o", "remount,size=256m", &self.directory]));
    }
}

impl Drop for Tablespace {
    fn drop(&mut self) {
        // Without a mount there is nothing to unmount.
        run("umount", &[&self.directory]);
        let _ = std::fs::remove_dir(&self.directory);
    }
}

fn run(program: &str, arguments: &[&str]) -> bool {
    Command::new(program).args(arguments).output().is_ok_and(|output| output.status.success())
}

#[test]
#[ignore = "breaks servers; scripts/test.py faults"]
fn disk_full() {
    let mut scene = Scene::new("disk_full");
    let Some(tablespace) = Tablespace::mount(&scene.name) else {
        println!("only root can mount a small file system: the disk is not filled");
        return;
    };
    assert!(run("chown", &["postgres", &tablespace.directory]));
    scene.execute(&format!("CREATE TABLESPACE trades LOCATION '{}'", tablespace.directory));
    scene.execute("ALTER TABLE trades SET TABLESPACE trades");
    scene.produce(60_000);
    let mut loader = scene.load();
    wait_until(|| scene.log().contains("53100"));
    let stored = scene.progress();
    thread::sleep(Duration::from_secs(3));
    loader.assert_runs();
    assert_eq!(scene.progress(), stored, "it pauses");
    scene.check();
    tablespace.grow();
    scene.finish(loader);
    // Or a crash of the server in another test would look for it in recovery.
    scene.execute("ALTER TABLE trades SET TABLESPACE pg_default");
    scene.execute("DROP TABLESPACE trades");
    scene.execute("CHECKPOINT");
}
