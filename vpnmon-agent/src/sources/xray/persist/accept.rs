//! Has the server's own program say whether it would take a config.

use std::{
    fs::{self, File},
    io::{self, PipeReader, Read as _},
    os::unix::{
        ffi::OsStrExt as _,
        fs::{MetadataExt as _, PermissionsExt as _},
        process::CommandExt as _,
    },
    path::{Path, PathBuf},
    process::{Child, Command},
    sync::mpsc::{Receiver, channel},
    thread,
    time::{Duration, Instant},
};

use crate::sources::sessions::ProcRoot;

/// Some thousand users and the lists of domains take seconds on a small machine.
const PATIENCE: Duration = Duration::from_secs(30);
/// Between two looks whether it has ended.
const LOOK: Duration = Duration::from_millis(10);
/// Of what it says, the end is of interest.
const MAX_WORDS: usize = 400;
/// What tells the server where its lists of domains and addresses are.
const ENVIRONMENT: [&str; 2] = ["XRAY_", "V2RAY_"];

/// Whether the running server's program takes a config; its words, if not.
///
/// It is run as the server is: as its user, with its directory and environment, so that it finds what
/// the server finds, and makes no file that the server could not write.
pub fn accepts(
    config: File,
    server: Option<(u32, u64)>,
    binary: Option<&Path>,
) -> Result<(), String> {
    let none = "no Xray runs here whose program could test it";
    let (pid, start) = server.ok_or(none)?;
    let proc = PathBuf::from(format!("/proc/{pid}"));
    let link = |name: &str| fs::read_link(proc.join(name)).map_err(|_| none.to_owned());
    let program =
        binary.map_or_else(|| link("exe").map(|it| without_mark(&it)), |it| Ok(it.to_owned()))?;
    let (uid, gid) = owner(&proc).ok_or(none)?;
    let mut command = Command::new(&program);
    command.args(["-test", "-config", "stdin:"]).current_dir(link("cwd")?);
    command.env_clear().envs(environment(&proc)).uid(uid).gid(gid);
    // All that was read is of this process and no other.
    if ProcRoot::default().stat(pid).is_none_or(|it| it.start_time != start) {
        return Err(none.to_owned());
    }
    is_roots(&program)?;
    run(command, config).map_err(|why| format!("{}: {why}", program.display()))
}

/// The program of an earlier version may be gone from under its process.
fn without_mark(path: &Path) -> PathBuf {
    let path = path.to_string_lossy();
    PathBuf::from(path.strip_suffix(" (deleted)").unwrap_or(&path))
}

/// Only root's programs are run.
fn is_roots(program: &Path) -> Result<(), String> {
    let it = fs::metadata(program).map_err(|error| format!("{}: {error}", program.display()))?;
    if it.is_file() && it.uid() == 0 && it.permissions().mode() & 0o022 == 0 {
        return Ok(());
    }
    Err(format!("{} is not root's alone; name another in xray.binary", program.display()))
}

/// Effective user and group.
fn owner(proc: &Path) -> Option<(u32, u32)> {
    let status = fs::read_to_string(proc.join("status")).ok()?;
    let id = |key| {
        let line = status.lines().find_map(|line| line.strip_prefix(key))?;
        line.split_whitespace().nth(1)?.parse().ok()
    };
    Some((id("Uid:")?, id("Gid:")?))
}

fn environment(proc: &Path) -> Vec<(std::ffi::OsString, std::ffi::OsString)> {
    let all = fs::read(proc.join("environ")).unwrap_or_default();
    let ours = all.split(|byte| *byte == 0).filter_map(|line| {
        let name = String::from_utf8_lossy(line).to_uppercase().replace('.', "_");
        let at = line.iter().position(|byte| *byte == b'=')?;
        let is_ours = ENVIRONMENT.iter().any(|prefix| name.starts_with(prefix));
        let part = |part: &[u8]| std::ffi::OsStr::from_bytes(part).to_owned();
        is_ours.then(|| (part(&line[..at]), part(&line[at + 1..])))
    });
    ours.collect()
}

fn run(mut command: Command, config: File) -> Result<(), String> {
    let cannot = |error: io::Error| format!("cannot run it: {error}");
    let (words, out) = io::pipe().map_err(cannot)?;
    command.stdin(config).stdout(out.try_clone().map_err(cannot)?).stderr(out);
    let mut child = command.spawn().map_err(cannot)?;
    // Its ends of the pipe.
    drop(command);
    let words = listen(words);
    let is_fine = wait(&mut child)?;
    if is_fine {
        return Ok(());
    }
    let words = words.recv_timeout(LOOK * 100).unwrap_or_default();
    Err(format!("it says: {}", words.lines().last().unwrap_or_default().trim()))
}

fn wait(child: &mut Child) -> Result<bool, String> {
    let started = Instant::now();
    loop {
        match child.try_wait() {
            Ok(Some(status)) => return Ok(status.success()),
            Ok(None) if started.elapsed() < PATIENCE => thread::sleep(LOOK),
            Ok(None) => {
                let _ended_just_now = child.kill();
                let _reaped = child.wait();
                return Err(format!("it did not end within {PATIENCE:?}"));
            }
            Err(error) => return Err(format!("cannot wait for it: {error}")),
        }
    }
}

/// The end of what a program says. It is heard out, so that it never waits for us.
fn listen(mut pipe: PipeReader) -> Receiver<String> {
    let (tell, words) = channel();
    thread::spawn(move || {
        let (mut end, mut room) = (Vec::new(), [0; 4096]);
        while let Ok(count @ 1..) = pipe.read(&mut room) {
            end.extend_from_slice(&room[..count]);
            end.drain(..end.len().saturating_sub(MAX_WORDS));
        }
        let _nobody_waits = tell.send(String::from_utf8_lossy(end.trim_ascii_end()).into_owned());
    });
    words
}
