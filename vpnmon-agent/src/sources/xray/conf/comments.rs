//! JSON as Xray takes it: with `#`, `//` and `/* */` comments.

/// Where a byte stands.
#[derive(Clone, Copy)]
enum Place {
    Code,
    Text,
    /// After a backslash in a text.
    Escaped,
    Line,
    Block,
}

/// The text with blanks for comments: every other byte, and every line, stays where it is.
pub fn without_comments(text: &[u8]) -> Vec<u8> {
    let mut plain = text.to_vec();
    let mut place = Place::Code;
    let mut at = 0;
    while at < text.len() {
        let two = text.get(at..at + 2).unwrap_or_default();
        let (next, blanks) = match (place, text[at], two) {
            (Place::Code, b'#', _) | (Place::Code, _, b"//") => (Place::Line, 1),
            (Place::Code, _, b"/*") => (Place::Block, 2),
            (Place::Code, b'"', _) | (Place::Escaped, ..) => (Place::Text, 0),
            (Place::Text, b'"', _) | (Place::Line, b'\n', _) => (Place::Code, 0),
            (Place::Text, b'\\', _) => (Place::Escaped, 0),
            (Place::Block, _, b"*/") => (Place::Code, 2),
            (Place::Line | Place::Block, ..) => (place, 1),
            (Place::Code | Place::Text, ..) => (place, 0),
        };
        for byte in plain[at..].iter_mut().take(blanks).filter(|byte| **byte != b'\n') {
            *byte = b' ';
        }
        at += blanks.max(1);
        place = next;
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: &str) {
        assert_eq!(String::from_utf8_lossy(&without_comments(text.as_bytes())), expected);
    }

    #[test]
    fn comments_become_blanks() {
        check("{}", "{}");
        check("#vls bob 2026\n{#x\n}", "             \n{  \n}");
        check("[1, // one\n2]", "[1,       \n2]");
        check("[/* a\nb */1]", "[    \n    1]");
        check("[1]/* never ends", "[1]             ");
        check("/", "/");
    }

    #[test]
    fn texts_stay() {
        for text in [r##"{"a":"#1 // /* "}"##, r##"{"a\"#":"\\"}"##, r#"["http://x"]"#, r#"""#] {
            check(text, text);
        }
    }
}
