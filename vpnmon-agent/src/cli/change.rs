//! Commands that change accounts: through the agent, or on its files where none runs.

use std::io::{self, Write as _};

use super::{Failure, Result, logging};
use crate::{
    config::Config,
    control::{
        Answer, Request,
        client::{Client, NoAgent},
    },
    daemon,
};

/// Has it done and says what was done.
pub fn change(config: &Config, request: Request) -> Result<()> {
    told(ask_or_apply(config, request)?)
}

/// Has it done by a running agent: it ends sessions, and goes on with what does not work at once.
pub fn through_agent(config: &Config, request: &Request) -> Result<()> {
    told(Client::connect(&config.agent.socket)?.ask(request)?)
}

/// Says what was done.
pub fn told(answer: Answer) -> Result<()> {
    match answer {
        Answer::Done(said) => Ok(writeln!(io::stdout(), "{said}")?),
        Answer::Refused { code, message } => Err(Failure::with_code(code, message)),
        _ => Err(Failure::with_code(1, "the agent answered something else")),
    }
}

/// Asks the agent, or does it on its files where none runs.
pub fn ask_or_apply(config: &Config, request: Request) -> Result<Answer> {
    match Client::connect(&config.agent.socket) {
        Ok(mut client) => Ok(client.ask(&request)?),
        Err(NoAgent::NotRunning(_)) => {
            logging::start(false);
            Ok(daemon::apply(config, request)?)
        }
        Err(error) => Err(error.into()),
    }
}
