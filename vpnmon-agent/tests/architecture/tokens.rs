//! Rust text as words and signs, without comments and literals: as much as `use` needs.

/// A word, or one sign of punctuation; `::` is one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Token<'a> {
    Word(&'a str),
    Path,
    Sign(char),
}

/// The tokens of `text`.
pub fn tokens(text: &str) -> Vec<Token<'_>> {
    let mut tokens = Vec::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let (len, token) = token(first, rest);
        tokens.extend(token);
        rest = &rest[len..];
    }
    tokens
}

/// What `text` begins with, and how many bytes that takes.
fn token(first: char, text: &str) -> (usize, Option<Token<'_>>) {
    if first == '_' || first.is_alphabetic() {
        let end = text.find(|c: char| c != '_' && !c.is_alphanumeric()).unwrap_or(text.len());
        let (word, rest) = text.split_at(end);
        return match string_after(word, rest) {
            Some(literal) => (end + literal, None),
            None => (end, Some(Token::Word(word))),
        };
    }
    if let Some(skipped) = skipped(text) {
        return (skipped, None);
    }
    if text.starts_with("::") {
        return (2, Some(Token::Path));
    }
    (first.len_utf8(), (!first.is_whitespace()).then_some(Token::Sign(first)))
}

/// Bytes of a comment, string or character at the start of `text`.
fn skipped(text: &str) -> Option<usize> {
    if text.starts_with("//") {
        return Some(text.find('\n').unwrap_or(text.len()));
    }
    if text.starts_with("/*") {
        return Some(text.find("*/").map_or(text.len(), |end| end + 2));
    }
    if text.starts_with('"') {
        return Some(string(text));
    }
    // A lifetime has no second quote where a character has one.
    let character = text.strip_prefix('\'')?;
    let escape = usize::from(character.starts_with('\\'));
    let inner = character.chars().nth(escape)?.len_utf8();
    let end = escape + inner + character.get(escape + inner..)?.find('\'')?;
    (escape == 1 || end == inner).then_some(end + 2)
}

/// Bytes of a string literal whose first letters are `prefix`.
fn string_after(prefix: &str, rest: &str) -> Option<usize> {
    match prefix {
        "b" | "c" if rest.starts_with('"') => Some(string(rest)),
        "r" | "br" | "cr" => {
            let hashes = rest.len() - rest.trim_start_matches('#').len();
            let inner = rest[hashes..].strip_prefix('"')?;
            let end = format!("\"{}", "#".repeat(hashes));
            Some(hashes + 1 + inner.find(&end)? + end.len())
        }
        _ => None,
    }
}

/// Bytes of a string literal with its quotes.
fn string(text: &str) -> usize {
    let mut escaped = false;
    for (at, character) in text.char_indices().skip(1) {
        match character {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '"' => return at + 1,
            _ => {}
        }
    }
    text.len()
}

#[test]
fn comments_and_literals_are_none() {
    use Token::{Path, Sign, Word};
    for (text, expected) in [
        ("a::b // c::d\n/* e */", &[Word("a"), Path, Word("b")][..]),
        (r#"f("crate::x \" y", z)"#, &[Word("f"), Sign('('), Sign(','), Word("z"), Sign(')')]),
        ("r#\"a\"b\"# b'\\'' b\"c\" d", &[Word("b"), Word("d")]),
        ("'a' '\\u{1}' &'a str '('", &[Sign('&'), Sign('\''), Word("a"), Word("str")]),
        ("1_000u64", &[Sign('1'), Word("_000u64")]),
    ] {
        assert_eq!(tokens(text), expected, "{text}");
    }
}
