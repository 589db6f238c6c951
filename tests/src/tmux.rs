//! A terminal of a fixed size with a shell in it, and what is on its screen.

use std::{fs, path::PathBuf};

use tempfile::TempDir;

use crate::{
    process::{outcome, run},
    wait::{SOON, wait_for},
};

/// What the shell asks with when it waits for a command.
const PROMPT: &str = "prompt> ";

/// The terminal; its shell and what that started are killed on drop.
#[derive(Debug)]
pub struct Tmux {
    dir: TempDir,
}

impl Tmux {
    /// Of so many columns and lines; no settings of the machine have a part in it.
    #[must_use]
    pub fn new(columns: u16, lines: u16) -> Self {
        let dir = TempDir::with_prefix("vpnmon-tmux-").unwrap_or_else(|e| panic!("tmux: {e}"));
        let tmux = Self { dir };
        let (columns, lines) = (columns.to_string(), lines.to_string());
        let shell = format!("env -u NO_COLOR TZ=UTC LC_ALL=C.UTF-8 PS1='{PROMPT}' sh -i");
        tmux.tmux(&["-f", "/dev/null", "new-session", "-d", "-x", &columns, "-y", &lines, &shell]);
        tmux.until("the shell", |screen| screen.contains(PROMPT.trim_end()));
        tmux
    }

    fn tmux(&self, args: &[&str]) -> String {
        let socket = self.socket().display().to_string();
        run("tmux", &[&["-u", "-S", &socket], args].concat())
    }

    fn socket(&self) -> PathBuf {
        self.dir.path().join("socket")
    }

    /// Presses keys, by tmux's names.
    pub fn press(&self, keys: &[&str]) {
        self.tmux(&[&["send-keys"], keys].concat());
    }

    /// Types a line and Enter.
    pub fn line(&self, text: &str) {
        self.tmux(&["send-keys", "-l", "--", text]);
        self.press(&["Enter"]);
    }

    /// Has the shell run `command` to its end; its exit code and its stdout.
    #[must_use]
    pub fn shell(&self, command: &str) -> (String, String) {
        let (out, code) = (self.dir.path().join("out"), self.dir.path().join("code"));
        let _ = fs::remove_file(&code);
        self.line(&format!(
            "{command} >{}; echo $? >{code}.new; mv {code}.new {code}",
            out.display(),
            code = code.display()
        ));
        let read = |file: &PathBuf| fs::read_to_string(file).map_err(|e| e.to_string());
        let code = wait_for(command, SOON, || read(&code));
        let out = read(&out).unwrap_or_else(|e| panic!("{command}: {e}"));
        (code.trim().to_owned(), out)
    }

    /// What is on the screen, without the blanks at the ends of lines.
    #[must_use]
    pub fn screen(&self) -> String {
        self.tmux(&["capture-pane", "-p"])
    }

    /// The same with the sequences for colours.
    #[must_use]
    pub fn colored(&self) -> String {
        self.tmux(&["capture-pane", "-p", "-e"])
    }

    /// Waits until the screen is as it should be.
    pub fn until(&self, what: &str, is_due: impl Fn(&str) -> bool) -> String {
        wait_for(what, SOON, || {
            let screen = self.screen();
            if is_due(&screen) { Ok(screen) } else { Err(format!("\n{screen}")) }
        })
    }

    /// Whether a program has the whole screen, and whether the cursor can be seen.
    #[must_use]
    pub fn modes(&self) -> (bool, bool) {
        let modes = self.tmux(&["display-message", "-p", "#{alternate_on} #{cursor_flag}"]);
        let (alternate, cursor) = modes.trim().split_once(' ').unwrap_or_default();
        (alternate == "1", cursor == "1")
    }

    /// Processes that the shell has started and that run.
    #[must_use]
    pub fn children(&self) -> Vec<i32> {
        let shell = self.tmux(&["display-message", "-p", "#{pane_pid}"]);
        let file = format!("/proc/{0}/task/{0}/children", shell.trim());
        let children = fs::read_to_string(file).unwrap_or_default();
        children.split_whitespace().filter_map(|pid| pid.parse().ok()).collect()
    }

    /// Changes the size.
    pub fn resize(&self, columns: u16, lines: u16) {
        let (columns, lines) = (columns.to_string(), lines.to_string());
        self.tmux(&["resize-window", "-x", &columns, "-y", &lines]);
    }
}

impl Drop for Tmux {
    fn drop(&mut self) {
        let socket = self.socket().display().to_string();
        let _ = outcome("tmux", &["-S", &socket, "kill-server"]);
    }
}
