//! What a file of `wg-quick` calls its peers. The format has no names, so people and install
//! scripts write comments: `### Client alice`, `# BEGIN_PEER alice`, `# Name = alice`, `# alice`.

/// Public keys and names of the peers that have one.
pub fn names(text: &str) -> Vec<(String, String)> {
    let mut names = Vec::new();
    let mut peer = Section::default();
    // What stands right before a section belongs to it, else to nobody.
    let mut before = None;
    for line in text.lines().map(str::trim) {
        if line.starts_with('[') {
            names.extend(peer.end());
            let is_peer = line.eq_ignore_ascii_case("[peer]");
            peer = Section { is_peer, name: before.take().filter(|_| is_peer), key: None };
        } else if let Some(comment) = line.strip_prefix('#') {
            let said = named(comment);
            // A name before the next section: nothing but comments may come in between.
            before = said.clone().or(before);
            peer.name = peer.name.take().or(said.filter(|_| peer.key.is_none()));
        } else if let Some(key) = value(line, "PublicKey") {
            peer.key = Some(key.to_owned());
            before = None;
        } else if !line.is_empty() {
            before = None;
        }
    }
    names.extend(peer.end());
    names
}

#[derive(Default)]
struct Section {
    is_peer: bool,
    name: Option<String>,
    key: Option<String>,
}

impl Section {
    fn end(&mut self) -> Option<(String, String)> {
        let (key, name) = (self.key.take(), self.name.take());
        Some((key?, name?)).filter(|_| self.is_peer)
    }
}

/// `PublicKey = K`, whatever the spaces and the case.
fn value<'a>(line: &'a str, key: &str) -> Option<&'a str> {
    let (word, value) = line.split_once('=')?;
    let value = value.split('#').next().unwrap_or_default().trim();
    word.trim().eq_ignore_ascii_case(key).then_some(value).filter(|value| !value.is_empty())
}

/// Words that say that a name follows; the last ones end what a script has begun, and name nobody.
const LABELS: [&str; 7] =
    ["client", "name", "peer", "user", "friendly_name", "begin_peer", "begin"];
const ENDS: [&str; 2] = ["end_peer", "end"];

/// The name in a comment. A comment of several words that begins with no label is prose.
fn named(comment: &str) -> Option<String> {
    let text = comment.trim_matches('#').trim();
    let cut = text.find(|c: char| c.is_whitespace() || c == '=' || c == ':').unwrap_or(text.len());
    let (first, rest) = text.split_at(cut);
    let rest = rest.trim_start_matches(|c: char| c.is_whitespace() || c == '=' || c == ':');
    let is = |words: &[&str]| words.iter().any(|word| first.eq_ignore_ascii_case(word));
    let name = match () {
        () if is(&ENDS) => "",
        () if is(&LABELS) => rest.trim(),
        () if rest.is_empty() && !text.contains(['=', ':']) => first,
        () => "",
    };
    (!name.is_empty()).then(|| name.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: &[(&str, &str)]) {
        let found = names(text);
        let found: Vec<_> = found.iter().map(|(key, name)| (key.as_str(), name.as_str())).collect();
        assert_eq!(found, expected, "{text}");
    }

    #[test]
    fn names_of_the_usual_scripts() {
        // angristan/wireguard-install.
        check("### Client alice\n[Peer]\nPublicKey = A=\nPresharedKey = S=\n", &[("A=", "alice")]);
        // Nyr/wireguard-install.
        check(
            "[Interface]\nPrivateKey = X=\n\n# BEGIN_PEER alice\n[Peer]\nPublicKey = A=\n\
             AllowedIPs = 10.7.0.2/32\n# END_PEER alice\n# BEGIN_PEER bob\n[Peer]\nPublicKey = B=\n\
             # END_PEER bob\n[Peer]\nPublicKey = C=\n",
            &[("A=", "alice"), ("B=", "bob")],
        );
        // PiVPN.
        check(
            "### begin alice ###\n[Peer]\nPublicKey = A=\n### end alice ###\n",
            &[("A=", "alice")],
        );
        // By hand, and of exporters.
        check("[Peer]\n# friendly_name=alice\nPublicKey = A=\n", &[("A=", "alice")]);
        check("[peer]\n# Name: alice smith\npublickey=A= # x\n", &[("A=", "alice smith")]);
        check(
            "[Peer]\n# alice\nPublicKey = A=\n\n# bob\n[Peer]\nPublicKey = B=\n",
            &[("A=", "alice"), ("B=", "bob")],
        );
    }

    #[test]
    fn what_is_no_name_names_nobody() {
        check("", &[]);
        check("[Interface]\n# alice\nPublicKey = A=\n", &[]);
        check("# all of the peers below\n[Peer]\nPublicKey = A=\n", &[]);
        check("# MTU=1420\n[Peer]\nPublicKey = A=\n", &[]);
        check("# alice\nAddress = 10.0.0.1\n[Peer]\nPublicKey = A=\n", &[]);
        check("[Peer]\nPublicKey =\n# alice\n", &[]);
    }
}
