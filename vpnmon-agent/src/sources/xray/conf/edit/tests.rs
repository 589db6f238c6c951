use std::fmt::Write as _;

use proptest::prelude::*;

use super::*;

const PANEL: &str = r#"{
# the panel's
  "inbounds": [
    {"tag": "ws", "protocol": "vless", "settings": {"clients": [
      {"id": "u0"
#vls
#vls bob 2026-01-31
},{"id": "u1", "email": "bob", "level": 1
#vls al 2026-01-31
},{"id": "u2","email": "al"
#vls cy 2026-01-31
},{"id": "u3","email": "cy"
}
    ]}}, // ws
    {"tag": "vm", "protocol": "vmess", "settings": {"clients": [
      {"id": "u1", "email": "bob"}, // phone
      {"id": "u4", "email": "dan"} /* last */
    ]}}
  ]
}
"#;

fn names(names: &[&str]) -> BTreeSet<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

/// Takes out, checks what is left and that all comes back.
#[track_caller]
fn check(text: &str, out: &[&str], expected: &str) {
    let edited = edit(text, &[], &names(out)).unwrap();
    assert_eq!(edited.refused, []);
    assert_eq!(edited.text, expected);
    let back = edit(&edited.text, &edited.excerpts, &BTreeSet::new()).unwrap();
    assert_eq!((back.text.as_str(), back.excerpts.len()), (text, 0));
}

/// A config with one inbound of `protocol`, around `clients`.
fn config(protocol: &str, clients: &str) -> String {
    format!(
        r#"{{"inbounds":[{{"protocol":"{protocol}","tag":"in","settings":{{"clients":{clients}}}}}]}}"#
    )
}

#[test]
fn panels_lines_go_and_come_back() {
    let without = PANEL
        .replace("#vls bob 2026-01-31\n},{\"id\": \"u1\", \"email\": \"bob\", \"level\": 1\n", "")
        .replace("      {\"id\": \"u1\", \"email\": \"bob\"}, // phone\n", "");
    check(PANEL, &["bob"], &without);
    let without = PANEL.replace("#vls cy 2026-01-31\n},{\"id\": \"u3\",\"email\": \"cy\"\n", "");
    check(PANEL, &["cy"], &without);
    let without = PANEL
        .replace(", // phone\n      {\"id\": \"u4\", \"email\": \"dan\"}", " // phone\n      ");
    check(PANEL, &["dan"], &without);
}

#[test]
fn other_ways_to_write() {
    let check = |clients: &str, expected: &str| {
        check(&config("vless", clients), &["bob"], &config("vless", expected));
    };
    check(r#"[{"email":"bob"}]"#, "[]");
    check(r#"[{"email":"bob"},{"email":"al"}]"#, r#"[{"email":"al"}]"#);
    check(r#"[{"email":"al"}, {"email":"bob"}]"#, r#"[{"email":"al"}]"#);
    check(r#"[{"email":"bob"},{"email":"al"},{"email":"bob","id":2}]"#, r#"[{"email":"al"}]"#);
    check("[\n {\"email\":\"al\"},\n {\"email\":\"b\\u006fb\"}\n]", "[\n {\"email\":\"al\"}\n]");
    check(
        "[\n#& bob 2026-01-31\n {\"email\":\"bob\"}, // his\n#& al 2026-01-31\n {\"email\":\"al\"}\n]",
        "[\n#& al 2026-01-31\n {\"email\":\"al\"}\n]",
    );
    check(
        "[ {\"email\":\"al\"} # ä\n, # al's\n {\"email\":\"bob\"}]",
        "[ {\"email\":\"al\"} # ä\n # al's\n ]",
    );
    check("[{\"email\":\"al\"\n},{\"email\":\"bob\" /* x */}]", "[{\"email\":\"al\"\n /* x */}]");
}

#[test]
fn doubts_leave_the_text_alone() {
    for (protocol, clients) in [
        ("shadowsocks", r#"[{"email":"bob"}]"#),
        ("http", r#"[{"user":"bob"}]"#),
        ("vless", r#"[{"email":"bob","Email":"al"}]"#),
        ("vless", "[{\"email\":\"bob\"\n#vls\n#vls al 2026-01-31\n},{\"email\":\"al\"}]"),
        ("vless", "[{\"email\":\"al\"},{\n#vls al 2026-01-31\n\"email\":\"bob\"}]"),
        ("vless", r#"[{"email":"bob"}],"clients":[]"#),
    ] {
        let text = config(protocol, clients);
        match edit(&text, &[], &names(&["bob"])) {
            Ok(edited) => {
                assert_eq!(edited.text, text);
                assert_eq!(edited.refused.len(), 1, "{text}");
            }
            Err(doubt) => assert!(doubt.to_string().contains("twice"), "{doubt}"),
        }
    }
    let own = r#"{"inbounds":[{"protocol":"shadowsocks","settings":{"email":"bob"}},
        {"protocol":"vless","settings":{"clients":[{"email":"bob"}]}}]}"#;
    let edited = edit(own, &[], &names(&["bob"])).unwrap();
    assert_eq!((edited.text.as_str(), edited.refused.len()), (own, 1));
    assert!(edit("{", &[], &names(&["bob"])).is_err());
}

#[test]
fn each_comes_back_whoever_else_is_out() {
    let both = edit(PANEL, &[], &names(&["al", "bob"])).unwrap();
    let bob = edit(&both.text, &both.excerpts, &names(&["bob"])).unwrap();
    assert_eq!(bob, edit(PANEL, &[], &names(&["bob"])).unwrap());
    let al = edit(&both.text, &both.excerpts, &names(&["al"])).unwrap();
    assert_eq!(al, edit(PANEL, &[], &names(&["al"])).unwrap());
}

#[test]
fn what_others_do_meanwhile_stays() {
    let out = edit(PANEL, &[], &names(&["bob"])).unwrap();
    // The panel adds one at its anchor, the very place of the cut, and takes the neighbour away.
    let line = "#vls al 2026-01-31\n},{\"id\": \"u2\",\"email\": \"al\"\n";
    let text = out.text.replace(line, "");
    let new = "#vls eve 2026-01-31\n},{\"id\": \"u9\", \"email\": \"eve\"\n";
    let text = text.replace("#vls\n", &format!("#vls\n{new}"));
    let back = edit(&text, &out.excerpts, &BTreeSet::new()).unwrap();
    assert_eq!((back.refused, back.excerpts), (vec![], vec![]));
    let bob = "#vls bob 2026-01-31\n},{\"id\": \"u1\", \"email\": \"bob\", \"level\": 1\n";
    assert_eq!(back.text, PANEL.replace(line, "").replace(bob, &format!("{bob}{new}")));
    // It has put the user back itself, as another.
    let text =
        out.text.replace("{\"id\": \"u4\"", "{\"id\": \"u8\", \"email\": \"bob\"},{\"id\": \"u4\"");
    let again = edit(&text, &out.excerpts, &BTreeSet::new()).unwrap();
    assert_eq!(again.text.matches("bob").count(), 3, "{}", again.text);
    // It has taken the inbound away.
    let text =
        r#"{"inbounds": [{"tag": "other", "protocol": "vless", "settings": {"clients": []}}]}"#;
    let gone = edit(text, &out.excerpts, &BTreeSet::new()).unwrap();
    assert_eq!((gone.text.as_str(), gone.excerpts.len(), gone.refused.len()), (text, 0, 0));
}

#[test]
fn users_who_are_cut_out_are_users_still() {
    let out = edit(PANEL, &[], &names(&["bob", "al"])).unwrap();
    let whole = super::super::parse(PANEL.as_bytes());
    let conf = super::super::parse_with(out.text.as_bytes(), &out.excerpts);
    assert_eq!(conf.services(), whole.services());
    let damaged = super::super::parse_with(b"{", &out.excerpts);
    assert!(damaged.services().contains_key("bob"));
    assert_eq!(super::super::parse_with(PANEL.as_bytes(), &out.excerpts), whole);
}

/// A client and how it is written.
#[derive(Clone, Debug)]
struct Drawn {
    name: usize,
    style: usize,
    space: usize,
}

const SPACES: [&str; 6] = ["", " ", "\n    ", " // }] ,\n", "/* {\"email\": \"n1\"} */", "\n# ü\n"];

fn drawn() -> impl Strategy<Value = Vec<(usize, Vec<Drawn>)>> {
    let client = (0..6_usize, 0..4_usize, 0..SPACES.len()).prop_map(|(name, style, space)| Drawn {
        name,
        style,
        space,
    });
    prop::collection::vec((0..4_usize, prop::collection::vec(client, 0..6)), 0..4)
}

/// As a panel, a person or a program writes it.
fn written(inbounds: &[(usize, Vec<Drawn>)]) -> String {
    let mut text = "{ # a config\n\"inbounds\": [".to_owned();
    for (index, (protocol, clients)) in inbounds.iter().enumerate() {
        let comma = if index == 0 { "" } else { ",\n" };
        let protocol = ["vless", "trojan", "socks", "shadowsocks"][*protocol];
        let _ = write!(
            text,
            "{comma}{{\"tag\":\"t{index}\",\"protocol\":\"{protocol}\",\"settings\":{{\"clients\":["
        );
        for (place, Drawn { name, style, space }) in clients.iter().enumerate() {
            let (space, first) = (SPACES[*space], place == 0);
            let _ = match style {
                0 if !first => {
                    // Into the object before.
                    let end = text.rfind('}').unwrap();
                    text.truncate(end);
                    write!(text, "\n#vls n{name} 2026-01-31\n}},{{\"email\": \"n{name}\"\n}}")
                }
                1 => write!(
                    text,
                    "{}\n#& n{name} 2026-01-31\n  {{ {space}\"email\"{space}:\"n{name}\"}}{space}",
                    if first { "" } else { "," }
                ),
                _ => {
                    let comma = if first { "" } else { "," };
                    write!(
                        text,
                        "{space}{comma}{space}{{\"email\":\"n{name}\",\"x\":[1,{{}}]{space}}}"
                    )
                }
            };
        }
        text.push_str("]}}");
    }
    text.push_str("\n]}\n");
    text
}

/// The config without those who are out, as it is to be read.
fn expected(text: &str, out: &BTreeSet<String>) -> Value {
    let mut root = parsed(text).unwrap();
    for inbound in root["inbounds"].as_array_mut().unwrap() {
        let clients = inbound["settings"]["clients"].as_array_mut().unwrap();
        clients.retain(|it| !out.contains(it["email"].as_str().unwrap()));
    }
    root
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn all_histories_end_where_they_began(
        inbounds in drawn(),
        steps in prop::collection::vec(prop::collection::btree_set(0..6_usize, 0..6), 1..6),
    ) {
        let text = written(&inbounds);
        prop_assume!(parsed(&text).is_ok());
        let mut now = Edited { text: text.clone(), excerpts: Vec::new(), refused: Vec::new() };
        for step in steps {
            let mut out: BTreeSet<_> = step.into_iter().map(|it| format!("n{it}")).collect();
            now = edit(&now.text, &now.excerpts, &out).unwrap();
            for (refused, _) in &now.refused {
                out.remove(refused);
            }
            prop_assert_eq!(parsed(&now.text).unwrap(), expected(&text, &out));
            // Nobody else's marker has gone, or was made.
            let others = |text: &str| {
                let marked = super::super::markers::marked(text.as_bytes()).into_iter();
                let mut others: Vec<_> = marked.filter(|(name, _)| !out.contains(name)).collect();
                others.sort();
                others
            };
            prop_assert_eq!(others(&now.text), others(&text));
        }
        let back = edit(&now.text, &now.excerpts, &BTreeSet::new()).unwrap();
        prop_assert_eq!(back.refused, vec![]);
        prop_assert_eq!(back.text, text);
    }

    #[test]
    fn any_text_holds(text in prop::collection::vec(
        prop::sample::select(vec!["{", "}", "[", "]", ",", ":", "\"inbounds\"", "\"settings\"",
            "\"clients\"", "\"email\"", "\"bob\"", "\n", "#vls bob 2026-01-31", "/*", "*/", "//", " "]),
        0..40,
    )) {
        fuzz(text.concat().as_bytes());
    }
}
