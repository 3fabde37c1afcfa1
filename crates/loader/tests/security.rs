//! Encryption, authentication and secrets: against a PostgreSQL with certificates of the test's own making, and an
//! Apache Kafka that speaks TLS and knows its users.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use base64::prelude::{Engine, BASE64_STANDARD};
use postgres::Client;
use tally_testkit::{connect, database_url, environment, program, start_in, wait_until, World};
use tempfile::TempDir;

const PASSWORD: &str = "hunter2-of-postgres";
/// The loader's environment: its passwords, and all of its log.
const ENVIRONMENT: [(&str, &str); 3] = [
    ("TALLY_TEST_PG_PASSWORD", PASSWORD),
    ("TALLY_TEST_KAFKA_PASSWORD", "tally-secret"),
    ("RUST_LOG", "trace"),
];
/// Rules for users: one must come encrypted and with a password, one with a certificate. Other users are not affected.
const RULES: &str = "hostssl all tls_password all scram-sha-256\nhostnossl all tls_password all reject\n\
                     hostssl all tls_certificate all cert\n";

#[test]
#[ignore = "needs PostgreSQL, in DATABASE_URL"]
fn postgresql_over_tls() {
    let mut world = World::new("tls");
    let files = Certificates::new();
    let tls = Tls::serve(&files);
    let port = tls.port;
    let password_file = files.write("password", PASSWORD);
    let passfile = files.write("pgpass", &format!("localhost:{port}:*:tls_password:{PASSWORD}\n"));
    let base = world.config("");
    let config = |rest: &str, password: &str| {
        let url = format!("host=localhost port={port} dbname=postgres {rest}");
        let database = format!("database = {{ url = \"{url}\"{password} }}");
        base.replace(&format!("database = '{}'", database_url()), &database)
    };
    let root = |name: &str| format!("sslrootcert={}", files.path(name).display());
    let full = format!("user=tls_password sslmode=verify-full {}", root("ca.pem"));

    // Each way to give the password, and each mode that is satisfied with the server.
    world.produce(&[b"{\"id\":1}"]);
    let by_env = ", password = { env = 'TALLY_TEST_PG_PASSWORD' }";
    let by_file = format!(", password = {{ file = '{}' }}", password_file.display());
    let by_passfile = format!("{full} passfile={}", passfile.display());
    let modes = ["sslmode=require", "sslmode=prefer", "channel_binding=require"];
    let mut good = vec![config(&full, by_env), config(&full, &by_file), config(&by_passfile, "")];
    good.extend(modes.map(|mode| config(&format!("user=tls_password {mode}"), by_env)));
    let ca_only = format!("user=tls_password host=127.0.0.1 sslmode=verify-ca {}", root("ca.pem"));
    good.push(
        config(&ca_only.replace("host=127.0.0.1 ", ""), by_env).replace("host=localhost", "host=127.0.0.1"),
    );
    let (certificate, key) = (files.path("client.pem"), files.path("client.key"));
    let pair = format!("sslcert={} sslkey={}", certificate.display(), key.display());
    good.push(config(&format!("user=tls_certificate sslmode=verify-full {} {pair}", root("ca.pem")), ""));
    for config in &good {
        let output = loudly("load", config);
        assert!(output.status.success(), "{config}\n{}", said(&output));
        assert_secret(&output);
    }
    assert_eq!(world.column("SELECT id::text FROM tls.t"), ["1"]);

    // And each way to fail, in a line that says what to do.
    let other = format!("user=tls_password sslmode=verify-full {}", root("other.pem"));
    let mismatch = config(&full, by_env).replace("host=localhost", "host=127.0.0.1");
    for (config, expected) in [
        (config(&other, by_env), ["certificate is not accepted", "set sslrootcert"]),
        (
            config("user=tls_password sslmode=verify-full sslrootcert=system", by_env),
            ["not accepted", "sslrootcert"],
        ),
        (mismatch, ["IP address mismatch", "sslmode=verify-ca"]),
        (
            config(&full, ", password = 'wrong-hunter2-of-postgres'"),
            ["password authentication failed", "PGPASSWORD"],
        ),
        (config(&full, ""), ["asks for a password", "PGPASSWORD"]),
        (config("user=tls_password sslmode=disable", by_env), ["rejects connection", "sslmode=require"]),
        (config("user=tls_certificate sslmode=require", ""), ["certificate", ""]),
        (
            config(&full, ", password = { file = '/no/such' }"),
            ["/no/such: No such file", "let the loader's user"],
        ),
    ] {
        let output = loudly("load", &config);
        let text = String::from_utf8(output.stderr.clone()).unwrap();
        let last = text.lines().last().unwrap();
        assert!(
            !output.status.success() && expected.iter().all(|part| last.contains(part)),
            "{expected:?}: {text}"
        );
        assert_secret(&output);
    }
}

#[test]
#[ignore = "needs PostgreSQL, in DATABASE_URL, and Kafka with users, in KAFKA_BROKERS and KAFKA_SECURE_BROKERS"]
fn kafka_over_tls_with_users() {
    let mut world = World::new("sasl");
    let topic = format!("sasl_{}", std::process::id());
    let (open, certificate) = (environment("KAFKA_BROKERS"), environment("KAFKA_CERTIFICATE"));
    let simulate = format!("simulate --topic {topic} --count 1000 --partitions 2 --brokers {open}");
    assert!(program("tally-market").args(simulate.split(' ')).status().unwrap().success());
    let files = Certificates::new();
    let file = files.write("password", "tally-secret\n");
    let base =
        world.config("").replace(&world.cluster.bootstrap_servers(), &environment("KAFKA_SECURE_BROKERS"));
    let config = |security: &str| {
        let config = base.replace("name = 'sasl'", &format!("name = '{topic}'"));
        config.replace("[[topic]]", &format!("[kafka]\n{security}\n[[topic]]"))
    };
    let login = |mechanism: &str, user: &str, password: &str| {
        format!(
            "'security.protocol' = 'sasl_ssl'\n'ssl.ca.location' = '{certificate}'\n\
             'sasl.mechanism' = '{mechanism}'\n'sasl.username' = '{user}'\n'sasl.password' = {password}\n"
        )
    };
    let from_env = "{ env = 'TALLY_TEST_KAFKA_PASSWORD' }";
    let from_file = format!("{{ file = '{}' }}", file.display());
    let good = login("SCRAM-SHA-512", "tally", from_env);
    for security in [good.clone(), login("PLAIN", "tally", &from_file)] {
        let output = loudly("load", &config(&security));
        assert!(output.status.success(), "{}", said(&output));
        assert_secret(&output);
    }
    assert_eq!(world.column("SELECT count(*)::text FROM sasl.t"), ["1000"]);

    let authority = format!("'ssl.ca.location' = '{certificate}'");
    let other = format!("'ssl.ca.location' = '{}'", files.path("other.pem").display());
    for (security, expected) in [
        (
            login("SCRAM-SHA-512", "tally", "'wrong-secret'"),
            ["Authentication failed", "check sasl.mechanism"],
        ),
        (login("SCRAM-SHA-512", "guest", "'guest-secret'"), ["no right to read the topic", "kafka-acls"]),
        (good.replace(&authority, &other), ["certificate", "ssl. properties"]),
        (good.replace("sasl_ssl", "plaintext"), ["Disconnected", "security.protocol"]),
        (good.replace("sasl.password", "sasl.pasword"), ["\"sasl.pasword\": No such", "CONFIGURATION.md"]),
        (good.replace("tally-secret", "").replace("SCRAM-SHA-512", "SCRAM"), ["SCRAM", ""]),
    ] {
        let output = loudly("load", &config(&security));
        let text = String::from_utf8(output.stderr.clone()).unwrap();
        let last = text.lines().last().unwrap();
        assert!(
            !output.status.success() && expected.iter().all(|part| last.contains(part)),
            "{expected:?}: {text}"
        );
        assert_secret(&output);
    }
}

/// Runs a command to the end with everything logged that can be.
fn loudly(command: &str, config: &str) -> Output {
    let (child, _file) = start_in(&ENVIRONMENT, command, config, &["--until-end"]);
    child.wait_with_output().unwrap()
}

fn said(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

fn assert_secret(output: &Output) {
    let text = said(output);
    for secret in
        [PASSWORD, "tally-secret", "guest-secret", "wrong-secret", &BASE64_STANDARD.encode(PASSWORD)]
    {
        assert!(!text.contains(secret), "{secret} shows in: {text}");
    }
}

/// An authority with what it signed, and another authority.
struct Certificates(TempDir);

impl Certificates {
    fn new() -> Self {
        let files = Self(TempDir::new().unwrap());
        files.sign("ca", "/CN=authority", &[]);
        files.sign("other", "/CN=other", &[]);
        let by_ca = ["-CA", "ca.pem", "-CAkey", "ca.key"];
        files.sign(
            "server",
            "/CN=server",
            &[&by_ca[..], &["-addext", "subjectAltName=DNS:localhost"]].concat(),
        );
        files.sign("client", "/CN=tls_certificate", &by_ca);
        files
    }

    fn sign(&self, name: &str, subject: &str, more: &[&str]) {
        let (certificate, key) = (format!("{name}.pem"), format!("{name}.key"));
        let mut openssl = Command::new("openssl");
        openssl.args(["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]);
        openssl.args(["-days", "2", "-subj", subject, "-out", &certificate, "-keyout", &key]).args(more);
        let output = openssl.current_dir(self.0.path()).output().unwrap();
        assert!(output.status.success(), "{}", said(&output));
    }

    fn path(&self, name: &str) -> PathBuf {
        Path::join(self.0.path(), name)
    }

    fn write(&self, name: &str, text: &str) -> PathBuf {
        use std::os::unix::fs::PermissionsExt;
        fs::write(self.path(name), text).unwrap();
        fs::set_permissions(self.path(name), fs::Permissions::from_mode(0o600)).unwrap();
        self.path(name)
    }
}

/// TLS in the server, with rules for two users, while the test lasts.
struct Tls {
    database: Client,
    port: u16,
}

impl Tls {
    fn serve(files: &Certificates) -> Self {
        let mut tls = Self { database: connect(), port: 0 };
        for name in ["ca.pem", "server.pem", "server.key"] {
            let text = BASE64_STANDARD.encode(fs::read(files.path(name)).unwrap());
            tls.on_server(&format!("umask 077; echo {text} | base64 -d >test_{name}"));
        }
        let rules = BASE64_STANDARD.encode(RULES);
        tls.on_server("[ -e hba.before ] || cp pg_hba.conf hba.before");
        tls.on_server(&format!(
            "(echo {rules} | base64 -d; cat hba.before) >hba.new; mv hba.new pg_hba.conf"
        ));
        for role in ["tls_password", "tls_certificate"] {
            if tls.database.query("SELECT FROM pg_roles WHERE rolname = $1", &[&role]).unwrap().is_empty() {
                let sql = format!("CREATE ROLE {role} SUPERUSER LOGIN PASSWORD '{PASSWORD}'");
                tls.run(&sql);
            }
        }
        for setting in [
            "ssl_ca_file = 'test_ca.pem'",
            "ssl_cert_file = 'test_server.pem'",
            "ssl_key_file = 'test_server.key'",
            "ssl = on",
        ] {
            tls.run(&format!("ALTER SYSTEM SET {setting}"));
        }
        tls.run("SELECT pg_reload_conf()");
        wait_until(|| {
            let mut fresh = connect();
            fresh.query_one("SHOW ssl", &[]).unwrap().get::<_, String>(0) == "on"
        });
        tls.port = tls.database.query_one("SHOW port", &[]).unwrap().get::<_, String>(0).parse().unwrap();
        tls
    }

    fn run(&mut self, sql: &str) {
        self.database.batch_execute(sql).unwrap();
    }

    /// Runs a command in the server's data directory, as its user.
    fn on_server(&mut self, command: &str) {
        self.run(&format!("COPY (SELECT 1) TO PROGRAM 'cat >/dev/null; {command}'"));
    }
}

impl Drop for Tls {
    fn drop(&mut self) {
        for setting in ["ssl", "ssl_ca_file", "ssl_cert_file", "ssl_key_file"] {
            self.run(&format!("ALTER SYSTEM RESET {setting}"));
        }
        self.on_server("mv hba.before pg_hba.conf");
        self.run("SELECT pg_reload_conf()");
    }
}
