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
    /// It sets options of the shell: whether the script ends with the first command that fails, if it says so.
    Set { ends: Option<bool> },
}

/// How long the command of a hook takes, directly or through a shell; none, if nobody can tell.
pub fn sleeps(command: &[String]) -> Option<Sleeps> {
    let words: Vec<&str> = command.iter().map(String::as_str).collect();
    if let [shell, options @ .., script] = words.as_slice()
        && matches!(name(shell), "sh" | "bash" | "ash" | "dash")
    {
        return of_script(script, are_of_a_script(options)?);
    }
    match does(&words)? {
        Does::Sleep(seconds) => Some(Sleeps { seconds, is_least: false, does_more: false, number: None }),
        _ => None,
    }
}

/// Do these options of a shell say that a script follows, as `-c`, `-ec` and `-e -c` do (POSIX `sh`)? Says whether the script ends with
/// the first command that fails.
fn are_of_a_script(options: &[&str]) -> Option<bool> {
    let letters = |option: &&str| {
        let letters = option.strip_prefix('-').unwrap_or_default();
        !letters.is_empty() && letters.bytes().all(|letter| letter.is_ascii_lowercase())
    };
    let (last, others) = options.split_last()?;
    let is_known = options.iter().all(letters)
        && last.ends_with('c')
        && !others.iter().any(|option| option.contains(['c', 'o']))
        && !last.contains('o');
    is_known.then(|| options.iter().any(|option| option.contains('e')))
}

/// The same of a script: commands one after the other, the last of which may tell the server to stop. From the first on of which
/// nobody can tell what it does, or whether it runs, the sleeps before it are the least.
pub fn sleeps_in_script(script: &str) -> Option<Sleeps> {
    of_script(script, false)
}

fn of_script(script: &str, mut ends_with_what_fails: bool) -> Option<Sleeps> {
    let (mut seconds, mut number, mut count) = (0_u32, None, 0);
    let (mut others, mut has_stopped, mut has_ended, mut is_least) = (0, false, false, false);
    let plain = plain(script);
    let commands = commands(&plain);
    let (mut is_passed_over, mut may_have_failed) = (false, false);
    for (place, &Command { at, text, link, is_beside }) in commands.iter().enumerate() {
        let is_last = place + 1 == commands.len();
        if std::mem::take(&mut is_passed_over) {
            // What is before it never fails; what is after it runs as if it were not there.
            is_passed_over = link == Link::IfIll;
            is_least = text.contains(STEERS);
            if is_least {
                break;
            }
            continue;
        }
        let words: Vec<&str> = text.split_ascii_whitespace().collect();
        let words = match words.split_first() {
            // It takes the place of the shell.
            Some((&"exec", rest)) if is_last && !rest.is_empty() => rest,
            _ => words.as_slice(),
        };
        let is_plain = !text.contains(STEERS) && !is_beside;
        let does = does(words).filter(|_| is_plain && !has_ended);
        let is_certain = matches!(does, Some(Does::Sleep(_) | Does::Nothing | Does::Set { .. }));
        // After an || only what is as nothing may run or not.
        let counts = !std::mem::replace(&mut may_have_failed, !is_certain && link == Link::IfIll);
        match does {
            None => is_least = true,
            Some(Does::Sleep(_) | Does::Exit | Does::Set { .. }) if !counts => is_least = true,
            Some(Does::Sleep(_)) if has_stopped => is_least = true,
            Some(Does::Sleep(more)) => {
                seconds = seconds.checked_add(more).filter(|&seconds| seconds <= NUMBER_MAX)?;
                count += 1;
                let digits = words[1].strip_suffix('s').unwrap_or(words[1]);
                let is_seconds = digits.bytes().all(|byte| byte.is_ascii_digit());
                let from = at + text.rfind(words[1])?;
                number = is_seconds.then(|| from..from + digits.len());
            }
            Some(Does::Set { ends }) => {
                ends_with_what_fails = ends.unwrap_or(ends_with_what_fails);
            }
            Some(Does::Nothing | Does::Little | Does::Exit) => others += 1,
            Some(Does::Stop) => (others, has_stopped) = (others + 1, true),
        }
        has_ended = does == Some(Does::Exit);
        is_passed_over = is_certain && link == Link::IfIll;
        // What comes after a && comes only if this does not fail; with set -e that is so of whatever comes after it.
        let is_needed = link == Link::IfWell || (ends_with_what_fails && link == Link::Then && !is_last);
        is_least |= is_needed && !is_certain;
        if is_least {
            break;
        }
    }
    let number = number.filter(|_| count == 1);
    let says_something = count > 0 && (seconds > 0 || !is_least);
    let does_more = others > 0 || count > 1 || is_least;
    says_something.then_some(Sleeps { seconds, is_least, does_more, number })
}

/// Files that take whatever is written to them.
const SINKS: [&str; 5] = ["/dev/null", "/dev/stdout", "/dev/stderr", "/proc/1/fd/1", "/proc/1/fd/2"];

/// A script with spaces in the place of comments, of redirections that change nothing, and of quotes around the number of a sleep: all
/// else stays where it was.
fn plain(script: &str) -> String {
    let mut plain = script.as_bytes().to_vec();
    let mut blank = |range: Range<usize>| plain[range].fill(b' ');
    let (mut at, mut quote) = (0, None);
    while let Some(sign) = script[at..].chars().next() {
        let (before, rest) = script.split_at(at);
        let begins = before.is_empty() || before.ends_with([' ', '\t', '\n', ';', '&']);
        let mut next = at + sign.len_utf8();
        match (quote, sign) {
            (Some(open), _) if sign == open => quote = None,
            (None, '\'' | '"') => match quoted_time(rest, sign).filter(|_| begins) {
                Some(length) => {
                    blank(at..at + 1);
                    next = at + length;
                    blank(next - 1..next);
                }
                None => quote = Some(sign),
            },
            // What is behind it is no sign any more.
            (None, '\\') => break,
            (None, '#') if begins => {
                next = at + rest.find('\n').unwrap_or(rest.len());
                blank(at..next);
            }
            (None, '>' | '1' | '2') if begins => {
                if let Some(length) = redirection(rest) {
                    next = at + length;
                    blank(at..next);
                }
            }
            _ => {}
        }
        at = next;
    }
    String::from_utf8(plain).unwrap_or_default()
}

/// How long a quoted length of time is that `text` begins with, its quotes counted.
fn quoted_time(text: &str, quote: char) -> Option<usize> {
    let (inner, after) = text.strip_prefix(quote)?.split_once(quote)?;
    let is_word = after.is_empty() || after.starts_with([' ', '\t', '\n', ';', '&', '|']);
    (seconds(inner).is_some() && is_word).then_some(inner.len() + 2)
}

/// How long a redirection is that `text` begins with, to where all is taken: `>/dev/null`, `2> /dev/null`, `2>&1`.
fn redirection(text: &str) -> Option<usize> {
    let rest = text.strip_prefix(['1', '2']).unwrap_or(text).strip_prefix('>')?;
    let ends = |rest: &&str| rest.is_empty() || rest.starts_with([' ', '\t', '\n', ';', '&', '|']);
    let after = match rest.strip_prefix('&') {
        Some(copied) => copied.strip_prefix(['1', '2'])?,
        None => {
            let file = rest.strip_prefix('>').unwrap_or(rest).trim_start_matches([' ', '\t']);
            SINKS.iter().find_map(|sink| file.strip_prefix(sink))?
        }
    };
    Some(after).filter(ends).map(|after| text.len() - after.len())
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
    /// It runs beside what comes after it, as all does that is joined before an &.
    is_beside: bool,
}

/// When the command after one runs.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Link {
    /// After it.
    Then,
    /// After it, unless it fails.
    IfWell,
    /// After it, if it fails.
    IfIll,
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
            '|' if rest.next_if(|&(_, sign)| sign == '|').is_some() => Link::IfIll,
            '&' => Link::Beside,
            _ => continue,
        };
        all.push(Command { at: from, text: &script[from..at], link, is_beside: false });
        from = at + if matches!(link, Link::IfWell | Link::IfIll) { 2 } else { 1 };
    }
    all.push(Command { at: from, text: &script[from..], link: Link::Then, is_beside: false });
    all.retain(|command| !command.text.trim().is_empty());
    let mut is_beside = false;
    for command in all.iter_mut().rev() {
        is_beside = match command.link {
            Link::Beside => true,
            Link::Then => false,
            Link::IfWell | Link::IfIll => is_beside,
        };
        command.is_beside = is_beside;
    }
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
        ("set", [option, ..]) if option.starts_with(['-', '+']) => {
            Does::Set { ends: ends_with_what_fails(arguments) }
        }
        _ => return None,
    })
}

/// What these arguments of `set` say of commands that fail.
fn ends_with_what_fails(arguments: &[&str]) -> Option<bool> {
    let says = |(place, option): (usize, &&str)| {
        let before = place.checked_sub(1).map_or("", |before| arguments[before]);
        let named = *option == "errexit" && before.ends_with('o');
        let sign = if named { before } else { option };
        let is_meant = named || (option.starts_with(['-', '+']) && option.contains('e'));
        is_meant.then(|| sign.starts_with('-'))
    };
    arguments.iter().enumerate().filter_map(says).next_back()
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
            (&["sh", "-ec", "sleep 15"], Some(15)),
            (&["bash", "-lc", "sleep 15"], Some(15)),
            (&["/bin/sh", "-xc", "sleep 15"], Some(15)),
            (&["sh", "-e", "-c", "sleep 15"], Some(15)),
            (&["sh", "-ce", "sleep 15"], None),
            (&["sh", "-oc", "sleep 15"], None),
            (&["sh", "sleep 15"], None),
            (&["sh", "-c", "-c", "sleep 15"], None),
            (&["sh", "-c", "# wait for the rules\n  # and more\nsleep 15\n"], Some(15)),
            (&["sh", "-c", "sleep 15 # it's long; sleep 5"], Some(15)),
            (&["sh", "-c", "set -eu\nset -o pipefail\nsleep 15"], Some(15)),
            (&["sh", "-c", "exec sleep 15"], Some(15)),
            (&["sh", "-c", "sleep 5 || true"], Some(5)),
            (&["sh", "-c", "sleep 5 > /dev/null"], Some(5)),
            (&["sh", "-c", "sleep 5 >/dev/null 2>&1"], Some(5)),
            (&["sh", "-c", "sleep \"15\""], Some(15)),
            (&["sh", "-c", "sleep '15s';"], Some(15)),
            (&["sh", "-c", "sleep 5>/dev/null"], None),
            (&["sh", "-c", "sleep 5 >/run/log"], None),
            (&["sh", "-c", "sleep 5 &>/dev/null"], None),
            (&["sh", "-c", "sleep 1\"5\""], None),
            (&["sh", "-c", "sleep '$DELAY'"], None),
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
            ("sleep 5 || exit 1; sleep 4", Some(9)),
            ("set -e\nnginx -s reload || true\nsleep 15", Some(15)),
            ("set -e; sleep 5; nginx -s quit", Some(5)),
            ("set -e; set +e; rm /run/ready; sleep 5", Some(5)),
            ("set -e; rm /run/ready; sleep 5", None),
            ("set -o errexit; rm /run/ready; sleep 5", None),
            ("rm /run/ready || sleep 5", None),
            ("sleep 5 && nginx -s quit & true", None),
            ("# quit\nsleep 5 # so long\nnginx -s quit", Some(5)),
            ("echo draining >/proc/1/fd/1; sleep 5", Some(5)),
            ("exec nginx -s quit; sleep 5", None),
            ("while true; do sleep 5; done", None),
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
            ("sleep 2; exec sleep 5; sleep 7", 2),
            ("sleep 5 || { drain; }", 5),
            ("sleep 5; rm /run/ready || sleep 7", 5),
            ("sleep 5; echo \\# ; sleep 7", 5),
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
            ("# 15\nsleep '15' || exit 1", Some("15")),
            ("exec sleep 15 >/dev/null", Some("15")),
            ("sleep 1; sleep 2", None),
        ] {
            let found = sleeps_in_script(script).expect("it sleeps");
            assert_eq!(found.number.clone().map(|number| &script[number]), number, "{script}");
        }
        let of_options = |options: &[&str]| of(&[&["sh"], options, &["rm /run/ready; sleep 5"]].concat());
        assert!(of_options(&["-c"]).is_some() && of_options(&["-ec"]).is_none(), "it may end before");
        assert!(of_options(&["-e", "-c"]).is_none());
        let script = "echo 5; sleep 5; kill 5";
        assert_eq!(sleeps_in_script(script).and_then(|found| found.number), Some(14..15));
    }
}
