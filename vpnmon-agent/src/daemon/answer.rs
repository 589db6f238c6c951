//! What a request does to the engine, whoever brings it.

use crate::{
    control::{Answer, Request},
    engine::{
        Engine,
        people::Limits,
        status::{NoAnswer, Wanted},
    },
    event::Now,
};

/// Carries a request out.
pub fn answer(engine: &mut Engine, request: Request, now: Now) -> Answer {
    carry_out(engine, request, now).unwrap_or_else(|error| Answer::Refused {
        code: exit_code(&error),
        message: error.to_string(),
    })
}

fn carry_out(engine: &mut Engine, request: Request, now: Now) -> Result<Answer, NoAnswer> {
    let wanted = |account: Option<String>| account.map_or(Wanted::All, Wanted::Named);
    Ok(match request {
        Request::Status { account } => {
            Answer::Status(Box::new(engine.status(&wanted(account), now)?))
        }
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
        Request::Limit { account, daily, total } => {
            let key = engine.limit(&account, Limits { daily, total }, now)?;
            Answer::Done(format!("limits of {key} are changed"))
        }
    })
}

/// Exit codes of the contract.
const fn exit_code(error: &NoAnswer) -> u8 {
    match error {
        NoAnswer::Unknown(_) => 4,
        NoAnswer::Ambiguous(..) | NoAnswer::Protected(..) => 1,
    }
}
