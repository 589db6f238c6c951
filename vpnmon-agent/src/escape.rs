//! Text from users, kept from doing anything to the terminal it is shown on.

use std::fmt::Write as _;

use unicode_width::UnicodeWidthChar as _;

/// `text` with every character escaped that moves the cursor, reorders the line or has no width:
/// controls as `\x1b`, the others as `\u{202e}`. A backslash of the text stays as it is.
#[must_use]
pub fn escaped(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for character in text.chars() {
        push(&mut shown, character);
    }
    shown
}

/// One column of [`escaped`] text, or one escape: what must not be cut apart.
pub fn push(shown: &mut String, character: char) {
    let code = u32::from(character);
    // Writing to a string cannot fail.
    let _ = match character {
        _ if is_shown(character) => shown.write_char(character),
        _ if code < 0x100 => write!(shown, "\\x{code:02x}"),
        _ => write!(shown, "\\u{{{code:x}}}"),
    };
}

fn is_shown(character: char) -> bool {
    // `escape_debug` knows what Unicode holds to be printable, and has its own mind about these.
    let printable = matches!(character, '"' | '\'' | '\\') || character.escape_debug().len() == 1;
    // Blank, though Unicode calls them letter and symbol.
    let blank = matches!(character, '\u{115f}' | '\u{2800}');
    printable && !blank && character.width().is_some_and(|columns| columns > 0)
}

/// Columns that `text` takes on a terminal.
#[must_use]
pub fn width(text: &str) -> usize {
    text.chars().filter_map(unicode_width::UnicodeWidthChar::width).sum()
}

/// [`escaped`] `text` in at most `columns`; `…` stands for what did not fit.
#[must_use]
pub fn fitted(text: &str, columns: usize) -> String {
    let whole = escaped(text);
    if width(&whole) <= columns {
        return whole;
    }
    let mut shown = String::new();
    for character in text.chars() {
        let before = shown.len();
        push(&mut shown, character);
        if width(&shown) >= columns {
            shown.truncate(before);
            break;
        }
    }
    if columns > 0 {
        shown.push('…');
    }
    shown
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_acts_on_the_terminal_is_escaped() {
        for (text, expected) in [
            ("john", "john"),
            ("a b\\c\"d'e", "a b\\c\"d'e"),
            ("\x1b[31mred", "\\x1b[31mred"),
            ("a\nb\tc\0\x7f", "a\\x0ab\\x09c\\x00\\x7f"),
            ("\u{9b}31m", "\\x9b31m"),
            ("nbsp\u{a0}soft\u{ad}", "nbsp\\xa0soft\\xad"),
            ("evil\u{202e}gpj", "evil\\u{202e}gpj"),
            ("zero\u{200b}\u{200d}\u{feff}", "zero\\u{200b}\\u{200d}\\u{feff}"),
            ("line\u{2028}", "line\\u{2028}"),
            ("isolate\u{2066}\u{2069}", "isolate\\u{2066}\\u{2069}"),
            ("filler\u{3164}\u{115f}", "filler\\u{3164}\\u{115f}"),
            ("zalgo\u{301}", "zalgo\\u{301}"),
            ("tag\u{e0041}", "tag\\u{e0041}"),
            ("josé 李雷 😀", "josé 李雷 😀"),
        ] {
            assert_eq!(escaped(text), expected);
        }
    }

    #[test]
    fn is_cut_between_characters() {
        for (text, columns, expected) in [
            ("john", 4, "john"),
            ("johnny", 4, "joh…"),
            ("johnny", 1, "…"),
            ("johnny", 0, ""),
            ("李雷雷", 5, "李雷…"),
            ("李雷雷", 4, "李…"),
            ("ab\u{202e}cd", 6, "ab…"),
        ] {
            assert_eq!(fitted(text, columns), expected);
        }
    }

    proptest! {
        #[test]
        fn shows_as_wide_as_it_says(text in any::<String>(), columns in 0..40usize) {
            let whole = escaped(&text);
            prop_assert!(whole.chars().all(is_shown));
            prop_assert_eq!(escaped(&whole), whole);
            prop_assert!(width(&fitted(&text, columns)) <= columns);
        }
    }
}
