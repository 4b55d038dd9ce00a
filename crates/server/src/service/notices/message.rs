//! The shapes of messages: 企业微信 and 钉钉 robots, and SMS by a template. Bytes in, bytes out; sends nothing.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;
use url::Url;

/// Most lines of one message.
pub const LINES_MAX: usize = 20;

/// What a robot or a gateway understands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Shape {
    /// 企业微信群机器人, Markdown.
    WecomMarkdown,
    /// 企业微信群机器人, text.
    WecomText,
    /// 钉钉群机器人 (浙政钉 as well), Markdown.
    DingtalkMarkdown,
    /// 钉钉群机器人, text.
    DingtalkText,
    /// 短信: a gateway's own HTTP, by a template.
    Sms,
}

impl Shape {
    /// All, in the order in which they are told.
    pub const ALL: [Shape; 5] =
        [Shape::WecomMarkdown, Shape::WecomText, Shape::DingtalkMarkdown, Shape::DingtalkText, Shape::Sms];

    /// The word in the database and on the wire.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Shape::WecomMarkdown => "wecom_markdown",
            Shape::WecomText => "wecom_text",
            Shape::DingtalkMarkdown => "dingtalk_markdown",
            Shape::DingtalkText => "dingtalk_text",
            Shape::Sms => "sms",
        }
    }

    /// Reads the word.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|s| s.as_str() == word)
    }

    /// Most bytes of the words of one message: somewhat less than each takes.
    fn bytes_max(self) -> usize {
        match self {
            Shape::WecomMarkdown => 4_000,
            Shape::WecomText => 2_000,
            Shape::DingtalkMarkdown | Shape::DingtalkText => 15_000,
            // About 200 Chinese characters: three parts of a long message.
            Shape::Sms => 600,
        }
    }
}

/// Where a channel leads, with all that is secret of it. Kept closed; never shown, never logged.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Address {
    /// The whole address, with the robot's key in it.
    pub url: String,
    /// 钉钉: 加签 secret. SMS: what `{secret}` stands for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret: Option<String>,
    /// SMS: `GET` or `POST`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub method: Option<String>,
    /// SMS: headers.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub headers: BTreeMap<String, String>,
    /// SMS: the body; `{text}`, `{count}` and `{secret}` are filled in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub body: Option<String>,
    /// SMS: words that a good answer holds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub accept: Option<String>,
}

/// One line of a message and where it leads.
#[derive(Clone, Debug)]
pub struct Line {
    /// The words.
    pub text: String,
    /// The case's address.
    pub link: Option<String>,
}

/// A request on its way out.
pub struct Outgoing {
    /// `GET` or `POST`.
    pub method: &'static str,
    /// The address.
    pub url: String,
    /// Headers.
    pub headers: Vec<(String, String)>,
    /// The body; empty for GET.
    pub body: String,
}

#[derive(Serialize)]
struct Words<'a> {
    content: &'a str,
}
#[derive(Serialize)]
struct WecomText<'a> {
    msgtype: &'static str,
    text: Words<'a>,
}
#[derive(Serialize)]
struct WecomMarkdown<'a> {
    msgtype: &'static str,
    markdown: Words<'a>,
}
#[derive(Serialize)]
struct Titled<'a> {
    title: &'a str,
    text: &'a str,
}
#[derive(Serialize)]
struct DingtalkMarkdown<'a> {
    msgtype: &'static str,
    markdown: Titled<'a>,
}

/// As many lines as fit, and how many they are; at least one.
fn words(shape: Shape, lines: &[Line]) -> (String, String, usize) {
    let markdown = matches!(shape, Shape::WecomMarkdown | Shape::DingtalkMarkdown);
    let between = match shape {
        Shape::DingtalkMarkdown => "\n\n",
        Shape::Sms => "；",
        _ => "\n",
    };
    let mut body = String::new();
    let mut taken = 0;
    for line in lines.iter().take(LINES_MAX) {
        let link = line
            .link
            .as_ref()
            .map(|url| if markdown { format!(" [打开]({url})") } else { format!(" {url}") });
        let text = format!("{}{}", line.text, link.unwrap_or_default());
        // Room for the title as well.
        if taken > 0 && body.len() + between.len() + text.len() + 40 > shape.bytes_max() {
            break;
        }
        body.push_str(between);
        body.push_str(&text);
        taken += 1;
    }
    let title = format!("净格提醒 {taken} 条");
    let body = if shape == Shape::Sms {
        body.trim_start_matches(between).to_owned()
    } else {
        format!("{title}{body}")
    };
    (title, body, taken)
}

/// The request that carries as many of these lines as fit, and how many. `at_ms` dates the signature.
///
/// # Errors
/// When the address cannot be read, or a template makes none; says nothing of what is secret.
pub fn build(
    shape: Shape,
    address: &Address,
    lines: &[Line],
    at_ms: i64,
) -> Result<(Outgoing, usize), &'static str> {
    let (title, text, taken) = words(shape, lines);
    let body = match shape {
        Shape::WecomText => to_json(&WecomText { msgtype: "text", text: Words { content: &text } }),
        Shape::DingtalkText => to_json(&WecomText { msgtype: "text", text: Words { content: &text } }),
        Shape::WecomMarkdown => {
            to_json(&WecomMarkdown { msgtype: "markdown", markdown: Words { content: &text } })
        }
        Shape::DingtalkMarkdown => to_json(&DingtalkMarkdown {
            msgtype: "markdown",
            markdown: Titled { title: &title, text: &text },
        }),
        Shape::Sms => return sms(address, &text, taken).map(|out| (out, taken)),
    }?;
    let url = match (shape, &address.secret) {
        (Shape::DingtalkMarkdown | Shape::DingtalkText, Some(secret)) => signed(&address.url, secret, at_ms)?,
        _ => address.url.clone(),
    };
    let headers = vec![("content-type".to_owned(), "application/json; charset=utf-8".to_owned())];
    Ok((Outgoing { method: "POST", url, headers, body }, taken))
}

fn to_json<T: Serialize>(value: &T) -> Result<String, &'static str> {
    serde_json::to_string(value).map_err(|_| "the message cannot be written")
}

/// 加签: HMAC-SHA256 of the time and the secret, by the secret.
fn signed(url: &str, secret: &str, at_ms: i64) -> Result<String, &'static str> {
    let mut url = Url::parse(url).map_err(|_| "the address cannot be read")?;
    let mut mac =
        Hmac::<sha2::Sha256>::new_from_slice(secret.as_bytes()).map_err(|_| "the secret cannot be used")?;
    mac.update(format!("{at_ms}\n{secret}").as_bytes());
    let sign = STANDARD.encode(mac.finalize().into_bytes());
    url.query_pairs_mut().append_pair("timestamp", &at_ms.to_string()).append_pair("sign", &sign);
    Ok(url.into())
}

/// How what is filled in is written, so that no word of it is read as more than a word.
#[derive(Clone, Copy)]
enum Writing {
    Query,
    Json,
    Plain,
}

fn filled(template: &str, writing: Writing, (text, count, secret): (&str, usize, &str)) -> String {
    let written = |word: &str| match writing {
        Writing::Query => url::form_urlencoded::byte_serialize(word.as_bytes()).collect::<String>(),
        Writing::Json => Value::from(word).to_string().trim_matches('"').to_owned(),
        Writing::Plain => word.to_owned(),
    };
    let mut out = String::with_capacity(template.len() + text.len());
    let mut rest = template;
    // In one pass: what is filled in is not filled in again.
    while let Some(at) = rest.find('{') {
        out.push_str(&rest[..at]);
        rest = &rest[at..];
        let named =
            [("{text}", text.to_owned()), ("{count}", count.to_string()), ("{secret}", secret.to_owned())];
        match named.iter().find(|(name, _)| rest.starts_with(name)) {
            Some((name, value)) => {
                out.push_str(&written(value));
                rest = &rest[name.len()..];
            }
            None => {
                out.push('{');
                rest = &rest[1..];
            }
        }
    }
    out + rest
}

fn sms(address: &Address, text: &str, count: usize) -> Result<Outgoing, &'static str> {
    let given = (text, count, address.secret.as_deref().unwrap_or(""));
    let kind = address.headers.iter().find(|(name, _)| name.eq_ignore_ascii_case("content-type"));
    let writing = match kind.map(|(_, v)| v.as_str()) {
        Some(v) if v.contains("json") => Writing::Json,
        Some(v) if v.contains("urlencoded") => Writing::Query,
        _ => Writing::Plain,
    };
    let method = if address.method.as_deref() == Some("GET") { "GET" } else { "POST" };
    let headers = address.headers.iter();
    Ok(Outgoing {
        method,
        url: filled(&address.url, Writing::Query, given),
        headers: headers.map(|(n, v)| (n.clone(), filled(v, Writing::Plain, ("", count, given.2)))).collect(),
        body: address
            .body
            .as_deref()
            .filter(|_| method == "POST")
            .map_or_else(String::new, |b| filled(b, writing, given)),
    })
}

/// How HTTP took a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Taken {
    /// It did.
    Yes,
    /// Not now: too many.
    TooMany,
    /// It did not, with this number.
    No(u16),
}

/// What came back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reply {
    /// How it was taken.
    pub taken: Taken,
    /// The beginning of the answer.
    pub body: Vec<u8>,
}

/// What came of a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answered {
    /// Taken.
    Sent,
    /// Too many at once: later, and no fault of the message.
    TooMany(String),
    /// Refused, or nothing came back.
    Failed(String),
}

/// Too fast, as each of them says it: 企业微信 45009, 钉钉 130101 and 410100.
const TOO_FAST: [i64; 3] = [45_009, 130_101, 410_100];

/// Reads an answer: robots say 200 to everything and mean `errcode`. Repeats no words of theirs: they may name addresses.
#[must_use]
pub fn read_answer(shape: Shape, address: &Address, reply: &Reply) -> Answered {
    match reply.taken {
        Taken::Yes => {}
        Taken::TooMany => return Answered::TooMany("HTTP: too many requests".to_owned()),
        Taken::No(code) => return Answered::Failed(format!("HTTP {code}")),
    }
    let body = reply.body.as_slice();
    if shape == Shape::Sms {
        let good =
            address.accept.as_ref().is_none_or(|want| String::from_utf8_lossy(body).contains(want.as_str()));
        return if good {
            Answered::Sent
        } else {
            Answered::Failed("the answer lacks the words of a good one".to_owned())
        };
    }
    let said: Option<Value> = serde_json::from_slice(body).ok();
    match said.and_then(|v| v["errcode"].as_i64()) {
        Some(0) => Answered::Sent,
        Some(code) if TOO_FAST.contains(&code) => Answered::TooMany(format!("errcode {code}")),
        Some(code) => Answered::Failed(format!("errcode {code}")),
        None => Answered::Failed("the answer is not a robot's".to_owned()),
    }
}
