//! Header lines of HTTP/1.x (RFC 9112 section 5): Host, and what proxies say of the host and of the
//! client.
//!
//! The names are told at the end of the head, for a second Host line makes the first one worthless.

use super::{
    Ended,
    names::HostKind,
    phase::{Phase, Seen},
    pieces::Place,
    scan::Scan,
    step::Step,
    words::{self, Words},
};

impl Scan {
    #[inline(always)]
    pub(super) fn start_headers(&mut self) -> Step {
        self.place = Place::NONE.0;
        self.go(Phase::LINE_START)
    }

    #[inline(always)]
    pub(super) fn header_byte(&mut self, byte: u8) -> Step {
        match self.phase {
            Phase::LINE_START => self.line_start(byte),
            Phase::HEADER_NAME => self.header_name_byte(byte),
            Phase::VALUE_START if matches!(byte, b' ' | b'\t') => Step::More,
            Phase::VALUE_START | Phase::VALUE => self.value_byte(byte),
            Phase::VALUE_RETURN if byte == b'\n' => self.value_read(Phase::LINE_START),
            Phase::HEAD_RETURN if byte == b'\n' => self.head_read(),
            Phase::DULL if byte == b'\n' => self.go(Phase::LINE_START),
            Phase::DULL => Step::More,
            _ => Step::Ended(Ended::BareReturn),
        }
    }

    #[inline(always)]
    fn line_start(&mut self, byte: u8) -> Step {
        match byte {
            b'\r' => self.go(Phase::HEAD_RETURN),
            b'\n' => self.head_read(),
            // A folded line goes on with the value of the one before it.
            b' ' | b'\t' if self.place != Place::NONE.0 => Step::Ended(Ended::Folded),
            b' ' | b'\t' => self.go(Phase::DULL),
            _ => {
                self.place = Place::NONE.0;
                self.column = 0;
                self.candidates = words::HEADERS;
                self.phase = Phase::HEADER_NAME;
                self.header_name_byte(byte)
            }
        }
    }

    #[inline(always)]
    fn header_name_byte(&mut self, byte: u8) -> Step {
        match byte {
            b':' => return self.header_name_read(words::spelled(self.candidates, self.column)),
            b' ' | b'\t' if words::spelled(self.candidates, self.column) != 0 => {
                return Step::Ended(Ended::BlankBeforeColon);
            }
            b'\n' => return self.go(Phase::LINE_START),
            _ => (),
        }
        self.candidates = words::narrowed(self.candidates, self.column, byte);
        self.column = self.column.saturating_add(1);
        if self.candidates == 0 { self.go(Phase::DULL) } else { Step::More }
    }

    #[inline(always)]
    fn header_name_read(&mut self, word: Words) -> Step {
        match word {
            words::HOST => self.host_line(),
            words::FORWARDED_HOST | words::REAL_HOST => self.proxy_line(Place::PROXY_HOST),
            words::FORWARDED_FOR | words::REAL_IP => self.proxy_line(Place::CLIENT),
            words::CONTENT_LENGTH | words::TRANSFER_ENCODING => {
                self.seen.set(Seen::BODY);
                self.go(Phase::DULL)
            }
            _ => self.go(Phase::DULL),
        }
    }

    #[inline(always)]
    fn host_line(&mut self) -> Step {
        if self.seen.has(Seen::HOST) {
            return Step::Ended(Ended::TwoHosts);
        }
        self.seen.set(Seen::HOST);
        if self.seen.has(Seen::TARGET) {
            // The target wins (RFC 9112 section 3.2.2).
            return self.go(Phase::DULL);
        }
        self.names.set_kind(HostKind::HttpHost);
        self.start_value(Place::HOST)
    }

    /// The first of its kind counts: proxies add theirs behind it.
    #[inline(always)]
    fn proxy_line(&mut self, place: Place) -> Step {
        if self.names.has(place) { self.go(Phase::DULL) } else { self.start_value(place) }
    }

    #[inline(always)]
    fn start_value(&mut self, place: Place) -> Step {
        self.place = place.0;
        self.names.begin();
        self.go(Phase::VALUE_START)
    }

    #[inline(always)]
    fn value_byte(&mut self, byte: u8) -> Step {
        self.phase = Phase::VALUE;
        match byte {
            b'\r' => self.phase = Phase::VALUE_RETURN,
            b'\n' => return self.value_read(Phase::LINE_START),
            // The first of a list; Host has none.
            b',' if self.place != Place::HOST.0 => return self.value_read(Phase::DULL),
            b' ' | b'\t' => _ = self.names.push_blank(byte),
            _ => self.names.push(byte),
        }
        Step::More
    }

    #[inline(always)]
    fn value_read(&mut self, next: Phase) -> Step {
        self.names.end(Place(self.place));
        self.go(next)
    }

    /// The end of the head. Where a body follows, it is not read: it may look like anything. Else
    /// there may be another request, and after CONNECT a hello.
    #[inline(always)]
    fn head_read(&mut self) -> Step {
        let body = self.seen.has(Seen::BODY);
        self.message_read(if body { Phase::OVER } else { Phase::START })
    }
}
