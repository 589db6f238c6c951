//! What a wrong config is answered with: its line, its key, what is allowed.

use super::parse;

/// Text of a config file, and how the error goes on after the file's name.
const REFUSED: &[(&str, &str)] = &[
    ("[meter\n", "1: not TOML: unclosed table; expected `]`"),
    ("[meter]\nusage = 'up\n", "2: not TOML: invalid literal string; expected `'`"),
    ("[meter]\nusage = 'both'\nusage = 'both'\n", "3: not TOML: duplicate key"),
    ("[ssh]\n[ssh]\n", "2: not TOML: duplicate key"),
    (
        "\n[metre]\nusage = 'both'",
        "2: metre: unknown section; use one of agent, meter, ssh, xray, forward, hosts, history, enforce, metrics, notify",
    ),
    (
        "usage = 'both'",
        "1: usage: not a section; use sections: [agent], [meter], [ssh], [xray], [forward], [hosts], [history], [enforce], [metrics], [notify]",
    ),
    (
        "\n[[ssh]]\n",
        "2: ssh: not a section; use sections: [agent], [meter], [ssh], [xray], [forward], [hosts], [history], [enforce], [metrics], [notify]",
    ),
    (
        "[meter]\r\n\r\nusages = 'both'",
        "3: meter.usages: unknown key; use one of cgroup, interfaces, max_accounts, drain_interval, persist_interval, usage, loopback",
    ),
    (
        "[metrics]\nport = 1",
        "2: metrics.port: unknown key; use one of listen, allow_remote, accounts, max_accounts",
    ),
    ("hosts.on = true", "1: hosts.on: unknown key; use one of enabled, max_hosts, max_flows"),
    (
        "[meter]\nusage = 'sideways'",
        "2: meter.usage: unknown value `sideways`; use one of uplink, downlink, both",
    ),
    ("[meter]\nusage = 5", "2: meter.usage: unknown value 5; use one of uplink, downlink, both"),
    (
        "[meter.usage]\nboth = true",
        "1: meter.usage: unknown value (a table or a date); use one of uplink, downlink, both",
    ),
    (
        "[meter]\nmax_accounts = -1",
        "2: meter.max_accounts: bad value -1; use a whole number from 1 to 4000000",
    ),
    ("[meter]\nmax_accounts = 4_000_001", "2: meter.max_accounts: bad value 4000001; use"),
    ("[meter]\nmax_accounts = 1.5", "2: meter.max_accounts: bad value 1.5; use"),
    (
        "[meter]\nmax_accounts = 99999999999999999999",
        "2: meter.max_accounts: bad value 99999999999999999999; use",
    ),
    (
        "[meter]\ndrain_interval = 'soon'",
        "2: meter.drain_interval: bad value `soon`; use a duration from 1ms to 1s, such as \"10ms\"",
    ),
    ("[meter]\ndrain_interval = '0ms'", "2: meter.drain_interval: bad value `0ms`; use"),
    ("[meter]\ndrain_interval = '1001ms'", "2: meter.drain_interval: bad value `1001ms`; use"),
    ("[meter]\ndrain_interval = 10", "2: meter.drain_interval: bad value 10; use a duration"),
    (
        "[meter]\npersist_interval = '99ms'",
        "2: meter.persist_interval: bad value `99ms`; use a duration from 100ms to 1h",
    ),
    (
        "[xray]\npoll_interval = '61s'",
        "2: xray.poll_interval: bad value `61s`; use a duration from 1ms to 1m",
    ),
    ("[meter]\nloopback = 'yes'", "2: meter.loopback: bad value `yes`; use true or false"),
    ("[meter]\nloopback = 2026-11-24", "2: meter.loopback: bad value (a table or a date); use"),
    (
        "[meter]\ninterfaces = 'eth0'",
        "2: meter.interfaces: bad value `eth0`; use \"auto\" or a list of different interface names",
    ),
    ("[meter]\ninterfaces = ['a', 'a']", "2: meter.interfaces: bad value [\"a\", \"a\"]; use"),
    ("[meter]\ninterfaces = ['a/b']", "2: meter.interfaces: bad value [\"a/b\"]; use"),
    ("[meter]\ninterfaces = ['longer-than-it-can-be']", "2: meter.interfaces: bad value"),
    (
        "[meter]\ninterfaces = [\n'a',\n5]",
        "4: meter.interfaces: invalid type: integer `5`; use a string",
    ),
    (
        "[meter]\ncgroup = 'user.slice'",
        "2: meter.cgroup: bad value `user.slice`; use \"auto\" or an absolute path",
    ),
    ("[agent]\nstate_dir = ''", "2: agent.state_dir: bad value ``; use an absolute path"),
    ("[agent]\nbpffs = \"/a\\u0000\"", "2: agent.bpffs: bad value `/a\\x00`; use an absolute"),
    ("[agent]\nsocket = 5", "2: agent.socket: bad value 5; use an absolute path of at most 107"),
    ("[xray]\npersist = 1", "2: xray.persist: bad value 1; use true or false"),
    (
        "[xray]\nbinary = 'xray'",
        "2: xray.binary: bad value `xray`; use \"auto\" or an absolute path",
    ),
    ("[xray]\nenabled = 'on'", "2: xray.enabled: bad value `on`; use \"auto\", true or false"),
    ("[xray]\napi = 'localhost'", "2: xray.api: bad value `localhost`; use an address and a"),
    ("[metrics]\nlisten = ':9477'", "2: metrics.listen: bad value `:9477`; use an address and"),
    (
        "[metrics]\nlisten = '0.0.0.0:9477'",
        "2: metrics.listen: other machines reach 0.0.0.0:9477, and whoever connects is answered; use",
    ),
    ("[metrics]\nmax_accounts = 0", "2: metrics.max_accounts: bad value 0; use a whole number"),
    ("[notify]\ncommand = ['tell']", "2: notify.command: bad value [\"tell\"]; use a list of an"),
    ("[notify]\ncommand = ['/a', \"\\u0000\"]", "2: notify.command: bad value"),
    ("[notify]\nevents = ['gone']", "2: notify.events: bad value [\"gone\"]; use a list of limit-"),
    (
        "[notify]\nwebhook_format = 'xml'",
        "2: notify.webhook_format: unknown value `xml`; use one of json, text, slack, discord,",
    ),
    (
        "[notify]\n\nwebhook_format = 'telegram'",
        "3: notify.webhook_format: telegram needs a chat; add telegram_chat",
    ),
    ("[notify]\ntimeout = '6m'", "2: notify.timeout: bad value `6m`; use a duration from 100ms to"),
    (
        "[ssh]\nmin_uid = 2000\nmax_uid = 1000",
        "2: ssh.min_uid: min_uid 2000 is above max_uid 1000; use min_uid <= max_uid",
    ),
    ("[ssh]\n\nmax_uid = 999", "3: ssh.max_uid: min_uid 1000 is above max_uid 999; use"),
    ("[ssh]\nmin_uid = 0", "2: ssh.min_uid: bad value 0; use a whole number from 1 to"),
    ("[ssh]\nauth_log = 'x'", "2: ssh.auth_log: bad value `x`; use \"auto\", \"journald\" or"),
    (
        "[forward]\nnames = { '10.8.0' = 'a' }",
        "2: forward.names: bad value `10.8.0`; use a table of names by tunnel address",
    ),
    ("[forward]\nnames = { '10.8.0.2' = 5 }", "2: forward.names: bad value 5; use"),
    ("[forward.names]\n'10.8.0.2' = ''", "2: forward.names: bad value ``; use a table of names by"),
    ("[forward.names]\n'10.8.0.2' = 'other'", "2: forward.names: bad value `other`; use a table"),
    (
        "[forward.names]\n'10.8.0.2' = 'a'\n'10.8.0.2/32' = 'b'",
        "1: forward.names: 10.8.0.2 is named twice; use a table of names",
    ),
    ("[history]\nkeep_days = 0", "2: history.keep_days: bad value 0; use a whole number from 1 to"),
    ("[hosts]\nmax_hosts = 0", "2: hosts.max_hosts: bad value 0; use a whole number from 1 to"),
    (
        "[enforce]\nwarn_percent = 101",
        "2: enforce.warn_percent: bad value 101; use a whole number from 1 to 100",
    ),
    (
        "[enforce]\nssh = 'remove'",
        "2: enforce.ssh: unknown value `remove`; use one of delete, disable, block",
    ),
    (
        "[enforce]\nxray = 'delete'",
        "2: enforce.xray: unknown value `delete`; use one of remove, block",
    ),
    ("[enforce]\nprotect = ['']", "2: enforce.protect: bad value [\"\"]; use a list of names"),
    ("[enforce]\nprotect = 'root'", "2: enforce.protect: bad value `root`; use a list of names"),
    (
        "[meter]\nusage = \"a\\n\\u001b[31m\\u202e\"",
        "2: meter.usage: unknown value `a\\x0a\\x1b[31m\\u{202e}`; use one of",
    ),
    ("[ssh]\n\"a\\nb\" = 1", "2: ssh.a\\x0ab: unknown key; use one of"),
];

#[test]
fn every_wrong_value_has_its_line_and_key() {
    for (text, expected) in REFUSED {
        let line = parse(text).unwrap_err().to_string();
        assert!(line.starts_with(&format!("c.toml:{expected}")), "{text}\n{line}\n{expected}");
    }
}
