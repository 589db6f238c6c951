//! What a user can have on a machine besides a home: scheduled jobs, mail, lines of the old panel.

use std::{
    fs,
    os::unix::fs::chown,
    path::{Path, PathBuf},
};

use crate::user::TestUser;

/// A test's own file among the system crontabs.
const CRON_TABLE: &str = "/etc/cron.d/vpnmon-test";

/// All of it, for one user; whatever is left goes on drop, with the directories that were made.
#[derive(Debug)]
pub struct Belongings {
    /// Files that are the user's alone.
    pub files: Vec<PathBuf>,
    panel: Vec<(PathBuf, Option<Vec<u8>>)>,
    made: Vec<PathBuf>,
    name: String,
}

impl Belongings {
    /// Gives `user` one of each.
    #[must_use]
    pub fn of(user: &TestUser) -> Self {
        let name = user.name.clone();
        let mut all =
            Self { files: Vec::new(), panel: Vec::new(), made: Vec::new(), name: name.clone() };
        for path in [
            format!("/var/spool/cron/crontabs/{name}"),
            format!("/var/spool/cron/atjobs/a{}", user.uid),
            format!("/var/mail/{name}"),
            format!("/var/lib/systemd/linger/{name}"),
        ] {
            let path = PathBuf::from(path);
            all.write(&path, "@reboot /bin/true\n");
            chown(&path, Some(user.uid), None)
                .unwrap_or_else(|e| panic!("{}: {e}", path.display()));
            all.files.push(path);
        }
        all.write(
            Path::new(CRON_TABLE),
            &format!("# {name}\n* * * * * {name} x\n@daily root {name}\n"),
        );
        for (file, line) in [
            ("bw-limit.conf", format!("{name} 5 ssh\n{name}x 5 ssh\n")),
            ("bw-usage.conf", format!("{name}x 7\n{name} 7\n")),
            ("bw-last-stats.conf", format!("{name} 7\n")),
            ("bw-disabled.conf", format!("{name} ssh 2026-01-01\n")),
        ] {
            let path = Path::new("/etc/xray").join(file);
            let before = fs::read(&path).ok();
            let text = [before.clone().unwrap_or_default(), line.into_bytes()].concat();
            all.panel.push((path.clone(), before));
            all.write(&path, &String::from_utf8_lossy(&text));
        }
        all
    }

    /// What is still there of the user.
    #[must_use]
    pub fn left(&self) -> Vec<String> {
        let files = self.files.iter().filter(|path| fs::symlink_metadata(path).is_ok());
        let mut left: Vec<_> = files.map(|path| path.display().to_string()).collect();
        let first = format!("{} ", self.name);
        for (path, _) in &self.panel {
            let text = fs::read_to_string(path).unwrap_or_default();
            left.extend(text.lines().filter(|line| line.starts_with(&first)).map(str::to_owned));
        }
        let cron = fs::read_to_string(CRON_TABLE).unwrap_or_default();
        let runs = format!("* * * * * {} x", self.name);
        left.extend(cron.lines().filter(|line| *line == runs).map(str::to_owned));
        left
    }

    /// That lines which only mention the user, or are about another one, are as they were.
    pub fn others_stay(&self) {
        let name = &self.name;
        let cron = fs::read_to_string(CRON_TABLE).unwrap_or_default();
        assert_eq!(cron, format!("# {name}\n@daily root {name}\n"));
        for (file, line) in [(0, format!("{name}x 5 ssh")), (1, format!("{name}x 7"))] {
            let text = fs::read_to_string(&self.panel[file].0).unwrap_or_default();
            assert!(text.lines().any(|it| it == line), "{line} in {text}");
        }
    }

    fn write(&mut self, path: &Path, text: &str) {
        let dir = path.parent().unwrap_or(Path::new("/"));
        let missing: Vec<_> = dir.ancestors().take_while(|dir| !dir.exists()).collect();
        self.made.extend(missing.into_iter().map(Path::to_owned));
        fs::create_dir_all(dir).unwrap_or_else(|e| panic!("{}: {e}", dir.display()));
        fs::write(path, text).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    }
}

impl Drop for Belongings {
    fn drop(&mut self) {
        for path in self.files.iter().map(PathBuf::as_path).chain([Path::new(CRON_TABLE)]) {
            let _ = fs::remove_file(path);
        }
        for (path, before) in &self.panel {
            let _ = match before {
                Some(text) => fs::write(path, text),
                None => fs::remove_file(path),
            };
        }
        // The deepest first; one that somebody else has begun to use stays.
        self.made.sort_by_key(|dir| std::cmp::Reverse(dir.components().count()));
        for dir in &self.made {
            let _ = fs::remove_dir(dir);
        }
    }
}
