//! How old a shown byte is: from the send call to the answer of the control socket that has it.

use std::{
    io::{BufRead as _, BufReader, Write as _},
    os::unix::net::UnixStream,
    thread,
    time::{Duration, Instant},
};

use serde::Deserialize;
use vpnmon_tests::home::Home;

use crate::{
    crowd::{Crowd, PROBE_UID},
    figures,
    ground::Ground,
    senders::{DATAGRAM, Senders},
};

/// Between two questions: the resolution, and room for the agent to do its work.
const POLL: Duration = Duration::from_micros(200);
/// A drain comes every 10 ms; an agent that does not show a byte in this time is broken.
const DEADLINE: Duration = Duration::from_secs(5);
/// Moments between two samples, so that they fall anywhere between two drains.
const PAUSES: [u64; 7] = [0, 1300, 2900, 4100, 5700, 7300, 8900];

/// The probe of each agent, and what it has shown.
pub struct Probes<'a> {
    watches: Vec<(Watch, &'a Senders)>,
    samples: Vec<Vec<f64>>,
}

impl<'a> Probes<'a> {
    /// Connects to all agents.
    pub fn new(ground: &Ground, crowd: &'a Crowd) -> Self {
        let agents = ground.metered.iter().zip(&crowd.probes);
        let watches: Vec<_> =
            agents.map(|(metered, probe)| (Watch::open(&metered.home), probe)).collect();
        Self { samples: vec![Vec::new(); watches.len()], watches }
    }

    /// Takes so many samples of one agent; their median.
    pub fn samples(&mut self, index: usize, count: u32) -> f64 {
        let mut left = count;
        self.samples_while(index, || {
            left -= 1;
            left > 0
        })
    }

    /// Takes samples of one agent as long as `go_on`; their median.
    pub fn samples_while(&mut self, index: usize, mut go_on: impl FnMut() -> bool) -> f64 {
        let (watch, probe) = &mut self.watches[index];
        let mut samples = Vec::new();
        for pause in PAUSES.into_iter().cycle() {
            thread::sleep(Duration::from_micros(pause));
            samples.push(watch.sample(probe));
            if !go_on() {
                break;
            }
        }
        self.samples[index].extend(&samples);
        figures::quantile(&samples, 0.5)
    }

    /// All samples up to now, by agent: milliseconds from a send to the answer that shows it.
    pub fn take(&mut self) -> Vec<Vec<f64>> {
        self.samples.iter_mut().map(std::mem::take).collect()
    }
}

/// A connection to an agent, asking for one account.
struct Watch {
    stream: BufReader<UnixStream>,
}

impl Watch {
    fn open(home: &Home) -> Self {
        let stream = UnixStream::connect(home.socket());
        Self { stream: BufReader::new(stream.unwrap_or_else(|e| panic!("the agent: {e}"))) }
    }

    fn sample(&mut self, senders: &Senders) -> f64 {
        let before = self.uplink();
        let sent = Instant::now();
        senders.send_one();
        loop {
            let shown = self.uplink();
            let took = sent.elapsed();
            if shown >= before + DATAGRAM {
                return took.as_secs_f64() * 1e3;
            }
            assert!(took < DEADLINE, "{shown} bytes are shown {took:?} after {before} + one more");
            thread::sleep(POLL);
        }
    }

    fn uplink(&mut self) -> u64 {
        let answer = self.ask().unwrap_or_else(|e| panic!("the agent's answer: {e}"));
        let row = answer.status.accounts.first();
        row.unwrap_or_else(|| panic!("no row of uid {PROBE_UID}")).uplink
    }

    fn ask(&mut self) -> std::io::Result<Answer> {
        let request = format!("{{\"status\":{{\"account\":\"system:uid:{PROBE_UID}\"}}}}\n");
        self.stream.get_mut().write_all(request.as_bytes())?;
        let mut line = String::new();
        self.stream.read_line(&mut line)?;
        Ok(serde_json::from_str(&line)?)
    }
}

#[derive(Deserialize)]
struct Answer {
    status: Status,
}

#[derive(Deserialize)]
struct Status {
    accounts: Vec<Account>,
}

#[derive(Deserialize)]
struct Account {
    uplink: u64,
}
