//! One guest, from power on to power off.

use std::{
    fs::{self, File},
    path::Path,
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use crate::{
    failure::{OrFail, Result},
    interrupt,
    kernels::{qemu::Qemu, report::Report},
};

/// An emulated machine takes half a minute on a fast machine, and three on a slow one.
const DEADLINE: Duration = Duration::from_mins(10);
const POLL: Duration = Duration::from_millis(50);
/// No network device, no disk, no display: nothing leaves the guest but its console.
const MACHINE: [&str; 15] = [
    // Never KVM: on a machine that pretends to have it, the guest hangs.
    "-accel",
    "tcg,thread=single",
    "-cpu",
    "max",
    "-smp",
    "2",
    "-m",
    "768",
    "-nodefaults",
    "-no-user-config",
    "-display",
    "none",
    "-no-reboot",
    "-serial",
    "stdio",
];
/// The kernel hands what it does not know to init, as environment.
const COMMAND_LINE: &str = "console=ttyS0 panic=-1 quiet \
    VPNMON_AGENT=/bin/vpnmon-agent VPNMON_TRAFFIC=/bin/vpnmon-traffic VPNMON_WITNESS=/bin/witness";

/// Boots; once more if init was never reached, which happens on a busy machine.
pub fn boot(qemu: &Qemu, image: &Path, initramfs: &Path, console: &Path) -> Result<Report> {
    let report = once(qemu, image, initramfs, console)?;
    if report.uname.is_some() {
        return Ok(report);
    }
    eprintln!("init was never reached; trying once more");
    once(qemu, image, initramfs, console)
}

fn once(qemu: &Qemu, image: &Path, initramfs: &Path, console: &Path) -> Result<Report> {
    let what = format!("writing {}", console.display());
    let next = "check its permissions and free space";
    let output = File::create(console).or_fail(&what, next)?;
    let errors = output.try_clone().or_fail(&what, next)?;
    let mut command = qemu.command();
    describe(&mut command, image, initramfs);
    let child = command.stdin(Stdio::null()).stdout(output).stderr(errors).spawn();
    let mut guest = Guest(child.or_fail("starting QEMU", "start it by hand to see why")?);
    guest.wait()?;
    drop(guest);
    let bytes = fs::read(console).or_fail(format!("reading {}", console.display()), next)?;
    Ok(Report::parse(&String::from_utf8_lossy(&bytes)))
}

fn describe(command: &mut Command, image: &Path, initramfs: &Path) {
    command.args(MACHINE).arg("-kernel").arg(image).arg("-initrd").arg(initramfs);
    command.args(["-append", COMMAND_LINE]);
}

/// Ended on drop.
struct Guest(Child);

impl Guest {
    /// Waits for its power off, at most until the deadline.
    fn wait(&mut self) -> Result<()> {
        let started = Instant::now();
        while started.elapsed() < DEADLINE {
            interrupt::check("running a guest")?;
            let ended = self.0.try_wait().or_fail("waiting for QEMU", "run this again")?;
            if ended.is_some() {
                return Ok(());
            }
            thread::sleep(POLL);
        }
        eprintln!("the guest did not end in {} s", DEADLINE.as_secs());
        Ok(())
    }
}

impl Drop for Guest {
    fn drop(&mut self) {
        let _ended_already = self.0.kill();
        let _reaped_already = self.0.wait();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_guest_has_no_network() {
        let mut command = Command::new("qemu");
        describe(&mut command, Path::new("/k"), Path::new("/i"));
        let arguments: Vec<_> = command.get_args().collect();
        assert!(arguments.contains(&"-nodefaults".as_ref()));
        let network = |word: &&&std::ffi::OsStr| {
            ["-nic", "-net", "-netdev", "-device"].iter().any(|option| ***word == **option)
        };
        assert_eq!(arguments.iter().find(network), None);
    }
}
