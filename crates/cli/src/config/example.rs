//! The commented example file, made from the table.

use super::table::{Kind, Setting, TABLE};

/// The file's text: every line but comments and sections is commented out.
pub(crate) fn example() -> String {
    let mut out = "# 净格 Blindspot：服务器配置样例，由 `blindspot docs` 生成，请勿手改\n\
                   # An example of the server's settings, made by `blindspot docs`; do not edit.\n\
                   # 优先级 who wins: 命令行 flags > 环境变量 environment > 本文件 this file > 默认 defaults\n\
                   # 检查 check: blindspot config check --config FILE\n"
        .to_owned();
    let mut section = "";
    for setting in TABLE {
        let (of, name) = setting.key.split_once('.').unwrap_or(("", setting.key));
        if of != section {
            section = of;
            out += &format!("\n[{section}]\n");
        } else if section.is_empty() {
            out.push('\n');
        }
        out += &format!("# {}\n# {}  (--{}, {})\n", setting.zh, setting.en, setting.flag(), setting.env());
        if let Some(name) = setting.credential {
            out += &format!("# systemd: LoadCredential={name}:...\n");
        }
        out += &format!("#{name} = {}\n", literal(setting));
    }
    out
}

fn literal(setting: &Setting) -> String {
    let value = setting.default.unwrap_or(match setting.kind {
        Kind::Address => "0.0.0.0:8444",
        Kind::Url => "https://blindspot.city.example",
        Kind::Networks => "10.0.0.2/32",
        Kind::Database => "postgres://blindspot@db1,db2/city?target_session_attrs=read-write",
        Kind::Photos => "s3://photos/city?endpoint=https://s3.city.example",
        _ => "/srv/blindspot/...",
    });
    match setting.kind {
        Kind::Count(..) | Kind::Flag => value.to_owned(),
        Kind::Networks => format!("[\"{value}\"]"),
        _ => format!("\"{value}\""),
    }
}

#[cfg(test)]
mod tests {
    use super::super::resolve::{Said, Words, resolve};
    use super::*;
    use std::collections::BTreeMap;

    #[test]
    fn the_example_without_its_comment_signs_is_a_sound_file() {
        let settings = example()
            .lines()
            .map(|l| l.strip_prefix('#').filter(|l| !l.starts_with(' ')).unwrap_or(l).to_owned() + "\n")
            .collect::<String>();
        let (flags, env) = (Words::new(), BTreeMap::new());
        let (found, faults) =
            resolve(&Said { flags: &flags, env: &env, file: Some(&settings), credentials: None });
        assert_eq!(faults, []);
        assert!(
            found.rows().all(
                |(s, held)| held.is_some_and(|(_, source)| source.as_str() == "file") || s.key.is_empty()
            )
        );
    }
}
