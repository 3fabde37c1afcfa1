//! A proxy in front of a server of HTTP that fails some requests, or cuts some answers short.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use crate::address::read_request;

/// A fault of the server or the network.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HttpFault {
    /// The server answers with this status, and does nothing.
    Status(u16),
    /// The connection is closed after this many bytes of the answer.
    CutAfter(usize),
    /// The server does what it was told, and its answer is lost.
    LoseAnswer,
}

#[derive(Default)]
struct ProxyState {
    /// Faults to come: the method, the fault, and how often.
    faults: Vec<(&'static str, HttpFault, u32)>,
    /// The first lines of all requests.
    requests: Vec<String>,
}

/// The proxy; its threads end with the connections.
pub struct HttpProxy {
    /// The port it listens on, at 127.0.0.1.
    pub port: u16,
    state: Arc<Mutex<ProxyState>>,
}

impl HttpProxy {
    /// Starts a proxy in front of a server.
    pub fn to(server: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let state = Arc::<Mutex<ProxyState>>::default();
        let shared = state.clone();
        thread::spawn(move || {
            for client in listener.incoming() {
                let shared = shared.clone();
                // A connection ends as the fault or either side wants.
                thread::spawn(move || drop(serve(&client.unwrap(), server, &shared)));
            }
        });
        Self { port, state }
    }

    /// Lets a fault befall the next requests of this method.
    pub fn fail(&self, method: &'static str, fault: HttpFault, times: u32) {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).faults.push((method, fault, times));
    }

    /// Number of faults that have not occurred yet.
    pub fn faults_left(&self) -> u32 {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.faults.iter().map(|(_, _, times)| times).sum()
    }

    /// Number of requests of this method so far.
    pub fn requests(&self, method: &str) -> usize {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.requests.iter().filter(|request| request.starts_with(method)).count()
    }
}

/// Serves one request.
fn serve(mut client: &TcpStream, server: SocketAddr, state: &Mutex<ProxyState>) -> std::io::Result<()> {
    let (head, body) = read_message(client)?;
    let fault = {
        let mut state = state.lock().unwrap_or_else(PoisonError::into_inner);
        state.requests.push(head.lines().next().unwrap_or_default().to_string());
        let due = |(method, _, times): &&mut (&str, HttpFault, u32)| *times > 0 && head.starts_with(*method);
        state.faults.iter_mut().find(due).map(|(_, fault, times)| {
            *times -= 1;
            *fault
        })
    };
    if let Some(HttpFault::Status(status)) = fault {
        let answer = format!("HTTP/1.1 {status} Fault\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
        return client.write_all(answer.as_bytes());
    }
    let mut to = TcpStream::connect(server)?;
    // One request a connection: then the end of the answer is the end of the connection.
    let head: String = head
        .lines()
        .filter(|line| !line.to_ascii_lowercase().starts_with("connection:"))
        .map(|line| format!("{line}\r\n"))
        .collect();
    to.write_all(format!("{head}Connection: close\r\n\r\n").as_bytes())?;
    to.write_all(&body)?;
    let mut answer = Vec::new();
    to.read_to_end(&mut answer)?;
    match fault {
        Some(HttpFault::LoseAnswer) => Ok(()),
        Some(HttpFault::CutAfter(bytes)) => client.write_all(&answer[..bytes.min(answer.len())]),
        _ => client.write_all(&answer),
    }
}

/// Reads the head of a request and its body.
fn read_message(mut client: &TcpStream) -> std::io::Result<(String, Vec<u8>)> {
    let mut bytes = Vec::new();
    let mut buffer = [0; 16 << 10];
    let end = loop {
        if let Some(at) = bytes.windows(4).position(|four| four == b"\r\n\r\n") {
            break at;
        }
        match client.read(&mut buffer)? {
            0 => return Err(std::io::ErrorKind::UnexpectedEof.into()),
            n => bytes.extend(&buffer[..n]),
        }
    };
    let head = String::from_utf8_lossy(&bytes[..end]).into_owned();
    let length = head
        .lines()
        .find_map(|line| line.to_ascii_lowercase().strip_prefix("content-length:")?.trim().parse().ok());
    let mut body = bytes.split_off(end + 4);
    let missing = length.unwrap_or(0usize).saturating_sub(body.len());
    client.take(missing as u64).read_to_end(&mut body)?;
    if head.to_ascii_lowercase().contains("expect: 100-continue") {
        return Err(std::io::Error::other("100-continue is not known here"));
    }
    Ok((head, body))
}

/// A web server of files that are in memory; its thread ends with the process.
pub fn serve_files(files: Vec<(&'static str, Vec<u8>)>) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    thread::spawn(move || {
        for client in listener.incoming() {
            let mut client = client.unwrap();
            let request = read_request(&client);
            let name = request.split(' ').nth(1).unwrap_or_default();
            let found = files.iter().find(|(file, _)| *file == name);
            let answer = match found {
                None => b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n".to_vec(),
                Some((_, bytes)) => answer(&request, bytes),
            };
            // The client may have gone.
            let _ = client.write_all(&answer);
        }
    });
    port
}

fn answer(request: &str, bytes: &[u8]) -> Vec<u8> {
    let lower = request.to_ascii_lowercase();
    let range = lower.lines().find_map(|line| line.strip_prefix("range: bytes=")?.split_once('-'));
    let range =
        range.map(|(from, to)| from.parse().unwrap()..(to.parse::<usize>().unwrap() + 1).min(bytes.len()));
    let part = range.clone().unwrap_or(0..bytes.len());
    let status = match &range {
        Some(range) => {
            format!("206 Partial\r\nContent-Range: bytes {}-{}/{}", range.start, range.end - 1, bytes.len())
        }
        None => "200 OK".into(),
    };
    let head = format!(
        "HTTP/1.1 {status}\r\nContent-Length: {}\r\nETag: \"1\"\r\nLast-Modified: Thu, 01 Jan 2026 00:00:00 GMT\r\nConnection: close\r\n\r\n",
        part.len()
    );
    let body = if request.starts_with("HEAD") { &[] } else { &bytes[part] };
    [head.as_bytes(), body].concat()
}
