//! `menu`: the panel's numbered menus. Each number is a command of this command line.

mod bandwidth;
mod hosts;
mod service;
mod talk;
#[cfg(test)]
mod tests;

use std::{
    env,
    ffi::OsString,
    io::{self, IsTerminal as _, Write as _},
    process::Command,
};

use anyhow::Context as _;
use clap::ValueEnum;

use self::talk::Talk;
use super::{Result, dispatch, line, line::Line};
use crate::config::Config;

/// Which menu.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Menu {
    /// Users, usage, limits
    Bandwidth,
    /// Captured hosts
    Hosts,
}

/// The word for the agent itself, which is no command.
const SERVICE: &str = "service";

/// What a choice leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Then {
    /// The menu again.
    Again,
    /// Out of the menu.
    Leave,
}

const CHOICES: &str = "\
VPNMON
  1  Bandwidth
  2  Captured hosts
  0  Leave
";

/// Talks until the choice is to leave, or nobody answers any more.
pub fn menu(config: &Config, places: &[OsString], which: Option<Menu>) -> Result<()> {
    let is_terminal = io::stdin().is_terminal() && io::stdout().is_terminal();
    let mut run = |words: &[&str]| run(config, places, words);
    // Not locked in between: a command may have a question of its own.
    let input = || talk::line(&mut io::stdin().lock());
    let mut talk = Talk::new(input, io::stdout(), is_terminal, &mut run);
    match which {
        Some(Menu::Bandwidth) => bandwidth::menu(&mut talk),
        Some(Menu::Hosts) => hosts::menu(&mut talk),
        None => choose(&mut talk),
    }
}

fn choose(talk: &mut Talk<'_>) -> Result<()> {
    talk.again_and_again(CHOICES, |talk, choice| {
        match choice {
            "1" => bandwidth::menu(talk)?,
            "2" => hosts::menu(talk)?,
            _ => talk.no_such_choice()?,
        }
        Ok(Then::Again)
    })
}

/// Carries out a command; what it refuses ends it, and not the menu.
fn run(config: &Config, places: &[OsString], words: &[&str]) -> Result<()> {
    let done = match words.first() {
        Some(&"top") => run_apart(places, words),
        Some(&SERVICE) => service::show(config),
        _ => run_typed(config, words),
    };
    match done {
        Err(failure) if !failure.is_broken_pipe() => {
            Ok(writeln!(io::stderr(), "vpnmon-agent: {failure}")?)
        }
        done => done,
    }
}

/// As if it was typed.
fn run_typed(config: &Config, words: &[&str]) -> Result<()> {
    let typed = std::iter::once(&"vpnmon-agent").chain(words).map(OsString::from);
    match line::read(typed)? {
        Line::Command(cli) => dispatch(config, *cli).map(|_code| ()),
        Line::Printed(_) => Ok(()),
    }
}

/// As a process of its own: it takes the terminal and the signals, and says itself what is wrong.
fn run_apart(places: &[OsString], words: &[&str]) -> Result<()> {
    let program = env::current_exe().context("cannot find this program")?;
    let mut command = Command::new(program);
    command.args(places).args(words).status().context("cannot start top")?;
    Ok(())
}
