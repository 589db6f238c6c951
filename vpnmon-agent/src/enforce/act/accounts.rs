//! Users of the machine: read from their files, changed by the programs that know their locks.

use std::{collections::BTreeSet, fs};

use super::command::run;
use crate::{
    enforce::{
        account::{Account, Change},
        system::Reason,
    },
    sources::users::PASSWD,
    users::Users,
};

const SHADOW: &str = "/etc/shadow";
/// userdel(8): the user does not exist.
const NO_SUCH_USER: i32 = 6;
/// userdel(8): the user has processes.
const BUSY: i32 = 8;

/// The user of this name.
pub fn account(name: &str) -> Result<Option<Account>, Reason> {
    let passwd = whole_passwd()?;
    // Without shadow passwords there is no expiry; then passwd has all there is.
    let shadow = match fs::read(SHADOW) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            return Err(format!("cannot read {SHADOW}: {error}"));
        }
        shadow => shadow.unwrap_or_default(),
    };
    Ok(Account::find(name, &passwd, &shadow))
}

/// Whose uid this is.
pub fn name_of(uid: u32) -> Result<Option<String>, Reason> {
    let users = Users::parse(&whole_passwd()?, (0, u32::MAX));
    let name = users.key(uid).name;
    Ok((users.uid(&name) == Some(uid)).then_some(name))
}

/// A file that is being written must not look as if all users were gone.
fn whole_passwd() -> Result<Vec<u8>, Reason> {
    let text = fs::read(PASSWD).map_err(|error| format!("cannot read {PASSWD}: {error}"))?;
    if Users::parse(&text, (0, u32::MAX)).is_whole() {
        Ok(text)
    } else {
        Err(format!("{PASSWD} has no uid 0: somebody is writing it"))
    }
}

/// Changes a user's lines in passwd and shadow.
pub fn change(name: &str, change: &Change) -> Result<(), Reason> {
    let mut arguments = change.arguments();
    arguments.extend(["--", name]);
    run("usermod", &arguments).map_err(|(_, why)| why)
}

/// Removes a user whose belongings are gone already; not its home, which was dealt with.
pub fn remove(name: &str, uid: u32) -> Result<(), Reason> {
    let removed = match run("userdel", &["--", name]) {
        // Only what is waiting to be reaped is left of its processes. By force, userdel would take
        // a group of the user's name along, whoever else is in it.
        Err((Some(BUSY), _)) if is_idle(uid) && !shares_group(name)? => {
            run("userdel", &["-f", "--", name])
        }
        removed => removed,
    };
    match removed {
        Ok(()) | Err((Some(NO_SUCH_USER), _)) => Ok(()),
        Err((_, why)) => Err(why),
    }
}

fn is_idle(uid: u32) -> bool {
    super::processes::of(uid, &BTreeSet::new()).is_empty()
}

/// Whether the group of the user is another user's too.
fn shares_group(name: &str) -> Result<bool, Reason> {
    let passwd = whole_passwd()?;
    let lines = passwd.split(|byte| *byte == b'\n');
    let groups: Vec<_> = lines
        .filter_map(|line| {
            let mut fields = line.split(|byte| *byte == b':');
            Some((fields.next()?, fields.nth(2)?))
        })
        .collect();
    let own = groups.iter().find(|(user, _)| *user == name.as_bytes()).map(|(_, gid)| *gid);
    Ok(groups.iter().any(|(user, gid)| Some(*gid) == own && *user != name.as_bytes()))
}
