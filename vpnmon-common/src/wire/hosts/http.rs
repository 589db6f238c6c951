//! The request line of HTTP/1.x (RFC 9112 section 3).

use super::{
    Ended,
    names::HostKind,
    phase::{Phase, Seen},
    pieces::Place,
    scan::Scan,
    step::Step,
    words,
};

/// Longer than any method that is registered.
const MAX_METHOD: u8 = 24;
const VERSION: [u8; 7] = *b"HTTP/1.";

impl Scan {
    #[inline(always)]
    pub(super) fn start_request(&mut self, byte: u8) -> Step {
        self.column = 0;
        self.candidates = words::METHODS;
        self.phase = Phase::METHOD;
        self.request_byte(byte)
    }

    #[inline(always)]
    pub(super) fn request_byte(&mut self, byte: u8) -> Step {
        match self.phase {
            Phase::METHOD => self.method_byte(byte),
            Phase::HTTP_VERSION => self.version_byte(byte),
            Phase::PROXY_FAMILY | Phase::PROXY_CLIENT | Phase::PROXY_REST => self.proxy_byte(byte),
            _ => self.target_byte(byte),
        }
    }

    #[inline(always)]
    fn method_byte(&mut self, byte: u8) -> Step {
        match byte {
            b' ' => self.method_read(),
            b'!'..=b'~' if self.column < MAX_METHOD => {
                // Any method will do, but it has a case (RFC 9110 section 9.1).
                let kept = if byte.is_ascii_lowercase() { 0 } else { self.candidates };
                self.candidates = words::narrowed(kept, self.column, byte);
                self.column += 1;
                Step::More
            }
            _ => self.other_protocol(),
        }
    }

    #[inline(always)]
    fn method_read(&mut self) -> Step {
        match words::spelled(self.candidates, self.column) {
            words::PROXY => return self.go(Phase::PROXY_FAMILY),
            words::CONNECT => self.seen.set(Seen::CONNECT),
            _ => (),
        }
        self.go(Phase::TARGET)
    }

    #[inline(always)]
    fn target_byte(&mut self, byte: u8) -> Step {
        match byte {
            b' ' if self.phase == Phase::TARGET => Step::More,
            b' ' => self.target_read(),
            // The end of an HTTP/0.9 request, or of a line of another protocol.
            0..b' ' => self.other_protocol(),
            _ => self.target_part(byte),
        }
    }

    /// Four forms (RFC 9112 section 3.2): `/path`, `scheme://authority/..`, `authority`, `*`. What
    /// is none of them says no host.
    #[inline(always)]
    fn target_part(&mut self, byte: u8) -> Step {
        match (self.phase, byte) {
            (Phase::TARGET, _) if self.seen.has(Seen::CONNECT) => {
                self.start_authority();
                self.authority_byte(byte)
            }
            (Phase::TARGET, b'a'..=b'z' | b'A'..=b'Z') => self.go(Phase::SCHEME),
            (Phase::SCHEME, b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'+' | b'-' | b'.') => {
                Step::More
            }
            (Phase::SCHEME, b':') => {
                self.column = 0;
                self.go(Phase::SLASHES)
            }
            (Phase::SLASHES, b'/') if self.column == 0 => {
                self.column = 1;
                Step::More
            }
            (Phase::SLASHES, b'/') => self.start_authority(),
            (Phase::AUTHORITY, _) => self.authority_byte(byte),
            _ => self.go(Phase::TARGET_REST),
        }
    }

    #[inline(always)]
    fn start_authority(&mut self) -> Step {
        self.seen.set(Seen::TARGET);
        self.names.begin();
        self.go(Phase::AUTHORITY)
    }

    #[inline(always)]
    fn authority_byte(&mut self, byte: u8) -> Step {
        match byte {
            b'/' | b'?' | b'#' if !self.seen.has(Seen::CONNECT) => {
                self.authority_read();
                self.phase = Phase::TARGET_REST;
            }
            // A second one makes the name odd, which it is.
            b'@' if !self.seen.has(Seen::USERINFO | Seen::CONNECT) => {
                self.seen.set(Seen::USERINFO);
                self.names.begin_again();
            }
            _ => self.names.push(byte),
        }
        Step::More
    }

    #[inline(always)]
    fn authority_read(&mut self) {
        self.names.end(Place::HOST);
        let connect = self.seen.has(Seen::CONNECT);
        self.names.set_kind(if connect { HostKind::Connect } else { HostKind::HttpHost });
    }

    #[inline(always)]
    fn target_read(&mut self) -> Step {
        if self.phase == Phase::AUTHORITY {
            self.authority_read();
        }
        self.column = 0;
        self.go(Phase::HTTP_VERSION)
    }

    #[inline(always)]
    fn version_byte(&mut self, byte: u8) -> Step {
        let column = self.column;
        self.column = column.wrapping_add(1);
        match (column, byte) {
            (0, b' ') => self.column = 0,
            (5, b'2') => return Step::Ended(Ended::Http2),
            (7, b'0'..=b'9') | (8, b'\r') => (),
            (8 | 9, b'\n') => return self.start_headers(),
            _ if VERSION.get(usize::from(column)) == Some(&byte) => (),
            _ => return self.other_protocol(),
        }
        Step::More
    }
}
