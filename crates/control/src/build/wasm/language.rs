//! Which language a folder holds, told by its files.

use std::{collections::BTreeSet, fmt, path::Path};

use sonagi_model::FunctionName;

use crate::build::{Error, Result};

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Language {
    Ready,
    JavaScript,
    Python,
    Rust,
    Go,
    C,
    Makefile,
}

impl fmt::Display for Language {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Ready => "finished",
            Self::JavaScript => "JavaScript",
            Self::Python => "Python",
            Self::Rust => "Rust",
            Self::Go => "Go",
            Self::C => "C",
            Self::Makefile => "make",
        })
    }
}

impl Language {
    /// The word that `build` has for it in `sonagi.toml`.
    const fn word(self) -> &'static str {
        match self {
            Self::Ready => "none",
            Self::JavaScript => "js",
            Self::Python => "python",
            Self::Rust => "rust",
            Self::Go => "go",
            Self::C => "c",
            Self::Makefile => "makefile",
        }
    }

    /// The language of a source folder. A component that lies beside source code is taken for what an earlier build
    /// left there.
    ///
    /// # Errors
    /// Nothing that can be built, or more than one language.
    pub(super) fn of(function: &FunctionName, path: &Path) -> Result<Self> {
        if path.is_file() {
            return Ok(Self::Ready);
        }
        let io = |cause| Error::Io {
            function: function.clone(),
            verb: "read the folder",
            path: path.into(),
            cause,
        };
        let mut found = BTreeSet::new();
        for entry in std::fs::read_dir(path).map_err(io)? {
            let entry = entry.map_err(io)?;
            if entry.path().is_file()
                && let Some(name) = entry.file_name().to_str()
                && let Some(language) = Self::of_file(name, &entry.path(), function)
            {
                found.insert(language);
            }
        }
        // A Makefile with the target is there to be used, and what a package manager's file says is what the folder is:
        // Rust and Go projects hold C, and Python ones JavaScript.
        let leading = [Self::Makefile, Self::Rust, Self::Go];
        if let Some(language) = leading.into_iter().find(|it| found.contains(it)) {
            return Ok(language);
        }
        if found.len() > 1 {
            found.remove(&Self::Ready);
        }
        let mut found = found.into_iter();
        let message = match (found.next(), found.next()) {
            (Some(language), None) => return Ok(language),
            (Some(one), Some(other)) => format!(
                "{} holds {one} and {other}: say in the manifest which one is built, with `build = {:?}` or `build = {:?}`",
                path.display(),
                one.word(),
                other.word()
            ),
            (None, _) => format!(
                "there is nothing to build a WebAssembly component of in {}: it holds no Cargo.toml, go.mod, package.json, \
                 *.js, *.py, *.c, no Makefile with the target `build-{function}`, and no *.wasm or *.wat",
                path.display()
            ),
        };
        Err(Error::Source { function: function.clone(), message })
    }

    fn of_file(name: &str, path: &Path, function: &FunctionName) -> Option<Self> {
        match name {
            "Cargo.toml" => return Some(Self::Rust),
            "go.mod" => return Some(Self::Go),
            "package.json" => return Some(Self::JavaScript),
            "Makefile" => return has_target(path, function).then_some(Self::Makefile),
            _ => {}
        }
        match Path::new(name).extension()?.to_str()? {
            "wasm" | "wat" => Some(Self::Ready),
            "js" | "mjs" | "ts" => Some(Self::JavaScript),
            "py" => Some(Self::Python),
            "c" => Some(Self::C),
            _ => None,
        }
    }
}

fn has_target(makefile: &Path, function: &FunctionName) -> bool {
    let target = format!("build-{function}:");
    std::fs::read_to_string(makefile)
        .is_ok_and(|text| text.lines().any(|line| line.replace(' ', "").starts_with(&target)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(files: &[(&str, &str)]) -> Result<Language> {
        let folder = tempfile::tempdir().expect("a folder");
        for (name, text) in files {
            std::fs::write(folder.path().join(name), text).expect("write");
        }
        Language::of(&FunctionName::new("hello").expect("a name"), folder.path())
    }

    #[test]
    fn the_files_of_a_folder_tell_its_language() {
        let cases: [(&[(&str, &str)], Language); 9] = [
            (&[("package.json", "{}"), ("app.js", "")], Language::JavaScript),
            (&[("index.mjs", "")], Language::JavaScript),
            (&[("app.py", ""), ("requirements.txt", "")], Language::Python),
            (&[("Cargo.toml", ""), ("helper.c", "")], Language::Rust),
            (&[("go.mod", ""), ("main.go", ""), ("bits.c", "")], Language::Go),
            (&[("app.c", ""), ("function.wasm", "")], Language::C),
            (&[("function.wasm", "")], Language::Ready),
            (&[("function.wat", "")], Language::Ready),
            (&[("Makefile", "build-hello :\n\ttrue\n"), ("app.py", "")], Language::Makefile),
        ];
        for (files, language) in cases {
            assert_eq!(of(files).expect("a language"), language, "{files:?}");
        }
    }

    #[test]
    fn a_folder_of_nothing_or_of_two_languages_says_what_is_missing() {
        let nothing =
            of(&[("README.md", ""), ("Makefile", "build-other:\n")]).expect_err("nothing").to_string();
        assert!(nothing.contains("there is nothing to build a WebAssembly component of"), "{nothing}");
        assert!(nothing.contains("`build-hello`"), "{nothing}");
        let two = of(&[("app.py", ""), ("app.c", "")]).expect_err("two").to_string();
        assert!(two.contains("holds Python and C"), "{two}");
        assert!(two.contains("`build = \"python\"` or `build = \"c\"`"), "{two}");
    }
}
