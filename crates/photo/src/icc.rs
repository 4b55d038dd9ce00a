//! Which colour profiles are worth carrying. Must not interpret colours.

use crate::markers::{APP2, Segments};

/// Phones write 500 to 700 bytes, editors about 3 KB; anything bigger is a printer's table, or something hidden.
const BYTES_MAX: usize = 4096;
const HEAD: &[u8] = b"ICC_PROFILE\0";

/// The profile, when it is small and describes RGB (a gray or CMYK profile is wrong for the RGB we write).
pub(crate) fn worth_keeping(profile: &[u8]) -> bool {
    (128..=BYTES_MAX).contains(&profile.len()) && profile.get(16..20) == Some(b"RGB ".as_slice())
}

/// The profile inside one APP2 payload: only whole ones (chunk 1 of 1), only those worth keeping.
pub(crate) fn of_segment(payload: &[u8]) -> Option<&[u8]> {
    let profile = payload.strip_prefix(HEAD)?.strip_prefix(&[1, 1])?;
    worth_keeping(profile).then_some(profile)
}

/// The profile of a JPEG, if it has one worth keeping.
pub(crate) fn of_jpeg(bytes: &[u8]) -> Option<Vec<u8>> {
    Segments::before_scan(bytes)
        .filter(|segment| segment.marker == APP2)
        .find_map(|segment| of_segment(segment.payload).map(<[u8]>::to_vec))
}
