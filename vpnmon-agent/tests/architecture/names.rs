//! What a source file names: modules of the crate, and words.

use std::collections::BTreeSet;

use crate::tokens::{
    Token::{self, Path, Sign, Word},
    tokens,
};

/// What a file names.
#[derive(Debug, Default)]
pub struct Named {
    /// Modules at the top of the crate, by whatever path.
    pub modules: BTreeSet<String>,
    /// Every word outside comments and literals.
    pub words: BTreeSet<String>,
}

impl Named {
    /// What the file of `module` names.
    pub fn in_text(module: &str, text: &str) -> Self {
        let tokens = tokens(text);
        let mut named = Self::default();
        let mut scope = Scope::of(module);
        let mut at = 0;
        while at < tokens.len() {
            scope.step(&tokens[at..]);
            match tokens[at] {
                Word("crate" | "super" | "self") if begins_a_path(&tokens[..at]) => {
                    at = named.follow(&tokens, at, &scope.path.clone());
                }
                Word(word) => {
                    named.words.insert(word.to_owned());
                    at += 1;
                }
                _ => at += 1,
            }
        }
        named
    }

    /// Follows a path, and all paths in its braces, that begins in module `here`; where it ends.
    fn follow(&mut self, tokens: &[Token<'_>], mut at: usize, here: &[String]) -> usize {
        let mut place: Option<Vec<String>> = Some(here.to_vec());
        loop {
            match tokens.get(at) {
                Some(Word("crate")) => place = Some(Vec::new()),
                Some(Word("self")) => {}
                Some(Word("super")) => {
                    if let Some(place) = &mut place {
                        place.pop();
                    }
                }
                Some(Word(word)) => {
                    // The first word that goes down from the top of the crate is a module.
                    if place.take().is_some_and(|place| place.is_empty()) {
                        self.modules.insert((*word).to_owned());
                    }
                    self.words.insert((*word).to_owned());
                }
                _ => return at,
            }
            at += 1;
            if tokens.get(at) != Some(&Path) {
                return at;
            }
            at += 1;
            if tokens.get(at) == Some(&Sign('{')) {
                return self.branches(tokens, at + 1, place);
            }
        }
    }

    /// Follows each path of a list in braces.
    fn branches(
        &mut self,
        tokens: &[Token<'_>],
        mut at: usize,
        place: Option<Vec<String>>,
    ) -> usize {
        // Below a module that is known already nothing more is to be learnt but words.
        let here = place.unwrap_or_else(|| vec![String::new()]);
        loop {
            match tokens.get(at) {
                None => return at,
                Some(Sign('}')) => return at + 1,
                Some(Word("as")) => at += 2,
                Some(Word(_)) => at = self.follow(tokens, at, &here),
                Some(_) => at += 1,
            }
        }
    }
}

/// Whether what comes next is not the continuation of another path, nor `pub(crate)`.
fn begins_a_path(before: &[Token<'_>]) -> bool {
    !matches!(before, [.., Path] | [.., Word("pub"), Sign('(')])
}

/// In which module a token stands: a file can hold modules in braces.
struct Scope {
    path: Vec<String>,
    depth: usize,
    opened: Vec<usize>,
}

impl Scope {
    fn of(module: &str) -> Self {
        let path = module.split('/').filter(|name| !name.is_empty()).map(str::to_owned).collect();
        Self { path, depth: 0, opened: Vec::new() }
    }

    fn step(&mut self, tokens: &[Token<'_>]) {
        match tokens {
            [Word("mod"), Word(name), Sign('{'), ..] => {
                self.path.push((*name).to_owned());
                self.opened.push(self.depth);
            }
            [Sign('{'), ..] => self.depth += 1,
            [Sign('}'), ..] => {
                self.depth = self.depth.saturating_sub(1);
                if self.opened.last() == Some(&self.depth) {
                    self.opened.pop();
                    self.path.pop();
                }
            }
            _ => {}
        }
    }
}

#[test]
fn modules_are_found_by_whatever_path() {
    for (module, text, expected) in [
        ("a/b", "use crate::x;", "x"),
        ("a/b", "use crate::{x::{y, z as w}, self::v, u::*};", "u v x"),
        ("a/b", "pub use crate::{\n    x,\n    y::Y,\n};", "x y"),
        ("a/b", "fn f() -> crate::x::Y { crate::z::g() }", "x z"),
        ("a/b", "use super::{c, super::x};", "x"),
        ("a/b", "use super::super::x::y;", "x"),
        ("a", "use super::x;", "x"),
        ("a", "use self::x;", ""),
        ("a/b/c", "use super::super::x;", ""),
        ("a/b", "mod t { use super::super::x; mod u { use super::super::super::y; } }", ""),
        ("a/b", "mod t { mod u { use super::super::super::super::y; } }", "y"),
        ("a/b", "mod t { } use super::super::x;", "x"),
        ("a/b", "mod t;\nfn f() { { } }\nuse super::super::x;", "x"),
        ("a/b", "pub(crate) fn f() {} // crate::x\n\"crate::y\"", ""),
        ("a/b", "pub(super) struct S; use std::{fs, io::{self, Read as _}};", ""),
        ("", "mod x; use crate::y; self::z();", "y z"),
    ] {
        let named = Named::in_text(module, text);
        let modules: Vec<_> = named.modules.iter().map(String::as_str).collect();
        assert_eq!(modules.join(" "), expected, "{module}: {text}");
    }
}

#[test]
fn words_are_found() {
    let named = Named::in_text("a", "use aya::{Ebpf, maps::Map}; use super::b::aya2;");
    for word in ["aya", "Ebpf", "maps", "Map", "b", "aya2"] {
        assert!(named.words.contains(word), "{word}");
    }
}
