use super::*;
use crate::sources::xray::conf::user::Proof;

const PANEL: &[u8] = br#"{
# the panel's
  "stats": {}, // on
  "api": {"services": ["StatsService"], "tag": "api"},
  "policy": {"levels": {"0": {"statsUserUplink": true, "statsUserDownlink": true}, "1": {}}},
  "inbounds": [
    {"tag": "api-in", "port": 10085, "protocol": "dokodemo-door"},
    {"tag": "ws", "port": "10001", "protocol": "VLESS", "settings": {"decryption": "none", "clients": [
      {"id": "u0"
#vls
#vls bob 2026-01-31
},{"id": "u1", "email": "bob", "level": 1
#vls al>>>ice 2026-01-31
},{"id": "u2","email": "al>>>ice", "flow": "xtls-rprx-vision"}
    ]}},
    {"tag": "vm", "port": 10002, "protocol": "vmess", "settings": {"clients": [
      {"id": "u1", "alterId": 64, "email": "bob"}]}},
    {"tag": "tr", "port": "1000-2000", "protocol": "trojan", "settings": {"clients": [
      {"password": "p", "email": "tro"}]}},
    {"tag": "ss", "port": 10004, "protocol": "shadowsocks", "settings":
      {"method": "AES-256-gcm", "password": "q", "email": "sho"}},
    {"tag": "s2", "port": 10005, "protocol": "shadowsocks", "settings":
      {"method": "2022-blake3-aes-128-gcm", "password": "server", "clients": [
        {"password": "key", "email": "new"}]}},
    {"protocol": "socks", "settings": {"accounts": [{"user": "web", "pass": "x"}]}}
  ]
}"#;

#[test]
fn the_panels_config_is_read() {
    let conf = parse(PANEL);
    assert_eq!(conf.damage, None);
    assert!(conf.has_stats);
    assert_eq!(conf.api_services, ["StatsService"]);
    assert_eq!(conf.counted_levels, [0]);
    let expected = [
        ("al>>>ice", Service::Vless),
        ("bob", Service::Xray),
        ("new", Service::Shadowsocks),
        ("sho", Service::Shadowsocks),
        ("tro", Service::Trojan),
        ("web", Service::Xray),
    ];
    let services = conf.services();
    let found: Vec<_> = services.iter().map(|(name, it)| (name.as_str(), *it)).collect();
    assert_eq!(found, expected);
    assert_eq!(conf.inbounds[0].nameless, 1);
    assert_eq!(conf.inbounds[2].ports, (1000, 2000));
    let tags: Vec<_> = conf.inbounds_of("bob").map(|(inbound, _)| &inbound.tag).collect();
    assert_eq!(tags, ["ws", "vm"]);
    let singles: Vec<_> = conf.inbounds.iter().map(|it| it.is_single).collect();
    assert_eq!(singles, [false, false, false, true, false, false]);
}

#[test]
fn proofs_are_kept_for_the_way_back() {
    let conf = parse(PANEL);
    let proof = |email| conf.inbounds_of(email).last().unwrap().1.proof.clone();
    let text = str::to_owned;
    assert_eq!(proof("bob"), Some(Proof::Vmess { id: text("u1"), alter_id: 64 }));
    let flow = text("xtls-rprx-vision");
    assert_eq!(proof("al>>>ice"), Some(Proof::Vless { id: text("u2"), flow }));
    let method = text("aes-256-gcm");
    assert_eq!(proof("sho"), Some(Proof::Shadowsocks { password: text("q"), method }));
    assert_eq!(proof("new"), Some(Proof::Shadowsocks2022 { key: text("key") }));
    assert_eq!(proof("web"), None);
}

#[test]
fn what_is_no_json_is_read_by_its_markers() {
    let text = b"{\"inbounds\": [\n#vls bob 2026-01-31\n},{\"id\": 1,,\n#tr bob 2026-01-31\n";
    let conf = parse(text);
    assert!(conf.damage.is_some());
    assert_eq!(conf.services().into_iter().collect::<Vec<_>>(), [("bob".into(), Service::Xray)]);
}

#[test]
fn odd_shapes_are_no_users() {
    for text in [
        r#"{"inbounds": 7}"#,
        r#"{"inbounds": [null, 1, {"protocol": 5}, {"protocol": "vless"}]}"#,
        r#"{"inbounds": [{"protocol": "vless", "settings": {"clients": {"email": "x"}}}]}"#,
        r#"{"inbounds": [{"protocol": "vless", "settings": {"clients": [5, "x", {"email": 5}]}}]}"#,
        "[]",
        "null",
    ] {
        assert_eq!(parse(text.as_bytes()).services().len(), 0, "{text}");
    }
}
