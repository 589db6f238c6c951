//! What a scrape is answered with.

use std::{collections::BTreeSet, time::Duration};

use super::{
    families::render,
    text::{Kind, Text},
};
use crate::{
    model::{Bytes, Service},
    view::{
        Account, Interface, State,
        metrics::{Drains, EngineMetrics, Metrics, Outlet, Series, Xray},
    },
};

fn account(name: &str, total_limit: u64) -> Account {
    Account {
        service: Service::Ssh,
        name: name.to_owned(),
        uid: Some(1000),
        unit: "ip".to_owned(),
        uplink: 5,
        downlink: 7,
        daily_usage: 3,
        total_usage: 5,
        daily_limit: 0,
        total_limit,
        remaining: (total_limit != 0).then(|| total_limit - 5),
        uplink_bps: None,
        downlink_bps: None,
        state: State::Warning,
        last_reset: String::new(),
        last_update: 0,
        sessions: Vec::new(),
    }
}

/// Something of everything.
fn metrics() -> Metrics {
    let mut engine = EngineMetrics {
        accounts: vec![(Service::Ssh, State::Ok, 2), (Service::Ssh, State::Exceeded, 0)],
        moved: vec![(Service::Ssh, Bytes { uplink: 1 << 60, downlink: 9 })],
        sessions: vec![("openssh", 1)],
        interfaces: vec![Interface { name: "eth0".to_owned(), egress: 1, ingress: 2 }],
        events: vec![("exceeded", 4)],
        xray_up: Some(false),
        series: Some(Series { accounts: vec![account("bob", 6), account("al", 0)], left_out: 3 }),
        ..EngineMetrics::default()
    };
    engine.agent.lost.unattributed_bytes = Some(11);
    engine.agent.lost.host_flow_reasons.insert("gap".to_owned(), 12);
    engine.agent.lost.host_outer_names = Some(2);
    engine.agent.lost.host_reasons.insert("ring-full".to_owned(), 13);
    let drains = Drains {
        interval: Duration::from_millis(10),
        counts: [1, 0, 2, 0, 0, 0, 0, 0, 0, 0],
        count: 4,
        total: Duration::from_millis(500),
    };
    let outlet = Outlet { way: "webhook", sent: 1, failed: 2, dropped: 3, queued: 4 };
    Metrics { engine, drains, xray: Some(Xray { polls: 5, errors: 6 }), outlets: vec![outlet] }
}

fn has(text: &str, line: &str) {
    assert!(text.lines().any(|it| it == line), "no `{line}` in\n{text}");
}

#[test]
fn numbers_stand_behind_their_labels() {
    let text = render(&metrics());
    for line in [
        "vpnmon_drain_duration_seconds_bucket{le=\"0.00005\"} 1",
        "vpnmon_drain_duration_seconds_bucket{le=\"0.00025\"} 3",
        "vpnmon_drain_duration_seconds_bucket{le=\"0.25\"} 3",
        "vpnmon_drain_duration_seconds_bucket{le=\"+Inf\"} 4",
        "vpnmon_drain_duration_seconds_sum 0.5",
        "vpnmon_drain_duration_seconds_count 4",
        "vpnmon_service_uplink_bytes_total{service=\"ssh\"} 1152921504606846976",
        "vpnmon_accounts{service=\"ssh\",state=\"exceeded\"} 0",
        "vpnmon_interface_ingress_bytes_total{interface=\"eth0\"} 2",
        "vpnmon_unattributed_bytes_total 11",
        "vpnmon_host_events_lost_total{reason=\"ring-full\"} 13",
        "vpnmon_host_flows_given_up_total{reason=\"gap\"} 12",
        "vpnmon_host_outer_names_total 2",
        "vpnmon_events_total{event=\"exceeded\"} 4",
        "vpnmon_xray_up 0",
        "vpnmon_notices_dropped_total{outlet=\"webhook\"} 3",
        "vpnmon_account_uplink_bytes_total{service=\"ssh\",account=\"bob\"} 5",
        "vpnmon_account_limit_bytes{service=\"ssh\",account=\"bob\"} 6",
        "vpnmon_account_state{service=\"ssh\",account=\"al\",state=\"warning\"} 1",
        "vpnmon_accounts_left_out 3",
    ] {
        has(&text, line);
    }
    // No limit is no number, and not 0.
    assert!(!text.contains("limit_bytes{service=\"ssh\",account=\"al\"}"), "{text}");
}

#[test]
fn accounts_are_named_only_where_that_is_wanted() {
    let mut metrics = metrics();
    metrics.engine.series = None;
    let text = render(&metrics);
    assert!(!text.contains("bob") && !text.contains("vpnmon_account_"), "{text}");
}

#[test]
fn families_are_told_once_and_hold_together() {
    let text = render(&metrics());
    let (mut known, mut family) = (BTreeSet::new(), "");
    for line in text.lines() {
        if let Some(rest) = line.strip_prefix("# TYPE ") {
            let (name, kind) = rest.split_once(' ').unwrap();
            assert!(known.insert(name), "{name} is told twice");
            assert_eq!(name.ends_with("_total"), kind == "counter", "{name} is a {kind}");
            family = name;
        } else if !line.starts_with('#') {
            let name = line.split(['{', ' ']).next().unwrap();
            let bare = ["_bucket", "_sum", "_count"].iter().find_map(|it| name.strip_suffix(it));
            assert_eq!(bare.filter(|it| *it == family).unwrap_or(name), family, "{line}");
        }
    }
}

#[test]
fn no_name_ends_its_quotes_or_its_line() {
    let mut text = Text::default();
    text.family("a", Kind::Gauge, "b").sample(&[("c", "x\"} 1\n\\n\u{202e}é")], 2);
    assert_eq!(text.finish(), "# HELP a b\n# TYPE a gauge\na{c=\"x\\\"} 1\\n\\\\n\u{202e}é\"} 2\n");
}
