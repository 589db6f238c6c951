//! The records of the tc programs: what an interface has carried, and which interfaces are metered.

use core::sync::atomic::AtomicU64;

/// Rows of interfaces: one a name, and the last one for all names beyond.
pub const INTERFACE_ROWS: u32 = 1024;
/// Places for metered interfaces, found by the lower bits of their index: a power of two.
pub const PLACES: u32 = 1024;
/// Prefixes that there is room for: the machine's own addresses and the clients' networks.
pub const MAX_PREFIXES: u32 = 65_536;
/// What `tc_index` says of a packet that is billed to a tunnel's client, so that no hook bills it a
/// second time. A user cannot set the field.
pub const BILLED: u16 = 0x766e;

/// Whether a packet's `tc_index` says that a tunnel's client has paid for it.
#[must_use]
pub const fn is_billed(tc_index: u32) -> bool {
    tc_index == BILLED as u32
}

/// What the interfaces of one name have carried since the maps were made, in IP bytes on the wire.
#[derive(Debug, Default)]
#[repr(C, align(64))]
pub struct InterfaceRow {
    /// The name, padded with zeros; all zeros while the row is free.
    pub name: [AtomicU64; 2],
    /// Sent.
    pub egress_bytes: AtomicU64,
    /// Received.
    pub ingress_bytes: AtomicU64,
    /// Of those sent: came over another interface, or back over the same.
    pub egress_forwarded_bytes: AtomicU64,
    /// Of those received: went on to another machine.
    pub ingress_forwarded_bytes: AtomicU64,
    _reserved: [AtomicU64; 2],
}

/// Where, in words, a row has what.
pub mod word {
    /// [`super::InterfaceRow::egress_bytes`]; the next three follow.
    pub const EGRESS_BYTES: usize = 2;
    /// Words of a row.
    pub const COUNT: usize = 8;
}

const _: () = {
    use core::mem::offset_of;
    assert!(offset_of!(InterfaceRow, egress_bytes) == word::EGRESS_BYTES * 8);
    assert!(offset_of!(InterfaceRow, ingress_forwarded_bytes) == (word::EGRESS_BYTES + 3) * 8);
    assert!(size_of::<InterfaceRow>() == word::COUNT * 8);
};

/// A metered interface, as the tc programs look it up: one word, so that nobody sees half of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "flags of one word, each on its own")]
pub struct Metered {
    /// Its index; never 0.
    pub ifindex: u32,
    /// Its row.
    pub row: u16,
    /// Bytes before the IP header: 14 on Ethernet, 0 on a tunnel.
    pub link_header: u8,
    /// Whether clients are behind it, so that what it forwards is billed to their addresses.
    pub has_clients: bool,
    /// Whether tunnels of the kernel's own are carried over it: their ports are in the prefixes.
    pub has_carriers: bool,
    /// For the agent: whether the programs are filters of a clsact qdisc.
    pub has_filters: bool,
    /// For the agent: whether it has made that qdisc.
    pub owns_qdisc: bool,
}

impl Metered {
    const HAS_CLIENTS: u64 = 1;
    const HAS_FILTERS: u64 = 2;
    const OWNS_QDISC: u64 = 4;
    const HAS_CARRIERS: u64 = 8;

    /// The place of an interface with this index.
    #[must_use]
    pub const fn place(ifindex: u32) -> u32 {
        ifindex % PLACES
    }

    /// The word; 0 is none.
    #[must_use]
    pub const fn encode(self) -> u64 {
        let numbers = ((self.ifindex as u64) << 32)
            | ((self.row as u64) << 16)
            | ((self.link_header as u64) << 8);
        numbers
            | (self.has_clients as u64 * Self::HAS_CLIENTS)
            | (self.has_filters as u64 * Self::HAS_FILTERS)
            | (self.owns_qdisc as u64 * Self::OWNS_QDISC)
            | (self.has_carriers as u64 * Self::HAS_CARRIERS)
    }

    /// The reverse of [`Metered::encode`].
    #[must_use]
    #[expect(clippy::cast_possible_truncation, reason = "the parts of the word")]
    pub const fn decode(word: u64) -> Option<Self> {
        if word >> 32 == 0 {
            return None;
        }
        Some(Self {
            ifindex: (word >> 32) as u32,
            row: (word >> 16) as u16,
            link_header: (word >> 8) as u8,
            has_clients: word & Self::HAS_CLIENTS != 0,
            has_filters: word & Self::HAS_FILTERS != 0,
            owns_qdisc: word & Self::OWNS_QDISC != 0,
            has_carriers: word & Self::HAS_CARRIERS != 0,
        })
    }
}

/// An address as the maps have it: IPv6, or IPv4 as `::ffff:a.b.c.d`, in the order of the wire. In
/// words, because the target copies bytes one at a time.
pub type Address = [u32; 4];

/// An IPv4 address, in the order of the wire, as [`Address`].
#[must_use]
#[inline(always)]
pub const fn mapped(v4: u32) -> Address {
    [0, 0, 0xffff_u32.to_be(), v4]
}

/// An IPv6 address as [`Address`].
#[must_use]
pub fn address(v6: [u8; 16]) -> Address {
    let (words, _) = v6.as_chunks::<4>();
    core::array::from_fn(|word| u32::from_ne_bytes(words[word]))
}

/// Bits of a prefix's key before the address.
pub const SCOPE_BITS: u32 = 32;
/// The scope of the machine's own addresses; that of clients' networks is their interface's index.
pub const LOCAL: u32 = 0;

/// The scope of UDP ports that a tunnel of the kernel's own is carried over (WireGuard).
pub const CARRIERS: u32 = u32::MAX;

/// A UDP port as the address of a prefix.
#[must_use]
#[inline(always)]
pub const fn carrier(port: u16) -> Address {
    [0, 0, 0, port as u32]
}

/// Key of the prefixes.
pub type PrefixKey = [u32; 5];

/// A scope, then an address.
#[must_use]
#[inline(always)]
pub const fn prefix_key(scope: u32, [a, b, c, d]: Address) -> PrefixKey {
    [scope.to_be(), a, b, c, d]
}

/// What the clients' map holds: the interface where the client was last seen, and its slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Client {
    /// Index of the interface; 0 where there is no such client.
    pub ifindex: u32,
    /// Index in the slot array.
    pub slot: u32,
}

impl Client {
    /// The word in the map.
    #[must_use]
    pub const fn encode(self) -> u64 {
        ((self.ifindex as u64) << 32) | self.slot as u64
    }

    /// The reverse of [`Client::encode`].
    #[must_use]
    #[expect(clippy::cast_possible_truncation, reason = "the two halves of the word")]
    pub const fn decode(word: u64) -> Self {
        Self { ifindex: (word >> 32) as u32, slot: word as u32 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_survive() {
        for (ifindex, row, link_header, has_clients) in
            [(1, 0, 0, false), (u32::MAX, 1023, 14, true), (7, u16::MAX, u8::MAX, true)]
        {
            let (has_filters, owns_qdisc, has_carriers) = (!has_clients, row == 0, row == 1023);
            let metered = Metered {
                ifindex,
                row,
                link_header,
                has_clients,
                has_carriers,
                has_filters,
                owns_qdisc,
            };
            assert_eq!(Metered::decode(metered.encode()), Some(metered));
            let client = Client { ifindex, slot: u32::MAX - 1 };
            assert_eq!(Client::decode(client.encode()), client);
        }
        assert_eq!(Metered::decode(0), None);
    }

    #[test]
    fn keys_begin_with_their_scope() {
        let v4 = mapped(u32::from_ne_bytes([10, 8, 0, 2]));
        assert_eq!(v4, address([0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 10, 8, 0, 2]));
        let [scope, first, .., last] = prefix_key(0x0102_0304, v4);
        assert_eq!(scope.to_ne_bytes(), [1, 2, 3, 4]);
        assert_eq!((first, last.to_ne_bytes()), (0, [10, 8, 0, 2]));
    }
}
