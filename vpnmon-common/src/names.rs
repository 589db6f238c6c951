//! Names of programs, maps and globals in the BPF object. Pins in the bpffs directory carry the
//! same names.

/// Program on `cgroup_skb/egress`.
pub const EGRESS_PROGRAM: &str = "vpnmon_egress";
/// Program on `cgroup_skb/ingress`.
pub const INGRESS_PROGRAM: &str = "vpnmon_ingress";
/// Program on `cgroup/sock_create`.
pub const SOCKET_PROGRAM: &str = "vpnmon_socket";
/// Program of type raw tracepoint that the agent runs itself: see [`crate::errand`].
pub const ERRAND_PROGRAM: &str = "vpnmon_errand";
/// Iterator over TCP sockets: passes the tags of listeners over MPTCP on.
pub const LISTENERS_PROGRAM: &str = "vpnmon_listeners";

/// Program on the egress of an interface.
pub const TC_EGRESS_PROGRAM: &str = "vpnmon_tc_egress";
/// Program on the ingress of an interface.
pub const TC_INGRESS_PROGRAM: &str = "vpnmon_tc_ingress";

/// `BPF_MAP_TYPE_ARRAY`, mappable: one [`crate::slot::Slot`] an account.
pub const SLOTS: &str = "SLOTS";
/// `BPF_MAP_TYPE_ARRAY`: slot index -> [`crate::limit::Limit`], with a lock of the kernel's.
pub const LIMITS: &str = "LIMITS";
/// `BPF_MAP_TYPE_HASH`: uid -> slot index.
pub const UIDS: &str = "UIDS";
/// `BPF_MAP_TYPE_HASH`: mark of a user of Xray -> slot index; the agent alone adds marks.
pub const MARKS: &str = "MARKS";
/// `BPF_MAP_TYPE_QUEUE`: indexes of slots no account holds yet.
pub const FREE_SLOTS: &str = "FREE_SLOTS";
/// `BPF_MAP_TYPE_SK_STORAGE`: socket -> [`crate::owner::SocketMemory`].
pub const SOCKETS: &str = "SOCKETS";
/// `BPF_MAP_TYPE_SK_STORAGE`, inherited by accepted sockets: socket -> [`crate::owner::SocketOwner`]
/// of whoever it was tagged for.
pub const TAGS: &str = "TAGS";
/// `BPF_MAP_TYPE_HASH`: process -> [`crate::session::Session`].
pub const SESSIONS: &str = "SESSIONS";
/// `BPF_MAP_TYPE_QUEUE`: indexes of the slots for waiting sessions that none uses.
pub const WAITING: &str = "WAITING";
/// `BPF_MAP_TYPE_HASH`: inode number of a listener over MPTCP -> its tag, while it is passed on.
pub const MPTCP_TAGS: &str = "MPTCP_TAGS";
/// `BPF_MAP_TYPE_ARRAY`, mappable, of `u32`: the index of a metered interface at that index modulo
/// [`crate::slot::METERED_ENTRIES`], else 0.
pub const METERED: &str = "METERED";
/// `BPF_MAP_TYPE_ARRAY`, mappable: a byte a slot, eight a value, that is 1 when the slot has counted
/// since the agent took it away.
pub const MOVED: &str = "MOVED";
/// `BPF_MAP_TYPE_ARRAY` of one, mappable: [`crate::slot::Registry`].
pub const REGISTRY: &str = "REGISTRY";

/// `BPF_MAP_TYPE_ARRAY`, mappable: one [`crate::interface::InterfaceRow`] a name.
pub const INTERFACES: &str = "INTERFACES";
/// `BPF_MAP_TYPE_ARRAY`: [`crate::interface::Metered::place`] -> the interface there.
pub const PLACES: &str = "PLACES";
/// `BPF_MAP_TYPE_LPM_TRIE`: the machine's own addresses and the clients' networks, by
/// [`crate::interface::prefix_key`].
pub const PREFIXES: &str = "PREFIXES";
/// `BPF_MAP_TYPE_HASH`: [`crate::interface::Address`] -> [`crate::interface::Client`].
pub const CLIENTS: &str = "CLIENTS";
/// `BPF_MAP_TYPE_ARRAY`, mappable: slot index -> address of the client that holds it.
pub const ADDRESSES: &str = "ADDRESSES";

/// `BPF_MAP_TYPE_SK_STORAGE`: socket -> [`crate::host::HostStream`], between packets of its stream.
pub const HOST_STREAMS: &str = "HOST_STREAMS";
/// `BPF_MAP_TYPE_LRU_HASH`: connection -> [`crate::wire::hosts::HostFlow`], of which the listener's
/// socket got the beginning.
pub const HOST_OPENINGS: &str = "HOST_OPENINGS";
/// `BPF_MAP_TYPE_ARRAY` of [`crate::host::HostMemory`]: memory to read a socket's packet in.
pub const HOST_SCRATCH: &str = "HOST_SCRATCH";
/// `BPF_MAP_TYPE_STACK` of indices of [`HOST_SCRATCH`]: those that nobody has.
pub const FREE_SCRATCHES: &str = "FREE_SCRATCHES";
/// `BPF_MAP_TYPE_RINGBUF` of [`crate::host::HostMemory::RECORD`] bytes each.
pub const HOST_NAMES: &str = "HOST_NAMES";
/// `BPF_MAP_TYPE_RINGBUF` of [`crate::host::Datagram`].
pub const HOST_DATAGRAMS: &str = "HOST_DATAGRAMS";
/// `BPF_MAP_TYPE_ARRAY`, mappable, of `u64`: see [`crate::host::count`].
pub const HOST_COUNTS: &str = "HOST_COUNTS";
/// `BPF_MAP_TYPE_ARRAY` of one, mappable, `u64`: 0 where no names are captured.
pub const HOST_SWITCH: &str = "HOST_SWITCH";

/// `BPF_MAP_TYPE_ARRAY`, mappable: one [`crate::flow::FlowRow`] a flow whose bytes count apart.
pub const FLOWS: &str = "FLOWS";
/// `BPF_MAP_TYPE_ARRAY`, mappable: as [`MOVED`], for [`FLOWS`].
pub const FLOW_MARKS: &str = "FLOW_MARKS";
/// `BPF_MAP_TYPE_STACK` of [`crate::flow::Flow`]: those that nobody has.
pub const FREE_FLOWS: &str = "FREE_FLOWS";

/// `BPF_MAP_TYPE_LRU_HASH`: connection of a tunnel's client -> what is known of its host.
pub const FORWARD_FLOWS: &str = "FORWARD_FLOWS";
/// `BPF_MAP_TYPE_LRU_HASH`: the same -> [`crate::host::HostMemory`], while its stream is read.
pub const FORWARD_STREAMS: &str = "FORWARD_STREAMS";

/// The maps that outlive the agent, in the order they are pinned.
pub const PINNED_MAPS: [&str; 17] = [
    SLOTS, LIMITS, UIDS, MARKS, FREE_SLOTS, SOCKETS, TAGS, SESSIONS, WAITING, METERED, MOVED,
    INTERFACES, PLACES, PREFIXES, CLIENTS, ADDRESSES, REGISTRY,
];

/// The maps that end with the agent, but are of all its programs.
pub const SHARED_MAPS: [&str; 7] =
    [FLOWS, FLOW_MARKS, FREE_FLOWS, HOST_NAMES, HOST_DATAGRAMS, HOST_COUNTS, HOST_SWITCH];

/// Global of the object, `u8`: 0 sends loopback packets to their own row instead of the account.
pub const COUNT_LOOPBACK: &str = "COUNT_LOOPBACK";

/// Global of the object, `u32`: inode of the network namespace whose interfaces are metered; 0
/// where it cannot be told apart from others.
pub const HOST_NETNS: &str = "HOST_NETNS";

/// Globals of the object, `u32`: where the kernel's own structures keep what no helper tells, in
/// bytes from their start. 0 where that is not known.
pub mod offset {
    /// `sk_uid` of a `struct sock`.
    pub const SOCK_UID: &str = "SOCK_UID";
    /// `sk_socket` of a `struct sock`: NULL before somebody has accepted it.
    pub const SOCK_SOCKET: &str = "SOCK_SOCKET";
    /// The uid of the inode that a `struct socket` lies beside, from the latter on.
    pub const SOCKET_UID: &str = "SOCKET_UID";
    /// The number of that inode.
    pub const SOCKET_INODE: &str = "SOCKET_INODE";
    /// `skc_net` of a `struct sock_common`, a pointer to a `struct net`.
    pub const SOCK_NET: &str = "SOCK_NET";
    /// The inode of a `struct net`.
    pub const NET_INODE: &str = "NET_INODE";
    /// `group_leader` of a `struct task_struct`.
    pub const TASK_LEADER: &str = "TASK_LEADER";
    /// `real_parent` of a `struct task_struct`.
    pub const TASK_PARENT: &str = "TASK_PARENT";
    /// `tgid` of a `struct task_struct`.
    pub const TASK_TGID: &str = "TASK_TGID";
    /// `start_boottime` of a `struct task_struct`, in nanoseconds.
    pub const TASK_START: &str = "TASK_START";
}
