//! A picture of a terminal, from what `tmux capture-pane -e -p` says of its cells.

use std::{
    fmt::Write as _,
    io::{self, Read as _, Write as _},
};

use crate::failure::{Failure, Result};

/// Pixels of a cell.
const CELL: (usize, usize) = (9, 19);
/// Around the cells.
const MARGIN: usize = 12;
const BACKGROUND: &str = "#14171c";
const FOREGROUND: &str = "#d7dae0";
/// Black, red, green, yellow, blue, magenta, cyan, white.
const COLORS: [&str; 8] =
    ["#3b4048", "#f2666f", "#6fd08c", "#e8c268", "#6aa9f0", "#c792ea", "#58c7d6", "#d7dae0"];

/// How much ink a letter has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Weight {
    #[default]
    Usual,
    Bold,
    Dim,
}

/// How a cell looks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Look {
    color: Option<usize>,
    weight: Weight,
    is_underlined: bool,
    is_reversed: bool,
}

/// Reads cells from stdin and writes the picture to stdout.
pub fn picture() -> Result<()> {
    let failed = |error: io::Error| {
        Failure::new(
            "picture",
            error.to_string(),
            "run `tmux capture-pane -ep | cargo xtask picture`",
        )
    };
    let mut text = String::new();
    io::stdin().read_to_string(&mut text).map_err(failed)?;
    io::stdout().write_all(svg(&text).as_bytes()).map_err(failed)
}

/// The picture of cells.
pub fn svg(text: &str) -> String {
    let mut look = Look::default();
    let lines: Vec<_> = text.lines().map(|line| cells(line, &mut look)).collect();
    let columns = lines.iter().map(Vec::len).max().unwrap_or_default();
    let (width, height) = (columns * CELL.0 + 2 * MARGIN, lines.len() * CELL.1 + 2 * MARGIN);
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" \
         viewBox=\"0 0 {width} {height}\" font-family=\"monospace\" font-size=\"15\">\n\
         <rect width=\"100%\" height=\"100%\" rx=\"8\" fill=\"{BACKGROUND}\"/>\n"
    );
    for (y, line) in lines.iter().enumerate() {
        let mut x = 0;
        for run in line.chunk_by(|a, b| a.1 == b.1 && block(a.0).is_none() == block(b.0).is_none())
        {
            draw(&mut svg, (MARGIN + x * CELL.0, MARGIN + y * CELL.1), run);
            x += run.len();
        }
    }
    svg + "</svg>\n"
}

/// The characters of a line; the look goes on from line to line.
fn cells(line: &str, look: &mut Look) -> Vec<(char, Look)> {
    let mut cells = Vec::new();
    let mut rest = line;
    while let Some(character) = rest.chars().next() {
        if let Some((codes, behind)) =
            rest.strip_prefix("\x1b[").and_then(|rest| rest.split_once('m'))
        {
            look.change(codes);
            rest = behind;
            continue;
        }
        if !character.is_control() {
            cells.push((character, *look));
        }
        rest = &rest[character.len_utf8()..];
    }
    cells
}

impl Look {
    fn change(&mut self, codes: &str) {
        let mut codes = codes.split(';').map(|code| code.parse().unwrap_or(0_usize));
        while let Some(code) = codes.next() {
            match code {
                0 => *self = Self::default(),
                1 => self.weight = Weight::Bold,
                2 => self.weight = Weight::Dim,
                4 => self.is_underlined = true,
                7 => self.is_reversed = true,
                22 => self.weight = Weight::Usual,
                24 => self.is_underlined = false,
                27 => self.is_reversed = false,
                30..38 => self.color = Some(code - 30),
                38 => self.color = codes.nth(1).filter(|color| *color < COLORS.len()),
                39 => self.color = None,
                _ => {}
            }
        }
    }
}

/// Eighths of the cell that a block fills, from below, and how densely; `None` is a letter.
const fn block(character: char) -> Option<(usize, &'static str)> {
    match character {
        '▁'..='█' => Some((character as usize - '▁' as usize + 1, "1")),
        '░' => Some((8, "0.22")),
        _ => None,
    }
}

/// Cells of one look.
fn draw(svg: &mut String, (x, y): (usize, usize), run: &[(char, Look)]) {
    let Some((first, look)) = run.first().copied() else { return };
    let color = look.color.map_or(FOREGROUND, |color| COLORS[color]);
    let weight = match look.weight {
        Weight::Usual => "",
        Weight::Bold => " font-weight=\"bold\"",
        Weight::Dim => " opacity=\"0.6\"",
    };
    let width = run.len() * CELL.0;
    // Writing to a string cannot fail.
    if look.is_reversed {
        let _ = writeln!(
            svg,
            "<rect x=\"{x}\" y=\"{y}\" width=\"{width}\" height=\"{}\" fill=\"{color}\"/>",
            CELL.1
        );
    }
    let ink = if look.is_reversed { BACKGROUND } else { color };
    if block(first).is_some() {
        for (index, (character, _)) in run.iter().enumerate() {
            let (eighths, density) = block(*character).unwrap_or((0, "1"));
            let height = CELL.1 * eighths / 8;
            let (x, y) = (x + index * CELL.0, y + CELL.1 - height);
            let _ = writeln!(
                svg,
                "<rect x=\"{x}\" y=\"{y}\" width=\"{}\" height=\"{height}\" fill=\"{ink}\" \
                 fill-opacity=\"{density}\"/>",
                CELL.0
            );
        }
        return;
    }
    let text: String = run.iter().map(|(character, _)| *character).collect();
    if text.trim().is_empty() {
        return;
    }
    let line = if look.is_underlined { " text-decoration=\"underline\"" } else { "" };
    let text = text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    let baseline = y + CELL.1 - 5;
    let _ = writeln!(
        svg,
        "<text x=\"{x}\" y=\"{baseline}\" textLength=\"{width}\" xml:space=\"preserve\" \
         fill=\"{ink}\"{weight}{line}>{text}</text>"
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_have_their_place_and_look() {
        let drawn = svg("ab\x1b[32m<\x1b[0m█▁\n\x1b[7mx");
        for part in [
            "width=\"69\" height=\"62\"",
            "<text x=\"12\" y=\"26\" textLength=\"18\" xml:space=\"preserve\" fill=\"#d7dae0\">ab<",
            "<text x=\"30\" y=\"26\" textLength=\"9\" xml:space=\"preserve\" fill=\"#6fd08c\">&lt;<",
            "<rect x=\"39\" y=\"12\" width=\"9\" height=\"19\"",
            "<rect x=\"48\" y=\"29\" width=\"9\" height=\"2\"",
            "fill=\"#14171c\">x<",
        ] {
            assert!(drawn.contains(part), "no {part} in {drawn}");
        }
    }
}
