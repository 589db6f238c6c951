//! What sockets remember, in storage that the kernel frees with them.

#![allow(unsafe_code, reason = "one of the few places that own the crate's unsafe code")]

use core::{ffi::c_void, ptr, sync::atomic::AtomicU64};

use aya_ebpf::{
    bindings::{BPF_F_CLONE, BPF_F_NO_PREALLOC, BPF_SK_STORAGE_GET_F_CREATE, bpf_map_type},
    btf_maps::SkStorage,
    helpers::generated::bpf_sk_storage_get,
    macros::btf_map,
};
use vpnmon_common::owner::SocketMemory;

/// Where the packets of a socket count, found by the first of them.
#[btf_map]
static SOCKETS: SkStorage<SocketMemory> = SkStorage::new();

/// For whom a socket was tagged.
#[btf_map]
static TAGS: Inherited<u64> = Inherited::new();

/// A `BPF_MAP_TYPE_SK_STORAGE` whose values a listener's connections inherit (`BPF_F_CLONE`, kernel
/// 5.4), which `SkStorage` of aya-ebpf cannot be told. The shape is that of BTF map definitions.
#[repr(C)]
struct Inherited<T> {
    r#type: *const [i32; bpf_map_type::BPF_MAP_TYPE_SK_STORAGE as usize],
    key: *const i32,
    value: *const T,
    max_entries: *const [i32; 0],
    map_flags: *const [i32; (BPF_F_NO_PREALLOC | BPF_F_CLONE) as usize],
}

// SAFETY: the pointers tell the loader types and are never followed.
unsafe impl<T> Sync for Inherited<T> {}

impl<T> Inherited<T> {
    const fn new() -> Self {
        Self {
            r#type: ptr::null(),
            key: ptr::null(),
            value: ptr::null(),
            max_entries: ptr::null(),
            map_flags: ptr::null(),
        }
    }
}

/// A socket of the context, of any kind, not NULL.
#[derive(Clone, Copy)]
pub struct Socket(pub(crate) *mut c_void);

/// Whether a value is made where there is none.
#[derive(Clone, Copy)]
enum Missing {
    Make,
    Leave,
}

/// `None` for request and TIME_WAIT sockets and where the kernel has no memory for it, also when
/// a user has filled `net.core.optmem_max` on purpose: the caller must do without.
#[inline(always)]
fn value<M, T>(map: &'static M, socket: Socket, missing: Missing) -> Option<&'static T> {
    let flags = match missing {
        Missing::Make => u64::from(BPF_SK_STORAGE_GET_F_CREATE),
        Missing::Leave => 0,
    };
    let map = ptr::from_ref(map).cast_mut().cast();
    // SAFETY: the map is a socket storage and `socket.0` comes from the context unchanged;
    // the helper accepts any sock_common and answers NULL for one that is no full socket (5.10).
    let value = unsafe { bpf_sk_storage_get(map, socket.0, ptr::null_mut(), flags) };
    // SAFETY: NULL or a value of the map, of atomics and aligned, which lives as long as the socket,
    // so longer than this run of the program. `T` is the type of its values, as the callers have it.
    unsafe { value.cast::<T>().as_ref() }
}

impl Socket {
    /// What it remembers, made zero where there is nothing yet.
    #[inline(always)]
    pub fn memory(self) -> Option<&'static SocketMemory> {
        value(&SOCKETS, self, Missing::Make)
    }

    /// The word it was tagged with.
    #[inline(always)]
    pub fn tag(self) -> Option<&'static AtomicU64> {
        value(&TAGS, self, Missing::Leave)
    }

    /// The word to tag it with.
    #[inline(always)]
    pub fn tag_to_be(self) -> Option<&'static AtomicU64> {
        value(&TAGS, self, Missing::Make)
    }
}
