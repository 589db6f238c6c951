//! Whether names are captured, and what a row's service is called.

use std::borrow::Cow;

use super::keep::Switched;
use crate::model::sighting::HostService;

/// The service of a host that an admin has put there without naming one.
pub const BY_HAND: &str = "MANUAL";

/// `hosts.enabled`, until a command says something else.
#[derive(Debug)]
pub struct Switch {
    config: bool,
    by_command: Option<Switched>,
}

impl Switch {
    /// As the config has it.
    pub const fn new(config: bool) -> Self {
        Self { config, by_command: None }
    }

    /// What a command has said holds until the config says something new.
    pub fn restore(&mut self, switched: Option<Switched>) {
        self.by_command = switched.filter(|it| it.config == self.config);
    }

    pub const fn is_on(&self) -> bool {
        match self.by_command {
            Some(switched) => switched.on,
            None => self.config,
        }
    }

    /// Whether that is a change.
    pub const fn to(&mut self, on: bool) -> bool {
        let before = self.is_on();
        self.by_command = Some(Switched { on, config: self.config });
        before != on
    }

    pub const fn by_command(&self) -> Option<Switched> {
        self.by_command
    }
}

/// The word of `hosts.log` for a service, or what an admin typed.
pub fn service(word: &str) -> Cow<'static, str> {
    match HostService::of_word(word) {
        Some(service) => Cow::Borrowed(service.word()),
        None => Cow::Owned(word.to_owned()),
    }
}
