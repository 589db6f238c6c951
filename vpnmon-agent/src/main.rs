//! vpnmon's agent and its command line, one binary.

use std::process::ExitCode;

fn main() -> ExitCode {
    vpnmon_agent::main()
}
