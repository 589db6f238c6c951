//! Gives users marks of their own over the API: an outbound that sets the mark, and behind all other
//! rules one that sends the user there. Xray forgets both when it ends.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    client::{Client, NoAnswer},
    conf::{Conf, direct::Direct, snippet::tag},
};
use crate::xray::XrayEvent;

/// Users of whom the API is told in one go: some 60 ms.
const AT_A_TIME: usize = 100;

/// Who is to have a mark.
#[derive(Debug, Default)]
pub struct Marking {
    /// Email and mark, by name of account.
    wanted: BTreeMap<String, (String, u32)>,
    /// Those that the process that answers now was told of, or has refused.
    done: BTreeSet<String>,
    /// Names of outbounds and rules that are to go.
    gone: Vec<String>,
    /// Whether the API can do it; `None` before it was asked.
    is_possible: Option<bool>,
}

impl Marking {
    /// A user is to have this mark.
    pub fn want(&mut self, name: &str, email: String, mark: u32) {
        self.wanted.insert(name.to_owned(), (email, mark));
        self.done.remove(name);
    }

    /// A user is to have none.
    pub fn unwant(&mut self, name: &str) {
        if let Some((email, mark)) = self.wanted.remove(name) {
            self.gone.push(tag(&email, mark));
        }
        self.done.remove(name);
    }

    /// Another process may answer now.
    pub fn apply_anew(&mut self) {
        self.done.clear();
        self.is_possible = None;
    }

    /// Does a part of what is due. An error is one of the connection.
    pub async fn step(
        &mut self,
        client: &mut Client,
        conf: &Conf,
    ) -> Result<Vec<XrayEvent>, NoAnswer> {
        let is_due = self.wanted.keys().any(|name| !self.done.contains(name));
        if !is_due && self.gone.is_empty() {
            return Ok(Vec::new());
        }
        let first = match possible(client, conf, self.is_possible).await? {
            Ok(first) => first,
            Err(reason) => {
                let is_told = self.is_possible.replace(false) == Some(false);
                self.gone.clear();
                let told = (!is_told).then_some(XrayEvent::NotMarked { reason });
                return Ok(told.into_iter().collect());
            }
        };
        self.is_possible = Some(true);
        for tag in std::mem::take(&mut self.gone) {
            connected(client.remove_marked(&tag).await)?;
        }
        let due = self.wanted.iter().filter(|(name, _)| !self.done.contains(*name));
        let due: Vec<_> =
            due.take(AT_A_TIME).map(|(name, it)| (name.clone(), it.clone())).collect();
        let mut events = Vec::new();
        for (name, (email, mark)) in due {
            let added = client.add_marked(&tag(&email, mark), &email, mark, first).await;
            match connected(added)? {
                None => events.push(XrayEvent::Marked { name: name.clone(), mark }),
                Some(why) => {
                    log::warn!("xray: {name:?} gets no mark, and counts by payload: {why}");
                }
            }
            self.done.insert(name);
        }
        Ok(events)
    }
}

/// What else there is to do.
const NEXT: &str = "add what `vpnmon-agent xray snippet` prints to Xray's config";

/// The first outbound, which users' own are to be like; or why there can be none.
/// What was found impossible is so until the connection is another one.
async fn possible(
    client: &mut Client,
    conf: &Conf,
    known: Option<bool>,
) -> Result<Result<Direct, String>, NoAnswer> {
    let refusal = match known {
        None => connected(client.can_route().await)?,
        Some(true) => None,
        Some(false) => Some(String::new()),
    };
    Ok(match refusal {
        Some(why) => Err(no_rules(&why)),
        None => first(conf),
    })
}

/// The API does not take rules.
pub fn no_rules(why: &str) -> String {
    format!(
        "the API takes no rules ({why}): add \"RoutingService\" to api.services (Xray, not v2ray), or \
         {NEXT}"
    )
}

/// The first outbound, where it is one that the API can make again.
pub fn first(conf: &Conf) -> Result<Direct, String> {
    let first = conf.marks.first.clone();
    first.map_err(|why| format!("{why}, which cannot be made again over the API: {NEXT}"))
}

/// What the server says against it, if anything; an error where nobody answers.
fn connected(done: Result<(), NoAnswer>) -> Result<Option<String>, NoAnswer> {
    match done {
        Ok(()) => Ok(None),
        Err(NoAnswer::Down(why)) => Err(NoAnswer::Down(why)),
        Err(error) => Ok(Some(error.to_string())),
    }
}
