//! The wire of a scenario: near, a middle, far.
//!
//! ```text
//! near wire0 --- in0 middle out0 --- wire0 far
//! ```
//! The middle passes frames on. Where the near end sends super-packets, `out0` cuts them, so a
//! packet is counted behind segmentation; where the middle loses packets, it is counted before.

use vpnmon_tests::{
    link::DEVICE,
    namespace::Namespace,
    order::{Order, Place, Role},
    process::{Process, run},
    wait::{SOON, wait_for},
};

use crate::shape::{Middle, Shape};

/// One of the namespaces.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// The users'.
    Near,
    /// Only frames.
    Middle,
    /// Their peers'.
    Far,
}

/// Last numbers of the addresses of [`vpnmon_tests::link::Link`].
const NEAR: u8 = 1;
const FAR: u8 = 2;
const TO_NEAR: &str = "in0";
const TO_FAR: &str = "out0";
const LOSE_ONE_IN: u32 = 97;
const DELAY_ONE_IN: u32 = 41;
/// Features that put super-packets on a wire, or merge what comes off it.
const OFFLOADS: [&str; 4] = ["tso", "gso", "gro", "tx-udp-segmentation"];

/// The namespaces and what joins them.
#[derive(Debug)]
pub struct Network {
    hop: Option<Process>,
    near: Namespace,
    middle: Namespace,
    far: Namespace,
    shape: Shape,
}

impl Network {
    /// Around `near`; still down.
    pub fn new(near: Namespace, shape: Shape, serial: usize) -> Self {
        let middle = Namespace::new(&format!("middle{serial}"));
        let far = Namespace::new(&format!("far{serial}"));
        let network = Self { hop: None, near, middle, far, shape };
        if shape.middle == Middle::Loopback {
            // Loopback would carry super-packets whole; what counts is what a wire would carry.
            network.near.exec(&["ethtool", "-K", "lo", "tso", "off", "gso", "off"]);
            return network;
        }
        join(&network.near, &network.middle, TO_NEAR);
        join(&network.far, &network.middle, TO_FAR);
        network
    }

    /// Where what users send is counted, and where what they receive is.
    pub fn points(&self) -> Vec<(End, &'static str)> {
        match self.shape.middle {
            Middle::Bridge => vec![(End::Far, DEVICE), (End::Middle, TO_FAR)],
            Middle::Lossy => vec![(End::Middle, TO_NEAR), (End::Near, DEVICE)],
            Middle::Loopback => vec![(End::Near, "lo")],
        }
    }

    /// Where packets must have become fewer, or the scenario proves nothing: merged ones at the
    /// near end, lost ones at the far end. And the number of the point before that.
    pub fn fewer_at(&self) -> Option<(usize, End)> {
        match self.shape {
            Shape { offloads: true, .. } => Some((1, End::Near)),
            Shape { middle: Middle::Lossy, .. } => Some((0, End::Far)),
            _ => None,
        }
    }

    /// The device that a tool on the users' machine would look at.
    pub fn device(&self) -> &'static str {
        if self.shape.middle == Middle::Loopback { "lo" } else { DEVICE }
    }

    /// The namespace.
    pub fn at(&self, end: End) -> &Namespace {
        match end {
            End::Near => &self.near,
            End::Middle => &self.middle,
            End::Far => &self.far,
        }
    }

    /// Sets everything up and waits until packets pass.
    pub fn up(&mut self) {
        if self.shape.middle == Middle::Loopback {
            return;
        }
        self.set_features();
        self.address(End::Far, FAR);
        for device in [TO_NEAR, TO_FAR] {
            let mtu = self.shape.mtu.to_string();
            self.middle.ip(&["link", "set", device, "addrgenmode", "none", "mtu", &mtu, "up"]);
        }
        match self.shape.middle {
            Middle::Bridge => self.bridge(),
            Middle::Lossy => self.hop = Some(self.lossy_hop()),
            Middle::Loopback => {}
        }
        // Last, because a container starts when its device is up.
        self.address(End::Near, NEAR);
        wait_for("both ends up", SOON, || {
            let is_up = |end: &Namespace| end.ip(&["link", "show", DEVICE]).contains("state UP");
            if is_up(&self.near) && is_up(&self.far) { Ok(()) } else { Err("down".to_owned()) }
        });
    }

    fn set_features(&self) {
        let ends = [(End::Near, DEVICE), (End::Middle, TO_NEAR), (End::Middle, TO_FAR)];
        for (end, device) in ends.into_iter().chain([(End::Far, DEVICE)]) {
            let on = self.shape.offloads && end == End::Near;
            let mut command = vec!["ethtool", "-K", device];
            let state = if on { "on" } else { "off" };
            command.extend(OFFLOADS.iter().flat_map(|feature| [*feature, state]));
            if self.shape.middle == Middle::Lossy {
                // A packet socket passes frames on as they are, so their sums must be whole.
                command.extend(["tx", "off"]);
            }
            self.at(end).exec(&command);
        }
        if self.shape.offloads {
            // A device that merges polls a ring; this waits in front of a full one.
            let queue = ["tc", "qdisc", "add", "dev", TO_NEAR, "root", "pfifo", "limit", "10000"];
            self.middle.exec(&queue);
        }
    }

    fn address(&self, end: End, last: u8) {
        let end = self.at(end);
        if self.shape.v4_only {
            // Not even a link-local one.
            end.ip(&["link", "set", DEVICE, "addrgenmode", "none"]);
        } else {
            let v6 = format!("fd00:9::{last}/64");
            end.ip(&["-6", "addr", "add", &v6, "dev", DEVICE, "nodad"]);
        }
        end.ip(&["addr", "add", &format!("10.9.0.{last}/24"), "dev", DEVICE]);
        end.ip(&["link", "set", DEVICE, "mtu", &self.shape.mtu.to_string(), "up"]);
        if self.shape.quick_far && last == FAR {
            let address = format!("10.9.0.{last}");
            let route = ["route", "change", "10.9.0.0/24", "dev", DEVICE, "src", &address];
            end.ip(&[&route[..], &["quickack", "1"]].concat());
        }
    }

    fn bridge(&self) {
        self.middle.ip(&["link", "add", "br0", "type", "bridge", "mcast_snooping", "0"]);
        for device in [TO_NEAR, TO_FAR] {
            self.middle.ip(&["link", "set", device, "master", "br0"]);
        }
        self.middle.ip(&["link", "set", "br0", "addrgenmode", "none", "up"]);
    }

    fn lossy_hop(&self) -> Process {
        let devices = [TO_NEAR, TO_FAR].map(str::to_owned);
        let role = Role::Hop { devices, lose_one_in: LOSE_ONE_IN, delay_one_in: DELAY_ONE_IN };
        let mut hop = Order::new(Place::default().netns(&self.middle.name), role).start();
        assert_eq!(hop.line(SOON), "ready");
        hop
    }
}

/// A veth from `end` to the middle.
fn join(end: &Namespace, middle: &Namespace, device: &str) {
    let add = ["link", "add", DEVICE, "netns", &end.name, "type", "veth"];
    run("ip", &[&add[..], &["peer", "name", device, "netns", &middle.name]].concat());
}
