//! `/dev/log` and the file behind it, as rsyslog would have it.

use std::{
    fs::{self, File, Permissions},
    io::{self, Write},
    os::unix::{fs::PermissionsExt, net::UnixDatagram},
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
    thread,
};

use tempfile::TempDir;

/// Longest message, as rsyslog has it.
const MAX_MESSAGE: usize = 8 << 10;
/// `Nov 24 11:02:03 `.
const STAMP: usize = 16;

/// Writes what comes to its socket into its file, until it is dropped.
#[derive(Debug)]
pub struct AuthLog {
    dir: TempDir,
    file: Arc<Mutex<File>>,
}

impl AuthLog {
    /// A log without a line.
    #[must_use]
    pub fn new() -> Self {
        let dir =
            TempDir::with_prefix("vpnmon-log-").unwrap_or_else(|e| panic!("no directory: {e}"));
        // Every user may log, and forge.
        let open = fs::set_permissions(dir.path(), Permissions::from_mode(0o755));
        open.unwrap_or_else(|e| panic!("{}: {e}", dir.path().display()));
        let file = Arc::new(Mutex::new(appended(&dir.path().join("auth.log"))));
        let log = Self { dir, file };
        let socket = UnixDatagram::bind(log.socket()).unwrap_or_else(|e| panic!("no socket: {e}"));
        let open = fs::set_permissions(log.socket(), Permissions::from_mode(0o666));
        open.unwrap_or_else(|e| panic!("{}: {e}", log.socket().display()));
        let file = Arc::clone(&log.file);
        // It ends with the process: nobody can wake it, for it has no other end.
        thread::spawn(move || write_down(&socket, &file));
        log
    }

    /// The socket.
    #[must_use]
    pub fn socket(&self) -> PathBuf {
        self.dir.path().join("log")
    }

    /// The file.
    #[must_use]
    pub fn file(&self) -> PathBuf {
        self.dir.path().join("auth.log")
    }

    /// All lines of the file.
    #[must_use]
    pub fn text(&self) -> String {
        fs::read_to_string(self.file()).unwrap_or_else(|e| panic!("no log: {e}"))
    }

    /// What logrotate does with `create`: the writer has the old file until it is told.
    pub fn rename(&self) {
        let old = self.dir.path().join("auth.log.1");
        fs::rename(self.file(), old).unwrap_or_else(|e| panic!("cannot rename the log: {e}"));
        drop(appended(&self.file()));
    }

    /// SIGHUP: the writer opens its file again.
    pub fn reopen(&self) {
        *self.file.lock().unwrap_or_else(PoisonError::into_inner) = appended(&self.file());
    }

    /// What logrotate does with `copytruncate`.
    pub fn truncate(&self) {
        let file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        let done = fs::copy(self.file(), self.dir.path().join("auth.log.1"));
        done.and_then(|_| file.set_len(0)).unwrap_or_else(|e| panic!("cannot truncate: {e}"));
    }
}

impl Default for AuthLog {
    fn default() -> Self {
        Self::new()
    }
}

fn appended(path: &Path) -> File {
    let file = File::options().create(true).append(true).open(path);
    file.unwrap_or_else(|e| panic!("cannot open {}: {e}", path.display()))
}

fn write_down(socket: &UnixDatagram, file: &Mutex<File>) {
    let mut message = [0; MAX_MESSAGE];
    while let Ok(len) = socket.recv(&mut message) {
        let line = line(&message[..len]);
        let mut file = file.lock().unwrap_or_else(PoisonError::into_inner);
        let written: io::Result<()> = file.write_all(&line);
        written.unwrap_or_else(|e| panic!("cannot write the log: {e}"));
    }
}

/// `<86>Nov 24 11:02:03 sshd[12]: text` with the host put in; controls as `#012`.
fn line(message: &[u8]) -> Vec<u8> {
    let after = message.iter().position(|byte| *byte == b'>').map_or(0, |end| end + 1);
    let (stamp, text) = message[after..].split_at((message.len() - after).min(STAMP));
    let mut line = [stamp, b"testhost "].concat();
    for &byte in text.strip_suffix(b"\n").unwrap_or(text) {
        if byte < b' ' || byte == 0x7f {
            line.extend_from_slice(format!("#{byte:03o}").as_bytes());
        } else {
            line.push(byte);
        }
    }
    line.push(b'\n');
    line
}

#[test]
fn lines_look_like_rsyslogs() {
    for (message, expected) in [
        ("<86>Nov 24 11:02:03 sshd[12]: text", "Nov 24 11:02:03 testhost sshd[12]: text\n"),
        ("<86>Nov 24 11:02:03 a: b\nc\n", "Nov 24 11:02:03 testhost a: b#012c\n"),
        ("", "testhost \n"),
    ] {
        assert_eq!(String::from_utf8(line(message.as_bytes())).as_deref(), Ok(expected));
    }
}
