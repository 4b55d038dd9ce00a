//! 净格 Blindspot, the one binary: server, administration, a headless phone, a demo.
//!
//! Parses words and prints answers; decides nothing. What a case may do stands in core, what a server or a phone
//! does in their crates.

mod args;
mod audit;
mod backup;
mod blobs;
mod case_args;
mod clock;
mod config;
mod deadline;
mod demo;
mod device;
mod docs;
mod doctor;
mod epoch;
mod export;
mod folder;
mod hotline;
mod http;
mod import;
mod import_lists;
mod import_online;
mod letters;
mod list;
mod log;
mod me;
#[cfg(feature = "postgres")]
mod migrate;
mod notices;
mod openapi;
mod out;
mod phone;
mod progress;
mod qr;
mod quarantine;
mod roster;
mod sandbox;
mod serve;
mod session;
mod table;
mod user;
mod vectors;
mod verify;
mod verify_demo;
mod workflow;

use clap::{CommandFactory as _, Parser as _};
use std::path::Path;
use std::process::ExitCode;

fn main() -> ExitCode {
    let cli = args::Cli::parse();
    let done = match cli.command {
        args::Command::Serve(args) => serve::run(&args),
        args::Command::Demo(args) => demo::run(&args),
        args::Command::User(args) => user::run(args),
        args::Command::Device(args) => device::run(args),
        args::Command::Quarantine(args) => quarantine::run(args),
        args::Command::Notices(args) => notices::run(args),
        args::Command::Import(args) => import::run(args),
        args::Command::Export(args) => export::run(&args),
        args::Command::Letters(args) => letters::run(&args),
        args::Command::Phone(args) => phone::run(args),
        args::Command::Config(args) => config::run(&args),
        args::Command::Backup(args) => backup::run(&args),
        args::Command::Restore(args) => backup::run_restore(&args),
        args::Command::Blobs(args) => blobs::run(&args),
        #[cfg(feature = "postgres")]
        args::Command::Migrate(args) => migrate::run(&args),
        args::Command::Audit(args) => audit::run(&args),
        args::Command::Epoch(args) => epoch::run(&args),
        args::Command::Verify(args) => verify::run(&args),
        args::Command::Doctor(args) => doctor::run(&args),
        args::Command::Clock(args) => deadline::run(&args),
        args::Command::List(args) => list::run(args),
        args::Command::Workflow { json } => workflow::run(json),
        args::Command::Completions { shell } => {
            let mut script = Vec::new();
            clap_complete::generate(shell, &mut args::Cli::command(), "blindspot", &mut script);
            // A reader that has seen enough (`head`) is no failure.
            let _ = std::io::Write::write_all(&mut std::io::stdout(), &script);
            Ok(())
        }
        args::Command::Vectors { check } => golden(check),
        args::Command::Openapi { check } => openapi::run(check),
        args::Command::Routes { json } => openapi::routes(json),
        args::Command::Docs { check } => docs::run(Path::new("docs/generated"), check),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            failure.print();
            ExitCode::FAILURE
        }
    }
}

fn golden(check: bool) -> out::Done {
    let files = vectors::run(Path::new("fixtures/protocol/v1"), check)
        .map_err(|e| out::Failure::new("协议样例不一致或写不出", e.to_string()))?;
    println!("{files} 个文件 files");
    Ok(())
}
