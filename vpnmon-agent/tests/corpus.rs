//! Replays `fuzz/corpus`: what fuzzing found, and what is hostile enough to be kept by hand.

#![cfg(test)]

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

use proptest::prelude::*;
use vpnmon_agent::fuzz::{TARGETS, target};

fn fuzz_dir() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz")
}

/// Names in a directory, without an ending.
fn names(dir: &Path) -> BTreeSet<String> {
    let entries = fs::read_dir(dir).unwrap();
    let stem = |path: PathBuf| path.file_stem().unwrap().to_str().unwrap().to_owned();
    entries.map(|entry| stem(entry.unwrap().path())).collect()
}

#[test]
fn every_target_is_fuzzed_and_has_a_corpus() {
    let targets: BTreeSet<_> = TARGETS.iter().map(|(name, _)| (*name).to_owned()).collect();
    assert_eq!(names(&fuzz_dir().join("fuzz_targets")), targets);
    assert_eq!(names(&fuzz_dir().join("corpus")), targets);
    let manifest = fs::read_to_string(fuzz_dir().join("Cargo.toml")).unwrap();
    for target in targets {
        assert!(manifest.contains(&format!("\nname = \"{target}\"\n")), "{target}");
    }
}

#[test]
fn nothing_in_the_corpus_makes_a_parser_fail() {
    for (name, target) in TARGETS {
        let dir = fuzz_dir().join("corpus").join(name);
        let mut count = 0;
        for entry in fs::read_dir(&dir).unwrap() {
            let path = entry.unwrap().path();
            let bytes = fs::read(&path).unwrap();
            // The harness shows it when the target fails.
            eprintln!("{}", path.display());
            target(&bytes);
            count += 1;
        }
        assert!(count >= 3, "{} has only {count} files", dir.display());
    }
}

/// An event of `hosts.jsonl`.
const EVENT: &str = r#"{"time":"2026-11-24T10:00:00+01:00","host":"a.example","kind":"sni",
"service":"SSH","user":"alice","source_ip":null,"dest_ip":"192.0.2.1","dest_port":443,
"direction":"egress"}"#;

/// What lines of the hosts' files are made of, in any order.
fn pieces() -> impl Strategy<Value = Vec<u8>> {
    let event = EVENT.replace('\n', "");
    let words = "a.example A. .. ::1 [::1]:80 SSH cdn N/A - 198.51.100.7 | || \\ \0 ž { } \"odd\":true \
        0000-01-01 -009-01-01 2026-03-29 9999-12-31 02:30:00 25:00:00 1969-12-31T23:59:59Z";
    let mut known: Vec<_> = words.split(' ').map(str::as_bytes).map(<[u8]>::to_vec).collect();
    known.extend(["\n", "\r\n", " ", "\t", &event].map(|piece| piece.as_bytes().to_vec()));
    let piece = prop_oneof![
        9 => prop::sample::select(known),
        1 => prop::collection::vec(any::<u8>(), 0..8),
    ];
    prop::collection::vec(piece, 0..24).prop_map(|pieces| pieces.concat())
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(4000) })]

    #[test]
    fn any_text_is_read_as_hosts_or_refused(text in pieces()) {
        for name in ["hosts_log", "hosts_jsonl"] {
            target(name).unwrap()(&text);
        }
    }
}
