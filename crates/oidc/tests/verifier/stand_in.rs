//! The verifier against a certified OpenID Connect implementation: `tests/stand_ins/oidc_issuer`, in Node.
//!
//! Its packages are installed below the target folder, once. Where node or npm is missing, or the packages
//! cannot be had, the test says so and passes.

use std::{
    fs,
    io::{BufRead, BufReader},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::Arc,
};

use base::ManualClock;
use oidc::{Issuer, Standing, Verifier};
use outbound::{
    GuardedClient, Policy, Purpose,
    http::{Call, Method},
};
use serde_json::Value;

/// Ends with the value.
struct StandIn {
    process: Child,
    issuer: String,
    client: GuardedClient,
}

impl Drop for StandIn {
    fn drop(&mut self) {
        let _already_gone = self.process.kill();
        let _status = self.process.wait();
    }
}

impl StandIn {
    /// The running stand-in, or why there is none.
    fn start() -> Result<Self, String> {
        let folder = installed()?;
        let mut process = Command::new("node")
            .arg("issuer.mjs")
            .current_dir(folder)
            .env_remove("PORT")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(|error| format!("node: {error}"))?;
        let mut lines = BufReader::new(process.stdout.take().unwrap()).lines();
        let issuer = lines.find_map(|line| line.unwrap().strip_prefix("listening ").map(str::to_owned));
        // It closes its output only by ending, which is no matter of what is installed here.
        let issuer = issuer.expect("the stand-in says where it listens");
        let client = GuardedClient::new(Policy::parse(None, true).unwrap());
        Ok(Self { process, issuer, client })
    }

    async fn ask(&self, command: &str) -> Value {
        let origin = self.issuer.split("/application/").next().unwrap();
        let call = Call::new(Method::GET, format!("{origin}/__test/{command}"));
        let answer = self.client.send(Purpose::Oidc, call).await.unwrap();
        assert_eq!(answer.status, 200, "{command}");
        serde_json::from_slice(&answer.body).unwrap()
    }

    async fn mint(&self, query: &str) -> String {
        self.ask(&format!("mint?{query}")).await["access_token"].as_str().unwrap().to_owned()
    }

    async fn hits(&self) -> (u64, u64) {
        let stats = self.ask("stats").await;
        (stats["jwks"].as_u64().unwrap(), stats["discovery"].as_u64().unwrap())
    }
}

/// The folder with the script and its packages.
fn installed() -> Result<PathBuf, String> {
    for program in ["node", "npm"] {
        let found = Command::new(program).arg("--version").output();
        found.map_err(|error| format!("{program} does not run: {error}"))?;
    }
    let from = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/stand_ins/oidc_issuer");
    let to = Path::new(env!("CARGO_TARGET_TMPDIR")).join("oidc_issuer");
    fs::create_dir_all(&to).unwrap();
    // Tests run beside each other, possibly in several processes: one installs. Unlocked when it closes.
    let turn = fs::File::create(to.join("turn")).unwrap();
    turn.lock().unwrap();
    let lock = fs::read_to_string(from.join("package-lock.json")).unwrap();
    // Written last, and only when everything is there.
    let done = to.join("installed.lock");
    for name in ["package.json", "package-lock.json", "issuer.mjs"] {
        fs::copy(from.join(name), to.join(name)).unwrap();
    }
    if fs::read_to_string(&done).is_ok_and(|installed| installed == lock) {
        return Ok(to);
    }
    let npm = Command::new("npm")
        .args(["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--fetch-retries=1"])
        .current_dir(&to)
        .stdin(Stdio::null())
        .output()
        .map_err(|error| format!("npm: {error}"))?;
    if !npm.status.success() {
        return Err(format!("npm ci: {}", String::from_utf8_lossy(&npm.stderr).trim()));
    }
    fs::write(done, lock).unwrap();
    Ok(to)
}

#[tokio::test]
async fn tokens_of_a_certified_issuer_verify_through_rotations_and_an_outage() {
    let stand_in = match StandIn::start() {
        Ok(stand_in) => stand_in,
        Err(why) => return println!("left out: the stand-in for an issuer cannot be had: {why}"),
    };
    let clock = ManualClock::default();
    let verifier = Verifier::new(stand_in.client.clone(), Arc::new(clock.clone()));
    let issuer = Issuer { audiences: vec!["member-api".into()], ..Issuer::new(&stand_in.issuer) };

    let first = stand_in.mint("sub=user-1").await;
    let claims = verifier.verify(&issuer, &first).await.unwrap();
    assert_eq!(
        (claims.sub.as_str(), claims.aud.as_slice()),
        ("user-1", ["member-api".to_owned()].as_slice())
    );
    assert_eq!(claims.email.as_deref(), Some("user-1@example.test"));
    assert_eq!(claims.name.as_deref(), Some("user-1"));
    assert_eq!(oidc::unverified_issuer(&first).as_ref(), Some(&issuer.issuer));
    assert_eq!(stand_in.hits().await, (1, 1));

    let refusal = async |issuer: &Issuer, token: &str| {
        verifier.verify(issuer, token).await.unwrap_err().code().to_owned()
    };
    assert_eq!(refusal(&issuer, &stand_in.mint("sub=user-1&aud=other").await).await, "invalid_token");
    let strict = Issuer { require_azp: true, ..issuer.clone() };
    assert_eq!(refusal(&strict, &first).await, "invalid_token", "this library has client_id instead of azp");

    // Each rotation costs one fetch, and none of them discovery.
    for (fetches, rotation) in [(2, "rotate"), (3, "rotate?type=ec"), (4, "rotate?drop=1")] {
        stand_in.ask(rotation).await;
        clock.advance(chrono::Duration::seconds(31));
        let token = stand_in.mint("sub=user-2&ttl=3600").await;
        assert_eq!(verifier.verify(&issuer, &token).await.unwrap().sub, "user-2", "{rotation}");
        assert_eq!(stand_in.hits().await, (fetches, 1), "{rotation}");
    }
    assert_eq!(refusal(&issuer, &first).await, "invalid_token", "its key was withdrawn");

    let token = stand_in.mint("sub=user-3&ttl=3600").await;
    stand_in.ask("down?on=1").await;
    clock.advance(chrono::Duration::seconds(700));
    assert_eq!(verifier.verify(&issuer, &token).await.unwrap().sub, "user-3");
    assert_eq!(verifier.state(&issuer).standing, Standing::Stale);
    let cold = Verifier::new(stand_in.client.clone(), Arc::new(clock));
    assert_eq!(cold.verify(&issuer, &token).await.unwrap_err().code(), "jwks_unavailable");
}

#[tokio::test]
async fn the_stand_in_lays_out_like_authentik_does() {
    let stand_in = match StandIn::start() {
        Ok(stand_in) => stand_in,
        Err(why) => return println!("left out: the stand-in for an issuer cannot be had: {why}"),
    };
    assert!(stand_in.issuer.ends_with("/application/o/member/"));
    let call = Call::new(Method::GET, format!("{}.well-known/openid-configuration", stand_in.issuer));
    let answer = stand_in.client.send(Purpose::Oidc, call).await.unwrap();
    let document: Value = serde_json::from_slice(&answer.body).unwrap();
    assert_eq!(document["issuer"], stand_in.issuer.as_str());
    assert_eq!(document["jwks_uri"], format!("{}jwks/", stand_in.issuer));
}
