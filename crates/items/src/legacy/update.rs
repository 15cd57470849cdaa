use super::LegacyError;
use crate::{
    Kind, Value,
    expression::{self, Family, Path, Update},
};

/// What is done to an attribute (API Reference, `AttributeValueUpdate`; Developer Guide, "AttributeUpdates").
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AttributeUpdate(expression::Action);

/// How (API Reference, `AttributeValueUpdate`, "Action").
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Action {
    #[default]
    Put,
    /// To a number, to a set, or behind the end of a list; the guide does not tell of lists.
    Add,
    /// The attribute, or elements of a set.
    Delete,
}

impl Update {
    /// `AttributeUpdates`, by the attributes' names. A value that is of another type than the attribute is seen once the item
    /// is: [`UpdateError::Mismatch`](crate::expression::UpdateError::Mismatch).
    pub fn of_attributes(updates: impl IntoIterator<Item = (String, AttributeUpdate)>) -> Self {
        let actions = updates.into_iter().map(|(name, update)| (Path { name, steps: Vec::new() }, update.0));
        Self { actions: actions.collect(), family: Family::AttributeUpdates }
    }
}

impl AttributeUpdate {
    /// Without an action it is [`Action::Put`].
    pub fn new(action: Option<Action>, value: Option<Value>) -> Result<Self, LegacyError> {
        let action = match (action.unwrap_or_default(), value) {
            (Action::Delete, None) => expression::Action::Remove,
            (Action::Put | Action::Add, None) => return Err(LegacyError::NothingToPut),
            (Action::Put, Some(value)) => expression::Action::put(value),
            (Action::Add, Some(value)) => match value.kind() {
                Kind::N | Kind::L | Kind::Ss | Kind::Ns | Kind::Bs => expression::Action::Add(value),
                kind @ (Kind::S | Kind::B | Kind::Bool | Kind::Null | Kind::M) => {
                    return Err(LegacyError::AddKind(kind));
                }
            },
            (Action::Delete, Some(value)) => match value.kind() {
                Kind::Ss | Kind::Ns | Kind::Bs => expression::Action::Delete(value),
                kind @ (Kind::S | Kind::N | Kind::B | Kind::Bool | Kind::Null | Kind::L | Kind::M) => {
                    return Err(LegacyError::DeleteKind(kind));
                }
            },
        };
        Ok(Self(action))
    }
}
