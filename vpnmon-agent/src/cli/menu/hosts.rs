//! The menu of captured hosts.

use super::{Result, Then, talk::Talk};
use crate::escape::escaped;

const CHOICES: &str = "\
CAPTURED HOSTS
  1  View all hosts
  2  Scan for new hosts
  3  Add a host
  4  Remove a host
  5  Clear all hosts
  6  Capture on
  7  Capture off
  8  Real-time monitor (new ones green)
  0  Leave
";

/// Talks until the choice is to leave.
pub fn menu(talk: &mut Talk<'_>) -> Result<()> {
    talk.again_and_again(CHOICES, |talk, choice| {
        match choice {
            "1" => talk.run(&["hosts", "list"])?,
            "2" => talk.run(&["hosts", "list", "--new"])?,
            "3" => add(talk)?,
            "4" => {
                if let Some(host) = talk.ask_for("Host")? {
                    let question = format!("Forget {}?", escaped(&host));
                    talk.run_if_sure(&question, &["hosts", "remove", "--", &host])?;
                }
            }
            "5" => talk.run_if_sure("Forget ALL hosts?", &["hosts", "clear", "--yes"])?,
            "6" => talk.run(&["hosts", "on"])?,
            "7" => talk.run(&["hosts", "off"])?,
            "8" => talk.watch(&["top", "--hosts"], &["hosts", "list", "--new"])?,
            _ => talk.no_such_choice()?,
        }
        Ok(Then::Again)
    })
}

fn add(talk: &mut Talk<'_>) -> Result<()> {
    let Some(host) = talk.ask_for("Host")? else { return Ok(()) };
    let service = talk.ask("Service, such as SSH or VLESS; Enter for none: ")?;
    match service.as_deref() {
        None | Some("") => talk.run(&["hosts", "add", "--", &host]),
        Some(service) => {
            let service = format!("--service={service}");
            talk.run(&["hosts", "add", &service, "--", &host])
        }
    }
}
