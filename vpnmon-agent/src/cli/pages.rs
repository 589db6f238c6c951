//! `completions` and `man`, for packagers.

use std::io::{self, Write};

use clap::{Command, CommandFactory as _};
use clap_complete::Shell;
use clap_mangen::Man;

use super::{Cli, Result};

const PROGRAM: &str = "vpnmon-agent";

/// Prints a shell's completions.
pub fn completions(shell: Shell) -> Result<()> {
    let mut text = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), PROGRAM, &mut text);
    Ok(io::stdout().write_all(&text)?)
}

/// Prints one page: the program, then each of its commands.
pub fn man() -> Result<()> {
    let mut program = Cli::command();
    program.build();
    let mut text = Vec::new();
    let page = Man::new(program.clone()).section("8").manual("System Administration");
    page.render_title(&mut text)?;
    page.render_name_section(&mut text)?;
    page.render_synopsis_section(&mut text)?;
    page.render_description_section(&mut text)?;
    page.render_options_section(&mut text)?;
    for command in program.get_subcommands() {
        describe(command, &mut text)?;
    }
    page.render_extra_section(&mut text)?;
    page.render_version_section(&mut text)?;
    // What stands below the help texts is no extra to whoever reads a page.
    let text = String::from_utf8_lossy(&text)
        .replace("S EXTRA", "S EXAMPLES")
        .replace("H EXTRA", "H EXAMPLES");
    Ok(io::stdout().write_all(text.as_bytes())?)
}

/// A command's sections, below its name; of one that only holds others, theirs.
fn describe(command: &Command, out: &mut impl Write) -> io::Result<()> {
    if command.get_name() == "help" {
        return Ok(());
    }
    if command.has_subcommands() {
        return command.get_subcommands().try_for_each(|command| describe(command, out));
    }
    // They stand in every page already.
    let own = command.clone().mut_args(|arg| {
        let is_global = arg.is_global_set() || arg.get_id() == "help";
        arg.hide(is_global)
    });
    let title = command.get_bin_name().unwrap_or(command.get_name()).to_uppercase();
    writeln!(out, ".SH \"{}\"", title.replace('-', "\\-"))?;
    let page = Man::new(own);
    let mut sections = Vec::new();
    page.render_synopsis_section(&mut sections)?;
    page.render_description_section(&mut sections)?;
    page.render_options_section(&mut sections)?;
    page.render_extra_section(&mut sections)?;
    let sections = String::from_utf8_lossy(&sections).replace("\n.SH ", "\n.SS ");
    out.write_all(sections.as_bytes())
}
