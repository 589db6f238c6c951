//! A Debian tree with systemd running in it, in namespaces of its own. It has this machine's
//! kernel; its network, cgroups and pins are its own.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};

use crate::{
    failure::{Failure, OrFail, Result},
    interrupt,
    layout::{self, Layout},
};

const BOOT: &str = include_str!("boot.sh");
const UNSHARE: [&str; 8] =
    ["unshare", "--mount", "--pid", "--net", "--uts", "--ipc", "--cgroup", "--fork"];
const BOOT_DEADLINE: Duration = Duration::from_mins(1);
const POLL: Duration = Duration::from_millis(100);

/// Ends with everything in it when it is dropped.
pub struct Machine {
    child: Child,
    init: i32,
    cgroup: PathBuf,
    root: PathBuf,
}

impl Machine {
    /// Boots `tree`, whose changes stay in memory; `layout` says where there is room for a mount.
    pub fn boot(layout: &Layout, tree: &Path) -> Result<Self> {
        let what = "booting the tree";
        let name = format!("vpnmon-package-{}", std::process::id());
        let cgroup = cgroup2()?.join(&name);
        let root = layout.target.join(&name);
        layout::make_dir(&root)?;
        fs::create_dir(&cgroup).or_fail(what, "run this as root")?;
        let log = layout.log("package-boot")?;
        let log = fs::File::create(&log).or_fail(what, "check permissions of target")?;
        let errors = log.try_clone().or_fail(what, "run this again")?;
        // The cgroup first: a namespace of cgroups begins where its maker is.
        let child = Command::new("sh")
            .args(["-c", "echo $$ >\"$0/cgroup.procs\"; exec \"$@\""])
            .arg(&cgroup)
            .args(UNSHARE)
            .args(["sh", "-c", BOOT, "boot"])
            .args([tree, &root])
            .stdin(Stdio::null())
            .stdout(log)
            .stderr(errors)
            .spawn()
            .or_fail(what, "install util-linux")?;
        let mut machine = Self { child, init: 0, cgroup, root };
        machine.wait_ready()?;
        Ok(machine)
    }

    fn wait_ready(&mut self) -> Result<()> {
        let started = Instant::now();
        let (what, next) = ("booting the tree", "see target/xtask-logs/package-boot.log");
        while started.elapsed() < BOOT_DEADLINE {
            interrupt::check(what)?;
            if let Some(status) = self.child.try_wait().or_fail(what, next)? {
                return Err(Failure::new(what, format!("it ended with {status}"), next));
            }
            self.init = only_child(self.child.id()).unwrap_or_default();
            if self.init != 0 && self.try_run("systemctl is-system-running").is_ok() {
                return Ok(());
            }
            thread::sleep(POLL);
        }
        let state = self.try_run("systemctl is-system-running; systemctl --failed --no-pager");
        let why = state.unwrap_or_else(|said| said);
        Err(Failure::new(what, format!("not up in {BOOT_DEADLINE:?}: {}", why.trim()), next))
    }

    /// What a line of shell says in the machine; its complaints are the error.
    pub fn run(&self, line: &str) -> Result<String> {
        interrupt::check(line)?;
        self.try_run(line)
            .map_err(|said| Failure::new(format!("`{line}`"), said.trim(), "see its log"))
    }

    /// The same for what may fail.
    pub fn try_run(&self, line: &str) -> std::result::Result<String, String> {
        let output = Command::new("nsenter")
            .args(["--all", "--target", &self.init.to_string(), "--", "env", "-i"])
            .args([
                "PATH=/usr/sbin:/usr/bin:/sbin:/bin",
                "LC_ALL=C",
                "DEBIAN_FRONTEND=noninteractive",
            ])
            .args(["sh", "-c", line])
            .current_dir("/")
            .stdin(Stdio::null())
            .output()
            .map_err(|error| error.to_string())?;
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let (stdout, stderr) = (text(&output.stdout), text(&output.stderr));
        if output.status.success() { Ok(stdout) } else { Err(stdout + &stderr) }
    }

    /// Runs a line again and again until `is_right` of what it says.
    pub fn wait(
        &self,
        line: &str,
        within: Duration,
        is_right: impl Fn(&str) -> bool,
    ) -> Result<String> {
        let started = Instant::now();
        loop {
            let said = self.try_run(line).unwrap_or_else(|said| said);
            if is_right(said.trim()) {
                return Ok(said);
            }
            interrupt::check(line)?;
            if started.elapsed() > within {
                let why = format!("after {within:?} it still says: {}", said.trim());
                return Err(Failure::new(format!("`{line}`"), why, "see its log"));
            }
            thread::sleep(POLL);
        }
    }

    /// What is attached where its cgroups begin, seen from outside.
    pub fn programs(&self) -> Result<String> {
        let what = "looking at the cgroup's programs";
        let mut command = Command::new("bpftool");
        let output = command.args(["cgroup", "show"]).arg(&self.cgroup).output();
        let output = output.or_fail(what, "install bpftool")?;
        Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
    }

    /// Copies a file in.
    pub fn put(&self, file: &Path, place: &str) -> Result<()> {
        let what = format!("copying {}", file.display());
        let bytes = fs::read(file).or_fail(&what, "build the package first")?;
        // Its root as seen from here.
        let place = format!("/proc/{}/root{place}", self.init);
        fs::write(place, bytes).or_fail(&what, "see target/xtask-logs/package-boot.log")
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        // The first process of a namespace takes all others along.
        if self.init != 0 {
            let _gone_already = kill(Pid::from_raw(self.init), Signal::SIGKILL);
        }
        let _gone_already = self.child.kill();
        let _reaped = self.child.wait();
        if let Err(error) = remove_cgroup(&self.cgroup) {
            eprintln!("xtask: removing {}: {error}; remove it by hand", self.cgroup.display());
        }
        let _only_if_empty = fs::remove_dir(&self.root);
    }
}

/// From the leaves up; a process that is just ending keeps its cgroup for a moment.
fn remove_cgroup(dir: &Path) -> std::io::Result<()> {
    for entry in fs::read_dir(dir)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            remove_cgroup(&entry.path())?;
        }
    }
    let started = Instant::now();
    loop {
        match fs::remove_dir(dir) {
            Err(error) if started.elapsed() > Duration::from_secs(10) => return Err(error),
            Err(_) => thread::sleep(POLL),
            Ok(()) => return Ok(()),
        }
    }
}

fn cgroup2() -> Result<PathBuf> {
    let what = "looking for cgroup2";
    let mounts = fs::read_to_string("/proc/mounts").or_fail(what, "mount /proc")?;
    let mut fields = mounts.lines().map(|line| line.split(' ').collect::<Vec<_>>());
    let found = fields.find(|fields| fields.get(2) == Some(&"cgroup2"));
    let place = found.and_then(|fields| fields.get(1).map(PathBuf::from));
    place.ok_or_else(|| {
        Failure::new(what, "it is not mounted", "run `mount -t cgroup2 none /mnt`, or the like")
    })
}

fn only_child(pid: u32) -> Option<i32> {
    let children = fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).ok()?;
    children.split_whitespace().next()?.parse().ok()
}
