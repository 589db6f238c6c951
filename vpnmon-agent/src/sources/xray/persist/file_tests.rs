use std::os::unix::fs::symlink;

use tempfile::TempDir;

use super::*;

/// A directory with `config.json` that says `text`.
fn place(text: &str) -> (TempDir, PathBuf) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("config.json");
    fs::write(&path, text).unwrap();
    (dir, path)
}

fn names(dir: &TempDir) -> Vec<String> {
    let entries = fs::read_dir(dir.path()).unwrap();
    let mut names: Vec<_> =
        entries.map(|it| it.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[test]
fn everything_but_the_text_stays() {
    let (dir, path) = place("old");
    fs::set_permissions(&path, Permissions::from_mode(0o640)).unwrap();
    let attribute = fsetxattr(File::open(&path).unwrap(), "user.note", b"hi", XattrFlags::empty());
    let link = dir.path().join("link.json");
    symlink("config.json", &link).unwrap();
    let backup = ConfigFile::open(&link).unwrap().replace("new", |_| Ok(())).unwrap();
    assert_eq!(fs::read_link(&link).unwrap(), Path::new("config.json"));
    assert_eq!(fs::read_to_string(&path).unwrap(), "new");
    assert_eq!(fs::read_to_string(&backup).unwrap(), "old");
    for file in [&path, &backup] {
        let file = File::open(file).unwrap();
        assert_eq!(file.metadata().unwrap().mode() & 0o7777, 0o640);
        let mut value = [0; 2];
        let read = fgetxattr(&file, "user.note", &mut value[..]);
        // Not every file system has attributes.
        assert_eq!(read.is_ok(), attribute.is_ok());
        assert!(read.is_err() || &value == b"hi");
    }
    assert_eq!(names(&dir).len(), 3);
}

#[test]
fn backups_are_few() {
    let (dir, path) = place("0");
    for n in 1..9 {
        ConfigFile::open(&path).unwrap().replace(&n.to_string(), |_| Ok(())).unwrap();
    }
    let backups: Vec<_> = names(&dir).into_iter().filter(|name| name != "config.json").collect();
    assert_eq!(backups.len(), BACKUPS);
    let newest = fs::read_to_string(dir.path().join(backups.last().unwrap())).unwrap();
    assert_eq!(newest, "7");
}

#[test]
fn what_is_refused_changes_nothing() {
    let (dir, path) = place("old");
    let no = |_| Err("no".to_owned());
    let why = ConfigFile::open(&path).unwrap().replace("new", no).unwrap_err().to_string();
    assert_eq!(why, "it cannot be tested: no");
    let no_new = |mut file: File| match text(&mut file).unwrap().as_str() {
        "new" => Err("no".to_owned()),
        _ => Ok(()),
    };
    let why = ConfigFile::open(&path).unwrap().replace("new", no_new).unwrap_err().to_string();
    assert_eq!(why, "Xray does not take it without the user: no");
    assert_eq!((fs::read_to_string(&path).unwrap(), names(&dir).len()), ("old".to_owned(), 1));
}

#[test]
fn nobody_elses_change_is_lost() {
    let writes: [fn(&Path); 3] = [
        |path| fs::write(path, "panel").unwrap(),
        |path| {
            fs::write(path.with_extension("tmp"), "panel").unwrap();
            fs::rename(path.with_extension("tmp"), path).unwrap();
        },
        |path| {
            // Of the same length, within the same tick of the clock.
            fs::write(path, "odl").unwrap();
        },
    ];
    for write in writes {
        let (dir, path) = place("old");
        let file = ConfigFile::open(&path).unwrap();
        let meanwhile = |_| {
            write(&path);
            Ok(())
        };
        let done = file.replace("new", meanwhile);
        assert!(matches!(done, Err(Trouble::Changed)));
        assert_ne!(fs::read_to_string(&path).unwrap(), "new");
        assert_ne!(fs::read_to_string(&path).unwrap(), "old");
        assert_eq!(names(&dir).len(), 1);
    }
}

#[test]
fn who_has_locked_it_is_waited_for() {
    let (_dir, path) = place("old");
    let locked = File::open(&path).unwrap();
    locked.lock().unwrap();
    let file = ConfigFile::open(&path).unwrap();
    assert!(matches!(file.replace("new", |_| Ok(())), Err(Trouble::Changed)));
    drop(locked);
    ConfigFile::open(&path).unwrap().replace("new", |_| Ok(())).unwrap();
}

#[test]
fn odd_files_are_left_alone() {
    let (dir, path) = place("old");
    fs::hard_link(&path, dir.path().join("second")).unwrap();
    assert!(ConfigFile::open(&path).is_err());
    fs::write(dir.path().join("binary"), b"\xff").unwrap();
    assert!(ConfigFile::open(&dir.path().join("binary")).is_err());
    assert!(ConfigFile::open(dir.path()).is_err());
    assert!(ConfigFile::open(&dir.path().join("none")).is_err());
}
