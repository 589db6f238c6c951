//! Lines out of chunks, none of them long.

/// A longer line is dropped whole: syslog's own messages end at 8 KiB.
pub const MAX_LINE_BYTES: usize = 8 << 10;

/// The end of a chunk waits here for its line's end.
#[derive(Debug, Default)]
pub struct LineBuffer {
    begun: Vec<u8>,
    /// The line is too long already; what is left of it is passed over.
    passing_over: bool,
    /// Lines dropped for their length.
    pub too_long: u64,
}

impl LineBuffer {
    /// Takes the next bytes and hands every line that they end to `each`, without its end.
    pub fn push(&mut self, mut chunk: &[u8], mut each: impl FnMut(&[u8])) {
        while let Some(end) = chunk.iter().position(|byte| *byte == b'\n') {
            let (line, rest) = (&chunk[..end], &chunk[end + 1..]);
            chunk = rest;
            if std::mem::take(&mut self.passing_over) {
                continue;
            }
            if self.begun.len() + line.len() > MAX_LINE_BYTES {
                self.too_long += 1;
            } else if self.begun.is_empty() {
                each(without_return(line));
            } else {
                self.begun.extend_from_slice(line);
                each(without_return(&self.begun));
            }
            self.begun.clear();
        }
        self.keep(chunk);
    }

    /// Forgets the line that has begun: what comes next is another place, perhaps `in_a_line`.
    pub fn jump(&mut self, in_a_line: bool) {
        self.begun.clear();
        self.passing_over = in_a_line;
    }

    fn keep(&mut self, begun: &[u8]) {
        if self.passing_over {
            return;
        }
        if self.begun.len() + begun.len() > MAX_LINE_BYTES {
            self.too_long += 1;
            self.passing_over = true;
            self.begun.clear();
        } else {
            self.begun.extend_from_slice(begun);
        }
    }
}

/// sshd ends its own lines with CR LF.
fn without_return(line: &[u8]) -> &[u8] {
    line.strip_suffix(b"\r").unwrap_or(line)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn lines(text: &[u8], cuts: &[usize]) -> (Vec<Vec<u8>>, u64) {
        let mut buffer = LineBuffer::default();
        let mut lines = Vec::new();
        let mut at = 0;
        for cut in cuts.iter().copied().chain([text.len()]) {
            let end = (at + cut).min(text.len());
            buffer.push(&text[at..end], |line| lines.push(line.to_vec()));
            at = end;
        }
        buffer.push(&text[at..], |line| lines.push(line.to_vec()));
        (lines, buffer.too_long)
    }

    #[test]
    fn a_long_line_is_dropped_whole() {
        let long = vec![b'x'; MAX_LINE_BYTES + 1];
        let text = [b"a\n".as_slice(), &long, b"\nb\r\nc"].concat();
        for cuts in [vec![], vec![3], vec![MAX_LINE_BYTES], vec![2, MAX_LINE_BYTES + 1]] {
            assert_eq!(lines(&text, &cuts), (vec![b"a".to_vec(), b"b".to_vec()], 1), "{cuts:?}");
        }
    }

    proptest! {
        #[test]
        fn cuts_do_not_matter(
            text in "[ab\n]{0,64}",
            cuts in prop::collection::vec(0..9usize, 0..9),
        ) {
            let whole: Vec<_> = text.split('\n').map(|line| line.as_bytes().to_vec()).collect();
            let ended = &whole[..whole.len() - 1];
            prop_assert_eq!(lines(text.as_bytes(), &cuts), (ended.to_vec(), 0));
        }
    }
}
