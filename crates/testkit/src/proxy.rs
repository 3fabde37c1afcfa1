//! A TCP proxy in front of PostgreSQL that understands the client's messages, so that a fault can be placed at a
//! certain message: it holds the message, or the server's answer to it, until the test has done its worst.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{sync_channel, Receiver};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

/// Time that a trap may take to spring.
const PATIENCE: Duration = Duration::from_secs(60);

/// Requests for encryption, by TLS or by GSSAPI, with which a client begins; the answer is no.
const ENCRYPTION_WANTED: [[u8; 4]; 2] = [80_877_103_u32.to_be_bytes(), 80_877_104_u32.to_be_bytes()];

/// A message of the client.
#[derive(Debug, Clone, Copy)]
pub enum Message {
    /// A statement, sent at once or to be prepared, that contains this text.
    Statement(&'static str),
    /// The end of the data of COPY.
    CopyDone,
}

/// The traffic that is held.
#[derive(Debug, Clone, Copy)]
pub enum Hold {
    /// The message: the server does not see it.
    Message(Message),
    /// The server's answer: it has done what it was told, and the client does not know.
    Answer(Message),
}

/// The state of the proxy's one trap.
#[derive(Debug, Clone, Copy)]
enum Trap {
    None,
    /// Waits for a message, after this many of its kind.
    Armed(Hold, u32),
    /// Waits for the answer on this connection.
    Awaits(usize),
    Sprung,
    /// The connection that was held is to be closed without another byte.
    Cut,
}

struct State {
    trap: Trap,
    /// Bytes are taken and go nowhere.
    silent: bool,
    delay: Duration,
    /// Both ends of each connection, the closed ones included.
    connections: Vec<[TcpStream; 2]>,
}

struct Shared {
    server: SocketAddr,
    state: Mutex<State>,
    changed: Condvar,
}

/// The proxy; its threads end with the connections.
pub struct Proxy {
    /// The port it listens on, at 127.0.0.1.
    pub port: u16,
    shared: Arc<Shared>,
}

impl Proxy {
    /// Starts a proxy in front of a server.
    pub fn to(server: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let state = State { trap: Trap::None, silent: false, delay: Duration::ZERO, connections: Vec::new() };
        let shared = Arc::new(Shared { server, state: Mutex::new(state), changed: Condvar::new() });
        let accepting = shared.clone();
        thread::spawn(move || listener.incoming().for_each(|client| accept(&accepting, client.unwrap())));
        Self { port, shared }
    }

    /// Arms the trap for the message that comes after `skip` others like it.
    pub fn trap(&self, hold: Hold, skip: u32) {
        self.shared.lock().trap = Trap::Armed(hold, skip);
    }

    /// Waits until the trap has sprung.
    pub fn wait(&self) {
        let until = Instant::now() + PATIENCE;
        let mut state = self.shared.lock();
        while !matches!(state.trap, Trap::Sprung) {
            let left = until.saturating_duration_since(Instant::now());
            assert!(!left.is_zero(), "the trap did not spring: {:?}", state.trap);
            state = self.shared.changed.wait_timeout(state, left).unwrap().0;
        }
    }

    /// Releases the traffic that is held.
    pub fn release(&self) {
        self.set(Trap::None);
    }

    /// Closes the connection that is held.
    pub fn cut(&self) {
        self.set(Trap::Cut);
    }

    /// Drops all traffic from now on, without telling either side.
    pub fn silence(&self) {
        self.shared.lock().silent = true;
    }

    /// Ends the silence, except for connections that lost bytes in it, whose rest would be garbled.
    pub fn speak(&self) {
        self.shared.lock().silent = false;
    }

    /// Delays everything by this time, in each direction.
    pub fn delay(&self, delay: Duration) {
        self.shared.lock().delay = delay;
    }

    fn set(&self, trap: Trap) {
        self.shared.lock().trap = trap;
        self.shared.changed.notify_all();
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.set(Trap::Cut);
        self.shared.lock().connections.iter().for_each(close);
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Springs the trap and waits; says whether the connection goes on.
    fn spring(&self, mut state: MutexGuard<'_, State>) -> bool {
        state.trap = Trap::Sprung;
        self.changed.notify_all();
        while matches!(state.trap, Trap::Sprung) {
            state = self.changed.wait(state).unwrap();
        }
        !matches!(state.trap, Trap::Cut)
    }

    /// A message of the client is about to go to the server; says whether it may.
    fn pass(&self, connection: usize, kind: Option<u8>, bytes: &[u8]) -> bool {
        let mut state = self.lock();
        let Trap::Armed(hold, skip) = state.trap else { return true };
        let (Hold::Message(message) | Hold::Answer(message)) = hold;
        if !message.is(kind, bytes) {
            return true;
        }
        match (skip, hold) {
            (1.., _) => state.trap = Trap::Armed(hold, skip - 1),
            (0, Hold::Answer(_)) => state.trap = Trap::Awaits(connection),
            (0, Hold::Message(_)) => return self.spring(state),
        }
        true
    }

    /// The server has answered; says whether that may go to the client.
    fn pass_answer(&self, connection: usize) -> bool {
        let state = self.lock();
        match state.trap {
            Trap::Awaits(awaited) if awaited == connection => self.spring(state),
            _ => true,
        }
    }
}

impl Message {
    fn is(self, kind: Option<u8>, bytes: &[u8]) -> bool {
        match self {
            Self::Statement(text) => {
                matches!(kind, Some(b'Q' | b'P'))
                    && bytes.windows(text.len()).any(|found| found == text.as_bytes())
            }
            Self::CopyDone => kind == Some(b'c'),
        }
    }
}

fn close([client, server]: &[TcpStream; 2]) {
    // They may be closed already.
    let _ = client.shutdown(Shutdown::Both);
    let _ = server.shutdown(Shutdown::Both);
}

fn accept(shared: &Arc<Shared>, client: TcpStream) {
    // Without a server the client finds its connection closed, as it would without us.
    let Ok(server) = TcpStream::connect(shared.server) else { return };
    let clone = |stream: &TcpStream| stream.try_clone().unwrap();
    client.set_nodelay(true).unwrap();
    server.set_nodelay(true).unwrap();
    let mut state = shared.lock();
    let connection = state.connections.len();
    state.connections.push([clone(&client), clone(&server)]);
    drop(state);
    let lost = Arc::new(AtomicBool::new(false));
    let losing = lost.clone();
    let (from, to, watch) = (clone(&client), clone(&server), shared.clone());
    thread::spawn(move || {
        let mut parser = Parser::default();
        carry(&watch, from, to, &losing, |bytes, send| {
            parser.messages(bytes, |kind, message| watch.pass(connection, kind, message) && send(message))
        });
    });
    let watch = shared.clone();
    thread::spawn(move || {
        carry(&watch, server, client, &lost, |bytes, send| watch.pass_answer(connection) && send(bytes))
    });
}

/// Carries bytes one way, through `pass`, until that says to stop or an end closes. All of it is late by the delay.
fn carry(
    shared: &Shared,
    mut from: TcpStream,
    to: TcpStream,
    lost: &AtomicBool,
    mut pass: impl FnMut(&[u8], &mut dyn FnMut(&[u8]) -> bool) -> bool,
) {
    let (out, packets) = sync_channel::<(Instant, Vec<u8>)>(64);
    let ends = [from.try_clone().unwrap(), to.try_clone().unwrap()];
    let sender = thread::spawn(move || send(&packets, to));
    let mut put = |bytes: &[u8]| {
        let state = shared.lock();
        lost.fetch_or(state.silent, Ordering::Relaxed);
        let at = Instant::now() + state.delay;
        drop(state);
        lost.load(Ordering::Relaxed) || out.send((at, bytes.to_vec())).is_ok()
    };
    let mut buffer = vec![0; 64 << 10];
    while let Ok(length @ 1..) = from.read(&mut buffer) {
        if !pass(&buffer[..length], &mut put) {
            break;
        }
    }
    drop(out);
    sender.join().unwrap();
    close(&ends);
}

fn send(packets: &Receiver<(Instant, Vec<u8>)>, mut to: TcpStream) {
    for (at, bytes) in packets {
        thread::sleep(at.saturating_duration_since(Instant::now()));
        if to.write_all(&bytes).is_err() {
            return;
        }
    }
}

/// Cuts the client's bytes into messages.
#[derive(Default)]
struct Parser {
    begun: bool,
    pending: Vec<u8>,
}

impl Parser {
    /// Passes on each message that these bytes complete, the first of them with no kind; says whether to go on.
    fn messages(&mut self, bytes: &[u8], mut give: impl FnMut(Option<u8>, &[u8]) -> bool) -> bool {
        self.pending.extend(bytes);
        loop {
            let at = usize::from(self.begun);
            let Some(length) = self.pending.get(at..at + 4) else { return true };
            let end = at + u32::from_be_bytes(length.try_into().unwrap()) as usize;
            if self.pending.len() < end {
                return true;
            }
            let message: Vec<u8> = self.pending.drain(..end).collect();
            if !give(self.begun.then_some(message[0]), &message) {
                return false;
            }
            self.begun |= !ENCRYPTION_WANTED.iter().any(|wanted| message[4..] == *wanted);
        }
    }
}
