//! `top` and `menu` in a real terminal, on an agent with accounts that stand still.

#![expect(clippy::expect_used, reason = "a test fails by panicking, its parts too")]

use std::{
    env, fs,
    io::Write as _,
    process::{Command, Stdio},
};

use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use vpnmon_agent::seam::FullScreen;
use vpnmon_tests::{
    agent::Agent,
    home::Home,
    machine::Machine,
    tmux::Tmux,
    wait::{SOON, equal, wait_for},
};

const MIB: u64 = 1 << 20;

/// Name, usage and limits in MiB: in all and a day.
const PEOPLE: [(&str, u64, u64, u64); 4] =
    [("amy", 50, 1024, 0), ("ben", 1024, 1024, 0), ("cleo", 850, 1000, 500), ("dan", 0, 0, 0)];

/// A home whose accounts no traffic changes.
fn home() -> Home {
    let home = Home::new("[xray]\nenabled = false");
    let dir = home.state_dir().join("usage");
    fs::create_dir_all(&dir).expect("the usage directory");
    for (name, used, total, daily) in PEOPLE {
        let (used, total, daily) = (used * MIB, total * MIB, daily * MIB);
        let file = format!(
            "{{\"username\":\"{name}\",\"daily_usage\":0,\"total_usage\":{used},\
             \"daily_limit\":{daily},\"total_limit\":{total},\"last_reset\":\"2026-11-01\",\
             \"last_update\":1793534400,\"baseline_usage\":{used},\"last_stats\":0,\
             \"service\":\"vless\",\"uplink\":{used},\"downlink\":{used},\"mark\":0,\
             \"epoch\":\"\"}}\n"
        );
        fs::write(dir.join(format!("{name}.json")), file).expect("a usage file");
    }
    home
}

fn top(home: &Home) -> String {
    home.command(&["top"]).join(" ")
}

/// The screen without what another moment or machine shows: the sums, and what is degraded.
fn steady(screen: &str) -> String {
    let lines = screen.lines().skip(2).filter(|line| !line.starts_with("degraded"));
    let lines: Vec<_> = lines.map(str::trim_end).collect();
    let rows = lines.iter().rposition(|line| !line.is_empty()).unwrap_or_default();
    let keys = lines[rows];
    let body = lines[..rows].join("\n");
    format!("{}\n\n{keys}\n", body.trim_end())
}

/// Walks through the screens and compares each with the one that was judged right.
fn screens_at(columns: u16, lines: u16) {
    let _machine = Machine::take();
    let home = home();
    let _agent = Agent::start(&home);
    for host in ["bug.example.org", "www.example.net"] {
        let added = home.agent(&["hosts", "add", host, "--service", "VLESS"]);
        assert_eq!(added.code, 0, "{added:?}");
    }
    let tmux = Tmux::new(columns, lines);
    tmux.line(&top(&home));
    tmux.until("top", |screen| screen.contains("1 Accounts"));
    let check = |name: &str, keys: &[&str], is_due: &dyn Fn(&str) -> bool| {
        tmux.press(keys);
        let screen = tmux.until(name, is_due);
        insta::assert_snapshot!(format!("{name}-{columns}x{lines}"), steady(&screen));
    };
    check("accounts", &["s", "S", "/", "v", "l", "e", "s", "s", "Enter"], &|screen| {
        screen.contains("find vless: 4") && screen.contains("s sort")
    });
    check("by-state", &["s"], &|screen| screen.contains("by state"));
    check("account", &["Down", "Enter"], &|screen| screen.contains("SESSIONS 0"));
    // What the machine's own users do has a row, which no two runs have alike.
    check("hosts", &["2", "s", "/", "e", "x", "a", "m", "p", "l", "e", "Enter"], &|screen| {
        screen.contains("find example: 2") && screen.contains("by count")
    });
    check("help", &["?"], &|screen| screen.contains("quit"));
    let colored = tmux.colored();
    assert!(colored.contains('\x1b'), "{colored}");
    tmux.press(&["q"]);
    tmux.until("the shell", |screen| !screen.contains("1 Accounts"));
}

#[test]
fn top_at_80x24() {
    screens_at(80, 24);
}

#[test]
fn top_at_200x50() {
    screens_at(200, 50);
}

/// The terminal's settings, as stty has them.
fn settings(tmux: &Tmux) -> String {
    tmux.shell("stty -g").1
}

fn in_top(tmux: &Tmux, command: &str) {
    tmux.line(command);
    tmux.until("top", |screen| screen.contains("q quit"));
    assert_eq!(tmux.modes(), (true, false));
}

/// The terminal is as before, and the shell can be typed into.
fn is_left(tmux: &Tmux, before: &str, what: &str) {
    wait_for(what, SOON, || equal(tmux.modes(), &(false, true)));
    assert_eq!(settings(tmux), before, "{what}");
}

#[test]
fn whatever_ends_top_leaves_the_terminal_as_it_was() {
    let _machine = Machine::take();
    let home = home();
    let _agent = Agent::start(&home);
    let tmux = Tmux::new(80, 24);
    let before = settings(&tmux);
    in_top(&tmux, &top(&home));
    tmux.press(&["q"]);
    is_left(&tmux, &before, "q");
    for signal in [Signal::SIGTERM, Signal::SIGINT, Signal::SIGHUP] {
        in_top(&tmux, &top(&home));
        for pid in tmux.children() {
            kill(Pid::from_raw(pid), signal).expect("a signal to top");
        }
        is_left(&tmux, &before, signal.as_str());
    }
    in_top(&tmux, &top(&home));
    tmux.press(&["C-z"]);
    is_left(&tmux, &before, "Ctrl-Z");
    in_top(&tmux, "fg");
    for lines in [12, 50] {
        tmux.resize(100, lines);
        tmux.until("the new size", |screen| {
            let last = screen.lines().last().unwrap_or_default();
            screen.lines().count() == usize::from(lines) && last.contains("q quit")
        });
    }
    tmux.press(&["C-c"]);
    is_left(&tmux, &before, "Ctrl-C");
    assert!(!tmux.screen().contains("1 Accounts"), "{}", tmux.screen());
}

/// Set for the run of this program that is to panic.
const PANIC: &str = "VPNMON_TEST_PANIC";

#[test]
fn a_panic_leaves_the_terminal_as_it_was() {
    if env::var_os(PANIC).is_some() {
        let _screen = FullScreen::enter().expect("a terminal");
        assert!(env::var_os(PANIC).is_none(), "on purpose");
    }
    let _machine = Machine::take();
    let tmux = Tmux::new(80, 24);
    let before = settings(&tmux);
    let program = env::current_exe().expect("this program");
    let test = "a_panic_leaves_the_terminal_as_it_was";
    tmux.line(&format!("{PANIC}=1 {} --exact {test} --nocapture", program.display()));
    tmux.until("the panic's words", |screen| screen.contains("on purpose"));
    is_left(&tmux, &before, "the panic");
}

#[test]
fn top_finds_its_agent_again() {
    let _machine = Machine::take();
    let home = home();
    let agent = Agent::start(&home);
    let tmux = Tmux::new(80, 24);
    in_top(&tmux, &top(&home));
    let _ = agent.terminate();
    tmux.until("the loss", |screen| {
        screen.contains("trying again: the agent is not running") && screen.contains("amy")
    });
    let _agent = Agent::start(&home);
    tmux.until("the return", |screen| screen.contains("the agent is back"));
    tmux.until("the keys", |screen| screen.contains("q quit"));
    tmux.press(&["q"]);
}

#[test]
fn top_without_an_agent_or_a_terminal_says_so() {
    let _machine = Machine::take();
    let home = home();
    assert_eq!(home.agent(&["top"]).code, 2);
    let tmux = Tmux::new(80, 24);
    let (code, out) = tmux.shell(&format!("script -qec '{}' /dev/null", top(&home)));
    assert_eq!(code, "3", "{out}");
    assert!(out.contains("the agent is not running"), "{out}");
}

#[test]
fn the_menus_in_a_terminal() {
    let _machine = Machine::take();
    let home = home();
    let _agent = Agent::start(&home);
    let tmux = Tmux::new(80, 24);
    tmux.line(&format!("clear; {}", home.command(&["menu"]).join(" ")));
    let asks = |screen: &str| screen.trim_end().ends_with("Choice:");
    let check = |name: &str, screen: &str| {
        // The command line above has paths of this run.
        let from = screen.find("VPNMON").unwrap_or_default();
        insta::assert_snapshot!(name, screen[from..].trim_end());
    };
    check("menu", &tmux.until("the menu", asks));
    tmux.line("1");
    check("menu-bandwidth", &tmux.until("bandwidth", |it| asks(it) && it.contains("10  Real")));
    tmux.press(&["C-l"]);
    tmux.line("5");
    tmux.until("a question", |screen| screen.trim_end().ends_with("User:"));
    tmux.line("amy");
    tmux.until("a doubt", |screen| screen.trim_end().ends_with("[y/N]"));
    tmux.line("");
    tmux.until("no change", |screen| screen.contains("Nothing is changed."));
    assert_eq!(home.status().account("vless", "amy").total_usage, 50 * MIB);
    tmux.line("10");
    tmux.until("top", |screen| screen.contains("q quit"));
    tmux.press(&["q"]);
    tmux.until("the menu's pause", |screen| screen.trim_end().ends_with("Enter goes on"));
    tmux.line("");
    tmux.until("bandwidth", asks);
    tmux.line("0");
    tmux.line("2");
    tmux.until("hosts", |screen| asks(screen) && screen.contains("CAPTURED HOSTS"));
    tmux.line("q");
    tmux.line("q");
    wait_for("the end of the menu", SOON, || equal(tmux.children(), &vec![]));
}

/// What the menu says to these lines.
fn piped(home: &Home, args: &[&str], input: &str) -> String {
    let command = home.command(args);
    let mut child = Command::new(&command[0]);
    child.args(&command[1..]).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = child.spawn().expect("the menu");
    let mut stdin = child.stdin.take().expect("its input");
    stdin.write_all(input.as_bytes()).expect("input is taken");
    drop(stdin);
    let output = child.wait_with_output().expect("its end");
    assert!(output.status.success(), "{output:?}");
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}

#[test]
fn a_menu_takes_a_pipe() {
    let _machine = Machine::take();
    let home = home();
    let _agent = Agent::start(&home);
    let usage = |name: &str| home.status().account("vless", name).total_usage;
    let said = piped(&home, &["menu", "bandwidth"], "3\namy\n2GB\n5\nben\ny\n5\ncleo\n\n");
    assert!(said.contains("limits of vless:amy are changed"), "{said}");
    assert_eq!(home.status().account("vless", "amy").total_limit, 2048 * MIB);
    assert_eq!(usage("ben"), 0);
    assert_eq!(usage("cleo"), 850 * MIB);
    let said = piped(&home, &["menu", "bandwidth"], "2\nnobody\n3\namy\n5X\n");
    assert!(
        said.contains("no account \"nobody\"") && said.contains("invalid value '5X'"),
        "{said}"
    );
    let said =
        piped(&home, &["menu", "hosts"], "3\nbug.example.org\n\n4\nbug.example.org\nn\n1\n0\n");
    assert!(said.contains("bug.example.org"), "{said}");
    let hosts = home.agent(&["hosts", "list"]);
    assert!(hosts.stdout.contains("bug.example.org"), "{hosts:?}");
}
