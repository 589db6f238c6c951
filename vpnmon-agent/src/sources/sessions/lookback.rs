//! The lines that a log already has, from the last one backwards, a chunk a poll.

use std::{
    collections::VecDeque,
    fs::File,
    os::unix::fs::FileExt as _,
    path::{Path, PathBuf},
};

use super::{lines::MAX_LINE_BYTES, stamp};

/// Read in one poll.
const CHUNK: u64 = 512 << 10;
/// Read at all: weeks of most servers.
const MAX_BYTES: u64 = 64 << 20;

/// Reads a log and the one that was rotated away last.
#[derive(Debug)]
pub struct Lookback {
    files: VecDeque<(File, u64)>,
    left: u64,
    /// Unix seconds: lines from before are not wanted, as somebody reads them who reads now.
    oldest: u64,
    now: u64,
    /// The line that begins before what has been read, from its first known byte on.
    begun: Vec<u8>,
}

impl Lookback {
    /// Looks at the first `end` bytes of `path`, then at the older file beside it, back to `oldest`.
    pub fn new(path: &Path, end: u64, oldest: u64, now: u64) -> Self {
        let rotated = [".1", ".0"].map(|suffix| {
            let mut name = path.as_os_str().to_owned();
            name.push(suffix);
            PathBuf::from(name)
        });
        let open = |path: &Path| {
            let file = File::open(path).ok().filter(|_| path.is_file())?;
            let len = file.metadata().ok()?.len();
            Some((file, len))
        };
        let current = open(path).map(|(file, len)| (file, len.min(end)));
        let older = rotated.iter().find_map(|path| open(path));
        let files = current.into_iter().chain(older).collect();
        Self { files, left: MAX_BYTES, oldest, now, begun: Vec::new() }
    }

    /// Hands the next older lines to `each`, the newest first. False when there are no more.
    pub fn poll(&mut self, mut each: impl FnMut(&[u8])) -> bool {
        let Some((file, end)) = self.files.front_mut() else { return false };
        let size = CHUNK.min(*end).min(self.left);
        let mut chunk = vec![0; usize::try_from(size).unwrap_or_default()];
        if size == 0 || file.read_exact_at(&mut chunk, *end - size).is_err() {
            // The first line of the file, or what was cut off of it; or it was truncated.
            each(&std::mem::take(&mut self.begun));
            self.files.pop_front();
            return self.left > 0;
        }
        *end -= size;
        self.left -= size;
        let goes_on = !self.is_before(&chunk);
        chunk.append(&mut self.begun);
        let mut lines = chunk.rsplit(|byte| *byte == b'\n').peekable();
        while let Some(line) = lines.next() {
            if lines.peek().is_some() {
                each(line);
            } else {
                // One that is too long is nobody's login, so any part of it does.
                self.begun = line[line.len().saturating_sub(MAX_LINE_BYTES)..].to_vec();
            }
        }
        goes_on
    }

    /// Whether the first whole line of `chunk` is older than wanted.
    fn is_before(&self, chunk: &[u8]) -> bool {
        let second = chunk.iter().position(|byte| *byte == b'\n');
        let stamp = second.and_then(|end| stamp::take(&chunk[end + 1..])?.0);
        stamp.and_then(|stamp| stamp.unix_seconds(self.now)).is_some_and(|at| at < self.oldest)
    }
}
