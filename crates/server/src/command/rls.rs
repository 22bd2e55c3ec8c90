//! `tenon rls`: row-level security shown, proven and switched (PostgreSQL).

use serde_json::{Value, json};
use store::rls::{self, Proof, TableState, UserState};

use crate::{
    cli::{self, Failure, RlsAction, RlsArgs, print},
    config::{Config, DatabaseKind, Inputs},
};

use super::{
    columns::{align, yes},
    parts::{self, Opened},
    schema,
};

/// Runs the one action.
pub fn run(inputs: &Inputs, args: &RlsArgs) -> Result<(), Failure> {
    let config = Config::load(inputs)?;
    if config.database.kind != DatabaseKind::Postgres {
        let reason = "row-level security does not apply to this database: the application's own filter separates organisations";
        show(args, &json!({ "applies": false, "reason": reason }), || format!("{reason}\n"));
        return Ok(());
    }
    parts::block_on(async {
        let opened = parts::open(&config).await?;
        let outcome = act(&config, &opened, args).await;
        opened.store.close().await;
        outcome
    })
}

async fn act(config: &Config, opened: &Opened, args: &RlsArgs) -> Result<(), Failure> {
    let store = &opened.store;
    match args.action() {
        RlsAction::Status => status(&rls::status(store).await?, args),
        RlsAction::VerifyUser => verify_user(&rls::user(store).await?, args),
        RlsAction::Test => proofs(&rls::test(store).await?, args),
        RlsAction::Enable => switch(config, opened, args, true).await,
        RlsAction::Disable => {
            let what = format!("take row-level security off every table of {}", config.database.shown_url);
            cli::confirm(&what, args.yes)?;
            switch(config, opened, args, false).await
        }
    }
}

fn show(args: &RlsArgs, json: &Value, text: impl FnOnce() -> String) {
    print(&if args.json { format!("{json:#}\n") } else { text() });
}

fn status(tables: &[TableState], args: &RlsArgs) -> Result<(), Failure> {
    if tables.is_empty() {
        return Err(Failure::failed("there is no table to protect yet; run `tenon migrate up`"));
    }
    show(args, &json!({ "applies": true, "tables": tables }), || {
        let row = |state: &TableState| {
            vec![
                state.table.clone(),
                yes(state.enabled),
                yes(state.forced),
                yes(state.policies),
                if state.protected() { "protected".to_owned() } else { "OPEN".to_owned() },
            ]
        };
        let rows: Vec<Vec<String>> = tables.iter().map(row).collect();
        align(&["table", "enabled", "forced", "policies", "verdict"], &rows)
    });
    let open: Vec<&str> =
        tables.iter().filter(|state| !state.protected()).map(|state| state.table.as_str()).collect();
    if open.is_empty() {
        return Ok(());
    }
    Err(Failure::failed(format!("not protected: {}; run `tenon rls --enable`", open.join(", "))))
}

fn verify_user(user: &UserState, args: &RlsArgs) -> Result<(), Failure> {
    let objections = user.objections();
    show(args, &json!({ "applies": true, "user": user, "objections": objections }), || {
        let row = |what: &str, is: bool, wanted: bool| {
            vec![what.to_owned(), yes(is), if is == wanted { "good".to_owned() } else { "BAD".to_owned() }]
        };
        let rows = vec![
            row("superuser", user.superuser, false),
            row("bypasses policies", user.bypasses, false),
            row("owns tenant tables", !user.owns.is_empty(), false),
            row("may act as tenon_app", user.may_act_as_app, true),
            row("may act as tenon_system", user.may_act_as_system, true),
        ];
        align(&[user.user.as_str(), "is", "verdict"], &rows)
    });
    if objections.is_empty() {
        return Ok(());
    }
    let advice = "use the user that `tenon db init` makes; prod refuses this one";
    Err(Failure::failed(format!("{}; {advice}", objections.join("; "))))
}

fn proofs(proofs: &[Proof], args: &RlsArgs) -> Result<(), Failure> {
    if proofs.is_empty() {
        return Err(Failure::failed("there is no table to prove anything with yet; run `tenon migrate up`"));
    }
    let outcomes: Vec<Value> = proofs
        .iter()
        .map(|proof| {
            json!({
                "table": proof.table, "rows": proof.rows, "read": proof.read, "changed": proof.changed,
                "accepted": proof.accepted, "own": proof.own, "holds": proof.holds(),
            })
        })
        .collect();
    show(args, &json!({ "applies": true, "proofs": outcomes }), || {
        let row = |proof: &Proof| {
            vec![
                proof.table.clone(),
                proof.rows.to_string(),
                proof.read.to_string(),
                proof.changed.to_string(),
                yes(proof.accepted),
                proof.own.to_string(),
                if proof.holds() { "isolated".to_owned() } else { "NOT ISOLATED".to_owned() },
            ]
        };
        let rows: Vec<Vec<String>> = proofs.iter().map(row).collect();
        align(&["table", "foreign rows", "read", "changed", "accepted", "own read", "verdict"], &rows)
    });
    let broken: Vec<&str> =
        proofs.iter().filter(|proof| !proof.holds()).map(|proof| proof.table.as_str()).collect();
    if broken.is_empty() {
        return Ok(());
    }
    Err(Failure::failed(format!("not isolated: {}; run `tenon rls --enable`", broken.join(", "))))
}

async fn switch(config: &Config, opened: &Opened, args: &RlsArgs, on: bool) -> Result<(), Failure> {
    let owner = schema::migrator(config, &opened.store).await?;
    let outcome = if on { rls::enable(&owner).await } else { rls::disable(&owner).await };
    owner.close().await;
    let tables = outcome?;
    let verb = if on { "protected" } else { "opened" };
    show(args, &json!({ "applies": true, "enabled": on, "tables": tables }), || {
        tables.iter().map(|table| format!("{verb} {table}\n")).collect()
    });
    Ok(())
}
