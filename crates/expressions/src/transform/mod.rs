//! What a rule's target gets instead of the event: a part of it, or a template filled with parts of it.
//!
//! ```text
//!   InputPath ──► InputPath::select(document)
//!   InputPathsMap, InputTemplate ──► Transformer::parse ──► Transformer::render(document, occasion) ──► text
//! ```
//!
//! After EventBridge User Guide, "Amazon EventBridge input transformation", and EventBridge API, `InputTransformer`. Start
//! reading at [`Transformer`]. Always true here: a template that was parsed makes JSON of every event, whatever is in
//! the event, or lines of JSON strings if it is such lines; no number of an event is rounded on its way; each variable is looked
//! up once, however often it stands in the template.

mod document;
mod error;
mod path;
mod render;
mod template;

pub use document::Document;
pub use error::TransformError;
pub use path::InputPath;
pub use render::Occasion;
pub use template::Transformer;
