//! What was heard of what was said.

use std::{
    collections::{BTreeMap, HashMap},
    fmt,
};

use crate::{address, cases::Case};

/// How many cases of a way were heard right, not at all, and wrong; at either end.
#[derive(Default)]
pub struct Table {
    ways: BTreeMap<(String, &'static str), [usize; 3]>,
    wrong: Vec<String>,
}

impl Table {
    /// Compares each case with its rows of `hosts.jsonl`.
    pub fn of(cases: &[Case], rows: &[serde_json::Value]) -> Self {
        let mut heard: HashMap<(&str, &str), Vec<&str>> = HashMap::new();
        for row in rows.iter().filter(|row| row["kind"] != "proxy-host") {
            let word = |key: &str| row[key].as_str().unwrap_or_default();
            heard.entry((word("dest_ip"), word("direction"))).or_default().push(word("host"));
        }
        let mut table = Self::default();
        for (case, number) in cases.iter().zip(0..) {
            let ip = address(number).to_string();
            for end in ["egress", "ingress"] {
                let names = heard.get(&(ip.as_str(), end)).map_or(&[][..], Vec::as_slice);
                table.add(case, end, names);
            }
        }
        table
    }

    fn add(&mut self, case: &Case, end: &'static str, heard: &[&str]) {
        let column = match (&case.expected, heard) {
            (None, []) => 0,
            // A client that has no answer says the same again.
            (Some(name), [_, ..]) if heard.iter().all(|it| it == name) => 0,
            (Some(_), []) => 1,
            _ => 2,
        };
        self.ways.entry((case.way.clone(), end)).or_default()[column] += 1;
        if column > 0 {
            self.wrong.push(format!("{} {end}: {:?}, not {heard:?}", case.way, case.expected));
        }
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for line in &self.wrong {
            writeln!(f, "{line}")?;
        }
        writeln!(f, "{:32} {:8} {:>6} {:>6} {:>6}", "", "", "read", "missed", "wrong")?;
        for ((way, end), [read, missed, wrong]) in &self.ways {
            writeln!(f, "{way:32} {end:8} {read:6} {missed:6} {wrong:6}")?;
        }
        Ok(())
    }
}
