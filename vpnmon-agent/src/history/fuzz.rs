//! What is read back of the file may be anything.

use super::{
    block::{Block, rows},
    tables::Known,
};

/// Takes any bytes for a block of rows and for what is known of an account.
///
/// # Panics
/// Where a value that was read is another one after it was written.
pub fn fuzz(packed: &[u8]) {
    let read: Vec<_> = rows(1, packed).collect();
    assert!(read.len() <= packed.len(), "{} rows of {} bytes", read.len(), packed.len());
    let mut block = Block::default();
    let fitting: Vec<_> =
        read.iter().take_while(|(number, row)| block.push(*number, row)).collect();
    let (first, written) = block.parts().unwrap_or_default();
    assert!(rows(first, written).eq(fitting.into_iter().copied()), "rows");
    if let Some(known) = Known::unpack(packed) {
        assert_eq!(Known::unpack(&known.pack()).as_ref(), Some(&known));
    }
}
