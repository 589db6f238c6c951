//! The program that is run for each notice.

use std::{
    io::Write as _,
    os::unix::process::CommandExt as _,
    process::{Child, Command, ExitStatus, Stdio},
    thread,
    time::{Duration, Instant},
};

use nix::{
    sys::signal::{Signal, killpg},
    unistd::Pid,
};

use super::{notice::Notice, outlet::Failure};

/// Nothing tells of a child's end without a signal handler of the whole process.
const LOOK: Duration = Duration::from_millis(20);
const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// Runs `words` without a shell, in a process group of its own, with the notice on its stdin. All
/// that the environment holds of the event is a word of a closed list: names are users' choice. What
/// it writes to stderr goes where the agent's log goes.
pub fn run(
    words: &[String],
    notice: &Notice,
    timeout: Duration,
    is_over: &dyn Fn() -> bool,
) -> Result<(), Failure> {
    let Some((program, arguments)) = words.split_first() else { return Ok(()) };
    let spawned = Command::new(program)
        .args(arguments)
        .env_clear()
        .envs([("PATH", PATH), ("LANG", "C.UTF-8"), ("VPNMON_EVENT", notice.word)])
        .current_dir("/")
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .process_group(0)
        .spawn();
    let mut child =
        spawned.map_err(|error| Failure::later(format!("cannot run {program}: {error}")))?;
    if let Some(mut stdin) = child.stdin.take() {
        // A notice fits into the pipe. Who does not read it has decided so.
        let _not_read = stdin.write_all((notice.json() + "\n").as_bytes());
    }
    match end(&mut child, timeout, is_over) {
        Some(status) if status.success() => Ok(()),
        Some(status) => Err(Failure::later(format!("{program} ended with {status}"))),
        None => Err(Failure::later(format!(
            "{program} took longer than notify.timeout, {timeout:?}, and was killed"
        ))),
    }
}

/// Its end; `None` if it had to be killed, with all that it has started: it took too long, or the agent
/// stops.
fn end(child: &mut Child, timeout: Duration, is_over: &dyn Fn() -> bool) -> Option<ExitStatus> {
    let deadline = Instant::now() + timeout;
    while Instant::now() < deadline && !is_over() {
        match child.try_wait() {
            Ok(None) => thread::sleep(LOOK),
            Ok(Some(status)) => return Some(status),
            Err(_) => break,
        }
    }
    let group = i32::try_from(child.id()).map(Pid::from_raw);
    // It is not waited for yet, so the number is its own.
    let _gone = group.map(|group| killpg(group, Signal::SIGKILL));
    let _reaped = child.wait();
    None
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn run_script(script: &str, timeout: Duration) -> Result<(), Failure> {
        let words = ["/bin/sh", "-c", script].map(str::to_owned);
        run(&words, &Notice::test("h", "t"), timeout, &|| false)
    }

    #[test]
    fn gets_the_notice_and_an_environment_without_names() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("said").display().to_string();
        let script = format!("(cat; pwd; env | sort) > {file}");
        run_script(&script, Duration::from_secs(10)).unwrap();
        let said = fs::read_to_string(&file).unwrap();
        let (first, rest) = said.split_once('\n').unwrap();
        let object: serde_json::Value = serde_json::from_str(first).unwrap();
        assert_eq!((&object["event"], &object["host"]), (&"test".into(), &"h".into()));
        assert!(rest.starts_with("/\n") && rest.contains("VPNMON_EVENT=test\n"), "{said}");
        assert!(!rest.contains("CARGO"), "{said}");
    }

    #[test]
    fn a_failure_says_why() {
        let table = [("exit 3", "exit status: 3"), ("kill -9 $$", "signal: 9")];
        for (script, expected) in table {
            let failure = run_script(script, Duration::from_secs(10)).unwrap_err();
            assert!(failure.reason.contains(expected) && failure.is_worth_a_try(), "{failure:?}");
        }
        let words = ["/nowhere/tell".to_owned()];
        let failure =
            run(&words, &Notice::test("h", "t"), Duration::from_secs(1), &|| false).unwrap_err();
        assert!(failure.reason.starts_with("cannot run /nowhere/tell: "), "{failure:?}");
    }

    #[test]
    fn a_stop_waits_for_no_command() {
        let words = ["/bin/sleep", "1000"].map(str::to_owned);
        let began = Instant::now();
        let is_over = || began.elapsed() > Duration::from_millis(100);
        let notice = Notice::test("h", "t");
        assert!(run(&words, &notice, Duration::from_secs(1000), &is_over).is_err());
        assert!(began.elapsed() < Duration::from_secs(20));
    }

    #[test]
    fn what_hangs_is_killed_with_its_children() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("pid");
        let script = format!("sleep 1000 & echo $! > {}; wait", file.display());
        let began = Instant::now();
        let failure = run_script(&script, Duration::from_millis(500)).unwrap_err();
        assert!(failure.reason.ends_with("and was killed"), "{failure:?}");
        assert!(began.elapsed() < Duration::from_secs(20));
        let pid = fs::read_to_string(&file).unwrap();
        // Gone, or not yet reaped by init; on a busy machine a killed process takes a moment to be.
        let stat = format!("/proc/{}/stat", pid.trim());
        let is_over = || {
            let stat = fs::read_to_string(&stat).unwrap_or_default();
            stat.is_empty() || stat.contains(") Z ") || stat.contains(") X ")
        };
        while !is_over() && began.elapsed() < Duration::from_secs(20) {
            thread::sleep(LOOK);
        }
        assert!(is_over(), "it lives on");
    }
}
