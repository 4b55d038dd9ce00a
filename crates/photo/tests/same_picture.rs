//! The perceptual hash: near for one scene at other sizes, qualities and formats, far for others.
#![allow(clippy::unwrap_used, reason = "tests")]

mod common;

use blindspot_photo::{
    Limits, OriginalPolicy, SAME_PICTURE_MAX, hash_distance, normalise, perceptual_hash, renditions,
};
use common::{jpeg, phone_tiff, scene, scene_jpeg};

fn hash(bytes: &[u8]) -> u64 {
    perceptual_hash(bytes, &Limits::default()).unwrap()
}

#[test]
fn one_scene_at_1280_and_2560_is_the_same() {
    for seed in 1..6 {
        let large = hash(&scene_jpeg(2560, 1920, seed));
        let small = hash(&jpeg(&scene(1280, 960, seed), 1280, 960, 60, None));
        let tiny = hash(&jpeg(&scene(320, 240, seed), 320, 240, 40, None));
        assert!(hash_distance(large, small) <= SAME_PICTURE_MAX, "{seed}: {}", hash_distance(large, small));
        assert!(hash_distance(large, tiny) <= SAME_PICTURE_MAX, "{seed}: {}", hash_distance(large, tiny));
    }
}

#[test]
fn other_scenes_are_others() {
    let hashes: Vec<u64> = (1..25).map(|seed| hash(&scene_jpeg(640, 480, seed))).collect();
    for (i, a) in hashes.iter().enumerate() {
        for (j, b) in hashes.iter().enumerate().skip(i + 1) {
            assert!(
                hash_distance(*a, *b) > SAME_PICTURE_MAX,
                "scenes {i} and {j}: {}",
                hash_distance(*a, *b)
            );
        }
    }
}

#[test]
fn every_form_of_a_turned_photo_agrees_with_its_original() {
    for policy in [OriginalPolicy::Bounded, OriginalPolicy::AsTaken] {
        let raw = jpeg(&scene(3000, 2200, 4), 3000, 2200, 88, Some(&phone_tiff(6)));
        let done = normalise(&raw, policy, &Limits::default()).unwrap();
        let phash = done.phash.unwrap();
        let server = renditions(&done.original.bytes, &Limits::default()).unwrap();
        let others = [
            hash(&raw),
            hash(&done.original.bytes),
            hash(&done.working.unwrap().bytes),
            hash(&done.thumbnail.unwrap().bytes),
            server.phash,
        ];
        for other in others {
            assert!(hash_distance(phash, other) <= SAME_PICTURE_MAX, "{}", hash_distance(phash, other));
        }
    }
}

#[test]
fn a_turned_or_flat_picture_is_not_the_scene() {
    let upright = hash(&scene_jpeg(640, 480, 3));
    let turned = hash(&jpeg(&scene(640, 480, 3), 640, 480, 90, Some(&phone_tiff(3))));
    assert!(hash_distance(upright, turned) > SAME_PICTURE_MAX);
    let gray = |level: u8, w: u32, h: u32| hash(&jpeg(&vec![level; (w * h * 3) as usize], w, h, 50, None));
    assert_eq!(gray(90, 640, 480), gray(93, 1280, 960), "noise of a flat picture is not hashed");
    assert!(hash_distance(upright, gray(90, 640, 480)) > SAME_PICTURE_MAX);
}
