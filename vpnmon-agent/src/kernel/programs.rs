//! Loading programs of the object.

use std::thread;

use anyhow::{Context as _, Result, anyhow, ensure};
use aya::{
    Ebpf,
    programs::{Program, ProgramError},
};

/// Has the kernel take these programs, side by side: the verifier looks at each for some tenth of a
/// second, on one CPU, and packets of that time count for nobody.
pub(super) fn load_all(ebpf: &mut Ebpf, names: &[&str]) -> Result<()> {
    let programs = ebpf.programs_mut().filter(|(name, _)| names.contains(name));
    let results: Vec<_> = thread::scope(|scope| {
        let loads: Vec<_> =
            programs.map(|(name, program)| (name, scope.spawn(|| load(program)))).collect();
        loads.into_iter().map(|(name, load)| (name, load.join())).collect()
    });
    ensure!(results.len() == names.len(), "not all of {} are in the object", names.join(", "));
    for (name, result) in results {
        let result = result.map_err(|_| anyhow!("its loading came to no end"))?;
        result.with_context(|| format!("the kernel refuses program {name}"))?;
    }
    Ok(())
}

fn load(program: &mut Program) -> Result<()> {
    let result = match program {
        Program::CgroupSkb(program) => program.load(),
        Program::CgroupSock(program) => program.load(),
        Program::RawTracePoint(program) => program.load(),
        Program::SchedClassifier(program) => program.load(),
        _ => Err(ProgramError::UnexpectedProgramType),
    };
    result.map_err(one_line)
}

/// One of the object's programs, of its type.
pub fn program<'a, P>(ebpf: &'a mut Ebpf, name: &str) -> Result<&'a mut P>
where
    &'a mut P: TryFrom<&'a mut Program, Error = aya::programs::ProgramError>,
{
    let program = ebpf.program_mut(name);
    let program = program.with_context(|| format!("no program {name} in the object"))?;
    Ok(program.try_into()?)
}

/// The causes of an aya error, the verifier's log cut to its end, which says why.
pub(super) fn one_line(error: impl std::error::Error + Send + Sync + 'static) -> anyhow::Error {
    const KEPT_LINES: usize = 3;
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let cause_text = cause.to_string();
        if !text.contains(&cause_text) {
            text = format!("{text}: {cause_text}");
        }
        source = cause.source();
    }
    let lines: Vec<_> = text.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    let first = lines.first().copied().unwrap_or_default();
    let last = &lines[lines.len().saturating_sub(KEPT_LINES).max(1).min(lines.len())..];
    anyhow!([&[first], last].concat().join(" | "))
}
