//! What to draw. Knows no pixel.

use crate::dice::Dice;
use serde::{Deserialize, Serialize};

/// What is wrong in the picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SceneKind {
    /// 暴露垃圾: bags and litter in a corner.
    Heap,
    /// 垃圾桶满溢: a bin that runs over.
    BinOverflow,
    /// 非法小广告: stickers on a wall.
    Stickers,
    /// 积水: a puddle.
    Puddle,
    /// 偷倒建筑垃圾: dumped rubble.
    Rubble,
    /// 废弃家具: a dumped sofa.
    Furniture,
    /// 绿地脏乱: litter in a green plot.
    GreenLitter,
    /// 乱堆杂物: boxes and planks against the wall.
    Clutter,
}

impl SceneKind {
    /// Every kind.
    pub const ALL: [SceneKind; 8] = [
        SceneKind::Heap,
        SceneKind::BinOverflow,
        SceneKind::Stickers,
        SceneKind::Puddle,
        SceneKind::Rubble,
        SceneKind::Furniture,
        SceneKind::GreenLitter,
        SceneKind::Clutter,
    ];

    /// The problem of the sample catalogue that the picture shows.
    #[must_use]
    pub fn problem_code(self) -> &'static str {
        match self {
            SceneKind::Heap => "3.03-a",
            SceneKind::BinOverflow => "3.04-a",
            SceneKind::Stickers => "3.09-a",
            SceneKind::Puddle => "8.04-a",
            SceneKind::Rubble => "3.03-d",
            SceneKind::Furniture => "3.03-e",
            SceneKind::GreenLitter => "3.16-a",
            SceneKind::Clutter => "3.02-c",
        }
    }
}

/// One picture.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SceneSpec {
    /// The number on the wall; names the place and so the vantage.
    pub number: u32,
    /// Seed of the city's scenes.
    pub seed: u64,
    /// Pixels across, upright.
    pub width: u32,
    /// Pixels down, upright.
    pub height: u32,
    /// What is wrong.
    pub kind: SceneKind,
    /// The same place after the fix, or a place that was found clean.
    pub cleaned: bool,
    /// Taken in the dark under a lamp.
    pub night: bool,
}

/// Sizes of small phones' pictures.
const SIZES: [(u32, u32); 6] = [(640, 480), (800, 600), (1280, 960), (960, 1280), (1600, 1200), (1440, 1080)];

impl SceneSpec {
    /// The `number`-th picture of a seed: kinds in the proportions of real patrols, 640 to 1,600 pixels, every
    /// 25th of 12 megapixels.
    #[must_use]
    pub fn nth(seed: u64, number: u32) -> Self {
        use SceneKind as K;
        const SHARES: [K; 20] = [
            K::Heap,
            K::Heap,
            K::Heap,
            K::Heap,
            K::Heap,
            K::Heap,
            K::BinOverflow,
            K::BinOverflow,
            K::BinOverflow,
            K::Stickers,
            K::Stickers,
            K::Stickers,
            K::Rubble,
            K::Rubble,
            K::Furniture,
            K::Furniture,
            K::Clutter,
            K::Clutter,
            K::Puddle,
            K::GreenLitter,
        ];
        let mut dice = Dice::new(seed, 1_000 + u64::from(number));
        let kind = *dice.pick(&SHARES);
        let (width, height) = if number.is_multiple_of(25) { (4000, 3000) } else { *dice.pick(&SIZES) };
        Self { number, seed, width, height, kind, cleaned: false, night: dice.chance(0.12) }
    }

    /// The same place, same vantage, after the fix.
    #[must_use]
    pub fn after(&self) -> Self {
        Self { cleaned: true, ..self.clone() }
    }

    /// The same picture in another size.
    #[must_use]
    pub fn sized(&self, width: u32, height: u32) -> Self {
        Self { width, height, ..self.clone() }
    }
}
