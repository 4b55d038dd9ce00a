//! What the bytes of a voice note or a document are, from their beginning alone. They are stored and handed out,
//! never decoded. Must not trust names or media types.

/// The kinds of voice notes that are taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum VoiceFormat {
    /// WebM, as browsers on Android and desktops record.
    Webm,
    /// MPEG-4 audio, as browsers on iOS record.
    Mp4,
}

impl VoiceFormat {
    /// The media type to serve the bytes with.
    pub fn media_type(self) -> &'static str {
        match self {
            Self::Webm => "audio/webm",
            Self::Mp4 => "audio/mp4",
        }
    }
}

/// The media type of documents.
pub const DOCUMENT_TYPE: &str = "application/pdf";

/// Where in an EBML head the document type must stand.
const EBML_HEAD: usize = 64;
/// Brands of MPEG-4 files that hold sound; a picture's (HEIC, AVIF) is not among them.
const MP4_BRANDS: [&[u8; 4]; 12] = [
    b"M4A ", b"M4B ", b"mp41", b"mp42", b"isom", b"iso2", b"iso4", b"iso5", b"iso6", b"iso8", b"dash",
    b"qt  ",
];

/// The kind of voice note the bytes announce, `None` when it is not one that is taken.
pub fn sniff_voice(bytes: &[u8]) -> Option<VoiceFormat> {
    if bytes.starts_with(&[0x1A, 0x45, 0xDF, 0xA3]) {
        // The document type, element 0x4282, four bytes long: `webm` and not `matroska`.
        let head = &bytes[..bytes.len().min(EBML_HEAD)];
        let webm = head.windows(7).any(|w| w == b"\x42\x82\x84webm");
        return webm.then_some(VoiceFormat::Webm);
    }
    let brand = bytes.get(8..12)?;
    let mp4 = bytes.get(4..8) == Some(b"ftyp") && MP4_BRANDS.iter().any(|b| b.as_slice() == brand);
    mp4.then_some(VoiceFormat::Mp4)
}

/// Whether the bytes begin as a PDF does, at the very first byte.
pub fn is_pdf(bytes: &[u8]) -> bool {
    bytes.starts_with(b"%PDF-") && bytes.get(5).is_some_and(u8::is_ascii_digit)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn knows_the_two_voices_and_no_other() {
        let webm = b"\x1A\x45\xDF\xA3\x9F\x42\x86\x81\x01\x42\xF7\x81\x01\x42\xF2\x81\x04\x42\xF3\x81\x08\x42\x82\x84webm";
        let matroska = b"\x1A\x45\xDF\xA3\xA3\x42\x86\x81\x01\x42\xF7\x81\x01\x42\x82\x88matroska";
        assert_eq!(sniff_voice(webm), Some(VoiceFormat::Webm));
        assert_eq!(sniff_voice(matroska), None);
        assert_eq!(sniff_voice(b"\x1A\x45\xDF\xA3"), None);
        assert_eq!(sniff_voice(b"\0\0\0\x1Cftypmp42\0\0\0\0"), Some(VoiceFormat::Mp4));
        assert_eq!(sniff_voice(b"\0\0\0\x1CftypM4A \0\0\0\0"), Some(VoiceFormat::Mp4));
        for other in [
            b"\0\0\0\x18ftypheic".as_slice(),
            b"\0\0\0\x18ftypavif",
            b"ID3\x04",
            b"OggS",
            b"RIFF\x10\0\0\0WAVE",
            b"",
        ] {
            assert_eq!(sniff_voice(other), None, "{other:?}");
        }
    }

    #[test]
    fn a_pdf_begins_at_its_first_byte() {
        assert!(is_pdf(b"%PDF-1.7\n"));
        for other in [b" %PDF-1.7".as_slice(), b"%PDF-", b"%PDF-x", b"<html>%PDF-1.7", b""] {
            assert!(!is_pdf(other), "{other:?}");
        }
    }
}
