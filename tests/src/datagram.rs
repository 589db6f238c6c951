//! First datagrams of clients, which say where they want to go.

/// An Initial packet whose hello names [`INITIAL_NAME`], sealed as RFC 9001 section 5 has it.
pub const INITIAL: &[u8] = include_bytes!("../data/quic-initial");
/// The server name in it.
pub const INITIAL_NAME: &str = "quic.example";

/// A question for the address of `name` (RFC 1035 section 4.1).
#[must_use]
pub fn question(name: &str) -> Vec<u8> {
    let label = |word: &str| [&[u8::try_from(word.len()).unwrap_or(0)], word.as_bytes()].concat();
    let name: Vec<u8> = name.split('.').flat_map(label).collect();
    [&b"\xab\xcd\x01\0\0\x01\0\0\0\0\0\0"[..], &name, b"\0\0\x01\0\x01"].concat()
}
