//! Takes users out and puts them back: what is wanted is tried again until it is so.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::{
    client::{Client, NoAnswer},
    conf::Conf,
    cut::{Cut, cut},
    kept::{Kept, KeptIn, KeptUsers, keep},
    peers::Peers,
};
use crate::xray::XrayEvent;

/// The users that are out, and those that are to be.
#[derive(Debug)]
pub struct Removal {
    kept: KeptUsers,
    /// Asked for and not yet done: the email of who is to go, `None` for who is to come back.
    wanted: BTreeMap<String, Option<String>>,
    /// Taken out of the process that answers now.
    applied: BTreeSet<String>,
    /// Why it does not work, told once.
    failed: HashMap<String, String>,
}

impl Removal {
    /// Goes on where an earlier agent has stopped.
    pub fn new(kept: KeptUsers) -> Self {
        let back = kept.iter().filter(|(_, it)| it.returns).map(|(name, _)| (name.clone(), None));
        let wanted = back.collect();
        Self { kept, wanted, applied: BTreeSet::new(), failed: HashMap::new() }
    }

    /// Who is out.
    pub fn out(&self) -> Vec<String> {
        self.kept.iter().filter(|(_, it)| !it.returns).map(|(name, _)| name.clone()).collect()
    }

    /// Whether a user is out, or shall be.
    pub fn is_out(&self, name: &str) -> bool {
        match self.wanted.get(name) {
            Some(wanted) => wanted.is_some(),
            None => self.kept.get(name).is_some(),
        }
    }

    /// Emails of who is out, or shall be.
    pub fn out_emails(&self) -> BTreeSet<String> {
        let kept =
            self.kept.iter().filter(|(name, it)| !it.returns && !self.wanted.contains_key(*name));
        let kept = kept.map(|(_, it)| it.email.clone());
        kept.chain(self.wanted.values().flatten().cloned()).collect()
    }

    /// A user is to go.
    pub fn want_out(&mut self, name: &str, email: &str) {
        self.wanted.insert(name.to_owned(), Some(email.to_owned()));
    }

    /// A user is to come back.
    pub fn want_back(&mut self, name: &str) {
        self.wanted.insert(name.to_owned(), None);
    }

    /// Another process may answer now: it has read its config, in which everybody is.
    pub fn apply_anew(&mut self) {
        self.applied.clear();
    }

    /// Does what is due. An error is one of the connection.
    pub async fn step(
        &mut self,
        client: &mut Client,
        conf: &Conf,
        peers: &Peers,
    ) -> Result<Vec<XrayEvent>, NoAnswer> {
        let mut events = Vec::new();
        for (name, wanted) in self.wanted.clone() {
            let done = match wanted {
                Some(email) => self.remove(client, conf, (&name, &email), peers).await,
                None => self.restore(client, conf, &name).await,
            };
            self.judge(name, done, &mut events)?;
        }
        let lost = self.out().into_iter().filter(|name| !self.applied.contains(name));
        for name in lost.collect::<Vec<_>>() {
            let Some(kept) = self.kept.get(&name).cloned() else { continue };
            let done = self.apply(client, &name, &kept, peers).await;
            // It is out already as far as anybody was told.
            let done = done.map(|_| None);
            self.judge(name, done, &mut events)?;
        }
        Ok(events)
    }

    fn judge(
        &mut self,
        name: String,
        done: Result<Option<XrayEvent>, Trouble>,
        events: &mut Vec<XrayEvent>,
    ) -> Result<(), NoAnswer> {
        match done {
            Ok(event) => {
                self.wanted.remove(&name);
                self.failed.remove(&name);
                events.extend(event);
            }
            Err(Trouble::Connection(error)) => return Err(error),
            Err(Trouble::Here(reason)) => {
                if self.failed.insert(name.clone(), reason.clone()).as_ref() != Some(&reason) {
                    events.push(XrayEvent::Failed { name, reason });
                }
            }
        }
        Ok(())
    }

    async fn remove(
        &mut self,
        client: &mut Client,
        conf: &Conf,
        (name, email): (&str, &str),
        peers: &Peers,
    ) -> Result<Option<XrayEvent>, Trouble> {
        let kept = match self.kept.get(name).cloned() {
            Some(kept) => Kept { returns: false, ..kept },
            None => keep(client, conf, email).await?,
        };
        if kept.inbounds.is_empty() {
            let why = "no inbound of the config has the user, and the API does not tell which one \
                       does: name the running config in xray.config";
            return Err(Trouble::Here(why.to_owned()));
        }
        self.write(|all| all.put(name, kept.clone()))?;
        let how = self.apply(client, name, &kept, peers).await?;
        Ok(Some(XrayEvent::Removed { name: name.to_owned(), how }))
    }

    /// What was done, in words.
    async fn apply(
        &mut self,
        client: &mut Client,
        name: &str,
        kept: &Kept,
        peers: &Peers,
    ) -> Result<String, Trouble> {
        let mut removed = 0;
        for inbound in &kept.inbounds {
            removed += usize::from(take_out(client, inbound, &kept.email).await?);
        }
        let cut = self.cut(name, peers);
        self.applied.insert(name.to_owned());
        Ok(told(name, kept.inbounds.len(), removed, &cut, peers))
    }

    async fn restore(
        &mut self,
        client: &mut Client,
        conf: &Conf,
        name: &str,
    ) -> Result<Option<XrayEvent>, Trouble> {
        let back = XrayEvent::Restored { name: name.to_owned() };
        let Some(kept) = self.kept.get(name).cloned() else { return Ok(Some(back)) };
        self.applied.remove(name);
        let kept = Kept { returns: true, ..kept };
        self.write(|all| all.put(name, kept.clone()))?;
        for inbound in kept.inbounds.iter().filter(|it| is_still(conf, &kept, it)) {
            if let Some(whole) = inbound.inbound() {
                client.add_inbound(whole).await?;
            } else if let Some(user) = inbound.user() {
                client.add(&inbound.tag, user).await?;
            }
        }
        self.write(|all| all.drop(name))?;
        Ok(Some(back))
    }

    fn write(
        &mut self,
        change: impl FnOnce(&mut KeptUsers) -> std::io::Result<()>,
    ) -> Result<(), Trouble> {
        let cannot = |error| format!("cannot keep what the way back needs: {error}; free the disk");
        change(&mut self.kept).map_err(|error| Trouble::Here(cannot(error)))
    }

    /// Ends the connections of one who is out: those the log has told of, and all to an inbound that
    /// is that user's alone.
    pub fn cut(&self, name: &str, peers: &Peers) -> Cut {
        let Some(kept) = self.kept.get(name) else { return Cut::default() };
        let each = kept
            .inbounds
            .iter()
            .map(|inbound| cut(inbound.ports, |end| inbound.is_alone || peers.is(end, name)));
        each.fold(Cut::default(), Cut::and)
    }

    /// Those who are out of an inbound that is theirs alone, which the API cannot change.
    pub fn held(&self) -> Vec<String> {
        let held = |kept: &Kept| kept.inbounds.iter().any(|inbound| inbound.is_alone);
        let out = self.kept.iter().filter(|(_, it)| !it.returns && held(it));
        out.map(|(name, _)| name.clone()).collect()
    }
}

/// Takes a user out of one inbound, if the API can do that.
async fn take_out(client: &mut Client, inbound: &KeptIn, email: &str) -> Result<bool, Trouble> {
    let done = if !inbound.inbound.is_empty() {
        client.remove_inbound(&inbound.tag).await
    } else if inbound.user.is_empty() {
        return Ok(false);
    } else {
        client.remove(&inbound.tag, email).await
    };
    match done {
        Ok(()) => Ok(true),
        Err(NoAnswer::Unimplemented) => {
            let why = "the API has no HandlerService: add it to api.services of Xray's config";
            Err(Trouble::Here(why.to_owned()))
        }
        Err(NoAnswer::Refused(text)) => {
            Err(Trouble::Here(format!("inbound {:?}: {text}", inbound.tag)))
        }
        Err(error) => Err(error.into()),
    }
}

/// What was done, and what goes on all the same.
fn told(name: &str, inbounds: usize, removed: usize, cut: &Cut, peers: &Peers) -> String {
    let mut how = vec![format!("taken out of {removed} inbounds, {} connections ended", cut.ended)];
    if removed < inbounds {
        let held = inbounds - removed;
        how.push(format!(
            "{held} inbounds cannot be changed over the API: connections there are ended as they \
             come"
        ));
    }
    if peers.is_hidden(name) {
        how.push(
            "those behind a proxy go on until they end: the access log does not tell their ports"
                .to_owned(),
        );
    }
    if let Some(problem) = &peers.problem {
        how.push(format!(
            "connections go on until they end: without the access log nobody tells whose they are \
             ({problem}; see xray.access_log)"
        ));
    }
    how.extend(cut.problem.clone());
    how.join("; ")
}

/// Whoever was taken out of the config meanwhile stays out. A config that cannot be read says nothing.
fn is_still(conf: &Conf, kept: &Kept, inbound: &KeptIn) -> bool {
    let is_known = !conf.inbounds.is_empty() && kept.is_configured;
    !is_known || conf.inbounds_of(&kept.email).any(|(it, _)| it.tag == inbound.tag)
}

/// Why a step did not work.
enum Trouble {
    /// The connection is lost: all waits.
    Connection(NoAnswer),
    /// This one waits.
    Here(String),
}

impl From<NoAnswer> for Trouble {
    fn from(error: NoAnswer) -> Self {
        match error {
            NoAnswer::Down(_) => Self::Connection(error),
            error => Self::Here(error.to_string()),
        }
    }
}
