//! Chromium on a phone, driven by the W3C's WebDriver protocol through Debian's `chromedriver`.

use std::io::{BufRead as _, BufReader};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use serde_json::{Value, json};
use tempfile::TempDir;

/// The root directory under which the gate has unpacked the browser. If it is set, tests in a browser fail without one.
const ROOT: &str = "DESPATCH_TEST_BROWSER";

/// The width of a small phone, in CSS pixels.
pub(crate) const WIDTH: u32 = 360;

/// How long the browser may take for anything, before the test fails.
const DEADLINE: Duration = Duration::from_secs(30);

/// The key by which WebDriver names an element.
const ELEMENT: &str = "element-6066-11e4-a52e-4f735466cecf";

/// A browser with one window; ends with its test.
pub(crate) struct Browser {
    driver: Child,
    http: Client<HttpConnector, Full<Bytes>>,
    session: String,
    profile: TempDir,
}

impl Browser {
    /// Opens a browser; `None` if this machine has none and the test may do without.
    pub(crate) async fn open() -> Option<Self> {
        let demanded = std::env::var_os(ROOT).map(PathBuf::from);
        let root = demanded.clone().unwrap_or_else(|| PathBuf::from("/"));
        let program = root.join("usr/bin/chromedriver");
        if demanded.is_none() && !program.exists() {
            eprintln!("no chromedriver: install chromium-driver, or run .ci/run, which unpacks it");
            return None;
        }
        let libraries = root.join(format!("usr/lib/{}-linux-gnu", std::env::consts::ARCH));
        let libraries = [libraries.clone(), libraries.join("pulseaudio")];
        // A group of its own, because the driver leaves the browser behind when it is killed.
        let mut driver = Command::new(program)
            .arg("--port=0")
            .env("LD_LIBRARY_PATH", std::env::join_paths(libraries).unwrap())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .process_group(0)
            .spawn()
            .expect("chromedriver starts");
        let output = driver.stdout.take().unwrap();
        let mut browser = Browser {
            driver,
            http: Client::builder(TokioExecutor::new()).build_http(),
            session: String::new(),
            profile: tempfile::tempdir().unwrap(),
        };
        let mut lines = BufReader::new(output).lines();
        let port = lines.find_map(|line| {
            let line = line.ok()?;
            let (_, port) = line.split_once("started successfully on port ")?;
            Some(port.trim_end_matches('.').to_owned())
        });
        // The driver must not wait for a reader of what it says.
        std::thread::spawn(move || lines.for_each(drop));
        browser.session = format!("http://127.0.0.1:{}/session", port.expect("chromedriver says its port"));
        browser.begin(&root).await;
        Some(browser)
    }

    async fn begin(&mut self, root: &Path) {
        let profile = format!("--user-data-dir={}", self.profile.path().display());
        let options = json!({
            "binary": root.join("usr/lib/chromium/chromium"),
            "args": ["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", profile],
            "mobileEmulation": {"deviceMetrics": {"width": WIDTH, "height": 740, "pixelRatio": 2, "touch": true}},
        });
        let capabilities = json!({"capabilities": {"alwaysMatch": {"goog:chromeOptions": options}}});
        let begun = self.ask("", Some(capabilities)).await;
        self.session = format!("{}/{}", self.session, begun["sessionId"].as_str().expect("a session"));
        let wait = u64::try_from(DEADLINE.as_millis()).unwrap() / 2;
        self.ask("/timeouts", Some(json!({"implicit": wait}))).await;
    }

    pub(crate) async fn go_to(&self, url: &str) {
        self.ask("/url", Some(json!({"url": url}))).await;
    }

    pub(crate) async fn reload(&self) {
        self.ask("/refresh", Some(json!({}))).await;
    }

    pub(crate) async fn url(&self) -> String {
        self.ask("/url", None).await.as_str().unwrap().to_owned()
    }

    /// Waits for a page that shows all of these texts; returns its text.
    pub(crate) async fn shows(&self, parts: &[&str]) -> String {
        let begun = Instant::now();
        loop {
            // Between two pages there is no text.
            let text = self.value("document.body ? document.body.innerText : ''").await;
            let text = text.as_str().unwrap_or_default();
            let Some(missing) = parts.iter().find(|part| !text.contains(**part)) else {
                return text.to_owned();
            };
            assert!(begun.elapsed() < DEADLINE, "{missing}: {text}");
            tokio::task::yield_now().await;
        }
    }

    /// Clicks the element of a CSS selector, which must be there.
    pub(crate) async fn click(&self, css: &str) {
        let element = self.find(css).await;
        self.ask(&format!("/element/{element}/click"), Some(json!({}))).await;
    }

    /// Replaces a field's text.
    pub(crate) async fn fill_in(&self, css: &str, text: &str) {
        let element = self.find(css).await;
        self.ask(&format!("/element/{element}/clear"), Some(json!({}))).await;
        self.ask(&format!("/element/{element}/value"), Some(json!({"text": text}))).await;
    }

    /// Presses keys, as WebDriver writes them.
    pub(crate) async fn press(&self, keys: &str) {
        let body = self.find("body").await;
        self.ask(&format!("/element/{body}/value"), Some(json!({"text": keys}))).await;
    }

    /// Asks for a value of the page, as an inspector does.
    pub(crate) async fn value(&self, expression: &str) -> Value {
        self.ask("/execute/sync", Some(json!({"script": format!("return {expression}"), "args": []}))).await
    }

    /// Ends the browser.
    pub(crate) async fn close(self) {
        self.send("DELETE", "", None).await;
    }

    async fn find(&self, css: &str) -> String {
        let found = self.ask("/element", Some(json!({"using": "css selector", "value": css}))).await;
        found[ELEMENT].as_str().unwrap_or_else(|| panic!("{css}: {found}")).to_owned()
    }

    /// Asks the driver for a value, or to do something.
    async fn ask(&self, path: &str, body: Option<Value>) -> Value {
        let method = if body.is_some() { "POST" } else { "GET" };
        self.send(method, path, body).await
    }

    async fn send(&self, method: &str, path: &str, body: Option<Value>) -> Value {
        let text = body.as_ref().map(Value::to_string).unwrap_or_default();
        let request = axum::http::Request::builder().method(method).uri(format!("{}{path}", self.session));
        let request = request.body(Full::from(text)).unwrap();
        let answer = tokio::time::timeout(DEADLINE, self.http.request(request)).await;
        let answer = answer.unwrap_or_else(|_| panic!("{path} {body:?}: no answer within {DEADLINE:?}"));
        let answer = answer.unwrap_or_else(|error| panic!("{path}: {error}"));
        let status = answer.status();
        let answer = answer.into_body().collect().await.unwrap().to_bytes();
        let mut answer: Value = serde_json::from_slice(&answer).unwrap();
        assert!(status.is_success(), "{path} {body:?}: {answer:#}");
        answer["value"].take()
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        if let Some(group) = i32::try_from(self.driver.id()).ok().and_then(rustix::process::Pid::from_raw) {
            // It may have ended by itself.
            let _ = rustix::process::kill_process_group(group, rustix::process::Signal::KILL);
        }
        let _ = self.driver.wait();
    }
}
