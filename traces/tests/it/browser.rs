//! A headless Chromium, spoken to in its DevTools protocol over a pipe: no network, no port.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use serde_json::{Value, json};
use tempfile::TempDir;

/// What a Chromium may be called.
const PROGRAMS: [&str; 4] = ["chromium", "chromium-browser", "google-chrome", "chrome"];

/// Where the kernel says what a process may have.
const LIMITS: &str = "/proc/self/limits";

/// A browser with one page.
pub struct Browser {
    process: Child,
    to: ChildStdin,
    from: BufReader<ChildStdout>,
    session: Option<String>,
    asked: u64,
    /// Documents that were loaded.
    loads: usize,
    /// What the page and the browser complained of.
    complaints: Vec<String>,
    folder: TempDir,
}

/// Why no browser can be started here; nothing if one can.
fn refused() -> Option<&'static str> {
    if program().is_none() {
        return Some("no Chromium is installed");
    }
    let limits = fs::read_to_string(LIMITS).unwrap_or_default();
    let address_space = limits.lines().find(|line| line.starts_with("Max address space"));
    // Chromium sets aside far more addresses than it uses.
    let is_limited = address_space.is_some_and(|line| !line.contains("unlimited"));
    is_limited.then_some("the address space of a process is limited (ulimit -v)")
}

fn program() -> Option<&'static str> {
    let path = std::env::var_os("PATH")?;
    let is_there = |program: &&str| std::env::split_paths(&path).any(|folder| folder.join(program).is_file());
    PROGRAMS.into_iter().find(is_there)
}

impl Browser {
    /// Starts one with a window of this size; none, with a line that says why, where it cannot be had.
    pub fn start(width: u32, height: u32) -> Option<Self> {
        if let Some(why) = refused() {
            let _ = writeln!(std::io::stderr(), "passed over: {why}");
            return None;
        }
        let folder = tempfile::tempdir().expect("a folder of the test");
        let mut process = Command::new("sh")
            .args(["-c", r#"exec "$0" "$@" 3<&0 4>&1 0</dev/null 1>/dev/null 2>/dev/null"#, program()?])
            .args([
                "--headless=new",
                "--no-sandbox",
                "--disable-gpu",
                "--disable-dev-shm-usage",
                "--no-first-run",
            ])
            .arg(format!("--window-size={width},{height}"))
            .arg(format!("--user-data-dir={}", folder.path().join("profile").display()))
            .arg("--remote-debugging-pipe")
            // What it leaves lying about goes with the folder of the test.
            .env("TMPDIR", folder.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("a shell");
        let to = process.stdin.take().expect("it is piped");
        let from = BufReader::new(process.stdout.take().expect("it is piped"));
        let mut browser =
            Self { process, to, from, session: None, asked: 0, loads: 0, complaints: Vec::new(), folder };
        let page = browser.call("Target.createTarget", json!({ "url": "about:blank" }));
        let attach = json!({ "targetId": page["targetId"], "flatten": true });
        let session = browser.call("Target.attachToTarget", attach)["sessionId"].as_str().map(str::to_owned);
        browser.session = session;
        for domain in ["Page", "Runtime", "Log"] {
            browser.call(&format!("{domain}.enable"), json!({}));
        }
        let size = json!({ "width": width, "height": height, "deviceScaleFactor": 1, "mobile": false });
        browser.call("Emulation.setDeviceMetricsOverride", size);
        Some(browser)
    }

    /// Opens a document and waits until its program has run.
    pub fn open(&mut self, document: &str, link: &str) {
        let file = self.folder.path().join("page.html");
        fs::write(&file, document).expect("a file of the test");
        self.visit(&file, link);
    }

    fn visit(&mut self, file: &Path, link: &str) {
        // Only another document is loaded anew; another link of the same one is not.
        for address in ["about:blank".to_owned(), format!("file://{}{link}", file.display())] {
            let before = self.loads;
            self.call("Page.navigate", json!({ "url": address }));
            while self.loads == before {
                let event = self.read();
                self.listen(&event);
            }
        }
        assert_eq!(
            self.ask("document.documentElement.dataset.ready"),
            "yes",
            "the program of the page has run"
        );
        self.settle();
    }

    /// Waits until what was asked for is drawn.
    pub fn settle(&mut self) {
        self.ask(
            "new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(() => done(true))))",
        );
    }

    /// The value of an expression in the page.
    pub fn ask(&mut self, expression: &str) -> Value {
        let asked = json!({ "expression": expression, "returnByValue": true, "awaitPromise": true });
        let answer = self.call("Runtime.evaluate", asked);
        assert!(answer.get("exceptionDetails").is_none(), "{expression}: {answer}");
        answer["result"]["value"].clone()
    }

    /// The link that the address ends in, when it has followed the last choice.
    pub fn link(&mut self) -> Value {
        self.ask("new Promise((done) => setTimeout(() => done(location.hash), 400))")
    }

    /// The text of the first element that a selector finds.
    pub fn text(&mut self, selector: &str) -> String {
        let text = self.ask(&format!("document.querySelector({selector:?})?.textContent ?? '(nothing)'"));
        text.as_str().unwrap_or_default().to_owned()
    }

    /// Presses a key, as a person does.
    pub fn press(&mut self, key: &str) {
        let text = if key.chars().count() == 1 { key } else { "" };
        let kind = if text.is_empty() { "rawKeyDown" } else { "keyDown" };
        let code = match key {
            "Tab" => 9,
            "Enter" => 13,
            "Escape" => 27,
            "PageUp" => 33,
            "PageDown" => 34,
            "End" => 35,
            "Home" => 36,
            "ArrowLeft" => 37,
            "ArrowUp" => 38,
            "ArrowRight" => 39,
            "ArrowDown" => 40,
            _ => 0,
        };
        let key_down = json!({ "type": kind, "key": key, "text": text, "windowsVirtualKeyCode": code });
        self.call("Input.dispatchKeyEvent", key_down);
        self.call(
            "Input.dispatchKeyEvent",
            json!({ "type": "keyUp", "key": key, "windowsVirtualKeyCode": code }),
        );
        self.settle();
    }

    /// Writes into what has the focus.
    pub fn write(&mut self, text: &str) {
        self.call("Input.insertText", json!({ "text": text }));
        self.settle();
    }

    /// What the browser would tell a screen reader: each node of its accessibility tree.
    pub fn heard(&mut self) -> Vec<Value> {
        self.call("Accessibility.enable", json!({}));
        let tree = self.call("Accessibility.getFullAXTree", json!({}));
        tree["nodes"].as_array().cloned().unwrap_or_default()
    }

    /// Prefers dark or light colours.
    pub fn prefer(&mut self, scheme: &str) {
        let feature = json!({ "name": "prefers-color-scheme", "value": scheme });
        self.call("Emulation.setEmulatedMedia", json!({ "features": [feature] }));
        self.settle();
    }

    /// What the page and the browser complained of: errors on the console, exceptions, violations of the policy.
    pub fn complaints(&self) -> &[String] {
        &self.complaints
    }

    fn call(&mut self, method: &str, parameters: Value) -> Value {
        self.asked += 1;
        let mut message = json!({ "id": self.asked, "method": method, "params": parameters });
        if let Some(session) = &self.session {
            message["sessionId"] = session.as_str().into();
        }
        let mut bytes = message.to_string().into_bytes();
        bytes.push(0);
        self.to.write_all(&bytes).and_then(|()| self.to.flush()).expect("the browser listens");
        loop {
            let answer = self.read();
            if answer["id"] == self.asked {
                assert!(answer.get("error").is_none(), "{method}: {answer}");
                return answer["result"].clone();
            }
            self.listen(&answer);
        }
    }

    fn read(&mut self) -> Value {
        let mut message = Vec::new();
        self.from.read_until(0, &mut message).expect("the browser answers");
        assert_eq!(message.pop(), Some(0), "the browser has ended");
        serde_json::from_slice(&message).expect("the browser answers in JSON")
    }

    fn listen(&mut self, event: &Value) {
        let parameters = &event["params"];
        self.loads += usize::from(event["method"] == "Page.loadEventFired");
        let is_bad = match event["method"].as_str() {
            Some("Runtime.exceptionThrown") => true,
            Some("Runtime.consoleAPICalled") => {
                ["error", "warning", "assert"].iter().any(|kind| parameters["type"] == *kind)
            }
            Some("Log.entryAdded") => {
                ["error", "warning"].iter().any(|level| parameters["entry"]["level"] == *level)
            }
            _ => false,
        };
        if is_bad {
            self.complaints.push(parameters.to_string());
        }
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        // Its children end with it.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
