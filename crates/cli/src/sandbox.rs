//! The sandbox's city and people: the made-up city, fixed logins, passwords and codes, so that a document and a test
//! can name them. Making one takes some seconds; putting it back is the server's.

use crate::clock::wall_ms;
use crate::folder::{City, Folder};
use crate::import;
use crate::out::{Done, Failure, Tried as _};
use crate::progress::Bars;
use blindspot_core::access::{Area, Role};
use blindspot_server::service::people::{self, Actor, NewGrant, NewPerson};
use blindspot_server::service::sandbox;
use std::fmt::Write as _;
use std::path::Path;

/// The seed of the city.
const SEED: u64 = 1;
const CITY: City<'static> = City { id: "sandbox", name: "沙盒市" };

/// Logins of the made-up city that the sandbox takes over, and what each is for.
const PEOPLE: &[(&str, &str)] = &[
    ("collector-001", "网格员 worker of a grid"),
    ("collector-002", "相邻网格 worker of the grid beside it"),
    ("clerk-env_san", "承办 clerk of a unit"),
    ("filing_desk-1", "受理 files cases"),
    ("dispatcher-1", "派遣 sends cases to units"),
    ("duty_leader-1", "值班长 rules on returns"),
    ("deputy_head-1", "副主任 rules from the third on"),
    ("supervisor-1", "监督 supervision"),
    ("hotline_clerk-1", "热线 hotline"),
    ("auditor-1", "审计 reads the audit log"),
    ("administrator-1", "管理员 administrator"),
];

fn password(login: &str) -> String {
    format!("sandbox {login}")
}

/// Makes a sandbox in a folder that is empty or not there; leaves one that is there as it is.
pub(crate) fn prepare(data: &Path) -> Done {
    if sandbox::is_one(data) {
        return Ok(());
    }
    if std::fs::read_dir(data).is_ok_and(|mut files| files.next().is_some()) {
        let shown = data.display();
        return Err(Failure::new(
            format!("{shown} 不是沙盒文件夹；请给一个空文件夹，沙盒绝不碰真实数据"),
            format!("{shown} is no sandbox folder; name an empty one, a sandbox never touches real data"),
        ));
    }
    std::fs::create_dir_all(data).tried("建不了文件夹", "cannot make the folder")?;
    std::fs::write(data.join("secret.key"), sandbox::key()).tried("写不了文件", "cannot write the file")?;
    let house = Folder::open(data, Some(CITY))?;
    let city = blindspot_sample::city(SEED);
    let bars = Bars::new(false);
    import::sample_into(&house, &city, &bars)?;
    bars.clear();
    for (login, _) in PEOPLE {
        let person = city.people.iter().find(|p| p.key == *login).ok_or_else(|| {
            Failure::new(format!("样例城市里没有 {login}"), format!("the sample city has no {login}"))
        })?;
        enlist(&house, person)?;
    }
    house.close()?;
    sandbox::keep(data).tried("沙盒没有建好", "the sandbox was not made")
}

fn enlist(house: &Folder, person: &blindspot_sample::city::Person) -> Done {
    let now = wall_ms();
    let new = NewPerson {
        login: person.key.clone(),
        name: person.name_zh.clone(),
        password: Some(password(&person.key)),
    };
    let id =
        people::create_person(house, Actor::Cli, &new, now).tried("没有加上人员", "not added")?.person_id;
    for grant in &person.grants {
        let (role, area) = (Role::from_word(&grant.role), Area::from_text(&grant.area));
        let new = NewGrant { role, area, from_ms: Some(0), to_ms: None };
        people::grant(house, Actor::Cli, id, &new, now).tried("授权失败", "not granted")?;
    }
    sandbox::save_code(house, &person.key, id, now).tried("生成不了绑定码", "no enrolment code was made")
}

/// Who is in it and how to get in.
pub(crate) fn words(url: &str) -> String {
    let mut out = format!(
        "沙盒 sandbox：数据和密码人人皆知，只供开发 everything in it is public, for development only\n\
         文档 docs {url}/docs/ · 复原 reset: curl -X POST {url}/v1/sandbox/reset\n"
    );
    for (login, what) in PEOPLE {
        let _ = writeln!(
            out,
            "  {login:<16} 密码 password “{}”  绑定码 code {}  {what}",
            password(login),
            sandbox::code(login)
        );
    }
    out
}
