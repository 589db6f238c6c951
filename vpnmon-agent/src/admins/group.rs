//! group(5).

/// One group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Group<'a> {
    /// Its name.
    pub name: &'a str,
    /// Its id.
    pub gid: u32,
    /// Names of its members, without those whose primary group it is.
    pub members: Vec<&'a str>,
}

/// The groups of a text; lines that are none are passed over.
pub fn groups(text: &[u8]) -> Vec<Group<'_>> {
    text.split(|byte| *byte == b'\n').filter_map(group).collect()
}

fn group(line: &[u8]) -> Option<Group<'_>> {
    let line = std::str::from_utf8(line).ok()?;
    let mut fields = line.split(':');
    let name = fields.next().filter(|name| !name.is_empty())?;
    let gid = fields.nth(1)?.parse().ok()?;
    let members = fields.next().unwrap_or_default().split(',').map(str::trim);
    Some(Group { name, gid, members: members.filter(|member| !member.is_empty()).collect() })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: &[(&str, u32, &[&str])]) {
        let found = groups(text.as_bytes());
        let found: Vec<_> =
            found.iter().map(|it| (it.name, it.gid, it.members.as_slice())).collect();
        assert_eq!(found, expected, "{text:?}");
    }

    #[test]
    fn groups_and_their_members() {
        check("sudo:x:27:a,b\nempty:x:5:\n", &[("sudo", 27, &["a", "b"]), ("empty", 5, &[])]);
        check("short:x:9\n#no\n:x:1:a\nbad:x:y:a\n", &[("short", 9, &[])]);
    }
}
