//! The outbound that takes who has no rule, as far as it can be made again over the API.

use serde_json::{Value, json};

use super::user::{get, text};

/// A `freedom` outbound of which nothing else is said.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Direct {
    /// What becomes of names: `xray.transport.internet.DomainStrategy`, by its numbers.
    pub domain_strategy: i32,
    /// Whether the machine's own and other private addresses may be visited: `finalRules` with nothing
    /// but `allow`. Else newer Xray forbids them (its commit 4e87f596).
    pub allows_all: bool,
}

/// Reads it; what else it is, where that cannot be made again.
pub fn direct(outbound: Option<&Value>) -> Result<Direct, String> {
    let Some(outbound) = outbound else { return Ok(Direct::default()) };
    let protocol = text(outbound, "protocol").to_lowercase();
    if protocol != "freedom" && protocol != "direct" {
        return Err(format!("the first outbound is {protocol:?}"));
    }
    let stream = get(outbound, "streamSettings");
    let (settings, sockopt) = (get(outbound, "settings"), stream.and_then(|it| get(it, "sockopt")));
    let more: Vec<_> = others(Some(outbound), &["tag", "protocol", "settings", "streamSettings"])
        .chain(others(settings, &["domainStrategy", "targetStrategy", "finalRules"]))
        .chain(others(stream, &["sockopt"]))
        .chain(others(sockopt, &["domainStrategy"]))
        .collect();
    if !more.is_empty() {
        return Err(format!("the first outbound has {}", more.join(", ")));
    }
    let allows_all = match settings.and_then(|it| get(it, "finalRules")) {
        None => false,
        Some(rules) if *rules == json!([{"action": "allow"}]) => true,
        Some(_) => return Err("the first outbound has finalRules".to_owned()),
    };
    Ok(Direct { domain_strategy: strategy(settings, sockopt)?, allows_all })
}

/// Keys that are none of these.
fn others<'a>(object: Option<&'a Value>, known: &'a [&str]) -> impl Iterator<Item = String> + 'a {
    let keys = object.and_then(Value::as_object).into_iter().flat_map(|it| it.keys());
    keys.filter(|key| !known.iter().any(|it| key.eq_ignore_ascii_case(it))).cloned()
}

/// It stands in one of three places, as the server is old or new.
fn strategy(settings: Option<&Value>, sockopt: Option<&Value>) -> Result<i32, String> {
    let places =
        [(settings, "targetStrategy"), (settings, "domainStrategy"), (sockopt, "domainStrategy")];
    let names = places.into_iter().filter_map(|(at, key)| Some(text(at?, key).to_lowercase()));
    let mut names: Vec<_> = names.filter(|name| !name.is_empty()).collect();
    names.dedup();
    match names.as_slice() {
        [] => Ok(0),
        [name] => {
            let number = STRATEGIES.iter().position(|it| it == name);
            let number = number.and_then(|number| i32::try_from(number).ok());
            number.ok_or_else(|| format!("the first outbound has domainStrategy {name:?}"))
        }
        [first, second, ..] => {
            Err(format!("the first outbound has domainStrategy {first:?} and {second:?}"))
        }
    }
}

/// By their numbers.
const STRATEGIES: [&str; 11] = [
    "asis",
    "useip",
    "useipv4",
    "useipv6",
    "useipv4v6",
    "useipv6v4",
    "forceip",
    "forceipv4",
    "forceipv6",
    "forceipv4v6",
    "forceipv6v4",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn is(outbound: &Value, domain_strategy: i32, allows_all: bool) {
        assert_eq!(direct(Some(outbound)), Ok(Direct { domain_strategy, allows_all }));
    }

    #[track_caller]
    fn is_more(outbound: &Value, word: &str) {
        let why = direct(Some(outbound)).unwrap_err();
        assert!(why.contains(word), "{why}");
    }

    #[test]
    fn a_plain_one_of_any_age() {
        assert_eq!(direct(None), Ok(Direct::default()));
        is(&json!({"protocol": "freedom"}), 0, false);
        is(&json!({"tag": "out", "Protocol": "Direct", "settings": {}}), 0, false);
        for settings in [json!({"domainStrategy": "UseIPv4"}), json!({"targetStrategy": "useipv4"})]
        {
            is(&json!({"protocol": "freedom", "settings": settings}), 2, false);
        }
        let sockopt = json!({"sockopt": {"domainStrategy": "ForceIPv6v4"}});
        is(&json!({"protocol": "freedom", "streamSettings": sockopt}), 10, false);
        let both = json!({"domainStrategy": "forceipv6v4", "finalRules": [{"action": "allow"}]});
        is(&json!({"protocol": "freedom", "streamSettings": sockopt, "settings": both}), 10, true);
    }

    #[test]
    fn what_cannot_be_made_again_is_told() {
        is_more(&json!({"protocol": "wireguard"}), "\"wireguard\"");
        is_more(
            &json!({"protocol": "freedom", "mux": {}, "sendThrough": "::"}),
            "mux, sendThrough",
        );
        is_more(&json!({"protocol": "freedom", "settings": {"fragment": {}}}), "fragment");
        is_more(
            &json!({"protocol": "freedom", "streamSettings": {"sockopt": {"mark": 1}}}),
            "mark",
        );
        is_more(&json!({"protocol": "freedom", "streamSettings": {"security": "tls"}}), "security");
        for rules in [json!([]), json!([{"action": "allow", "port": 53}]), json!({})] {
            is_more(
                &json!({"protocol": "freedom", "settings": {"finalRules": rules}}),
                "finalRules",
            );
        }
        let two = json!({"domainStrategy": "UseIP", "targetStrategy": "UseIPv4"});
        is_more(&json!({"protocol": "freedom", "settings": two}), "\"useipv4\" and \"useip\"");
        is_more(&json!({"protocol": "freedom", "settings": {"domainStrategy": "x"}}), "\"x\"");
    }
}
