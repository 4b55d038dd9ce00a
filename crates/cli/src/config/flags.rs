//! The table's rows as flags of a command.

use super::resolve::Words;
use super::table::{Kind, Setting, TABLE};
use clap::parser::ValueSource;
use clap::{Arg, ArgAction, ArgMatches, Command, Error, FromArgMatches};

/// What the command line says, by key. Judged later, with everything else.
#[derive(Clone, Debug, Default)]
pub(crate) struct Flags(pub(crate) Words);

impl clap::Args for Flags {
    fn augment_args(command: Command) -> Command {
        command.args(TABLE.iter().map(arg))
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

fn arg(setting: &'static Setting) -> Arg {
    let default = setting.default.map(|d| format!(" [{d}]")).unwrap_or_default();
    let help = format!("{} · {}{default} [env: {}]", setting.zh, setting.en, setting.env());
    let arg = Arg::new(setting.key).long(setting.flag()).help(help).action(ArgAction::Set);
    match setting.kind {
        Kind::Flag => {
            arg.num_args(0..=1).require_equals(true).default_missing_value("true").value_name("true|false")
        }
        Kind::Address => arg.value_name("ADDR:PORT"),
        Kind::Networks => arg.value_name("CIDR,.."),
        Kind::Path | Kind::Secret => arg.value_name("PATH"),
        Kind::Photos => arg.value_name("PLACE"),
        Kind::Url | Kind::Database => arg.value_name("URL"),
        Kind::Count(..) => arg.value_name("N"),
        Kind::Clock => arg.value_name("HH:MM"),
        Kind::Choice(words) => arg.value_name(words.join("|")),
        Kind::Text => arg.value_name("TEXT"),
    }
}

impl FromArgMatches for Flags {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, Error> {
        let said = |s: &&Setting| matches.value_source(s.key) == Some(ValueSource::CommandLine);
        let value = |s: &Setting| matches.get_one::<String>(s.key).map(|v| (s.key, v.clone()));
        Ok(Self(TABLE.iter().filter(said).filter_map(value).collect()))
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}
