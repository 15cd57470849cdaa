//! Processes below a process, as `/proc` shows them: what takes the place of a control group where there is none.

use std::{collections::HashMap, fs};

/// Every process below `root`, at this moment, that has not ended. `root` itself is not among them.
pub(crate) fn descendants(root: i32) -> Vec<i32> {
    let mut children: HashMap<i32, Vec<i32>> = HashMap::new();
    let mut ended = Vec::new();
    for entry in fs::read_dir("/proc").into_iter().flatten().flatten() {
        let Some(pid) = entry.file_name().to_str().and_then(|name| name.parse::<i32>().ok()) else {
            continue;
        };
        let Some((parent, state)) =
            fs::read_to_string(format!("/proc/{pid}/stat")).ok().and_then(|stat| parse(&stat))
        else {
            continue;
        };
        if state == 'Z' {
            ended.push(pid);
        }
        children.entry(parent).or_default().push(pid);
    }
    let mut found = Vec::new();
    let mut left = vec![root];
    while let Some(pid) = left.pop() {
        for &child in children.get(&pid).into_iter().flatten() {
            left.push(child);
            if !ended.contains(&child) {
                found.push(child);
            }
        }
    }
    found
}

/// The parent and the state. A process chooses its name, so the fields are counted from the name's last parenthesis.
fn parse(stat: &str) -> Option<(i32, char)> {
    let mut fields = stat[stat.rfind(')')? + 1..].split_ascii_whitespace();
    let state = fields.next()?.chars().next()?;
    Some((fields.next()?.parse().ok()?, state))
}

/// Bytes of memory that `root` and all below it hold now.
pub(super) fn memory(root: i32) -> u64 {
    descendants(root).into_iter().chain([root]).filter_map(|pid| status(pid, "VmRSS:")).sum::<u64>() << 10
}

/// A number of `/proc/<pid>/status`.
pub(super) fn status(pid: i32, name: &str) -> Option<u64> {
    let text = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix(name))?;
    line.split_ascii_whitespace().next()?.parse().ok()
}

/// Processes and threads of the user that this process runs as.
pub(super) fn threads_of_this_user() -> u64 {
    let user = rustix::process::getuid().as_raw();
    fs::read_dir("/proc")
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
        .filter(|&pid| status(pid, "Uid:") == Some(u64::from(user)))
        .filter_map(|pid| status(pid, "Threads:"))
        .sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_cannot_hide_behind_its_name() {
        assert_eq!(parse("12 (a) Z 1 (b) S 7 8 9"), Some((7, 'S')));
        assert_eq!(parse("12 (a"), None);
    }

    #[test]
    fn children_are_found() {
        let mut child =
            std::process::Command::new("cat").stdin(std::process::Stdio::piped()).spawn().unwrap();
        assert!(descendants(std::process::id() as i32).contains(&(child.id() as i32)));
        child.kill().unwrap();
        child.wait().unwrap();
    }
}
