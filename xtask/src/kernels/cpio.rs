//! A cpio archive of the `newc` format, which the kernel unpacks into its first root.
//!
//! `Documentation/driver-api/early-userspace/buffer-format.rst` in the kernel's source.

const DIRECTORY: u32 = 0o040_755;
const PROGRAM: u32 = 0o100_755;
const LAST: &str = "TRAILER!!!";

/// An archive in the making; everything in it belongs to root.
#[derive(Default)]
pub struct Cpio {
    bytes: Vec<u8>,
    entries: u32,
}

impl Cpio {
    /// Adds a directory; those above it come first.
    pub fn directory(&mut self, path: &str) {
        self.entry(path, DIRECTORY, &[]);
    }

    /// Adds a file, executable for everyone.
    pub fn file(&mut self, path: &str, content: &[u8]) {
        self.entry(path, PROGRAM, content);
    }

    /// The finished archive.
    pub fn finish(mut self) -> Vec<u8> {
        self.entry(LAST, 0, &[]);
        self.bytes
    }

    fn entry(&mut self, path: &str, mode: u32, content: &[u8]) {
        self.entries += 1;
        let (size, name_size) = (content.len(), path.len() + 1);
        self.bytes.extend(header(self.entries, mode, size, name_size).into_bytes());
        self.bytes.extend(path.bytes());
        self.bytes.push(0);
        self.pad();
        self.bytes.extend(content);
        self.pad();
    }

    fn pad(&mut self) {
        self.bytes.resize(self.bytes.len().next_multiple_of(4), 0);
    }
}

/// Magic, then inode, mode, uid, gid, links, time, size, two device numbers of the file, two of
/// a node, name size with its NUL, no checksum.
fn header(inode: u32, mode: u32, size: usize, name_size: usize) -> String {
    let zero = 0;
    format!(
        "070701{inode:08x}{mode:08x}{zero:08x}{zero:08x}{:08x}{zero:08x}{size:08x}\
         {zero:08x}{zero:08x}{zero:08x}{zero:08x}{name_size:08x}{zero:08x}",
        1
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn header_is_the_magic_and_thirteen_numbers() {
        let text = header(7, PROGRAM, 0x1234, 5);
        assert_eq!(text.len(), 110);
        assert_eq!(&text[..6], "070701");
        assert_eq!(&text[6..22], "00000007000081ed");
        assert_eq!(&text[54..62], "00001234");
        assert_eq!(&text[94..102], "00000005");
    }

    #[test]
    fn every_part_starts_at_a_multiple_of_four() {
        let mut cpio = Cpio::default();
        cpio.directory("etc");
        cpio.file("etc/x", b"12345");
        let bytes = cpio.finish();
        assert_eq!(bytes.len() % 4, 0);
        // 110 + 4 for the directory, rounded up; 110 + 6; 5, rounded up.
        assert_eq!(&bytes[116..122], b"070701");
        assert_eq!(&bytes[116 + 116..116 + 116 + 8], b"12345\0\0\0");
        assert!(bytes.windows(LAST.len()).any(|part| part == LAST.as_bytes()));
    }
}
