//! Paths within a package: what an entry may be called, and where a link may lead.

use std::collections::{BTreeMap, VecDeque};

use sonagi_model::limits;

use crate::{Error, Result};

/// Longest name of one file on Linux, in bytes.
const NAME_SIZE: usize = 255;

/// Parts of a path that are walked to see where a link leads: a package of many long links must not take minutes.
const STEPS: usize = 1_024;

/// An entry's path relative to the package's folder, with `/` between its parts and neither `.` nor `..` among
/// them. Empty for the folder itself.
pub(super) fn normal(name: &str) -> Result<String> {
    let refused =
        |why: &str| Err(Error::BadPackage(format!("The package has an entry {}, {why}.", shortened(name))));
    if name.len() > limits::PACKAGE_PATH_SIZE {
        return refused("whose path is longer than 1,024 bytes");
    }
    if name.contains('\0') {
        return refused("whose name has a zero byte");
    }
    if name.contains('\\') {
        return refused("which has a backslash: write paths with '/'");
    }
    if name.starts_with('/') {
        return refused("which is an absolute path: paths must be relative to the package's root");
    }
    let mut parts = Vec::new();
    for part in name.split('/') {
        match part {
            "" | "." => {}
            ".." => return refused("which leads out of its folder with '..'"),
            part if part.len() > NAME_SIZE => return refused("which has a name longer than 255 bytes"),
            part => parts.push(part),
        }
    }
    Ok(parts.join("/"))
}

/// Refuses a link that leads out of the package, be it over other links.
pub(super) fn check_link(links: &BTreeMap<String, String>, link: &str) -> Result<()> {
    let refused = |why: &str| {
        Err(Error::BadPackage(format!("The package has a symbolic link {}, {why}.", shortened(link))))
    };
    let mut at: Vec<String> = Vec::new();
    let mut ahead: VecDeque<String> = link.split('/').map(str::to_owned).collect();
    let (mut followed, mut steps) = (0, 0);
    while let Some(part) = ahead.pop_front() {
        steps += 1;
        if steps > STEPS {
            return refused("which leads over too many folders");
        }
        match part.as_str() {
            "" | "." => continue,
            ".." => {
                if at.pop().is_none() {
                    return refused("which leads out of the package");
                }
                continue;
            }
            _ => at.push(part),
        }
        let Some(target) = links.get(&at.join("/")) else { continue };
        followed += 1;
        if followed > limits::PACKAGE_LINKS_FOLLOWED {
            return refused("which leads in a circle");
        }
        if target.starts_with('/') {
            return refused("which leads out of the package to an absolute path");
        }
        at.pop();
        for part in target.split('/').rev() {
            ahead.push_front(part.to_owned());
        }
    }
    Ok(())
}

/// For a message: quoted, and cut if it is long.
fn shortened(name: &str) -> String {
    const SHOWN: usize = 100;
    if name.chars().count() <= SHOWN {
        return format!("{name:?}");
    }
    format!("{:?}…", name.chars().take(SHOWN).collect::<String>())
}

#[cfg(test)]
mod tests {
    use std::path::{Component, Path};

    use proptest::prelude::*;

    use super::*;

    fn links(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
        pairs.iter().map(|&(link, target)| (link.to_owned(), target.to_owned())).collect()
    }

    #[test]
    fn an_entry_may_not_leave_its_folder() {
        for wrong in ["/etc/passwd", "../x", "a/../../x", "a/..", "..", "a\\..\\b", "a\0b", &"a/".repeat(600)]
        {
            assert!(normal(wrong).is_err(), "{wrong:?}");
        }
        assert_eq!(normal("./a//b/./c").unwrap(), "a/b/c");
        assert_eq!(normal("...").unwrap(), "...");
        assert_eq!(normal("./").unwrap(), "");
    }

    #[test]
    fn a_link_may_lead_inside_but_not_outside() {
        let inside = links(&[("lib/a", "../b"), ("node_modules/.bin/x", "../x/cli.js"), ("self", ".")]);
        assert!(inside.keys().all(|link| check_link(&inside, link).is_ok()));
        for (link, target) in [("a", ".."), ("a", "/etc"), ("d/a", "../../x"), ("a", "b/../../c"), ("a", "a")]
        {
            assert!(check_link(&links(&[(link, target)]), link).is_err(), "{link} -> {target}");
        }
    }

    #[test]
    fn a_link_may_not_leave_over_another_link() {
        // d/up is the root, so d/up/.. is outside, although d/up/../x looks like d/x.
        let sly = links(&[("d/up", ".."), ("out", "d/up/../x")]);
        assert!(check_link(&sly, "d/up").is_ok());
        assert!(check_link(&sly, "out").is_err());
    }

    proptest! {
        #[test]
        fn an_accepted_path_stays_inside(name in "[a-c./\\\\]{0,12}") {
            if let Ok(path) = normal(&name) {
                prop_assert!(Path::new(&path).components().all(|part| matches!(part, Component::Normal(_))));
                prop_assert_eq!(normal(&path).unwrap(), path);
            }
        }

        /// The kernel is the judge: what is accepted resolves inside on a real file system.
        #[test]
        fn an_accepted_link_stays_inside(targets in proptest::collection::vec("(\\.\\./|[abd]/|\\./){0,4}[abd.]", 3)) {
            let names = ["a", "b", "d/a"];
            let map: BTreeMap<String, String> =
                names.iter().zip(&targets).map(|(n, t)| ((*n).to_owned(), t.clone())).collect();
            if names.iter().all(|name| check_link(&map, name).is_ok()) {
                let folder = tempfile::tempdir().unwrap();
                let root = folder.path().canonicalize().unwrap().join("root");
                std::fs::create_dir_all(root.join("d")).unwrap();
                for (link, target) in &map {
                    std::os::unix::fs::symlink(target, root.join(link)).unwrap();
                }
                for name in names {
                    if let Ok(real) = root.join(name).canonicalize() {
                        prop_assert!(real.starts_with(&root), "{name} -> {real:?} {map:?}");
                    }
                }
            }
        }
    }
}
