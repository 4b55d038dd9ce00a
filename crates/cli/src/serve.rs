//! `blindspot serve`: the server on a data folder, until it is told to stop.

use crate::out::{Done, Tried as _};
use blindspot_server::ServeConfig;
use blindspot_server::config::Tls;
use blindspot_server::server::{Ready, TrialReady};
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
    /// 监听地址 · address to listen on; other than this machine's own needs TLS or a trusted proxy
    #[arg(long, default_value = "127.0.0.1:8080")]
    listen: SocketAddr,
    /// 证书链 PEM · certificate chain, PEM; read again on SIGHUP
    #[arg(long, requires = "tls_key")]
    tls_cert: Option<PathBuf>,
    /// 私钥 PEM · its key, PEM
    #[arg(long, requires = "tls_cert")]
    tls_key: Option<PathBuf>,
    /// 试用：自建证书和安装页 · for a first try: a private CA, with a page that installs it
    #[arg(long, conflicts_with = "tls_cert")]
    tls_trial: bool,
    /// 安装页的地址，默认是监听端口加一 · where that page listens; the port after the other one when left out
    #[arg(long, requires = "tls_trial")]
    tls_trial_page: Option<SocketAddr>,
    /// 前置代理的网段 · networks of proxies in front that end TLS, e.g. 10.0.0.2/32
    #[arg(long, value_delimiter = ',')]
    trusted_proxy: Vec<ipnet::IpNet>,
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
    config.tls = tls(args);
    config.trusted_proxies.clone_from(&args.trusted_proxy);
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

fn tls(args: &Args) -> Tls {
    match (&args.tls_cert, &args.tls_key) {
        (Some(cert), Some(key)) => Tls::Files { cert: cert.clone(), key: key.clone() },
        _ if args.tls_trial => {
            let port = if args.listen.port() == 0 { 0 } else { args.listen.port().wrapping_add(1) };
            let page = args.tls_trial_page.unwrap_or_else(|| SocketAddr::new(args.listen.ip(), port));
            Tls::Trial { page }
        }
        _ => Tls::Plain,
    }
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
