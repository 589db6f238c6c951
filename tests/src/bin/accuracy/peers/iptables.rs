//! iptables and ip6tables: `-m owner --uid-owner`.

use vpnmon_tests::{machine::find, namespace::Namespace, process::outcome};

use super::Seen;

const PROGRAMS: [&str; 2] = ["iptables", "ip6tables"];

/// One rule an account and family in OUTPUT, the only chain that takes the match. `None` where
/// the kernel refuses it: in a network namespace of a user namespace, to anyone from outside.
pub fn load(near: &Namespace, uids: &[u32]) -> Option<()> {
    for program in PROGRAMS {
        find(program)?;
        for uid in uids {
            let rule = ["-w", "-A", "OUTPUT", "-m", "owner", "--uid-owner", &uid.to_string()];
            exec(near, program, &rule)?;
        }
    }
    Some(())
}

/// What the rules of both families say.
pub fn seen(near: &Namespace, uid: u32) -> Seen {
    let bytes = PROGRAMS.iter().map(|program| {
        let text = exec(near, program, &["-w", "-nvxL", "OUTPUT"])?;
        let matched = format!("owner UID match {uid}");
        let line = text.lines().find(|line| line.trim_end().ends_with(&matched))?;
        line.split_whitespace().nth(1)?.parse::<u64>().ok()
    });
    Seen { up: bytes.sum(), down: None }
}

fn exec(near: &Namespace, program: &str, args: &[&str]) -> Option<String> {
    let ended = outcome("ip", &[&["netns", "exec", &near.name, program], args].concat());
    (ended.code == 0).then_some(ended.stdout)
}
