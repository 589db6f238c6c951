//! Fuzzing: libFuzzer on the stable toolchain.
//!
//! cargo-fuzz wants a nightly for its sanitizers, which find little in safe Rust. Coverage, which a
//! fuzzer cannot do without, is an LLVM pass that every rustc has.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use clap::Args;

use crate::{
    apt, bpf, cargo,
    failure::{Failure, OrFail, Result},
    layout::{self, Layout},
    step,
};

/// What cargo-fuzz passes, less the sanitizers.
const RUSTFLAGS: [&str; 7] = [
    "--cfg=fuzzing",
    "-Cpasses=sancov-module",
    "-Cllvm-args=-sanitizer-coverage-level=4",
    "-Cllvm-args=-sanitizer-coverage-inline-8bit-counters",
    "-Cllvm-args=-sanitizer-coverage-pc-table",
    "-Cllvm-args=-sanitizer-coverage-trace-compares",
    // A dependency of its own must not turn them off again.
    "-Cdebug-assertions",
];
/// A parser that takes a second for a few kilobytes hangs.
const PER_INPUT_SECONDS: u32 = 10;
const MINIMISE_SECONDS: u32 = 30;
const LINES_OF_STATS: [&str; 2] = ["stat::number_of_executed_units", "stat::average_exec_per_sec"];

/// What to fuzz.
#[derive(Args)]
pub struct FuzzArgs {
    /// `all`, the default, or one of the files in `fuzz/fuzz_targets`.
    target: Option<String>,
    /// How long, for each target.
    #[arg(default_value_t = 60, value_parser = clap::value_parser!(u32).range(1..))]
    seconds: u32,
}

/// Where one target's things are.
struct Target<'a> {
    name: &'a str,
    binary: PathBuf,
    /// What the fuzzer has come upon on this machine; kept from run to run.
    found: PathBuf,
    /// Inputs that made it fail in this run.
    failures: PathBuf,
    /// What is committed, and replayed by `vpnmon-agent`'s tests.
    corpus: PathBuf,
}

/// Fuzzes one or all targets; a failing input is minimised into the corpus.
pub fn fuzz(layout: &Layout, args: &FuzzArgs) -> Result<()> {
    let all = targets(&layout.root.join("fuzz/fuzz_targets"))?;
    let chosen: Vec<_> = match args.target.as_deref() {
        None | Some("all") => all,
        Some(name) if all.iter().any(|known| known == name) => vec![name.to_owned()],
        Some(name) => {
            let why = format!("there is no target {name}");
            return Err(Failure::new("fuzz", why, format!("use all, {}", all.join(", "))));
        }
    };
    compiler(layout)?;
    bpf::build(layout)?;
    let host = host(layout)?;
    build(layout, &host)?;
    let run = |name: &String| run(layout, &Target::new(layout, &host, name)?, args.seconds);
    chosen.iter().try_for_each(run)
}

/// libFuzzer is C++.
fn compiler(layout: &Layout) -> Result<()> {
    let name = env::var_os("CXX").unwrap_or_else(|| "c++".into());
    let mut compiler = Command::new(name);
    compiler.arg("--version").stdout(Stdio::null()).stderr(Stdio::null());
    if compiler.status().is_ok_and(|status| status.success()) {
        return Ok(());
    }
    apt::install(layout, &["g++"], "compiles libFuzzer", "set CXX to a C++ compiler")
}

fn targets(dir: &Path) -> Result<Vec<String>> {
    let what = format!("listing {}", dir.display());
    let entries = fs::read_dir(dir).or_fail(what, "check that the working tree is whole")?;
    let stem = |path: PathBuf| path.file_stem()?.to_str().map(str::to_owned);
    let mut names: Vec<_> = entries.flatten().filter_map(|entry| stem(entry.path())).collect();
    names.sort_unstable();
    Ok(names)
}

/// The target triple of this machine: named, so that the flags are not those of build scripts.
fn host(layout: &Layout) -> Result<String> {
    let what = "asking cargo for the host";
    let next = "check that `cargo -vV` says `host: ...`";
    let output = cargo::outer(layout, "-vV").output().or_fail(what, next)?;
    let text = String::from_utf8_lossy(&output.stdout);
    let host = text.lines().find_map(|line| line.strip_prefix("host: "));
    host.map(str::to_owned).ok_or_else(|| Failure::new(what, "it does not say", next))
}

fn target_dir(layout: &Layout) -> PathBuf {
    layout.target.join("fuzz")
}

fn build(layout: &Layout, host: &str) -> Result<()> {
    let mut command = cargo::outer(layout, "build");
    command
        .args(["--release", "--manifest-path", "fuzz/Cargo.toml"])
        .args(["--target", host, "--target-dir"])
        .arg(target_dir(layout))
        .env("CARGO_ENCODED_RUSTFLAGS", RUSTFLAGS.join("\x1f"));
    step::shown("building the fuzz targets", "minutes the first time", &mut command)
}

impl<'a> Target<'a> {
    fn new(layout: &Layout, host: &str, name: &'a str) -> Result<Self> {
        let dir = target_dir(layout);
        let target = Self {
            name,
            binary: dir.join(host).join("release").join(name),
            found: dir.join("corpus").join(name),
            failures: dir.join("failures").join(name),
            corpus: layout.root.join("fuzz/corpus").join(name),
        };
        [&target.found, &target.failures, &target.corpus]
            .into_iter()
            .try_for_each(|dir| layout::make_dir(dir))?;
        Ok(target)
    }

    fn command(&self) -> Command {
        let mut command = Command::new(&self.binary);
        command.arg(format!("-timeout={PER_INPUT_SECONDS}"));
        command
    }

    fn failing_inputs(&self) -> Vec<PathBuf> {
        let entries = fs::read_dir(&self.failures).into_iter().flatten().flatten();
        entries.map(|entry| entry.path()).collect()
    }
}

fn run(layout: &Layout, target: &Target<'_>, seconds: u32) -> Result<()> {
    for old in target.failing_inputs() {
        fs::remove_file(&old)
            .or_fail(format!("removing {}", old.display()), "check its permissions")?;
    }
    let log = layout.log(&format!("fuzz-{}", target.name))?;
    let mut command = target.command();
    command
        .arg(format!("-max_total_time={seconds}"))
        .arg("-print_final_stats=1")
        .arg(format!("-artifact_prefix={}/", target.failures.display()))
        .args([&target.found, &target.corpus]);
    let what = format!("fuzzing {}", target.name);
    let result = step::logged(&what, &format!("{seconds} s"), &log, &mut command);
    let failing = target.failing_inputs();
    let Some(input) = failing.first() else {
        result?;
        eprintln!("{what}: {}", stats(&fs::read_to_string(&log).unwrap_or_default()));
        return Ok(());
    };
    let kept = minimise(layout, target, input)?;
    let why = format!("{} makes it fail", kept.display());
    let next = "mend the parser and commit that file, which the unit tests replay";
    Err(Failure::new(what, why, next))
}

/// The smallest input that still fails, put into the corpus.
fn minimise(layout: &Layout, target: &Target<'_>, input: &Path) -> Result<PathBuf> {
    let name = input.file_name().unwrap_or_default();
    let kept = target.corpus.join(name);
    let what = format!("minimising {}", input.display());
    // Of what is slow or large, and of a single byte, libFuzzer makes nothing smaller.
    fs::copy(input, &kept).or_fail(&what, "check the space under fuzz/corpus")?;
    let mut command = target.command();
    command
        .arg("-minimize_crash=1")
        .arg(format!("-max_total_time={MINIMISE_SECONDS}"))
        .arg(format!("-exact_artifact_path={}", kept.display()))
        .arg(input);
    let log = layout.log(&format!("fuzz-{}-minimise", target.name))?;
    if let Err(failure) = step::logged(&what, "at most 30 s", &log, &mut command) {
        eprintln!("{failure}");
    }
    Ok(kept)
}

/// The two numbers worth reading of what libFuzzer says at its end.
fn stats(log: &str) -> String {
    let number = |name: &str| {
        let line = log.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
        line.map_or("?", str::trim)
    };
    let [inputs, speed] = LINES_OF_STATS.map(number);
    format!("{inputs} inputs, {speed} a second")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_libfuzzer_says_at_its_end() {
        let log = "Done 394976 runs in 11 second(s)\n\
            stat::number_of_executed_units: 394976\nstat::average_exec_per_sec:     35906\n";
        assert_eq!(stats(log), "394976 inputs, 35906 a second");
        assert_eq!(stats(""), "? inputs, ? a second");
    }

    #[test]
    fn targets_are_the_files_there() {
        let dir = tempfile::tempdir().unwrap();
        for name in ["b.rs", "a.rs"] {
            fs::write(dir.path().join(name), "").unwrap();
        }
        assert_eq!(targets(dir.path()).unwrap(), ["a", "b"]);
        assert!(targets(&dir.path().join("no")).is_err());
    }
}
