//! Puts back what was cut: where it was if that can still be told, else at a place of its list.

use std::ops::Range;

use serde_json::Value;

use super::{Doubt, Excerpt, Listed, Sheet, lists, parsed};

/// Bytes on either side that tell a place, where others have changed what is farther away.
const NEAR: usize = 40;

/// The text with the client in it again; `None` where its list is no more. Unless `anywhere`, only
/// the very place that it was cut from will do.
pub fn put_back(text: &str, excerpt: &Excerpt, anywhere: bool) -> Result<Option<String>, Doubt> {
    let (lists, root) = lists(text)?;
    let Some(list) = lists.iter().find(|it| is_its(it, excerpt)) else { return Ok(None) };
    let restored = place(text, excerpt).map(|at| {
        let rest = &text[at + excerpt.left.len()..];
        [&text[..at], &excerpt.cut, rest].concat()
    });
    if let Some(restored) = restored.filter(|it| is_right(it, excerpt, &root)) {
        return Ok(Some(restored));
    }
    if !anywhere {
        return Err(Doubt::new("its place is not to be found"));
    }
    let sheet = Sheet::new(text)?;
    let candidates =
        [beside_markers(&sheet, list, excerpt)?, Some(at_the_end(&sheet, list, excerpt))];
    let right = candidates.into_iter().flatten().find(|it| is_right(it, excerpt, &root));
    right.map(Some).ok_or_else(|| Doubt::new("no place in its list can be told for sure"))
}

/// Tags are unique where there are any.
fn is_its(it: &Listed, excerpt: &Excerpt) -> bool {
    let key = |pointer: &str| pointer.rsplit('/').next().map(str::to_owned);
    if excerpt.tag.is_empty() {
        it.list.tag.is_empty() && it.list.pointer == excerpt.list
    } else {
        it.list.tag == excerpt.tag && key(&it.list.pointer) == key(&excerpt.list)
    }
}

/// Where it was: there if that looks as it was left, else the only place that does.
fn place(text: &str, excerpt: &Excerpt) -> Option<usize> {
    let around = [excerpt.before.as_str(), &excerpt.left, &excerpt.after].concat();
    let start = excerpt.at.checked_sub(excerpt.before.len());
    if start.and_then(|start| text.get(start..)).is_some_and(|it| it.starts_with(&around)) {
        return Some(excerpt.at);
    }
    [usize::MAX, NEAR].into_iter().find_map(|reach| {
        let before = excerpt.before.len().saturating_sub(reach);
        let before = &excerpt.before[excerpt.before.ceil_char_boundary(before)..];
        let after = &excerpt.after[..excerpt.after.floor_char_boundary(reach)];
        let around = [before, &excerpt.left, after].concat();
        let mut found = text.match_indices(&around);
        match (found.next(), found.next()) {
            (Some((at, _)), None) => Some(at + before.len()),
            _ => None,
        }
    })
}

/// Whether a text says what `root` says, and the client in its list, and no more.
fn is_right(text: &str, excerpt: &Excerpt, root: &Value) -> bool {
    let (Ok((lists, after)), Ok(client)) = (lists(text), parsed(&excerpt.client)) else {
        return false;
    };
    lists.iter().filter(|it| is_its(it, excerpt)).any(|it| {
        let pointer = &it.list.pointer;
        let clients = after.pointer(pointer).and_then(Value::as_array).into_iter().flatten();
        let same = clients.enumerate().filter(|(_, it)| **it == client).map(|(index, _)| index);
        same.into_iter().any(|index| {
            let mut without = after.clone();
            let list = without.pointer_mut(pointer).and_then(Value::as_array_mut);
            list.map(|list| list.remove(index)).is_some() && without == *root
        })
    })
}

/// As panels insert a user: marker and client before what closes the first object.
fn beside_markers(
    sheet: &Sheet<'_>,
    it: &Listed,
    excerpt: &Excerpt,
) -> Result<Option<String>, Doubt> {
    let (Some(first), Some(marker)) = (it.list.elements.first(), &excerpt.marker) else {
        return Ok(None);
    };
    let Some(members) = inner(&excerpt.client) else { return Ok(None) };
    let tail = sheet.members(first)?.last().map(|last| last.value.end..first.end - 1);
    let Some(tail) = tail else { return Ok(None) };
    let at =
        behind_anchor(&sheet.text[tail.clone()], marker).map_or(tail.start, |at| tail.start + at);
    let (before, after) = sheet.text.split_at(at);
    let newline = if before.ends_with('\n') { "" } else { "\n" };
    let after = if newline.is_empty() { after } else { after.strip_prefix('\n').unwrap_or(after) };
    Ok(Some([before, newline, marker, "\n},{", members.trim(), "\n", after].concat()))
}

/// Behind the line that is nothing but the marker's sign, by which panels find the place.
fn behind_anchor(tail: &str, marker: &str) -> Option<usize> {
    let sign = marker.split_ascii_whitespace().next()?;
    let mut at = 0;
    for line in tail.split_inclusive('\n') {
        at += line.len();
        if line.trim() == sign && line.ends_with('\n') {
            return Some(at);
        }
    }
    None
}

fn inner(client: &str) -> Option<&str> {
    client.trim().strip_prefix('{')?.strip_suffix('}')
}

/// Behind the last client.
fn at_the_end(sheet: &Sheet<'_>, it: &Listed, excerpt: &Excerpt) -> String {
    let Range { start, .. } = it.list.span;
    let (at, comma) = it.list.elements.last().map_or((start + 1, ""), |last| (last.end, ","));
    let (before, after) = sheet.text.split_at(at);
    let marker = excerpt.marker.as_ref().map(|marker| format!("{marker}\n")).unwrap_or_default();
    [before, comma, "\n", &marker, &excerpt.client, after].concat()
}
