//! A new user's way: what `tally check` says when all is well, and the one line for each usual mistake.

use std::net::TcpListener;

use tally_testkit::{database_url, read_request, tally, World};

const COLUMNS: &str =
    "columns = [{ name = 'id', type = 'bigint', required = true }, { name = 'note', type = 'text' }]";

#[test]
#[ignore = "needs PostgreSQL, in DATABASE_URL"]
fn all_is_well() {
    let mut world = World::new("check_well");
    world.produce(&[b"{\"id\":1}", b"{\"id\":2}", b"no"]);
    let text = checked(&world.config(COLUMNS));
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines[..2], ["configuration: ok, 1 topics", "broker and topics: ok, 1 partitions"]);
    let version = world.column("SELECT split_part(current_setting('server_version'), ' ', 1)").remove(0);
    assert!(lines[2].starts_with("database postgres at 127.0.0.1:"), "{text}");
    assert!(lines[2].contains(&format!(": ok, PostgreSQL {version}, ")), "{text}");
    let rest = ["topic \"check_well\": table \"check_well\".\"t\", 2 columns", "3 messages to load"];
    assert_eq!(lines[3..], rest);
    assert!(!world.exists("check_well.t"), "it has changed nothing");

    world.load(COLUMNS);
    let text = checked(&world.config(COLUMNS));
    assert!(text.contains("\n0 messages to load\n"), "{text}");
    assert!(text.contains("note: loader.dead_letters has 1 messages of this job"), "{text}");
}

/// Returns what `tally check` prints; the check must succeed.
fn checked(config: &str) -> String {
    let output = tally("check", config, &[]);
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{text}");
    assert!(output.stderr.is_empty());
    text
}

#[test]
#[ignore = "needs PostgreSQL, in DATABASE_URL"]
fn each_mistake_has_its_line() {
    let mut world = World::new("check_mistakes");
    let good = world.config(COLUMNS);
    let brokers = world.cluster.bootstrap_servers();
    let url = database_url();
    let server = url.rsplit_once('/').unwrap().0;
    let database = |other: &str| good.replace(&url, other);
    let registry = |url: &str| good.replace("[[topic]]", &format!("[registry]\nurl = '{url}'\n[[topic]]"));

    let strangers = TcpListener::bind("127.0.0.1:0").unwrap();
    let stranger = strangers.local_addr().unwrap();
    std::thread::spawn(move || {
        while let Ok((connection, _)) = strangers.accept() {
            use std::io::Write;
            read_request(&connection);
            let _ = (&connection)
                .write_all(b"HTTP/1.1 401 Unauthorized\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
        }
    });

    let role = "DO $$ BEGIN
                    IF to_regrole('check_nobody') IS NOT NULL THEN DROP OWNED BY check_nobody; DROP ROLE check_nobody; END IF;
                    IF to_regrole('check_reader') IS NOT NULL THEN DROP OWNED BY check_reader; DROP ROLE check_reader; END IF;
                END $$;
                CREATE ROLE check_nobody LOGIN;
                CREATE ROLE check_reader SUPERUSER LOGIN;
                ALTER ROLE check_reader SET default_transaction_read_only = on";
    world.database.batch_execute(role).unwrap();
    let as_role = |name: &str| database(&url.replace("postgres@", &format!("{name}@")));

    for (config, place, mend) in [
        // Kafka.
        (
            good.replace(&brokers, "127.0.0.1:1"),
            "broker 127.0.0.1:1: cannot be reached: ",
            "; check `brokers` in",
        ),
        (
            good.replace(&brokers, "no-such-host.invalid:9092"),
            "broker no-such-host.invalid:9092: cannot be reached: ",
            "; check the host names in `brokers`",
        ),
        (
            good.replace("name = 'check_mistakes'\n", "name = 'absent'\n"),
            "topic \"absent\": not found on the broker",
            "; create it",
        ),
        // PostgreSQL.
        (
            database("postgres://postgres@127.0.0.1:1/x"),
            "database x at 127.0.0.1:1: Connection refused",
            "; check host and port",
        ),
        (
            database("postgres://postgres@no-such-host.invalid/x"),
            "database x at no-such-host.invalid:5432: failed to lookup address",
            "; check the host in `database`",
        ),
        (database(&format!("{server}/absent")), "database absent at ", "; run CREATE DATABASE"),
        (as_role("check_absent"), "role \"check_absent\" does not exist", "; run CREATE ROLE"),
        (as_role("check_nobody"), "permission denied for", "GRANT the loader's role CREATE ON DATABASE"),
        (as_role("check_reader"), "read-only transaction", "; connect to the primary server"),
        (
            database(&format!("{url}?sslmode=require")),
            "the server does not offer TLS",
            "; set ssl = on at the server",
        ),
        (
            database("postgres://h/x?ssl=true"),
            "`database`: invalid connection string: unknown option `ssl`",
            "; write",
        ),
        // The registry.
        (registry("http://127.0.0.1:1"), "schema registry http://127.0.0.1:1: ", "refused"),
        (
            registry(&format!("http://{stranger}")),
            "authentication failed",
            "; set `user` and `password` of [registry]",
        ),
        (registry("localhost:8081"), "[registry]: `url` is \"localhost:8081\"", "; begin it with http"),
        // The tables.
        (
            good.replace("'bigint'", "'uuid'"),
            "column \"id\" is bigint, but uuid is configured",
            "; change `type`",
        ),
        (good.replace("check_mistakes.t", "absent.t"), "schema \"absent\" does not exist", "CREATE SCHEMA"),
        (
            world.config("").replace("check_mistakes.t", "absent.t"),
            "schema \"absent\" does not exist",
            "CREATE SCHEMA",
        ),
        // Metrics.
        (format!("{good}\n[http]\nlisten = '9464'"), "[http] listen \"9464\": ", "; listen on a free port"),
    ] {
        if place.contains("but uuid") {
            world
                .database
                .batch_execute("CREATE TABLE check_mistakes.t (id bigint, note text, overflow jsonb)")
                .unwrap();
        }
        let output = tally("check", &config, &[]);
        let text = [output.stdout, output.stderr].concat();
        let text = String::from_utf8(text).unwrap();
        assert!(!output.status.success(), "{text}");
        let line = text
            .lines()
            .find(|line| line.contains(place))
            .unwrap_or_else(|| panic!("no {place:?} in {text}"));
        println!("{line}");
        assert!(line.contains(mend), "no {mend:?} in {line}");
    }
}
