//! A growing file, through rotation: renamed and made anew, copied and truncated, or gone a while.

use std::{
    fs::{self, File},
    io,
    os::unix::fs::{FileExt as _, MetadataExt as _, OpenOptionsExt as _},
    path::{Path, PathBuf},
    time::Duration,
};

use super::lines::LineBuffer;

/// Read in one poll: at ten polls a second more than any log grows.
const MAX_READ: usize = 256 << 10;
/// A log that is further behind is given up to here, and that is told.
const MAX_BEHIND: u64 = 64 << 20;
/// Between the new file's first sight and the last line of a writer that has the old one open.
const KEEP_OLD: Duration = Duration::from_mins(1);
/// The last bytes that were read: others there are another file's.
const PRINT_BYTES: usize = 64;

/// Follows a file by its path.
#[derive(Debug)]
pub struct Tail {
    path: PathBuf,
    current: Option<Reader>,
    old: Option<(Reader, Duration)>,
    /// Why there is nothing to read.
    pub problem: Option<String>,
    /// Bytes that were not looked at, because there was too much.
    pub skipped: u64,
    /// Lines dropped for their length, in files that are done.
    too_long: u64,
    chunk: Vec<u8>,
}

#[derive(Debug)]
struct Reader {
    file: File,
    id: (u64, u64),
    at: u64,
    /// When the file had changed last: one that was truncated can have grown to its old length.
    changed: (i64, i64),
    print: Vec<u8>,
    lines: LineBuffer,
}

impl Tail {
    /// Nothing is opened before the first [`Tail::poll`].
    pub fn new(path: &Path) -> Self {
        Self {
            path: path.to_owned(),
            current: None,
            old: None,
            problem: None,
            skipped: 0,
            too_long: 0,
            chunk: vec![0; MAX_READ],
        }
    }

    /// Opens the file at its end, where what is written from now on will be. That end, if there is a
    /// file.
    pub fn open_at_end(&mut self) -> Option<u64> {
        self.open().ok()?;
        let reader = self.current.as_mut()?;
        reader.at = reader.file.metadata().ok()?.len();
        reader.begin_at(reader.at);
        Some(reader.at)
    }

    /// Opens the file so that its last `bytes` are read too, from the first whole line on.
    pub fn open_before_end(&mut self, bytes: u64) {
        if let Some(end) = self.open_at_end()
            && let Some(reader) = self.current.as_mut()
        {
            reader.begin_at(end.saturating_sub(bytes));
        }
    }

    /// Hands the lines that are new to `each`.
    pub fn poll(&mut self, now: Duration, mut each: impl FnMut(&[u8])) {
        if let Err(error) = self.follow(now, &mut each) {
            self.problem = Some(error.to_string());
        }
    }

    fn follow(&mut self, now: Duration, each: &mut impl FnMut(&[u8])) -> io::Result<()> {
        if let Some((old, until)) = &mut self.old {
            let left = old.read(&mut self.chunk, each)?;
            if left == 0 && now > *until {
                self.too_long += old.lines.too_long;
                self.old = None;
            }
        }
        let there = fs::metadata(&self.path);
        let id = there.as_ref().ok().map(|there| (there.dev(), there.ino()));
        if let Some(current) = self.current.take_if(|current| id != Some(current.id)) {
            // Its writer may not know yet. Renamed twice within the minute: the older one is done.
            self.old = Some((current, now + KEEP_OLD));
        }
        there?;
        if self.current.is_none() {
            self.open()?;
        }
        self.problem = None;
        let Some(current) = &mut self.current else { return Ok(()) };
        let behind = current.read(&mut self.chunk, each)?;
        if behind > MAX_BEHIND {
            let to = current.at + behind - MAX_BEHIND;
            self.skipped += to - current.at;
            current.begin_at(to);
        }
        Ok(())
    }

    fn open(&mut self) -> io::Result<()> {
        // Not a pipe or a device that somebody put there: opening those could wait for ever.
        let flags = nix::fcntl::OFlag::O_NONBLOCK | nix::fcntl::OFlag::O_NOCTTY;
        let file = File::options().read(true).custom_flags(flags.bits()).open(&self.path)?;
        let metadata = file.metadata()?;
        if !metadata.is_file() {
            return Err(io::Error::other("it is no regular file"));
        }
        let id = (metadata.dev(), metadata.ino());
        let (print, lines) = (Vec::new(), LineBuffer::default());
        self.current = Some(Reader { file, id, at: 0, changed: (0, 0), print, lines });
        Ok(())
    }

    /// The file, whether there or not.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Lines dropped for their length, in all files.
    pub fn lines_too_long(&self) -> u64 {
        let of = |reader: Option<&Reader>| reader.map_or(0, |reader| reader.lines.too_long);
        self.too_long + of(self.current.as_ref()) + of(self.old.as_ref().map(|(old, _)| old))
    }
}

impl Reader {
    /// Reads what is new; how much is left.
    fn read(&mut self, chunk: &mut [u8], each: &mut impl FnMut(&[u8])) -> io::Result<u64> {
        let there = self.file.metadata()?;
        let changed = (there.ctime(), there.ctime_nsec());
        let mut len = there.len();
        if len == self.at && changed == self.changed {
            return Ok(0);
        }
        self.changed = changed;
        if len < self.at || !self.is_the_same()? {
            // Truncated, and perhaps grown again since.
            self.at = 0;
            self.print.clear();
            self.lines.jump(false);
            len = self.file.metadata()?.len();
        }
        let got = self.file.read_at(chunk, self.at)?;
        self.lines.push(&chunk[..got], &mut *each);
        self.at += got as u64;
        self.print.extend_from_slice(&chunk[got.saturating_sub(PRINT_BYTES)..got]);
        let surplus = self.print.len().saturating_sub(PRINT_BYTES);
        self.print.drain(..surplus);
        Ok(len.saturating_sub(self.at))
    }

    /// Goes on at `at`, in the middle of a line or not.
    fn begin_at(&mut self, at: u64) {
        self.at = at;
        let start = at.saturating_sub(PRINT_BYTES as u64);
        let mut print = vec![0; usize::try_from(at - start).unwrap_or_default()];
        let read = self.file.read_exact_at(&mut print, start);
        self.print = if read.is_ok() { print } else { Vec::new() };
        self.lines.jump(self.print.last().is_some_and(|last| *last != b'\n'));
    }

    fn is_the_same(&self) -> io::Result<bool> {
        let mut there = [0; PRINT_BYTES];
        let there = &mut there[..self.print.len()];
        match self.file.read_exact_at(there, self.at - self.print.len() as u64) {
            Ok(()) => Ok(there == self.print),
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(false),
            Err(error) => Err(error),
        }
    }
}
