//! A small program run to its end for what it prints.

use std::process::{Command, Stdio};

use crate::failure::{Failure, OrFail, Result};

/// Its stdout, as bytes.
pub fn bytes(what: &str, command: &mut Command) -> Result<Vec<u8>> {
    let program = command.get_program().display().to_string();
    let next = format!("check that {program} is installed and works");
    let output = command.stdin(Stdio::null()).output().or_fail(what, &next)?;
    if output.status.success() {
        return Ok(output.stdout);
    }
    let said = String::from_utf8_lossy(&output.stderr);
    let said = said.lines().last().unwrap_or_default();
    Err(Failure::new(what, format!("{program} ended with {}: {said}", output.status), next))
}

/// Its stdout, as text.
pub fn text(what: &str, command: &mut Command) -> Result<String> {
    Ok(String::from_utf8_lossy(&bytes(what, command)?).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_says_what_the_program_said() {
        let mut command = Command::new("sh");
        let failure = text("trying", command.args(["-c", "echo a >&2; echo b >&2; exit 3"]));
        let line = failure.unwrap_err().to_string();
        assert!(line.starts_with("trying: sh ended with exit status: 3: b; "), "{line}");
        assert_eq!(text("trying", Command::new("echo").arg("x")).unwrap(), "x\n");
    }
}
