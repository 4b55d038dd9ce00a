//! Pure folds behind lists and reports. Each reads rows and gives values; none knows SQL.

pub mod desk;
pub mod grams;
pub mod head;
pub mod ledger;
pub mod near;
pub mod notice_text;
pub mod notices;
pub mod timeline;
pub mod worklist;
