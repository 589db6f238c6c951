//! Packets out of pcap and pcapng files. What cannot be read is left out.

use std::{
    fs,
    path::{Path, PathBuf},
};

/// All captures in a folder and below it.
pub fn files(dir: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(dir).into_iter().flatten().flatten() {
        let path = entry.path();
        let end = path.extension().and_then(|end| end.to_str());
        if path.is_dir() {
            found.extend(files(&path));
        } else if matches!(end, Some("pcap" | "pcapng" | "trace" | "cap")) {
            found.push(path);
        }
    }
    found.sort();
    found
}

/// A packet and the kind of link it was taken from.
pub struct Packet<'a> {
    pub link: u32,
    pub bytes: &'a [u8],
}

/// Integers of the byte order that the file was written in.
#[derive(Clone, Copy)]
struct Order {
    is_big: bool,
}

impl Order {
    fn u16(self, bytes: &[u8], at: usize) -> Option<u16> {
        let bytes = bytes.get(at..at + 2)?.try_into().ok()?;
        Some(if self.is_big { u16::from_be_bytes(bytes) } else { u16::from_le_bytes(bytes) })
    }

    fn u32(self, bytes: &[u8], at: usize) -> Option<u32> {
        let bytes = bytes.get(at..at + 4)?.try_into().ok()?;
        Some(if self.is_big { u32::from_be_bytes(bytes) } else { u32::from_le_bytes(bytes) })
    }

    fn len(self, bytes: &[u8], at: usize) -> Option<usize> {
        self.u32(bytes, at).and_then(|len| usize::try_from(len).ok())
    }
}

/// All packets in `file`.
pub fn packets(file: &[u8]) -> Vec<Packet<'_>> {
    let mut packets = Vec::new();
    // They end with the file, or with what cannot be read of it.
    let _end = match file.first_chunk::<4>() {
        Some([0xa1, 0xb2, 0xc3 | 0x3c, 0xd4 | 0x4d]) => {
            classic(file, Order { is_big: true }, &mut packets)
        }
        Some([0xd4 | 0x4d, 0xc3 | 0x3c, 0xb2, 0xa1]) => {
            classic(file, Order { is_big: false }, &mut packets)
        }
        Some([0x0a, 0x0d, 0x0d, 0x0a]) => next_generation(file, &mut packets),
        _ => None,
    };
    packets
}

fn classic<'a>(file: &'a [u8], order: Order, packets: &mut Vec<Packet<'a>>) -> Option<()> {
    let link = order.u32(file, 20)? & 0xffff;
    let mut at = 24;
    loop {
        let len = order.len(file, at + 8)?;
        packets.push(Packet { link, bytes: file.get(at + 16..at + 16 + len)? });
        at += 16 + len;
    }
}

/// draft-ietf-opsawg-pcapng section 4: blocks of a type, a length, a body and the length again.
fn next_generation<'a>(file: &'a [u8], packets: &mut Vec<Packet<'a>>) -> Option<()> {
    let mut order = Order { is_big: false };
    let mut links = Vec::new();
    let mut at = 0;
    loop {
        let kind = order.u32(file, at)?;
        if kind == 0x0a0d_0d0a {
            order.is_big = file.get(at + 8) == Some(&0x1a);
            links.clear();
        }
        let len = order.len(file, at + 4)?;
        let body = file.get(at + 8..(at + len).checked_sub(4)?)?;
        match kind {
            1 => links.push(u32::from(order.u16(body, 0)?)),
            // An enhanced packet.
            6 => {
                let link = *links.get(order.len(body, 0)?)?;
                let captured = order.len(body, 12)?;
                packets.push(Packet { link, bytes: body.get(20..20 + captured)? });
            }
            // A simple one.
            3 => packets.push(Packet { link: *links.first()?, bytes: body.get(4..)? }),
            _ => (),
        }
        at += len.max(12);
    }
}
