//! The size of a HEIC picture from its boxes. Must not decode it.
//!
//! Boxes after ISO/IEC 14496-12 (ISOBMFF) and 23008-12 (HEIF): `meta` / `iprp` / `ipco` / `ispe`.

/// Width and height of the largest image item (the tiles of a grid and the thumbnail are smaller).
pub(crate) fn dimensions(bytes: &[u8]) -> Option<(u32, u32)> {
    let meta = boxes(bytes).find(|(kind, _)| kind == b"meta")?.1;
    // `meta` and `ispe` begin with a version and flags.
    let properties = boxes(meta.get(4..)?).find(|(kind, _)| kind == b"iprp")?.1;
    let container = boxes(properties).find(|(kind, _)| kind == b"ipco")?.1;
    boxes(container)
        .filter(|(kind, _)| kind == b"ispe")
        .filter_map(|(_, body)| {
            let (_, rest) = body.split_first_chunk::<4>()?;
            let (width, rest) = rest.split_first_chunk::<4>()?;
            let (height, _) = rest.split_first_chunk::<4>()?;
            Some((u32::from_be_bytes(*width), u32::from_be_bytes(*height)))
        })
        .max_by_key(|&(width, height)| u64::from(width) * u64::from(height))
}

/// The boxes one after another: kind and body. Ends at the first that does not fit.
fn boxes(mut bytes: &[u8]) -> impl Iterator<Item = ([u8; 4], &[u8])> {
    std::iter::from_fn(move || {
        let (size, rest) = bytes.split_first_chunk::<4>()?;
        let (kind, rest) = rest.split_first_chunk::<4>()?;
        let (head, size) = match u32::from_be_bytes(*size) {
            // 0: to the end of the file. 1: the size follows in eight bytes.
            0 => (8, bytes.len()),
            1 => (16, usize::try_from(u64::from_be_bytes(*rest.first_chunk::<8>()?)).ok()?),
            size => (8, size as usize),
        };
        let body = bytes.get(head..size)?;
        bytes = &bytes[size..];
        Some((*kind, body))
    })
}

#[cfg(test)]
mod tests {
    use super::dimensions;

    fn boxed(kind: &[u8; 4], body: &[u8]) -> Vec<u8> {
        [&(body.len() as u32 + 8).to_be_bytes(), kind.as_slice(), body].concat()
    }

    fn ispe(width: u32, height: u32) -> Vec<u8> {
        boxed(b"ispe", &[[0; 4], width.to_be_bytes(), height.to_be_bytes()].concat())
    }

    #[test]
    fn largest_item_of_a_grid() {
        let container = boxed(b"ipco", &[ispe(512, 512), ispe(4032, 3024), ispe(320, 240)].concat());
        let meta =
            boxed(b"meta", &[vec![0; 4], boxed(b"hdlr", &[0; 9]), boxed(b"iprp", &container)].concat());
        let file = [boxed(b"ftyp", b"heic\0\0\0\0mif1heic"), meta].concat();
        assert_eq!(dimensions(&file), Some((4032, 3024)));
        for cut in 0..file.len() {
            assert_eq!(dimensions(&file[..cut]), None, "cut at {cut}");
        }
    }

    #[test]
    fn endless_and_oversized_boxes_end() {
        assert_eq!(dimensions(&[0, 0, 0, 8, b'f', b'r', b'e', b'e', 0, 0, 0, 2, 0, 0, 0, 0]), None);
        assert_eq!(
            dimensions(&[0, 0, 0, 1, b'm', b'e', b't', b'a', 255, 255, 255, 255, 255, 255, 255, 255]),
            None
        );
    }
}
