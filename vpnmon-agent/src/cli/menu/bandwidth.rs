//! The menu of users, usage and limits.

use super::{Result, SERVICE, Then, talk::Talk};
use crate::escape::escaped;

const CHOICES: &str = "\
BANDWIDTH
  1  Show all users, usage, limits
  2  Show one user
  3  Set a limit
  4  Remove a limit
  5  Reset one user (renew)
  6  Reset all users
  7  Disable a user
  8  Enable a user
  9  Service status
 10  Real-time monitor
  0  Leave
";

/// Talks until the choice is to leave.
pub fn menu(talk: &mut Talk<'_>) -> Result<()> {
    talk.again_and_again(CHOICES, |talk, choice| {
        match choice {
            "1" => talk.run(&["status"])?,
            "2" => about_user(talk, |talk, user| talk.run(&["status", "--", user]))?,
            "3" => about_user(talk, set_limit)?,
            "4" => about_user(talk, |talk, user| {
                let question = format!("Remove all limits of {}?", escaped(user));
                talk.run_if_sure(&question, &["limit", "remove", "--", user])
            })?,
            "5" => about_user(talk, |talk, user| {
                let question = format!("Set the usage of {} to 0?", escaped(user));
                talk.run_if_sure(&question, &["reset", "--", user])
            })?,
            "6" => talk.run_if_sure("Set the usage of ALL users to 0?", &["reset", "--all"])?,
            "7" => about_user(talk, |talk, user| {
                let question = format!("Disable {} and end what it has open?", escaped(user));
                talk.run_if_sure(&question, &["disable", "--", user])
            })?,
            "8" => about_user(talk, |talk, user| talk.run(&["enable", "--", user]))?,
            "9" => talk.run(&[SERVICE])?,
            "10" => talk.watch(&["top"], &["status"])?,
            _ => talk.no_such_choice()?,
        }
        Ok(Then::Again)
    })
}

fn about_user(
    talk: &mut Talk<'_>,
    act: impl FnOnce(&mut Talk<'_>, &str) -> Result<()>,
) -> Result<()> {
    match talk.ask_for("User")? {
        Some(user) => act(talk, &user),
        None => Ok(()),
    }
}

fn set_limit(talk: &mut Talk<'_>, user: &str) -> Result<()> {
    match talk.ask_for("Limit in MB, or such as 50GB; 0 is unlimited")? {
        Some(size) => talk.run(&["limit", "set", "--", user, &size]),
        None => Ok(()),
    }
}
