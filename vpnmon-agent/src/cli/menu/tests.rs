//! Talks with a pipe and with a terminal.

use super::{bandwidth, hosts, talk::Talk, *};

/// What was run and said, for these lines of input.
fn talked(
    menu: fn(&mut Talk<'_>) -> Result<()>,
    is_terminal: bool,
    input: &str,
) -> (Vec<String>, String) {
    let (mut ran, mut said) = (Vec::new(), Vec::new());
    let mut run = |words: &[&str]| {
        ran.push(words.join(" "));
        Ok(())
    };
    let mut input = input.as_bytes();
    menu(&mut Talk::new(|| talk::line(&mut input), &mut said, is_terminal, &mut run)).unwrap();
    (ran, String::from_utf8(said).unwrap())
}

fn check(menu: fn(&mut Talk<'_>) -> Result<()>, input: &str, expected: &[&str]) {
    assert_eq!(talked(menu, false, input).0, expected, "{input:?}");
}

#[test]
fn numbers_are_the_panels() {
    for (input, expected) in [
        ("1\n", "status"),
        ("2\nbob\n", "status -- bob"),
        ("3\nbob\n500\n", "limit set -- bob 500"),
        ("4\nbob\ny\n", "limit remove -- bob"),
        ("5\nbob\ny\n", "reset -- bob"),
        ("6\ny\n", "reset --all"),
        ("7\nbob\ny\n", "disable -- bob"),
        ("8\nbob\n", "enable -- bob"),
        ("9\n", "service"),
        ("10\n", "status"),
    ] {
        check(bandwidth::menu, input, &[expected]);
    }
    for (input, expected) in [
        ("1\n", "hosts list"),
        ("2\n", "hosts list --new"),
        ("3\nexample.org\n\n", "hosts add -- example.org"),
        ("3\nexample.org\nSSH\n", "hosts add --service=SSH -- example.org"),
        ("4\nexample.org\ny\n", "hosts remove -- example.org"),
        ("5\nyes\n", "hosts clear --yes"),
        ("6\n", "hosts on"),
        ("7\n", "hosts off"),
        ("8\n", "hosts list --new"),
    ] {
        check(hosts::menu, input, &[expected]);
    }
    check(choose, "1\n1\n0\n2\n1\nq\n0\n6\n", &["status", "hosts list"]);
}

#[test]
fn nothing_is_destroyed_without_a_yes() {
    for answer in ["", "\n", "n\n", "N\n", "yess\n", "0\n"] {
        for choice in ["4\nbob\n", "5\nbob\n", "6\n", "7\nbob\n"] {
            check(bandwidth::menu, &format!("{choice}{answer}"), &[]);
        }
        check(hosts::menu, &format!("4\nexample.org\n{answer}"), &[]);
        check(hosts::menu, &format!("5\n{answer}"), &[]);
    }
}

#[test]
fn zero_q_and_the_end_leave() {
    for input in ["0\n6\ny\n", "q\n6\ny\n", "", "\n\n", "99\n", "6", "5\n\n"] {
        check(bandwidth::menu, input, &[]);
    }
}

#[test]
fn a_name_is_only_shown() {
    let (ran, said) = talked(bandwidth::menu, false, "5\n--all\x1b[2J\ny\n");
    assert_eq!(ran, ["reset -- --all\x1b[2J"]);
    assert!(said.contains(r"usage of --all\x1b[2J to 0? [y/N]"), "{said}");
}

#[test]
fn a_person_has_time_to_read() {
    let (ran, said) = talked(bandwidth::menu, true, "10\n\n0\n");
    assert_eq!(ran, ["top"]);
    assert!(said.contains("Enter goes on"));
}
