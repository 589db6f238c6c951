//! What is told, and in which words.

use std::time::Duration;

use jiff::civil::Date;
use serde_json::{Value, json};

use super::{format::body, notice::Notice};
use crate::{
    config::WebhookFormat,
    ledger::{
        Ledger,
        incident::{Incident, Kind},
    },
    model::{AccountKey, Service, Usage},
    time::Now,
};

fn notice(name: &str, lost: u64) -> Notice {
    let now =
        Now { unix_seconds: 0, today: Date::constant(2026, 11, 24), monotonic: Duration::ZERO };
    let mut ledger = Ledger::new(Usage::Uplink, "epoch".to_owned(), now.today);
    let id = ledger.open(&AccountKey::new(Service::Ssh, name), now);
    let mut record = ledger.account(id).record.clone();
    (record.total_limit, record.last_stats, record.baseline_usage) = (2 << 20, 1 << 20, 0);
    let incident = Incident {
        at: 1_795_521_001,
        kind: Kind::Exceeded,
        account: Some(Box::new(record)),
        reason: "the limit is used up".to_owned(),
    };
    Notice::of(&incident, "vpn1", lost)
}

#[test]
fn an_event_has_the_words_of_the_file_and_the_machine() {
    let notice = notice("bob", 0);
    let fields = |key: &str| notice.object[key].clone();
    assert_eq!(
        ["host", "event", "service", "name", "total_limit", "reason"].map(fields),
        [
            json!("vpn1"),
            json!("exceeded"),
            json!("ssh"),
            json!("bob"),
            json!(2 << 20),
            json!("the limit is used up")
        ]
    );
    let expected = "vpn1: ssh:bob: exceeded: the limit is used up \
                    (today 0 B, in all 1.00 MiB of 2.00 MiB)";
    assert_eq!(notice.text, expected);
}

#[test]
fn losses_are_told_with_the_next() {
    let notice = notice("bob", 7);
    assert_eq!(notice.object["lost"], 7);
    assert!(notice.text.contains("[7 earlier notices were lost"), "{}", notice.text);
}

#[test]
fn no_name_is_markup_or_breaks_the_object() {
    let name = "a\"},\n<!channel> @everyone \x1b[2J&";
    let notice = notice(name, 0);
    assert_eq!(serde_json::from_str::<Value>(&notice.json()).unwrap()["name"], name);
    assert!(!notice.json().contains('\n') && !notice.text.contains(char::is_control));
    let posted = |format| {
        let body = body(&notice, format, "-100");
        serde_json::from_str::<Value>(&body.text).unwrap()
    };
    let slack = posted(WebhookFormat::Slack);
    assert!(slack["text"].as_str().unwrap().contains("&lt;!channel&gt;"), "{slack}");
    let discord = posted(WebhookFormat::Discord);
    assert_eq!(discord["allowed_mentions"], json!({"parse": []}));
    assert_eq!(discord["content"], notice.text);
    let telegram = posted(WebhookFormat::Telegram);
    assert_eq!((&telegram["chat_id"], &telegram["text"]), (&json!("-100"), &json!(notice.text)));
    assert_eq!(telegram.get("parse_mode"), None);
    assert_eq!(posted(WebhookFormat::Json)["name"], name);
}

#[test]
fn whatever_happened_fits_into_a_pipe_and_a_message() {
    let incident =
        Incident { at: 0, kind: Kind::Degraded, account: None, reason: "é".repeat(100_000) };
    let notice = Notice::of(&incident, "vpn1", 0);
    assert!(notice.json().len() < 60_000, "{}", notice.json().len());
    assert!(notice.text.chars().count() <= 1500);
    assert_eq!(notice.word, "degraded");
}
