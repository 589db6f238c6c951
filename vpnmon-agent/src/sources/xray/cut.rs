//! Ends connections of users who are taken out: Xray itself lets them go on.

use std::{io, net::SocketAddr};

use crate::kernel::sock_diag::{Diag, Found, Kind, TCP, Which};

/// How it went.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Cut {
    /// Connections that have been ended.
    pub ended: usize,
    /// Why not all could be.
    pub problem: Option<String>,
}

/// Ends the connections on ports `first` to `last` whose other end `is_wanted`.
pub fn cut((first, last): (u16, u16), is_wanted: impl Fn(SocketAddr) -> bool) -> Cut {
    if first == 0 {
        return Cut { ended: 0, problem: Some("the inbound's port is not known".to_owned()) };
    }
    let is_ours = |it: &Found| (first..=last).contains(&it.port()) && is_wanted(it.peer());
    let port = if first == last { first } else { 0 };
    let mut cut = Cut::default();
    let ended = Diag::here()
        .and_then(|diag| TCP.into_iter().try_for_each(|kind| cut.end(&diag, kind, port, &is_ours)));
    if let Err(error) = ended {
        cut.problem = Some(format!("sock_diag: {error}"));
    }
    cut
}

impl Cut {
    fn end(
        &mut self,
        diag: &Diag,
        kind: Kind,
        port: u16,
        is_ours: &impl Fn(&Found) -> bool,
    ) -> io::Result<()> {
        for connection in diag.list(kind, Which::connected(port))?.iter().filter(|it| is_ours(it)) {
            match diag.destroy(kind, connection) {
                Ok(()) => self.ended += 1,
                Err(error) => self.problem = Some(error.to_string()),
            }
        }
        Ok(())
    }

    /// Both.
    pub fn and(self, other: Self) -> Self {
        Self { ended: self.ended + other.ended, problem: self.problem.or(other.problem) }
    }
}
