//! What is in a stream that is there as a whole, read by others' code or in another way.

use std::{
    collections::{BTreeMap, HashMap},
    hash::Hash,
};

use tls_parser::{
    TlsExtension, TlsMessage, TlsMessageHandshake, parse_tls_client_hello_extensions,
    parse_tls_message_handshake,
};

/// Segments of a stream that are looked at.
const SEGMENTS: usize = 2000;

/// Streams by the two ends of each, in the order of their first segments.
pub struct Streams<P> {
    by_path: HashMap<P, Stream>,
    order: Vec<P>,
}

impl<P: Copy + Eq + Hash> Streams<P> {
    pub fn new() -> Self {
        Self { by_path: HashMap::new(), order: Vec::new() }
    }

    /// Adds a segment.
    pub fn add(&mut self, path: P, seq: u32, syn: bool, payload: &[u8]) {
        let stream = self.by_path.entry(path).or_insert_with(|| {
            self.order.push(path);
            Stream::default()
        });
        if stream.segments.len() < SEGMENTS {
            stream.segments.push((seq, syn, payload.to_vec()));
        }
    }

    /// All of them.
    pub fn each(&self) -> impl Iterator<Item = &Stream> {
        self.order.iter().filter_map(|path| self.by_path.get(path))
    }
}

/// One direction of a connection, as captured.
#[derive(Default)]
pub struct Stream {
    pub segments: Vec<(u32, bool, Vec<u8>)>,
}

impl Stream {
    /// The bytes from the start up to the first that is missing; of two copies the first.
    pub fn bytes(&self) -> Vec<u8> {
        let Some(start) = self.start() else { return Vec::new() };
        let mut places = BTreeMap::new();
        for (seq, syn, payload) in &self.segments {
            for (at, byte) in payload.iter().enumerate() {
                let at = seq.wrapping_add(u32::from(*syn)).wrapping_sub(start) as usize + at;
                if at < 1 << 17 {
                    places.entry(at).or_insert(*byte);
                }
            }
        }
        places.iter().enumerate().map_while(|(n, (at, byte))| (n == *at).then_some(*byte)).collect()
    }

    /// Sequence number of the first byte: after the SYN, or of the first segment there is.
    pub fn start(&self) -> Option<u32> {
        let syn = self.segments.iter().find(|(_, syn, _)| *syn);
        let first = || self.segments.iter().find(|(_, _, payload)| !payload.is_empty());
        syn.map(|(seq, ..)| seq.wrapping_add(1)).or_else(|| first().map(|(seq, ..)| *seq))
    }
}

/// The ClientHello that a stream begins with, out of its records.
pub fn hello(stream: &[u8]) -> Option<Vec<u8>> {
    let mut message = Vec::new();
    let mut rest = stream;
    loop {
        let [22, 3, _, a, b] = *rest.first_chunk::<5>()? else { return None };
        let len = usize::from(u16::from_be_bytes([a, b]));
        message.extend(rest.get(5..5 + len)?);
        rest = &rest[5 + len..];
        if let Some([kind, a, b, c]) = message.first_chunk::<4>() {
            let end = 4 + u32::from_be_bytes([0, *a, *b, *c]) as usize;
            match kind {
                1 if message.len() >= end => return Some(message[..end].to_vec()),
                1 => (),
                _ => return None,
            }
        }
    }
}

/// The server names of a hello.
pub fn server_names(message: &[u8]) -> Vec<Vec<u8>> {
    let Ok((_, TlsMessage::Handshake(TlsMessageHandshake::ClientHello(hello)))) =
        parse_tls_message_handshake(message)
    else {
        return Vec::new();
    };
    let extensions = parse_tls_client_hello_extensions(hello.ext.unwrap_or_default());
    let extensions = extensions.map_or_else(|_| Vec::new(), |(_, extensions)| extensions);
    let lists = extensions.into_iter().filter_map(|extension| match extension {
        TlsExtension::SNI(list) => Some(list),
        _ => None,
    });
    lists.flatten().map(|(_, name)| name.to_vec()).collect()
}

/// The Host line of the request that a stream begins with, if it has one and its target is a path.
pub fn host(stream: &[u8]) -> Option<String> {
    let end = stream.windows(4).position(|four| four == b"\r\n\r\n")?;
    let head = str::from_utf8(&stream[..end]).ok()?;
    let (line, headers) = head.split_once("\r\n")?;
    let [_, target, version] = line.split(' ').collect::<Vec<_>>().try_into().ok()?;
    if !target.starts_with('/') || !version.starts_with("HTTP/1.") {
        return None;
    }
    let mut hosts = headers.split("\r\n").filter_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("host").then(|| value.trim().to_owned())
    });
    hosts.next().filter(|host| !host.is_empty())
}
