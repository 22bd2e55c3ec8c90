//! The stand-in for an OpenID Connect issuer as a process; a module of every test binary that needs it.
//!
//! Its packages are installed below the target folder, once. Where node or npm is missing, or the packages
//! cannot be had, it says why, and the tests pass with a word.

use std::{
    fs,
    io::{BufRead, BufReader},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

use outbound::{
    GuardedClient, Policy, Purpose,
    http::{Call, Method},
};
use serde_json::Value;

/// Ends with the value.
pub struct StandIn {
    process: Child,
    /// As its tokens write it.
    pub issuer: String,
    /// What speaks with it.
    pub client: GuardedClient,
}

impl Drop for StandIn {
    fn drop(&mut self) {
        let _already_gone = self.process.kill();
        let _status = self.process.wait();
    }
}

impl StandIn {
    /// The running stand-in, or why there is none.
    pub fn start() -> Result<Self, String> {
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

    /// A command of the stand-in, as its script lists them.
    pub async fn ask(&self, command: &str) -> Value {
        let origin = self.issuer.split("/application/").next().unwrap();
        let call = Call::new(Method::GET, format!("{origin}/__test/{command}"));
        let answer = self.client.send(Purpose::Oidc, call).await.unwrap();
        assert_eq!(answer.status, 200, "{command}");
        serde_json::from_slice(&answer.body).unwrap()
    }

    /// An access token.
    pub async fn mint(&self, query: &str) -> String {
        self.ask(&format!("mint?{query}")).await["access_token"].as_str().unwrap().to_owned()
    }

    /// How often keys and discovery document were fetched.
    pub async fn hits(&self) -> (u64, u64) {
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
