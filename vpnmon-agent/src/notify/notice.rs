//! What is told: an event as an object for programs, and as a line for people.

use serde_json::{Map, Value, json};

use crate::{
    escape::{escaped, fitted},
    ledger::{incident::Incident, record::Record, store::incident_json},
    ui::units::size,
};

/// Columns of the line: Discord takes 2000 characters.
const MAX_COLUMNS: usize = 1500;
/// Bytes of a reason: a notice must fit into a pipe, which holds 64 KiB, whoever reads it.
const MAX_REASON_BYTES: usize = 8000;

/// An event on its way to people.
#[derive(Clone, Debug, PartialEq)]
pub struct Notice {
    /// What happened: a word of a closed list.
    pub word: &'static str,
    /// As in `events.jsonl`, with the machine's name.
    pub object: Map<String, Value>,
    /// One line without anything that acts on a terminal.
    pub text: String,
}

impl Notice {
    /// Of an event on the machine `host`, after so many that were `lost` on the way.
    pub fn of(incident: &Incident, host: &str, lost: u64) -> Self {
        let mut object = Map::from_iter([("host".to_owned(), json!(host))]);
        if let Ok(Value::Object(fields)) = incident_json(incident) {
            object.extend(fields);
        }
        let reason = &incident.reason[..incident.reason.floor_char_boundary(MAX_REASON_BYTES)];
        object.insert("reason".to_owned(), json!(reason));
        let word = incident.kind.word();
        let mut text = match incident.account.as_deref() {
            Some(record) => format!("{}: {word}: {reason}{}", record.key(), used(record)),
            None => format!("{word}: {reason}"),
        };
        if lost > 0 {
            object.insert("lost".to_owned(), json!(lost));
            text = format!("{text} [{lost} earlier notices were lost: see events.jsonl]");
        }
        Self { word, object, text: line(host, &text) }
    }

    /// Of nothing, to see whether it arrives.
    pub fn test(host: &str, time: &str) -> Self {
        let reason = "a test of the notices: nothing has happened";
        let fields = json!({"host": host, "time": time, "event": "test", "reason": reason});
        let object = if let Value::Object(fields) = fields { fields } else { Map::new() };
        Self { word: "test", object, text: line(host, &format!("test: {reason}")) }
    }

    /// The object as one line.
    pub fn json(&self) -> String {
        Value::Object(self.object.clone()).to_string()
    }
}

fn line(host: &str, text: &str) -> String {
    fitted(&format!("{}: {text}", escaped(host)), MAX_COLUMNS)
}

/// How much of which limit.
fn used(record: &Record) -> String {
    let of = |limit: u64| if limit == 0 { String::new() } else { format!(" of {}", size(limit)) };
    let (today, total) = (size(record.daily_usage), size(record.total_usage()));
    let (daily, all) = (of(record.daily_limit), of(record.total_limit));
    format!(" (today {today}{daily}, in all {total}{all})")
}
