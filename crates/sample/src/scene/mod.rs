//! Drawn photos of blind spots: ground, wall, rubbish and a scene number, as pixels or as JPEG with EXIF.
//!
//! So that the project needs no real photo of any real place. The same spec draws the same bytes; a before and
//! an after picture share their vantage. Knows no case and no upload.

mod canvas;
mod draw;
mod exif;
mod font;
mod jpeg;
mod kinds;
mod sheet;
mod spec;

pub use draw::draw;
pub use exif::ExifSpec;
pub use jpeg::{jpeg, stamp};
pub use sheet::contact_sheet;
pub use spec::{SceneKind, SceneSpec};

#[cfg(test)]
mod tests;
