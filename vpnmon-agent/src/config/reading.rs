//! Reads one value, and refuses in one wording: what stands there, what is allowed.

use std::fmt::{self, Display};

use serde::de::{Deserializer, Error, MapAccess, SeqAccess, Visitor};

/// What can stand behind a key, as far as any key cares.
pub enum Value<'a> {
    Truth(bool),
    Whole(u64),
    Text(&'a str),
    List(Vec<String>),
}

/// Reads a value that `accept` takes; `allowed` says what that is.
pub fn read<'de, D: Deserializer<'de>, T>(
    deserializer: D,
    allowed: impl Display,
    accept: impl Fn(Value<'_>) -> Option<T>,
) -> Result<T, D::Error> {
    deserializer.deserialize_any(Reader { allowed, accept, fault: "bad", hides: false })
}

/// The same for a value that must not be in an error, because errors go into logs.
pub fn read_secret<'de, D: Deserializer<'de>, T>(
    deserializer: D,
    allowed: impl Display,
    accept: impl Fn(Value<'_>) -> Option<T>,
) -> Result<T, D::Error> {
    deserializer.deserialize_any(Reader { allowed, accept, fault: "bad", hides: true })
}

/// Reads one of `words`.
pub fn word<'de, D: Deserializer<'de>, T: Copy>(
    deserializer: D,
    words: &[(&str, T)],
) -> Result<T, D::Error> {
    let names: Vec<_> = words.iter().map(|(name, _)| *name).collect();
    let accept = |value: Value<'_>| match value {
        Value::Text(text) => words.iter().find(|(name, _)| *name == text).map(|(_, word)| *word),
        _ => None,
    };
    let allowed = format!("one of {}", names.join(", "));
    deserializer.deserialize_any(Reader { allowed, accept, fault: "unknown", hides: false })
}

struct Reader<A, F> {
    allowed: A,
    accept: F,
    fault: &'static str,
    hides: bool,
}

impl<A: Display, F> Reader<A, F> {
    fn take<T, E: Error>(self, value: Value<'_>, found: impl Display) -> Result<T, E>
    where
        F: Fn(Value<'_>) -> Option<T>,
    {
        (self.accept)(value).ok_or_else(|| self.refuse(found))
    }

    fn refuse<E: Error>(&self, found: impl Display) -> E {
        if self.hides {
            return E::custom(format_args!("{} value, expected {}", self.fault, self.allowed));
        }
        E::custom(format_args!("{} value {found}, expected {}", self.fault, self.allowed))
    }
}

impl<'de, A: Display, T, F: Fn(Value<'_>) -> Option<T>> Visitor<'de> for Reader<A, F> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.allowed.fmt(f)
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<T, E> {
        self.take(Value::Truth(value), value)
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<T, E> {
        match u64::try_from(value) {
            Ok(value) => self.visit_u64(value),
            Err(_) => Err(self.refuse(value)),
        }
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<T, E> {
        self.take(Value::Whole(value), value)
    }

    fn visit_i128<E: Error>(self, value: i128) -> Result<T, E> {
        Err(self.refuse(value))
    }

    fn visit_u128<E: Error>(self, value: u128) -> Result<T, E> {
        Err(self.refuse(value))
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<T, E> {
        Err(self.refuse(value))
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<T, E> {
        self.take(Value::Text(value), format_args!("`{value}`"))
    }

    fn visit_seq<S: SeqAccess<'de>>(self, mut list: S) -> Result<T, S::Error> {
        let mut items: Vec<String> = Vec::new();
        while let Some(item) = list.next_element()? {
            items.push(item);
        }
        let found = format!("{items:?}");
        self.take(Value::List(items), found)
    }

    fn visit_map<M: MapAccess<'de>>(self, _: M) -> Result<T, M::Error> {
        Err(self.refuse("(a table or a date)"))
    }
}
