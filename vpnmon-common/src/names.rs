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
/// `BPF_MAP_TYPE_SK_STORAGE`: socket -> the owner found for it.
pub const SOCKETS: &str = "SOCKETS";
/// `BPF_MAP_TYPE_ARRAY`, mappable: a byte a slot, eight a value, that is 1 when the slot has counted
/// since the agent took it away.
pub const MOVED: &str = "MOVED";
/// `BPF_MAP_TYPE_ARRAY` of one, mappable: [`crate::slot::Registry`].
pub const REGISTRY: &str = "REGISTRY";

/// The maps that outlive the agent, in the order they are pinned.
pub const PINNED_MAPS: [&str; 6] = [SLOTS, UIDS, FREE_SLOTS, SOCKETS, MOVED, REGISTRY];

/// Global of the object, `u8`: 0 sends loopback packets to their own row instead of the account.
pub const COUNT_LOOPBACK: &str = "COUNT_LOOPBACK";

/// Global of the object, `u32`: bytes from the start of the kernel's `struct sock` to its `sk_uid`;
/// 0 where that is not known.
pub const SOCKET_UID_OFFSET: &str = "SOCKET_UID_OFFSET";
