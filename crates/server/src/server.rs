//! Serving: opens the data folder, listens, stops without losing anything.

use crate::blob::Place;
use crate::config::ServeConfig;
use crate::config::Tls;
use crate::http::install::{self, Install};
use crate::http::now_ms;
use crate::jobs::Jobs;
use crate::listen::{self, Listening};
use crate::router::router;
use crate::service::{ServiceError, sandbox, setup};
use crate::state::{App, DataFolder, OpenError, Opening};
use crate::tls::addresses::{self, Names};
use crate::tls::{Certificates, Pair, TlsError, trial};
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;
use tokio::net::TcpListener;

/// How long open connections may take to end once the server stops.
const LAST_ANSWERS: Duration = Duration::from_secs(10);

/// Why serving ended badly.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// The data folder cannot be opened.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// The address cannot be listened on.
    #[error("监听 {0} 失败：{1} / listening on {0}: {1}")]
    Listen(SocketAddr, io::Error),
    /// Passwords and photos would cross a network unprotected.
    #[error(
        "{0} 不是本机地址，明文 http 会泄露密码，手机也没有摄像头、定位和离线；请给证书（--tls-cert --tls-key），试用加 --tls-trial，或在前面放代理并写明 --trusted-proxy 网段 / {0} is not this machine alone: plain http would leak passwords, and phones get no camera, position or offline work over it. Give a certificate (--tls-cert --tls-key), use --tls-trial for a first try, or put a proxy in front and name it with --trusted-proxy CIDR"
    )]
    Exposed(SocketAddr),
    /// A sandbox is asked for where there is none, or is served as if it were none.
    #[error("{0}")]
    Sandbox(&'static str),
    /// What copies the database's file.
    #[error(
        "数据库在 PostgreSQL 上：定时备份（backup.to）和沙盒只用于内置数据库；请用 pg_basebackup 或 pg_dump 备份，见 docs/operations.md / the database is on PostgreSQL: scheduled backups (backup.to) and sandboxes copy the built-in database's file; back up with pg_basebackup or pg_dump, see docs/operations.md"
    )]
    NotOnPostgres,
    /// The certificate cannot be used.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// The operating system refuses.
    #[error("serving: {0}")]
    Io(#[from] io::Error),
    /// The database refuses.
    #[error(transparent)]
    Service(#[from] ServiceError),
}

/// What a server says once it listens.
#[derive(Clone, Debug)]
pub struct Ready {
    /// Where it listens.
    pub addr: SocketAddr,
    /// The address as others on the network write it.
    pub url: String,
    /// The one-time set-up link, while there is nobody yet.
    pub setup_link: Option<String>,
    /// Days until the certificate ends, when there is one.
    pub certificate_days: Option<i64>,
    /// What a trial gives away.
    pub trial: Option<TrialReady>,
}

/// A trial's page.
#[derive(Clone, Debug)]
pub struct TrialReady {
    /// Its address as others on the network write it.
    pub page: String,
    /// The CA's SHA-256, as phones show it.
    pub fingerprint: String,
    /// Names that the CA cannot be used for.
    pub left_out: Vec<String>,
}

/// Serves until `shutdown` ends; then takes no more, answers what it has taken, and closes in order.
///
/// # Errors
/// See `ServeError`.
pub async fn serve(
    config: ServeConfig,
    ready: impl FnOnce(Ready),
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> Result<(), ServeError> {
    check_sandbox(&config)?;
    if config.database.is_shared() && (config.backup.is_some() || config.sandbox.is_some()) {
        return Err(ServeError::NotOnPostgres);
    }
    if config.is_exposed() {
        return Err(ServeError::Exposed(config.listen));
    }
    let mut folder = open(&config).await?;
    let mut doors = Doors::open(&config).await?;
    let mut ready = Some(ready);
    let mut shutdown = pin!(shutdown);
    loop {
        // Kept open, so that who comes while a sandbox is put back waits in the kernel's queue.
        let again = config.sandbox.map(|_| doors.again()).transpose()?;
        let put_back = round(&config, folder, doors, &mut ready, shutdown.as_mut()).await?;
        let Some(next) = again.filter(|_| put_back) else { return Ok(()) };
        let data = config.data.clone();
        tokio::task::spawn_blocking(move || sandbox::put_back(&data)).await.map_err(io::Error::other)??;
        folder = reopen(&config).await?;
        doors = next.try_into()?;
    }
}

/// One life of the server; true when it ended because a sandbox is to be put back.
async fn round(
    config: &ServeConfig,
    folder: DataFolder,
    doors: Doors,
    ready: &mut Option<impl FnOnce(Ready)>,
    shutdown: Pin<&mut impl Future<Output = ()>>,
) -> Result<bool, ServeError> {
    let app = Arc::new(App::new(folder, config, doors.url.clone())?);
    if let Some(certificates) = &doors.certificates {
        // Set once: the doors of one round have one certificate.
        let _ = app.certificates.set(certificates.clone());
    }
    let jobs = Jobs::spawn(app.clone(), config)?;
    let opening = app.clone();
    let token = tokio::task::spawn_blocking(move || setup::open(opening.house())).await;
    let token = token.map_err(io::Error::other)??;
    let setup_link = token.map(|t| format!("{}/setup?token={t}", app.base_url));
    if let Some(ready) = ready.take() {
        ready(doors.ready(setup_link));
    }
    let told = run(&app, config, doors, shutdown).await;
    let closing = app.clone();
    tokio::task::spawn_blocking(move || {
        jobs.close();
        closing.writer.close();
        closing.folder.close()
    })
    .await
    .map_err(io::Error::other)??;
    Ok(!told && app.put_back.load(Ordering::SeqCst))
}

/// A sandbox is public: it is never taken for real data, nor real data for it.
fn check_sandbox(config: &ServeConfig) -> Result<(), ServeError> {
    let refused = |why| Err(ServeError::Sandbox(why));
    match (config.sandbox, sandbox::is_one(&config.data)) {
        (None, true) => refused(
            "这个数据文件夹是沙盒，密码人人皆知，只能用 --sandbox 启动 / this data folder is a sandbox, its passwords are public: it is only served with --sandbox",
        ),
        (Some(_), false) => refused("这个数据文件夹不是沙盒 / this data folder is no sandbox"),
        (Some(sandbox), true) if !sandbox.open && !config.listen.ip().is_loopback() => refused(
            "沙盒密码人人皆知，默认只在本机开放；确要让别的机器访问请加 --sandbox-open / a sandbox's passwords are public, so it listens on this machine only; --sandbox-open lets others in",
        ),
        _ => Ok(()),
    }
}

/// After a round: what still runs of it ends in a moment, and with it the lock.
async fn reopen(config: &ServeConfig) -> Result<DataFolder, ServeError> {
    for _ in 0..100 {
        match open(config).await {
            Err(ServeError::Open(OpenError::InUse)) => tokio::time::sleep(Duration::from_millis(50)).await,
            done => return done,
        }
    }
    open(config).await
}

async fn open(config: &ServeConfig) -> Result<DataFolder, ServeError> {
    let opening = config.clone();
    let folder = tokio::task::spawn_blocking(move || {
        let how = Opening {
            database: &opening.database,
            city: opening.city.as_deref(),
            city_name: opening.city_name.as_deref(),
            photos: opening.blobs.as_ref(),
        };
        let folder = DataFolder::open_with(&opening.data, &how, now_ms())?;
        // Without keys it would run and take no photo: better said at once.
        Place::noted(&opening.data)?.check()?;
        #[cfg(feature = "postgres")]
        crate::database::say_what_keeps(&folder.house.store);
        Ok::<_, OpenError>(folder)
    })
    .await
    .map_err(io::Error::other)??;
    Ok(folder)
}

/// What is listened on, bound before anything is said.
struct Doors {
    listener: TcpListener,
    addr: SocketAddr,
    url: String,
    certificates: Option<Arc<Certificates>>,
    trial: Option<(TcpListener, Install, Vec<String>)>,
}

impl Doors {
    async fn open(config: &ServeConfig) -> Result<Self, ServeError> {
        let (listener, addr) = bind(config.listen).await?;
        let names = Names::of_machine(addr.ip(), config.base_url.as_deref());
        let url = addresses::url(config.scheme(), addr, &names);
        let mut doors = Self { listener, addr, url, certificates: None, trial: None };
        match &config.tls {
            Tls::Plain => {}
            Tls::Files { cert, key } => {
                let pair = Pair { cert: cert.clone(), key: key.clone() };
                doors.certificates = Some(Arc::new(Certificates::open(pair, true, now_ms())?));
            }
            Tls::Trial { page } => {
                let made = trial::open(&config.data, &names, now_ms())?;
                let (listener, page) = bind(*page).await?;
                let install = Install {
                    ca_der: made.ca_der,
                    fingerprint: made.fingerprint,
                    https: doors.url.clone(),
                    page: addresses::url("http", page, &names),
                };
                doors.certificates = Some(Arc::new(Certificates::open(made.pair, false, now_ms())?));
                doors.trial = Some((listener, install, made.left_out));
            }
        }
        Ok(doors)
    }

    /// The same doors for another round. A trial's page is not among them: a sandbox has none.
    fn again(&self) -> io::Result<Again> {
        #[cfg(unix)]
        let listener = std::os::fd::AsFd::as_fd(&self.listener).try_clone_to_owned()?.into();
        #[cfg(not(unix))]
        let listener = std::net::TcpListener::bind(self.addr)?;
        let certificates = self.certificates.clone();
        Ok(Again { listener, addr: self.addr, url: self.url.clone(), certificates })
    }

    fn ready(&self, setup_link: Option<String>) -> Ready {
        let trial = self.trial.as_ref().map(|(_, install, left_out)| TrialReady {
            page: install.page.clone(),
            fingerprint: install.fingerprint.clone(),
            left_out: left_out.clone(),
        });
        Ready {
            addr: self.addr,
            url: self.url.clone(),
            setup_link,
            certificate_days: self.certificates.as_ref().map(|c| c.days_left(now_ms())),
            trial,
        }
    }
}

/// Doors that nobody is at yet.
struct Again {
    listener: std::net::TcpListener,
    addr: SocketAddr,
    url: String,
    certificates: Option<Arc<Certificates>>,
}

impl TryFrom<Again> for Doors {
    type Error = io::Error;
    fn try_from(again: Again) -> io::Result<Self> {
        let Again { listener, addr, url, certificates } = again;
        Ok(Self { listener: TcpListener::from_std(listener)?, addr, url, certificates, trial: None })
    }
}

async fn bind(addr: SocketAddr) -> Result<(TcpListener, SocketAddr), ServeError> {
    let listener = TcpListener::bind(addr).await.map_err(|e| ServeError::Listen(addr, e))?;
    let bound = listener.local_addr()?;
    Ok((listener, bound))
}

/// Serves until the end is asked for; true when `shutdown` asked for it.
async fn run(
    app: &Arc<App>,
    config: &ServeConfig,
    doors: Doors,
    shutdown: Pin<&mut impl Future<Output = ()>>,
) -> bool {
    let listening = |router, certificates, trusted| Listening {
        router,
        bounds: config.connections.clone(),
        trusted,
        certificates,
        counts: app.connections.clone(),
    };
    reload_on_hangup(doors.certificates.clone());
    if let Some((listener, install, _)) = doors.trial {
        let page = listening(install::router(install), None, Vec::new());
        tokio::spawn(listen::serve(page, listener, app.stopping.subscribe()));
    }
    let main = listening(router(app.clone()), doors.certificates, config.trusted_proxies.clone());
    let serving = listen::serve(main, doors.listener, app.stopping.subscribe());
    let mut told = false;
    let mut stopping = app.stopping.subscribe();
    let patience = async {
        tokio::select! {
            () = shutdown => {
                told = true;
                // Long polls and event streams end themselves; the rest is short.
                app.stopping.send_replace(true);
            }
            _ = stopping.wait_for(|s| *s) => {}
        }
        tokio::time::sleep(LAST_ANSWERS).await;
    };
    tokio::select! {
        () = serving => {}
        // What the writer has taken is finished all the same.
        () = patience => {}
    }
    told
}

/// SIGHUP reads the certificate again; without one it does no harm.
fn reload_on_hangup(certificates: Option<Arc<Certificates>>) {
    #[cfg(unix)]
    tokio::spawn(async move {
        use tokio::signal::unix::{SignalKind, signal};
        let Ok(mut hangup) = signal(SignalKind::hangup()) else { return };
        while hangup.recv().await.is_some() {
            let Some(certificates) = &certificates else { continue };
            let reading = certificates.clone();
            match tokio::task::spawn_blocking(move || reading.reload(now_ms())).await {
                Ok(Ok(())) => {
                    tracing::info!(days = certificates.days_left(now_ms()), "a new certificate is in force");
                }
                Ok(Err(error)) => {
                    tracing::error!(%error, "the new certificate is not used, the old one stays")
                }
                Err(error) => tracing::error!(%error, "reading the certificate"),
            }
        }
    });
}
