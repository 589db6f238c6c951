//! One file as bytes.

use std::{
    fs::OpenOptions,
    io::{self, Read as _},
    os::unix::fs::OpenOptionsExt as _,
    path::Path,
};

/// A hundred thousand accounts take a third of it.
const MAX_BYTES: u64 = 16 << 20;

/// The bytes of `file`, `None` if there is none; `Err` says why it was not read.
pub fn read(file: &Path) -> Result<Option<Vec<u8>>, String> {
    // A link would lead elsewhere, a pipe would block.
    let flags = libc::O_NOFOLLOW | libc::O_NONBLOCK;
    let file = match OpenOptions::new().read(true).custom_flags(flags).open(file) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) if error.raw_os_error() == Some(libc::ELOOP) => {
            return Err("is a symbolic link; put the file itself there".to_owned());
        }
        Err(error) => return Err(cannot(&error)),
    };
    let metadata = file.metadata().map_err(|error| cannot(&error))?;
    if !metadata.is_file() {
        return Err("is no regular file".to_owned());
    }
    let mut bytes = Vec::new();
    file.take(MAX_BYTES + 1).read_to_end(&mut bytes).map_err(|error| cannot(&error))?;
    if bytes.len() as u64 > MAX_BYTES {
        return Err("is larger than 16 MiB".to_owned());
    }
    Ok(Some(bytes))
}

fn cannot(error: &io::Error) -> String {
    format!("cannot be read: {error}")
}
