//! A TLS ClientHello with a server name, and other ways to cut it (RFC 8446 sections 4.1.2 and 5.1,
//! RFC 6066 section 3).

const HANDSHAKE: u8 = 22;
const CLIENT_HELLO: u8 = 1;
const SERVER_NAME: u16 = 0;
const KEY_SHARE: u16 = 51;
const INNER_HELLO: u16 = 0xfe0d;
/// As long as a post-quantum one: such a hello does not fit into one segment.
const KEY_SHARE_LEN: usize = 1216;

/// The handshake message.
#[must_use]
pub fn message(name: &str) -> Vec<u8> {
    message_of_bytes(name.as_bytes())
}

/// The same, where the name may be anything.
#[must_use]
pub fn message_of_bytes(name: &[u8]) -> Vec<u8> {
    with_extension(name, &[])
}

/// The same of a hello that holds another one, encrypted (RFC 9849 section 5).
#[must_use]
pub fn outer_message(name: &str) -> Vec<u8> {
    with_extension(name.as_bytes(), &extension(INNER_HELLO, &[0, 0, 1, 0, 1, 7, 0, 0, 0, 1, 9]))
}

fn with_extension(name: &[u8], more: &[u8]) -> Vec<u8> {
    let host = [&[0][..], &sized(2, name)].concat();
    let (keys, name) = (extension(KEY_SHARE, &[7; KEY_SHARE_LEN]), sized(2, &host));
    let extensions = [&keys[..], &extension(SERVER_NAME, &name), more];
    let body = [
        &[3, 3][..],
        &[9; 32],
        &sized(1, &[5; 32]),
        &sized(2, &[0x13, 1, 0x13, 2]),
        &sized(1, &[0]),
        &sized(2, &extensions.concat()),
    ];
    [&[CLIENT_HELLO][..], &sized(3, &body.concat())].concat()
}

/// A message in records of so many bytes.
#[must_use]
pub fn records(message: &[u8], size: usize) -> Vec<u8> {
    let record = |part: &[u8]| [&[HANDSHAKE, 3, 1][..], &sized(2, part)].concat();
    message.chunks(size).flat_map(record).collect()
}

fn extension(kind: u16, body: &[u8]) -> Vec<u8> {
    [&kind.to_be_bytes()[..], &sized(2, body)].concat()
}

/// With its length in front, in so many bytes.
fn sized(len_bytes: usize, body: &[u8]) -> Vec<u8> {
    let len = (body.len() as u64).to_be_bytes();
    [&len[len.len() - len_bytes..], body].concat()
}
