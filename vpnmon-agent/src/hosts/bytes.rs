//! Bytes by host and user.

use super::{Hosts, name::HostName};
use crate::model::{Service, sighting::HostBytes};

impl Hosts {
    /// Bytes of a user went to a host or came back from it. What goes to no host that is kept, or is
    /// of a visitor that is not kept apart, is found in the account alone.
    pub fn moved(&mut self, moved: &HostBytes) {
        let Ok(name) = HostName::parse(&moved.host) else { return };
        if self.table.amend(name.as_str(), |host| host.moved(moved)).is_some() {
            self.keep.moved();
        }
    }

    /// The usage of an account begins anew, and so does what of it went where.
    pub fn forget_bytes(&mut self, service: Service, user: &str) {
        let moved = |visit: &super::host::Visit| visit.is_of_account(service, user);
        let visited = self.table.iter().filter(|host| host.visits.iter().any(moved));
        let names: Vec<_> = visited.map(|host| host.name.clone()).collect();
        for name in names {
            self.table.amend(&name, |host| host.forget_bytes(service, user));
            self.keep.moved();
        }
    }
}
