//! What BPF the kernel holds, whoever loaded it.

use std::collections::BTreeSet;

use aya::{maps::loaded_maps, programs::loaded_programs};

/// Ids of all loaded programs.
#[must_use]
pub fn programs() -> BTreeSet<u32> {
    let id = |program: Result<_, aya::programs::ProgramError>| {
        program.map(|program: aya::programs::ProgramInfo| program.id())
    };
    loaded_programs().map(id).collect::<Result<_, _>>().unwrap_or_else(|e| panic!("programs: {e}"))
}

/// Ids of all maps of this name, which the kernel cuts to 15 bytes.
#[must_use]
pub fn maps(name: &str) -> BTreeSet<u32> {
    // One that the kernel is just freeing is listed and cannot be had.
    let maps: Vec<_> = loaded_maps().flatten().collect();
    maps.iter().filter(|map| map.name() == name.as_bytes()).map(aya::maps::MapInfo::id).collect()
}
