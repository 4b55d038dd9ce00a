//! `blindspot serve`: the server on a data folder, until it is told to stop.

use crate::config::Settings;
use crate::out::{Done, Tried as _};
use blindspot_server::config::Sandbox;
use blindspot_server::server::{Ready, TrialReady};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// 启动服务器 · start the server
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    settings: Settings,
    /// 沙盒：样例城市，固定的人、密码和绑定码，可复原，供应用开发 · for app developers: a made-up city that can be put back
    #[arg(long)]
    sandbox: bool,
    /// 沙盒允许别的机器访问 · lets other machines reach the sandbox
    #[arg(long, requires = "sandbox")]
    sandbox_open: bool,
}

/// Runs the command.
pub(crate) fn run(args: &Args) -> Done {
    let (mut config, logs) = args.settings.find().serve()?;
    let _writing = crate::log::start(&logs)?;
    if args.sandbox {
        config.sandbox = Some(Sandbox { open: args.sandbox_open });
        crate::sandbox::prepare(&config.data)?;
    }
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .tried("服务器起不来", "cannot start the server")?;
    let data = config.data.display().to_string();
    runtime
        .block_on(blindspot_server::serve(
            config,
            |ready| say(&(greeting(&ready, &data) + &sandbox_words(args.sandbox, &ready))),
            signalled(),
        ))
        .tried("服务器没有起来或没有停好", "the server did not start, or did not stop in order")?;
    say("已停下，没有丢失 stopped in order");
    Ok(())
}

/// A line for whoever looks; a reader that has gone away stops no server.
fn say(words: &str) {
    use std::io::Write as _;
    let _ = writeln!(std::io::stdout(), "{words}");
}

fn sandbox_words(sandbox: bool, ready: &Ready) -> String {
    if sandbox { format!("\n{}", crate::sandbox::words(&ready.url)) } else { String::new() }
}

/// Where to look, and on a folder without people how to get in.
fn greeting(ready: &Ready, data: &str) -> String {
    let mut out = format!("净格 Blindspot · {} · 数据 data {data}\n", ready.url);
    if let Some(days) = ready.certificate_days {
        out += &format!("证书还有 {days} 天 · the certificate ends in {days} days\n");
    }
    if let Some(trial) = &ready.trial {
        out += &trial_words(ready, trial);
    }
    match &ready.setup_link {
        Some(link) => out += &format!("首次设置，打开一次即失效 one-time set-up link:\n  {link}\n"),
        None => out.push_str("用已有账号登录 sign in with your account\n"),
    }
    out + "Ctrl-C 停止 stops it"
}

/// What to do on a phone, with both codes.
fn trial_words(ready: &Ready, trial: &TrialReady) -> String {
    let code = |text: &str| crate::qr::in_terminal(text).unwrap_or_default();
    let mut out = format!(
        "试用 trial\n1 手机先扫这个，装证书 · scan this first and install the certificate: {page}\n{first}\
         2 装好后扫这个 · then this: {url}/start\n{then}\
         证书指纹 fingerprint of the CA (SHA-256):\n  {fingerprint}\n",
        page = trial.page,
        first = code(&trial.page),
        url = ready.url,
        then = code(&format!("{}/start", ready.url)),
        fingerprint = trial.fingerprint,
    );
    if !trial.left_out.is_empty() {
        let names = trial.left_out.join(" ");
        out += &format!(
            "注意 note: 试用证书不含 {names}；要用它们请删除数据文件夹里的 trial 再启动，手机要重装证书\n           \
             the trial CA does not cover {names}: delete `trial` in the data folder and start again; phones install anew\n"
        );
    }
    out
}

/// Becomes true on Ctrl-C or SIGTERM.
pub(crate) fn wait_for_signal() -> Arc<AtomicBool> {
    let stop = Arc::new(AtomicBool::new(false));
    let told = Arc::clone(&stop);
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        if let Ok(runtime) = runtime {
            runtime.block_on(signalled());
        }
        told.store(true, Ordering::SeqCst);
    });
    stop
}

/// Ends on Ctrl-C or SIGTERM.
pub(crate) async fn signalled() {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        if let Ok(mut terminate) = signal(SignalKind::terminate()) {
            tokio::select! {
                _ = tokio::signal::ctrl_c() => {}
                _ = terminate.recv() => {}
            }
            return;
        }
    }
    // Without signals there is only the terminal's end; waiting for ever would be worse than stopping.
    let _ = tokio::signal::ctrl_c().await;
}
