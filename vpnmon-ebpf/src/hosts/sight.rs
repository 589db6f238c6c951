//! Where a packet comes from and goes, for the record.

use aya_ebpf::helpers::generated::bpf_ktime_get_boot_ns;
use vpnmon_common::{
    host::Sight,
    interface::{Address, mapped},
    wire::PacketBytes as _,
};

use super::Seen;
use crate::packet::{Direction, Packet};

impl Seen<'_> {
    /// The record's head. `ports`: source and destination.
    #[inline(always)]
    pub fn sight(self, ports: [u16; 2], kind: u32, len: u32) -> Sight {
        let [source, destination] = self.addresses().unwrap_or_default();
        Sight {
            at_ns: now(),
            flow: 0,
            slot: self.slot,
            direction: way(self.direction),
            source,
            destination,
            source_port: u32::from(ports[0]),
            destination_port: u32::from(ports[1]),
            kind,
            len,
        }
    }

    #[inline(always)]
    fn addresses(self) -> Option<[Address; 2]> {
        let packet = Packet(self.ctx);
        if self.transport.is_v6 {
            let word = |at: u32| packet.load::<4>(at).map(u32::from_ne_bytes);
            let address = |at: u32| Some([word(at)?, word(at + 4)?, word(at + 8)?, word(at + 12)?]);
            return Some([address(8)?, address(24)?]);
        }
        let address = |at: u32| packet.load::<4>(at).map(u32::from_ne_bytes).map(mapped);
        Some([address(12)?, address(16)?])
    }
}

/// The direction as records have it.
#[inline(always)]
pub const fn way(direction: Direction) -> u32 {
    match direction {
        Direction::Egress => Sight::EGRESS,
        Direction::Ingress => Sight::INGRESS,
    }
}

#[inline(always)]
#[allow(unsafe_code, reason = "the clock")]
pub fn now() -> u64 {
    // SAFETY: has no arguments.
    unsafe { bpf_ktime_get_boot_ns() }
}
