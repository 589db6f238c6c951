//! What the access log tells: where users go, and which connections are theirs.

use std::{
    collections::{BTreeMap, HashMap},
    path::Path,
    sync::Arc,
    time::Duration,
};

use super::{
    access_log::{Accepted, accepted},
    name,
    peers::Peers,
};
use crate::{
    model::{
        Service,
        sighting::{Direction, HostService, Kind, Sighting},
    },
    sources::sessions::Tail,
};

/// Lines before the start are read for the connections that they tell of, not for hosts.
const LOOK_BACK: u64 = 8 << 20;

/// Follows the log.
#[derive(Debug)]
pub struct AccessLog {
    tail: Tail,
    is_looked_back: bool,
    users: HashMap<String, (Arc<str>, Service)>,
    /// Which connections are whose.
    pub peers: Peers,
    lines: u64,
    bytes: u64,
    skipped: u64,
    too_long: u64,
}

/// What a look has found.
#[derive(Debug, Default)]
pub struct Seen {
    /// Hosts.
    pub sightings: Vec<Sighting>,
    /// Users with new connections, by account.
    pub users: Vec<Arc<str>>,
    /// Lines that were not looked at; where they were skipped in bulk, about so many.
    pub lost: u64,
}

impl AccessLog {
    /// Nothing is opened yet.
    pub fn new(path: &Path) -> Self {
        Self {
            tail: Tail::new(path),
            is_looked_back: false,
            users: HashMap::new(),
            peers: Peers::default(),
            lines: 0,
            bytes: 0,
            skipped: 0,
            too_long: 0,
        }
    }

    /// Whose emails are believed: the config's users. A text that only looks like an email is nobody.
    pub fn set_users(&mut self, services: &BTreeMap<String, Service>) {
        let named = services.iter().map(|(email, service)| {
            (email.clone(), (Arc::from(name::account(email.as_bytes())), *service))
        });
        self.users = named.collect();
    }

    /// A user that only the counters know.
    pub fn add_user(&mut self, name: &Arc<str>) {
        if !self.users.contains_key(&**name) {
            self.users.insert(name.to_string(), (Arc::clone(name), Service::Xray));
        }
    }

    /// Reads what is new; `at` is the Unix time.
    pub fn look(&mut self, now: Duration, at: u64) -> Seen {
        let mut seen = Seen::default();
        let is_old = !std::mem::replace(&mut self.is_looked_back, true);
        if is_old {
            self.tail.open_before_end(LOOK_BACK);
        }
        let Self { tail, users, peers, lines, bytes, .. } = self;
        let mut rounds = if is_old { LOOK_BACK >> 16 } else { 1 };
        let mut took_any = true;
        while took_any && rounds > 0 {
            (took_any, rounds) = (false, rounds - 1);
            tail.poll(now, |line| {
                took_any = true;
                (*lines, *bytes) = (*lines + 1, *bytes + line.len() as u64 + 1);
                let Some(said) = accepted(line) else { return };
                let Some((name, service)) = users.get(said.email) else { return };
                peers.saw(said.client, name);
                if !is_old {
                    seen.users.push(Arc::clone(name));
                    seen.sightings.extend(sighting(&said, name, *service, at));
                }
            });
        }
        self.peers.problem.clone_from(&self.tail.problem);
        seen.lost = self.take_lost();
        seen
    }

    fn take_lost(&mut self) -> u64 {
        let skipped = self.tail.skipped - std::mem::replace(&mut self.skipped, self.tail.skipped);
        let usual = self.bytes.checked_div(self.lines).unwrap_or(0).max(1);
        let too_long = self.tail.lines_too_long();
        // Where a file is done its lines move to another count.
        let lost = too_long.saturating_sub(std::mem::replace(&mut self.too_long, too_long));
        lost + skipped.div_ceil(usual)
    }
}

/// A visit, unless it is to an address.
fn sighting(said: &Accepted<'_>, name: &str, service: Service, at: u64) -> Option<Sighting> {
    (!said.is_to_address()).then(|| Sighting {
        at,
        host: said.host.as_bytes().to_vec(),
        kind: Kind::AccessLog,
        direction: Direction::Egress,
        service: HostService::of_xray(service),
        user: Some(name.to_owned()),
        source_ip: Some(said.client.ip()),
        dest: None,
    })
}

#[cfg(test)]
mod tests {
    use std::{fs, io::Write as _};

    use super::*;

    const LINE: &str =
        "2026/11/24 17:42:35 192.0.2.7:41468 accepted tcp:a.example:443 [out] email: bob\n";

    fn log(path: &Path) -> AccessLog {
        let mut log = AccessLog::new(path);
        log.set_users(&BTreeMap::from([("bob".to_owned(), Service::Vless)]));
        log
    }

    fn hosts(seen: &Seen) -> Vec<String> {
        let host = |it: &Sighting| String::from_utf8_lossy(&it.host).into_owned();
        seen.sightings.iter().map(host).collect()
    }

    fn append(path: &Path, text: &str) {
        let mut file = fs::File::options().append(true).create(true).open(path).unwrap();
        file.write_all(text.as_bytes()).unwrap();
    }

    #[test]
    fn lines_are_followed_through_rotation() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("access.log");
        let mut log = log(&path);
        assert_eq!(hosts(&log.look(Duration::ZERO, 5)), [""; 0]);
        assert!(log.peers.problem.is_some());
        append(&path, LINE);
        let seen = log.look(Duration::from_secs(1), 5);
        assert_eq!(hosts(&seen), ["a.example"]);
        let expected = (Some("bob".to_owned()), HostService::Vless, 5);
        let first = &seen.sightings[0];
        assert_eq!((first.user.clone(), first.service, first.at), expected);
        assert!(log.peers.is("192.0.2.7:41468".parse().unwrap(), "bob"));
        fs::rename(&path, dir.path().join("access.log.1")).unwrap();
        append(&path, &LINE.replace("a.example", "b.example"));
        assert_eq!(hosts(&log.look(Duration::from_secs(2), 5)), ["b.example"]);
        fs::write(&path, "").unwrap();
        log.look(Duration::from_secs(3), 5);
        append(&path, &LINE.replace("a.example", "c.example"));
        assert_eq!(hosts(&log.look(Duration::from_secs(4), 5)), ["c.example"]);
    }

    #[test]
    fn lines_before_the_start_tell_of_connections_alone() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("access.log");
        append(&path, &LINE.repeat(9000));
        let mut log = log(&path);
        assert_eq!(hosts(&log.look(Duration::ZERO, 5)), [""; 0]);
        assert!(log.peers.is("192.0.2.7:41468".parse().unwrap(), "bob"));
        assert_eq!(hosts(&log.look(Duration::ZERO, 5)), [""; 0]);
    }

    #[test]
    fn others_are_nobody() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("access.log");
        let mut log = log(&path);
        log.look(Duration::ZERO, 5);
        append(&path, &LINE.replace("bob", "nobody"));
        append(&path, &LINE.replace("a.example", "192.0.2.1"));
        append(&path, &(LINE.replace("bob", &"x".repeat(9000)) + LINE));
        let seen = log.look(Duration::from_secs(1), 5);
        assert_eq!((hosts(&seen), seen.lost), (vec!["a.example".to_owned()], 1));
    }
}
