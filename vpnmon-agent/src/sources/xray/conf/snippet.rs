//! What an admin adds to the config so that each user's sockets have a mark of their own.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{
    super::name,
    Conf,
    marks::{Marks, marks, outbounds},
    without_comments,
};

/// The first mark that is given: above what firewalls and tunnels are used to take.
const FIRST: u32 = 0x7670_0001;

/// Outbounds and rules for each user who has none in `bytes`, the text of a config, yet. The same text
/// gives the same marks.
pub fn snippet(bytes: &[u8]) -> Result<Value, serde_json::Error> {
    let root: Value = serde_json::from_slice(&without_comments(bytes))?;
    let (conf, Marks { of_users, mut taken, .. }) = (super::conf(&root), marks(&root));
    let outbounds = outbounds(&root);
    let first = outbounds.first().copied();
    let mut next = FIRST;
    let (mut new, mut rules) = (Vec::new(), Vec::new());
    for email in conf.services().into_keys().filter(|it| !of_users.contains_key(it)) {
        while !taken.insert(next) {
            next += 1;
        }
        let tag = tag(&email, next);
        new.push(outbound(first, &tag, next));
        rules.push(json!({"type": "field", "user": [email], "outboundTag": tag}));
    }
    Ok(json!({"outbounds": new, "routing": {"rules": rules}}))
}

/// Names the outbound and the rule of a user. The mark is in it, so that what has the name has the mark.
pub fn tag(email: &str, mark: u32) -> String {
    format!("vpnmon-{mark:x}-{}", name::account(email.as_bytes()))
}

/// As the first outbound, which has taken the user's traffic up to now, but for the mark.
fn outbound(first: Option<&Value>, tag: &str, mark: u32) -> Value {
    let mut it = first.cloned().unwrap_or_else(|| json!({"protocol": "freedom"}));
    let set = |object: &mut Value, key: &str, value: Value| {
        if let Some(object) = object.as_object_mut() {
            object.retain(|name, _| !name.eq_ignore_ascii_case(key));
            object.insert(key.to_owned(), value);
        }
    };
    let below = |object: &Value, key: &str| {
        super::get(object, key).filter(|it| it.is_object()).cloned().unwrap_or_else(|| json!({}))
    };
    let mut stream = below(&it, "streamSettings");
    let mut sockopt = below(&stream, "sockopt");
    set(&mut sockopt, "mark", mark.into());
    set(&mut stream, "sockopt", sockopt);
    set(&mut it, "streamSettings", stream);
    set(&mut it, "tag", tag.into());
    it
}

impl Conf {
    /// Marks by name of account.
    pub fn marks_by_name(&self) -> BTreeMap<String, u32> {
        let users = self.services();
        let ours = self.marks.of_users.iter().filter(|(email, _)| users.contains_key(*email));
        ours.map(|(email, mark)| (name::account(email.as_bytes()), *mark)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sources::xray::conf::parse;

    const CONFIG: &str = r#"{
        // Two users, one of whom has its mark.
        "inbounds": [{"protocol": "vless", "settings": {"clients": [
            {"id": "1", "email": "bo"}, {"id": "2", "email": "al"}]}}],
        "outbounds": [
            {"tag": "out", "protocol": "freedom", "sendThrough": "192.0.2.1",
             "streamSettings": {"sockopt": {"tcpFastOpen": true}}},
            {"tag": "x", "protocol": "freedom",
             "streamSettings": {"sockopt": {"mark": 1987051521}}}],
        "routing": {"rules": [{"type": "field", "user": ["al"], "outboundTag": "x"}]}
    }"#;

    #[test]
    fn the_rest_of_the_users_get_marks() {
        let added = snippet(CONFIG.as_bytes()).unwrap();
        let tag = "vpnmon-76700002-bo";
        let expected = json!({
            "outbounds": [{"tag": tag, "protocol": "freedom", "sendThrough": "192.0.2.1",
                "streamSettings": {"sockopt": {"tcpFastOpen": true, "mark": 0x7670_0002}}}],
            "routing": {"rules": [{"type": "field", "user": ["bo"], "outboundTag": tag}]}
        });
        assert_eq!(added, expected);
    }

    #[test]
    fn what_is_added_is_found_again_and_nothing_is_left_to_add() {
        let mut root: Value = serde_json::from_slice(&without_comments(CONFIG.as_bytes())).unwrap();
        let added = snippet(CONFIG.as_bytes()).unwrap();
        for list in ["/outbounds", "/routing/rules"] {
            let new = added.pointer(list).unwrap().as_array().unwrap().clone();
            root.pointer_mut(list).unwrap().as_array_mut().unwrap().extend(new);
        }
        let text = root.to_string();
        let marks = parse(text.as_bytes()).marks_by_name();
        let expected = [("al".to_owned(), 0x7670_0001), ("bo".to_owned(), 0x7670_0002)];
        assert_eq!(marks, BTreeMap::from(expected));
        let nothing = json!({"outbounds": [], "routing": {"rules": []}});
        assert_eq!(snippet(text.as_bytes()).unwrap(), nothing);
    }
}
