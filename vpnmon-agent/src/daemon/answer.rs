//! What a request does to the engine, whoever brings it.

use crate::{
    control::{Answer, Request},
    engine::{
        Engine,
        hosts::NoHost,
        people::Limits,
        status::{NoAnswer, Wanted},
    },
    event::Now,
    hosts::Line,
    model::sighting::ImportedHost,
};

/// Carries a request out.
pub fn answer(engine: &mut Engine, request: Request, now: Now) -> Answer {
    let request = match about_hosts(engine, request, now) {
        Ok(answered) => return answered.unwrap_or_else(|error| no_host(&error)),
        Err(request) => request,
    };
    carry_out(engine, request, now).unwrap_or_else(|error| Answer::Refused {
        code: exit_code(&error),
        message: error.to_string(),
    })
}

fn carry_out(engine: &mut Engine, request: Request, now: Now) -> Result<Answer, NoAnswer> {
    let wanted = |account: Option<String>| account.map_or(Wanted::All, Wanted::Named);
    Ok(match request {
        Request::Status { account, hosts } => {
            let mut status = engine.status(&wanted(account), now)?;
            if let ([account], true) = (status.accounts.as_slice(), hosts) {
                status.hosts = Some(engine.hosts_of(account));
            }
            Answer::Status(Box::new(status))
        }
        Request::Look(look) => Answer::Screen(Box::new(engine.look(&look, now)?)),
        Request::Reset { account } => {
            let keys = engine.reset(&wanted(account), now)?;
            Answer::Done(match keys.as_slice() {
                [key] => format!("usage of {key} is 0"),
                keys => format!("usage of {} accounts is 0", keys.len()),
            })
        }
        Request::Import { accounts } => {
            let taken = engine.import(&accounts, now);
            Answer::Done(format!(
                "{} accounts taken over, {} as they were, {} unknown here",
                taken.changed, taken.unchanged, taken.unknown
            ))
        }
        Request::Limit { account, daily, total, invokers } => {
            let key = engine.limit(&account, Limits { daily, total }, &invokers, now)?;
            Answer::Done(format!("limits of {key} are changed"))
        }
        Request::Disable { account, invokers } => {
            let (key, is_new) = engine.disable(&account, &invokers, now)?;
            Answer::Done(if is_new {
                format!("{key} is disabled: its sessions end now")
            } else {
                format!("{key} was disabled already")
            })
        }
        Request::Enable { account } => {
            let keys = engine.enable(&wanted(account), now)?;
            Answer::Done(match keys.as_slice() {
                [] => "nobody there was disabled".to_owned(),
                [key] => format!("{key} is enabled"),
                keys => format!("{} accounts are enabled", keys.len()),
            })
        }
        // The others are about hosts.
        _ => Answer::Refused { code: 1, message: "the agent has no answer to that".to_owned() },
    })
}

/// The answer to a request about hosts; any other comes back.
fn about_hosts(
    engine: &mut Engine,
    request: Request,
    now: Now,
) -> Result<Result<Answer, NoHost>, Request> {
    Ok(match request {
        Request::Hosts { filter } => Ok(Answer::Hosts(engine.list_hosts(&filter))),
        Request::AddHost { host, service, source_ip } => {
            engine.add_host(&host, service, source_ip, now).map(|(host, is_new)| {
                let done = if is_new { "is added" } else { "was there already" };
                Answer::Done(format!("{host} {done}"))
            })
        }
        Request::RemoveHost { host } => {
            let removed = engine.remove_host(&host, now);
            removed.map(|host| Answer::Done(format!("{host} is removed")))
        }
        Request::ClearHosts => {
            Ok(Answer::Done(format!("{} hosts are removed", engine.clear_hosts(now))))
        }
        Request::CaptureHosts { on } => {
            let was = if engine.switch_hosts(on, now) { "is" } else { "was already" };
            let state = if on { "on" } else { "off" };
            Ok(Answer::Done(format!("capture of hosts {was} {state}")))
        }
        Request::ImportHosts { hosts } => {
            let lines = hosts.into_iter().map(line).collect();
            Ok(Answer::NewHosts(engine.import_hosts(lines, now)))
        }
        other => return Err(other),
    })
}

fn line(host: ImportedHost) -> Line {
    let ImportedHost { host, service, source_ip, seen } = host;
    Line { host, service, source_ip, seen }
}

/// With the exit codes of the contract.
fn no_host(error: &NoHost) -> Answer {
    let code = match error {
        NoHost::NoName(_) | NoHost::NoService(_) => 2,
        NoHost::Unknown(_) => 4,
        NoHost::Full(_) => 1,
    };
    Answer::Refused { code, message: error.to_string() }
}

/// Exit codes of the contract.
const fn exit_code(error: &NoAnswer) -> u8 {
    match error {
        NoAnswer::Unknown(_) => 4,
        NoAnswer::Ambiguous(..) | NoAnswer::Protected(..) | NoAnswer::DryRun(_) => 1,
    }
}
