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
    net::{
        UnixListener, UnixStream,
        unix::{OwnedReadHalf, OwnedWriteHalf},
    },
    sync::{Semaphore, mpsc, oneshot},
    time::timeout,
};

use super::{Answer, MAX_REQUEST_BYTES, Request, watch::Hub};
use crate::model::sighting::HostFilter;

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

/// The listening socket; its file goes when this does.
#[derive(Debug)]
pub struct Server {
    listener: UnixListener,
    path: PathBuf,
    /// Its name until it appears.
    hidden: PathBuf,
}

impl Server {
    /// Makes the socket, mode 0600, beside `path`, where nobody looks for it until it appears. Where
    /// somebody answers at `path` already is an error.
    pub fn bind(path: &Path) -> Result<Self> {
        let what = || format!("cannot listen on {}", path.display());
        if std::os::unix::net::UnixStream::connect(path).is_ok() {
            bail!("another agent answers on {}; stop it first", path.display());
        }
        if let Some(dir) = path.parent() {
            fs::DirBuilder::new().recursive(true).mode(0o755).create(dir).with_context(what)?;
        }
        let hidden = path.with_added_extension("new");
        match fs::remove_file(&hidden) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                return Err(error).with_context(what);
            }
            _ => {}
        }
        let listener = UnixListener::bind(&hidden).with_context(what)?;
        fs::set_permissions(&hidden, fs::Permissions::from_mode(0o600)).with_context(what)?;
        Ok(Self { listener, path: path.to_owned(), hidden })
    }

    /// Lets clients find it. A socket file that nobody answers on is replaced.
    pub fn appear(&self) -> Result<()> {
        fs::rename(&self.hidden, &self.path)
            .with_context(|| format!("cannot listen on {}", self.path.display()))
    }

    /// Accepts for ever; requests go into `asked`, watchers hang on `hub`.
    pub async fn serve(&self, asked: mpsc::Sender<Asked>, hub: Hub) {
        let places = Arc::new(Semaphore::new(MAX_CONNECTIONS));
        loop {
            let Ok(place) = Arc::clone(&places).acquire_owned().await else { return };
            match self.listener.accept().await {
                Ok((stream, _)) => {
                    let (asked, hub) = (asked.clone(), hub.clone());
                    tokio::spawn(async move {
                        if let Err(error) = talk(stream, asked, hub).await {
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
        for path in [&self.path, &self.hidden] {
            match fs::remove_file(path) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => {
                    log::warn!("cannot remove {}: {error}", path.display());
                }
                _ => {}
            }
        }
    }
}

async fn talk(stream: UnixStream, asked: mpsc::Sender<Asked>, hub: Hub) -> io::Result<()> {
    let (read, mut write) = stream.into_split();
    let mut read = BufReader::new(read);
    loop {
        let mut line = Vec::new();
        let mut bounded = (&mut read).take(MAX_REQUEST_BYTES);
        if timeout(IDLE, bounded.read_until(b'\n', &mut line)).await?? == 0 {
            return Ok(());
        }
        let answer = match read_request(&line) {
            Ok(Request::WatchHosts { filter }) => {
                return watch(read.into_inner(), write, &hub, &filter).await;
            }
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

/// From here on the connection only shows.
async fn watch(
    mut read: OwnedReadHalf,
    mut write: OwnedWriteHalf,
    hub: &Hub,
    filter: &HostFilter,
) -> io::Result<()> {
    let Some(watcher) = hub.watch() else {
        let message = "enough are watching already; end another `hosts watch` first".to_owned();
        return send(&mut write, Answer::Refused { code: 1, message }).await;
    };
    send(&mut write, Answer::Watching).await?;
    watcher.tell(&mut read, &mut write, filter).await
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
