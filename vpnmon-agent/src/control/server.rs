//! The agent's side of the control socket.

use std::{
    fs, io,
    os::unix::fs::{DirBuilderExt as _, PermissionsExt as _},
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use anyhow::{Context as _, Result, bail};
use tokio::{
    io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader},
    net::{UnixListener, UnixStream, unix::OwnedWriteHalf},
    sync::{Semaphore, mpsc, oneshot},
    time::timeout,
};

use super::{Answer, MAX_REQUEST_BYTES, Request};

/// Watching screens and scripts at once; more wait for their turn.
const MAX_CONNECTIONS: usize = 64;
/// A watching screen asks every second.
const IDLE: Duration = Duration::from_mins(1);
/// A reader that stops reading must not keep its answer in memory for ever.
const WRITE: Duration = Duration::from_secs(30);

/// A request, and where its answer goes.
#[derive(Debug)]
pub struct Asked {
    /// What is asked.
    pub request: Request,
    /// Dropped without an answer when the agent stops.
    pub reply: oneshot::Sender<Answer>,
}

/// The listening socket; the file goes when this does.
#[derive(Debug)]
pub struct Server {
    listener: UnixListener,
    path: PathBuf,
}

impl Server {
    /// Listens at `path`, mode 0600, from the first moment on. A socket file that nobody answers
    /// on is replaced; one that somebody does is an error.
    pub fn bind(path: &Path) -> Result<Self> {
        let what = || format!("cannot listen on {}", path.display());
        if std::os::unix::net::UnixStream::connect(path).is_ok() {
            bail!("another agent answers on {}; stop it first", path.display());
        }
        if let Some(dir) = path.parent() {
            fs::DirBuilder::new().recursive(true).mode(0o755).create(dir).with_context(what)?;
        }
        // Made under another name, so that it never is there with other rights.
        let fresh = path.with_added_extension("new");
        match fs::remove_file(&fresh) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                return Err(error).with_context(what);
            }
            _ => {}
        }
        let listener = UnixListener::bind(&fresh).with_context(what)?;
        fs::set_permissions(&fresh, fs::Permissions::from_mode(0o600)).with_context(what)?;
        fs::rename(&fresh, path).with_context(what)?;
        Ok(Self { listener, path: path.to_owned() })
    }

    /// Accepts for ever; requests go into `asked`.
    pub async fn serve(&self, asked: mpsc::Sender<Asked>) {
        let places = Arc::new(Semaphore::new(MAX_CONNECTIONS));
        loop {
            let Ok(place) = Arc::clone(&places).acquire_owned().await else { return };
            match self.listener.accept().await {
                Ok((stream, _)) => {
                    let asked = asked.clone();
                    tokio::spawn(async move {
                        if let Err(error) = talk(stream, asked).await {
                            log::debug!("control connection: {error}");
                        }
                        drop(place);
                    });
                }
                Err(error) => {
                    log::warn!("cannot accept a control connection: {error}");
                    tokio::time::sleep(Duration::from_millis(100)).await;
                }
            }
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Err(error) = fs::remove_file(&self.path) {
            log::warn!("cannot remove {}: {error}", self.path.display());
        }
    }
}

async fn talk(stream: UnixStream, asked: mpsc::Sender<Asked>) -> io::Result<()> {
    let (read, mut write) = stream.into_split();
    let mut read = BufReader::new(read);
    loop {
        let mut line = Vec::new();
        let mut bounded = (&mut read).take(MAX_REQUEST_BYTES);
        if timeout(IDLE, bounded.read_until(b'\n', &mut line)).await?? == 0 {
            return Ok(());
        }
        let answer = match read_request(&line) {
            Ok(request) => {
                let (reply, answer) = oneshot::channel();
                if asked.send(Asked { request, reply }).await.is_err() {
                    return Ok(());
                }
                let Ok(answer) = answer.await else { return Ok(()) };
                answer
            }
            Err(refusal) => refusal,
        };
        send(&mut write, answer).await?;
    }
}

/// The request of a line; `Err` is the answer to what is none.
pub fn read_request(line: &[u8]) -> std::result::Result<Request, Answer> {
    serde_json::from_slice(line).map_err(|error| {
        let message = format!(
            "not a request this agent knows: {error}; use the vpnmon-agent of the same version"
        );
        Answer::Refused { code: 1, message }
    })
}

/// Many thousand rows take a while to write out: not on the loop's time.
async fn send(write: &mut OwnedWriteHalf, answer: Answer) -> io::Result<()> {
    let text = tokio::task::spawn_blocking(move || {
        let mut text = serde_json::to_vec(&answer)?;
        text.push(b'\n');
        io::Result::Ok(text)
    });
    let text = text.await.map_err(io::Error::other)??;
    timeout(WRITE, write.write_all(&text)).await?
}
