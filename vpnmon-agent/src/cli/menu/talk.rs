//! Questions and answers, with a person or a pipe.

use std::io::{self, BufRead, Read as _, Write};

use super::{Result, Then};

/// A longer answer is none.
const MOST_ANSWER: u64 = 4096;

/// A line of input, with its end.
pub fn line(input: &mut impl BufRead) -> io::Result<Vec<u8>> {
    let mut line = Vec::new();
    input.take(MOST_ANSWER).read_until(b'\n', &mut line)?;
    Ok(line)
}

/// Both ends of the talk, and what carries out a command.
pub struct Talk<'a> {
    /// A line of input, with its end; empty at the end of all.
    input: Box<dyn FnMut() -> io::Result<Vec<u8>> + 'a>,
    output: Box<dyn Write + 'a>,
    is_terminal: bool,
    run: &'a mut dyn FnMut(&[&str]) -> Result<()>,
}

impl<'a> Talk<'a> {
    pub fn new(
        input: impl FnMut() -> io::Result<Vec<u8>> + 'a,
        output: impl Write + 'a,
        is_terminal: bool,
        run: &'a mut dyn FnMut(&[&str]) -> Result<()>,
    ) -> Self {
        Self { input: Box::new(input), output: Box::new(output), is_terminal, run }
    }

    /// Shows the choices and does what is chosen, until that is to leave or the input ends.
    pub fn again_and_again(
        &mut self,
        choices: &str,
        mut choose: impl FnMut(&mut Self, &str) -> Result<Then>,
    ) -> Result<()> {
        loop {
            self.say(&format!("\n{choices}"))?;
            let Some(choice) = self.ask("Choice: ")? else { return Ok(()) };
            match choice.as_str() {
                "0" | "q" | "Q" => return Ok(()),
                "" => {}
                choice => {
                    if choose(self, choice)? == Then::Leave {
                        return Ok(());
                    }
                }
            }
        }
    }

    /// Carries out a command, and lets a person read what it says before the menu comes again.
    pub fn run(&mut self, words: &[&str]) -> Result<()> {
        self.output.flush()?;
        (self.run)(words)?;
        if self.is_terminal {
            self.ask("Enter goes on ")?;
        }
        Ok(())
    }

    /// Runs what goes on showing, or for a pipe what shows once.
    pub fn watch(&mut self, live: &[&str], once: &[&str]) -> Result<()> {
        if self.is_terminal { self.run(live) } else { self.run(once) }
    }

    /// Runs what destroys something: only after a yes.
    pub fn run_if_sure(&mut self, question: &str, words: &[&str]) -> Result<()> {
        let answer = self.ask(&format!("{question} [y/N] "))?;
        if matches!(answer.as_deref(), Some("y" | "Y" | "yes")) {
            return self.run(words);
        }
        self.say("Nothing is changed.\n")
    }

    /// A line, without blanks around it; `None` where the input has ended.
    pub fn ask(&mut self, question: &str) -> Result<Option<String>> {
        self.say(question)?;
        let line = (self.input)()?;
        if line.is_empty() {
            // The shell's prompt goes on a line of its own.
            self.say("\n")?;
            return Ok(None);
        }
        if !self.is_terminal {
            // Nobody's Enter has ended the question's line.
            self.say("\n")?;
        }
        Ok(Some(String::from_utf8_lossy(&line).trim().to_owned()))
    }

    /// A name or a size; `None` where nothing was named.
    pub fn ask_for(&mut self, what: &str) -> Result<Option<String>> {
        let answer = self.ask(&format!("{what}: "))?.filter(|answer| !answer.is_empty());
        if answer.is_none() {
            self.say("Nothing is changed.\n")?;
        }
        Ok(answer)
    }

    pub fn no_such_choice(&mut self) -> Result<()> {
        self.say("No such choice; type one of the numbers, 0 leaves.\n")
    }

    pub fn say(&mut self, text: &str) -> Result<()> {
        self.output.write_all(text.as_bytes())?;
        Ok(self.output.flush()?)
    }
}
