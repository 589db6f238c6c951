//! Try the agent on this machine: start it, watch it, and leave nothing in the kernel.

use std::{
    fs::{self, File},
    os::unix::net::UnixStream,
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
    thread,
    time::{Duration, Instant},
};

use nix::unistd::geteuid;

use crate::{
    bpf, cargo,
    failure::{Failure, OrFail, Result},
    interrupt,
    layout::{self, Layout},
    step,
};

const BPFFS: &str = "/sys/fs/bpf/vpnmon-run";
const START_DEADLINE: Duration = Duration::from_secs(20);
const STOP_DEADLINE: Duration = Duration::from_secs(10);
const POLL: Duration = Duration::from_millis(50);

/// The files of one trial run, all under `target/run`.
struct Trial {
    agent: PathBuf,
    config: PathBuf,
    state: PathBuf,
    socket: PathBuf,
    log: PathBuf,
}

/// Builds, then runs agent and live view until Ctrl-C.
pub fn run(layout: &Layout, agent_args: &[String]) -> Result<()> {
    if !geteuid().is_root() {
        let why = "loading programs into the kernel needs root";
        return Err(Failure::new("run", why, "run `sudo -E env PATH=\"$PATH\" cargo xtask run`"));
    }
    bpf::build(layout)?;
    cargo::build_agent(layout, cargo::Profile::Release)?;
    let trial = Trial::prepare(layout)?;
    eprintln!("run: sets no limit and changes no account by itself; Ctrl-C stops it");
    let mut agent = trial.start(agent_args)?;
    let watched = trial.wait_ready(&mut agent).and_then(|()| trial.watch(&mut agent));
    let stopped = trial.stop(&mut agent);
    let detached = trial.detach();
    eprintln!("run: the state files are in {}", trial.state.display());
    watched.and(stopped).and(detached)
}

impl Trial {
    fn prepare(layout: &Layout) -> Result<Self> {
        let dir = layout.target.join("run");
        let trial = Self {
            agent: layout.agent("release"),
            config: dir.join("config.toml"),
            state: dir.join("state"),
            socket: dir.join("agent.sock"),
            log: dir.join("agent.log"),
        };
        if trial.answers() {
            let why = format!("another agent answers on {}", trial.socket.display());
            return Err(Failure::new("run", why, "end the other `cargo xtask run` first"));
        }
        layout::make_dir(&trial.state)?;
        fs::write(&trial.config, trial.config_text())
            .or_fail(format!("writing {}", trial.config.display()), "check its permissions")?;
        Ok(trial)
    }

    fn config_text(&self) -> String {
        let (state, socket) = (toml_string(&self.state), toml_string(&self.socket));
        format!("[agent]\nstate_dir = {state}\nsocket = {socket}\nbpffs = \"{BPFFS}\"\n")
    }

    fn command(&self, subcommand: &str) -> Command {
        let mut command = Command::new(&self.agent);
        command.arg("--config").arg(&self.config).arg(subcommand);
        // These would overrule the file, and point this trial at an installed agent's state.
        for name in ["VPNMON_CONFIG", "VPNMON_STATE_DIR", "VPNMON_SOCKET"] {
            command.env_remove(name);
        }
        command
    }

    fn start(&self, agent_args: &[String]) -> Result<Child> {
        let log = File::create(&self.log)
            .or_fail(format!("writing {}", self.log.display()), "check its permissions")?;
        let mut command = self.command("run");
        command.args(agent_args).stdin(Stdio::null()).stderr(log);
        command.spawn().or_fail("starting the agent", "run `cargo xtask build`")
    }

    fn answers(&self) -> bool {
        UnixStream::connect(&self.socket).is_ok()
    }

    fn wait_ready(&self, agent: &mut Child) -> Result<()> {
        let started = Instant::now();
        while !interrupt::requested() {
            if let Some(status) = ended(agent)? {
                return Err(self.died(status, "starting the agent"));
            }
            if self.answers() {
                return Ok(());
            }
            if started.elapsed() > START_DEADLINE {
                step::show_tail(&self.log);
                let why = format!("no answer on its socket in {} s", START_DEADLINE.as_secs());
                return Err(Failure::new("starting the agent", why, self.see_log()));
            }
            thread::sleep(POLL);
        }
        Ok(())
    }

    /// The live view in the foreground, until it, the agent or the user ends it.
    fn watch(&self, agent: &mut Child) -> Result<()> {
        if interrupt::requested() {
            return Ok(());
        }
        let mut command = self.command("status");
        let mut view = command.arg("--watch").spawn().or_fail("watching", "run it by hand")?;
        let result = self.follow(agent, &mut view);
        step::terminate(&view);
        reap(&mut view)?;
        result
    }

    fn follow(&self, agent: &mut Child, view: &mut Child) -> Result<()> {
        // A Ctrl-C on the terminal reaches all three of us, in any order.
        loop {
            let (agent, view) = (ended(agent)?, ended(view)?);
            if agent.is_some() || view.is_some() {
                thread::sleep(POLL);
            }
            match (interrupt::requested(), agent, view) {
                (true, ..) => return Ok(()),
                (false, Some(status), _) => return Err(self.died(status, "running the agent")),
                (false, None, Some(status)) if status.success() => return Ok(()),
                (false, None, Some(status)) => {
                    let why = format!("`vpnmon-agent status --watch` ended with {status}");
                    return Err(Failure::new("watching", why, self.see_log()));
                }
                (false, None, None) => thread::sleep(POLL),
            }
        }
    }

    fn stop(&self, agent: &mut Child) -> Result<()> {
        if ended(agent)?.is_none() {
            step::terminate(agent);
        }
        if reap(agent)? {
            return Ok(());
        }
        let why = format!("still there {} s after SIGTERM, killed", STOP_DEADLINE.as_secs());
        Err(Failure::new("stopping the agent", why, self.see_log()))
    }

    fn detach(&self) -> Result<()> {
        let next =
            format!("run `{} --config {} detach`", self.agent.display(), self.config.display());
        let status = self.command("detach").status().or_fail("detaching", &next)?;
        if status.success() {
            return Ok(());
        }
        Err(Failure::new("detaching", format!("vpnmon-agent detach ended with {status}"), next))
    }

    fn died(&self, status: ExitStatus, what: &str) -> Failure {
        step::show_tail(&self.log);
        let code = status.code().and_then(|code| u8::try_from(code).ok()).filter(|code| *code > 0);
        let failure = Failure::new(what, format!("it ended with {status}"), self.see_log());
        failure.with_code(code.unwrap_or(1))
    }

    fn see_log(&self) -> String {
        format!("all it said is in {}", self.log.display())
    }
}

fn ended(child: &mut Child) -> Result<Option<ExitStatus>> {
    child.try_wait().or_fail("waiting for a child", "run the command again")
}

/// Waits for a child that was told to end; false if it had to be killed.
fn reap(child: &mut Child) -> Result<bool> {
    let told = Instant::now();
    while told.elapsed() < STOP_DEADLINE {
        if ended(child)?.is_some() {
            return Ok(true);
        }
        thread::sleep(POLL);
    }
    child.kill().or_fail("killing a child", "kill it by hand")?;
    child.wait().or_fail("waiting for a child", "run the command again")?;
    Ok(false)
}

fn toml_string(path: &Path) -> String {
    let text = path.display().to_string();
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_quoted_for_toml() {
        assert_eq!(toml_string(Path::new("/a b/c")), "\"/a b/c\"");
        assert_eq!(toml_string(Path::new("/a\"\\")), "\"/a\\\"\\\\\"");
    }
}
