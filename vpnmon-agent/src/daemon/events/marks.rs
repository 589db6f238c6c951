//! Marks on their way to the kernel.

use super::Loop;
use crate::event::Command;

impl Loop {
    /// Has the kernel count a mark apart.
    pub(super) fn mark(&mut self, mark: u32) {
        match self.tagging.mark(mark) {
            Ok(Some(_)) => {}
            Ok(None) => log::warn!(
                "xray: no slot for mark {mark}: its user counts by payload; raise \
                 meter.max_accounts and restart"
            ),
            Err(error) => {
                log::error!("mark {mark} is not counted, tried again in a second: {error:#}");
                self.untold_marks.push(Command::Mark(mark));
            }
        }
    }

    /// Has it do so no more.
    pub(super) fn unmark(&mut self, mark: u32) {
        if let Err(error) = self.tagging.unmark(mark) {
            log::error!("mark {mark} still counts, tried again in a second: {error:#}");
            self.untold_marks.push(Command::Unmark(mark));
        }
    }

    /// Tries again what failed.
    pub(super) fn retry_marks(&mut self) {
        let again = std::mem::take(&mut self.untold_marks);
        self.carry_out(again);
    }
}
