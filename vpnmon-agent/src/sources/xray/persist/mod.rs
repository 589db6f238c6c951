//! Keeps users who are out also out of Xray's config file (`xray.persist`), so that no restart of Xray
//! lets them in, whether an agent runs or not.
//!
//! It works on a thread of its own, because the server's own test of a config takes its time. What is
//! cut out is on the disk (`xray-excerpts.json`) before the config loses it; where the two disagree
//! after a crash, who stands in the config was not cut out.

mod accept;
mod file;
mod pass;

use std::{
    collections::{BTreeSet, HashMap},
    path::PathBuf,
    sync::{
        Arc, Mutex, PoisonError,
        mpsc::{Receiver, RecvTimeoutError, Sender, channel},
    },
    thread,
    time::Duration,
};

use anyhow::{Context as _, Result};

use self::pass::Editor;
use super::Settings;
use crate::ledger::store::excerpts::Excerpt;

/// Between two tries of what did not work, at first and at last.
const FIRST_RETRY: Duration = Duration::from_secs(1);
const LAST_RETRY: Duration = Duration::from_mins(1);

/// How the file shall be.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Wanted {
    /// Emails of those who are not to be in it.
    pub out: BTreeSet<String>,
    /// The running server, by id and start: its program tests what is written.
    pub server: Option<(u32, u64)>,
}

/// Why somebody cannot be taken out of the file, or put back: email and reason.
pub type Refusal = (String, String);

/// What is cut out of the file now, for whoever reads it.
#[derive(Clone, Debug, Default)]
pub struct Excerpts(Arc<Mutex<Vec<Excerpt>>>);

impl Excerpts {
    /// As it is now.
    pub fn get(&self) -> Vec<Excerpt> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn set(&self, excerpts: &[Excerpt]) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = excerpts.to_vec();
    }
}

/// The thread at work; it ends with this.
#[derive(Debug)]
pub struct Persist {
    orders: Sender<Wanted>,
    refusals: Receiver<Vec<Refusal>>,
    last: Option<Wanted>,
    told: HashMap<String, String>,
}

impl Persist {
    /// Starts it, where the file is to be kept, or an agent with other settings has kept it.
    pub fn start(settings: &Settings, at: u64) -> Result<(Option<Self>, Excerpts)> {
        let (excerpts, problem) = pass::kept(settings, at);
        if let Some(problem) = problem {
            log::warn!("{problem}");
        }
        let shared = Excerpts::default();
        shared.set(&excerpts);
        if !settings.persist && excerpts.is_empty() {
            return Ok((None, shared));
        }
        let (orders, ordered) = channel();
        let (tell, refusals) = channel();
        let editor = Editor::new(settings, excerpts, shared.clone());
        let work = move || work(editor, &ordered, &tell);
        thread::Builder::new()
            .name("xray-config".to_owned())
            .spawn(work)
            .context("cannot start the thread that keeps Xray's config")?;
        Ok((Some(Self { orders, refusals, last: None, told: HashMap::new() }), shared))
    }

    /// What the file is to be; `again` where somebody else has changed it.
    pub fn want(&mut self, wanted: Wanted, again: bool) {
        if again || self.last.as_ref() != Some(&wanted) {
            self.last = Some(wanted.clone());
            if self.orders.send(wanted).is_err() {
                log::error!("xray: the thread that keeps the config has ended; restart the agent");
            }
        }
    }

    /// Refusals that nobody was told of yet.
    pub fn news(&mut self) -> Vec<Refusal> {
        let Some(refusals) = self.refusals.try_iter().last() else { return Vec::new() };
        let told = std::mem::replace(&mut self.told, refusals.iter().cloned().collect());
        refusals.into_iter().filter(|(email, why)| told.get(email) != Some(why)).collect()
    }
}

/// Tries until the file is as wanted, and then waits for another wish.
fn work(mut editor: Editor, orders: &Receiver<Wanted>, tell: &Sender<Vec<Refusal>>) {
    let (mut wanted, mut retry) = (None, None);
    loop {
        let ordered = match retry {
            Some(pause) => orders.recv_timeout(pause),
            None => orders.recv().map_err(|_| RecvTimeoutError::Disconnected),
        };
        match ordered {
            Ok(newer) => {
                wanted = Some(orders.try_iter().last().unwrap_or(newer));
                retry = None;
            }
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => return,
        }
        let Some(wanted) = &wanted else { continue };
        let refusals = editor.pass(wanted);
        // Where somebody is just writing the file it is nothing to tell of.
        let is_told = refusals.is_empty() || retry.is_some();
        retry = match retry {
            _ if refusals.is_empty() => None,
            None => Some(FIRST_RETRY),
            Some(pause) => Some((pause * 2).min(LAST_RETRY)),
        };
        if is_told && tell.send(refusals).is_err() {
            return;
        }
    }
}

/// What an editor is told once.
#[derive(Clone, Debug)]
struct Place {
    config: PathBuf,
    state_dir: PathBuf,
    /// `xray.binary`; `None` is what runs.
    binary: Option<PathBuf>,
}
