//! What happens to the engine, and what it wants done: the two closed lists between I/O and logic.

use std::{
    net::{IpAddr, SocketAddr},
    sync::Arc,
};

use vpnmon_common::{flow::Flow, limit::Limit, owner::Owner, wire::hosts::Names as HostNames};

use crate::{
    admins::Admins,
    model::{
        Bytes,
        sighting::{Direction, Sighting},
    },
    network::Names,
    order::{Order, Report, Standing},
    session::{Listener, Session, SessionEvent},
    users::Users,
    view::hosts::HostEvent,
    xray::XrayEvent,
};
pub use crate::{
    ledger::{
        batch::{Batch, Edit, Stored},
        incident::Incident,
    },
    time::Now,
};

/// A slot that has an owner since the last look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Claimed {
    /// Index in the slot array.
    pub slot: u32,
    /// Whose it is.
    pub owner: Owner,
}

/// The address of a tunnel's client whose slot has an owner since the last look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Client {
    /// Index in the slot array.
    pub slot: u32,
    /// Address in the tunnel.
    pub address: IpAddr,
}

/// A look at the interfaces.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Traffic {
    /// The metered ones.
    pub interfaces: Vec<Carried>,
    /// Bytes that they carried for this machine and no row has got, both ways; `None` where nobody
    /// can tell.
    pub unattributed_bytes: Option<u64>,
    /// What does not work, a line each.
    pub problems: Vec<String>,
}

/// What one interface has carried since the maps were made, in IP bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Carried {
    /// Its name.
    pub name: String,
    /// Sent.
    pub egress: u64,
    /// Received.
    pub ingress: u64,
}

/// The counters of a slot, raw: since the maps were made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reading {
    /// Index in the slot array.
    pub slot: u32,
    /// Both counters.
    pub bytes: Bytes,
    /// Packets that the account's limit has refused.
    pub refused: u64,
}

/// A counter in the kernel that can be limited.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Counter {
    /// That of a uid, which gets one if it has none.
    Uid(Uid),
    /// The slot at an index.
    Slot(u32),
}

/// Something that was said on a connection and may name a host.
#[derive(Clone, Debug)]
pub struct Heard {
    /// Slot of the socket's owner.
    pub slot: u32,
    /// Nanoseconds since boot.
    pub at_ns: u64,
    /// Which way it went.
    pub direction: Direction,
    /// Counts what goes to the host and comes back; 0 where nothing does.
    pub flow: Flow,
    /// Who said it.
    pub source: SocketAddr,
    /// To whom.
    pub dest: SocketAddr,
    /// What.
    pub said: Said,
}

/// What was said.
#[derive(Clone, Debug)]
pub enum Said {
    /// A TLS hello or an HTTP request, as the kernel has read it.
    Names(Box<HostNames>),
    /// A datagram that may be a QUIC client's first.
    Quic(Vec<u8>),
    /// A DNS question.
    Dns(Vec<u8>),
}

/// What a flow has moved since it was told last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FlowMoved {
    /// Which.
    pub flow: Flow,
    /// IP bytes, both ways.
    pub bytes: Bytes,
}

/// Something happened outside.
#[derive(Debug)]
pub enum Event<'a> {
    /// The kernel gave out slots, and these counters moved.
    Drained {
        /// New owners.
        claimed: &'a [Claimed],
        /// Moved counters; of known slots only.
        moved: &'a [Reading],
    },
    /// These slots are clients'; before [`Event::Drained`] says that they have owners.
    Clients(&'a [Client]),
    /// What clients are called.
    Names(Names),
    /// The interfaces were looked at.
    Traffic(Traffic),
    /// The account database changed.
    Users(Users),
    /// Sessions began and ended.
    Sessions(Vec<SessionEvent>),
    /// Host names were seen.
    Sightings(Vec<Sighting>),
    /// Bytes went to hosts and came back.
    Flows {
        /// Since they were told last.
        moved: &'a [FlowMoved],
        /// Nothing more will be told of these.
        over: &'a [Flow],
    },
    /// So many host names were not seen, or not shown, for that reason.
    HostsLost {
        /// In a word.
        reason: &'static str,
        /// How many since it was told last.
        count: u64,
    },
    /// What the server itself is called, each as [`crate::hosts::name::host`] writes it.
    OwnNames(Vec<String>),
    /// Something was said on connections.
    Heard(&'a [Heard]),
    /// What the kernel has not sent since it was told last.
    Unheard {
        /// Flows that it has given up reading, for each reason how many.
        gave_up: Vec<(&'static str, u64)>,
        /// Records that found no room.
        records: u64,
        /// Records that their source had told too many of.
        rate_limited: u64,
    },
    /// Xray said something of its users.
    Xray(XrayEvent),
    /// Who looks after the machine has changed.
    Admins(Admins),
    /// What the enforcer was told by an earlier run.
    Standing(Vec<Standing>),
    /// The enforcer has come so far.
    Enforced(Report),
    /// The kernel had refused a packet of this counter before it was told of the limit again.
    WasRefused(Counter),
    /// A second has passed.
    Second,
    /// Time to write down what has changed.
    PersistDue,
    /// Somebody, perhaps we, wrote to these usage files, by file name.
    Touched(Vec<String>),
    /// The writer is done with a batch.
    Stored(Stored),
    /// What parts of the daemon cannot do now, a line each.
    Problems(Vec<String>),
}

/// A user id.
pub type Uid = u32;

/// Something the engine wants done.
#[derive(Debug, PartialEq, Eq)]
pub enum Command {
    /// Write to the state directory; answered by [`Event::Stored`].
    Store(Batch),
    /// Tell the admin, in the log.
    Warn(String),
    /// Tell people of an event, where they want that.
    Notify(Incident),
    /// Have the sockets of a session's process count for its user.
    Own(Session, Uid),
    /// Have those of a server count as transport.
    Carry(Listener),
    /// Make a user what it is to become.
    Enforce(Order),
    /// A process is no session or server any more.
    Disown {
        /// Its id.
        pid: u32,
    },
    /// Take a user out of Xray, by the name of the account; answered by [`XrayEvent::Removed`].
    XrayRemove(String),
    /// Put one back; answered by [`XrayEvent::Restored`].
    XrayRestore(String),
    /// Count the sockets that Xray gives this mark apart; the slot is told by [`Event::Drained`].
    Mark(u32),
    /// Do so no more.
    Unmark(u32),
    /// Have Xray give a user's sockets a mark, by the name of the account; answered by
    /// [`XrayEvent::Marked`].
    XrayMark {
        /// Who.
        name: String,
        /// Which.
        mark: u32,
    },
    /// Have it do so no more.
    XrayUnmark(String),
    /// Refuse what goes beyond the limit, or refuse nothing any more.
    Limit {
        /// Of which counter.
        counter: Counter,
        /// `None`: it has none.
        limit: Option<Limit>,
    },
    /// Show these to whoever watches hosts.
    Show(Vec<Arc<HostEvent>>),
    /// Capture host names, or do not.
    Capture(bool),
    /// Have these flows count no more: others are to have their places.
    Retire(Vec<Flow>),
    /// Forget this host wherever it is remembered as seen, or all of them: the next is new.
    Forget(Option<Arc<str>>),
}
