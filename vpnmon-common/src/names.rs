//! Names of programs, maps and globals in the BPF object. Pins in the bpffs directory carry the
//! same names.

/// Program on `cgroup_skb/egress`.
pub const EGRESS_PROGRAM: &str = "vpnmon_egress";
/// Program on `cgroup_skb/ingress`.
pub const INGRESS_PROGRAM: &str = "vpnmon_ingress";

/// `BPF_MAP_TYPE_ARRAY`, mappable: one [`crate::slot::Slot`] an account.
pub const SLOTS: &str = "SLOTS";
/// `BPF_MAP_TYPE_HASH`: uid -> slot index.
pub const UIDS: &str = "UIDS";
/// `BPF_MAP_TYPE_QUEUE`: indexes of slots no account holds yet.
pub const FREE_SLOTS: &str = "FREE_SLOTS";
/// `BPF_MAP_TYPE_ARRAY` of u64, by uid: what [`UIDS`] says of a uid below
/// [`crate::slot::DIRECT_UIDS`], found without a hash; 0 where that was not asked yet. Whoever takes
/// an entry out of [`UIDS`] takes this one out too.
pub const UID_SLOTS: &str = "UID_SLOTS";
/// `BPF_MAP_TYPE_ARRAY`, mappable: a byte a slot, eight a value, that is 1 when the slot has counted
/// since the agent took it away.
pub const MOVED: &str = "MOVED";
/// `BPF_MAP_TYPE_ARRAY` of one, mappable: [`crate::slot::Registry`].
pub const REGISTRY: &str = "REGISTRY";

/// The maps that outlive the agent, in the order they are pinned.
pub const PINNED_MAPS: [&str; 6] = [SLOTS, UIDS, FREE_SLOTS, UID_SLOTS, MOVED, REGISTRY];
/// Maps of earlier layouts, which go where the others go.
pub const RETIRED_MAPS: [&str; 1] = ["SOCKETS"];

/// Global of the object, `u8`: 0 sends loopback packets to their own row instead of the account.
pub const COUNT_LOOPBACK: &str = "COUNT_LOOPBACK";
