//! A bucket as a URL, and where the keys to it are. No secret stands in the URL: it is seen in lists of processes.

use std::fmt;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use url::Url;

/// A bucket and the way to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BucketPlace {
    /// As it was said.
    pub text: String,
    /// The bucket.
    pub bucket: String,
    /// What all names in it begin with; empty for none.
    pub prefix: String,
    /// `endpoint`: where the storage speaks S3; the provider's own by region when left out.
    pub endpoint: Option<Url>,
    /// `region`: counts where the storage has any.
    pub region: String,
    /// `public`: where phones and browsers reach it. With it downloads are redirected there, signed, and do not pass
    /// through the server.
    pub public: Option<Url>,
    /// `ca`: a file of certificates (PEM) that are believed besides the system's.
    pub ca: Option<PathBuf>,
    /// `keys`: a file with two lines, access key and secret.
    pub keys: Option<PathBuf>,
    /// `style=host`: the bucket stands in the host's name, not in the path.
    pub in_host: bool,
}

impl BucketPlace {
    /// Reads `s3://bucket/prefix?endpoint=...&region=...&public=...&ca=...&keys=...&style=path|host`.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        // Said without the text: somebody may have put keys into it.
        let url = Url::parse(text).map_err(|e| e.to_string())?;
        if !url.username().is_empty() || url.password().is_some() {
            return Err(
                "no keys in the URL: AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or keys=FILE".into()
            );
        }
        let bucket = url.host_str().filter(|h| !h.is_empty()).ok_or("s3://bucket is missing")?.to_owned();
        let mut place = Self {
            text: text.to_owned(),
            bucket,
            prefix: url.path().trim_matches('/').to_owned(),
            endpoint: None,
            region: "us-east-1".to_owned(),
            public: None,
            ca: None,
            keys: None,
            in_host: false,
        };
        for (name, value) in url.query_pairs() {
            match (&*name, &*value) {
                ("endpoint", value) => place.endpoint = Some(web(value)?),
                ("public", value) => place.public = Some(web(value)?),
                ("region", value) => place.region = value.to_owned(),
                ("ca", value) => place.ca = Some(value.into()),
                ("keys", value) => place.keys = Some(value.into()),
                ("style", "path") => place.in_host = false,
                ("style", "host") => place.in_host = true,
                ("style", _) => return Err("style=path, style=host".into()),
                _ => return Err(format!("{name}=: not known")),
            }
        }
        Ok(place)
    }
}

fn web(text: &str) -> Result<Url, String> {
    let url = Url::parse(text).map_err(|e| format!("{text}: {e}"))?;
    match url.scheme() {
        "http" | "https" if url.has_host() => Ok(url),
        _ => Err(format!("{text}: http:// or https://")),
    }
}

/// The keys to a bucket.
#[derive(Clone)]
pub struct Keys {
    /// Its id; no secret.
    pub access: String,
    /// The secret.
    pub secret: String,
}

impl fmt::Debug for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Keys({}, ...)", self.access)
    }
}

impl Keys {
    /// From the place's `keys` file, else from `AWS_ACCESS_KEY_ID` and `AWS_SECRET_ACCESS_KEY`, else from the systemd
    /// credential `s3-keys`.
    ///
    /// # Errors
    /// When there are none; the error names the three ways.
    pub fn find(place: &BucketPlace) -> io::Result<Self> {
        if let Some(path) = &place.keys {
            return Self::read(path);
        }
        let var = |name: &str| std::env::var(name).ok().filter(|v| !v.is_empty());
        if let (Some(access), Some(secret)) = (var("AWS_ACCESS_KEY_ID"), var("AWS_SECRET_ACCESS_KEY")) {
            return Ok(Self { access, secret });
        }
        let credential = std::env::var_os("CREDENTIALS_DIRECTORY").map(|d| PathBuf::from(d).join("s3-keys"));
        match credential.filter(|path| path.is_file()) {
            Some(path) => Self::read(&path),
            None => Err(io::Error::other(
                "没有对象存储的密钥：设 AWS_ACCESS_KEY_ID 和 AWS_SECRET_ACCESS_KEY，或在地址里写 keys=文件 / no keys to the bucket: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or name keys=FILE in the URL, or give the systemd credential s3-keys",
            )),
        }
    }

    fn read(path: &Path) -> io::Result<Self> {
        let named = |e: &str| io::Error::other(format!("{}: {e}", path.display()));
        let text = fs::read_to_string(path).map_err(|e| named(&e.to_string()))?;
        let mut lines = text.lines().map(str::trim).filter(|l| !l.is_empty());
        match (lines.next(), lines.next(), lines.next()) {
            (Some(access), Some(secret), None) => {
                Ok(Self { access: access.to_owned(), secret: secret.to_owned() })
            }
            _ => Err(named("要两行：访问密钥、密码 / two lines: access key, secret")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_reads_as_meant_and_no_secret_gets_in() {
        let place = BucketPlace::parse(
            "s3://photos/yiwu/a?endpoint=http://10.0.0.5:8333&public=https://p.example.cn&region=cn-1&keys=/etc/k",
        )
        .expect("a place");
        assert_eq!(
            (place.bucket.as_str(), place.prefix.as_str(), place.region.as_str()),
            ("photos", "yiwu/a", "cn-1")
        );
        assert_eq!(place.endpoint.map(|u| u.port()), Some(Some(8333)));
        assert!(place.public.is_some() && place.keys.is_some() && !place.in_host);
        for bad in ["s3://", "s3://k:secret@photos/", "s3://photos?secret=x", "s3://photos?endpoint=ftp://x"]
        {
            assert!(BucketPlace::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn keys_come_from_two_lines_and_are_not_shown() {
        let dir = tempfile::tempdir().expect("a folder");
        let file = dir.path().join("keys");
        fs::write(&file, "id-of-key\nvery secret\n").expect("written");
        let keys = Keys::read(&file).expect("keys");
        assert_eq!(keys.secret, "very secret");
        assert!(!format!("{keys:?}").contains("secret"));
        fs::write(&file, "one line").expect("written");
        assert!(Keys::read(&file).is_err());
    }
}
