//! The rubbish of each kind of scene, and what is left of it after the fix.

use super::canvas::{Canvas, Rgb, shade};
use super::draw::Vantage;
use super::spec::SceneKind;
use crate::dice::Dice;

const BAGS: [Rgb; 6] = [
    [34.0, 34.0, 38.0],
    [46.0, 45.0, 50.0],
    [156.0, 54.0, 52.0],
    [214.0, 214.0, 216.0],
    [52.0, 84.0, 134.0],
    [64.0, 112.0, 76.0],
];
const BITS: [Rgb; 7] = [
    [236.0, 236.0, 232.0],
    [214.0, 60.0, 48.0],
    [240.0, 200.0, 60.0],
    [70.0, 150.0, 210.0],
    [160.0, 122.0, 80.0],
    [90.0, 170.0, 90.0],
    [120.0, 120.0, 124.0],
];
const CARD: Rgb = [186.0, 146.0, 98.0];

/// Paints what is wrong, or the cleaned place.
pub(super) fn paint(c: &mut Canvas, v: &Vantage, kind: SceneKind, cleaned: bool, dice: &mut Dice) {
    match (kind, cleaned) {
        (SceneKind::BinOverflow, _) => bin(c, v, dice, cleaned),
        (SceneKind::Stickers, _) => stickers(c, v, dice, cleaned),
        (SceneKind::Puddle, true) => drain(c, v, dice),
        (_, true) => swept(c, v, dice),
        (SceneKind::Heap, _) => heap(c, v, dice),
        (SceneKind::Puddle, _) => puddle(c, v, dice),
        (SceneKind::Rubble, _) => rubble(c, v, dice),
        (SceneKind::Furniture, _) => sofa(c, v, dice),
        (SceneKind::GreenLitter, _) => {
            let middle = dice.between(0.35, 0.65) as f32;
            litter(c, dice, [middle, (v.foot + 1.0) / 2.0], [0.42, 0.24], 70);
        }
        (SceneKind::Clutter, _) => clutter(c, v, dice),
    }
}

fn spread(dice: &mut Dice, size: f32) -> f32 {
    dice.between(-f64::from(size), f64::from(size)) as f32
}

fn within(dice: &mut Dice, low: f32, high: f32) -> f32 {
    dice.between(f64::from(low), f64::from(high)) as f32
}

/// A soft shadow on the ground.
fn shadow(c: &mut Canvas, at: [f32; 2], r: [f32; 2]) {
    c.ellipse(at, r, [20.0, 18.0, 16.0], 0.45, true);
    c.ellipse(at, [r[0] * 0.8, r[1] * 0.75], [16.0, 14.0, 12.0], 0.35, true);
}

/// Small coloured scraps: paper, wrappers, bottles.
fn litter(c: &mut Canvas, dice: &mut Dice, at: [f32; 2], r: [f32; 2], count: usize) {
    for _ in 0..count {
        let (x, y) = (at[0] + spread(dice, r[0]), at[1] + spread(dice, r[1]));
        let near = 0.5 + y;
        let (w, h) = (within(dice, 0.004, 0.016) * near, within(dice, 0.003, 0.011) * near);
        let lean = spread(dice, 0.6);
        let colour = *dice.pick(&BITS);
        c.ellipse([x + w * 0.3, y + h], [w * 1.1, h * 0.7], [20.0, 18.0, 16.0], 0.35, true);
        let corners =
            [[x - w, y - h * lean], [x + w * lean, y - h], [x + w, y + h * lean], [x - w * lean, y + h]];
        c.polygon(&corners, colour, 0.95);
    }
}

/// A tied plastic bag.
fn bag(c: &mut Canvas, dice: &mut Dice, at: [f32; 2], r: f32) {
    let colour = *dice.pick(&BAGS);
    let (rx, ry) = (r * within(dice, 0.85, 1.15), r * within(dice, 0.85, 1.1));
    c.ellipse(at, [rx, ry], colour, 1.0, false);
    let knot = [at[0] + spread(dice, rx * 0.3), at[1] - ry * 0.92];
    c.polygon(
        &[[knot[0] - r * 0.16, knot[1] - r * 0.22], [knot[0] + r * 0.18, knot[1] - r * 0.2], knot],
        shade(colour, 1.15),
        1.0,
    );
    for _ in 0..3 {
        let fold = [at[0] + spread(dice, rx * 0.5), at[1] + spread(dice, ry * 0.5)];
        c.ellipse(fold, [rx * 0.09, ry * 0.3], shade(colour, 0.7), 0.5, true);
    }
    let shine = [at[0] - rx * 0.35, at[1] - ry * 0.4];
    c.ellipse(shine, [rx * 0.18, ry * 0.1], [240.0; 3], 0.3, true);
}

fn heap(c: &mut Canvas, v: &Vantage, dice: &mut Dice) {
    let (x, y) = (within(dice, 0.38, 0.62), v.foot + 0.2);
    shadow(c, [x, y + 0.05], [0.36, 0.12]);
    litter(c, dice, [x, y + 0.08], [0.34, 0.08], 30);
    for row in 0..4 {
        let count = 6 - row;
        for n in 0..count {
            let across = (n as f32 - (count - 1) as f32 / 2.0) * 0.095 + spread(dice, 0.02);
            let r = within(dice, 0.055, 0.085);
            let high = y + 0.035 - row as f32 * 0.075 + spread(dice, 0.012);
            bag(c, dice, [x + across, high], r);
        }
    }
    litter(c, dice, [x, y - 0.02], [0.26, 0.1], 22);
    litter(c, dice, [x, v.foot + 0.34], [0.44, 0.07], 26);
}

fn bin(c: &mut Canvas, v: &Vantage, dice: &mut Dice, cleaned: bool) {
    let (x, foot) = (within(dice, 0.36, 0.6), v.foot + 0.26);
    let (w, h) = (0.11, 0.42);
    let green = [40.0, 112.0, 66.0];
    shadow(c, [x + 0.03, foot + 0.01], [w * 1.5, 0.045]);
    let top = foot - h;
    if !cleaned {
        for n in 0..9 {
            let at = [x + (n % 4) as f32 * 0.055 - 0.083, top - 0.01 - (n / 4) as f32 * 0.05];
            bag(c, dice, at, 0.052);
        }
        // The lid hangs back on its hinge at the left rim.
        let lid = [
            [x - w, top + 0.02],
            [x - w - 0.1, top + 0.17],
            [x - w - 0.13, top + 0.15],
            [x - w - 0.02, top - 0.02],
        ];
        c.polygon(&lid, shade(green, 0.8), 1.0);
    }
    let body = [[x - w, top], [x + w, top], [x + w * 0.86, foot], [x - w * 0.86, foot]];
    c.polygon(&body, green, 1.0);
    for rib in [-0.5, 0.0, 0.5] {
        let at = [x + w * rib, top + h * 0.2];
        c.rect(at, [0.006, h * 0.66], shade(green, 0.75), 0.8);
    }
    c.rect([x - w * 1.06, top - 0.012], [w * 2.12, 0.034], shade(green, 1.2), 1.0);
    c.ellipse([x + w * 0.7, foot - 0.02], [0.024, 0.032], [26.0; 3], 1.0, false);
    c.ellipse([x - w * 0.7, foot - 0.02], [0.024, 0.032], [26.0; 3], 1.0, false);
    c.rect([x - 0.045, top + h * 0.32], [0.09, 0.06], [226.0, 226.0, 220.0], 0.9);
    if cleaned {
        let lid = [
            [x - w * 1.06, top - 0.012],
            [x + w * 1.06, top - 0.012],
            [x + w * 0.9, top - 0.06],
            [x - w * 0.9, top - 0.06],
        ];
        c.polygon(&lid, shade(green, 1.05), 1.0);
        return;
    }
    litter(c, dice, [x, foot + 0.06], [0.3, 0.06], 40);
    for side in [-0.2, 0.2, 0.28] {
        shadow(c, [x + side, foot + 0.05], [0.07, 0.025]);
        let r = within(dice, 0.05, 0.07);
        bag(c, dice, [x + side, foot + 0.01], r);
    }
}

/// Stickers, or the pale patches that scraping leaves.
fn stickers(c: &mut Canvas, v: &Vantage, dice: &mut Dice, cleaned: bool) {
    const PAPER: [Rgb; 5] = [
        [246.0, 244.0, 236.0],
        [250.0, 226.0, 70.0],
        [236.0, 86.0, 66.0],
        [120.0, 196.0, 236.0],
        [244.0, 180.0, 196.0],
    ];
    for n in 0..14 {
        let (column, row) = (n % 5, n / 5);
        let x = 0.14 + column as f32 * 0.155 + spread(dice, 0.03);
        let y = v.foot * (0.36 + row as f32 * 0.2) + spread(dice, 0.012);
        let (w, h) = (within(dice, 0.085, 0.125), v.foot * within(dice, 0.13, 0.18));
        let lean = spread(dice, 0.012);
        let paper = *dice.pick(&PAPER);
        let number = format!("000{:04}", dice.below(10_000));
        let corners =
            [[x, y], [x + w, y + lean], [x + w - lean * 0.6, y + h + lean], [x - lean * 0.6, y + h]];
        if cleaned {
            c.polygon(&corners, [214.0, 208.0, 198.0], 0.16);
            continue;
        }
        c.polygon(&corners.map(|p| [p[0] + 0.004, p[1] + 0.006]), [20.0; 3], 0.3);
        c.polygon(&corners, paper, 1.0);
        c.rect([x + w * 0.1, y + h * 0.14], [w * 0.7, h * 0.16], [180.0, 24.0, 30.0], 0.9);
        for line in 0..2 {
            c.rect([x + w * 0.1, y + h * (0.4 + 0.13 * line as f32)], [w * 0.76, h * 0.05], [60.0; 3], 0.7);
        }
        // Seven digits that begin with three zeros: nobody's telephone.
        c.digits([x + w * 0.1, y + h * 0.7], &number, w * 0.018, [30.0; 3]);
    }
    if !cleaned {
        litter(c, dice, [0.5, v.foot + 0.1], [0.4, 0.06], 16);
    }
}

fn puddle(c: &mut Canvas, v: &Vantage, dice: &mut Dice) {
    let (x, y) = (within(dice, 0.4, 0.6), v.foot + 0.26);
    for (grow, colour, alpha) in [(1.12, [58.0, 54.0, 46.0], 0.35), (1.0, [70.0, 74.0, 70.0], 0.85)] {
        let mut lobes = dice.clone();
        for _ in 0..7 {
            let at = [x + spread(&mut lobes, 0.2), y + spread(&mut lobes, 0.05)];
            let r = [within(&mut lobes, 0.12, 0.2) * grow, within(&mut lobes, 0.05, 0.08) * grow];
            c.ellipse(at, r, colour, alpha, true);
        }
    }
    for _ in 0..9 {
        let at = [x + spread(dice, 0.22), y + spread(dice, 0.055)];
        let long = within(dice, 0.03, 0.09);
        c.ellipse(at, [long, 0.006], [196.0, 208.0, 214.0], 0.4, true);
    }
    litter(c, dice, [x, y], [0.24, 0.06], 14);
}

/// The grate through which the puddle went.
fn drain(c: &mut Canvas, v: &Vantage, dice: &mut Dice) {
    let (x, y) = (within(dice, 0.4, 0.6), v.foot + 0.26);
    c.ellipse([x, y], [0.26, 0.08], [70.0, 68.0, 62.0], 0.16, true);
    c.rect([x - 0.07, y - 0.03], [0.14, 0.06], [52.0, 52.0, 54.0], 1.0);
    for slot in 0..6 {
        c.rect([x - 0.06 + slot as f32 * 0.021, y - 0.022], [0.01, 0.044], [14.0; 3], 1.0);
    }
}

fn rubble(c: &mut Canvas, v: &Vantage, dice: &mut Dice) {
    const STONES: [Rgb; 5] = [
        [168.0, 164.0, 158.0],
        [128.0, 124.0, 120.0],
        [172.0, 96.0, 74.0],
        [196.0, 190.0, 180.0],
        [146.0, 78.0, 62.0],
    ];
    let (x, y) = (within(dice, 0.4, 0.6), v.foot + 0.24);
    shadow(c, [x, y + 0.04], [0.38, 0.1]);
    c.polygon(
        &[[x - 0.34, y + 0.05], [x - 0.12, y - 0.14], [x + 0.08, y - 0.2], [x + 0.34, y + 0.05]],
        [150.0, 140.0, 126.0],
        1.0,
    );
    for n in 0..120 {
        let high = 1.0 - (n as f32 / 120.0);
        let at = [x + spread(dice, 0.34 * (1.05 - high)), y + 0.05 - high * 0.24 + spread(dice, 0.02)];
        let r = within(dice, 0.014, 0.042);
        let colour = *dice.pick(&STONES);
        let corners: Vec<[f32; 2]> = (0..5)
            .map(|k| {
                let turn = k as f32 * 1.2566 + spread(dice, 0.4);
                let out = r * within(dice, 0.7, 1.1);
                [at[0] + out * turn.cos(), at[1] + out * turn.sin() * 0.9]
            })
            .collect();
        c.polygon(&corners.iter().map(|p| [p[0] + 0.005, p[1] + 0.008]).collect::<Vec<_>>(), [40.0; 3], 0.5);
        c.polygon(&corners, colour, 1.0);
    }
}

fn sofa(c: &mut Canvas, v: &Vantage, dice: &mut Dice) {
    const CLOTH: [Rgb; 4] =
        [[128.0, 64.0, 54.0], [84.0, 98.0, 120.0], [142.0, 122.0, 88.0], [96.0, 84.0, 78.0]];
    let cloth = *dice.pick(&CLOTH);
    let (x, y) = (within(dice, 0.24, 0.38), v.foot - 0.06);
    shadow(c, [x + 0.2, y + 0.345], [0.28, 0.05]);
    c.rect([x + 0.01, y - 0.04], [0.38, 0.26], shade(cloth, 0.85), 1.0);
    for seat in 0..2 {
        let at = [x + 0.045 + seat as f32 * 0.155, y - 0.02];
        c.rect(at, [0.145, 0.17], shade(cloth, 1.02), 1.0);
        c.polygon(
            &[
                [at[0], y + 0.15],
                [at[0] + 0.145, y + 0.15],
                [at[0] + 0.16, y + 0.22],
                [at[0] - 0.012, y + 0.22],
            ],
            shade(cloth, 1.2),
            1.0,
        );
    }
    c.rect([x + 0.03, y + 0.22], [0.34, 0.08], shade(cloth, 0.75), 1.0);
    c.rect([x - 0.02, y + 0.06], [0.07, 0.25], shade(cloth, 1.08), 1.0);
    c.rect([x + 0.35, y + 0.06], [0.07, 0.25], shade(cloth, 0.95), 1.0);
    for leg in [0.0, 0.37] {
        c.rect([x + leg, y + 0.31], [0.02, 0.03], [50.0, 36.0, 26.0], 1.0);
    }
    // Torn cover with the filling showing.
    let tear = [x + within(dice, 0.08, 0.28), y + 0.04];
    c.ellipse(tear, [0.03, 0.04], [226.0, 212.0, 176.0], 0.95, false);
    shadow(c, [x + 0.5, y + 0.34], [0.07, 0.03]);
    bag(c, dice, [x + 0.5, y + 0.28], 0.07);
    litter(c, dice, [x + 0.2, y + 0.4], [0.34, 0.05], 24);
}

fn clutter(c: &mut Canvas, v: &Vantage, dice: &mut Dice) {
    let foot = v.foot + 0.14;
    shadow(c, [0.5, foot + 0.01], [0.4, 0.06]);
    for plank in 0..4 {
        let x = 0.2 + plank as f32 * 0.035;
        let lean = within(dice, 0.05, 0.1);
        let wood = shade([150.0, 116.0, 76.0], within(dice, 0.8, 1.15));
        c.polygon(
            &[[x + lean, v.foot * 0.36], [x + lean + 0.022, v.foot * 0.36], [x + 0.022, foot], [x, foot]],
            wood,
            1.0,
        );
    }
    for (n, x) in [0.36, 0.5, 0.64, 0.43, 0.57].into_iter().enumerate() {
        let (w, h) = (within(dice, 0.11, 0.135), within(dice, 0.13, 0.16));
        let y = foot - h - if n > 2 { 0.14 } else { 0.0 };
        let card = shade(CARD, within(dice, 0.82, 1.12));
        c.rect([x, y], [w, h], card, 1.0);
        c.polygon(
            &[[x, y], [x + w, y], [x + w + 0.02, y - 0.03], [x + 0.02, y - 0.03]],
            shade(card, 1.16),
            1.0,
        );
        c.polygon(
            &[[x + w, y], [x + w + 0.02, y - 0.03], [x + w + 0.02, y + h - 0.03], [x + w, y + h]],
            shade(card, 0.72),
            1.0,
        );
        c.rect([x + w * 0.42, y], [w * 0.14, h], [206.0, 184.0, 140.0], 0.7);
    }
    c.ellipse([0.84, foot - 0.03], [0.075, 0.1], [30.0, 30.0, 32.0], 1.0, false);
    c.ellipse([0.84, foot - 0.03], [0.035, 0.05], [92.0, 90.0, 86.0], 1.0, true);
    litter(c, dice, [0.5, foot + 0.07], [0.36, 0.05], 20);
}

/// A swept and rinsed place: a damp patch and nothing else.
fn swept(c: &mut Canvas, v: &Vantage, dice: &mut Dice) {
    let (x, y) = (within(dice, 0.4, 0.6), v.foot + 0.2);
    c.ellipse([x, y], [0.36, 0.11], [60.0, 60.0, 58.0], 0.14, true);
    c.ellipse([x + 0.03, y + 0.01], [0.24, 0.07], [50.0, 50.0, 50.0], 0.1, true);
}
