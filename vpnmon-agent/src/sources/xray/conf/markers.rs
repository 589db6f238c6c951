//! The comments with which panels mark their users: `#vls bob 2026-01-31`. They are read where the
//! file is no JSON, which panels that write it with sed bring about.

use crate::model::Service;

const MARKERS: [(&str, Service); 13] = [
    ("###", Service::Vmess),
    ("#vms", Service::Vmess),
    ("#vmsg", Service::Vmess),
    ("#vmsx", Service::Vmess),
    ("#vls", Service::Vless),
    ("#vlsg", Service::Vless),
    ("#vlsx", Service::Vless),
    ("#&", Service::Vless),
    ("#tr", Service::Trojan),
    ("#trg", Service::Trojan),
    ("#!", Service::Trojan),
    ("#ssw", Service::Shadowsocks),
    ("#sswg", Service::Shadowsocks),
];

/// Names and services of marked users, as often as they are marked.
pub fn marked(text: &[u8]) -> Vec<(String, Service)> {
    let lines = text.split(|byte| *byte == b'\n');
    lines.filter_map(|line| marked_user(std::str::from_utf8(line).ok()?)).collect()
}

/// Whether a line begins with a sign of panels, with or without a user behind it.
pub fn is_marker(line: &str) -> bool {
    let first = line.split_ascii_whitespace().next();
    first.is_some_and(|word| MARKERS.iter().any(|(known, _)| *known == word))
}

/// The user that a line marks. The date tells it from a comment that begins with the same sign.
pub fn marked_user(line: &str) -> Option<(String, Service)> {
    let mut words = line.split_ascii_whitespace();
    let marker = words.next()?;
    let service = MARKERS.iter().find(|(known, _)| *known == marker)?.1;
    let name = words.next()?;
    let date: jiff::civil::Date = words.next()?.parse().ok()?;
    (date.year() > 2000 && words.next().is_none()).then(|| (name.to_owned(), service))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marked_users_are_found() {
        let text = b"# a comment\n#vls bob 2026-01-31\r\n  ### al 2027-12-01\n#vls\n#vls bob\n\
            #vls bob soon\n#! tro 2026-02-28\n#ssw s@x 2026-02-29\n#trg t 2026-02-01 more\n\xff";
        let expected = [("bob", Service::Vless), ("al", Service::Vmess), ("tro", Service::Trojan)];
        let expected = expected.map(|(name, service)| (name.to_owned(), service));
        assert_eq!(marked(text), expected);
    }
}
