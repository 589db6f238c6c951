//! Slowness on request.

use std::{io, net::TcpStream, sync::OnceLock, thread, time::Duration};

use nix::{libc, setsockopt_impl, sockopt_impl, sys::socket::setsockopt};

/// How long datagrams wait after their first round.
const PAUSE: Duration = Duration::from_millis(700);

/// How long the second to close hesitates: much longer than the other takes to be gone.
const HESITATION: Duration = Duration::from_millis(3);

static PACE: OnceLock<u32> = OnceLock::new();

sockopt_impl!(MaxPacingRate, SetOnly, libc::SOL_SOCKET, libc::SO_MAX_PACING_RATE, u32);

/// Once, before the first socket.
pub fn set(pace: Option<u32>) {
    if let Some(rate) = pace {
        PACE.get_or_init(|| rate);
    }
}

/// TCP paces itself, in super-packets a few dozen segments long.
pub fn slow_down(stream: &TcpStream) -> io::Result<()> {
    if let Some(rate) = PACE.get() {
        setsockopt(stream, MaxPacingRate, rate)?;
    }
    Ok(())
}

/// UDP is paced by no kernel without a queueing discipline for it, so it just waits once.
pub fn after_round(number: u32) {
    if number == 0 && PACE.get().is_some() {
        thread::sleep(PAUSE);
    }
}

/// Who closes second takes its time, so that the one who closed first has no socket any more.
pub fn before_closing() {
    if PACE.get().is_some() {
        thread::sleep(HESITATION);
    }
}
