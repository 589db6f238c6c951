//! What the keys do.

use ratatui::text::{Line, Span};

use super::paint::Paint;

const KEYS: [(&str, &str); 13] = [
    ("1  2  Tab", "accounts, hosts, the other of the two"),
    ("Up Down  k j", "a row; Page Up, Page Down, Home, End"),
    ("Enter", "open the account: sessions, hosts, limits"),
    ("Esc", "back; drop what is looked for"),
    ("s  S", "the next, the last order of the rows"),
    ("r", "the other way round"),
    ("/", "look for a name, user or service"),
    ("Space  f", "freeze the rows, go on"),
    ("Ctrl-L", "draw all anew"),
    ("Ctrl-Z", "to the shell; fg brings it back"),
    ("?  h", "this page"),
    ("q  Ctrl-C", "quit"),
    ("", ""),
];

const WORDS: [(&str, &str); 3] = [
    ("USED", "the limit that is nearer to its end"),
    ("RATE", "both ways, a bar a second, since it is on the screen"),
    ("green host", "first seen in the last minute"),
];

/// The page.
pub fn lines(paint: Paint) -> Vec<Line<'static>> {
    let line = |(key, does): &(&str, &str)| {
        let key = Span::styled(format!("  {key:<14}"), paint.title());
        Line::from(vec![key, Span::raw((*does).to_owned())])
    };
    KEYS.iter().chain(&WORDS).map(line).collect()
}
