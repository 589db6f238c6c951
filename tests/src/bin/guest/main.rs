//! Init of a virtual machine: makes a small system, checks the agent in it, powers off.
//!
//! Booted by `cargo xtask kernels`, which reads the console; see [`report`].

#![expect(clippy::print_stdout, reason = "stdout is the console that xtask reads")]
#![expect(clippy::panic, reason = "a check fails by panicking")]

mod checks;
mod links;
mod report;
mod session;
mod stage;
mod system;
mod traffic;
mod tunnel;

use std::process;

use nix::sys::reboot::{RebootMode, reboot};
use vpnmon_tests::wait;

/// An emulator on a busy machine: the start of an agent, which takes less than a second elsewhere,
/// was seen to take 25.
const TIMES_SLOWER: u32 = 5;

fn main() {
    assert_eq!(
        process::id(),
        1,
        "this is the init of a virtual machine: run `cargo xtask kernels`"
    );
    wait::be_patient(TIMES_SLOWER);
    report::begin(|| {
        system::mount_all();
        links::bring_up("lo");
        system::load_modules();
    });
    checks::run_all();
    report::end();
    let Err(error) = reboot(RebootMode::RB_POWER_OFF);
    panic!("power off: {error}");
}
