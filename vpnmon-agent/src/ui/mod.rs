//! What people read: the status table, its units and its order.

pub mod color;
pub mod import;
pub mod limits;
pub mod sort;
pub mod table;
pub mod units;
