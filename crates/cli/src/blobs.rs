//! `blindspot blobs`: where photos lie, and moving them between the data folder and a bucket.

use crate::args::OnFolder;
use crate::folder::Folder;
use crate::out::{Done, Failure, Tried as _, answer};
use crate::progress::Bars;
use blindspot_server::blob::{Depot, Place};
use blindspot_server::service::moving::{self, Moved};
use serde_json::json;

/// 照片存放处 · where photos lie
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    on: OnFolder,
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, clap::Subcommand)]
enum What {
    /// 搬到别处，断了可以接着搬 · move them; a run that was cut off goes on
    Move(MoveArgs),
    /// 现在在哪里 · where they lie now
    Place,
}

#[derive(Debug, clap::Args)]
struct MoveArgs {
    /// 搬到哪里：disk，或 s3://桶/前缀?endpoint=... · disk, or s3://bucket/prefix?endpoint=...
    #[arg(long)]
    to: String,
    /// 搬完后删除原处的照片 · remove them at the old place once all are at the new one
    #[arg(long)]
    remove_old: bool,
}

/// Runs the command.
pub(crate) fn run(args: &Args) -> Done {
    match &args.what {
        What::Move(to) => run_move(&args.on, to),
        What::Place => {
            let place =
                Place::noted(&args.on.data).tried("读不了照片位置", "cannot read where photos lie")?;
            answer(args.on.json, &json!({"place": place.as_text()}), || place.as_text().to_owned())
        }
    }
}

/// Beside a server it only copies; alone it switches as well.
fn run_move(on: &OnFolder, args: &MoveArgs) -> Done {
    let to = Place::parse(&args.to).tried("照片位置写错了", "the place is not one")?;
    let folder = Folder::existing(&on.data)?;
    let from = Place::noted(&on.data).tried("读不了照片位置", "cannot read where photos lie")?;
    if from.is_same(&to) {
        folder.close()?;
        return Err(Failure::new("照片已经在那里", "the photos are there already"));
    }
    let opened = |place| Depot::open_at(&on.data, place).tried("打不开照片库", "cannot open the photos");
    let (old, new) = (opened(&from)?, opened(&to)?);
    let bars = Bars::new(on.json);
    let bar = bars.bar("照片 photos", 0);
    let copied = moving::copy(&folder, (&old, &new), &on.data, &|done, all| {
        bar.set_length(all as u64);
        bar.set_position(done as u64);
    });
    bars.clear();
    let moved =
        copied.tried("没有搬完；再运行一次会接着搬", "not all was copied; run it again and it goes on")?;
    let alone = folder.is_alone();
    let switched = alone && moved.missing.is_empty();
    let mut removed = 0;
    if switched {
        to.note(&on.data).tried("记不下新位置", "the new place cannot be noted")?;
        if args.remove_old {
            removed =
                moving::clear(&folder, &old).tried("原处没有删完", "not all was removed at the old place")?;
        }
    }
    folder.close()?;
    let place = if switched { to.as_text() } else { from.as_text() };
    let value = json!({"moved": moved, "switched": switched, "removed_old": removed, "place": place});
    answer(on.json, &value, || words(&moved, switched, alone))?;
    if moved.missing.is_empty() {
        return Ok(());
    }
    let n = moved.missing.len();
    Err(Failure::new(
        format!("有 {n} 张照片在原处缺失或损坏，没有切换；用 blindspot verify blobs 查看"),
        format!(
            "{n} photos are missing or damaged at the old place, nothing was switched; see `blindspot verify blobs`"
        ),
    ))
}

fn words(moved: &Moved, switched: bool, alone: bool) -> String {
    let mut out = format!(
        "照片 photos {} · 本次复制 copied {}（{} MB） · 已在新处 there already {}\n",
        moved.photos,
        moved.copied,
        moved.bytes / 1_000_000,
        moved.there
    );
    if switched {
        out += "已切换到新处 switched; 下次启动服务器就用新处 the server uses the new place from its next start\n";
    } else if !alone {
        out += "服务器在运行，只复制没有切换；停下服务器再运行一次 a server runs here: copied, not switched; stop it and run this once more\n";
    }
    out
}
