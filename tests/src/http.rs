//! One HTTP request, read to the end.

use std::{
    fmt::Write as _,
    io::{Read as _, Write as _},
    net::{SocketAddr, TcpStream},
};

use crate::wait::SOON;

/// Status and body of the answer to a GET.
pub fn get(at: SocketAddr, path: &str) -> Result<(u16, String), String> {
    ask(at, &format!("GET {path} HTTP/1.0\r\nHost: {at}\r\n\r\n"))
}

/// The same for a request as it goes over the wire.
pub fn ask(at: SocketAddr, request: &str) -> Result<(u16, String), String> {
    let exchange = || {
        let mut stream = TcpStream::connect_timeout(&at, SOON)?;
        stream.set_read_timeout(Some(SOON))?;
        stream.write_all(request.as_bytes())?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        Ok(answer)
    };
    let answer = exchange().map_err(|error: std::io::Error| format!("{at}: {error}"))?;
    let (head, body) = answer.split_once("\r\n\r\n").ok_or("no end of the head")?;
    let status = head.split(' ').nth(1).and_then(|word| word.parse().ok());
    Ok((status.ok_or_else(|| format!("no status in {head}"))?, body.to_owned()))
}

/// `text` as a value of a query.
#[must_use]
pub fn encoded(text: &str) -> String {
    let mut encoded = String::new();
    for byte in text.bytes() {
        let _ = write!(encoded, "%{byte:02X}");
    }
    encoded
}

/// The value of the line of Prometheus' text that begins like this.
#[must_use]
pub fn number(text: &str, series: &str) -> f64 {
    let line = text.lines().find_map(|line| line.strip_prefix(series)?.strip_prefix(' '));
    let number = line.and_then(|line| line.parse().ok());
    number.unwrap_or_else(|| panic!("no number for {series} in\n{text}"))
}
