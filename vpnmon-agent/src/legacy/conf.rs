//! The panel's `bw-*.conf`: words on lines, `#` begins a comment.

use jiff::civil::Date;

use super::{LegacyService, field, lines::Parsed};

/// A line of `bw-limit.conf`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limit {
    pub name: String,
    pub service: LegacyService,
    /// 0 is unlimited.
    pub bytes: u64,
}

/// A line of `bw-usage.conf` or `bw-last-stats.conf`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Count {
    pub name: String,
    pub bytes: u64,
}

/// A line of `bw-disabled.conf`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Disabled {
    pub name: String,
    pub service: LegacyService,
    pub since: Date,
}

/// `bw-limit.conf`: `user MB type`.
pub fn limits(text: &[u8]) -> Parsed<Limit> {
    let limit = |line: &str| {
        let [name, mb, service] = words(line, "user MB type")?;
        let (name, bytes) = (field::name(name)?, field::mebibytes(mb)?);
        Ok(Limit { name, bytes, service: service_of(service)? })
    };
    Parsed::each(text, limit).last_wins(|limit| (limit.name.clone(), limit.service))
}

/// `bw-usage.conf` and `bw-last-stats.conf`: `user bytes`.
pub fn counts(text: &[u8]) -> Parsed<Count> {
    let count = |line: &str| {
        let [name, bytes] = words(line, "user bytes")?;
        Ok(Count { name: field::name(name)?, bytes: field::bytes(bytes)? })
    };
    Parsed::each(text, count).last_wins(|count| count.name.clone())
}

/// `bw-disabled.conf`: `user type YYYY-MM-DD`.
pub fn disabled(text: &[u8]) -> Parsed<Disabled> {
    let disabled = |line: &str| {
        let [name, service, since] = words(line, "user type YYYY-MM-DD")?;
        let (name, service) = (field::name(name)?, service_of(service)?);
        Ok(Disabled { name, service, since: field::date(since)? })
    };
    Parsed::each(text, disabled).last_wins(|it| (it.name.clone(), it.service))
}

/// The words of a line, up to a comment: exactly `N`.
fn words<'a, const N: usize>(line: &'a str, form: &str) -> Result<[&'a str; N], String> {
    let words = line.split_ascii_whitespace().take_while(|word| !word.starts_with('#'));
    let words: Vec<_> = words.take(N + 1).collect();
    words.try_into().map_err(|_| format!("{} is not `{form}`", field::quoted(line)))
}

fn service_of(word: &str) -> Result<LegacyService, String> {
    match word {
        "ssh" => Ok(LegacyService::Ssh),
        "vmess" => Ok(LegacyService::Vmess),
        "vless" => Ok(LegacyService::Vless),
        "trojan" => Ok(LegacyService::Trojan),
        "ssws" => Ok(LegacyService::Shadowsocks),
        _ => {
            let word = field::quoted(word);
            Err(format!("{word} is no type: ssh, vmess, vless, trojan or ssws"))
        }
    }
}
