//! What a captured frame says of itself, and which packets belong together.

/// Packets of one account on one wire. All that an account has are disjoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Packets {
    /// TCP and UDP from or to this port.
    Port(u16),
    /// TCP and UDP to this port.
    To(u16),
    /// TCP and UDP from this port.
    From(u16),
    /// A whole IP protocol, fragments included.
    Protocol(u8),
}

impl Packets {
    /// As nft's matches, each for itself.
    pub fn rules(self) -> Vec<String> {
        let side = |side, port: u16| format!("meta l4proto {{ tcp, udp }} th {side} {port}");
        match self {
            Self::Port(port) => vec![side("sport", port), side("dport", port)],
            Self::To(port) => vec![side("dport", port)],
            Self::From(port) => vec![side("sport", port)],
            Self::Protocol(number) => vec![format!("meta l4proto {number}")],
        }
    }

    /// Name of their counter.
    pub fn counter(self) -> String {
        match self {
            Self::Port(port) => format!("port{port}"),
            Self::To(port) => format!("to{port}"),
            Self::From(port) => format!("from{port}"),
            Self::Protocol(number) => format!("protocol{number}"),
        }
    }

    /// Whether `packet` is one of them.
    pub fn has(self, packet: &Packet) -> bool {
        let (from, to) = packet.ports.unzip();
        match self {
            Self::Port(port) => from == Some(port) || to == Some(port),
            Self::To(port) => to == Some(port),
            Self::From(port) => from == Some(port),
            Self::Protocol(number) => packet.protocol == number,
        }
    }
}

/// An IP packet, by its headers alone.
#[derive(Clone, Copy, Debug)]
pub struct Packet {
    /// Its length by the IP header: not what the kernel's buffer says, which others count.
    pub bytes: u64,
    /// Transport protocol.
    pub protocol: u8,
    /// From and to; TCP and UDP have them, but for later fragments.
    pub ports: Option<(u16, u16)>,
    /// What TCP says.
    pub segment: Option<Segment>,
}

/// Of a TCP header.
#[derive(Clone, Copy, Debug)]
pub struct Segment {
    /// Number of the first byte.
    pub sequence: u32,
    /// Number of the byte expected next.
    pub acknowledged: Option<u32>,
    /// Whether it ends the stream.
    pub fin: bool,
    /// Payload bytes.
    pub payload: u32,
}

const ETHERNET: usize = 14;
const FRAGMENT_PLACE: u16 = 0x1fff;
const TCP: u8 = 6;
const UDP: u8 = 17;
const FIN: u8 = 1;
const ACK: u8 = 16;

impl Packet {
    /// Reads the start of an Ethernet frame. `None` where it holds no IP.
    pub fn read(frame: &[u8]) -> Option<Self> {
        let ip = frame.get(ETHERNET..)?;
        match frame.get(12..ETHERNET)? {
            [0x08, 0x00] => {
                let (bytes, place) = (u16_at(ip, 2)?, u16_at(ip, 6)? & FRAGMENT_PLACE);
                let first = place == 0;
                let header = usize::from(ip[0] & 0xf) * 4;
                Some(Self::new(bytes.into(), *ip.get(9)?, ip, first.then_some(header)))
            }
            [0x86, 0xdd] => {
                // Extension headers come with no traffic that is measured here.
                let bytes = u64::from(u16_at(ip, 4)?) + 40;
                Some(Self::new(bytes, *ip.get(6)?, ip, Some(40)))
            }
            _ => None,
        }
    }

    fn new(bytes: u64, protocol: u8, ip: &[u8], transport: Option<usize>) -> Self {
        let has_ports = matches!(protocol, TCP | UDP);
        let transport = transport.filter(|_| has_ports);
        let header = transport.and_then(|at| ip.get(at..));
        let ports = header.and_then(|header| Some((u16_at(header, 0)?, u16_at(header, 2)?)));
        let headers_end = |header: &[u8]| {
            let tcp = u64::from(*header.get(12)? >> 4) * 4;
            u64::try_from(transport?).ok().map(|ip| ip + tcp)
        };
        let segment = header.filter(|_| protocol == TCP).and_then(|header| {
            let flags = *header.get(13)?;
            Some(Segment {
                sequence: u32_at(header, 4)?,
                acknowledged: u32_at(header, 8).filter(|_| flags & ACK != 0),
                fin: flags & FIN != 0,
                payload: u32::try_from(bytes.checked_sub(headers_end(header)?)?).ok()?,
            })
        });
        Self { bytes, protocol, ports, segment }
    }
}

fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_be_bytes(bytes.get(at..at + 2)?.try_into().ok()?))
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_be_bytes(bytes.get(at..at + 4)?.try_into().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(kind: [u8; 2], ip: &[u8], bytes: u64, ports: Option<(u16, u16)>) -> Packet {
        let frame = [&[0; 12], &kind[..], ip].concat();
        let packet = Packet::read(&frame).unwrap();
        assert_eq!((packet.bytes, packet.ports), (bytes, ports));
        packet
    }

    #[test]
    fn reads_ipv4_with_options_and_tcp() {
        let mut ip = vec![0x46, 0, 0, 100, 0, 0, 0x40, 0, 64, TCP];
        ip.resize(24, 0);
        ip.extend([0x0f, 0xa1, 0, 80, 0, 0, 0, 7, 0, 0, 0, 9, 0x80, FIN | ACK]);
        let packet = check([8, 0], &ip, 100, Some((4001, 80)));
        let segment = packet.segment.unwrap();
        assert_eq!((segment.sequence, segment.acknowledged), (7, Some(9)));
        assert_eq!((segment.fin, segment.payload), (true, 100 - 24 - 32));
        assert!(Packets::From(4001).has(&packet) && !Packets::To(4001).has(&packet));
        assert!(Packets::Port(80).has(&packet) && Packets::Protocol(TCP).has(&packet));
    }

    #[test]
    fn reads_ipv6_and_udp() {
        let mut ip = vec![0x60, 0, 0, 0, 0, 60, UDP, 64];
        ip.resize(40, 0);
        ip.extend([0, 80, 0x0f, 0xa1]);
        let packet = check([0x86, 0xdd], &ip, 100, Some((80, 4001)));
        assert!(packet.segment.is_none());
    }

    #[test]
    fn later_fragments_have_no_ports() {
        let mut ip = vec![0x45, 0, 0, 60, 0, 0, 0, 3, 64, UDP];
        ip.resize(60, 0xff);
        check([8, 0], &ip, 60, None);
    }

    #[test]
    fn what_is_no_ip_is_passed_over() {
        assert!(Packet::read(&[]).is_none());
        assert!(Packet::read(&[0xff; 14]).is_none());
        assert!(Packet::read(&[&[0; 12], &[8, 6][..], &[0; 28]].concat()).is_none());
        assert!(Packet::read(&[&[0; 12], &[8, 0][..]].concat()).is_none());
    }
}
