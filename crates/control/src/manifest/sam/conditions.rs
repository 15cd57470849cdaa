//! `Conditions` ("Condition functions" in the CloudFormation user guide).

use sonagi_model::limits;

use super::{
    super::{
        problem::did_you_mean,
        tree::{Node, Span},
    },
    template::{State, Template},
};

impl Template<'_> {
    /// Whether the condition of this name holds; `None` if that cannot be told, which is reported.
    pub(super) fn condition(&self, name: &str, span: &Span) -> Option<bool> {
        match self.memory.conditions.borrow().get(name) {
            Some(State::Known(value)) => return Some(*value),
            Some(State::Broken) => return None,
            Some(State::Running) => {
                self.report.problem(span, format!("the condition `{name}` refers to itself, in a circle"));
                return None;
            }
            None => {}
        }
        let Some((_, body)) = self.conditions.get(name) else {
            let message = format!("there is no condition `{name}`");
            match did_you_mean(name, self.conditions.keys().copied()) {
                Some(word) => {
                    self.report.problem_with_help(span, message, format!("did you mean `{word}`?"));
                }
                None => self.report.problem(span, message),
            }
            return None;
        };
        if !self.deeper(span) {
            return None;
        }
        self.memory.conditions.borrow_mut().insert(name.to_owned(), State::Running);
        let value = self.outside(|| self.holds(body));
        self.memory.depth.set(self.memory.depth.get() - 1);
        let state = value.map_or(State::Broken, State::Known);
        self.memory.conditions.borrow_mut().insert(name.to_owned(), state);
        value
    }

    /// One more that waits for another: bounded, since the machine's stack is.
    pub(super) fn deeper(&self, span: &Span) -> bool {
        let depth = self.memory.depth.get();
        if depth >= limits::MANIFEST_DEPTH {
            let limit = limits::MANIFEST_DEPTH;
            self.report.problem(span, format!("more than {limit} conditions and names depend on each other"));
            return false;
        }
        self.memory.depth.set(depth + 1);
        true
    }

    fn holds(&self, body: &Node) -> Option<bool> {
        let wants = "a condition is one of `Fn::Equals`, `Fn::And`, `Fn::Or`, `Fn::Not` and `Condition`";
        let Some([(function, argument)]) = body.map() else {
            self.wrong(body, wants);
            return None;
        };
        match function.text.as_str() {
            "Condition" => match argument.scalar() {
                Some(name) => self.condition(name, &argument.span),
                None => {
                    self.wrong(argument, "`Condition` wants a condition's name");
                    None
                }
            },
            "Fn::Equals" => {
                let Some([one, other]) = argument.list() else {
                    self.wrong(argument, "`Fn::Equals` wants a list of two values");
                    return None;
                };
                let one = self.text(one, "`Fn::Equals` compares texts");
                let other = self.text(other, "`Fn::Equals` compares texts");
                Some(one.ok()? == other.ok()?)
            }
            "Fn::Not" => {
                let Some([inner]) = argument.list() else {
                    self.wrong(argument, "`Fn::Not` wants a list of one condition");
                    return None;
                };
                self.holds(inner).map(|value| !value)
            }
            "Fn::And" | "Fn::Or" => {
                let Some(parts) = argument.list().filter(|parts| (2..=10).contains(&parts.len())) else {
                    self.wrong(argument, &format!("`{}` wants a list of 2 to 10 conditions", function.text));
                    return None;
                };
                // All are looked at, so that all that is wrong is said.
                let values: Vec<_> = parts.iter().map(|part| self.holds(part)).collect();
                let values = values.into_iter().collect::<Option<Vec<_>>>()?;
                Some(match function.text.as_str() {
                    "Fn::And" => values.into_iter().all(|value| value),
                    _ => values.into_iter().any(|value| value),
                })
            }
            _ => {
                self.report.problem(&function.span, wants);
                None
            }
        }
    }
}
