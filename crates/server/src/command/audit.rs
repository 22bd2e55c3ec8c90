//! `tenon audit verify`: the sealed trails read again, from the beginning to the end.

use base::Id;
use kernel::audit::{
    seal::Trail,
    verify::{self, Report, Wish},
};
use serde_json::json;
use store::Mode;

use crate::{
    cli::{AuditCommand, AuditVerifyArgs, Failure, print},
    config::{Config, Inputs},
};

use super::parts::{self, Desk};

/// Runs one of the commands.
pub fn run(inputs: &Inputs, command: &AuditCommand) -> Result<(), Failure> {
    let config = Config::load(inputs)?;
    let AuditCommand::Verify(args) = command;
    if args.expect.is_some() && args.organization.is_none() && !args.installation {
        return Err(Failure::refused("--expect is about one trail: add --organization or --installation"));
    }
    parts::block_on(async {
        let desk = parts::desk(&config).await?;
        let outcome = verify_all(&desk, args).await;
        desk.close().await;
        outcome
    })
}

async fn trails(desk: &Desk, args: &AuditVerifyArgs) -> base::Result<Vec<(Option<Id>, String)>> {
    let installation = (None, "the installation".to_owned());
    if args.installation {
        return Ok(vec![installation]);
    }
    let tx = desk.app.system(Mode::Read).await?;
    let organizations = identity::organization::operator::all(&tx).await?;
    tx.commit().await?;
    let mut all: Vec<_> = organizations.into_iter().map(|row| (Some(row.id), row.name)).collect();
    match args.organization {
        Some(wanted) => {
            all.retain(|(id, _)| *id == Some(wanted));
            if all.is_empty() {
                return Err(base::Error::not_found(
                    "organization_not_found",
                    "there is no organisation of that id",
                ));
            }
        }
        None => all.push(installation),
    }
    Ok(all)
}

async fn verify_all(desk: &Desk, args: &AuditVerifyArgs) -> Result<(), Failure> {
    let wish = Wish { expected: args.expect.clone(), ..Wish::default() };
    let mut reports = Vec::new();
    for (org, name) in trails(desk, args).await? {
        let report = verify::verify_trail(&desk.app, Trail { org }, wish.clone()).await?;
        reports.push((org, name, report));
    }
    if args.json {
        let all: Vec<_> = reports
            .iter()
            .map(|(org, name, report)| json!({ "organization": org, "name": name, "report": report }))
            .collect();
        print(&format!("{:#}\n", json!(all)));
    } else {
        print(&reports.iter().map(|(_, name, report)| told(name, report)).collect::<String>());
    }
    let broken = reports.iter().filter(|(.., report)| !report.sound).count();
    if broken > 0 {
        return Err(Failure::failed(format!(
            "{broken} of {} trails are not as they were written",
            reports.len()
        )));
    }
    Ok(())
}

fn told(name: &str, report: &Report) -> String {
    let state = if report.sound { "sound" } else { "BROKEN" };
    let head = report.head.as_deref().unwrap_or("nothing is sealed yet");
    let mut text = format!(
        "{name}: {state}; {} entries on {} days, {} not sealed yet, {} days taken by retention; head {head}\n",
        report.entries,
        report.days,
        report.unsealed.unwrap_or_default(),
        report.pruned_days,
    );
    for late in &report.late {
        text += &format!(
            "  {}: {} entries were sealed late, from {} on: no worker ran, or the chain was made anew\n",
            late.day,
            late.entries,
            base::time::format(late.sealed_at.0),
        );
    }
    for one in &report.breaks {
        let entry = one.entry_id.map(|id| format!(", entry {id}")).unwrap_or_default();
        text += &format!("  {}{entry}: {}\n", one.day, one.detail);
    }
    text
}
