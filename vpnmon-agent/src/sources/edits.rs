//! Usage files that somebody writes to, as the kernel tells it (inotify(7)).

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result};
use nix::{
    errno::Errno,
    sys::inotify::{AddWatchFlags, InitFlags, Inotify},
};

/// Watches one directory.
#[derive(Debug)]
pub struct EditWatch {
    inotify: Inotify,
    dir: PathBuf,
}

impl EditWatch {
    /// Starts watching.
    pub fn new(dir: &Path) -> Result<Self> {
        let what = || format!("cannot watch {}", dir.display());
        let flags = InitFlags::IN_NONBLOCK | InitFlags::IN_CLOEXEC;
        let inotify = Inotify::init(flags).with_context(what)?;
        let written = AddWatchFlags::IN_CLOSE_WRITE | AddWatchFlags::IN_MOVED_TO;
        inotify.add_watch(dir, written).with_context(what)?;
        Ok(Self { inotify, dir: dir.to_owned() })
    }

    /// Names of the files that were written since the last call; our own writes are among them.
    pub fn touched(&mut self) -> Vec<String> {
        let mut names = Vec::new();
        loop {
            match self.inotify.read_events() {
                Ok(events) => {
                    for event in events {
                        if event.mask.contains(AddWatchFlags::IN_Q_OVERFLOW) {
                            names.extend(self.all());
                        }
                        names.extend(event.name.and_then(|name| name.into_string().ok()));
                    }
                }
                Err(Errno::EAGAIN) => break,
                Err(error) => {
                    log::warn!("cannot tell who edits {}: {error}", self.dir.display());
                    break;
                }
            }
        }
        names.retain(|name| !name.starts_with('.'));
        names
    }

    /// More happened than the kernel keeps: any file may have changed.
    fn all(&self) -> Vec<String> {
        let entries = fs::read_dir(&self.dir).into_iter().flatten().flatten();
        entries.filter_map(|entry| entry.file_name().into_string().ok()).collect()
    }
}
