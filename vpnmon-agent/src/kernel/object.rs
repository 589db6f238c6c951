//! The BPF object in the binary: loading it, and its maps.

use std::os::fd::AsFd as _;

use anyhow::{Context as _, Result, bail, ensure};
use aya::{
    Ebpf, EbpfLoader,
    maps::{Array, Map, MapData, MapType, Queue, Stack},
    programs::Program,
};
use vpnmon_common::{
    flow,
    names::{
        ADDRESSES, CLIENTS, COUNT_LOOPBACK, EGRESS_PROGRAM, ERRAND_PROGRAM, FLOW_MARKS, FLOWS,
        FORWARD_FLOWS, FORWARD_STREAMS, FREE_FLOWS, FREE_SLOTS, INGRESS_PROGRAM, LIMITS, MARKS,
        MOVED, PINNED_MAPS, REGISTRY, SHARED_MAPS, SLOTS, SOCKET_PROGRAM, UIDS, WAITING,
    },
    owner::Owner,
    slot::{
        FIRST_ACCOUNT_SLOT, FIRST_WAITING_SLOT, FORWARD_OTHER_SLOT, LAYOUT, LOOPBACK_SLOT,
        MARKS_A_VALUE, OVERFLOW_SLOT, Registry, Slot, TRANSPORT_SLOT, UNATTRIBUTED_SLOT,
    },
};

use super::{
    flows::Flows,
    hosts::Hosts,
    limits::Limits,
    logs::Logs,
    mapped::{Access, MappedWords},
    marks::Marks,
    meter::Meter,
    offsets::Offsets,
    pins::{Pins, Shared},
    programs::{load_all, one_line, program},
    tags::Tags,
};

pub(super) static OBJECT: &[u8] = aya::include_bytes_aligned!(env!("VPNMON_BPF_OBJECT"));

/// Words of a record, as the map update takes them.
type Words = [u64; 8];

/// What the programs are told when they are loaded.
#[derive(Clone, Copy, Debug)]
pub struct Settings {
    /// `meter.loopback`.
    pub count_loopback: bool,
    /// `hosts.max_flows`.
    pub max_flows: u32,
    /// Whether they log.
    pub verbose: bool,
}

/// Programs and maps, loaded but not attached.
pub struct Object {
    ebpf: Ebpf,
    /// Why the programs cannot see through user namespaces, where they cannot.
    pub masked_uids: Option<String>,
}

/// New maps with room for this many accounts.
pub fn load_fresh(max_accounts: u32, settings: Settings) -> Result<Object> {
    load(settings, |loader| {
        loader
            .map_max_entries(SLOTS, FIRST_ACCOUNT_SLOT + max_accounts)
            .map_max_entries(MOVED, (FIRST_ACCOUNT_SLOT + max_accounts).div_ceil(MARKS_A_VALUE))
            .map_max_entries(LIMITS, FIRST_ACCOUNT_SLOT + max_accounts)
            .map_max_entries(UIDS, max_accounts)
            .map_max_entries(MARKS, max_accounts)
            // Clients that invent addresses of their network leave slots for others.
            .map_max_entries(CLIENTS, max_accounts.div_ceil(2))
            .map_max_entries(ADDRESSES, FIRST_ACCOUNT_SLOT + max_accounts)
            .map_max_entries(FREE_SLOTS, max_accounts);
    })
}

/// The maps that are pinned.
pub fn load_pinned(pins: &Pins, settings: Settings) -> Result<Object> {
    for name in PINNED_MAPS {
        let path = pins.path(name);
        // The loader would make a map where none is pinned, and count in it apart from the others.
        MapData::from_pin(&path).with_context(|| {
            format!("the maps in {} are not whole; run `vpnmon-agent detach`", path.display())
        })?;
    }
    load(settings, |loader| {
        for name in PINNED_MAPS {
            loader.map_pin_path(name, pins.path(name));
        }
    })
}

/// Whether this kernel takes the programs; nothing stays of the attempt. As
/// [`Object::masked_uids`].
pub fn try_load() -> Result<Option<String>> {
    let settings = Settings { count_loopback: true, max_flows: 64, verbose: true };
    load_fresh(1, settings).map(|object| object.masked_uids)
}

/// With programs that read the kernel's structures, where this kernel allows it.
fn load(settings: Settings, prepare: impl Fn(&mut EbpfLoader<'_>)) -> Result<Object> {
    let reading = Offsets::read().and_then(|offsets| load_at(offsets, settings, &prepare));
    let refused = match reading {
        Ok(ebpf) => return Ok(Object { ebpf, masked_uids: None }),
        // Such as lockdown, which lends programs nothing that reads the kernel's memory.
        Err(error) => error,
    };
    let ebpf = load_at(Offsets::default(), settings, &prepare)?;
    Ok(Object { ebpf, masked_uids: Some(format!("{refused:#}")) })
}

fn load_at(
    offsets: Offsets,
    settings: Settings,
    prepare: impl Fn(&mut EbpfLoader<'_>),
) -> Result<Ebpf> {
    const NO: &u8 = &0;
    const YES: &u8 = &1;
    const ALL_LEVELS: &u8 = &u8::MAX;
    let mut loader = EbpfLoader::new();
    prepare(&mut loader);
    offsets.tell(&mut loader);
    loader
        .map_max_entries(FLOWS, settings.max_flows)
        .map_max_entries(FLOW_MARKS, settings.max_flows.div_ceil(MARKS_A_VALUE))
        .map_max_entries(FREE_FLOWS, settings.max_flows);
    // The loader makes them all; only the tc programs use these.
    for name in [FORWARD_FLOWS, FORWARD_STREAMS] {
        loader.map_max_entries(name, 1);
    }
    loader.override_global(COUNT_LOOPBACK, if settings.count_loopback { YES } else { NO }, true);
    // With 0 the verifier takes the logging out of the programs.
    loader.override_global(aya_log::LEVEL, if settings.verbose { ALL_LEVELS } else { NO }, true);
    let mut ebpf = loader.load(OBJECT).map_err(one_line).context("cannot load the BPF maps")?;
    load_all(&mut ebpf, &[EGRESS_PROGRAM, INGRESS_PROGRAM, SOCKET_PROGRAM, ERRAND_PROGRAM])?;
    Ok(ebpf)
}

impl Object {
    /// Fills new maps: who holds the reserved slots, which others are free, and, last of all, that
    /// they are of this layout.
    pub fn initialise(&mut self, max_accounts: u32) -> Result<()> {
        let mut slots: Array<_, Words> = self.map(SLOTS)?;
        for (slot, owner) in [
            (UNATTRIBUTED_SLOT, Owner::Unattributed),
            (OVERFLOW_SLOT, Owner::Overflow),
            (LOOPBACK_SLOT, Owner::Loopback),
            (TRANSPORT_SLOT, Owner::Transport),
            (FORWARD_OTHER_SLOT, Owner::ForwardOther),
        ] {
            slots.set(slot, [owner.encode(), 0, 0, 0, 0, 0, 0, 0], 0)?;
        }
        let mut free: Queue<_, u32> = self.map(FREE_SLOTS)?;
        for slot in FIRST_ACCOUNT_SLOT..FIRST_ACCOUNT_SLOT + max_accounts {
            free.push(slot, 0)?;
        }
        let mut waiting: Queue<_, u32> = self.map(WAITING)?;
        for slot in FIRST_WAITING_SLOT..FIRST_ACCOUNT_SLOT {
            waiting.push(slot, 0)?;
        }
        let mut registry: Array<_, Words> = self.map(REGISTRY)?;
        registry.set(0, [LAYOUT, generation()?, 0, 0, 0, 0, 0, 0], 0)?;
        Ok(())
    }

    /// Pins the maps; the registry last, which says that all are there.
    pub fn pin_maps(&self, pins: &Pins) -> Result<()> {
        for name in PINNED_MAPS {
            let map = self.ebpf.map(name).with_context(|| no_map(name))?;
            map.pin(pins.path(name))
                .map_err(one_line)
                .with_context(|| format!("pinning {name}"))?;
        }
        Ok(())
    }

    /// Pins the maps that other programs need besides, for as long as it takes to load those: they
    /// are this agent's and end with it.
    pub fn share_maps(&self, pins: &Pins) -> Result<Shared> {
        let shared = Shared::new(pins)?;
        for name in SHARED_MAPS {
            let map = self.ebpf.map(name).with_context(|| no_map(name))?;
            map.pin(pins.path(name))
                .map_err(one_line)
                .with_context(|| format!("pinning {name}"))?;
        }
        Ok(shared)
    }

    /// Our view of the counters.
    pub fn meter(&self) -> Result<Meter> {
        let meter = meter(self.array(SLOTS)?, self.array(REGISTRY)?)?;
        let (marks, _) = mapped(self.array(MOVED)?, 1, Access::ReadWrite)?;
        let (addresses, _) = mapped(self.array(ADDRESSES)?, ADDRESS_WORDS, Access::Read)?;
        Ok(meter.with_marks(Marks::new(marks)).with_addresses(addresses))
    }

    /// What the programs log.
    pub fn logs(&mut self) -> Result<Logs> {
        Logs::new(&mut self.ebpf)
    }

    /// One of the programs, of its type.
    pub fn program<'a, P>(&'a mut self, name: &str) -> Result<&'a mut P>
    where
        &'a mut P: TryFrom<&'a mut Program, Error = aya::programs::ProgramError>,
    {
        program(&mut self.ebpf, name)
    }

    /// What the programs have read of host names.
    pub fn hosts(&mut self) -> Result<Hosts> {
        Hosts::new(&mut self.ebpf)
    }

    /// What counts by flow.
    pub fn flows(&mut self) -> Result<Flows> {
        let (rows, _) = mapped(self.array(FLOWS)?, flow::word::COUNT, Access::ReadWrite)?;
        let (marks, _) = mapped(self.array(FLOW_MARKS)?, 1, Access::ReadWrite)?;
        let free = self.ebpf.take_map(FREE_FLOWS).with_context(|| no_map(FREE_FLOWS))?;
        Flows::new(rows, Marks::new(marks), Stack::try_from(free)?, generation()?)
    }

    /// How far accounts may go.
    pub fn limits(&mut self) -> Result<Limits> {
        Limits::new(&mut self.ebpf)
    }

    /// What tags sockets, with the programs and maps that it needs. The end of loading.
    pub fn into_tags(self) -> Result<Tags> {
        Tags::new(self.ebpf)
    }

    fn map<'a, T: TryFrom<&'a mut Map>>(&'a mut self, name: &str) -> Result<T>
    where
        T::Error: std::error::Error + Send + Sync + 'static,
    {
        Ok(T::try_from(self.ebpf.map_mut(name).with_context(|| no_map(name))?)?)
    }

    fn array(&self, name: &str) -> Result<&MapData> {
        match self.ebpf.map(name).with_context(|| no_map(name))? {
            Map::Array(map) => Ok(map),
            _ => bail!("map {name} of the object is no array"),
        }
    }
}

/// The first words of an array that we may write.
pub(super) fn writable(ebpf: &Ebpf, name: &str, words: usize) -> Result<MappedWords> {
    match ebpf.map(name).with_context(|| no_map(name))? {
        Map::Array(map) => MappedWords::new(map.fd().as_fd(), words, Access::ReadWrite)
            .with_context(|| format!("cannot map {name}")),
        _ => bail!("map {name} of the object is no array"),
    }
}

/// Our view of pinned counters, without loading programs.
pub fn open_meter(pins: &Pins) -> Result<Meter> {
    let open = |name: &str| {
        let path = pins.path(name);
        let map = MapData::from_pin(&path).map_err(one_line);
        map.with_context(|| format!("cannot open {}", path.display()))
    };
    let meter = meter(&open(SLOTS)?, &open(REGISTRY)?)?;
    if !pins.path(ADDRESSES).exists() {
        // Of a layout that knew no clients.
        return Ok(meter);
    }
    let (addresses, _) = mapped(&open(ADDRESSES)?, ADDRESS_WORDS, Access::Read)?;
    Ok(meter.with_addresses(addresses))
}

/// Words of an address.
const ADDRESS_WORDS: usize = 2;

/// Words that a slot and the registry have in every layout.
const LEAST_WORDS: usize = 3;

/// Any layout's: only what all of them have is read.
fn meter(slots: &MapData, registry: &MapData) -> Result<Meter> {
    let (slots, stride) = mapped(slots, LEAST_WORDS, Access::Read)?;
    let (registry, _) = mapped(registry, LEAST_WORDS, Access::Read)?;
    Ok(Meter::new(slots, stride, registry))
}

/// The memory of an array, and the words of one value.
pub(super) fn mapped(
    array: &MapData,
    least_words: usize,
    access: Access,
) -> Result<(MappedWords, usize)> {
    let shape = array.info()?;
    let (values, bytes) = (shape.max_entries() as usize, shape.value_size() as usize);
    ensure!(
        shape.map_type()? == MapType::Array && bytes % 8 == 0 && bytes / 8 >= least_words,
        "a pinned map is no map of vpnmon's; look what else uses agent.bpffs"
    );
    let words = MappedWords::new(array.fd().as_fd(), values * (bytes / 8), access);
    Ok((words.context("cannot map a map")?, bytes / 8))
}

fn no_map(name: &str) -> String {
    format!("no map {name} in the object")
}

/// A random name for a life of the maps; never 0.
fn generation() -> Result<u64> {
    let mut bytes = [0; 8];
    let mut urandom = std::fs::File::open("/dev/urandom").context("cannot open /dev/urandom")?;
    std::io::Read::read_exact(&mut urandom, &mut bytes).context("cannot read /dev/urandom")?;
    Ok(u64::from_ne_bytes(bytes).max(1))
}

// The record types and the words they are written as.
const _: () = assert!(size_of::<Slot>() == size_of::<Words>());
const _: () = assert!(size_of::<Registry>() == size_of::<Words>());
