//! Where in a config's text its clients stand.

use std::{fmt, ops::Range};

use serde::{
    Deserializer as _,
    de::{MapAccess, Visitor},
};
use serde_json::value::RawValue;

use super::{super::without_comments, Doubt};

/// Lists of clients, whatever a protocol calls them.
const LISTS: [&str; 3] = ["clients", "users", "accounts"];

/// A text beside itself with blanks for comments: what stands in one stands there in the other.
#[derive(Debug)]
pub struct Sheet<'a> {
    /// As it is in the file.
    pub text: &'a str,
    /// Without comments.
    pub plain: String,
}

/// A list of clients.
#[derive(Debug)]
pub struct List {
    /// The name of its inbound; empty where that has none.
    pub tag: String,
    /// The inbound's protocol, in lower case.
    pub protocol: String,
    /// JSON pointer to it.
    pub pointer: String,
    /// With its brackets.
    pub span: Range<usize>,
    /// Its clients.
    pub elements: Vec<Range<usize>>,
}

/// A member of an object.
#[derive(Debug)]
pub struct Member {
    key: String,
    /// Where its value stands.
    pub value: Range<usize>,
}

impl<'a> Sheet<'a> {
    /// Of a text that may be none of JSON.
    pub fn new(text: &'a str) -> Result<Self, Doubt> {
        let plain = String::from_utf8(without_comments(text.as_bytes()));
        Ok(Self { text, plain: plain.map_err(|_| Doubt::new("a comment splits a character"))? })
    }

    /// Whether comments stand there.
    pub fn has_comment(&self, span: Range<usize>) -> bool {
        self.text.get(span.clone()) != self.plain.get(span)
    }

    /// The members of the object there; none where there is no object.
    pub fn members(&self, span: &Range<usize>) -> Result<Vec<Member>, Doubt> {
        let text = self.plain.get(span.clone()).unwrap_or_default();
        if !text.trim_start().starts_with('{') {
            return Ok(Vec::new());
        }
        let mut json = serde_json::Deserializer::from_str(text);
        let members =
            json.deserialize_map(Members).map_err(|error| Doubt::new(error.to_string()))?;
        let placed = |(key, value)| Member { key, value: self.place(value) };
        Ok(members.into_iter().map(placed).collect())
    }

    /// The elements of the array there; none where there is no array.
    pub fn elements(&self, span: &Range<usize>) -> Result<Vec<Range<usize>>, Doubt> {
        let text = self.plain.get(span.clone()).unwrap_or_default();
        if !text.starts_with('[') {
            return Ok(Vec::new());
        }
        let elements: Vec<&RawValue> =
            serde_json::from_str(text).map_err(|error| Doubt::new(error.to_string()))?;
        Ok(elements.into_iter().map(|it| self.place(it)).collect())
    }

    fn place(&self, value: &RawValue) -> Range<usize> {
        let value = value.get();
        let start = value.as_ptr().addr() - self.plain.as_ptr().addr();
        start..start + value.len()
    }

    /// All lists of clients.
    pub fn lists(&self) -> Result<Vec<List>, Doubt> {
        let root = self.members(&(0..self.plain.len()))?;
        let mut lists = Vec::new();
        for key in ["inbounds", "inboundDetour"] {
            let Some(member) = one(&root, key)? else { continue };
            for (index, inbound) in self.elements(&member.value)?.iter().enumerate() {
                self.lists_of(inbound, &format!("/{}/{index}", member.key), &mut lists)?;
            }
        }
        if let Some(member) = one(&root, "inbound")? {
            self.lists_of(&member.value, &format!("/{}", member.key), &mut lists)?;
        }
        Ok(lists)
    }

    fn lists_of(
        &self,
        inbound: &Range<usize>,
        pointer: &str,
        lists: &mut Vec<List>,
    ) -> Result<(), Doubt> {
        let inbound = self.members(inbound)?;
        let word = |key| one(&inbound, key).map(|member| self.word(member));
        let (tag, protocol) = (word("tag")?, word("protocol")?.to_lowercase());
        let Some(settings) = one(&inbound, "settings")? else { return Ok(()) };
        let members = self.members(&settings.value)?;
        for key in LISTS {
            let Some(member) = one(&members, key)? else { continue };
            let (tag, protocol) = (tag.clone(), protocol.clone());
            let pointer = format!("{pointer}/{}/{}", settings.key, member.key);
            let (span, elements) = (member.value.clone(), self.elements(&member.value)?);
            lists.push(List { tag, protocol, pointer, span, elements });
        }
        Ok(())
    }

    /// The text that a member has; empty where it has none.
    fn word(&self, member: Option<&Member>) -> String {
        let value = member.and_then(|member| self.plain.get(member.value.clone()));
        value.and_then(|value| serde_json::from_str(value).ok()).unwrap_or_default()
    }
}

/// The member called `key`, in whatever case, for Go reads it so. Of two nobody knows which counts.
pub fn one<'a>(members: &'a [Member], key: &str) -> Result<Option<&'a Member>, Doubt> {
    let mut found = members.iter().filter(|member| member.key.eq_ignore_ascii_case(key));
    match (found.next(), found.next()) {
        (found, None) => Ok(found),
        _ => Err(Doubt::new(format!("{key:?} stands twice in one object"))),
    }
}

struct Members;

impl<'de> Visitor<'de> for Members {
    type Value = Vec<(String, &'de RawValue)>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut members = Vec::new();
        while let Some((key, value)) = map.next_entry()? {
            members.push((key, value));
        }
        Ok(members)
    }
}
