//! A command's stdin and stdout as a connection.

use std::{
    io,
    process::{Command, Stdio},
    thread,
};

use vpnmon_tests::order::Exchange;

use crate::tcp;

pub fn run(command: &[String], exchange: Exchange) -> io::Result<()> {
    let (program, args) = command.split_first().ok_or_else(|| io::Error::other("no command"))?;
    let mut child =
        Command::new(program).args(args).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
    let (Some(input), Some(mut output)) = (child.stdin.take(), child.stdout.take()) else {
        return Err(io::ErrorKind::BrokenPipe.into());
    };
    // Its stdin stays open: the other end closes first.
    let writer = thread::spawn(move || tcp::write_all(&input, exchange).map(|()| input));
    tcp::read_all(&mut output, exchange.receive)?;
    let input = writer.join().map_err(|_| io::Error::other("the writer panicked"))??;
    tcp::ends(&mut output)?;
    drop(input);
    // ssh -W ends with 0 however its connection ended; what counts was compared above.
    child.wait().map(drop)
}
