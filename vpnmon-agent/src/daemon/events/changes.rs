//! Requests, and when a change is answered: not before a crash could no longer undo it.

use super::Loop;
use crate::{
    control::{Answer, Request, server::Asked},
    daemon::{answer::answer, report::Sources},
    event::{Event, Stored},
};

impl Loop {
    pub(super) fn answer(&mut self, Asked { request, reply }: Asked) {
        let is_change = !request.is_question();
        if is_change || matches!(request, Request::Report(_)) {
            // What has moved up to now belongs to the time before the change, and into a report.
            self.drain_all();
        } else {
            self.look_at_traffic();
        }
        if let Request::Hosts { filter } = request {
            let listing = self.engine.listing();
            // The drains go on meanwhile.
            let _ends_by_itself = tokio::task::spawn_blocking(move || {
                reply.send(Answer::Hosts(listing.rows(&filter)))
            });
            return;
        }
        if let Request::Report(query) = request {
            let at = self.clock.now().unix_seconds;
            let sources = Sources::of(&self.engine, self.history.clone(), at);
            let _ends_by_itself =
                tokio::task::spawn_blocking(move || reply.send(sources.answer(&query)));
            return;
        }
        let answer = answer(&mut self.engine, request, self.clock.now());
        let besides = self.engine.take_outbox(self.clock.now());
        self.carry_out(besides);
        if is_change && !self.engine.is_kept() {
            // Not before a crash could no longer undo it.
            self.unkept.push((answer, reply));
            self.happened(Event::PersistDue);
            return;
        }
        // Whoever asked may be gone.
        let _unread = reply.send(answer);
    }

    /// A batch is on disk, or is not; so are the changes that wait for an answer.
    pub(super) fn stored(&mut self, stored: Stored) {
        let error = stored.error.clone();
        self.happened(Event::Stored(stored));
        if self.unkept.is_empty() {
            return;
        }
        if error.is_none() && !self.engine.is_kept() {
            self.happened(Event::PersistDue);
            return;
        }
        for (answer, reply) in self.unkept.drain(..) {
            let answer = match &error {
                None => answer,
                Some(error) => Answer::Refused {
                    code: 1,
                    message: format!("done, but not on disk yet: {error}; free the disk"),
                },
            };
            let _unread = reply.send(answer);
        }
    }
}
