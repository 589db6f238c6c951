//! A webhook: takes what is posted to it, or does what webhooks do instead.

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream},
    sync::{Arc, Mutex, PoisonError},
    thread,
};

use serde_json::Value;

/// What it does with a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mood {
    /// Answers with this status.
    Answers(u16),
    /// Reads it, and never answers.
    Hangs,
}

/// Serves as long as the test runs.
#[derive(Debug)]
pub struct Hook {
    at: SocketAddr,
    shared: Arc<Mutex<Shared>>,
}

#[derive(Debug)]
struct Shared {
    mood: Mood,
    asked: usize,
    taken: Vec<Value>,
    held: Vec<TcpStream>,
}

impl Hook {
    /// Starts it.
    #[must_use]
    pub fn start(mood: Mood) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0));
        let listener = listener.unwrap_or_else(|e| panic!("no webhook: {e}"));
        let at = listener.local_addr().unwrap_or_else(|e| panic!("{e}"));
        let (asked, taken, held) = (0, Vec::new(), Vec::new());
        let shared = Arc::new(Mutex::new(Shared { mood, asked, taken, held }));
        let served = Arc::clone(&shared);
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                serve(stream, &served);
            }
        });
        Self { at, shared }
    }

    /// Where it listens.
    #[must_use]
    pub const fn at(&self) -> SocketAddr {
        self.at
    }

    /// Does something else from now on.
    pub fn set(&self, mood: Mood) {
        let mut shared = lock(&self.shared);
        shared.mood = mood;
        // Who hung is hung up on.
        shared.held.clear();
    }

    /// How many requests have come.
    #[must_use]
    pub fn asked(&self) -> usize {
        lock(&self.shared).asked
    }

    /// The bodies of those that were answered with 200.
    #[must_use]
    pub fn taken(&self) -> Vec<Value> {
        lock(&self.shared).taken.clone()
    }
}

fn lock(shared: &Mutex<Shared>) -> std::sync::MutexGuard<'_, Shared> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

fn serve(mut stream: TcpStream, shared: &Mutex<Shared>) {
    let Some(body) = read(&stream) else { return };
    let mut shared = lock(shared);
    shared.asked += 1;
    match shared.mood {
        Mood::Hangs => shared.held.push(stream),
        Mood::Answers(status) => {
            if status == 200 {
                shared.taken.push(serde_json::from_slice(&body).unwrap_or(Value::Null));
            }
            let answer = format!(
                "HTTP/1.1 {status} Said\r\nLocation: /elsewhere\r\nContent-Length: 3\r\n\
                 Connection: close\r\n\r\nwhy"
            );
            let _ = stream.write_all(answer.as_bytes());
        }
    }
}

fn read(stream: &TcpStream) -> Option<Vec<u8>> {
    let mut stream = BufReader::new(stream);
    let (mut line, mut length) = (String::new(), 0);
    while stream.read_line(&mut line).ok()? > 2 {
        let lower = line.to_ascii_lowercase();
        if let Some(value) = lower.strip_prefix("content-length:") {
            length = value.trim().parse().ok()?;
        }
        line.clear();
    }
    let mut body = vec![0; length];
    stream.read_exact(&mut body).ok()?;
    Some(body)
}
