//! `blindspot user`: people, rights and enrolment codes, by the server's own use-cases on the data folder.

use crate::args::OnFolder;
use crate::clock::wall_ms;
use crate::folder::Folder;
use crate::out::{Done, Failure, Tried as _, answer};
use crate::{qr, table};
use blindspot_core::PersonId;
use blindspot_core::access::{Area, Role};
use blindspot_server::service::people::{self, Actor, NewGrant, NewPerson, PersonView};
use blindspot_server::service::{House, passwords};
use clap::Subcommand;
use serde_json::json;
use std::io::{BufRead as _, IsTerminal as _};
use std::path::{Path, PathBuf};

/// 人员 · people
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    on: OnFolder,
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// 新增人员 · add a person
    Add {
        /// 登录名 · what the person types to sign in
        login: String,
        /// 姓名 · the name as shown
        #[arg(long)]
        name: String,
        /// 角色@范围，可重复 · role@area, again for more: collector@grid:330782003002-03, supervisor@city
        #[arg(long = "grant", value_name = "ROLE@AREA", value_parser = role_at)]
        grants: Vec<(Role, Area)>,
        /// 给办公桌用的密码 · a desk password: read from stdin, or a one-time one is made and printed
        #[arg(long)]
        desk: bool,
    },
    /// 列出人员与权限 · list people and their rights
    List,
    /// 授权 · give a right
    Grant {
        /// 登录名 · login
        login: String,
        /// 角色@范围 · role@area
        #[arg(value_name = "ROLE@AREA", value_parser = role_at)]
        grant: (Role, Area),
    },
    /// 结束授权 · end a right
    EndGrant {
        /// 授权编号，见 list · its id, see `list`
        grant: uuid::Uuid,
    },
    /// 重设密码 · set a password: from stdin or a file, or a one-time one is made and printed
    Password {
        /// 登录名 · login
        login: String,
        /// 从文件读密码（第一行） · a file whose first line is the password
        #[arg(long)]
        file: Option<PathBuf>,
    },
    /// 停用人员，记录保留 · let a person act no longer; nothing of theirs is lost
    Deactivate {
        /// 登录名 · login
        login: String,
    },
    /// 重新启用 · let a person act again
    Activate {
        /// 登录名 · login
        login: String,
    },
    /// 结束全部登录会话 · end all desk sessions of a person
    EndSessions {
        /// 登录名 · login
        login: String,
    },
    /// 手机绑定码 · a one-time code to enrol a phone, with its QR
    EnrolCode {
        /// 登录名 · login
        login: String,
        /// 手机将访问的地址 · where the phone finds the server
        #[arg(long, default_value = "http://127.0.0.1:8080")]
        server: String,
    },
}

/// Reads `role@area`.
fn role_at(text: &str) -> Result<(Role, Area), String> {
    let (role, area) = text.split_once('@').ok_or("写成 角色@范围 · write role@area")?;
    let (role, area) = (Role::from_word(role), Area::from_text(area));
    if !role.is_given() {
        let known: Vec<&str> = Role::KNOWN.iter().filter(|r| r.is_given()).map(Role::as_str).collect();
        return Err(format!("没有这个角色 no such role; {}", known.join(" ")));
    }
    if matches!(area, Area::Other(_)) {
        return Err("范围写成 area is: city, town:CODE, grid:ID, dept:KEY".to_owned());
    }
    Ok((role, area))
}

/// Runs the command.
pub(crate) fn run(args: Args) -> Done {
    let folder = Folder::open(&args.on.data, None)?;
    act(&folder, args)?;
    folder.close()
}

fn act(house: &House, args: Args) -> Done {
    let now = wall_ms();
    match args.what {
        What::Add { login, name, grants, desk } => add(house, args.on.json, (login, name), grants, desk),
        What::List => {
            let all = people::list(house).tried("列不出人员", "cannot list people")?;
            answer(args.on.json, &all, || listing(&all, now))
        }
        What::Grant { login, grant: (role, area) } => {
            let person = find(house, &login)?;
            let new = NewGrant { role, area, from_ms: None, to_ms: None };
            let given =
                people::grant(house, Actor::Cli, person, &new, now).tried("授权失败", "not granted")?;
            answer(args.on.json, &given, || format!("已授权 granted: {}", given.grant_id))
        }
        What::EndGrant { grant } => {
            people::end_grant(house, Actor::Cli, grant, now, now).tried("结束授权失败", "not ended")?;
            answer(args.on.json, &json!({"ended": grant}), || format!("已结束 ended: {grant}"))
        }
        What::Password { login, file } => set_password(house, args.on.json, &login, file.as_deref()),
        What::Deactivate { login } => set_active(house, args.on.json, &login, false),
        What::Activate { login } => set_active(house, args.on.json, &login, true),
        What::EndSessions { login } => {
            let person = find(house, &login)?;
            let ended = passwords::end_sessions(house, Actor::Cli, person, now)
                .tried("会话没有结束", "the sessions were not ended")?;
            answer(args.on.json, &json!({"login": login, "ended": ended}), || {
                format!("已结束 {ended} 个会话 sessions ended: {login}")
            })
        }
        What::EnrolCode { login, server } => {
            let person = find(house, &login)?;
            let code = people::create_enrol_code(house, Actor::Cli, person, &server, now)
                .tried("生成不了绑定码", "no code was made")?;
            answer(args.on.json, &code, || {
                let picture = qr::in_terminal(&code.qr).unwrap_or_default();
                let minutes = (code.expires_ms - now + 59_999) / 60_000;
                format!(
                    "{picture}\n绑定码 code: {}\n{minutes} 分钟内有效，只能用一次 · good once, for {minutes} minutes\n{}",
                    code.code, code.qr
                )
            })
        }
    }
}

fn set_password(house: &House, as_json: bool, login: &str, file: Option<&Path>) -> Done {
    let person = find(house, login)?;
    let now = wall_ms();
    let Some(given) = given_password(file)? else {
        let once = passwords::reset(house, Actor::Cli, person, now).tried("密码没有设上", "not set")?;
        return answer(as_json, &json!({"login": login, "password": once.password}), || {
            said(login, Some(&once.password))
        });
    };
    passwords::set_password(house, Actor::Cli, person, &given, now).tried("密码没有设上", "not set")?;
    answer(as_json, &json!({"login": login, "password": null}), || said(login, None))
}

fn set_active(house: &House, as_json: bool, login: &str, active: bool) -> Done {
    let person = find(house, login)?;
    people::set_active(house, Actor::Cli, person, active, wall_ms()).tried("没有改成", "not changed")?;
    let word = if active { "已启用 activated" } else { "已停用 deactivated" };
    answer(as_json, &json!({"login": login, "active": active}), || format!("{word}: {login}"))
}

fn add(house: &House, as_json: bool, who: (String, String), grants: Vec<(Role, Area)>, desk: bool) -> Done {
    let (login, name) = who;
    let given = if desk { given_password(None)? } else { None };
    let new = NewPerson { login: login.clone(), name, password: given.clone() };
    let now = wall_ms();
    let person = people::create_person(house, Actor::Cli, &new, now).tried("没有加上", "not added")?;
    for (role, area) in grants {
        let new = NewGrant { role, area, from_ms: None, to_ms: None };
        people::grant(house, Actor::Cli, person.person_id, &new, now).tried("授权失败", "not granted")?;
    }
    let once = if desk && given.is_none() {
        let once = passwords::reset(house, Actor::Cli, person.person_id, now);
        Some(once.tried("密码没有设上", "not set")?.password)
    } else {
        None
    };
    answer(as_json, &json!({"person_id": person.person_id, "login": login, "password": once}), || {
        let password = once.as_ref().map_or_else(String::new, |p| said(&login, Some(p)));
        format!("已添加 added: {login}\n{password}")
    })
}

fn said(login: &str, once: Option<&str>) -> String {
    match once {
        Some(password) => format!(
            "{login} 的一次性密码（只显示这一次，首次登录须修改）\none-time password, shown this once, to be \
             changed at the first sign-in: {password}"
        ),
        None => format!("{login} 的密码已设 password set"),
    }
}

/// A password from a file, or from stdin when something is piped in; never from arguments, which every user of
/// this machine can read.
fn given_password(file: Option<&Path>) -> Done<Option<String>> {
    let mut text = String::new();
    match file {
        Some(file) => {
            text = std::fs::read_to_string(file).tried("读不到密码文件", "cannot read the password file")?;
        }
        None if std::io::stdin().is_terminal() => {}
        None => {
            let read = std::io::stdin().lock().read_line(&mut text);
            read.tried("读不到密码", "cannot read the password")?;
        }
    }
    let line = text.lines().next().unwrap_or("");
    Ok((!line.is_empty()).then(|| line.to_owned()))
}

fn find(house: &House, login: &str) -> Done<PersonId> {
    people::find_person(house, login).map_err(|_| {
        Failure::new(
            format!("没有 {login} 这个人；用 blindspot user list 查看"),
            format!("nobody is called {login}; see `blindspot user list`"),
        )
    })
}

fn listing(all: &[PersonView], now: i64) -> String {
    let mut rows = Vec::new();
    for person in all {
        let state = if person.active { "" } else { "停用 inactive" };
        rows.push(vec![
            person.login.clone(),
            person.name.clone(),
            String::new(),
            String::new(),
            state.to_owned(),
        ]);
        for g in &person.grants {
            let state = if g.grant.span.contains(now) { "" } else { "已结束 ended" };
            let right = format!("{}@{}", g.grant.role, g.grant.area);
            rows.push(vec![String::new(), String::new(), right, g.grant_id.to_string(), state.to_owned()]);
        }
    }
    table::text(&["登录名 login", "姓名 name", "权限 right", "授权编号 grant", ""], &rows)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rights_are_read_and_wrong_ones_are_explained() {
        assert!(role_at("collector@grid:330782003002-03").is_ok());
        assert!(role_at("supervisor@city").is_ok());
        assert!(role_at("supervisor").is_err());
        assert!(role_at("emperor@city").is_err_and(|e| e.contains("collector")));
        assert!(role_at("collector@moon:7").is_err());
    }
}
