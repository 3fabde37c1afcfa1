//! Addresses for servers under test, and what stands in for servers.

use std::fs;
use std::io::{BufRead, BufReader};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::ops::Range;
use std::sync::atomic::{AtomicU16, Ordering};

/// The number of addresses that this process has asked for.
static ASKED: AtomicU16 = AtomicU16::new(0);

/// Returns an address of this machine that is free, and stays so until a server listens there.
///
/// The kernel uses the ports of its own range for any outgoing connection, so the port is below that range; and each
/// process begins its search at another one.
pub fn free_address() -> SocketAddr {
    let ports = ports();
    let first = std::process::id().wrapping_mul(97);
    let next = || {
        let n = first.wrapping_add(u32::from(ASKED.fetch_add(1, Ordering::Relaxed)));
        SocketAddr::from(([127, 0, 0, 1], ports.start + (n % u32::from(ports.end - ports.start)) as u16))
    };
    let mut candidates = std::iter::repeat_with(next).take(ports.len());
    candidates.find(|address| TcpListener::bind(address).is_ok()).expect("a port is free")
}

/// Ports that need no privilege and that the kernel does not choose by itself.
fn ports() -> Range<u16> {
    const UNPRIVILEGED: u16 = 10_000;
    let range = fs::read_to_string("/proc/sys/net/ipv4/ip_local_port_range").unwrap_or_default();
    let end = range.split_whitespace().next().and_then(|first| first.parse().ok()).unwrap_or(32_768);
    UNPRIVILEGED..end.max(UNPRIVILEGED + 1_000)
}

/// Reads the head of an HTTP request, in however many pieces it comes. Whoever answers and closes before has the answer
/// reset with the connection.
pub fn read_request(connection: &TcpStream) -> String {
    let lines = BufReader::new(connection).lines().map_while(Result::ok);
    lines.take_while(|line| !line.is_empty()).collect::<Vec<_>>().join("\n")
}
