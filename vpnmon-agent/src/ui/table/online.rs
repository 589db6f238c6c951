//! Who is online, below the table: of the one account asked for, or in one line of all.

use super::TableStyle;
use crate::{
    escape::fitted,
    view::{Session, Status},
};

/// The lines.
pub fn lines(status: &Status, style: TableStyle) -> Vec<String> {
    let lines = match status.accounts.as_slice() {
        [account] => account.sessions.iter().map(session).collect(),
        accounts => {
            let online = accounts.iter().filter(|account| !account.sessions.is_empty());
            let each = online.map(|account| match account.sessions.len() {
                1 => account.name.clone(),
                count => format!("{} ({count})", account.name),
            });
            let names: Vec<_> = each.collect();
            if names.is_empty() { vec![] } else { vec![format!("online: {}", names.join(", "))] }
        }
    };
    // What is fitted is escaped.
    lines.iter().map(|line| fitted(line, style.width)).collect()
}

fn session(session: &Session) -> String {
    let client = match (session.client, session.client_port) {
        (Some(client), Some(port)) => std::net::SocketAddr::new(client, port).to_string(),
        (Some(client), None) => client.to_string(),
        (None, _) => "an address that nothing tells".to_owned(),
    };
    let since = crate::time::rfc3339(session.since);
    let server = &session.server;
    format!("online: from {client} since {since}, {server}")
}
