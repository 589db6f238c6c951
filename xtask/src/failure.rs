//! The one error of xtask: what failed, why, and what to do next.

use std::fmt::{self, Display};

/// A result whose error can be shown to a person as it is.
pub type Result<T> = std::result::Result<T, Failure>;

/// Something that did not work, told in one line.
#[derive(Debug)]
pub struct Failure {
    what: String,
    why: String,
    next: String,
    /// The exit code of xtask.
    pub code: u8,
}

impl Failure {
    /// A failure that ends xtask with exit code 1.
    pub fn new(what: impl Display, why: impl Display, next: impl Display) -> Self {
        Self { what: what.to_string(), why: why.to_string(), next: next.to_string(), code: 1 }
    }

    /// The reason alone.
    pub fn why(&self) -> &str {
        &self.why
    }

    /// The same failure with another exit code.
    pub fn with_code(self, code: u8) -> Self {
        Self { code, ..self }
    }
}

impl Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}; {}", self.what, self.why, self.next)
    }
}

/// Turns any error into a [`Failure`].
pub trait OrFail<T> {
    /// Says what was tried and what to do next; why is the error's own text.
    fn or_fail(self, what: impl Display, next: impl Display) -> Result<T>;
}

impl<T, E: Display> OrFail<T> for std::result::Result<T, E> {
    fn or_fail(self, what: impl Display, next: impl Display) -> Result<T> {
        self.map_err(|error| Failure::new(what, error, next))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_one_line_of_what_why_next() {
        let failure = Failure::new("building", "no compiler", "install gcc").with_code(7);
        assert_eq!(failure.to_string(), "building: no compiler; install gcc");
        assert_eq!(failure.code, 7);
    }
}
