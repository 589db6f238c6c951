//! One function for each parser that meets bytes from outside: any bytes in, a panic where something
//! that must hold does not.
//!
//! `fuzz/` feeds them with what a fuzzer invents, `tests/corpus.rs` with what is worth keeping of
//! it.

mod hosts;

use std::path::Path;

use vpnmon_common::wire::{BufferSize, PacketBytes, WireSize, wire_size};

use crate::{
    admins::{Admins, sudoers::Sudoers},
    config::Config,
    control::{Answer, server::read_request},
    enforce::{account, cron, journal},
    history,
    hosts::{Line, host::Host, name},
    kernel::{mounts, sock_diag},
    ledger::{
        record::Record,
        store::{
            hosts::{log, seen},
            load::{parse_snapshot, parse_usage},
        },
        usage_file::UsageFile,
    },
    legacy::{
        conf, hosts as legacy_hosts,
        lines::{MAX_REFUSED, Parsed, Refused, numbered},
        usage_json,
    },
    model::Service,
    sources::{
        sessions, wireguard,
        xray::{access_log, conf as xray_conf},
    },
    users::Users,
};

pub use hosts::host_stream_for_kernel;

/// Takes any bytes.
pub type Target = fn(&[u8]);

/// All targets by name; `fuzz/fuzz_targets` has a file and `fuzz/corpus` a directory for each.
pub const TARGETS: [(&str, Target); 26] = [
    ("config", config),
    ("control_request", control_request),
    ("cron_table", cron::fuzz),
    ("dns_question", hosts::dns_question),
    ("enforce_journal", journal::fuzz),
    ("history", history::fuzz),
    ("host_name", hosts::host_name),
    ("host_stream", hosts::host_stream),
    ("hosts_jsonl", hosts_jsonl),
    ("hosts_log", hosts_log),
    ("legacy_conf", legacy_conf),
    ("legacy_json", legacy_json),
    ("mountinfo", mountinfo),
    ("passwd", passwd),
    ("quic_datagram", hosts::quic_datagram),
    ("shadow", account::fuzz),
    ("snapshot", snapshot),
    ("sock_diag", sock_diag::fuzz),
    ("ssh_log", sessions::fuzz_line),
    ("sudoers", sudoers),
    ("usage_file", usage_file),
    ("wireguard", wireguard::fuzz),
    ("wire_size", packet),
    ("xray_access", access_log::fuzz),
    ("xray_config", xray_conf::fuzz),
    ("xray_config_edit", xray_conf::edit::fuzz),
];

/// The target `name`, which must be one of [`TARGETS`].
pub fn target(name: &str) -> Option<Target> {
    TARGETS.iter().find(|(known, _)| *known == name).map(|(_, target)| *target)
}

/// The config file: read, or refused in one line.
fn config(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    if let Err(error) = Config::parse(text, Path::new("c.toml")) {
        let line = error.to_string();
        assert!(line.starts_with("c.toml:") && line.len() < 4000, "{line}");
        assert_shown_in_one_line(&line);
    }
}

/// sudoers, which is group and passwd at once here: whoever a whole line names is never missed.
fn sudoers(bytes: &[u8]) {
    let mut text = bytes.to_vec();
    text.extend(b"\n\nbob ALL=(ALL) ALL\n");
    let mut sudoers = Sudoers::default();
    sudoers.add(&text);
    assert!(sudoers.users.contains("bob"));
    let admins = Admins::read(bytes, bytes, &sudoers);
    assert!(admins.why("bob").is_some());
}

/// A line of the control socket: what is read says the same when it is written.
fn control_request(bytes: &[u8]) {
    match read_request(bytes) {
        Ok(request) => {
            let again = serde_json::to_vec(&request).map(|line| read_request(&line));
            assert!(matches!(again, Ok(Ok(again)) if again == request), "{request:?}");
        }
        Err(answer) => assert!(matches!(answer, Answer::Refused { code: 1, .. })),
    }
}

/// The panel's line-wise files: each line is taken or reported.
fn legacy_conf(bytes: &[u8]) {
    let lines = numbered(bytes).filter(|(_, line)| !line.starts_with(b"#")).count();
    assert_accounted_for(&conf::limits(bytes), lines);
    assert_accounted_for(&conf::counts(bytes), lines);
    assert_accounted_for(&conf::disabled(bytes), lines);
    assert_accounted_for(&legacy_hosts::hosts(bytes, &legacy_hosts::OwnNames::default()), lines);
    assert_accounted_for(&legacy_hosts::own_names(bytes), lines);
}

/// The panel's usage JSON: each line is taken or reported, or is all braces and commas.
fn legacy_json(bytes: &[u8]) {
    let Some((_, parsed)) = usage_json::parse(bytes) else { return };
    assert_reports(&parsed.refused);
    if parsed.refused.len() > MAX_REFUSED {
        return;
    }
    let taken = parsed.taken.iter().map(|(line, ())| *line);
    let known: std::collections::HashSet<_> =
        taken.chain(parsed.refused.iter().map(|refused| refused.line)).collect();
    for (number, line) in numbered(bytes) {
        let is_filling = |byte: &u8| byte.is_ascii_whitespace() || b"{},".contains(byte);
        assert!(line.iter().all(is_filling) || known.contains(&number), "line {number}");
    }
}

/// `hosts.log`: every line that is taken is a host in its one spelling, each once, and is read again
/// as it is written.
fn hosts_log(bytes: &[u8]) {
    let parsed = log::parse(bytes);
    let mut hosts = std::collections::HashSet::new();
    let mut written = Vec::new();
    for (line, number) in parsed.lines.iter().zip(1..) {
        assert_eq!(name::host(&line.host).as_ref(), Some(&line.host));
        assert!(hosts.insert(&line.host), "{line:?}");
        assert!(log::is_service(&line.service), "{line:?}");
        let mut host = Host::new(line.host.as_str().into(), false, number);
        host.service = line.service.clone().into();
        host.source_ip = line.source_ip;
        written.push(std::sync::Arc::new(host));
    }
    let again = log::parse(&log::text(&written));
    let names = |lines: &[Line]| -> Vec<_> {
        lines.iter().map(|it| (it.host.clone(), it.service.clone(), it.source_ip)).collect()
    };
    assert_eq!(names(&again.lines), names(&parsed.lines));
    assert_eq!(again.refused, None);
}

/// `hosts.jsonl`: a line that is read says the same when it is written.
fn hosts_jsonl(bytes: &[u8]) {
    for line in bytes.split(|byte| *byte == b'\n') {
        let Some(event) = seen::parse(line) else { continue };
        let again = serde_json::to_vec(&event).map(|line| seen::parse(&line));
        assert!(matches!(again, Ok(Some(again)) if again == event), "{event:?}");
        let counted = seen::replayed(line).first().map(|host| host.count);
        assert!(counted.is_none_or(|count| count == 1), "{event:?}");
    }
}

/// mountinfo: any path comes out as it was before the kernel escaped it.
fn mountinfo(bytes: &[u8]) {
    for mount in mounts::parse(bytes) {
        assert!(!mount.kind.contains([' ', '\n']), "{mount:?}");
    }
    let mut line = b"30 23 0:26 / ".to_vec();
    for byte in bytes {
        match byte {
            // `mangle` of fs/proc_namespace.c.
            b' ' | b'\t' | b'\n' | b'\\' | b'#' => {
                line.extend_from_slice(format!("\\{byte:03o}").as_bytes());
            }
            _ => line.push(*byte),
        }
    }
    line.extend_from_slice(b" rw shared:9 - cgroup2 none rw");
    let found = mounts::parse(&line);
    let at = found.first().map(|mount| mount.at.as_os_str().as_encoded_bytes());
    assert_eq!(at, Some(bytes));
}

/// The account database: every person has a usable name, a uid in the range, and both only once.
fn passwd(bytes: &[u8]) {
    let range = (1000, 60_000);
    let users = Users::parse(bytes, range);
    let mut names = std::collections::HashSet::new();
    for (uid, key) in users.people() {
        assert!((range.0..=range.1).contains(&uid) && key.service == Service::Ssh, "{uid}");
        assert!((1..=64).contains(&key.name.len()) && !key.name.contains([':', '\n']), "{key}");
        assert_eq!(users.uid(&key.name), Some(uid), "{key}");
        assert!(names.insert(key.name), "{uid}");
    }
}

/// The snapshot of the ledger: what is read says the same when it is written.
fn snapshot(bytes: &[u8]) {
    let Ok(records) = parse_snapshot(bytes) else { return };
    let text = serde_json::json!({ "schema": 1, "accounts": records }).to_string();
    assert!(matches!(parse_snapshot(text.as_bytes()), Ok(again) if again == records), "{text}");
}

/// A usage file: the sum holds, and what is read says the same when it is written.
fn usage_file(bytes: &[u8]) {
    if let Ok(record) = parse_usage(bytes) {
        assert_sum_holds(&record);
    }
    if let Ok(edited) = serde_json::from_slice::<UsageFile>(bytes) {
        assert_sum_holds(&edited.into_edited_record());
    }
}

/// A buffer of `len`, `gso_size` and `gso_segs` in twelve bytes, and its headers.
fn packet(bytes: &[u8]) {
    let Some((sizes, headers)) = bytes.split_first_chunk::<12>() else { return };
    let field =
        |at: usize| u32::from_le_bytes([sizes[at], sizes[at + 1], sizes[at + 2], sizes[at + 3]]);
    // The kernel keeps `gso_segs` in 16 bits.
    let buffer = BufferSize { len: field(0), gso_size: field(4), gso_segs: field(8) & 0xffff };
    let size = wire_size(buffer, &Headers(headers));
    let single = WireSize { bytes: u64::from(buffer.len), packets: 1 };
    assert!(buffer.gso_size != 0 || size == single, "{buffer:?} {size:?}");
    assert!(size.packets >= 1, "{buffer:?} {size:?}");
}

struct Headers<'a>(&'a [u8]);

impl PacketBytes for Headers<'_> {
    fn load<const N: usize>(&self, offset: u32) -> Option<[u8; N]> {
        let start = usize::try_from(offset).ok()?;
        self.0.get(start..start.checked_add(N)?)?.try_into().ok()
    }
}

fn assert_sum_holds(record: &Record) {
    let sum = record.baseline_usage.checked_add(record.last_stats);
    assert_eq!(sum, Some(record.total_usage()), "{record:?}");
    let again = serde_json::to_vec(&UsageFile::of(record)).map(|text| parse_usage(&text));
    assert!(matches!(again, Ok(Ok(again)) if again == *record), "{record:?}");
}

fn assert_accounted_for<T>(parsed: &Parsed<T>, lines: usize) {
    assert_eq!(parsed.taken.len() + parsed.refused_count(), lines);
    assert_reports(&parsed.refused);
}

fn assert_reports(refused: &[Refused]) {
    assert!(refused.len() <= MAX_REFUSED + 1, "{} reports", refused.len());
    for report in refused {
        assert!(report.why.len() < 1000, "{report:?}");
        assert_shown_in_one_line(&report.why);
    }
}

fn assert_shown_in_one_line(text: &str) {
    assert!(!text.contains(char::is_control), "{text:?}");
}
