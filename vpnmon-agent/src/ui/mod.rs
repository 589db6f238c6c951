//! What people read: the status table, its units and its order.

pub mod color;
pub mod hosts;
pub mod import;
pub mod limits;
pub mod report;
pub mod sort;
pub mod table;
pub mod top;
pub mod units;
