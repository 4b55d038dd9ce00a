//! Files that go with a report or are added to a case: photos, voice notes, documents.

use super::acts::said_saved;
use super::host::{At, Host, random};
use crate::out::{Done, Failure, Tried as _};
use blindspot_client::{RawPhoto, check_room_at};
use blindspot_core::CaseId;
use blindspot_core::command::{Fix, MediaKind, Origin, PhotoRole};
use std::path::PathBuf;

/// The files.
#[derive(Debug, clap::Args)]
pub(super) struct Files {
    /// 照片文件，可重复 · a photo file, again for more
    #[arg(long = "photo")]
    photos: Vec<PathBuf>,
    /// 语音文件（webm、mp4，60 秒 1 MB 以内），可重复 · a voice note: webm or mp4, 60 s and 1 MB at most
    #[arg(long = "voice")]
    voices: Vec<PathBuf>,
    /// 语音长度（秒） · how long the voice notes last, seconds
    #[arg(long, requires = "voices")]
    voice_seconds: Option<u32>,
    /// 文档（PDF，15 MB 以内），可重复 · a document: a PDF, 15 MB at most
    #[arg(long = "document")]
    documents: Vec<PathBuf>,
}

/// 补充材料 · add files to a case
#[derive(Debug, clap::Args)]
pub(super) struct Attach {
    /// 案件编号 · the case's id, see `list`
    case: CaseId,
    #[command(flatten)]
    files: Files,
}

impl Files {
    /// Before the shutter: whether what is about to be taken can be kept.
    pub(super) fn check_room(&self, at: &At) -> Done {
        if self.photos.is_empty() && self.voices.is_empty() && self.documents.is_empty() {
            return Ok(());
        }
        check_room_at(&at.home).tried("没有拍", "not taken")
    }

    /// Reads them all.
    pub(super) fn read(&self, position: Option<&Fix>) -> Done<Vec<RawPhoto>> {
        let kinds = [
            (&self.photos, MediaKind::Photo, PhotoRole::Before),
            (&self.voices, MediaKind::Voice, PhotoRole::Before),
            (&self.documents, MediaKind::Document, PhotoRole::Paper),
        ];
        let mut all = Vec::new();
        for (files, media, role) in kinds {
            let seconds = self.voice_seconds.filter(|_| media == MediaKind::Voice);
            for file in files {
                let bytes = std::fs::read(file).map_err(|e| {
                    let shown = file.display();
                    Failure::new(format!("读不了 {shown}：{e}"), format!("cannot read {shown}: {e}"))
                })?;
                all.push(RawPhoto {
                    bytes,
                    role: role.clone(),
                    origin: (media == MediaKind::Photo).then_some(Origin::Album),
                    position: position.cloned(),
                    media: media.clone(),
                    duration_ms: seconds.map(|s| s.saturating_mul(1_000)),
                });
            }
        }
        Ok(all)
    }
}

/// Adds files to a case; works without signal.
pub(super) fn attach(at: &At, args: &Attach, as_json: bool) -> Done {
    args.files.check_room(at)?;
    let mut host = Host::open(at)?;
    let files = args.files.read(None)?;
    if files.is_empty() {
        return Err(Failure::new(
            "没有文件：用 --photo、--voice 或 --document",
            "no file: give --photo, --voice or --document",
        ));
    }
    let now = host.now();
    let saved = host
        .replica
        .capture_photo_later(args.case, &files, None, &now, &mut random())
        .tried("没有存下", "not saved")?;
    while host.seal()? {}
    said_saved(as_json, &saved)
}
