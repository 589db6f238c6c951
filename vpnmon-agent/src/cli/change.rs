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
    let answer = match Client::connect(&config.agent.socket) {
        Ok(mut client) => client.ask(&request)?,
        Err(NoAgent::NotRunning(_)) => {
            logging::start(false);
            daemon::apply(config, request)?
        }
        Err(error) => return Err(error.into()),
    };
    match answer {
        Answer::Done(said) => Ok(writeln!(io::stdout(), "{said}")?),
        Answer::Refused { code, message } => Err(Failure::with_code(code, message)),
        Answer::Status(_) => Err(Failure::with_code(1, "the agent answered something else")),
    }
}
