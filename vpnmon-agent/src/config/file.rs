//! The file as bytes: whatever is no small text is refused before it is looked at.

use std::{
    fs::{self, File},
    io::{self, ErrorKind, Read as _},
    path::Path,
};

use super::{error::ConfigError, locate::Document};

/// Largest config file, in bytes; a thousand times what every key with its comment takes.
const MAX_BYTES: u64 = 1 << 20;

/// The text of `file`; `None` if there is none and it need not exist.
pub fn read(file: &Path, must_exist: bool) -> Result<Option<String>, ConfigError> {
    let metadata = match fs::metadata(file) {
        Ok(metadata) => metadata,
        Err(error) if error.kind() == ErrorKind::NotFound => return missing(file, must_exist),
        Err(error) => return Err(cannot_read(file, &error)),
    };
    // A pipe or a device could keep the agent waiting for ever.
    if !metadata.is_file() {
        let kind = if metadata.is_dir() { "is a directory" } else { "is not a regular file" };
        return Err(ConfigError::unreadable(file, format_args!("{kind}; name a TOML file")));
    }
    let bytes = bytes(file).map_err(|error| cannot_read(file, &error))?;
    if bytes.len() as u64 > MAX_BYTES {
        return Err(ConfigError::unreadable(file, "is larger than 1 MiB; name a TOML file"));
    }
    text(file, bytes).map(Some)
}

fn missing(file: &Path, must_exist: bool) -> Result<Option<String>, ConfigError> {
    // A link to nowhere was meant to say something.
    if must_exist || file.is_symlink() {
        let why = "no such file; write it, or name none for the defaults";
        return Err(ConfigError::unreadable(file, why));
    }
    Ok(None)
}

fn bytes(file: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(file)?.take(MAX_BYTES + 1).read_to_end(&mut bytes)?;
    Ok(bytes)
}

fn cannot_read(file: &Path, error: &io::Error) -> ConfigError {
    ConfigError::unreadable(
        file,
        format_args!("cannot be read: {error}; name a readable TOML file"),
    )
}

fn text(file: &Path, bytes: Vec<u8>) -> Result<String, ConfigError> {
    String::from_utf8(bytes).map_err(|error| {
        let valid = error.utf8_error().valid_up_to();
        let before = String::from_utf8_lossy(&error.as_bytes()[..valid]).into_owned();
        Document { file, text: &(before + "?") }.wrong(
            &(valid..valid),
            None,
            "a byte that is not UTF-8",
            "save the file as UTF-8",
        )
    })
}
