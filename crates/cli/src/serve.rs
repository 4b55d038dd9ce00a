//! `blindspot serve`: the server on a data folder, until it is told to stop.

use crate::out::{Done, Tried as _};
use blindspot_server::ServeConfig;
use blindspot_server::server::Ready;
use std::io::IsTerminal as _;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// 启动服务器 · start the server
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// 数据文件夹，没有就新建 · data folder, made when there is none
    #[arg(long, default_value = "blindspot-data")]
    data: PathBuf,
    /// 监听地址 · address to listen on; plain HTTP: loopback, or behind a proxy that ends TLS
    #[arg(long, default_value = "127.0.0.1:8080")]
    listen: SocketAddr,
    /// 城市编号，只在新建时用 · id of the city, for a new folder
    #[arg(long, default_value = "city")]
    city: String,
    /// 城市名称，只在新建时用 · its name, for a new folder
    #[arg(long, default_value = "本市")]
    city_name: String,
    /// 手机访问的地址，写进绑定码 · where phones find this server, for enrolment codes
    #[arg(long)]
    base_url: Option<String>,
}

/// Runs the command.
pub(crate) fn run(args: &Args) -> Done {
    log_to_stderr();
    let mut config = ServeConfig::new(args.data.clone());
    config.listen = args.listen;
    config.city = Some(args.city.clone());
    config.city_name = Some(args.city_name.clone());
    config.base_url.clone_from(&args.base_url);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .tried("服务器起不来", "cannot start the server")?;
    let data = args.data.display().to_string();
    runtime
        .block_on(blindspot_server::serve(
            config,
            |ready| println!("{}", greeting(&ready, &data)),
            signalled(),
        ))
        .tried("服务器没有起来或没有停好", "the server did not start, or did not stop in order")?;
    println!("已停下，没有丢失 stopped in order");
    Ok(())
}

/// Where to look, and on a folder without people how to get in.
fn greeting(ready: &Ready, data: &str) -> String {
    let mut out = format!("净格 Blindspot · http://{} · 数据 data {data}\n", ready.addr);
    if !ready.addr.ip().is_loopback() {
        out.push_str(
            "注意 note: 明文 http 上手机没有摄像头、定位和离线，请在前面放 HTTPS 代理\n           \
             over plain http phones have no camera, position or offline work: put an HTTPS proxy in front\n",
        );
    }
    match &ready.setup_link {
        Some(link) => out.push_str(&format!("首次设置，打开一次即失效 one-time set-up link:\n  {link}\n")),
        None => out.push_str("用已有账号登录 sign in with your account\n"),
    }
    out + "Ctrl-C 停止 stops it"
}

/// The server's log goes to the error stream; `RUST_LOG` says how much.
fn log_to_stderr() {
    let filter = tracing_subscriber::EnvFilter::try_from_default_env().unwrap_or_else(|_| "info".into());
    // A second call in one process would fail, and there is none.
    let ansi = std::io::stderr().is_terminal();
    let _ = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_ansi(ansi)
        .with_writer(std::io::stderr)
        .try_init();
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
