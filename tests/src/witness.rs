//! The second opinion: `vpnmon-ebpf/src/bin/witness.rs`, attached beside the agent's programs.

use std::{fs::File, path::Path};

use aya::{
    Ebpf, EbpfLoader,
    maps::PerCpuArray,
    programs::{CgroupAttachMode, CgroupSkb, CgroupSkbAttachType},
};

use crate::machine::artifact;

/// What one direction has seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Seen {
    /// IP bytes on the wire.
    pub wire_bytes: u64,
    /// Packets on the wire.
    pub wire_packets: u64,
    /// Bytes as the hook's buffers came, super-packets whole.
    pub buffer_bytes: u64,
    /// Buffers.
    pub buffers: u64,
}

/// Loaded and attached; detached on drop.
pub struct Witness(Ebpf);

/// Maps of the metering programs come along in the object, unused: no need for their full size.
const UNUSED_MAPS: [&str; 7] =
    ["SLOTS", "UIDS", "FREE_SLOTS", "MOVED", "REGISTRY", "CLIENTS", "ADDRESSES"];

impl Witness {
    /// Attaches to `cgroup`.
    #[must_use]
    pub fn attach(cgroup: &Path) -> Self {
        let object = artifact("VPNMON_WITNESS", "target/bpf/witness");
        let mut loader = EbpfLoader::new();
        for map in UNUSED_MAPS {
            loader.map_max_entries(map, 1);
        }
        let mut ebpf =
            loader.load_file(&object).unwrap_or_else(|e| panic!("{}: {e:?}", object.display()));
        attach(&mut ebpf, "witness_egress", cgroup, CgroupSkbAttachType::Egress);
        attach(&mut ebpf, "witness_ingress", cgroup, CgroupSkbAttachType::Ingress);
        Self(ebpf)
    }

    /// What local sockets have sent since the start.
    #[must_use]
    pub fn egress(&self) -> Seen {
        self.seen(0)
    }

    /// What local sockets have received since the start.
    #[must_use]
    pub fn ingress(&self) -> Seen {
        self.seen(4)
    }

    fn seen(&self, first_cell: u32) -> Seen {
        let map = self.0.map("WITNESS").unwrap_or_else(|| panic!("no map WITNESS"));
        let cells: PerCpuArray<_, u64> =
            PerCpuArray::try_from(map).unwrap_or_else(|e| panic!("WITNESS: {e}"));
        let cell = |index| -> u64 {
            let cpus = cells.get(&index, 0).unwrap_or_else(|e| panic!("WITNESS[{index}]: {e}"));
            cpus.iter().sum()
        };
        Seen {
            wire_bytes: cell(first_cell),
            wire_packets: cell(first_cell + 1),
            buffer_bytes: cell(first_cell + 2),
            buffers: cell(first_cell + 3),
        }
    }
}

/// Loads a program of `ebpf` and attaches it to `cgroup`, as long as `ebpf` lives.
pub fn attach(ebpf: &mut Ebpf, name: &str, cgroup: &Path, direction: CgroupSkbAttachType) {
    let cgroup = File::open(cgroup).unwrap_or_else(|e| panic!("{}: {e}", cgroup.display()));
    let program = ebpf.program_mut(name).unwrap_or_else(|| panic!("no program {name}"));
    let program: &mut CgroupSkb = program.try_into().unwrap_or_else(|e| panic!("{name}: {e}"));
    program.load().unwrap_or_else(|e| panic!("{name}: {e:?}"));
    // `AllowMultiple` fails with EINVAL over a link; `Single` links live beside others.
    program
        .attach(cgroup, direction, CgroupAttachMode::Single)
        .unwrap_or_else(|e| panic!("{name}: {e:?}"));
}
