//! Where to cut, so that a client goes with its own comments and nobody else's.
//!
//! Panels insert two lines a user, the first a marker in the object before:
//!
//! ```text
//! #vls bob 2026-01-31
//! },{"id": "...", "email": "bob"
//! #vls al 2026-01-31
//! },{"id": "...", "email": "al"
//! }
//! ```
//!
//! There the cut goes from the marker to the end of the client's own line: what closes the client
//! closes the one before then, and the next user's marker stays.

use std::ops::Range;

use super::{
    super::{
        markers::{is_marker, marked_user},
        service,
    },
    Doubt, Excerpt, Listed, Sheet,
};
use crate::model::Service;

/// Bytes of text on either side of a cut that are kept to find it again.
const CONTEXT: usize = 160;
/// Protocols that let nobody in where their list is empty; others let everybody in then, or whoever
/// has the server's own password.
const MAY_BE_EMPTY: [&str; 3] = ["vmess", "vless", "trojan"];

/// What goes, and what stands there then.
struct Cut {
    span: Range<usize>,
    left: String,
    marker: Option<String>,
}

/// The cut that takes client `index` out of a list.
pub fn cut(sheet: &Sheet<'_>, it: &Listed, index: usize, email: &str) -> Result<Excerpt, Doubt> {
    let list = &it.list;
    let gone = || Doubt::new("the client is not where it seems to be");
    let client = list.elements.get(index).ok_or_else(gone)?.clone();
    if list.elements.len() == 1 && !MAY_BE_EMPTY.contains(&list.protocol.as_str()) {
        let why = format!("an inbound of {} without users lets others in", list.protocol);
        return Err(Doubt::new(why));
    }
    let members = sheet.members(&client)?;
    for key in ["email", "user"] {
        super::one(&members, key)?;
    }
    let piece = Piece { sheet, elements: &list.elements, array: &list.span, index, email };
    let cut = match piece.between_lines()? {
        Some(cut) => cut,
        None => piece.whole()?,
    };
    let (text, Range { start, end }) = (sheet.text, cut.span);
    let before = text.floor_char_boundary(start.saturating_sub(CONTEXT));
    let after = text.ceil_char_boundary(end.saturating_add(CONTEXT).min(text.len()));
    let part = |span: Range<usize>| text.get(span).map(str::to_owned).ok_or_else(gone);
    Ok(Excerpt {
        email: email.to_owned(),
        service: service(&list.protocol).unwrap_or(Service::Xray),
        tag: list.tag.clone(),
        list: list.pointer.clone(),
        client: sheet.plain.get(client).ok_or_else(gone)?.to_owned(),
        marker: cut.marker,
        at: start,
        before: part(before..start)?,
        cut: part(start..end)?,
        left: cut.left,
        after: part(end..after)?,
    })
}

/// A client among its neighbours.
struct Piece<'a> {
    sheet: &'a Sheet<'a>,
    elements: &'a [Range<usize>],
    array: &'a Range<usize>,
    index: usize,
    email: &'a str,
}

impl Piece<'_> {
    fn client(&self) -> Range<usize> {
        self.elements.get(self.index).cloned().unwrap_or_default()
    }

    fn before(&self) -> Option<Range<usize>> {
        self.elements.get(self.index.checked_sub(1)?).cloned()
    }

    /// What stands in an object behind its last member; nothing for what is no object.
    fn tail(&self, object: &Range<usize>) -> Result<Range<usize>, Doubt> {
        let is_object = self.sheet.plain[object.clone()].starts_with('{');
        let last = self.sheet.members(object)?.last().map(|member| member.value.end);
        let begin = last.unwrap_or(object.start + 1);
        let end = object.end.saturating_sub(1);
        Ok(if is_object { begin..end } else { object.end..object.end })
    }

    /// As panels write: from the marker, or the end of the object before, to the end of this one's
    /// members. `None` where that is not how it is written.
    fn between_lines(&self) -> Result<Option<Cut>, Doubt> {
        let Some(before) = self.before() else { return Ok(None) };
        let (client, sheet) = (self.client(), self.sheet);
        let (tail_before, tail) = (self.tail(&before)?, self.tail(&client)?);
        let marker = self.marker(tail_before);
        let are_objects =
            [&before, &client].iter().all(|it| sheet.plain[it.start..].starts_with('{'));
        let is_so = marker.is_some() || sheet.has_comment(tail.clone());
        if !are_objects || !is_so || sheet.has_comment(before.end..client.start) {
            return Ok(None);
        }
        self.no_markers(client.start..tail.start)?;
        let start = marker.as_ref().map_or(before.end - 1, |(at, _)| *at);
        let is_line = start == 0 || sheet.text.as_bytes().get(start - 1) == Some(&b'\n');
        let end = self.line_end(tail, is_line);
        let end = end + usize::from(is_line && sheet.text[end..].starts_with('\n'));
        let marker = marker.map(|(_, line)| line);
        Ok(Some(Cut { span: start..end, left: String::new(), marker }))
    }

    /// The client and a comma.
    fn whole(&self) -> Result<Cut, Doubt> {
        let (client, sheet) = (self.client(), self.sheet);
        self.no_markers(client.clone())?;
        let behind = self.before().map_or(self.array.start + 1, |it| self.comma(it.end) + 1);
        let marker = self.marker(behind..client.start);
        let start = marker.as_ref().map_or(client.start, |(at, _)| *at);
        let line = marker.map(|(_, line)| line);
        let next = self.elements.get(self.index + 1);
        if let Some(next) = next {
            let comma = self.comma(client.end) + 1;
            self.no_markers(client.end..comma)?;
            let (start, is_line) = self.line_start(start, behind);
            let end = self.line_end(comma..next.start, is_line);
            // The newline goes where the whole line does.
            let end = end + usize::from(is_line && sheet.text[end..].starts_with('\n'));
            return Ok(Cut { span: start..end, left: String::new(), marker: line });
        }
        let (_, is_line) = self.line_start(start, behind);
        let end = self.line_end(client.end..self.array.end - 1, is_line);
        if self.index == 0 {
            return Ok(Cut { span: start..end, left: String::new(), marker: line });
        }
        let comma = behind - 1;
        let has_comment = sheet.has_comment(behind..start);
        let left = if has_comment { sheet.text[behind..start].to_owned() } else { String::new() };
        Ok(Cut { span: comma..end, left, marker: line })
    }

    /// The comma behind `at`; there is one where there are two elements.
    fn comma(&self, at: usize) -> usize {
        self.sheet.plain[at..].find(',').map_or(at, |distance| at + distance)
    }

    /// Where the line of `at` begins, if nothing stands before it there; else `at`.
    fn line_start(&self, at: usize, from: usize) -> (usize, bool) {
        let before = &self.sheet.text[from..at];
        match before.rfind('\n') {
            Some(line) if before[line + 1..].trim().is_empty() => (from + line + 1, true),
            _ => (at, false),
        }
    }

    /// The end of the line that `span` begins in, where the client has its lines to itself: a comment
    /// on it is the client's then. Else the beginning of `span`.
    fn line_end(&self, span: Range<usize>, is_line: bool) -> usize {
        let text = &self.sheet.text[span.clone()];
        match text.find('\n').map(|end| &text[..end]) {
            Some(line) if is_line && !line.contains("/*") && !is_marker(line) => {
                span.start + line.len()
            }
            _ => span.start,
        }
    }

    /// Comments by which a panel finds somebody else must not go.
    fn no_markers(&self, span: Range<usize>) -> Result<(), Doubt> {
        let is_own = |line| marked_user(line).is_some_and(|(user, _)| user == self.email);
        if self.sheet.text[span].lines().any(|line| is_marker(line) && !is_own(line)) {
            return Err(Doubt::new("markers of others stand in the client's object"));
        }
        Ok(())
    }

    /// The line at the end of a span of comments that marks this user: where, and what it says.
    fn marker(&self, span: Range<usize>) -> Option<(usize, String)> {
        let text = self.sheet.text.get(span.clone())?.trim_end();
        let at = text.rfind('\n')? + 1;
        let line = &text[at..];
        let (user, _) = marked_user(line)?;
        (user == self.email).then(|| (span.start + at, line.to_owned()))
    }
}
