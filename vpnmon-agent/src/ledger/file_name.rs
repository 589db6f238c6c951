//! Names of usage files: whatever an account is called, its file stays in its directory.

use std::fmt::Write as _;

use crate::model::{AccountKey, Service};

/// Longest escaped name of an account that others choose freely: with a service in front, and what a
/// file is called while it is written or when it is set aside, it fits the 255 bytes of a file's name.
pub const MAX_NAME_BYTES: usize = 180;

/// The file of an account, with the service in front unless it is `ssh`'s or nobody else has the
/// bare name.
#[must_use]
pub fn usage_file_name(key: &AccountKey, bare_name_is_taken: bool) -> String {
    let name = escape(&key.name);
    if key.service == Service::Ssh || !bare_name_is_taken {
        format!("{name}.json")
    } else {
        format!("{}:{name}.json", key.service)
    }
}

/// Bytes outside `[A-Za-z0-9._@-]` as %XX, and a first dot too: no `..`, no hidden file.
pub fn escape(name: &str) -> String {
    let mut escaped = String::with_capacity(name.len());
    for (index, byte) in name.bytes().enumerate() {
        let plain = byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'@' | b'-');
        if plain && (index, byte) != (0, b'.') {
            escaped.push(char::from(byte));
        } else {
            // A String takes everything.
            let _ = write!(escaped, "%{byte:02X}");
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(service: Service, name: &str, taken: bool, expected: &str) {
        assert_eq!(usage_file_name(&AccountKey::new(service, name), taken), expected);
    }

    #[test]
    fn a_name_never_leaves_the_directory() {
        check(Service::Ssh, "john", false, "john.json");
        check(Service::Ssh, "john", true, "john.json");
        check(Service::System, "root", false, "root.json");
        check(Service::System, "root", true, "system:root.json");
        check(Service::System, "uid:7", false, "uid%3A7.json");
        check(Service::Ssh, "../../etc/passwd", false, "%2E.%2F..%2Fetc%2Fpasswd.json");
        check(Service::Ssh, ".", false, "%2E.json");
        check(Service::Ssh, "a\0b\n%", false, "a%00b%0A%25.json");
        check(Service::Ssh, "bob@example.org_x-1.2", false, "bob@example.org_x-1.2.json");
        check(Service::Ssh, "ž", false, "%C5%BE.json");
    }
}
