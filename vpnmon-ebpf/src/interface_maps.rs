//! The maps of the tc programs, and the safe ways to use them.

#![allow(unsafe_code, reason = "one of the places that own the crate's unsafe code")]

use aya_ebpf::{
    bindings::{BPF_ANY, BPF_F_MMAPABLE, BPF_F_NO_PREALLOC, BPF_NOEXIST},
    btf_maps::{Array, HashMap, LpmTrie, lpm_trie::Key},
    macros::btf_map,
};
use vpnmon_common::{
    interface::{
        self, Address, CARRIERS, Client, INTERFACE_ROWS, InterfaceRow, LOCAL, MAX_PREFIXES,
        Metered, PrefixKey, SCOPE_BITS, carrier, prefix_key,
    },
    owner::Owner,
    slot::FIRST_ACCOUNT_SLOT,
};

use crate::maps::{self, Claim, MAX_ACCOUNTS};

#[btf_map]
static INTERFACES: Array<InterfaceRow, { INTERFACE_ROWS as usize }, { BPF_F_MMAPABLE as usize }> =
    Array::new();

#[btf_map]
static PLACES: Array<u64, { interface::PLACES as usize }> = Array::new();

#[btf_map]
static PREFIXES: LpmTrie<PrefixKey, u32, { MAX_PREFIXES as usize }> = LpmTrie::new();

#[btf_map]
static CLIENTS: HashMap<Address, u64, MAX_ACCOUNTS, { BPF_F_NO_PREALLOC as usize }> =
    HashMap::new();

#[btf_map]
static ADDRESSES: Array<
    Address,
    { MAX_ACCOUNTS + FIRST_ACCOUNT_SLOT as usize },
    { BPF_F_MMAPABLE as usize },
> = Array::new();

/// The interface with this index, if it is metered.
#[inline(always)]
pub fn metered(ifindex: u32) -> Option<Metered> {
    let word = PLACES.get_ptr(Metered::place(ifindex))?;
    // SAFETY: an aligned word of the map, read in one instruction.
    let metered = Metered::decode(unsafe { word.read_volatile() })?;
    (metered.ifindex == ifindex).then_some(metered)
}

/// The row of a metered interface.
#[inline(always)]
pub fn row(metered: Metered) -> Option<&'static InterfaceRow> {
    INTERFACES.get(u32::from(metered.row))
}

/// Whether a packet to `address` stays on this machine.
#[inline(always)]
pub fn is_local(address: Address) -> bool {
    has_prefix(LOCAL, address)
}

/// Whether a client behind the interface may have this address.
#[inline(always)]
pub fn is_behind(ifindex: u32, address: Address) -> bool {
    has_prefix(ifindex, address)
}

/// Whether a tunnel of the kernel's own is carried over this UDP port.
#[inline(always)]
pub fn is_carrier(port: u16) -> bool {
    has_prefix(CARRIERS, carrier(port))
}

#[inline(always)]
fn has_prefix(scope: u32, address: Address) -> bool {
    let key = Key::new(SCOPE_BITS + 128, prefix_key(scope, address));
    PREFIXES.get(&key).is_some()
}

/// The client with this address, as [`Client`] has it; 0 where there is none. No `Option`: LLVM 22
/// keeps the payload of a `None` in a register that nobody has written, which the verifier refuses.
#[inline(always)]
pub fn client(address: Address) -> u64 {
    // SAFETY: the value is one aligned word, copied at once.
    unsafe { CLIENTS.get(address).copied() }.unwrap_or(0)
}

/// The client is behind another interface from now on.
#[inline(always)]
pub fn move_client(address: Address, client: Client) {
    let _ = CLIENTS.insert(address, client.encode(), u64::from(BPF_ANY));
}

/// Gives a client a free slot, as [`maps::slot_of_uid`] does with a uid.
#[inline(always)]
pub fn claim_client(address: Address, ifindex: u32) -> Claim {
    let Some(index) = maps::take_free() else { return Claim::Full };
    let word = Client { ifindex, slot: index }.encode();
    if CLIENTS.insert(address, word, u64::from(BPF_NOEXIST)).is_err() {
        maps::give_back(index);
        return match client(address) {
            0 => Claim::Full,
            word => Claim::Held(Client::decode(word).slot),
        };
    }
    if let Some(place) = ADDRESSES.get_ptr_mut(index) {
        // SAFETY: nobody reads it before the slot has its owner.
        unsafe { place.write(address) }
    }
    maps::publish(index, Owner::Forward(index))
}
