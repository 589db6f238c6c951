//! The HTTP side: a thread of its own, which asks the loop for one snapshot a scrape at most.

use std::{
    convert::Infallible,
    io,
    net::{SocketAddr, TcpListener as StdListener},
    sync::{Arc, Mutex, PoisonError},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result};
use bytes::Bytes;
use http_body_util::Full;
use hyper::{
    Method, Request, Response, StatusCode, body::Incoming, header, server::conn::http1,
    service::service_fn,
};
use hyper_util::rt::TokioIo;
use tokio::{
    net::{TcpListener, TcpStream},
    sync::{Semaphore, mpsc, oneshot},
    time::{sleep, timeout},
};

use super::{families::render, text::MEDIA_TYPE};
use crate::view::metrics::Metrics;

/// Scrapers at once; more wait for their turn.
const MAX_CONNECTIONS: usize = 32;
/// A whole scrape. Whoever reads slowly must not keep the answer in memory for ever.
const PATIENCE: Duration = Duration::from_secs(10);
/// An answer is good for so long, so that nobody can keep the loop busy by asking.
const FRESH: Duration = Duration::from_millis(500);
/// Between two tries to listen.
const AGAIN: Duration = Duration::from_secs(5);

/// A scrape that waits for its numbers.
pub type Wanted = oneshot::Sender<Metrics>;

/// The listening thread; it ends with the process.
#[derive(Debug)]
pub struct Server {
    problem: Arc<Mutex<Option<String>>>,
}

impl Server {
    /// Listens at `address`, or goes on trying to; whoever asks is told of in the receiver.
    pub fn start(address: SocketAddr) -> Result<(Self, mpsc::Receiver<Wanted>)> {
        let (ask, asked) = mpsc::channel(1);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.context("cannot start the loop of metrics")?;
        let problem = Arc::new(Mutex::new(None));
        let first = bind(address, &problem);
        let told = Arc::clone(&problem);
        let work = move || runtime.block_on(run(address, first, told, ask));
        let named = thread::Builder::new().name("metrics".to_owned()).spawn(work);
        named.context("cannot start the thread of metrics")?;
        Ok((Self { problem }, asked))
    }

    /// Why it does not listen, if so.
    pub fn problem(&self) -> Option<String> {
        self.problem.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

fn bind(address: SocketAddr, problem: &Mutex<Option<String>>) -> Option<StdListener> {
    let listener = StdListener::bind(address).and_then(|listener| {
        listener.set_nonblocking(true)?;
        Ok(listener)
    });
    let told = listener.as_ref().err().map(|error| {
        format!("metrics: cannot listen on {address}: {error}; tried again every few seconds")
    });
    *problem.lock().unwrap_or_else(PoisonError::into_inner) = told;
    listener.ok()
}

async fn run(
    address: SocketAddr,
    mut listener: Option<StdListener>,
    problem: Arc<Mutex<Option<String>>>,
    ask: mpsc::Sender<Wanted>,
) {
    let scrapes = Arc::new(Scrapes { ask, last: tokio::sync::Mutex::new(None) });
    loop {
        if let Some(Ok(listener)) = listener.take().map(TcpListener::from_std) {
            serve(&listener, &scrapes).await;
        }
        sleep(AGAIN).await;
        listener = bind(address, &problem);
    }
}

/// Accepts for ever.
async fn serve(listener: &TcpListener, scrapes: &Arc<Scrapes>) {
    let places = Arc::new(Semaphore::new(MAX_CONNECTIONS));
    loop {
        let Ok(place) = Arc::clone(&places).acquire_owned().await else { return };
        match listener.accept().await {
            Ok((stream, _)) => {
                let scrapes = Arc::clone(scrapes);
                tokio::spawn(async move {
                    // Whoever does not hold to HTTP or to the time is hung up on.
                    let _ended = timeout(PATIENCE, talk(stream, scrapes)).await;
                    drop(place);
                });
            }
            Err(error) => {
                log::debug!("metrics: cannot accept: {error}");
                sleep(Duration::from_millis(100)).await;
            }
        }
    }
}

/// One request a connection: a scraper comes every few seconds, and none holds a place between.
async fn talk(stream: TcpStream, scrapes: Arc<Scrapes>) -> hyper::Result<()> {
    let service = service_fn(|request| {
        let scrapes = Arc::clone(&scrapes);
        async move { Ok::<_, Infallible>(scrapes.answer(&request).await) }
    });
    http1::Builder::new()
        .keep_alive(false)
        .max_buf_size(16 << 10)
        .serve_connection(TokioIo::new(stream), service)
        .await
}

/// The loop's numbers, and the last text made of them.
#[derive(Debug)]
struct Scrapes {
    ask: mpsc::Sender<Wanted>,
    last: tokio::sync::Mutex<Option<(Instant, Bytes)>>,
}

impl Scrapes {
    async fn answer(&self, request: &Request<Incoming>) -> Response<Full<Bytes>> {
        if request.uri().path() != "/metrics" {
            return said(StatusCode::NOT_FOUND, "only /metrics is here\n");
        }
        if request.method() != Method::GET && request.method() != Method::HEAD {
            let mut answer = said(StatusCode::METHOD_NOT_ALLOWED, "only GET is answered\n");
            let allowed = header::HeaderValue::from_static("GET, HEAD");
            answer.headers_mut().insert(header::ALLOW, allowed);
            return answer;
        }
        match self.text().await {
            Ok(text) => {
                let mut answer = Response::new(Full::new(text));
                let media_type = header::HeaderValue::from_static(MEDIA_TYPE);
                answer.headers_mut().insert(header::CONTENT_TYPE, media_type);
                answer
            }
            Err(_) => said(StatusCode::SERVICE_UNAVAILABLE, "the agent stops\n"),
        }
    }

    /// Those who ask at once get one text.
    async fn text(&self) -> io::Result<Bytes> {
        let mut last = self.last.lock().await;
        if let Some((made_at, text)) = &*last
            && made_at.elapsed() < FRESH
        {
            return Ok(text.clone());
        }
        let (reply, numbers) = oneshot::channel();
        self.ask.send(reply).await.map_err(io::Error::other)?;
        let text = Bytes::from(render(&numbers.await.map_err(io::Error::other)?));
        *last = Some((Instant::now(), text.clone()));
        Ok(text)
    }
}

fn said(status: StatusCode, text: &'static str) -> Response<Full<Bytes>> {
    let mut answer = Response::new(Full::new(Bytes::from_static(text.as_bytes())));
    *answer.status_mut() = status;
    answer
}
