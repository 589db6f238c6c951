//! A range of addresses: `10.8.0.0/24`.

use std::{fmt, net::IpAddr, str::FromStr};

use vpnmon_common::interface::{Address, address, mapped};

/// Addresses whose first bits are the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Prefix {
    address: IpAddr,
    len: u8,
}

impl Prefix {
    /// The addresses that have the first `len` bits of `address`; `None` where it has fewer.
    pub fn new(address: IpAddr, len: u8) -> Option<Self> {
        let bits = bits(address);
        let fits = u32::from(len) <= bits;
        let host_bits = bits.saturating_sub(len.into());
        let address = match address {
            IpAddr::V4(v4) => IpAddr::V4((v4.to_bits() & mask32(host_bits)).into()),
            IpAddr::V6(v6) => IpAddr::V6((v6.to_bits() & mask128(host_bits)).into()),
        };
        fits.then_some(Self { address, len })
    }

    /// How many bits are the same.
    pub const fn len(&self) -> u8 {
        self.len
    }

    /// All of the internet, or one of its halves, as OpenVPN routes it.
    pub const fn is_default(&self) -> bool {
        self.len <= 1
    }

    /// The only address there is, if there is only one.
    pub fn single(&self) -> Option<IpAddr> {
        (u32::from(self.len) == bits(self.address)).then_some(self.address)
    }

    /// Address and bits as the kernel programs have them.
    pub fn mapped(&self) -> (Address, u32) {
        match self.address {
            IpAddr::V4(v4) => (mapped(v4.to_bits().to_be()), 96 + u32::from(self.len)),
            IpAddr::V6(v6) => (address(v6.octets()), self.len.into()),
        }
    }
}

const fn bits(address: IpAddr) -> u32 {
    if address.is_ipv4() { 32 } else { 128 }
}

fn mask32(host_bits: u32) -> u32 {
    u32::MAX.checked_shl(host_bits).unwrap_or(0)
}

fn mask128(host_bits: u32) -> u128 {
    u128::MAX.checked_shl(host_bits).unwrap_or(0)
}

impl FromStr for Prefix {
    type Err = ();

    /// `10.8.0.0/24`, or an address alone.
    fn from_str(text: &str) -> Result<Self, ()> {
        let (address, len) = match text.split_once('/') {
            Some((address, len)) => (address, Some(len.parse().map_err(|_| ())?)),
            None => (text, None),
        };
        let address: IpAddr = address.parse().map_err(|_| ())?;
        let all = if address.is_ipv4() { 32 } else { 128 };
        Self::new(address, len.unwrap_or(all)).ok_or(())
    }
}

impl fmt::Display for Prefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.single() {
            Some(address) => write!(f, "{address}"),
            None => write!(f, "{}/{}", self.address, self.len),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: Option<&str>) {
        let prefix = text.parse::<Prefix>().ok();
        assert_eq!(prefix.map(|prefix| prefix.to_string()).as_deref(), expected, "{text}");
    }

    #[test]
    fn prefixes_are_read() {
        check("10.8.0.2", Some("10.8.0.2"));
        check("10.8.0.2/32", Some("10.8.0.2"));
        check("10.8.0.2/24", Some("10.8.0.0/24"));
        check("0.0.0.0/0", Some("0.0.0.0/0"));
        check("fd00::2", Some("fd00::2"));
        check("fd00::2/64", Some("fd00::/64"));
        for wrong in ["", "10.8.0", "10.8.0.2/33", "10.8.0.2/x", "fd00::/129", "/24", "a.b"] {
            check(wrong, None);
        }
    }

    #[test]
    fn families_are_apart() {
        let all: Prefix = "::/0".parse().unwrap();
        assert_ne!(Some(all), Prefix::new("10.0.0.1".parse().unwrap(), 0));
        assert_eq!("10.0.0.0/8".parse::<Prefix>().unwrap().mapped().1, 104);
    }
}
