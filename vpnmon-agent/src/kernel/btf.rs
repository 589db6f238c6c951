//! The kernel's word on its own types (BTF): where a field is in a structure.

use std::fs;

use anyhow::{Context as _, Result, bail, ensure};

const FILE: &str = "/sys/kernel/btf/vmlinux";
const MAGIC: u16 = 0xeb9f;
/// Bytes of a type before what its kind adds.
const TYPE: usize = 12;
const MEMBER: usize = 12;
const STRUCT: u32 = 4;

/// What the running kernel says.
pub struct Btf(Vec<u8>);

impl Btf {
    /// Reads it: some megabytes.
    pub fn read() -> Result<Self> {
        fs::read(FILE).map(Self).with_context(|| format!("cannot read {FILE}"))
    }

    /// Bytes from the start of `structure` to its own member `field`.
    pub fn offset_of(&self, structure: &str, field: &str) -> Result<u32> {
        let found =
            find(&self.0, structure, field).with_context(|| format!("{FILE} is damaged"))?;
        found.with_context(|| format!("{FILE} knows no {field} in a struct {structure}"))
    }
}

/// The layout is that of the kernel's `include/uapi/linux/btf.h`.
fn find(btf: &[u8], structure: &str, field: &str) -> Result<Option<u32>> {
    ensure!(btf.get(..2) == Some(&MAGIC.to_ne_bytes()), "no BTF of this machine's byte order");
    let [header, types, types_len, strings] = [4, 8, 12, 16].map(|at| word(btf, at));
    let header = header? as usize;
    let part = |start: u32| btf.get(header + start as usize..).context("it is cut short");
    let strings = part(strings?)?;
    let mut rest = part(types?)?.get(..types_len? as usize).context("it is cut short")?;
    while !rest.is_empty() {
        let (name, shape) = (word(rest, 0)?, word(rest, 4)?);
        let len = TYPE + added(shape)?;
        let members = rest.get(TYPE..len).context("it is cut short")?;
        if kind(shape) == STRUCT && is(strings, name, structure) {
            for member in members.chunks_exact(MEMBER) {
                if is(strings, word(member, 0)?, field) {
                    let bits = word(member, 8)?;
                    // With the kind flag the upper byte is a bit field's size.
                    let bits = if shape >> 31 == 1 { bits & 0x00ff_ffff } else { bits };
                    return Ok(Some(bits / 8));
                }
            }
        }
        rest = &rest[len..];
    }
    Ok(None)
}

const fn kind(shape: u32) -> u32 {
    (shape >> 24) & 0x1f
}

/// Bytes that a type's kind adds.
fn added(shape: u32) -> Result<usize> {
    let each = (shape & 0xffff) as usize;
    Ok(match kind(shape) {
        // Pointer, forward, typedef, volatile, const, restrict, function, float, type tag.
        2 | 7..=12 | 16 | 18 => 0,
        // Integer, variable, declaration tag.
        1 | 14 | 17 => 4,
        // Array.
        3 => 12,
        // Enumeration, function prototype.
        6 | 13 => 8 * each,
        // Struct, union, data section, enumeration of 64 bits.
        STRUCT | 5 | 15 | 19 => MEMBER * each,
        unknown => bail!("it has types of kind {unknown}, which this build does not know"),
    })
}

/// Whether the zero-terminated string at `at` is `name`.
fn is(strings: &[u8], at: u32, name: &str) -> bool {
    let tail = strings.get(at as usize..).unwrap_or_default();
    tail.strip_prefix(name.as_bytes()).is_some_and(|rest| rest.first() == Some(&0))
}

fn word(bytes: &[u8], at: usize) -> Result<u32> {
    let word = bytes.get(at..at + 4).and_then(|word| word.try_into().ok());
    word.map(u32::from_ne_bytes).context("it is cut short")
}

#[cfg(test)]
mod tests {
    use super::*;

    const STRINGS: &[u8] = b"\0sock\0sk_uid\0sk_mark\0sock_common\0";
    const SOCK: u32 = 1;
    const SK_UID: u32 = 6;
    const SK_MARK: u32 = 13;
    const SOCK_COMMON: u32 = 21;

    fn btf(types: &[&[u32]]) -> Vec<u8> {
        let types: Vec<u8> = types.concat().iter().flat_map(|word| word.to_ne_bytes()).collect();
        let mut btf = MAGIC.to_ne_bytes().to_vec();
        btf.extend([1, 0]);
        let [types_len, strings_len] =
            [types.len(), STRINGS.len()].map(|len| u32::try_from(len).unwrap());
        for word in [24, 0, types_len, types_len, strings_len] {
            btf.extend(word.to_ne_bytes());
        }
        [&btf, &types[..], STRINGS].concat()
    }

    fn check(types: &[&[u32]], expected: Option<u32>) {
        assert_eq!(find(&btf(types), "sock", "sk_uid").unwrap(), expected);
    }

    #[test]
    fn finds_the_member_of_the_right_struct() {
        let int = [SK_UID, 1 << 24, 4, 32];
        let common = [SOCK_COMMON, (STRUCT << 24) | 1, 4, SK_UID, 1, 0];
        let sock = [SOCK, (STRUCT << 24) | 2, 8, SK_MARK, 1, 0, SK_UID, 1, 320];
        check(&[&int, &common, &sock], Some(40));
        check(&[&int, &common], None);
        check(&[], None);
        // A struct with bit fields: the upper byte of an offset is a size.
        let flagged = [SOCK, (1 << 31) | (STRUCT << 24) | 1, 8, SK_UID, 1, (7 << 24) | 64];
        check(&[&flagged], Some(8));
    }

    #[test]
    fn damage_is_an_error() {
        let sock = [SOCK, (STRUCT << 24) | 1, 8, SK_UID, 1, 320];
        let whole = btf(&[&sock]);
        assert!(find(&[], "sock", "sk_uid").is_err());
        assert!(find(&whole[..40], "sock", "sk_uid").is_err());
        assert!(find(&btf(&[&[SOCK, 31 << 24, 0]]), "sock", "sk_uid").is_err());
    }
}
