//! What all fuzz targets are made of: each is one of [`vpnmon_agent::fuzz::TARGETS`].

pub use libfuzzer_sys;
pub use vpnmon_agent::fuzz::target;

/// Makes the target of that name.
#[macro_export]
macro_rules! fuzz {
    ($name:literal) => {
        static TARGET: std::sync::LazyLock<fn(&[u8])> =
            std::sync::LazyLock::new(|| $crate::target($name).expect("a target of that name"));

        $crate::libfuzzer_sys::fuzz_target!(|bytes: &[u8]| TARGET(bytes));
    };
}
