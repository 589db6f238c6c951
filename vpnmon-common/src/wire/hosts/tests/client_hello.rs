//! Builds hellos, good ones and broken ones. The agent's tests use this file too.

extern crate std;

use std::{vec, vec::Vec};

/// A ClientHello of the usual shape; each part can be put in place of the usual.
#[derive(Clone, Debug)]
pub struct ClientHello {
    kind: u8,
    version: [u8; 2],
    session: Vec<u8>,
    suites: Vec<u8>,
    compression: Vec<u8>,
    extensions: Option<Vec<(u16, Vec<u8>)>>,
}

impl Default for ClientHello {
    fn default() -> Self {
        Self::new()
    }
}

impl ClientHello {
    pub fn new() -> Self {
        Self {
            kind: 1,
            version: [3, 3],
            session: vec![0x55; 32],
            suites: vec![0x13, 1, 0x13, 2, 0x13, 3],
            compression: vec![0],
            extensions: Some(Vec::new()),
        }
    }

    pub fn kind(mut self, kind: u8) -> Self {
        self.kind = kind;
        self
    }

    pub fn version(mut self, version: [u8; 2]) -> Self {
        self.version = version;
        self
    }

    pub fn session(mut self, len: usize) -> Self {
        self.session = vec![0x55; len];
        self
    }

    pub fn suites(mut self, bytes: usize) -> Self {
        self.suites = vec![0x13; bytes];
        self
    }

    pub fn compression(mut self, len: usize) -> Self {
        self.compression = vec![0; len];
        self
    }

    /// Ends before the block of extensions, as hellos did before there were any.
    pub fn without_block(mut self) -> Self {
        self.extensions = None;
        self
    }

    pub fn extension(mut self, kind: u16, body: impl Into<Vec<u8>>) -> Self {
        self.extensions.get_or_insert_default().push((kind, body.into()));
        self
    }

    pub fn sni(self, name: impl AsRef<[u8]>) -> Self {
        self.server_names(&[(0, name.as_ref())])
    }

    /// A list of names with their types.
    pub fn server_names(self, names: &[(u8, &[u8])]) -> Self {
        let mut list = Vec::new();
        for (kind, name) in names {
            list.push(*kind);
            list.extend(len16(name.len()));
            list.extend_from_slice(name);
        }
        let body = [&len16(list.len())[..], &list].concat();
        self.extension(0, body)
    }

    /// A key share with a post-quantum key (X25519MLKEM768).
    pub fn key_share(self) -> Self {
        let mut body = vec![0x04, 0xc4, 0x11, 0xec, 0x04, 0xc0];
        body.resize(6 + 1216, 0x77);
        self.extension(51, body)
    }

    /// The handshake message.
    pub fn message(&self) -> Vec<u8> {
        let mut body = [&self.version[..], &[0x44; 32]].concat();
        body.push(u8::try_from(self.session.len()).unwrap());
        body.extend(&self.session);
        body.extend(len16(self.suites.len()));
        body.extend(&self.suites);
        body.push(u8::try_from(self.compression.len()).unwrap());
        body.extend(&self.compression);
        if let Some(extensions) = &self.extensions {
            let mut block = Vec::new();
            for (kind, extension) in extensions {
                block.extend(kind.to_be_bytes());
                block.extend(len16(extension.len()));
                block.extend(extension);
            }
            body.extend(len16(block.len()));
            body.extend(block);
        }
        let len = u32::try_from(body.len()).unwrap().to_be_bytes();
        [&[self.kind], &len[1..], &body].concat()
    }

    /// The message in one record.
    pub fn record(&self) -> Vec<u8> {
        self.records(usize::from(u16::MAX))
    }

    /// The message in records of `size` bytes.
    pub fn records(&self, size: usize) -> Vec<u8> {
        records(&self.message(), size)
    }
}

/// Puts `message` into records of `size` bytes.
pub fn records(message: &[u8], size: usize) -> Vec<u8> {
    message.chunks(size).flat_map(|part| record(22, part)).collect()
}

/// One record.
pub fn record(kind: u8, content: &[u8]) -> Vec<u8> {
    [&[kind, 3, 1][..], &len16(content.len()), content].concat()
}

fn len16(len: usize) -> [u8; 2] {
    u16::try_from(len).unwrap().to_be_bytes()
}
