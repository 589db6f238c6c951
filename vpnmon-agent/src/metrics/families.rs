//! Which families there are, and what they are called.
//!
//! Counters that belong to the agent's life begin at 0 with it. Those of single accounts are what
//! `status` shows, so they live longer than the agent and begin anew at a reset.

use super::{
    process,
    text::{
        Kind::{self, Counter, Gauge, Histogram},
        Labels, Text,
    },
};
use crate::view::{
    Account, State,
    metrics::{DRAIN_BOUNDS, Drains, EngineMetrics, Metrics, Outlet, Series},
};

/// The answer to a scrape.
pub fn render(metrics: &Metrics) -> String {
    let mut text = Text::default();
    about(&mut text, &metrics.engine);
    drains(&mut text, &metrics.drains);
    traffic(&mut text, &metrics.engine);
    hosts(&mut text, &metrics.engine);
    state(&mut text, &metrics.engine);
    xray(&mut text, metrics);
    notices(&mut text, &metrics.outlets);
    if let Some(series) = &metrics.engine.series {
        accounts(&mut text, series);
    }
    text.finish()
}

fn about(text: &mut Text, engine: &EngineMetrics) {
    let agent = &engine.agent;
    let labels: Labels<'_> =
        &[("version", &agent.version), ("kernel", &agent.kernel), ("usage", &agent.usage)];
    text.family(
        "vpnmon_build_info",
        Gauge,
        "The agent, the kernel, and which bytes are usage; always 1.",
    )
    .sample(labels, 1);
    text.family("process_start_time_seconds", Gauge, "When the agent started, in Unix time.")
        .sample(&[], agent.started);
    if let Some(seconds) = process::cpu_seconds() {
        text.family("process_cpu_seconds_total", Counter, "Processor time of the agent.")
            .sample(&[], seconds);
    }
    if let Some(bytes) = process::resident_bytes() {
        text.family("process_resident_memory_bytes", Gauge, "Memory of the agent.")
            .sample(&[], bytes);
    }
    let help = "Things that work less well than they should; `status` says which.";
    text.family("vpnmon_degraded", Gauge, help).sample(&[], agent.degraded.len());
}

fn drains(text: &mut Text, drains: &Drains) {
    text.family("vpnmon_drain_interval_seconds", Gauge, "meter.drain_interval.")
        .sample(&[], drains.interval.as_secs_f64());
    let help = "How long the looks at the kernel's counters took.";
    let mut family = text.family("vpnmon_drain_duration_seconds", Histogram, help);
    let mut sum = 0;
    for (bound, count) in DRAIN_BOUNDS.iter().zip(drains.counts) {
        sum += count;
        let bound = bound.as_secs_f64().to_string();
        family.suffixed("_bucket", &[("le", &bound)], sum);
    }
    family
        .suffixed("_bucket", &[("le", "+Inf")], drains.count)
        .suffixed("_sum", &[], drains.total.as_secs_f64())
        .suffixed("_count", &[], drains.count);
}

fn traffic(text: &mut Text, engine: &EngineMetrics) {
    let help = "Bytes that accounts of the service have sent since the agent started, IP bytes or \
                payload as `status` has them.";
    let mut family = text.family("vpnmon_service_uplink_bytes_total", Counter, help);
    for (service, bytes) in &engine.moved {
        family.sample(&[("service", service.word())], bytes.uplink);
    }
    let help = "Bytes that came back to them.";
    let mut family = text.family("vpnmon_service_downlink_bytes_total", Counter, help);
    for (service, bytes) in &engine.moved {
        family.sample(&[("service", service.word())], bytes.downlink);
    }
    let mut family = text.family("vpnmon_accounts", Gauge, "Accounts, by what their limits say.");
    for (service, state, count) in &engine.accounts {
        family.sample(&[("service", service.word()), ("state", state_word(*state))], count);
    }
    let mut family = text.family("vpnmon_sessions", Gauge, "SSH sessions that are online.");
    for (server, count) in &engine.sessions {
        family.sample(&[("server", server)], count);
    }
    let help = "IP bytes that the interface has sent since the kernel's maps were made.";
    let mut family = text.family("vpnmon_interface_egress_bytes_total", Counter, help);
    for interface in &engine.interfaces {
        family.sample(&[("interface", &interface.name)], interface.egress);
    }
    let help = "IP bytes that it has received.";
    let mut family = text.family("vpnmon_interface_ingress_bytes_total", Counter, help);
    for interface in &engine.interfaces {
        family.sample(&[("interface", &interface.name)], interface.ingress);
    }
    if let Some(bytes) = engine.agent.lost.unattributed_bytes {
        let help = "IP bytes on the metered interfaces that no account got.";
        text.family("vpnmon_unattributed_bytes_total", Counter, help).sample(&[], bytes);
    }
}

fn hosts(text: &mut Text, engine: &EngineMetrics) {
    text.family("vpnmon_hosts", Gauge, "Hosts that are known.").sample(&[], engine.hosts);
    let help = "Sightings of hosts that were not taken or not shown.";
    let mut family = text.family("vpnmon_host_events_lost_total", Counter, help);
    for (reason, count) in &engine.agent.lost.host_reasons {
        family.sample(&[("reason", reason)], count);
    }
    let help = "Connections whose host was not found within the bounds.";
    let mut family = text.family("vpnmon_host_flows_given_up_total", Counter, help);
    for (reason, count) in &engine.agent.lost.host_flow_reasons {
        family.sample(&[("reason", reason)], count);
    }
    // Before it is told of the first time it is not known.
    if let Some(count) = engine.agent.lost.host_outer_names {
        let help = "Server names of hellos that may hold another one, encrypted.";
        text.family("vpnmon_host_outer_names_total", Counter, help).sample(&[], count);
    }
}

fn state(text: &mut Text, engine: &EngineMetrics) {
    let help = "Events since the agent started, in the words of events.jsonl.";
    let mut family = text.family("vpnmon_events_total", Counter, help);
    for (event, count) in &engine.events {
        family.sample(&[("event", event)], count);
    }
    text.family("vpnmon_state_writes_total", Counter, "Batches that were to be written to disk.")
        .sample(&[], engine.writes);
    text.family("vpnmon_state_write_errors_total", Counter, "Batches that were not written whole.")
        .sample(&[], engine.write_errors);
}

fn xray(text: &mut Text, metrics: &Metrics) {
    if let Some(up) = metrics.engine.xray_up {
        text.family("vpnmon_xray_up", Gauge, "Whether Xray's API answers.")
            .sample(&[], u8::from(up));
    }
    if let Some(xray) = metrics.xray {
        text.family("vpnmon_xray_polls_total", Counter, "Answers of Xray's API.")
            .sample(&[], xray.polls);
        text.family("vpnmon_xray_poll_errors_total", Counter, "Questions to it without an answer.")
            .sample(&[], xray.errors);
    }
}

fn notices(text: &mut Text, outlets: &[Outlet]) {
    type Of = fn(&Outlet) -> u64;
    let families: [(&'static str, Kind, &'static str, Of); 4] = [
        ("vpnmon_notices_sent_total", Counter, "Notices that were taken.", |it| it.sent),
        ("vpnmon_notices_failed_total", Counter, "Notices that were given up.", |it| it.failed),
        ("vpnmon_notices_dropped_total", Counter, "Notices that made room for newer ones.", |it| {
            it.dropped
        }),
        ("vpnmon_notices_queued", Gauge, "Notices that wait.", |it| it.queued as u64),
    ];
    for (name, kind, help, of) in families.into_iter().filter(|_| !outlets.is_empty()) {
        let mut family = text.family(name, kind, help);
        for outlet in outlets {
            family.sample(&[("outlet", outlet.way)], of(outlet));
        }
    }
}

fn accounts(text: &mut Text, series: &Series) {
    type Of = fn(&Account) -> Option<u64>;
    const LIMITED: fn(u64) -> Option<u64> = |limit| (limit != 0).then_some(limit);
    let families: [(&'static str, Kind, &'static str, Of); 8] = [
        ("vpnmon_account_uplink_bytes_total", Counter, "Bytes sent since the last reset.", |it| {
            Some(it.uplink)
        }),
        ("vpnmon_account_downlink_bytes_total", Counter, "Bytes that came back.", |it| {
            Some(it.downlink)
        }),
        ("vpnmon_account_usage_bytes", Gauge, "Usage since the last reset.", |it| {
            Some(it.total_usage)
        }),
        ("vpnmon_account_daily_usage_bytes", Gauge, "Usage today.", |it| Some(it.daily_usage)),
        ("vpnmon_account_limit_bytes", Gauge, "Limit in all, where there is one.", |it| {
            LIMITED(it.total_limit)
        }),
        ("vpnmon_account_daily_limit_bytes", Gauge, "Limit a day, where there is one.", |it| {
            LIMITED(it.daily_limit)
        }),
        ("vpnmon_account_remaining_bytes", Gauge, "What the tighter limit leaves.", |it| {
            it.remaining
        }),
        ("vpnmon_account_sessions", Gauge, "SSH sessions that are online.", |it| {
            Some(it.sessions.len() as u64)
        }),
    ];
    for (name, kind, help, of) in families {
        let mut family = text.family(name, kind, help);
        for account in &series.accounts {
            if let Some(value) = of(account) {
                family.sample(&labels(account), value);
            }
        }
    }
    let help = "What the limits say; 1 for the state the account is in.";
    let mut family = text.family("vpnmon_account_state", Gauge, help);
    for account in &series.accounts {
        let [service, name] = labels(account);
        family.sample(&[service, name, ("state", state_word(account.state))], 1);
    }
    let help = "Accounts without series, because there are more than metrics.max_accounts.";
    text.family("vpnmon_accounts_left_out", Gauge, help).sample(&[], series.left_out);
}

fn labels(account: &Account) -> [(&str, &str); 2] {
    [("service", account.service.word()), ("account", &account.name)]
}

const fn state_word(state: State) -> &'static str {
    match state {
        State::Ok => "ok",
        State::Warning => "warning",
        State::Exceeded => "exceeded",
        State::Disabled => "disabled",
    }
}
