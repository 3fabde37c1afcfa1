//! A schema `loader` that somebody else made: its triggers would run as whoever loads.

use postgres::config::Host;
use postgres::{Client, Config, NoTls};
use tally_testkit::{connect, database_url, program, Files};

/// Connects to a database of this test: the others use the schema of theirs.
fn url(user: &str) -> String {
    let config: Config = database_url().parse().unwrap();
    let [Host::Tcp(host)] = config.get_hosts() else { panic!("DATABASE_URL names a host") };
    format!("postgres://{user}@{host}:{}/strangers", config.get_ports()[0])
}

fn as_user(user: &str) -> Client {
    Client::connect(&url(user), NoTls).unwrap()
}

#[test]
#[ignore = "needs PostgreSQL, in DATABASE_URL"]
fn a_schema_of_somebody_else_is_not_used() {
    let mut server = connect();
    server.batch_execute("DROP DATABASE IF EXISTS strangers").unwrap();
    for role in ["strangers_thief", "strangers_loader"] {
        server.batch_execute(&format!("DROP ROLE IF EXISTS {role}; CREATE ROLE {role} LOGIN")).unwrap();
    }
    server.batch_execute("CREATE DATABASE strangers").unwrap();
    let owner: String = server.query_one("SELECT current_user::text", &[]).unwrap().get(0);
    server.batch_execute("GRANT CREATE ON DATABASE strangers TO strangers_thief, strangers_loader").unwrap();
    let mut thief = as_user("strangers_thief");
    thief
        .batch_execute(&format!(
            "{}
             CREATE FUNCTION loader.trap() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
                 RAISE EXCEPTION 'caught %', current_user; END $$;
             CREATE TRIGGER trap BEFORE INSERT ON loader.files FOR EACH ROW EXECUTE FUNCTION loader.trap();
             GRANT ALL ON SCHEMA loader TO PUBLIC; GRANT ALL ON ALL TABLES IN SCHEMA loader TO PUBLIC",
            include_str!("../../src/files/schema.sql")
        ))
        .unwrap();
    let mut own = as_user(&owner);
    own.batch_execute("CREATE TABLE t (n int); GRANT ALL ON t TO PUBLIC").unwrap();
    let files = Files::new("strangers", "csv");
    files.write("a.csv", "n\n1\n");
    // Returns what the command says if it fails.
    let load = |user: &str| {
        let mut command = program("tally");
        command.args(["load", "csv", "--quiet", "--table", "t", "--database", &url(user)]);
        let output = command.arg("--").arg(files.path("a.csv")).output().unwrap();
        (!output.status.success()).then(|| String::from_utf8(output.stderr).unwrap())
    };
    let refused = |user: &str| {
        let said = load(user).unwrap_or_default();
        assert!(
            said.contains("schema loader is not used, since role \"strangers_thief\" owns it or some of it"),
            "{user}: {said}"
        );
        assert!(said.contains("Have the owner of the database, or a superuser, own"), "{user}: {said}");
    };
    refused(&owner);
    refused("strangers_loader");
    // Whoever made it falls into the own trap only.
    let said = load("strangers_thief").unwrap();
    assert!(said.contains("caught strangers_thief"), "{said}");

    own.batch_execute(&format!("ALTER SCHEMA loader OWNER TO {owner}")).unwrap();
    refused(&owner);
    own.batch_execute(&format!(
        "DROP TRIGGER trap ON loader.files; REASSIGN OWNED BY strangers_thief TO {owner}"
    ))
    .unwrap();
    assert_eq!(load("strangers_loader"), None);

    // A role that may become the loader's gains nothing.
    own.batch_execute(
        "ALTER SCHEMA loader OWNER TO strangers_thief; GRANT strangers_loader TO strangers_thief",
    )
    .unwrap();
    assert_eq!(load("strangers_loader"), None);
    refused(&owner);
    // The owner of the database is trusted with it.
    own.batch_execute("ALTER DATABASE strangers OWNER TO strangers_thief").unwrap();
    assert_eq!(load(&owner), None);
}
