//! `cargo xtask <command>`: one place that knows how vpnmon is built, run and tested.

mod accuracy;
mod apt;
mod bench;
mod bpf;
mod cargo;
mod deb;
mod demo;
mod dropbear;
mod facts;
mod failure;
mod fuzz;
mod interrupt;
mod kernels;
mod layout;
mod linker;
mod lint;
mod package_test;
mod packages;
mod picture;
mod run;
mod step;
mod test;
mod toolchain;
mod unpacked;

use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};

use crate::{
    failure::Result,
    layout::Layout,
    unpacked::{PROMETHEUS, V2RAY},
};

/// Build, run and test vpnmon.
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask", disable_version_flag = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Find or install the BPF toolchain and the programs that the tests call.
    Setup,
    /// Build the kernel programs, then the agent.
    Build(BuildArgs),
    /// Build and start the agent on this machine, state kept under target/run, and watch it.
    Run(RunArgs),
    /// Show `top` on a server with users, in namespaces of their own; needs root.
    Demo(demo::DemoArgs),
    /// Run lints, unit tests and system tests; needs root, unless --unit.
    Test(TestArgs),
    /// Run the agent in real Debian kernels, each in a QEMU of its own; installs nothing.
    Kernels(kernels::KernelsArgs),
    /// Fuzz every parser that meets bytes from outside, or one of them; needs a C++ compiler.
    Fuzz(fuzz::FuzzArgs),
    /// Measure the agent, and other tools beside it, against what is on the wire; needs root.
    Accuracy(accuracy::AccuracyArgs),
    /// Measure what counting costs, beside iptables and nftables; needs root.
    Bench(bench::BenchArgs),
    /// Build the Debian package, into target/deb.
    Deb(deb::DebArgs),
    /// Install, kill, upgrade, remove and purge the package in a Debian 12 of its own; needs root.
    PackageTest(package_test::PackageTestArgs),
    /// Make an SVG picture of a terminal's screen: `tmux capture-pane -ep | cargo xtask picture`.
    Picture,
    /// Check formatting, clippy and the documentation, warnings being errors.
    Lint,
}

#[derive(Args)]
struct BuildArgs {
    /// Optimised, the default.
    #[arg(long, conflicts_with = "debug")]
    release: bool,
    /// Build the agent without optimisation; the kernel programs always have it.
    #[arg(long)]
    debug: bool,
}

#[derive(Args)]
struct RunArgs {
    /// More arguments for `vpnmon-agent run`.
    #[arg(last = true)]
    agent_args: Vec<String>,
}

#[derive(Args)]
struct TestArgs {
    /// Only the unit and property tests; needs no root.
    #[arg(long, conflicts_with = "system")]
    unit: bool,
    /// Only the system tests, or those whose name contains FILTER.
    #[arg(long, value_name = "FILTER", num_args = 0..=1, default_missing_value = "")]
    system: Option<String>,
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    match dispatch(cli.command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("xtask: {failure}");
            ExitCode::from(failure.code)
        }
    }
}

fn dispatch(command: Command) -> Result<()> {
    interrupt::install()?;
    let layout = Layout::find()?;
    match command {
        Command::Setup => setup(&layout),
        Command::Build(args) => {
            bpf::build(&layout)?;
            cargo::build_agent(&layout, cargo::Profile::from_debug(args.debug))
        }
        Command::Run(args) => run::run(&layout, &args.agent_args),
        Command::Demo(args) => demo::demo(&layout, &args),
        Command::Test(args) => test::test(&layout, &test::Selection::new(args.unit, args.system)),
        Command::Kernels(args) => kernels::kernels(&layout, &args),
        Command::Fuzz(args) => fuzz::fuzz(&layout, &args),
        Command::Accuracy(args) => accuracy::accuracy(&layout, &args),
        Command::Bench(args) => bench::bench(&layout, &args),
        Command::Deb(args) => deb::deb(&layout, &args),
        Command::PackageTest(args) => package_test::package_test(&layout, &args),
        Command::Picture => picture::picture(),
        Command::Lint => lint::lint(&layout),
    }
}

fn setup(layout: &Layout) -> Result<()> {
    let toolchain = toolchain::ensure(layout)?;
    linker::ensure(layout, &toolchain)?;
    packages::ensure(layout)?;
    dropbear::ensure(layout)?;
    V2RAY.ensure(layout)?;
    PROMETHEUS.ensure(layout)
}
