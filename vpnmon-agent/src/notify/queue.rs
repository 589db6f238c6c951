//! A bounded queue between the loop, which never waits, and an outlet, which may take for ever.

use std::{
    collections::VecDeque,
    sync::{Condvar, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

/// Holds up to so many; the oldest make room for new ones.
#[derive(Debug)]
pub struct Queue<T> {
    room: usize,
    state: Mutex<State<T>>,
    changed: Condvar,
}

/// What was taken out.
#[derive(Debug, PartialEq, Eq)]
pub struct Taken<T> {
    /// The oldest there was.
    pub item: T,
    /// So many before it had to make room since the last that was taken.
    pub lost: u64,
}

#[derive(Debug)]
struct State<T> {
    waiting: VecDeque<T>,
    lost: u64,
    dropped: u64,
    is_busy: bool,
    is_closed: bool,
}

impl<T> Queue<T> {
    /// With room for so many.
    pub const fn new(room: usize) -> Self {
        let state = State {
            waiting: VecDeque::new(),
            lost: 0,
            dropped: 0,
            is_busy: false,
            is_closed: false,
        };
        Self { room, state: Mutex::new(state), changed: Condvar::new() }
    }

    /// Puts one in. Never waits for room.
    pub fn push(&self, item: T) {
        let mut state = self.lock();
        if state.waiting.len() >= self.room {
            state.waiting.pop_front();
            state.lost += 1;
            state.dropped += 1;
        }
        state.waiting.push_back(item);
        self.changed.notify_all();
    }

    /// Waits for one; whoever took the last is done with it. `None` when the queue is closed.
    pub fn take(&self) -> Option<Taken<T>> {
        let mut state = self.lock();
        state.is_busy = false;
        self.changed.notify_all();
        loop {
            if state.is_closed {
                return None;
            }
            if let Some(item) = state.waiting.pop_front() {
                state.is_busy = true;
                return Some(Taken { item, lost: std::mem::take(&mut state.lost) });
            }
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Waits so long, unless the queue is closed meanwhile. Whether it is.
    pub fn is_closed_within(&self, pause: Duration) -> bool {
        let waited = self.changed.wait_timeout_while(self.lock(), pause, |it| !it.is_closed);
        waited.unwrap_or_else(PoisonError::into_inner).0.is_closed
    }

    /// Waits so long for whoever took the last to be done with it. Whether that is so.
    pub fn is_idle_within(&self, patience: Duration) -> bool {
        let waited = self.changed.wait_timeout_while(self.lock(), patience, |it| it.is_busy);
        !waited.unwrap_or_else(PoisonError::into_inner).0.is_busy
    }

    /// Waits until nothing waits and nobody works, but not longer than `deadline`; then closes it.
    /// How many were left.
    pub fn close(&self, deadline: Instant) -> usize {
        let patience = deadline.saturating_duration_since(Instant::now());
        let is_at_work = |state: &mut State<T>| state.is_busy || !state.waiting.is_empty();
        let waited = self.changed.wait_timeout_while(self.lock(), patience, is_at_work);
        let mut state = waited.unwrap_or_else(PoisonError::into_inner).0;
        state.is_closed = true;
        self.changed.notify_all();
        state.waiting.len() + usize::from(state.is_busy)
    }

    /// How many wait, and how many had to make room since the start.
    pub fn figures(&self) -> (usize, u64) {
        let state = self.lock();
        (state.waiting.len(), state.dropped)
    }

    fn lock(&self) -> MutexGuard<'_, State<T>> {
        // Nothing that is done under the lock can leave it half done.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::{sync::Arc, thread};

    use super::*;

    #[test]
    fn the_oldest_make_room_and_are_counted() {
        let queue = Queue::new(2);
        (1..=5).for_each(|item| queue.push(item));
        assert_eq!(queue.figures(), (2, 3));
        assert_eq!(queue.take(), Some(Taken { item: 4, lost: 3 }));
        assert_eq!(queue.take(), Some(Taken { item: 5, lost: 0 }));
        assert_eq!(queue.figures(), (0, 3));
    }

    #[test]
    fn closing_waits_for_what_is_done_and_no_longer_than_told() {
        let queue = Arc::new(Queue::new(8));
        queue.push(1);
        let worker = Arc::clone(&queue);
        let worker = thread::spawn(move || while worker.take().is_some() {});
        assert_eq!(queue.close(Instant::now() + Duration::from_secs(10)), 0);
        worker.join().unwrap();
        let stuck = Queue::new(8);
        (1..=3).for_each(|item| stuck.push(item));
        assert!(stuck.take().is_some());
        assert_eq!(stuck.close(Instant::now() + Duration::from_millis(10)), 3);
        assert!(!stuck.is_idle_within(Duration::ZERO));
        assert_eq!(stuck.take(), None);
        assert!(stuck.is_idle_within(Duration::ZERO));
        assert!(stuck.is_closed_within(Duration::from_secs(10)));
    }
}
