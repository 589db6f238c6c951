//! Takes clients out of a config's text and puts them back: comments, order and format of all else
//! stay as they are.
//!
//! No edit is believed: each counts only if the text says afterwards, parsed, what it said before,
//! but for that client.

mod back;
mod cut;
mod shape;
#[cfg(test)]
mod tests;

use std::{collections::BTreeSet, fmt};

use serde_json::Value;

use self::shape::{List, Sheet, one};
use super::without_comments;
use crate::ledger::store::excerpts::Excerpt;

/// Why a text is not edited.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Doubt(String);

impl Doubt {
    fn new(why: impl Into<String>) -> Self {
        Self(why.into())
    }
}

impl fmt::Display for Doubt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What becomes of a text.
#[derive(Debug, PartialEq, Eq)]
pub struct Edited {
    /// The text.
    pub text: String,
    /// What is out of it now, in the order of the cuts.
    pub excerpts: Vec<Excerpt>,
    /// Who is left as it was, and why.
    pub refused: Vec<(String, String)>,
}

/// Edits a text that `excerpts` were cut out of, so that those in `out` are out, and nobody else.
///
/// Cuts are taken back from the last one on, so that each finds the text as it left it; those that
/// must stay are made again.
pub fn edit(text: &str, excerpts: &[Excerpt], out: &BTreeSet<String>) -> Result<Edited, Doubt> {
    let mut edited = Edited { text: text.to_owned(), excerpts: Vec::new(), refused: Vec::new() };
    let emails = emails(&lists(text)?.0);
    // Who stands there all the same was never cut, is back already, or was put there by others.
    let is_cut = |it: &&Excerpt| !emails.contains(&(it.tag.clone(), it.email.clone()));
    edited.excerpts = excerpts.iter().filter(is_cut).cloned().collect();
    let Some(lowest) = edited.excerpts.iter().position(|it| !out.contains(&it.email)) else {
        take_out(&mut edited, out);
        return Ok(edited);
    };
    let undone = edited.excerpts.split_off(lowest);
    let mut stay = Vec::new();
    for excerpt in undone.into_iter().rev() {
        let is_wanted = !out.contains(&excerpt.email);
        match back::put_back(&edited.text, &excerpt, is_wanted) {
            Ok(Some(text)) => edited.text = text,
            // Its inbound is no more.
            Ok(None) if is_wanted => {}
            Ok(None) => stay.push(excerpt),
            Err(doubt) => {
                if is_wanted {
                    edited.refused.push((excerpt.email.clone(), doubt.to_string()));
                }
                stay.push(excerpt);
            }
        }
    }
    edited.excerpts.extend(stay.into_iter().rev());
    take_out(&mut edited, out);
    Ok(edited)
}

/// Takes out whoever of `out` stands in the text: everywhere, or nowhere.
fn take_out(edited: &mut Edited, out: &BTreeSet<String>) {
    let there = lists(&edited.text).map(|(lists, root)| (emails(&lists), root));
    let Ok((there, root)) = there else { return };
    let conf = super::conf(&root);
    let alone = conf.inbounds.iter().filter(|inbound| inbound.is_single);
    let alone: Vec<_> = alone.flat_map(|inbound| &inbound.users).map(|user| &user.email).collect();
    for email in out {
        if alone.contains(&email) {
            let why = "its inbound has no list of users, but is the user's alone".to_owned();
            edited.refused.push((email.clone(), why));
            continue;
        }
        if !there.iter().any(|(_, it)| it == email) {
            continue;
        }
        match cut_all(&edited.text, email) {
            Ok((text, excerpts)) => {
                edited.text = text;
                edited.excerpts.extend(excerpts);
            }
            Err(doubt) => edited.refused.push((email.clone(), doubt.to_string())),
        }
    }
}

fn cut_all(text: &str, email: &str) -> Result<(String, Vec<Excerpt>), Doubt> {
    let (mut text, mut excerpts) = (text.to_owned(), Vec::new());
    loop {
        let (lists, root) = lists(&text)?;
        let found = lists.iter().find_map(|it| it.position(email).map(|index| (it, index)));
        let Some((list, index)) = found else { return Ok((text, excerpts)) };
        let excerpt = cut::cut(&Sheet::new(&text)?, list, index, email)?;
        let after = excerpt.without(&text);
        let mut expected = root;
        let clients = expected.pointer_mut(&list.list.pointer).and_then(Value::as_array_mut);
        clients.ok_or_else(|| Doubt::new("the list is not where it seems to be"))?.remove(index);
        if parsed(&after)? != expected {
            return Err(Doubt::new("more than the client would go"));
        }
        text = after;
        excerpts.push(excerpt);
    }
}

impl Excerpt {
    fn without(&self, text: &str) -> String {
        let (before, rest) = text.split_at(self.at);
        [before, &self.left, rest.get(self.cut.len()..).unwrap_or_default()].concat()
    }
}

/// A list with the emails in it.
struct Listed {
    list: List,
    emails: Vec<Option<String>>,
}

impl Listed {
    fn position(&self, email: &str) -> Option<usize> {
        self.emails.iter().position(|it| it.as_deref() == Some(email))
    }
}

/// All lists, and the whole text, parsed.
fn lists(text: &str) -> Result<(Vec<Listed>, Value), Doubt> {
    let root = parsed(text)?;
    let lists = Sheet::new(text)?.lists()?;
    let listed = lists.into_iter().map(|list| {
        let clients = root.pointer(&list.pointer).and_then(Value::as_array).into_iter().flatten();
        let emails = clients.map(|client| email(client, &list.protocol)).collect();
        Listed { list, emails }
    });
    Ok((listed.collect(), root))
}

fn email(client: &Value, protocol: &str) -> Option<String> {
    let email = super::client(client, protocol, &Value::Null).email;
    Some(email).filter(|email| !email.is_empty())
}

/// Who stands in which inbound.
fn emails(lists: &[Listed]) -> BTreeSet<(String, String)> {
    let each = lists.iter().flat_map(|it| {
        it.emails.iter().flatten().map(|email| (it.list.tag.clone(), email.clone()))
    });
    each.collect()
}

fn parsed(text: &str) -> Result<Value, Doubt> {
    serde_json::from_slice(&without_comments(text.as_bytes()))
        .map_err(|error| Doubt::new(format!("it is no JSON: {error}")))
}

/// Puts clients into a parsed config, somewhere in their lists, unless they are there.
pub fn complete(root: &mut Value, excerpts: &[Excerpt]) {
    for excerpt in excerpts {
        let Some(pointer) = list_in(root, excerpt) else { continue };
        let list = root.pointer_mut(&pointer).and_then(Value::as_array_mut);
        let (Some(list), Ok(client)) = (list, serde_json::from_str::<Value>(&excerpt.client))
        else {
            continue;
        };
        // Protocols differ in the name of one member only, which all of one list have alike.
        if !list.iter().any(|it| it["email"] == client["email"] && it["user"] == client["user"]) {
            list.push(client);
        }
    }
}

/// Where its list is by now: the inbound may have been moved.
fn list_in(root: &Value, excerpt: &Excerpt) -> Option<String> {
    let tag = |inbound: &str| root.pointer(inbound).map(|it| super::text(it, "tag"));
    let mut parts = excerpt.list.split('/').skip(1);
    let (first, second) = (parts.next()?, parts.next()?);
    let Some((settings, key)) = parts.next().zip(parts.next()) else {
        return Some(excerpt.list.clone());
    };
    let listed = root.get(first)?.as_array()?.len();
    let indexes = std::iter::once(second.parse().ok()?).chain(0..listed);
    let mut inbounds = indexes.map(|index: usize| format!("/{first}/{index}"));
    let inbound = inbounds.find(|it| tag(it).as_ref() == Some(&excerpt.tag))?;
    Some(format!("{inbound}/{settings}/{key}"))
}

/// For fuzzing: whoever is taken out is out, everything else stays, and all comes back as it was.
pub fn fuzz(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let Ok((lists, _)) = lists(text) else { return };
    let everybody: BTreeSet<_> = emails(&lists).into_iter().map(|(_, email)| email).collect();
    let half: BTreeSet<_> = everybody.iter().step_by(2).cloned().collect();
    for out in [everybody, half] {
        let Ok(edited) = edit(text, &[], &out) else { return };
        assert!(edited.excerpts.iter().all(|it| out.contains(&it.email)));
        let refused: BTreeSet<_> = edited.refused.iter().map(|(email, _)| email.clone()).collect();
        let Ok((lists, _)) = self::lists(&edited.text) else { unreachable!("it is no config") };
        let left = emails(&lists);
        assert!(left.iter().all(|(_, email)| !out.contains(email) || refused.contains(email)));
        let back = edit(&edited.text, &edited.excerpts, &BTreeSet::new());
        assert_eq!(back.map(|it| it.text).as_deref(), Ok(text));
    }
}
