//! Pages made from code: problems, and the life of a case. With `check` nothing is written.

use crate::out::{Done, Failure, Tried as _};
use crate::workflow;
use blindspot_core::access::{Class, POLICY};
use blindspot_core::case::{Round, TABLE};
use std::fmt::Write as _;
use std::path::Path;

const HEAD: &str = "<!-- Made by `blindspot docs` from the code; do not edit. -->\n\n";

/// Writes the pages into a folder, or compares them with what is there.
pub(crate) fn run(folder: &Path, check: bool) -> Done {
    let pages = [
        ("blindspot.toml", crate::config::example()),
        ("problems.md", problems()),
        ("transitions.md", transitions()),
    ];
    for (name, text) in pages {
        let path = folder.join(name);
        if check {
            let there = std::fs::read_to_string(&path).unwrap_or_default();
            if there != text {
                let shown = path.display();
                return Err(Failure::new(
                    format!("{shown} 与代码不一致，请运行 blindspot docs"),
                    format!("{shown} differs from the code; run `blindspot docs`"),
                ));
            }
        } else {
            std::fs::create_dir_all(folder).tried("建不了文件夹", "cannot make the folder")?;
            std::fs::write(&path, text).tried("写不了文件", "cannot write the file")?;
        }
    }
    println!("docs/generated: blindspot.toml problems.md transitions.md");
    Ok(())
}

fn problems() -> String {
    format!("{HEAD}# 问题代码 Problem codes\n\n{}", blindspot_server::problems::to_markdown())
}

fn transitions() -> String {
    let mut out = format!("{HEAD}# 案件的一生 The life of a case\n\n```mermaid\nstateDiagram-v2\n");
    for m in TABLE {
        for from in m.from {
            let _ = writeln!(out, "    {from} --> {}: {}", m.to, m.kind.replace(':', " "));
        }
    }
    out.push_str(
        "```\n\n## 流转 Moves\n\n`blindspot workflow` prints this table, with `--json` for programs. What stands behind a colon is the\noutcome. A move that the case's state, round or the author's rights do not allow is kept as a note with the\nreason; `GET /v1/cases/{id}` says which moves are legal.\n\n| move | from | to | who | round | offline |\n|---|---|---|---|---|---|\n",
    );
    for m in TABLE {
        let from: Vec<String> = m.from.iter().map(|s| format!("{} `{s}`", s.zh())).collect();
        let round = if m.round == Round::Raise { "raised" } else { "kept" };
        let offline = if m.offline { "yes" } else { "no" };
        let (kind, name, from, zh, to) = (m.kind, workflow::name(m), from.join(", "), m.to.zh(), &m.to);
        let who = workflow::who(m).join(", ");
        let _ = writeln!(out, "| {name} `{kind}` | {from} | {zh} `{to}` | {who} | {round} | {offline} |");
    }
    out.push_str("\n## 谁可以做 Who may\n\nEvidence is judged by rights at capture and any role will do; the roles named are those of its move or of\nchanges after filing. Power is judged by rights at arrival.\n\n| kind | class | roles |\n|---|---|---|\n");
    for p in POLICY {
        let class = if p.class == Class::Evidence { "evidence" } else { "power" };
        let roles: Vec<String> = p.roles.iter().map(|r| format!("{} `{r}`", r.zh())).collect();
        let _ = writeln!(out, "| {} `{}` | {class} | {} |", p.zh, p.kind, roles.join(", "));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use blindspot_core::error::ALL;

    #[test]
    fn every_problem_and_every_kind_stands_on_its_page() {
        let (problems, moves) = (problems(), transitions());
        assert!(ALL.iter().all(|p| problems.contains(&format!("| `{}` |", p.code))));
        assert!(POLICY.iter().all(|p| moves.contains(&format!("| {} `{}` |", p.zh, p.kind))));
        assert!(TABLE.iter().all(|m| moves.contains(&format!("--> {}", m.to))));
    }
}
