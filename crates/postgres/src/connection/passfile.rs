//! The password file, `~/.pgpass`.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use tokio_postgres::config::{Config, Host};

/// Returns the password for a connection, from the first line that matches one of its hosts.
///
/// Ignores a file that others may read, as libpq does.
pub fn password(file: &Path, config: &Config, user: &str) -> Option<String> {
    let metadata = fs::metadata(file).ok()?;
    if metadata.mode() & 0o077 != 0 {
        tracing::warn!(file = %file.display(), "the password file is not used because others can access it; set its permissions to 0600");
        return None;
    }
    let text = fs::read_to_string(file).ok()?;
    let database = config.get_dbname().unwrap_or(user);
    (0..config.get_hosts().len()).find_map(|at| {
        let host = match &config.get_hosts()[at] {
            Host::Tcp(host) => host.clone(),
            Host::Unix(path) => path.display().to_string(),
        };
        let ports = config.get_ports();
        let port = ports.get(at).or(ports.first()).unwrap_or(&5432).to_string();
        text.lines().find_map(|line| entry(line, [&host, &port, database, user]))
    })
}

/// Returns the password of a line, if the line matches this connection.
fn entry(line: &str, wanted: [&str; 4]) -> Option<String> {
    if line.starts_with('#') {
        return None;
    }
    let mut fields = fields(line).into_iter();
    for wanted in wanted {
        let field = fields.next()?;
        let is_default_socket = wanted.starts_with('/') && field == "localhost";
        if field != "*" && field != wanted && !is_default_socket {
            return None;
        }
    }
    fields.next()
}

/// Splits a line at its colons; a backslash escapes the next character.
fn fields(line: &str) -> Vec<String> {
    let mut fields = vec![String::new()];
    let mut characters = line.chars();
    while let Some(c) = characters.next() {
        let c = match c {
            ':' => {
                fields.push(String::new());
                continue;
            }
            '\\' => characters.next().unwrap_or('\\'),
            c => c,
        };
        fields.last_mut().expect("there is one").push(c);
    }
    fields
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn the_first_line_that_fits() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let text = "# h:1:d:u:comment\nother:1:d:u:wrong\nh:1:*:u:a\\:b\\\\c\nh:*:*:*:late\nlocalhost:*:d:u:socket\n";
        fs::write(&file, text).unwrap();
        let find = |conninfo: &str| password(file.path(), &conninfo.parse().unwrap(), "u");
        assert_eq!(find("host=h port=1 dbname=d").as_deref(), Some("a:b\\c"));
        assert_eq!(find("host=h dbname=d").as_deref(), Some("late"));
        assert_eq!(find("host=/run/postgresql dbname=d").as_deref(), Some("socket"));
        assert_eq!(find("host=elsewhere,h port=1 dbname=d").as_deref(), Some("a:b\\c"));
        assert_eq!(find("host=elsewhere dbname=d"), None);
        fs::set_permissions(&file, fs::Permissions::from_mode(0o644)).unwrap();
        assert_eq!(find("host=h port=1 dbname=d"), None);
    }
}
