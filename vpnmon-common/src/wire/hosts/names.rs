//! The names of one message, as they were sent: nothing is checked here, nothing changed.

/// Bytes kept of one message, all its names together.
pub const ROOM: usize = 288;
/// Bytes of the longest host that HTTP can say: 253, a final dot and a port.
pub const MAX_HOST: u16 = 260;
/// Bytes of the longest server name: 253, and a final dot that should not be there.
pub const MAX_SERVER_NAME: u16 = 254;

/// What said the host of [`Names`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum HostKind {
    /// The server name of a ClientHello.
    Sni = 1,
    /// Host, or the target of a request to a proxy.
    HttpHost = 2,
    /// The target of a CONNECT request.
    Connect = 3,
    /// The server name of a ClientHello that may hold another one, encrypted (RFC 9849 section 3):
    /// this is the outer one. Browsers also pretend that there is another (section 6.2).
    OuterSni = 4,
}

/// Where a name lies in the bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(C)]
pub(super) struct Span {
    pub(super) start: u16,
    pub(super) len: u16,
}

impl Span {
    pub(super) const fn is_empty(self) -> bool {
        self.len == 0
    }
}

/// The names of one message. Plain data: it goes into the ring buffer as it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(C)]
pub struct Names {
    pub(super) host: Span,
    pub(super) proxy_host: Span,
    pub(super) client: Span,
    /// The piece that is being read, up to its last byte that is no blank.
    pub(super) piece: Span,
    pub(super) used: u16,
    /// [`HostKind`]; 0 before there is one.
    pub(super) kind: u8,
    /// Names that were too long to keep.
    pub(super) dropped: u8,
    pub(super) bytes: [u8; ROOM],
}

const _: () = assert!(size_of::<Names>() == 20 + ROOM);

impl Default for Names {
    fn default() -> Self {
        let none = Span { start: 0, len: 0 };
        Self {
            host: none,
            proxy_host: none,
            client: none,
            piece: none,
            used: 0,
            kind: 0,
            dropped: 0,
            bytes: [0; ROOM],
        }
    }
}

impl Names {
    /// Bytes in a ring buffer.
    pub const LEN: usize = size_of::<Self>();

    /// Reads what a kernel program has written as it stood in its memory.
    #[must_use]
    pub fn decode(record: &[u8]) -> Option<Self> {
        let number = |index: usize| {
            let bytes = record.get(2 * index..2 * index + 2)?;
            Some(u16::from_ne_bytes(bytes.try_into().ok()?))
        };
        let span = |index| Some(Span { start: number(index)?, len: number(index + 1)? });
        Some(Self {
            host: span(0)?,
            proxy_host: span(2)?,
            client: span(4)?,
            piece: span(6)?,
            used: number(8)?,
            kind: *record.get(18)?,
            dropped: *record.get(19)?,
            bytes: record.get(20..Self::LEN)?.try_into().ok()?,
        })
    }

    /// The host, and what said it.
    #[must_use]
    pub fn host(&self) -> Option<(HostKind, &[u8])> {
        let kind = match self.kind {
            1 => HostKind::Sni,
            2 => HostKind::HttpHost,
            3 => HostKind::Connect,
            4 => HostKind::OuterSni,
            _ => return None,
        };
        Some((kind, self.text(self.host)?))
    }

    /// Whether there is a host.
    #[inline(always)]
    #[must_use]
    pub const fn has_host(&self) -> bool {
        self.kind != 0
    }

    /// The first X-Forwarded-Host or X-Real-Host.
    #[must_use]
    pub fn proxy_host(&self) -> Option<&[u8]> {
        self.text(self.proxy_host)
    }

    /// The client's address by a PROXY line, X-Forwarded-For or X-Real-IP, whichever was first. Any
    /// client can write one of these.
    #[must_use]
    pub fn client(&self) -> Option<&[u8]> {
        self.text(self.client)
    }

    /// How many names were too long to keep.
    #[must_use]
    pub const fn dropped(&self) -> u8 {
        self.dropped
    }

    fn text(&self, span: Span) -> Option<&[u8]> {
        let start = usize::from(span.start);
        let text = self.bytes.get(start..start + usize::from(span.len))?;
        (!text.is_empty()).then_some(text)
    }
}
