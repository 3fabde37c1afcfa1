//! Observability of a running loader: metrics, health, logs, and systemd.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::unix::net::UnixDatagram;
use std::process::{Child, Output, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value as Json;
use tally_testkit::{free_address, program, terminate, wait_until, World, STUCK};
use tempfile::NamedTempFile;

const COLUMNS: &str = "columns = [{ name = 'id', type = 'bigint', required = true }]";

#[test]
#[ignore = "needs PostgreSQL, in DATABASE_URL"]
fn metrics_and_health_follow_the_loader() {
    let mut world = World::new("observe");
    let ddl = "CREATE TABLE observe.t (id bigint CHECK (id < 1000), overflow jsonb)";
    world.database.batch_execute(ddl).unwrap();
    world.produce(&[b"{\"id\":1}", b"no", b"{\"id\":2}", b"{\"id\":1000}", b"{\"id\":3}"]);
    let address = free_address().to_string();
    let loader = Running::start(&world, &format!("[http]\nlisten = '{address}'"), &[]);
    let ask = |path: &str| get(&address, path);
    wait_for_metric(&address, "tally_position{topic=\"observe\",partition=\"0\"}", 5.0);
    wait_for_metric(&address, "tally_high_watermark{topic=\"observe\",partition=\"0\"}", 5.0);
    wait_until(|| ask("ready").0 == 200);
    for (name, value) in [
        ("tally_rows_total{table=\"observe.t\"}", 3.0),
        ("tally_dead_letters_total{topic=\"observe\",stage=\"decode\"}", 1.0),
        ("tally_dead_letters_total{topic=\"observe\",stage=\"write\"}", 1.0),
        ("tally_message_bytes_total", 42.0),
        ("tally_database_connections_total", 2.0), // one for the start, one for the lane
        ("tally_lag{topic=\"observe\",partition=\"0\"}", 0.0),
        ("tally_newest_message_age_seconds{topic=\"observe\"}", 0.0),
        ("tally_database_up", 1.0),
        ("tally_kafka_up", 1.0),
        ("tally_ready", 1.0),
    ] {
        wait_for_metric(&address, name, value);
    }
    let batches = metric(&address, "tally_batches_total").unwrap();
    assert!(batches >= 1.0);
    wait_for_metric(&address, "tally_batch_seconds_count", batches);
    wait_for_metric(&address, "tally_batch_seconds_bucket{le=\"+Inf\"}", batches);
    assert!(ask("metrics").1.contains("loader_job=\"observe\""));
    let newest = metric(&address, "tally_newest_message_timestamp_seconds{topic=\"observe\"}").unwrap();
    let now = world.column("SELECT extract(epoch FROM now())::text")[0].parse::<f64>().unwrap();
    assert!((now - newest).abs() < 60.0, "{newest} is not {now}");
    assert_eq!(ask("health"), (200, "{\"live\":true}".into()));
    assert_eq!(ask("nothing").0, 404);

    // What the alerts and the dashboard ask for is there.
    let asked = concat!(
        include_str!("../../../../deploy/prometheus/tally.rules.yml"),
        include_str!("../../../../deploy/grafana/tally.json")
    );
    let metrics = ask("metrics").1 + "tally_database_retries_total";
    for word in asked.split(|c: char| !c.is_ascii_alphanumeric() && c != '_') {
        assert!(!word.starts_with("tally_") || metrics.contains(word), "there is no {word}");
    }

    // The database is full for a while: what it says is what the loader says, and what waits is counted.
    let full = "CREATE FUNCTION observe.is_full() RETURNS trigger LANGUAGE plpgsql AS
                    $$BEGIN RAISE 'disk full, alas' USING ERRCODE = '53100'; END$$;
                CREATE TRIGGER is_full BEFORE INSERT ON observe.t EXECUTE FUNCTION observe.is_full()";
    world.database.batch_execute(full).unwrap();
    world.produce(&[b"{\"id\":4}"]);
    wait_until(|| ask("ready").0 == 503);
    let body: Json = serde_json::from_str(&ask("ready").1).unwrap();
    let reason = body["reasons"][0].as_str().unwrap();
    assert!(reason.starts_with("PostgreSQL has stored nothing since 2"), "{reason}");
    assert!(reason.contains("disk full, alas"), "{reason}");
    assert_eq!((&body["ready"], &body["job"]), (&Json::from(false), &Json::from("observe")));
    wait_for_metric(&address, "tally_lag{topic=\"observe\",partition=\"0\"}", 1.0);
    wait_until(|| metric(&address, "tally_database_retries_total") > Some(0.0));
    wait_until(|| metric(&address, "tally_newest_message_age_seconds{topic=\"observe\"}") > Some(0.0));
    wait_for_metric(&address, "tally_database_up", 0.0);
    assert_eq!(ask("health").0, 200, "a database that is away is no reason to start again");
    world.database.batch_execute("DROP TRIGGER is_full ON observe.t").unwrap();
    wait_until(|| ask("ready").0 == 200);
    wait_for_metric(&address, "tally_rows_total{table=\"observe.t\"}", 4.0);

    world.cluster.broker_down(1).unwrap();
    wait_until(|| ask("ready").1.contains("no Kafka broker has answered since 2"));
    wait_for_metric(&address, "tally_kafka_up", 0.0);
    world.cluster.broker_up(1).unwrap();
    wait_until(|| ask("ready").0 == 200);

    let output = loader.terminate();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
#[ignore = "needs PostgreSQL, in DATABASE_URL"]
fn a_connection_is_for_one_request() {
    let world = World::new("observe_requests");
    let address = free_address().to_string();
    let loader = Running::start(&world, &format!("[http]\nlisten = '{address}'"), &[]);
    wait_until(|| get(&address, "health").0 == 200);
    let mut connection = TcpStream::connect(&address).unwrap();
    connection.write_all("GET /health HTTP/1.1\r\nHost: tally\r\n\r\n".repeat(2).as_bytes()).unwrap();
    let mut answers = String::new();
    // The second request may be answered by a reset.
    let _ = connection.read_to_string(&mut answers);
    assert_eq!(answers.matches("HTTP/1.1 200").count(), 1, "{answers}");
    assert!(loader.terminate().status.success());
}

#[test]
#[ignore = "needs PostgreSQL, in DATABASE_URL"]
fn connections_are_few() {
    const MOST: usize = 64;
    let world = World::new("observe_connections");
    let address = free_address().to_string();
    let loader = Running::start(&world, &format!("[http]\nlisten = '{address}'"), &[]);
    wait_until(|| get(&address, "health").0 == 200);
    wait_until(|| waits_for_the_first_of(MOST, &address));
    wait_until(|| get(&address, "health").0 == 200);
    assert!(loader.terminate().status.success());
}

#[test]
#[ignore = "needs PostgreSQL, in DATABASE_URL"]
fn an_address_that_is_taken_is_said() {
    let world = World::new("observe_taken");
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let http = format!("[http]\nlisten = '{}'", taken.local_addr().unwrap());
    let output = Running::start(&world, &http, &[]).process.wait_with_output().unwrap();
    let text = String::from_utf8(output.stderr).unwrap();
    assert!(text.contains("tally: [http] listen \"127.0.0.1:") && text.contains("in use"), "{text}");
}

#[test]
#[ignore = "needs PostgreSQL, in DATABASE_URL"]
fn logs_are_for_machines_on_demand() {
    let mut world = World::new("observe_logs");
    world.produce(&[b"{\"id\":1}"]);
    let loader = Running::start(&world, "", &[("TALLY_LOG_FORMAT", "json")]);
    wait_until(|| world.exists("loader.offsets") && world.exists("observe_logs.t"));
    wait_until(|| world.next_offset() == 1);
    let lines = json_lines(&loader.terminate());
    assert!(lines.iter().all(|line| line["span"]["job"] == "observe_logs"), "{lines:?}");
    let stopped = lines.iter().find(|line| line["message"] == "stopped").unwrap();
    assert_eq!((&stopped["messages"], &stopped["level"]), (&Json::from(1), &Json::from("INFO")));

    let broken = Running::start(&world, "[kafka]\nx = 1", &[("TALLY_LOG_FORMAT", "json")]);
    let lines = json_lines(&broken.process.wait_with_output().unwrap());
    let last = lines.last().unwrap();
    assert_eq!(last["level"], "ERROR");
    assert!(last["message"].as_str().unwrap().starts_with("[kafka]: \"x\": No such"), "{last}");
}

#[test]
#[ignore = "needs PostgreSQL, in DATABASE_URL"]
fn systemd_is_told() {
    let world = World::new("observe_systemd");
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("notify");
    let socket = UnixDatagram::bind(&path).unwrap();
    socket.set_read_timeout(Some(STUCK)).unwrap();
    let expect = |wanted: &str| loop {
        let mut buffer = [0; 1000];
        let length = socket.recv(&mut buffer).unwrap_or_else(|error| panic!("no {wanted}: {error}"));
        let text = std::str::from_utf8(&buffer[..length]).unwrap();
        if text.lines().any(|line| line == wanted) {
            return text.to_string();
        }
    };
    let loader = Running::start(&world, "", &[("NOTIFY_SOCKET", path.to_str().unwrap())]);
    expect("READY=1");
    let beat = expect("WATCHDOG=1");
    assert!(beat.contains("STATUS="), "{beat}");
    expect("STATUS=0 messages behind");
    assert!(loader.terminate().status.success());
    expect("STOPPING=1");
}

/// A loader that does not outlive the test.
struct Running {
    process: Child,
    /// Goes with the loader.
    _config: NamedTempFile,
}

impl Running {
    fn start(world: &World, section: &str, environment: &[(&str, &str)]) -> Running {
        let mut file = NamedTempFile::new().unwrap();
        let config = world.config(COLUMNS).replace("[[topic]]", &format!("{section}\n[[topic]]"));
        file.write_all(config.as_bytes()).unwrap();
        let mut command = program("tally");
        command.arg("load").arg("--config").arg(file.path()).envs(environment.iter().copied());
        let process = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        Running { process, _config: file }
    }

    fn terminate(self) -> Output {
        terminate(&self.process);
        self.process.wait_with_output().unwrap()
    }
}

/// The status and the body; nobody there is status 0.
fn get(address: &str, path: &str) -> (u16, String) {
    let agent: ureq::Agent = ureq::Agent::config_builder().http_status_as_error(false).build().into();
    match agent.get(format!("http://{address}/{path}")).call() {
        Ok(mut answer) => (answer.status().as_u16(), answer.body_mut().read_to_string().unwrap()),
        Err(_) => (0, String::new()),
    }
}

/// Whether a request behind idle connections is answered once the first of them ends, and not before.
///
/// False too where the machine was so slow that the server may have given the idle connections up meanwhile.
fn waits_for_the_first_of(connections: usize, address: &str) -> bool {
    const GIVEN_UP: Duration = Duration::from_secs(10);
    const MOMENT: Duration = Duration::from_millis(500);
    let begun = Instant::now();
    let mut idle: Vec<_> = (0..connections).map(|_| TcpStream::connect(address).unwrap()).collect();
    let mut request = TcpStream::connect(address).unwrap();
    request.write_all(b"GET /health HTTP/1.1\r\nHost: tally\r\n\r\n").unwrap();
    request.set_read_timeout(Some(MOMENT)).unwrap();
    let mut answer = [0; 12];
    if request.read(&mut answer).is_ok() {
        return false;
    }
    idle.remove(0);
    request.set_read_timeout(Some(GIVEN_UP)).unwrap();
    request.read_exact(&mut answer).is_ok() && answer == *b"HTTP/1.1 200" && begun.elapsed() < GIVEN_UP
}

fn metric(address: &str, name: &str) -> Option<f64> {
    let text = get(address, "metrics").1;
    text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' ')?.parse().ok())
}

/// Waits until a metric has this value: metrics change one by one.
#[track_caller]
fn wait_for_metric(address: &str, name: &str, value: f64) {
    let until = Instant::now() + STUCK;
    while metric(address, name) != Some(value) {
        assert!(Instant::now() < until, "{name} is {:?} and not {value}", metric(address, name));
        std::thread::sleep(Duration::from_millis(20));
    }
}

fn json_lines(output: &Output) -> Vec<Json> {
    let text = std::str::from_utf8(&output.stderr).unwrap();
    text.lines()
        .map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}")))
        .collect()
}

#[test]
#[ignore = "needs PostgreSQL, in DATABASE_URL"]
fn people_are_told_of_what_needs_them() {
    let world = World::new("observe_alarm");
    let webhook = TcpListener::bind("127.0.0.1:0").unwrap();
    let section = format!("[notify]\nurl = 'http://{}/secret'\n", webhook.local_addr().unwrap());
    let told = || -> Json {
        let mut connection = webhook.accept().unwrap().0;
        let (mut request, mut part) = (String::new(), [0; 4096]);
        while !request.ends_with('}') {
            let n = connection.read(&mut part).unwrap();
            request += std::str::from_utf8(&part[..n]).unwrap();
        }
        connection.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n").unwrap();
        serde_json::from_str(request.split("\r\n\r\n").nth(1).unwrap()).unwrap()
    };
    let mut messages = vec![b"{\"id\":1}".as_slice(); 196];
    messages.extend([b"no".as_slice(); 4]);
    world.produce(&messages);
    let loader = Running::start(&world, &section, &[]);
    let message = told();
    assert_eq!(
        (&message["problem"], &message["phase"]),
        (&"dead letters".into(), &"begins".into()),
        "{message}"
    );
    assert!(message["summary"].as_str().unwrap().starts_with("2.00 % of the messages"), "{message}");
    assert!(loader.terminate().status.success());

    // A run that cannot go on.
    let unusable = format!("{section}[kafka]\n'ssl.ca.location' = '/nowhere'\n'security.protocol' = 'ssl'\n");
    let loader = Running::start(&world, &unusable, &[]);
    let message = told();
    assert_eq!(message["problem"], "failed", "{message}");
    let output = loader.process.wait_with_output().unwrap();
    assert!(!output.status.success());
    let log = String::from_utf8(output.stderr).unwrap();
    assert!(!log.contains("secret"), "{log}");
}
