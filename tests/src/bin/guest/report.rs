//! The lines that xtask reads from the console. The other end: `xtask/src/kernels/report.rs`.
//!
//! `begin UNAME`, `plan NAME...`, a `check NAME ok` or `check NAME FAIL: WHY` each, `end`.

use std::{
    any::Any,
    panic::{AssertUnwindSafe, catch_unwind},
};

use nix::sys::utsname::uname;

/// Says which kernel this is, then makes it ready; a failure there is the failure of everything.
pub fn begin(make_ready: impl FnOnce()) {
    let kernel = uname().map(|name| name.release().to_string_lossy().into_owned());
    say(&format!("begin {}", kernel.unwrap_or_default()));
    make_ready();
}

/// Says what is to come.
pub fn plan<'a>(names: impl Iterator<Item = &'a str>) {
    say(&format!("plan {}", names.collect::<Vec<_>>().join(" ")));
}

/// Runs one check and says how it went; a panic is its failure and the next check's chance.
pub fn check(name: &str, body: impl FnOnce()) {
    match catch_unwind(AssertUnwindSafe(body)) {
        Ok(()) => say(&format!("check {name} ok")),
        Err(panic) => say(&format!("check {name} FAIL: {}", one_line(&*panic))),
    }
}

/// The last line.
pub fn end() {
    say("end");
}

fn say(line: &str) {
    println!("vpnmon-guest: {line}");
}

fn one_line(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    let text = text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("no message");
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}
