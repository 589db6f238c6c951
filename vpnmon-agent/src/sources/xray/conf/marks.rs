//! Marks in the config: outbounds that set one on their sockets, and the rules that send a user there.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::{
    direct::{Direct, direct},
    user::{get, text},
};

/// Conditions of a rule besides its users. With one of them a rule takes a part of what a user sends.
const CONDITIONS: [&str; 17] = [
    "domain",
    "domains",
    "ip",
    "port",
    "source",
    "sourceIP",
    "sourcePort",
    "localIP",
    "localPort",
    "network",
    "protocol",
    "attrs",
    "inboundTag",
    "vlessRoute",
    "process",
    "localOS",
    "user_agent",
];

/// The outbounds and rules of a config, as far as marks go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Marks {
    /// Mark of each user whose traffic alone carries it, by email.
    pub of_users: BTreeMap<String, u32>,
    /// Why marks that are there do not count, a line each.
    pub refused: Vec<String>,
    /// All numbers that are in use, by anybody.
    pub taken: BTreeSet<u32>,
    /// What takes who has no rule; or why that cannot be made again over the API.
    pub first: Result<Direct, String>,
}

impl Default for Marks {
    fn default() -> Self {
        Self {
            of_users: BTreeMap::new(),
            refused: Vec::new(),
            taken: BTreeSet::new(),
            first: Ok(Direct::default()),
        }
    }
}

/// Reads them.
pub fn marks(root: &Value) -> Marks {
    let outbounds = outbounds(root);
    let marked: BTreeMap<_, _> =
        outbounds.iter().filter_map(|it| Some((text(it, "tag"), mark(it)?))).collect();
    let mut marks = Marks {
        taken: outbounds.iter().filter_map(|it| mark(it)).collect(),
        first: direct(outbounds.first().copied()),
        ..Marks::default()
    };
    // Whose each mark is: of one user, or (`None`) of others too.
    let mut holders: BTreeMap<u32, BTreeSet<Option<String>>> = BTreeMap::new();
    if let Some(mark) = outbounds.first().and_then(|first| mark(first)) {
        holders.entry(mark).or_default().insert(None);
    }
    let mut decided = BTreeSet::new();
    for rule in rules(root) {
        let Some(mark) = marked.get(&text(rule, "outboundTag")) else {
            decided.extend(users(rule).into_iter().filter(|_| is_whole(rule)));
            continue;
        };
        let users = users(rule);
        let holder = match users.as_slice() {
            [user] => Some(user.clone()),
            _ => None,
        };
        holders.entry(*mark).or_default().insert(holder);
        for user in users.into_iter().filter(|_| is_whole(rule)) {
            if decided.insert(user.clone()) {
                marks.of_users.insert(user, *mark);
            }
        }
    }
    marks.of_users.retain(|user, mark| {
        let is_alone = holders.get(mark).is_some_and(|them| them.len() == 1)
            && holders[mark].contains(&Some(user.clone()));
        if !is_alone {
            marks.refused.push(format!("{user:?}: mark {mark} is others' too"));
        }
        is_alone
    });
    marks
}

/// In their order.
pub fn outbounds(root: &Value) -> Vec<&Value> {
    let list = |key| get(root, key).and_then(Value::as_array).into_iter().flatten();
    get(root, "outbound")
        .into_iter()
        .chain(list("outbounds"))
        .chain(list("outboundDetour"))
        .collect()
}

/// In their order; older configs have them a level deeper.
fn rules(root: &Value) -> Vec<&Value> {
    let Some(routing) = get(root, "routing") else { return Vec::new() };
    let settings = get(routing, "settings");
    let lists = [Some(routing), settings].into_iter().flatten().filter_map(|it| get(it, "rules"));
    lists.filter_map(Value::as_array).flatten().collect()
}

fn users(rule: &Value) -> Vec<String> {
    let users = get(rule, "user").or_else(|| get(rule, "users")).and_then(Value::as_array);
    let texts = users.into_iter().flatten().filter_map(Value::as_str);
    texts.map(str::to_owned).collect()
}

/// Whether a rule takes everything of its users.
fn is_whole(rule: &Value) -> bool {
    CONDITIONS.iter().filter_map(|key| Some((*key, get(rule, key)?))).all(|(key, value)| {
        key == "network" && value.as_str().is_some_and(|it| matches!(it, "tcp,udp" | "udp,tcp"))
    })
}

/// `sockopt.mark`; 0 is none.
fn mark(outbound: &Value) -> Option<u32> {
    let sockopt = get(get(outbound, "streamSettings")?, "sockopt")?;
    let mark = get(sockopt, "mark")?.as_i64()?;
    // The field is a signed one of 32 bits.
    let mark = u32::try_from(mark).or_else(|_| i32::try_from(mark).map(i32::cast_unsigned)).ok()?;
    (mark != 0).then_some(mark)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn out(tag: &str, mark: i64) -> Value {
        json!({"tag": tag, "protocol": "freedom", "streamSettings": {"sockopt": {"mark": mark}}})
    }

    #[track_caller]
    fn check(outbounds: &[Value], rules: &Value, expected: &[(&str, u32)]) -> Marks {
        let root = json!({"outbounds": outbounds, "routing": {"rules": rules}});
        let found = marks(&root);
        let users: Vec<_> =
            found.of_users.iter().map(|(user, mark)| (user.as_str(), *mark)).collect();
        assert_eq!(users, expected, "{root}");
        found
    }

    fn plain() -> Value {
        json!({"tag": "out", "protocol": "freedom", "settings": {"domainStrategy": "UseIPv4"}})
    }

    #[test]
    fn a_user_has_the_mark_of_the_outbound_that_takes_all_of_it() {
        let outbounds = [plain(), out("a", 7), out("b", -1)];
        let rules = json!([
            {"type": "field", "ip": ["geoip:private"], "outboundTag": "block"},
            {"type": "field", "user": ["al"], "network": "tcp,udp", "outboundTag": "a"},
            {"type": "field", "user": ["bo"], "outboundTag": "b"},
        ]);
        let found = check(&outbounds, &rules, &[("al", 7), ("bo", u32::MAX)]);
        let first = Direct { domain_strategy: 2, allows_all: false };
        assert_eq!((found.refused.len(), found.first), (0, Ok(first)));
    }

    #[test]
    fn what_is_not_one_users_alone_is_nobodys() {
        let rule = |user: &[&str], tag: &str| json!({"user": user, "outboundTag": tag});
        // Of two users, of one and everybody else, of one by a part, and of one who goes elsewhere.
        let two = json!([rule(&["al", "bo"], "a")]);
        assert_eq!(check(&[plain(), out("a", 7)], &two, &[]).refused.len(), 2);
        let rules = json!([rule(&["al"], "a")]);
        assert_eq!(check(&[out("a", 7)], &rules, &[]).refused.len(), 1);
        check(&[plain(), out("a", 7), out("b", 7)], &rules, &[("al", 7)]);
        let rules = json!([rule(&["al"], "a"), {"port": "53", "outboundTag": "b"}]);
        check(&[plain(), out("a", 7), out("b", 7)], &rules, &[]);
        let rules = json!([{"user": ["al"], "port": 443, "outboundTag": "a"}]);
        check(&[plain(), out("a", 7)], &rules, &[]);
        let rules = json!([rule(&["al"], "out"), rule(&["al"], "a")]);
        check(&[plain(), out("a", 7)], &rules, &[]);
    }
}
