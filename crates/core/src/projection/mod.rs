//! Pure folds behind lists and reports. Each reads rows and gives values; none knows SQL.

pub mod clusters;
pub mod desk;
pub mod freshness;
pub mod grams;
pub mod head;
pub mod ledger;
pub mod month;
pub mod near;
pub mod notice_text;
pub mod notices;
pub mod timeline;
pub mod worklist;
