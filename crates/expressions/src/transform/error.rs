use std::fmt;

use sonagi_model::{Fault, FaultKind, limits};

/// Why an input path or an input transformer cannot be, or why an event cannot be transformed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TransformError {
    /// A path is none; `at` is in bytes from its beginning.
    Path {
        path: String,
        at: usize,
        wanted: &'static str,
    },
    PathSize {
        size: usize,
    },
    /// More variables than [`INPUT_PATHS`](limits::INPUT_PATHS).
    Variables {
        count: usize,
    },
    /// A variable's name in `InputPathsMap`.
    Name {
        name: String,
    },
    TemplateSize {
        size: usize,
    },
    /// The template names a variable that is not there.
    Placeholder {
        name: String,
        line: usize,
        column: usize,
    },
    /// A variable in an object's key.
    Key {
        line: usize,
        column: usize,
    },
    /// With its variables filled in, the template is not JSON.
    Template {
        wanted: &'static str,
        line: usize,
        column: usize,
    },
    /// Transformed, the event has more than [`TRANSFORMED_SIZE`](limits::TRANSFORMED_SIZE).
    TooLarge,
}

impl TransformError {
    /// The text with the target's id, as AWS has it.
    pub fn for_target(&self, target: &str) -> String {
        ForTarget { error: self, target: Some(target) }.to_string()
    }
}

struct ForTarget<'a> {
    error: &'a TransformError,
    target: Option<&'a str>,
}

impl fmt::Display for ForTarget<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let target = |f: &mut fmt::Formatter<'_>| match self.target {
            Some(target) => write!(f, " for target {target}"),
            None => Ok(()),
        };
        match self.error {
            TransformError::Path { path, at, wanted } => {
                write!(f, "Invalid JSON path {path:?}")?;
                target(f)?;
                write!(f, ": at character {} belongs {wanted}", path[..*at].chars().count() + 1)
            }
            TransformError::PathSize { size } => {
                write!(f, "A JSON path")?;
                target(f)?;
                write!(f, " has {size} characters, and {} are the most", limits::INPUT_PATH_SIZE)
            }
            TransformError::Variables { count } => {
                write!(f, "InputPathsMap")?;
                target(f)?;
                write!(f, " has {count} variables, and {} are the most", limits::INPUT_PATHS)
            }
            TransformError::Name { name } => {
                write!(f, "InputPathsMap")?;
                target(f)?;
                write!(
                    f,
                    " has the variable {name:?}: a name has letters, digits, _ and - and does not begin with AWS"
                )
            }
            TransformError::TemplateSize { size } => {
                write!(f, "InputTemplate")?;
                target(f)?;
                write!(f, " has {size} characters: it wants 1 to {}", limits::INPUT_TEMPLATE_SIZE)
            }
            TransformError::Placeholder { name, line, column } => {
                write!(f, "InputTemplate")?;
                target(f)?;
                write!(
                    f,
                    " contains invalid placeholder {name}. (line {line}, column {column}): add it to InputPathsMap"
                )
            }
            TransformError::Key { line, column } => {
                write!(f, "Invalid InputTemplate")?;
                target(f)?;
                write!(f, ": a placeholder cannot be used as an object key (line {line}, column {column})")
            }
            TransformError::Template { wanted, line, column } => {
                write!(f, "Invalid InputTemplate")?;
                target(f)?;
                write!(f, ": at line {line}, column {column} belongs {wanted}")
            }
            TransformError::TooLarge => {
                write!(f, "The transformed input")?;
                target(f)?;
                write!(f, " has more than {} bytes", limits::TRANSFORMED_SIZE)
            }
        }
    }
}

impl fmt::Display for TransformError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        ForTarget { error: self, target: None }.fmt(f)
    }
}

impl std::error::Error for TransformError {}

impl Fault for TransformError {
    fn kind(&self) -> FaultKind {
        match self {
            Self::TooLarge => FaultKind::TooLarge,
            Self::Path { .. }
            | Self::PathSize { .. }
            | Self::Variables { .. }
            | Self::Name { .. }
            | Self::TemplateSize { .. }
            | Self::Placeholder { .. }
            | Self::Key { .. }
            | Self::Template { .. } => FaultKind::Invalid,
        }
    }
}
