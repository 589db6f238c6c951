//! Rows beside the wire: which row must have moved by what, and what it has.

use std::{cell::RefCell, collections::BTreeMap};

use crate::{
    home::Home,
    namespace::Namespace,
    nft::{Count, NftWire},
    status::{Account, Bytes},
    wait::{SOON, equal, wait_for},
};

/// One end of the connections at a port.
#[derive(Clone, Copy, Debug)]
pub enum Leg {
    /// The row's sockets connect to it.
    To(u16),
    /// The row's sockets are accepted there, and listen.
    At(u16),
}

/// A row, and the legs that all its bytes come from.
#[derive(Clone, Debug)]
pub struct Row {
    /// Of the account.
    pub service: &'static str,
    /// Of the account.
    pub name: String,
    /// What its bytes come from.
    pub legs: Vec<Leg>,
}

impl Row {
    /// A row that is the sum of `legs` to the byte.
    #[must_use]
    pub fn new(service: &'static str, name: &str, legs: Vec<Leg>) -> Self {
        Self { service, name: name.to_owned(), legs }
    }
}

/// What rows and wire have moved since they were last looked at.
#[derive(Debug)]
pub struct Books<'a> {
    home: &'a Home,
    wire: NftWire,
    rows: Vec<Row>,
    before: RefCell<(Vec<Bytes>, Vec<Bytes>)>,
}

impl<'a> Books<'a> {
    /// Counts what goes over the legs from now on, by the loopback of `netns`.
    #[must_use]
    pub fn open(home: &'a Home, netns: &Namespace, rows: Vec<Row>) -> Self {
        let ports = rows.iter().flat_map(|row| &row.legs).map(|leg| match leg {
            Leg::To(port) | Leg::At(port) => port,
        });
        let rules = ports.flat_map(|port| {
            [("to", "dport"), ("from", "sport")]
                .map(|(way, side)| (format!("{way}{port}"), format!("tcp {side} {port}")))
        });
        let rules: BTreeMap<_, _> = rules.collect();
        let wire = NftWire::load(netns, "lo", &rules.into_iter().collect::<Vec<_>>());
        let zero = vec![Bytes::default(); rows.len()];
        Self { home, wire, rows, before: RefCell::new((zero.clone(), zero)) }
    }

    /// The legs of each row together, since the books were opened.
    #[must_use]
    pub fn wire(&self) -> Vec<Bytes> {
        let counts = self.wire.counts();
        let legs = |row: &Row| row.legs.iter().map(|leg| leg.bytes(&counts)).sum();
        self.rows.iter().map(legs).collect()
    }

    /// The rows, since the agent began.
    #[must_use]
    pub fn rows(&self) -> Vec<Bytes> {
        let status = self.home.status();
        self.rows.iter().map(|row| status.bytes(row.service, &row.name)).collect()
    }

    /// Waits until every row has moved as much as its legs, and looks again whether it stays so.
    /// What each has moved since the last time.
    pub fn settle(&self, what: &str) -> Vec<Bytes> {
        let what = format!("rows that are the wire's: {what}");
        wait_for(&what, SOON, || self.compare());
        let (rows, wire) = wait_for(&what, SOON, || self.compare());
        let before = self.before.replace((rows, wire)).0;
        since(&self.before.borrow().0, &before)
    }

    /// Forgets what was before, once nothing moves any more.
    pub fn begin(&self) {
        let all = || (self.rows(), self.wire());
        let mut last = all();
        wait_for("rows and wire to stand still", SOON, || {
            let before = std::mem::replace(&mut last, all());
            equal(&last, &&before).map(drop)
        });
        self.before.replace(last);
    }

    /// Rows and wire, if they have moved alike.
    fn compare(&self) -> Result<(Vec<Bytes>, Vec<Bytes>), String> {
        let (wire, rows) = (self.wire(), self.rows());
        let before = self.before.borrow();
        let (moved, due) = (since(&rows, &before.0), since(&wire, &before.1));
        if moved == due { Ok((rows, wire)) } else { Err(self.table(&moved, &due)) }
    }

    fn table(&self, moved: &[Bytes], due: &[Bytes]) -> String {
        let line = |((row, moved), due): ((&Row, &Bytes), &Bytes)| {
            let Row { service, name, .. } = row;
            format!("\n  {service}/{name}: {moved:?} where {due:?} is due")
        };
        let lines = self.rows.iter().zip(moved).zip(due).map(line);
        lines.chain([self.others()]).collect()
    }

    /// Rows that nothing is expected of, where missing bytes may be.
    fn others(&self) -> String {
        let others = self.home.status().accounts.into_iter().filter(|it| {
            let is_ours = |row: &Row| row.service == it.service && row.name == it.name;
            it.uplink + it.downlink > 0 && !self.rows.iter().any(is_ours)
        });
        let line = |it: Account| {
            format!("\n  {}/{}: up {}, down {} in all", it.service, it.name, it.uplink, it.downlink)
        };
        others.map(line).collect()
    }
}

fn since(now: &[Bytes], before: &[Bytes]) -> Vec<Bytes> {
    now.iter().zip(before).map(|(now, before)| *now - *before).collect()
}

impl Leg {
    fn bytes(self, counts: &BTreeMap<String, Count>) -> Bytes {
        let (out, back, port) = match self {
            Self::To(port) => ("to", "from", port),
            Self::At(port) => ("from", "to", port),
        };
        let bytes = |way| counts[&format!("{way}{port}")].bytes;
        Bytes { up: bytes(out), down: bytes(back) }
    }
}

/// No byte less than `payload` either way, and at most 6 % more in all: headers, and the
/// acknowledgements, which go the other way and are as many as the receiver's pace makes them.
pub fn carries(what: &str, moved: Bytes, payload: Bytes) {
    let is_whole = moved.up >= payload.up && moved.down >= payload.down;
    let most = (payload.up + payload.down) * 106 / 100;
    let is_lean = moved.up + moved.down <= most;
    assert!(is_whole && is_lean, "{what}: {moved:?} for {payload:?}");
}
