//! Which kind of picture the bytes are, from their first bytes alone. Must not trust names or media types.

/// The photo types that are taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Format {
    /// JPEG, baseline or progressive.
    Jpeg,
    /// PNG.
    Png,
    /// WebP, lossy or lossless; of an animation the first frame.
    Webp,
    /// HEIF with HEVC inside. Stored, never decoded.
    Heic,
}

impl Format {
    /// The media type to serve the bytes with.
    pub fn media_type(self) -> &'static str {
        match self {
            Self::Jpeg => "image/jpeg",
            Self::Png => "image/png",
            Self::Webp => "image/webp",
            Self::Heic => "image/heic",
        }
    }
}

/// The type the bytes announce, `None` when it is not one that is taken (AVIF is not: nothing here or on old
/// phones shows it).
pub fn sniff(bytes: &[u8]) -> Option<Format> {
    if bytes.starts_with(&[0xFF, 0xD8, 0xFF]) {
        return Some(Format::Jpeg);
    }
    if bytes.starts_with(b"\x89PNG\r\n\x1a\n") {
        return Some(Format::Png);
    }
    if bytes.starts_with(b"RIFF") && bytes.get(8..12) == Some(b"WEBP".as_slice()) {
        return Some(Format::Webp);
    }
    is_heic(bytes).then_some(Format::Heic)
}

/// `ftyp` with an HEVC brand, or the general `mif1`/`msf1` with an HEVC brand among the compatible ones.
fn is_heic(bytes: &[u8]) -> bool {
    const HEVC: [&[u8]; 6] = [b"heic", b"heix", b"hevc", b"hevx", b"heim", b"heis"];
    let (Some(b"ftyp"), Some(major)) = (bytes.get(4..8), bytes.get(8..12)) else {
        return false;
    };
    if HEVC.contains(&major) {
        return true;
    }
    let size = bytes.first_chunk::<4>().map_or(0, |b| u32::from_be_bytes(*b) as usize);
    let compatible = bytes.get(16..size.clamp(16, 256).min(bytes.len())).unwrap_or_default();
    (major == b"mif1" || major == b"msf1") && compatible.chunks_exact(4).any(|brand| HEVC.contains(&brand))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn knows_the_four_and_no_other() {
        assert_eq!(sniff(&[0xFF, 0xD8, 0xFF, 0xE0]), Some(Format::Jpeg));
        assert_eq!(sniff(b"\x89PNG\r\n\x1a\n...."), Some(Format::Png));
        assert_eq!(sniff(b"RIFF\x10\0\0\0WEBPVP8 "), Some(Format::Webp));
        assert_eq!(sniff(b"\0\0\0\x18ftypheic\0\0\0\0mif1heic"), Some(Format::Heic));
        assert_eq!(sniff(b"\0\0\0\x18ftypmif1\0\0\0\0mif1heic"), Some(Format::Heic));
        assert_eq!(sniff(b"\0\0\0\x18ftypavif\0\0\0\0mif1avif"), None);
        assert_eq!(sniff(b"\0\0\0\x18ftypmif1\0\0\0\0mif1avif"), None);
        assert_eq!(sniff(b"GIF89a"), None);
        assert_eq!(sniff(b"%PDF-1.7"), None);
        assert_eq!(sniff(b""), None);
        assert_eq!(sniff(b"RIFF\x10\0\0\0WAVE"), None);
    }
}
