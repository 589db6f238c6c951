//! One pass: reads the file, edits its text, has it tested, and puts it in its place.

use std::{collections::BTreeSet, fs::File, path::Path};

use ring::digest::{SHA256, digest};

use super::{
    Excerpts, Place, Refusal, Settings, Wanted,
    accept::accepts,
    file::{ConfigFile, Trouble},
};
use crate::{
    ledger::store::excerpts::{self, Excerpt, Next},
    sources::xray::conf::edit::edit,
};

/// Tries in a row where somebody else writes at the same time.
const TRIES: usize = 5;

/// Whether the running server's program takes a config; see [`accepts`].
type Test = fn(File, Option<(u32, u64)>, Option<&Path>) -> Result<(), String>;

/// Edits the file.
#[derive(Debug)]
pub struct Editor {
    place: Place,
    test: Test,
    excerpts: Vec<Excerpt>,
    shared: Excerpts,
}

/// What an earlier agent has cut out, and what there is to tell of a file that was set aside.
pub fn kept(settings: &Settings, at: u64) -> (Vec<Excerpt>, Option<String>) {
    let (kept, next) = match excerpts::read(&settings.state_dir, at) {
        Ok(found) => found,
        Err(problem) => return (Vec::new(), Some(problem)),
    };
    let Some(next) = next else { return (kept, None) };
    // It has died between writing this and the next: the config says which of both is so.
    let text = ConfigFile::open(&settings.config).map(|file| file.text);
    let is_next = text.is_ok_and(|text| hash(&text) == next.config);
    (if is_next { next.excerpts } else { both(&kept, &next.excerpts) }, None)
}

fn hash(text: &str) -> String {
    use std::fmt::Write as _;
    let mut hex = String::new();
    for byte in digest(&SHA256, text.as_bytes()).as_ref() {
        let _infallible = write!(hex, "{byte:02x}");
    }
    hex
}

/// Those of `kept`, and what `next` has besides.
fn both(kept: &[Excerpt], next: &[Excerpt]) -> Vec<Excerpt> {
    let of = |it: &Excerpt| (it.list.clone(), it.client.clone());
    let known: BTreeSet<_> = kept.iter().map(of).collect();
    let new = next.iter().filter(|it| !known.contains(&of(it)));
    kept.iter().chain(new).cloned().collect()
}

impl Editor {
    /// With what is cut out already.
    pub fn new(settings: &Settings, excerpts: Vec<Excerpt>, shared: Excerpts) -> Self {
        let place = Place {
            config: settings.config.clone(),
            state_dir: settings.state_dir.clone(),
            binary: settings.binary.clone(),
        };
        Self { place, test: accepts, excerpts, shared }
    }

    /// Makes the file as it is wanted. Who is left as it was, and why.
    pub fn pass(&mut self, wanted: &Wanted) -> Vec<Refusal> {
        let mut result = Err(Trouble::Changed);
        for _ in 0..TRIES {
            result = self.try_once(wanted);
            if !matches!(result, Err(Trouble::Changed)) {
                break;
            }
        }
        match result {
            Ok(refused) => {
                let told = |(email, why): Refusal| (email, self.told(&why));
                refused.into_iter().map(told).collect()
            }
            Err(trouble) => {
                // What nobody is waiting for is no refusal.
                let back = self.excerpts.iter().map(|it| &it.email);
                let waits = wanted.out.iter().chain(back.filter(|it| !wanted.out.contains(*it)));
                let told = self.told(&trouble.to_string());
                waits.take(1).map(|email| (email.clone(), told.clone())).collect()
            }
        }
    }

    fn told(&self, why: &str) -> String {
        let config = self.place.config.display();
        format!("{config} is left as it was: {why}; edit it by hand, or set xray.persist = false")
    }

    fn try_once(&mut self, wanted: &Wanted) -> Result<Vec<Refusal>, Trouble> {
        let file = ConfigFile::open(&self.place.config)?;
        let edited = edit(&file.text, &self.excerpts, &wanted.out);
        let edited = edited.map_err(|doubt| Trouble::Here(doubt.to_string()))?;
        if edited.text == file.text {
            if edited.excerpts != self.excerpts {
                self.keep(edited.excerpts)?;
            }
            return Ok(edited.refused);
        }
        let next = Next { config: hash(&edited.text), excerpts: edited.excerpts.clone() };
        self.write(&self.excerpts, Some(next))?;
        self.shared.set(&both(&self.excerpts, &edited.excerpts));
        let is_accepted = |config| (self.test)(config, wanted.server, self.place.binary.as_deref());
        match file.replace(&edited.text, is_accepted) {
            Ok(backup) => {
                let (config, out) = (self.place.config.display(), edited.excerpts.len());
                log::info!("{config}: {out} clients are cut out; as it was: {}", backup.display());
                self.keep(edited.excerpts)?;
                Ok(edited.refused)
            }
            Err(trouble) => {
                let excerpts = std::mem::take(&mut self.excerpts);
                self.keep(excerpts)?;
                Err(trouble)
            }
        }
    }

    fn keep(&mut self, excerpts: Vec<Excerpt>) -> Result<(), Trouble> {
        self.excerpts = excerpts;
        self.shared.set(&self.excerpts);
        self.write(&self.excerpts, None)
    }

    fn write(&self, excerpts: &[Excerpt], next: Option<Next>) -> Result<(), Trouble> {
        let cannot = |error| format!("cannot keep what is cut out: {error}; free the disk");
        let written = excerpts::write(&self.place.state_dir, excerpts, next);
        written.map_err(|error| Trouble::Here(cannot(error)))
    }
}

#[cfg(test)]
#[path = "pass_tests.rs"]
mod tests;
