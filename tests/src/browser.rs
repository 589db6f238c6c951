//! A real browser without a screen: pages are looked at as a person would see them.
//!
//! Debian's `chromium-headless-shell`, told what to do over a pipe (the DevTools protocol, one JSON
//! object a message, each ending in a NUL byte).

use std::{
    io::{BufRead, BufReader, Write},
    os::unix::process::CommandExt,
    path::Path,
    process::{Child, ChildStdin, Command, Stdio},
    sync::mpsc::{Receiver, channel},
    thread,
    time::{Duration, Instant},
};

use nix::{
    sys::signal::{Signal, killpg},
    unistd::Pid,
};
use serde_json::{Value, json};
use tempfile::TempDir;

/// A browser on a busy machine takes seconds to come up.
const PATIENCE: Duration = Duration::from_mins(1);
/// Its ends of the pipe are file descriptors 3 and 4.
const START: &str = "exec chromium-headless-shell \"$@\" 3<&0 4>&1 </dev/null >/dev/null 2>&1";

/// Running; ended with all its processes on drop.
#[derive(Debug)]
pub struct Browser {
    child: Child,
    orders: ChildStdin,
    messages: Receiver<Value>,
    next_id: u64,
    /// What pages have complained about.
    complaints: Vec<String>,
    _profile: TempDir,
}

/// How a page is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Look {
    /// CSS pixels.
    pub width: u32,
    /// Whether the person prefers dark pages.
    pub is_dark: bool,
}

/// An open page.
#[derive(Debug)]
pub struct Page<'a> {
    browser: &'a mut Browser,
    session: String,
}

impl Browser {
    /// Starts it.
    #[must_use]
    pub fn start() -> Self {
        let profile = TempDir::new().unwrap_or_else(|e| panic!("no directory: {e}"));
        let user_data = format!("--user-data-dir={}", profile.path().display());
        let mut command = Command::new("sh");
        command
            .args(["-c", START, "browser", "--remote-debugging-pipe", "--no-sandbox"])
            .args(["--disable-gpu", "--disable-background-networking", "--hide-scrollbars"])
            .args([user_data.as_str(), "about:blank"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .process_group(0);
        let mut child = command.spawn().unwrap_or_else(|e| panic!("cannot run a shell: {e}"));
        let (Some(orders), Some(said)) = (child.stdin.take(), child.stdout.take()) else {
            panic!("the browser has no pipes")
        };
        let (sender, messages) = channel();
        thread::spawn(move || {
            for message in BufReader::new(said).split(0).map_while(Result::ok) {
                let _nobody_waits = serde_json::from_slice(&message).map(|it| sender.send(it));
            }
        });
        let (next_id, complaints) = (1, Vec::new());
        Self { child, orders, messages, next_id, complaints, _profile: profile }
    }

    /// Opens a file and waits until it is shown.
    #[must_use]
    pub fn open(&mut self, file: &Path, look: Look) -> Page<'_> {
        let target = self.call(None, "Target.createTarget", &json!({"url": "about:blank"}));
        let attach = json!({"targetId": target["targetId"], "flatten": true});
        let attached = self.call(None, "Target.attachToTarget", &attach);
        let session = attached["sessionId"].as_str().unwrap_or_default().to_owned();
        let mut page = Page { browser: self, session };
        for domain in ["Page.enable", "Runtime.enable", "Log.enable"] {
            page.call(domain, &json!({}));
        }
        page.call("Page.setLifecycleEventsEnabled", &json!({"enabled": true}));
        let height = 900;
        let size =
            json!({"width": look.width, "height": height, "deviceScaleFactor": 1, "mobile": false});
        page.call("Emulation.setDeviceMetricsOverride", &size);
        let scheme = if look.is_dark { "dark" } else { "light" };
        let features = json!({"features": [{"name": "prefers-color-scheme", "value": scheme}]});
        page.call("Emulation.setEmulatedMedia", &features);
        let url = format!("file://{}", file.display());
        let went = page.call("Page.navigate", &json!({"url": url}));
        assert!(went["errorText"].is_null(), "{url}: {went}");
        // The blank page that was there before may tell of its end late.
        page.browser.wait(|message| {
            let params = &message["params"];
            message["method"] == "Page.lifecycleEvent"
                && (&params["name"], &params["loaderId"]) == (&json!("load"), &went["loaderId"])
        });
        page
    }

    fn call(&mut self, session: Option<&str>, method: &str, params: &Value) -> Value {
        let id = self.next_id;
        self.next_id += 1;
        let mut order = json!({"id": id, "method": method, "params": params});
        if let Some(session) = session {
            order["sessionId"] = json!(session);
        }
        let sent = self.orders.write_all(format!("{order}\0").as_bytes());
        sent.unwrap_or_else(|e| panic!("the browser is gone before {method}: {e}"));
        let mut answer = self.wait(|message| message["id"] == id);
        assert!(answer["error"].is_null(), "{method}: {answer}");
        answer["result"].take()
    }

    /// The next message that is `wanted`; notes complaints on the way.
    fn wait(&mut self, wanted: impl Fn(&Value) -> bool) -> Value {
        let started = Instant::now();
        loop {
            let left = PATIENCE.saturating_sub(started.elapsed());
            let message = self.messages.recv_timeout(left);
            let message = message.unwrap_or_else(|e| panic!("the browser says nothing: {e}"));
            if matches!(
                message["method"].as_str(),
                Some("Runtime.exceptionThrown" | "Log.entryAdded" | "Runtime.consoleAPICalled")
            ) {
                self.complaints.push(message["params"].to_string());
            }
            if wanted(&message) {
                return message;
            }
        }
    }
}

impl Page<'_> {
    fn call(&mut self, method: &str, params: &Value) -> Value {
        self.browser.call(Some(&self.session), method, params)
    }

    /// The value of an expression.
    #[must_use]
    pub fn value(&mut self, expression: &str) -> Value {
        let params = json!({"expression": expression, "returnByValue": true});
        let mut answer = self.call("Runtime.evaluate", &params);
        assert!(answer["exceptionDetails"].is_null(), "{expression}: {answer}");
        answer["result"]["value"].take()
    }

    /// A picture of all of it: PNG in base64.
    #[must_use]
    pub fn picture(&mut self) -> String {
        let params = json!({"format": "png", "captureBeyondViewport": true});
        let answer = self.call("Page.captureScreenshot", &params);
        answer["data"].as_str().unwrap_or_default().to_owned()
    }

    /// Errors and messages of the pages up to now.
    #[must_use]
    pub fn complaints(&self) -> &[String] {
        &self.browser.complaints
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        let _ended_already = killpg(Pid::from_raw(self.child.id().cast_signed()), Signal::SIGKILL);
        let _ = self.child.wait();
    }
}
