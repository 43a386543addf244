//! Commands of preStop hooks: how long they take, where they sleep and do little else, and how long at least, where they sleep first.

use std::ops::Range;

use crate::scenario::limits::NUMBER_MAX;

/// A command that sleeps.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sleeps {
    /// For how many seconds.
    pub seconds: u32,
    /// What comes after that takes nobody knows how long, and may stop the server.
    pub is_least: bool,
    /// It runs other commands too. Unless that is the least, they take no time, and what stops the server comes after all sleeps.
    pub does_more: bool,
    /// Where the number of seconds stands in a script that sleeps once.
    pub number: Option<Range<usize>>,
}

/// What one command of a script does.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Does {
    /// It waits for so many seconds.
    Sleep(u32),
    /// Nothing that matters, and it cannot fail.
    Nothing,
    /// Nothing that matters, and it may fail.
    Little,
    /// It may tell the server to stop.
    Stop,
    /// It ends the script.
    Exit,
}

/// How long the command of a hook takes, directly or through a shell; none, if nobody can tell.
pub fn sleeps(command: &[String]) -> Option<Sleeps> {
    let words: Vec<&str> = command.iter().map(String::as_str).collect();
    match words[..] {
        [shell, "-c", script] if matches!(name(shell), "sh" | "bash" | "ash" | "dash") => {
            sleeps_in_script(script)
        }
        _ => match does(&words)? {
            Does::Sleep(seconds) => Some(Sleeps { seconds, is_least: false, does_more: false, number: None }),
            _ => None,
        },
    }
}

/// The same of a script: commands one after the other, the last of which may tell the server to stop. From the first on of which
/// nobody can tell what it does, or whether it runs, the sleeps before it are the least.
pub fn sleeps_in_script(script: &str) -> Option<Sleeps> {
    let (mut seconds, mut number, mut count) = (0_u32, None, 0);
    let (mut others, mut has_stopped, mut has_ended, mut is_least) = (0, false, false, false);
    for Command { at, text, link } in commands(script) {
        let words: Vec<&str> = text.split_ascii_whitespace().collect();
        let is_plain = !text.contains(STEERS) && link != Link::Beside;
        let does = does(&words).filter(|_| is_plain && !has_ended);
        match does {
            None => is_least = true,
            Some(Does::Sleep(_)) if has_stopped => is_least = true,
            Some(Does::Sleep(more)) => {
                seconds = seconds.checked_add(more).filter(|&seconds| seconds <= NUMBER_MAX)?;
                count += 1;
                let digits = words[1].strip_suffix('s').unwrap_or(words[1]);
                let is_seconds = digits.bytes().all(|byte| byte.is_ascii_digit());
                let from = at + text.rfind(words[1])?;
                number = is_seconds.then(|| from..from + digits.len());
            }
            Some(Does::Nothing | Does::Little | Does::Exit) => others += 1,
            Some(Does::Stop) => (others, has_stopped) = (others + 1, true),
        }
        has_ended = does == Some(Does::Exit);
        // What comes after a && comes only if this does not fail.
        is_least |= link == Link::IfWell && !matches!(does, Some(Does::Sleep(_) | Does::Nothing));
        if is_least {
            break;
        }
    }
    let number = number.filter(|_| count == 1);
    let says_something = count > 0 && (seconds > 0 || !is_least);
    let does_more = others > 0 || count > 1 || is_least;
    says_something.then_some(Sleeps { seconds, is_least, does_more, number })
}

/// Signs by which a shell makes of a command something else than its words.
const STEERS: [char; 19] =
    ['|', '$', '`', '<', '>', '(', ')', '{', '}', '[', ']', '\'', '"', '\\', '#', '*', '?', '!', '~'];

/// A command of a script.
struct Command<'s> {
    /// Where it begins.
    at: usize,
    text: &'s str,
    link: Link,
}

/// When the command after one runs.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Link {
    /// After it.
    Then,
    /// After it, unless it fails.
    IfWell,
    /// At once.
    Beside,
}

/// The commands of a script, as they are told apart where no sign steers. Behind the first sign that does they may be anything.
fn commands(script: &str) -> Vec<Command<'_>> {
    let mut all = Vec::new();
    let mut from = 0;
    let mut rest = script.char_indices().peekable();
    while let Some((at, sign)) = rest.next() {
        let link = match sign {
            ';' | '\n' => Link::Then,
            '&' if rest.next_if(|&(_, sign)| sign == '&').is_some() => Link::IfWell,
            '&' => Link::Beside,
            _ => continue,
        };
        all.push(Command { at: from, text: &script[from..at], link });
        from = at + if link == Link::IfWell { 2 } else { 1 };
    }
    all.push(Command { at: from, text: &script[from..], link: Link::Then });
    all.retain(|command| !command.text.trim().is_empty());
    all
}

fn does(words: &[&str]) -> Option<Does> {
    let (program, arguments) = words.split_first()?;
    Some(match (name(program), arguments) {
        ("sleep", [time]) => Does::Sleep(seconds(time)?),
        ("echo" | "true" | ":" | "date" | "printf", _) => Does::Nothing,
        ("touch" | "rm", _) | ("nginx", ["-s", "reload"]) => Does::Little,
        ("nginx", ["-s", "quit" | "stop"]) | ("kill" | "pkill" | "killall", _) => Does::Stop,
        ("exit", _) => Does::Exit,
        _ => return None,
    })
}

fn name(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or_default()
}

/// The whole seconds of an argument of `sleep`.
fn seconds(time: &str) -> Option<u32> {
    let (digits, factor) = match time.as_bytes().last()? {
        b's' => (&time[..time.len() - 1], 1),
        b'm' => (&time[..time.len() - 1], 60),
        b'h' => (&time[..time.len() - 1], 3600),
        _ => (time, 1),
    };
    let is_number = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    let seconds: u32 = digits.parse().ok().filter(|_| is_number)?;
    seconds.checked_mul(factor).filter(|&seconds| seconds <= NUMBER_MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(command: &[&str]) -> Option<Sleeps> {
        let command: Vec<String> = command.iter().map(|&word| word.to_owned()).collect();
        sleeps(&command)
    }

    #[test]
    fn a_command_that_only_sleeps_has_a_length() {
        for (command, seconds) in [
            (&["sleep", "5"][..], Some(5)),
            (&["/bin/sleep", "5s"], Some(5)),
            (&["sleep", "1m"], Some(60)),
            (&["sh", "-c", "sleep 5"], Some(5)),
            (&["/bin/bash", "-c", " sleep 5; "], Some(5)),
            (&["sh", "-c", "sleep $DELAY"], None),
            (&["sleep", "0.5"], None),
            (&["sleep", "infinity"], None),
            (&["sleep", "-5"], None),
            (&["sleep", "5", "5"], None),
            (&["nginx", "-s"], None),
            (&["nginx", "-s", "quit"], None),
            (&["sleep"], None),
            (&["sleep", "4294967295h"], None),
            (&["sleep", "4294967295"], None),
            (&["sh", "-c", ""], None),
            (&[], None),
        ] {
            let found = of(command);
            assert_eq!(found.as_ref().map(|found| found.seconds), seconds, "{command:?}");
            assert!(found.is_none_or(|found| !found.does_more), "{command:?}");
        }
    }

    #[test]
    fn a_script_may_do_little_beside_its_sleep() {
        for (script, seconds) in [
            ("sleep 5 && nginx -s quit", Some(5)),
            ("sleep 5; /usr/sbin/nginx -s quit", Some(5)),
            ("sleep 5s\nkill -QUIT 1\n", Some(5)),
            ("rm -f /run/ready; sleep 20", Some(20)),
            ("echo draining && sleep 20 && echo done", Some(20)),
            ("sleep 5; sleep 10", Some(15)),
            ("sleep 5; exit 0", Some(5)),
            ("nginx -s quit; sleep 5", None),
            ("rm /run/ready && sleep 5", None),
            ("exit 0; sleep 5", None),
            ("sleep 5 & nginx -s quit", None),
            ("sleep 5 || true", None),
            ("while true; do sleep 5; done", None),
            ("sleep 5 > /dev/null", None),
            ("echo nothing", None),
            ("sleep 4294967295; sleep 4294967295", None),
        ] {
            let found = of(&["sh", "-c", script]);
            assert_eq!(found.as_ref().map(|found| found.seconds), seconds, "{script}");
            assert!(found.is_none_or(|found| found.does_more && !found.is_least), "{script}");
        }
    }

    #[test]
    fn what_a_script_sleeps_before_nobody_knows_what_is_the_least() {
        for (script, seconds) in [
            ("sleep 5; wait-for-connections", 5),
            ("sleep 15; nginx -s quit; while pgrep nginx; do sleep 1; done", 15),
            ("sleep 5 && /app/drain", 5),
            ("sleep 5; nginx -s quit; sleep 10", 5),
            ("sleep 5; echo 'draining; sleep 20'", 5),
            ("echo a; sleep 5; sleep $MORE", 5),
            ("sleep 3; rm /run/ready && sleep 5", 3),
            ("sleep 5; exit 0; sleep 7", 5),
        ] {
            let found = of(&["sh", "-c", script]).unwrap_or_else(|| panic!("{script}"));
            assert_eq!((found.seconds, found.is_least, found.does_more), (seconds, true, true), "{script}");
        }
        for script in [
            "/app/drain; sleep 5",
            "sleep 0; /app/drain",
            "(sleep 5); drain",
            "sleep 5 | drain",
            "drain & sleep 5",
        ] {
            assert_eq!(of(&["sh", "-c", script]), None, "{script}");
        }
    }

    #[test]
    fn the_number_of_a_script_that_sleeps_once_has_a_place() {
        for (script, number) in [
            ("sleep 15", Some("15")),
            ("sleep 5s && nginx -s quit", Some("5")),
            ("echo 5; sleep 5; kill 5", Some("5")),
            ("sleep 5; /app/drain", Some("5")),
            ("sleep 1m; kill 1", None),
            ("sleep 1; sleep 2", None),
        ] {
            let found = sleeps_in_script(script).expect("it sleeps");
            assert_eq!(found.number.clone().map(|number| &script[number]), number, "{script}");
        }
        let script = "echo 5; sleep 5; kill 5";
        assert_eq!(sleeps_in_script(script).and_then(|found| found.number), Some(14..15));
    }
}
