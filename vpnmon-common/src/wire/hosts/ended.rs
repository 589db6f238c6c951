//! Why nothing more is read of a flow.

/// The end of a flow's reading. Each has a counter; those that are [losses](Ended::is_loss) may
/// have cost a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Ended {
    /// Everything there was has been read.
    Read,
    /// A hello without a server name, or a request without a host.
    NoName,
    /// Neither TLS nor HTTP/1.x.
    OtherProtocol,
    /// HTTP/2 in the clear: its preface (RFC 9113 section 3.4). Its names are compressed.
    Http2,
    /// The agent came after the flow had begun.
    MidFlow,
    /// Bytes came that others should have come before, more than once.
    Gap,
    /// More than [`super::MAX_LOOKED`] bytes, or a hello that says it is longer.
    TooLong,
    /// The kernel would not give the bytes of a packet.
    Unreadable,
    /// A record of another kind between those of a hello (RFC 8446 section 5.1).
    Interleaved,
    /// A record that is longer than records may be, or of no TLS version.
    Record,
    /// A handshake message that is no ClientHello.
    NotHello,
    /// A length in a hello that goes past what holds it, or does not fill it.
    HelloLength,
    /// The same for the block of extensions or one of them.
    ExtensionLength,
    /// The same for the list of server names.
    ServerNameLength,
    /// Two server names, or two lists of them (RFC 6066 section 3, RFC 8446 section 4.2).
    TwoServerNames,
    /// A server name that is no host name.
    NameType,
    /// A server name of no bytes.
    EmptyName,
    /// A server name that no host can have.
    NameTooLong,
    /// Two Host lines (RFC 9112 section 3.2).
    TwoHosts,
    /// A line that says a host, and is folded (RFC 9112 section 5.2).
    Folded,
    /// A blank between the name of such a line and its colon (RFC 9112 section 5.1).
    BlankBeforeColon,
    /// A carriage return without a line feed in such a line (RFC 9112 section 2.2).
    BareReturn,
}

impl Ended {
    /// How many there are: the size of an array of counters.
    pub const COUNT: usize = Self::BareReturn as usize + 1;

    /// All of them, by [`Ended::index`].
    pub const ALL: [Self; Self::COUNT] = [
        Self::Read,
        Self::NoName,
        Self::OtherProtocol,
        Self::Http2,
        Self::MidFlow,
        Self::Gap,
        Self::TooLong,
        Self::Unreadable,
        Self::Interleaved,
        Self::Record,
        Self::NotHello,
        Self::HelloLength,
        Self::ExtensionLength,
        Self::ServerNameLength,
        Self::TwoServerNames,
        Self::NameType,
        Self::EmptyName,
        Self::NameTooLong,
        Self::TwoHosts,
        Self::Folded,
        Self::BlankBeforeColon,
        Self::BareReturn,
    ];

    /// As `status --json` and the metrics call it.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::NoName => "no-name",
            Self::OtherProtocol => "other-protocol",
            Self::Http2 => "http2",
            Self::MidFlow => "mid-flow",
            Self::Gap => "gap",
            Self::TooLong => "too-long",
            Self::Unreadable => "unreadable",
            Self::Interleaved => "interleaved",
            Self::Record => "record",
            Self::NotHello => "not-hello",
            Self::HelloLength => "hello-length",
            Self::ExtensionLength => "extension-length",
            Self::ServerNameLength => "server-name-length",
            Self::TwoServerNames => "two-server-names",
            Self::NameType => "name-type",
            Self::EmptyName => "empty-name",
            Self::NameTooLong => "name-too-long",
            Self::TwoHosts => "two-hosts",
            Self::Folded => "folded",
            Self::BlankBeforeColon => "blank-before-colon",
            Self::BareReturn => "bare-return",
        }
    }

    /// Whether a name may have been lost: `lost.host_flows_gave_up` counts these.
    #[must_use]
    pub const fn is_loss(self) -> bool {
        !matches!(self, Self::Read | Self::NoName | Self::OtherProtocol | Self::MidFlow)
    }

    /// The place of its counter.
    #[must_use]
    pub const fn index(self) -> usize {
        self as usize
    }
}
