//! A command's side of the control socket.

use std::{
    io::{self, BufRead as _, BufReader, Write as _},
    os::unix::net::UnixStream,
    path::{Path, PathBuf},
    time::Duration,
};

use super::{Answer, Request, watch::Watched};

/// An agent that drains every 10 ms answers in less; this is for one that has stopped.
const PATIENCE: Duration = Duration::from_secs(30);

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum NoAgent {
    /// Nobody listens.
    #[error(
        "the agent is not running: nobody answers on {}; start it with \
         `systemctl start vpnmon-agent`", .0.display()
    )]
    NotRunning(PathBuf),
    /// The socket is root's.
    #[error("{} is root's alone; run this as root", .0.display())]
    NotAllowed(PathBuf),
    /// It went away, or is another version.
    #[error("the agent on {} did not answer: {error}; look into its log", .socket.display())]
    Broken {
        /// Where it was asked.
        socket: PathBuf,
        /// What went wrong.
        error: io::Error,
    },
}

/// A connection to the agent.
#[derive(Debug)]
pub struct Client {
    socket: PathBuf,
    stream: BufReader<UnixStream>,
}

impl Client {
    /// Connects.
    pub fn connect(socket: &Path) -> Result<Self, NoAgent> {
        let owned = || socket.to_owned();
        let stream = UnixStream::connect(socket).map_err(|error| match error.kind() {
            io::ErrorKind::PermissionDenied => NoAgent::NotAllowed(owned()),
            io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused => {
                NoAgent::NotRunning(owned())
            }
            _ => NoAgent::Broken { socket: owned(), error },
        })?;
        let patient = stream.set_read_timeout(Some(PATIENCE));
        patient.map_err(|error| NoAgent::Broken { socket: owned(), error })?;
        Ok(Self { socket: owned(), stream: BufReader::new(stream) })
    }

    /// Asks once.
    pub fn ask(&mut self, request: &Request) -> Result<Answer, NoAgent> {
        match self.exchange(request) {
            Ok(answer) => Ok(answer),
            Err(error) if is_gone(&error) => Err(NoAgent::NotRunning(self.socket.clone())),
            Err(error) => Err(NoAgent::Broken { socket: self.socket.clone(), error }),
        }
    }

    /// The next line of what is watched; waits as long as it takes.
    pub fn watched(&mut self) -> Result<Watched, NoAgent> {
        match self.next_watched() {
            Ok(watched) => Ok(watched),
            Err(error) if is_gone(&error) => Err(NoAgent::NotRunning(self.socket.clone())),
            Err(error) => Err(NoAgent::Broken { socket: self.socket.clone(), error }),
        }
    }

    fn next_watched(&mut self) -> io::Result<Watched> {
        self.stream.get_ref().set_read_timeout(None)?;
        Ok(serde_json::from_slice(&self.line()?)?)
    }

    fn line(&mut self) -> io::Result<Vec<u8>> {
        let mut line = Vec::new();
        if self.stream.read_until(b'\n', &mut line)? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        Ok(line)
    }

    fn exchange(&mut self, request: &Request) -> io::Result<Answer> {
        let mut line = serde_json::to_vec(request)?;
        line.push(b'\n');
        self.stream.get_mut().write_all(&line)?;
        Ok(serde_json::from_slice(&self.line()?)?)
    }
}

fn is_gone(error: &io::Error) -> bool {
    use io::ErrorKind::{BrokenPipe, ConnectionReset, UnexpectedEof};
    matches!(error.kind(), UnexpectedEof | BrokenPipe | ConnectionReset)
}
