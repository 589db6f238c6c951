use std::{fs, os::fd::AsRawFd as _, path::PathBuf};

use tempfile::TempDir;

use super::*;
use crate::config::Config;

const CONFIG: &str = r#"{"inbounds": [ # the panel's
{"tag": "in", "protocol": "vless", "settings": {"clients": [
{"id": "u0"
#vls bob 2026-01-31
},{"id": "u1", "email": "bob"
#vls al 2026-01-31
},{"id": "u2", "email": "al"
}]}}]}
"#;

fn settings(dir: &TempDir) -> Settings {
    let mut config = Config::default();
    config.agent.state_dir = dir.path().join("state");
    config.xray.config = dir.path().join("config.json");
    fs::create_dir_all(&config.agent.state_dir).unwrap();
    Settings::new(&config)
}

fn editor(settings: &Settings, test: Test) -> Editor {
    let (excerpts, problem) = kept(settings, 7);
    assert_eq!(problem, None);
    Editor { test, ..Editor::new(settings, excerpts, Excerpts::default()) }
}

fn wanted(out: &[&str]) -> Wanted {
    Wanted { out: out.iter().map(|it| (*it).to_owned()).collect(), server: None }
}

/// What is called so beside an open file.
fn beside(file: &File, name: &str) -> PathBuf {
    let path = fs::read_link(format!("/proc/self/fd/{}", file.as_raw_fd())).unwrap();
    path.with_file_name(name)
}

fn config(dir: &TempDir) -> String {
    fs::read_to_string(dir.path().join("config.json")).unwrap()
}

#[test]
fn a_user_goes_and_comes_back_over_restarts() {
    let dir = tempfile::tempdir().unwrap();
    let settings = settings(&dir);
    fs::write(&settings.config, CONFIG).unwrap();
    assert_eq!(editor(&settings, |_, _, _| Ok(())).pass(&wanted(&["bob"])), []);
    assert!(!config(&dir).contains("bob") && config(&dir).contains("#vls al"));
    assert_eq!(editor(&settings, |_, _, _| Ok(())).pass(&wanted(&["al"])), []);
    assert!(config(&dir).contains("#vls bob") && !config(&dir).contains("al "));
    assert_eq!(editor(&settings, |_, _, _| Ok(())).pass(&wanted(&[])), []);
    assert_eq!(config(&dir), CONFIG);
}

#[test]
fn a_refusal_leaves_all_as_it_was() {
    let dir = tempfile::tempdir().unwrap();
    let settings = settings(&dir);
    fs::write(&settings.config, CONFIG).unwrap();
    let mut editor = editor(&settings, |_, _, _| Err("no".to_owned()));
    let refused = editor.pass(&wanted(&["bob"]));
    assert_eq!(refused[0].0, "bob");
    assert!(refused[0].1.contains("config.json is left as it was: it cannot be tested: no"));
    assert_eq!(config(&dir), CONFIG);
    assert_eq!(kept(&settings, 7), (Vec::new(), None));
    // Nothing is to be done for who is not there.
    assert_eq!(editor.pass(&wanted(&["eve"])), []);
}

#[test]
fn no_crash_loses_or_doubles_anybody() {
    // Keeps what a crash before the config is replaced would leave in the state directory.
    let crash: Test = |config, _, _| {
        let state = beside(&config, "state");
        fs::copy(state.join("xray-excerpts.json"), state.join("crashed")).unwrap();
        Ok(())
    };
    // What was out before, what is to be out then.
    for (before, after) in
        [(&[][..], &["bob"][..]), (&["bob", "al"], &["al"]), (&["al"], &["bob"]), (&["bob"], &[])]
    {
        for is_replaced in [false, true] {
            let dir = tempfile::tempdir().unwrap();
            let settings = settings(&dir);
            fs::write(&settings.config, CONFIG).unwrap();
            assert_eq!(editor(&settings, |_, _, _| Ok(())).pass(&wanted(before)), []);
            let earlier = config(&dir);
            assert_eq!(editor(&settings, crash).pass(&wanted(after)), []);
            let state = &settings.state_dir;
            fs::rename(state.join("crashed"), state.join("xray-excerpts.json")).unwrap();
            if !is_replaced {
                fs::write(&settings.config, earlier).unwrap();
            }
            for out in [after, &["bob"], &[]] {
                assert_eq!(editor(&settings, |_, _, _| Ok(())).pass(&wanted(out)), []);
                let shown = config(&dir);
                for name in ["bob", "al"] {
                    let count = shown.matches(&format!("\"{name}\"")).count();
                    assert_eq!(count, usize::from(!out.contains(&name)), "{name}: {shown}");
                }
            }
            assert_eq!(config(&dir), CONFIG);
        }
    }
}

#[test]
fn others_who_write_at_the_same_time_are_taken_along() {
    let dir = tempfile::tempdir().unwrap();
    let settings = settings(&dir);
    fs::write(&settings.config, CONFIG).unwrap();
    // A panel that adds a user while the edit is tested, the first time.
    let panel: Test = |config, _, _| {
        let path = beside(&config, "config.json");
        let text = fs::read_to_string(&path).unwrap();
        if !text.contains("eve") {
            let eve = "#vls eve 2026-01-31\n},{\"id\": \"u3\", \"email\": \"eve\"\n";
            let text = text.replace("#vls bob", &format!("{eve}#vls bob"));
            fs::write(&path, text).unwrap();
        }
        Ok(())
    };
    assert_eq!(editor(&settings, panel).pass(&wanted(&["bob"])), []);
    assert!(config(&dir).contains("#vls eve") && !config(&dir).contains("bob"));
}
