//! Where the machine is, and what it has seen.

/// What is expected next.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
#[repr(transparent)]
pub(super) struct Phase(pub(super) u8);

/// The phases, in the order of the messages. `Phase` is no enum: its storage begins as zeros and a
/// `match` on it must keep its last arm, or the compiler leaves out checks that the verifier needs.
impl Phase {
    /// The first byte of a message.
    pub(super) const START: Self = Self(0);
    /// Nothing: all has been read.
    pub(super) const OVER: Self = Self(1);

    // ClientHello: `hello`.
    pub(super) const TYPE: Self = Self(2);
    pub(super) const BODY_LEN: Self = Self(3);
    pub(super) const VERSION: Self = Self(4);
    pub(super) const SESSION_LEN: Self = Self(5);
    pub(super) const SUITES_LEN: Self = Self(6);
    pub(super) const COMPRESSION_LEN: Self = Self(7);
    pub(super) const BLOCK_LEN: Self = Self(8);
    pub(super) const EXTENSION_TYPE: Self = Self(9);
    pub(super) const EXTENSION_LEN: Self = Self(10);
    pub(super) const LIST_LEN: Self = Self(11);
    pub(super) const NAME_TYPE: Self = Self(12);
    pub(super) const NAME_LEN: Self = Self(13);
    pub(super) const NAME: Self = Self(14);

    // Request line: `http`.
    pub(super) const METHOD: Self = Self(15);
    pub(super) const TARGET: Self = Self(16);
    pub(super) const SCHEME: Self = Self(17);
    pub(super) const SLASHES: Self = Self(18);
    pub(super) const AUTHORITY: Self = Self(19);
    pub(super) const TARGET_REST: Self = Self(20);
    pub(super) const HTTP_VERSION: Self = Self(21);
    pub(super) const PROXY_FAMILY: Self = Self(22);
    pub(super) const PROXY_CLIENT: Self = Self(23);
    pub(super) const PROXY_REST: Self = Self(24);

    // Header lines: `header`.
    pub(super) const LINE_START: Self = Self(25);
    pub(super) const HEADER_NAME: Self = Self(26);
    pub(super) const VALUE_START: Self = Self(27);
    pub(super) const VALUE: Self = Self(28);
    pub(super) const VALUE_RETURN: Self = Self(29);
    pub(super) const DULL: Self = Self(30);
    pub(super) const HEAD_RETURN: Self = Self(31);
}

/// What has been seen in a flow or a message, a bit each.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(transparent)]
pub(super) struct Seen(u8);

impl Seen {
    pub(super) const NOTHING: Self = Self(0);
    /// A name, in an earlier message or this one.
    pub(super) const NAMES: u8 = 1 << 0;
    /// A client's address in a PROXY line.
    pub(super) const PROXY_LINE: u8 = 1 << 1;

    /// The server name extension.
    pub(super) const SERVER_NAME: u8 = 1 << 2;
    /// CONNECT.
    pub(super) const CONNECT: u8 = 1 << 3;
    /// The extension that holds another hello; a message that can have it cannot be a CONNECT.
    pub(super) const INNER_HELLO: u8 = Self::CONNECT;
    /// A target that says the host.
    pub(super) const TARGET: u8 = 1 << 4;
    /// A Host line.
    pub(super) const HOST: u8 = 1 << 5;
    /// A line that says that a body follows.
    pub(super) const BODY: u8 = 1 << 6;
    /// The end of the userinfo of an authority.
    pub(super) const USERINFO: u8 = 1 << 7;

    /// Keeps what lasts from message to message.
    #[inline(always)]
    pub(super) const fn forget_message(&mut self) {
        self.0 &= Self::NAMES | Self::PROXY_LINE;
    }

    #[inline(always)]
    pub(super) const fn set(&mut self, bit: u8) {
        self.0 |= bit;
    }

    #[inline(always)]
    pub(super) const fn has(self, bit: u8) -> bool {
        self.0 & bit != 0
    }
}
