//! The end of a file of lines: a crash or a full disk can cut the last one short.

use std::{
    fs::File,
    io::{self, Read as _, Seek as _, SeekFrom},
};

/// The longest line that is looked for.
const STEP: u64 = 4096;

/// Takes a last line away that has no end. How long the file is then, in bytes.
pub fn whole_lines(file: &mut File) -> io::Result<u64> {
    let len = file.metadata()?.len();
    let mut end = len;
    while end > 0 {
        let start = end.saturating_sub(STEP);
        let mut part = vec![0; usize::try_from(end - start).unwrap_or_default()];
        file.seek(SeekFrom::Start(start))?;
        file.read_exact(&mut part)?;
        if let Some(at) = part.iter().rposition(|byte| *byte == b'\n') {
            end = start + u64::try_from(at).unwrap_or_default() + 1;
            break;
        }
        end = start;
    }
    if end != len {
        file.set_len(end)?;
    }
    Ok(end)
}
