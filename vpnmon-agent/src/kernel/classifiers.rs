//! The tc programs, loaded over the pinned maps.

use anyhow::{Context as _, Result};
use aya::{
    Ebpf, EbpfLoader,
    maps::{Map, MapData},
    programs::{SchedClassifier, TcAttachType},
};
use vpnmon_common::names::{
    ADDRESSES, CLIENTS, FLOW_MARKS, FLOWS, FORWARD_FLOWS, FORWARD_STREAMS, FREE_FLOWS,
    FREE_SCRATCHES, FREE_SLOTS, HOST_DATAGRAMS, HOST_NAMES, HOST_OPENINGS, HOST_SCRATCH, MOVED,
    PINNED_MAPS, SHARED_MAPS, SLOTS, TC_EGRESS_PROGRAM, TC_INGRESS_PROGRAM, UIDS,
};

use super::{
    object::OBJECT,
    pins::Pins,
    programs::{load_all, one_line, program},
};

/// Bytes of a ring that nobody uses: a page, where pages are large.
const LEAST_RING: u32 = 64 << 10;
/// The maps whose room does not matter to the verifier.
const LARGE: [&str; 11] = [
    SLOTS,
    MOVED,
    UIDS,
    FREE_SLOTS,
    CLIENTS,
    ADDRESSES,
    FLOWS,
    FLOW_MARKS,
    FREE_FLOWS,
    FORWARD_FLOWS,
    FORWARD_STREAMS,
];

/// Both programs, and the way each counts.
pub const PROGRAMS: [(&str, TcAttachType); 2] =
    [(TC_EGRESS_PROGRAM, TcAttachType::Egress), (TC_INGRESS_PROGRAM, TcAttachType::Ingress)];

/// The programs, not attached, and the maps they use.
pub struct Classifiers(Ebpf);

impl Classifiers {
    /// Over the maps pinned in `maps`, which must all be there, those that are shared too.
    pub fn load(maps: &Pins) -> Result<Self> {
        let mut loader = EbpfLoader::new();
        for name in PINNED_MAPS.into_iter().chain(SHARED_MAPS) {
            loader.map_pin_path(name, maps.path(name));
        }
        load(loader)
    }

    /// One of the programs.
    pub fn program(&mut self, name: &str) -> Result<&mut SchedClassifier> {
        program(&mut self.0, name)
    }

    /// One of the maps. Each can be had once.
    pub fn map<T: TryFrom<Map>>(&mut self, name: &str) -> Result<T>
    where
        T::Error: std::error::Error + Send + Sync + 'static,
    {
        let map = self.0.take_map(name).with_context(|| format!("no map {name} in the object"))?;
        Ok(T::try_from(map)?)
    }

    /// The data of an array.
    pub fn array(&self, name: &str) -> Result<&MapData> {
        match self.0.map(name) {
            Some(Map::Array(data)) => Ok(data),
            _ => anyhow::bail!("no array {name} in the object"),
        }
    }
}

fn load(mut loader: EbpfLoader<'_>) -> Result<Classifiers> {
    loader.override_global(aya_log::LEVEL, &0_u8, true);
    // The loader makes them all; only the programs of sockets use these.
    for name in [HOST_SCRATCH, FREE_SCRATCHES, HOST_OPENINGS] {
        loader.map_max_entries(name, 1);
    }
    let mut ebpf = loader.load(OBJECT).map_err(one_line).context("cannot load the tc programs")?;
    load_all(&mut ebpf, &PROGRAMS.map(|(name, _)| name))?;
    Ok(Classifiers(ebpf))
}

/// Whether this kernel takes the programs; nothing stays of the attempt.
pub fn try_load() -> Result<()> {
    let mut loader = EbpfLoader::new();
    for name in LARGE {
        loader.map_max_entries(name, 1);
    }
    for name in [HOST_NAMES, HOST_DATAGRAMS] {
        loader.map_max_entries(name, LEAST_RING);
    }
    load(loader).map(|_| ())
}
