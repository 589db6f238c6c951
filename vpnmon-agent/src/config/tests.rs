//! What is read, and that nothing else gets through.

mod refused;

use std::{fs, time::Duration};

use proptest::prelude::*;
use tempfile::TempDir;

use super::{
    choice::{AuthLog, Interfaces, Program, SshAction, Toggle, XrayAction, XrayMode},
    *,
};
use crate::model::{Usage, incident::Kind};

/// Every key at its default, as the package ships it.
const WHOLE: &str = r#"
[agent]
state_dir = "/etc/myvpn"
socket = "/run/vpnmon/agent.sock"      # mode 0600, root
bpffs = "/sys/fs/bpf/vpnmon"           # pinned maps and links
[meter]
cgroup = "auto"
interfaces = "auto"
max_accounts = 131072
drain_interval = "10ms"
persist_interval = "1s"
usage = "uplink"
loopback = true
[ssh]
min_uid = 1000
max_uid = 60000
auth_log = "auto"
[xray]
enabled = "auto"
mode = "api"
api = "127.0.0.1:10085"
config = "/etc/xray/config.json"
access_log = "/var/log/xray/access.log"
poll_interval = "10ms"
persist = false
binary = "auto"
[forward]
names = {}
[hosts]
enabled = true
max_hosts = 100000
max_flows = 65536
[history]
enabled = true
keep_days = 400
[enforce]
dry_run = false
ssh = "delete"
xray = "remove"
warn_percent = 80
protect = []
[metrics]
listen = ""
allow_remote = false
accounts = false
max_accounts = 1000
[notify]
command = []
webhook = ""
webhook_format = "json"
telegram_chat = ""
events = ["warning", "exceeded", "deleted", "degraded"]
timeout = "10s"
"#;

fn parse(text: &str) -> Result<Config, ConfigError> {
    Config::parse(text, Path::new("c.toml"))
}

/// What the package installs says all that there is, and changes nothing.
#[test]
fn the_shipped_file_shows_every_default() {
    let shipped = include_str!("../../../packaging/config.toml");
    assert_eq!(parse(shipped).unwrap(), Config::default());
    // A key stands right behind its `#`, an explanation behind a space.
    let shown = shipped.lines().map(|line| match line.strip_prefix('#') {
        Some(rest) if rest.starts_with(' ') => "",
        Some(key) => key,
        None => line,
    });
    let told = WHOLE.lines().map(|line| line.split('#').next().unwrap_or_default().trim_end());
    let (shown, told): (Vec<_>, Vec<_>) = (
        shown.filter(|line| !line.is_empty()).collect(),
        told.filter(|line| !line.is_empty()).collect(),
    );
    assert_eq!(shown, told);
}

#[test]
fn nothing_is_all_defaults() {
    for text in ["", "\u{feff}", "# only a comment", "[meter]\n[ssh]\n", WHOLE] {
        assert_eq!(parse(text), Ok(Config::default()), "{text:?}");
    }
}

#[test]
fn every_key_can_be_set() {
    type Set = fn(&mut Config);
    let table: &[(&str, Set)] = &[
        ("agent.state_dir = '/a'", |c| c.agent.state_dir = "/a".into()),
        ("agent.socket = '/b'", |c| c.agent.socket = "/b".into()),
        ("agent.bpffs = '/c'", |c| c.agent.bpffs = "/c".into()),
        ("meter.cgroup = '/d'", |c| c.meter.cgroup = CgroupChoice::Path("/d".into())),
        ("meter.interfaces = ['e', 'f']", |c| {
            c.meter.interfaces = Interfaces::Named(vec!["e".into(), "f".into()]);
        }),
        ("meter.interfaces = []", |c| c.meter.interfaces = Interfaces::Named(vec![])),
        ("meter.max_accounts = 4_000_000", |c| c.meter.max_accounts = 4_000_000),
        ("meter.drain_interval = '1ms'", |c| c.meter.drain_interval = Duration::from_millis(1)),
        ("meter.persist_interval = '1h'", |c| {
            c.meter.persist_interval = Duration::from_hours(1);
        }),
        ("meter.usage = 'downlink'", |c| c.meter.usage = Usage::Downlink),
        ("meter.usage = 'both'", |c| c.meter.usage = Usage::Both),
        ("meter.loopback = false", |c| c.meter.loopback = false),
        ("ssh.min_uid = 60000", |c| c.ssh.min_uid = 60_000),
        ("ssh.max_uid = 4294967294", |c| c.ssh.max_uid = u32::MAX - 1),
        ("ssh.auth_log = 'journald'", |c| c.ssh.auth_log = AuthLog::Journald),
        ("ssh.auth_log = '/g'", |c| c.ssh.auth_log = AuthLog::Path("/g".into())),
        ("xray.enabled = true", |c| c.xray.enabled = Toggle::On),
        ("xray.enabled = false", |c| c.xray.enabled = Toggle::Off),
        ("xray.api = '[::1]:10000'", |c| c.xray.api = "[::1]:10000".parse().unwrap()),
        ("xray.config = '/h'", |c| c.xray.config = "/h".into()),
        ("xray.access_log = '/i'", |c| c.xray.access_log = "/i".into()),
        ("xray.poll_interval = '1m'", |c| c.xray.poll_interval = Duration::from_mins(1)),
        ("xray.persist = true", |c| c.xray.persist = true),
        ("xray.binary = '/j'", |c| c.xray.binary = Program::Path("/j".into())),
        ("forward.names = { '10.8.0.2' = 'a', '10.9.0.0/24' = 'b' }", |c| {
            let names = [("10.8.0.2", "a"), ("10.9.0.0/24", "b")];
            c.forward.names = names.map(|(p, name)| (p.parse().unwrap(), name.to_owned())).into();
        }),
        ("hosts.enabled = false", |c| c.hosts.enabled = false),
        ("hosts.max_hosts = 1", |c| c.hosts.max_hosts = 1),
        ("hosts.max_flows = 64", |c| c.hosts.max_flows = 64),
        ("enforce.dry_run = true", |c| c.enforce.dry_run = true),
        ("enforce.ssh = 'disable'", |c| c.enforce.ssh = SshAction::Disable),
        ("enforce.ssh = 'block'", |c| c.enforce.ssh = SshAction::Block),
        ("xray.mode = 'mark'", |c| c.xray.mode = XrayMode::Mark),
        ("enforce.xray = 'block'", |c| c.enforce.xray = XrayAction::Block),
        ("enforce.warn_percent = 100", |c| c.enforce.warn_percent = 100),
        ("enforce.protect = ['admin']", |c| c.enforce.protect = vec!["admin".into()]),
        ("metrics.listen = '127.0.0.1:9477'", |c| {
            c.metrics.listen = "127.0.0.1:9477".parse().ok();
        }),
        ("metrics = { listen = '[::]:9477', allow_remote = true }", |c| {
            c.metrics.listen = "[::]:9477".parse().ok();
            c.metrics.allow_remote = true;
        }),
        ("metrics.accounts = true", |c| c.metrics.accounts = true),
        ("metrics.max_accounts = 100_000", |c| c.metrics.max_accounts = 100_000),
        ("notify.command = ['/j', 'k']", |c| c.notify.command = vec!["/j".into(), "k".into()]),
        ("notify.webhook = 'https://u:p@h:1/x?y=z'", |c| {
            c.notify.webhook = WebhookUrl::parse("https://u:p@h:1/x?y=z");
        }),
        ("notify = { webhook_format = 'telegram', telegram_chat = '-1' }", |c| {
            c.notify.webhook_format = WebhookFormat::Telegram;
            c.notify.telegram_chat = "-1".into();
        }),
        ("notify.events = ['recovered', 'source-down']", |c| {
            c.notify.events = vec![Kind::Recovered, Kind::SourceDown];
        }),
        ("notify.timeout = '5m'", |c| c.notify.timeout = Duration::from_mins(5)),
    ];
    for (text, set) in table {
        let mut expected = Config::default();
        set(&mut expected);
        assert_eq!(parse(text), Ok(expected), "{text}");
    }
}

#[test]
fn a_webhook_is_never_shown() {
    for value in ["ftp://h/bot1:secret", "https:///bot1:secret", "https://h/bot1: secret", "secret"]
    {
        let line = parse(&format!("notify.webhook = '{value}'")).unwrap_err().to_string();
        assert!(line.starts_with("c.toml:1: notify.webhook: bad value; use a URL"), "{line}");
        assert!(!line.contains("secret"), "{line}");
    }
    let config = parse("notify.webhook = 'https://h/bot1:secret'").unwrap();
    assert!(!format!("{config:?}").contains("secret"));
}

#[test]
fn a_long_value_is_not_repeated_whole() {
    let line = parse(&format!("[meter]\nusage = '{}'", "x".repeat(10_000))).unwrap_err();
    let line = line.to_string();
    assert!(line.contains("xxx…; use one of") && line.len() < 250, "{line}");
}

#[test]
fn deep_nesting_is_an_error() {
    let deep = format!("[meter]\nusage = {}", "[".repeat(100_000));
    assert!(parse(&deep).unwrap_err().to_string().starts_with("c.toml:2: "));
}

#[test]
fn files_that_are_no_config() {
    let dir = TempDir::new().unwrap();
    let at = |name: &str| dir.path().join(name);
    fs::write(at("latin1"), b"# a\n[meter]\n# caf\xe9\n").unwrap();
    fs::write(at("large"), vec![b'#'; (1 << 20) + 1]).unwrap();
    fs::write(at("file"), "").unwrap();
    std::os::unix::fs::symlink(at("nowhere"), at("link")).unwrap();
    for (name, must_exist, expected) in [
        ("missing", true, ": no such file; "),
        ("link", false, ": no such file; "),
        ("file/config.toml", false, ": cannot be read: Not a directory"),
        ("", false, ": is a directory; "),
        ("latin1", true, ":3: a byte that is not UTF-8; "),
        ("large", true, ": is larger than 1 MiB; "),
    ] {
        let line = Config::load(&at(name), must_exist).unwrap_err().to_string();
        let expected = format!("{}{expected}", at(name).display());
        assert!(line.starts_with(&expected) && line.lines().count() == 1, "{line}\n{expected}");
    }
    let null = Config::load(Path::new("/dev/null"), true).unwrap_err().to_string();
    assert_eq!(null, "/dev/null: is not a regular file; name a TOML file");
    assert_eq!(Config::load(&at("missing"), false), Ok(Config::default()));
    assert_eq!(Config::load(&at("file"), true), Ok(Config::default()));
}

fn one_line(text: &str) {
    if let Err(error) = parse(text) {
        let line = error.to_string();
        assert!(!line.contains(char::is_control) && line.len() < 4000, "{text:?}: {line:?}");
        assert!(line.starts_with("c.toml:"), "{text:?}: {line:?}");
    }
}

#[test]
fn every_prefix_is_read_or_refused_in_one_line() {
    for (end, _) in WHOLE.char_indices() {
        one_line(&WHOLE[..end]);
    }
}

proptest! {
    #[test]
    fn any_text_is_read_or_refused_in_one_line(text in any::<String>()) {
        one_line(&text);
    }

    #[test]
    fn any_value_is_read_or_refused_in_one_line(
        line in 0..48usize,
        value in "[-\"'\\[\\]{}=0-9a-z\\\\\n\u{1b}\u{202e}é .#]{0,12}",
    ) {
        let mut lines: Vec<_> = WHOLE.lines().map(str::to_owned).collect();
        let line = line.min(lines.len() - 1);
        if let Some((key, _)) = lines[line].clone().split_once('=') {
            lines[line] = format!("{key}= {value}");
        }
        one_line(&lines.join("\n"));
    }

    #[test]
    fn any_string_is_read_or_refused_in_one_line(value in any::<String>()) {
        let quoted = value.replace('\\', "\\\\").replace('"', "\\\"");
        for key in ["meter.usage", "agent.state_dir", "xray.api", "meter.\"\\n\""] {
            one_line(&format!("{key} = \"{quoted}\""));
            one_line(&format!("{key} = \"\"\"{quoted}\"\"\""));
        }
    }
}
