//! A phone of the demo as a child process: orders in, words out, and a SIGKILL.

use super::wire::{Last, Order, Progress, Word, line};
use crate::out::{Done, Failure, Tried as _};
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, TryRecvError, channel};

/// A phone's process and what it last said.
pub(crate) struct Phone {
    /// 1 to 5.
    pub(crate) number: u32,
    home: PathBuf,
    child: Child,
    stdin: ChildStdin,
    words: Receiver<Word>,
    /// Everybody enrolled.
    pub(crate) ready: bool,
    /// All captures made.
    pub(crate) captured: bool,
    /// Answers to `FeedBack` and `Verify` orders so far: how many captures each made.
    pub(crate) worked: Vec<u32>,
    /// The last progress.
    pub(crate) progress: Progress,
    /// How many progress words came: a newer one is needed to know a newer state.
    pub(crate) heard: u64,
    /// The last word.
    pub(crate) last: Option<Last>,
}

impl Phone {
    /// Starts the process on its home.
    pub(crate) fn start(number: u32, home: &Path) -> Done<Self> {
        let (child, stdin, words) = spawn(home)?;
        Ok(Self {
            number,
            home: home.to_owned(),
            child,
            stdin,
            words,
            ready: false,
            captured: false,
            worked: Vec::new(),
            progress: Progress::default(),
            heard: 0,
            last: None,
        })
    }

    /// SIGKILL, as when a phone's battery is pulled, and a new process on the same home.
    pub(crate) fn kill_and_restart(&mut self) -> Done {
        self.child.kill().tried("停不掉手机进程", "cannot kill the phone's process")?;
        self.child.wait().tried("等不到手机进程结束", "cannot wait for the phone's process")?;
        (self.child, self.stdin, self.words) = spawn(&self.home)?;
        (self.ready, self.captured) = (false, false);
        Ok(())
    }

    /// Gives an order.
    pub(crate) fn order(&mut self, order: &Order) -> Done {
        let sent = self.stdin.write_all(line(order).as_bytes()).and_then(|()| self.stdin.flush());
        sent.tried("手机进程不听命令", "the phone's process takes no orders")
    }

    /// Takes in everything said so far.
    pub(crate) fn listen(&mut self) -> Done {
        loop {
            match self.words.try_recv() {
                Ok(Word::Ready) => self.ready = true,
                Ok(Word::Captured) => self.captured = true,
                Ok(Word::Worked { done }) => self.worked.push(done),
                Ok(Word::Progress(progress)) => {
                    self.progress = progress;
                    self.heard += 1;
                }
                Ok(Word::Last(last)) => self.last = Some(last),
                Ok(Word::Failed { why }) => return Err(self.failed(&why)),
                Err(TryRecvError::Empty) => return Ok(()),
                Err(TryRecvError::Disconnected) if self.last.is_some() => return Ok(()),
                Err(TryRecvError::Disconnected) => return Err(self.failed("its process ended")),
            }
        }
    }

    fn failed(&self, why: &str) -> Failure {
        let n = self.number;
        Failure::new(format!("{n} 号手机出错：{why}"), format!("phone {n}: {why}"))
    }
}

impl Drop for Phone {
    fn drop(&mut self) {
        // A phone that has ended needs no killing; the demo must leave no process behind.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn spawn(home: &Path) -> Done<(Child, ChildStdin, Receiver<Word>)> {
    let program = std::env::current_exe().tried("找不到本程序", "cannot find this program")?;
    let mut command = Command::new(program);
    command.arg("phone").arg("--home").arg(home).arg("drill");
    command.stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child =
        crate::me::thrifty(&mut command).spawn().tried("启动不了手机进程", "cannot start a phone")?;
    let (Some(stdin), Some(stdout)) = (child.stdin.take(), child.stdout.take()) else {
        return Err(Failure::new("手机进程没有管道", "the phone's process has no pipes"));
    };
    let (tell, words) = channel();
    std::thread::spawn(move || {
        for text in BufReader::new(stdout).lines().map_while(Result::ok) {
            // What is no word of ours is not for us.
            if let Ok(word) = serde_json::from_str(&text)
                && tell.send(word).is_err()
            {
                return;
            }
        }
    });
    Ok((child, stdin, words))
}
