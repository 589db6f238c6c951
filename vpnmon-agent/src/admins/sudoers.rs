//! sudoers(5), as far as it says who may do anything at all as somebody else.
//!
//! Every doubt makes a sudoer: members of an alias that nobody uses, users that a rule takes out
//! again (`!bob`), and every word of a rule that cannot be read count as named.

use std::collections::HashSet;

/// Who is named.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sudoers {
    /// By name.
    pub users: HashSet<String>,
    /// By `#uid`.
    pub uids: HashSet<u32>,
    /// By `%group`.
    pub groups: HashSet<String>,
    /// By `%#gid`.
    pub gids: HashSet<u32>,
    /// By `ALL`, or by a netgroup or another group that only a server knows.
    pub all: bool,
    /// Files and directories that are to be read too.
    pub includes: Vec<Include>,
}

/// What an `@include` names.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Include {
    /// A file, perhaps relative to the one that names it.
    File(String),
    /// A directory.
    Dir(String),
}

impl Sudoers {
    /// Reads one file.
    pub fn add(&mut self, text: &[u8]) {
        for line in lines(text) {
            self.line(&line);
        }
    }

    fn line(&mut self, line: &str) {
        if let Some(include) = include(line) {
            self.includes.push(include);
            return;
        }
        let line = without_comment(line).trim();
        let first = line.split(|c: char| c.is_whitespace() || "@:!>".contains(c)).next();
        match first.unwrap_or_default() {
            "" | "Defaults" | "Host_Alias" | "Cmnd_Alias" | "Cmd_Alias" | "Runas_Alias" => {}
            "User_Alias" => self.aliases(&line["User_Alias".len()..]),
            _ => self.rule(line),
        }
    }

    /// `NAME = LIST : NAME = LIST`.
    fn aliases(&mut self, text: &str) {
        for item in items(text, |c| c == ',' || c == '=' || c == ':' || c.is_whitespace()) {
            self.named(&item);
        }
    }

    /// `USERS HOSTS = ...`; without `=` it is none, and whoever it names is meant somehow.
    fn rule(&mut self, line: &str) {
        let is_end = |c: char| c == ',' || c.is_whitespace();
        let users = line.split_once('=').map_or(line, |(left, _)| user_list(left));
        for item in items(users, is_end) {
            self.named(&item);
        }
    }

    fn named(&mut self, item: &str) {
        let item = item.trim_start_matches('!').trim();
        if let Some(group) = item.strip_prefix('%') {
            match group.strip_prefix('#').map(str::parse) {
                Some(Ok(gid)) => {
                    self.gids.insert(gid);
                }
                // `%:GROUP` is one that a plugin knows.
                _ if group.starts_with(':') => self.all = true,
                _ => {
                    self.groups.insert(group.to_owned());
                }
            }
        } else if let Some(Ok(uid)) = item.strip_prefix('#').map(str::parse) {
            self.uids.insert(uid);
        } else if item == "ALL" || item.starts_with('+') {
            self.all = true;
        } else if !item.is_empty() {
            self.users.insert(item.to_owned());
        }
    }
}

/// Logical lines: a backslash before the line's end goes on.
fn lines(text: &[u8]) -> Vec<String> {
    let text = String::from_utf8_lossy(text);
    let mut lines = vec![String::new()];
    for line in text.lines() {
        let open = lines.last_mut().filter(|last| last.ends_with('\\'));
        if let Some(last) = open {
            last.pop();
            last.push_str(line);
        } else {
            lines.push(line.to_owned());
        }
    }
    lines
}

fn include(line: &str) -> Option<Include> {
    let line = line.trim_start();
    let word = line.strip_prefix('@').or_else(|| line.strip_prefix('#'))?;
    let (word, path) = word.split_once(char::is_whitespace)?;
    let path = items(path, char::is_whitespace).into_iter().next()?;
    match word {
        "include" => Some(Include::File(path)),
        "includedir" => Some(Include::Dir(path)),
        _ => None,
    }
}

/// A `#` begins a comment unless a uid follows it, or a backslash or quotes hold it.
fn without_comment(line: &str) -> &str {
    let (mut quoted, mut escaped) = (false, false);
    for (at, c) in line.char_indices() {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '"' => quoted = !quoted,
            '#' if !quoted && !line[at + 1..].starts_with(|c: char| c.is_ascii_digit()) => {
                return &line[..at];
            }
            _ => {}
        }
    }
    line
}

/// The list before the hosts: it goes on over a blank only beside a comma.
fn user_list(left: &str) -> &str {
    let (mut quoted, mut escaped, mut open) = (false, false, true);
    let left = left.trim_start();
    for (at, c) in left.char_indices() {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '"' => quoted = !quoted,
            _ if quoted => {}
            ',' => open = true,
            '!' => {}
            _ if c.is_whitespace() => {
                let goes_on = open || left[at..].trim_start().starts_with(',');
                if !goes_on {
                    return &left[..at];
                }
            }
            _ => open = false,
        }
    }
    left
}

/// Words between what `is_end` says, without quotes and backslashes.
fn items(text: &str, is_end: impl Fn(char) -> bool) -> Vec<String> {
    let (mut items, mut word) = (Vec::new(), String::new());
    let (mut quoted, mut escaped) = (false, false);
    for c in text.chars() {
        match c {
            _ if escaped => {
                word.push(c);
                escaped = false;
            }
            '\\' => escaped = true,
            '"' => quoted = !quoted,
            _ if !quoted && is_end(c) => items.push(std::mem::take(&mut word)),
            _ => word.push(c),
        }
    }
    items.push(word);
    items.retain(|item| !item.is_empty());
    items
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a text names, in one sorted line.
    fn check(text: &str, expected: &str) {
        let mut sudoers = Sudoers::default();
        sudoers.add(text.as_bytes());
        let mut named: Vec<_> = sudoers.users.iter().cloned().collect();
        named.extend(sudoers.uids.iter().map(|uid| format!("#{uid}")));
        named.extend(sudoers.groups.iter().map(|group| format!("%{group}")));
        named.extend(sudoers.gids.iter().map(|gid| format!("%#{gid}")));
        named.extend(sudoers.all.then(|| "ALL".to_owned()));
        named.extend(sudoers.includes.iter().map(|include| format!("{include:?}")));
        named.sort();
        assert_eq!(named.join(" "), expected, "{text:?}");
    }

    #[test]
    fn users_of_rules() {
        check("root ALL=(ALL:ALL) ALL\n%sudo\tALL=(ALL:ALL) ALL\n", "%sudo root");
        check("a, b ,c web1, web2 = (root) /bin/ls, /bin/cat\n", "a b c");
        check("#1001, %#27 ALL = ALL # not#this\n", "#1001 %#27");
        check("\"two words\",es\\,cape ALL=ALL\n", "es,cape two words");
        check("a\\\n,b ALL=ALL\n", "a b");
        check("ALL, !bob ALL=ALL\n", "ALL bob");
        check("+netgroup ALL=ALL\n%:domain\\ admins ALL=ALL\n", "ALL");
    }

    #[test]
    fn what_names_nobody() {
        check("# bob ALL=(ALL) ALL\nDefaults env_reset\nDefaults:bob !lecture\n\n", "");
        check("Host_Alias WEB = bob\nCmnd_Alias X = /bin/bob\nRunas_Alias R = bob\n", "");
        check("Defaults@host x\nDefaults>root y\nDefaults!/bin/ls z\n", "");
    }

    #[test]
    fn aliases_count_whether_used_or_not() {
        check("User_Alias OPS = alice, %wheel : DEV=carol\n", "%wheel DEV OPS alice carol");
    }

    #[test]
    fn doubts_make_a_sudoer() {
        check("bob ALL\n", "ALL bob");
        check("bob\n", "bob");
    }

    #[test]
    fn includes() {
        check(
            "@includedir /etc/sudoers.d\n#include local\n",
            "Dir(\"/etc/sudoers.d\") File(\"local\")",
        );
        check("#includes are good\n#includedir\n", "");
    }
}
