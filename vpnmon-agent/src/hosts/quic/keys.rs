//! The keys of Initial packets, which anybody who sees one can derive (RFC 9001 sections 5.2 to
//! 5.4, RFC 9369 section 3.3).

use ring::{
    aead::{self, AES_128_GCM, Aad, LessSafeKey, Nonce, UnboundKey, quic},
    error::Unspecified,
    hkdf::{self, HKDF_SHA256, Prk, Salt},
};
use vpnmon_common::wire::quic::VERSION_2;

const SALT_1: [u8; 20] = [
    0x38, 0x76, 0x2c, 0xf7, 0xf5, 0x59, 0x34, 0xb3, 0x4d, 0x17, 0x9a, 0xe6, 0xa4, 0xc8, 0x0c, 0xad,
    0xcc, 0xbb, 0x7f, 0x0a,
];
const SALT_2: [u8; 20] = [
    0x0d, 0xed, 0xe3, 0xde, 0xf7, 0x00, 0xa6, 0xdb, 0x81, 0x93, 0x81, 0xbe, 0x6e, 0x26, 0x9d, 0xcb,
    0xf9, 0xbd, 0x2e, 0xd9,
];

/// The keys that a client's Initial packets are sealed with.
pub struct ClientKeys {
    packet: LessSafeKey,
    iv: [u8; aead::NONCE_LEN],
    header: quic::HeaderProtectionKey,
}

impl ClientKeys {
    /// The keys to the first connection id that the client has sent to the server.
    pub fn derive(version: u32, dcid: &[u8]) -> Result<Self, Unspecified> {
        let (salt, [key, iv, hp]) = if version == VERSION_2 {
            (SALT_2, ["quicv2 key", "quicv2 iv", "quicv2 hp"])
        } else {
            (SALT_1, ["quic key", "quic iv", "quic hp"])
        };
        let initial = Salt::new(HKDF_SHA256, &salt).extract(dcid);
        let secret: [u8; 32] = expand(&initial, "client in")?;
        let secret = Prk::new_less_safe(HKDF_SHA256, &secret);
        let key: [u8; 16] = expand(&secret, key)?;
        let hp: [u8; 16] = expand(&secret, hp)?;
        Ok(Self {
            packet: LessSafeKey::new(UnboundKey::new(&AES_128_GCM, &key)?),
            iv: expand(&secret, iv)?,
            header: quic::HeaderProtectionKey::new(&quic::AES_128, &hp)?,
        })
    }

    /// What hides the first byte and the packet number (RFC 9001 section 5.4.3).
    pub fn mask(&self, sample: &[u8]) -> Result<[u8; 5], Unspecified> {
        self.header.new_mask(sample)
    }

    /// Opens the payload of packet `number`, in place.
    pub fn open<'a>(
        &self,
        number: u64,
        header: &[u8],
        payload: &'a mut [u8],
    ) -> Result<&'a [u8], Unspecified> {
        let opened = self.packet.open_in_place(self.nonce(number), Aad::from(header), payload)?;
        Ok(opened)
    }

    fn nonce(&self, number: u64) -> Nonce {
        let mut nonce = self.iv;
        for (byte, part) in nonce.iter_mut().rev().zip(number.to_le_bytes()) {
            *byte ^= part;
        }
        Nonce::assume_unique_for_key(nonce)
    }

    #[cfg(test)]
    pub fn seal(&self, number: u64, header: &[u8], payload: &mut Vec<u8>) {
        let nonce = self.nonce(number);
        self.packet.seal_in_place_append_tag(nonce, Aad::from(header), payload).unwrap();
    }
}

/// HKDF-Expand-Label without a context (RFC 8446 section 7.1).
fn expand<const N: usize>(secret: &Prk, label: &str) -> Result<[u8; N], Unspecified> {
    struct Len(usize);
    impl hkdf::KeyType for Len {
        fn len(&self) -> usize {
            self.0
        }
    }

    const PREFIX: &str = "tls13 ";
    // Both are shorter than 256.
    #[expect(clippy::cast_possible_truncation, reason = "see above")]
    let (len, label_len) = ([0, N as u8], [(PREFIX.len() + label.len()) as u8]);
    let info: [&[u8]; 5] = [&len, &label_len, PREFIX.as_bytes(), label.as_bytes(), &[0]];
    let mut out = [0; N];
    secret.expand(&info, Len(N))?.fill(&mut out)?;
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    const DCID: [u8; 8] = [0x83, 0x94, 0xc8, 0xf0, 0x3e, 0x51, 0x57, 0x08];

    fn hex(text: &str) -> Vec<u8> {
        let digits = text.as_bytes().chunks(2);
        digits.map(|two| u8::from_str_radix(str::from_utf8(two).unwrap(), 16).unwrap()).collect()
    }

    /// RFC 9001 appendix A.1 and A.2, RFC 9369 appendix A.1.
    #[test]
    fn the_rfcs_have_the_same_keys() {
        let one = ClientKeys::derive(1, &DCID).unwrap();
        assert_eq!(one.iv[..], hex("fa044b2f42a3fd3b46fb255c"));
        let mask = one.mask(&hex("d1b1c98dd7689fb8ec11d242b123dc9b")).unwrap();
        assert_eq!(mask[..], hex("437b9aec36"));
        let two = ClientKeys::derive(VERSION_2, &DCID).unwrap();
        assert_eq!(two.iv[..], hex("91f73e2351d8fa91660e909f"));
    }
}
