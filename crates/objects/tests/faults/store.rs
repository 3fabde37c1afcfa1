//! An S3 server within the test, s3s-fs on a directory of its own, which fails as it is told.

use std::collections::BTreeMap;
use std::env;
use std::error::Error;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use futures_util::stream;
use http_body_util::{BodyExt, StreamBody};
use hyper::body::{Frame, Incoming};
use hyper::header::CONTENT_TYPE;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response};
use hyper_util::rt::TokioIo;
use s3s::auth::SimpleAuth;
use s3s::service::{S3Service, S3ServiceBuilder};
use s3s::Body;
use s3s_fs::FileSystem;
use tally_objects::Address;
use tempfile::TempDir;
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::{Builder, Runtime};

const BUCKET: &str = "bucket";
const KEY: &str = "key";
const SECRET: &str = "secret";

/// Requests as far as faults tell them apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    Begin,
    Part,
    Complete,
    Abort,
    Put,
    Get,
    Head,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// The server answers with this status and code, and does nothing.
    Refuse(u16, &'static str),
    /// The connection is lost when this many bytes of the request's body have come.
    CutRequest(usize),
    /// The server does what it was told, and its answer is lost after this many bytes of its body.
    CutAnswer(usize),
    /// The server does what it was told, and all of its answer is lost.
    LoseAnswer,
    /// The server waits before it does what it was told.
    Wait(Duration),
}

/// For a fault that lasts.
pub const ALWAYS: u32 = u32::MAX;

#[derive(Default)]
struct Plan {
    /// Faults to come, and how often.
    faults: Vec<(Kind, Fault, u32)>,
    requests: BTreeMap<Kind, usize>,
}

/// The server; it ends with this value.
pub struct Store {
    port: u16,
    directory: TempDir,
    plan: Arc<Mutex<Plan>>,
    _runtime: Runtime,
}

impl Store {
    pub fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        std::fs::create_dir(directory.path().join(BUCKET)).unwrap();
        let mut service = S3ServiceBuilder::new(FileSystem::new(directory.path()).unwrap());
        service.set_auth(SimpleAuth::from_single(KEY, SECRET));
        let service = service.build();
        let plan = Arc::<Mutex<Plan>>::default();
        let runtime = Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).unwrap();
        let port = listener.local_addr().unwrap().port();
        let shared = plan.clone();
        runtime.spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                tokio::spawn(connection(client, service.clone(), shared.clone()));
            }
        });
        Self { port, directory, plan, _runtime: runtime }
    }

    /// Returns the address of an object.
    pub fn address(&self, name: &str) -> Address {
        self.address_by(name, &[])
    }

    /// Returns the address of an object for a client with these variables besides.
    pub fn address_by(&self, name: &str, variables: &[(&str, &str)]) -> Address {
        // The environment is everyone's: whoever reads it into an address has it to itself.
        static ENVIRONMENT: Mutex<()> = Mutex::new(());
        let _alone = ENVIRONMENT.lock().unwrap_or_else(PoisonError::into_inner);
        let endpoint = format!("http://127.0.0.1:{}", self.port);
        let usual = [
            ("AWS_ENDPOINT_URL", endpoint.as_str()),
            ("AWS_ACCESS_KEY_ID", KEY),
            ("AWS_SECRET_ACCESS_KEY", SECRET),
        ];
        let set = || usual.iter().chain(variables);
        set().for_each(|(variable, value)| env::set_var(variable, value));
        let address = Address::parse(&format!("s3://{BUCKET}/{name}")).unwrap();
        set().for_each(|(variable, _)| env::remove_var(variable));
        address
    }

    /// Lets a fault befall the next requests of a kind.
    pub fn fail(&self, kind: Kind, fault: Fault, times: u32) {
        self.plan.lock().unwrap_or_else(PoisonError::into_inner).faults.push((kind, fault, times));
    }

    /// Ends all faults; returns how many were still to come.
    pub fn mend(&self) -> usize {
        let mut plan = self.plan.lock().unwrap_or_else(PoisonError::into_inner);
        plan.faults.drain(..).filter(|(_, _, times)| *times > 0).count()
    }

    /// Returns the number of requests of a kind so far.
    pub fn requests(&self, kind: Kind) -> usize {
        let plan = self.plan.lock().unwrap_or_else(PoisonError::into_inner);
        plan.requests.get(&kind).copied().unwrap_or_default()
    }

    /// Returns the names of the parts of objects that the server keeps for an upload, and of what it was in the middle of.
    pub fn left_behind(&self) -> Vec<String> {
        let files = std::fs::read_dir(self.directory.path()).unwrap();
        let names = files.map(|file| file.unwrap().file_name().into_string().unwrap());
        names.filter(|name| name.contains(".part")).collect()
    }
}

async fn connection(client: TcpStream, service: S3Service, plan: Arc<Mutex<Plan>>) {
    let answer = service_fn(move |request| answer(request, service.clone(), plan.clone()));
    // A fault ends it with an error.
    let _ = http1::Builder::new().serve_connection(TokioIo::new(client), answer).await;
}

/// Answers a request; an error ends the connection.
async fn answer(
    request: Request<Incoming>,
    service: S3Service,
    plan: Arc<Mutex<Plan>>,
) -> Result<Response<Body>, Box<dyn Error + Send + Sync>> {
    let fault = kind(&request).and_then(|kind| {
        let mut plan = plan.lock().unwrap_or_else(PoisonError::into_inner);
        *plan.requests.entry(kind).or_default() += 1;
        let due = plan.faults.iter_mut().find(|(of, _, times)| *of == kind && *times > 0);
        due.map(|(_, fault, times)| {
            *times -= u32::from(*times != ALWAYS);
            *fault
        })
    });
    let lost = || io::Error::from(io::ErrorKind::ConnectionReset);
    match fault {
        Some(Fault::Refuse(status, code)) => {
            request.into_body().collect().await?;
            let text =
                format!("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error><Code>{code}</Code></Error>");
            let answer = Response::builder().status(status).header(CONTENT_TYPE, "application/xml");
            Ok(answer.body(Body::from(text))?)
        }
        Some(Fault::CutRequest(bytes)) => {
            let (head, mut body) = request.into_parts();
            let mut come = Vec::new();
            while come.len() < bytes {
                let Some(frame) = body.frame().await else { break };
                come.extend_from_slice(&frame?.into_data().unwrap_or_default());
            }
            come.truncate(bytes);
            service.call(Request::from_parts(head, cut(come.into()))).await.map_err(|_| lost())?;
            Err(lost().into())
        }
        Some(Fault::CutAnswer(bytes)) => {
            let answer = service.call(request.map(Body::from)).await.map_err(|_| lost())?;
            let (head, body) = answer.into_parts();
            let body = body.collect().await?.to_bytes();
            Ok(Response::from_parts(head, cut(body.slice(..bytes.min(body.len())))))
        }
        Some(Fault::LoseAnswer) => {
            let answer = service.call(request.map(Body::from)).await.map_err(|_| lost())?;
            answer.into_body().collect().await?;
            Err(lost().into())
        }
        Some(Fault::Wait(time)) => {
            tokio::time::sleep(time).await;
            Ok(service.call(request.map(Body::from)).await.map_err(|_| lost())?)
        }
        None => Ok(service.call(request.map(Body::from)).await.map_err(|_| lost())?),
    }
}

fn kind(request: &Request<Incoming>) -> Option<Kind> {
    let query = request.uri().query().unwrap_or_default();
    let is_upload = query.contains("uploadId=");
    Some(match *request.method() {
        Method::POST if is_upload => Kind::Complete,
        Method::POST => Kind::Begin,
        Method::PUT if is_upload => Kind::Part,
        Method::PUT => Kind::Put,
        Method::DELETE if is_upload => Kind::Abort,
        Method::HEAD => Kind::Head,
        Method::GET if !query.contains("list-type=") => Kind::Get,
        _ => return None,
    })
}

/// Returns a body that ends with an error.
fn cut(bytes: Bytes) -> Body {
    let lost = io::Error::from(io::ErrorKind::UnexpectedEof);
    Body::http_body_unsync(StreamBody::new(stream::iter([Ok(Frame::data(bytes)), Err(lost)])))
}
