//! A year of hours for many accounts: how large the history gets, and how long it takes to write and to
//! read: `cargo run --release -p vpnmon-agent --example history_year -- [ACCOUNTS] [DAYS] [ACTIVE_PERCENT]`.

#![expect(clippy::print_stdout, reason = "it is for its figures")]

use std::{
    env,
    error::Error,
    fs,
    time::{Duration, Instant},
};

use vpnmon_agent::seam::{
    AccountKey, By, Bytes, History, Mark, Now, Query, Service, local_date, wall,
};

const DAY: u64 = 86_400;
const HOUR: u64 = 3600;
/// 2025-11-24 00:00 UTC.
const START: u64 = 1_763_942_400;

/// Numbers without a pattern, the same in each run (xorshift).
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    /// Bytes of an hour: from some KiB to 256 MiB, as many of each size.
    fn bytes(&mut self) -> u64 {
        let bits = 13 + self.next() % 16;
        (1 << (bits - 1)) + self.next() % (1 << (bits - 1))
    }
}

fn now(at: u64) -> Now {
    Now { unix_seconds: at, today: local_date(at), monotonic: Duration::from_secs(at) }
}

fn argument(at: usize, usual: u64) -> Result<u64, Box<dyn Error>> {
    Ok(env::args().nth(at).map_or(Ok(usual), |it| it.parse())?)
}

fn main() -> Result<(), Box<dyn Error>> {
    let (accounts, days, active) = (argument(1, 10_000)?, argument(2, 365)?, argument(3, 100)?);
    let dir = tempfile::tempdir()?;
    let mut random = Random(0x2545_f491_4f6c_dd1d);
    let mut marks: Vec<_> = (1..=accounts).map(mark).collect();
    let keep = u16::try_from(days)?.max(400);
    let (mut history, _) = History::open(dir.path(), keep, marks.clone(), now(START));
    let (started, mut hours) = (Instant::now(), 0_u64);
    for hour in 0..days * 24 {
        let at = START + hour * HOUR;
        for mark in &mut marks {
            if random.next() % 100 < active {
                let uplink = random.bytes();
                move_bytes(mark, Bytes { uplink, downlink: uplink + random.bytes() }, at);
                history.note(mark.clone());
                hours += 1;
            }
        }
        // A day at a time: the file becomes the same, and a year passes in minutes.
        if hour % 24 == 23 {
            tell(history.due(now(at), true).len());
        }
    }
    // A minute in which everybody moves something, some times; then all days are packed.
    let mut minutes = Vec::new();
    let last = START + days * DAY;
    for minute in 0..20 {
        let at = last + minute * 60;
        for mark in &mut marks {
            let uplink = random.bytes() >> 6;
            move_bytes(mark, Bytes { uplink, downlink: uplink }, at);
            history.note(mark.clone());
        }
        let before = Instant::now();
        tell(history.due(now(at), true).len());
        minutes.push(before.elapsed());
    }
    minutes.sort_unstable();
    let size = fs::metadata(dir.path().join("history.redb"))?.len();
    println!(
        "{accounts} accounts, {days} days, {active} % of hours active: {hours} hours with bytes"
    );
    println!("made in {:.0} s", started.elapsed().as_secs_f64());
    println!("on disk: {:.1} MB, {:.1} bytes an hour", megabytes(size), per(size, hours));
    let (usual, longest) = (minutes[minutes.len() / 2], minutes[minutes.len() - 1]);
    println!("a minute's write, everybody moving: {usual:.0?}, longest {longest:.0?}");
    let (first, until) = (local_date(START), local_date(last + DAY));
    let query = |account: Option<&str>, since, by| Query {
        account: account.map(str::to_owned),
        service: None,
        since,
        until,
        by,
        detail: false,
        hosts: 0,
    };
    let month = local_date(last - 30 * DAY);
    for (what, query) in [
        ("one account, all of it, by day", query(Some("user17"), first, By::Day)),
        ("one account, all of it, by hour", query(Some("user17"), first, By::Hour)),
        ("all accounts, 30 days, by day", query(None, month, By::Day)),
        ("all accounts, all of it, by month", query(None, first, By::Month)),
        ("all accounts, all of it, by day", query(None, first, By::Day)),
    ] {
        let before = Instant::now();
        let report = history.reader().report(&query, &marks, wall(last + DAY))?;
        let took = before.elapsed();
        println!("report of {what}: {took:.1?}, {} rows", report.periods.len());
    }
    drop(history);
    let before = Instant::now();
    let (_history, incidents) = History::open(dir.path(), keep, marks, now(last + DAY));
    tell(incidents.len());
    println!("a start opens it in {:.1?}", before.elapsed());
    Ok(())
}

fn mark(number: u64) -> Mark {
    let key = AccountKey::new(Service::Ssh, format!("user{number}"));
    Mark { number: (START << 20) + number, key, bytes: Bytes::default(), at: START, is_last: false }
}

const fn move_bytes(mark: &mut Mark, bytes: Bytes, at: u64) {
    mark.bytes.uplink += bytes.uplink;
    mark.bytes.downlink += bytes.downlink;
    mark.at = at;
}

fn tell(incidents: usize) {
    if incidents > 0 {
        println!("{incidents} things went wrong: is there room in the temporary directory?");
    }
}

#[expect(clippy::cast_precision_loss, reason = "a figure for people")]
fn megabytes(bytes: u64) -> f64 {
    bytes as f64 / 1e6
}

#[expect(clippy::cast_precision_loss, reason = "a figure for people")]
fn per(bytes: u64, hours: u64) -> f64 {
    bytes as f64 / hours.max(1) as f64
}
