//! nftables: `meta skuid`.

use std::{fmt::Write as _, io::Write as _};

use tempfile::NamedTempFile;
use vpnmon_tests::{namespace::Namespace, nft::counters};

use super::Seen;

const TABLE: &str = "peer";

/// One counter an account, in the output hook, the only one where a packet has its socket for sure.
pub fn load(near: &Namespace, uids: &[u32]) {
    let mut text = format!("table inet {TABLE} {{\n");
    for uid in uids {
        let _ = writeln!(text, " counter uid{uid} {{}}");
    }
    text += " chain out {\n  type filter hook output priority 0; policy accept;\n";
    for uid in uids {
        let _ = writeln!(text, "  meta skuid {uid} counter name uid{uid}");
    }
    text += " }\n}\n";
    let mut file = NamedTempFile::new().unwrap_or_else(|e| panic!("no temporary file: {e}"));
    file.write_all(text.as_bytes()).unwrap_or_else(|e| panic!("cannot write the rules: {e}"));
    near.exec(&["nft", "-f", &file.path().to_string_lossy()]);
}

/// What the counter says.
pub fn seen(near: &Namespace, uid: u32) -> Seen {
    let count = counters(&near.name, TABLE).get(&format!("uid{uid}")).copied();
    Seen { up: count.map(|count| count.bytes), down: None }
}
