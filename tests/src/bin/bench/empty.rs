//! The program that does nothing, attached to a cgroup of its own.

use aya::{
    EbpfLoader,
    programs::{CgroupSkb, CgroupSkbAttachType},
};
use vpnmon_tests::{cgroup::Cgroup, machine::artifact, namespace::Namespace, witness};

use crate::{kernel_stats::ProgramId, place::Place};

/// Attached; detached on drop.
pub struct Empty {
    /// For what sockets send.
    pub egress: ProgramId,
    /// For what they receive.
    pub ingress: ProgramId,
    _programs: aya::Ebpf,
    cgroup: Cgroup,
}

impl Empty {
    /// Attaches it in both directions.
    pub fn attach() -> Self {
        let cgroup = Cgroup::new("bench-empty");
        let object = artifact("VPNMON_EMPTY", "target/bpf/empty");
        let loaded = EbpfLoader::new().load_file(&object);
        let mut programs = loaded.unwrap_or_else(|e| panic!("{}: {e:?}", object.display()));
        let mut attach = |name, direction| {
            witness::attach(&mut programs, name, cgroup.path(), direction);
            id(&programs, name)
        };
        let egress = attach("empty_egress", CgroupSkbAttachType::Egress);
        let ingress = attach("empty_ingress", CgroupSkbAttachType::Ingress);
        Self { egress, ingress, _programs: programs, cgroup }
    }

    /// Sockets there are seen by it.
    pub fn place(&self, netns: &Namespace) -> Place {
        Place::new(netns, Some(&self.cgroup))
    }
}

fn id(programs: &aya::Ebpf, name: &str) -> ProgramId {
    let program = programs.program(name).unwrap_or_else(|| panic!("no program {name}"));
    let program: &CgroupSkb = program.try_into().unwrap_or_else(|e| panic!("{name}: {e}"));
    let info = program.info().unwrap_or_else(|e| panic!("{name}: {e}"));
    ProgramId(info.id())
}
