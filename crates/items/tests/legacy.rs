//! The parameters from before there were expressions.
#![expect(clippy::unwrap_used, reason = "a test ends where something is wrong")]

use std::collections::BTreeMap;

use proptest::prelude::*;
use sonagi_items::{
    Item, Kind, Value,
    expression::{Condition, KeyTest, Substitutes, Update, Which},
    legacy::{
        Action, AttributeUpdate,
        ComparisonOperator::{self, *},
        ConditionalOperator, Expectation, KeyConditions, LegacyError, Parameter, Test, check_families,
    },
};

fn text(text: &str) -> Value {
    Value::Text(text.into())
}

fn number(text: &str) -> Value {
    Value::Number(text.parse().unwrap())
}

fn binary(bytes: &[u8]) -> Value {
    Value::Binary(bytes.to_vec().into())
}

fn texts(texts: &[&str]) -> Value {
    Value::Texts(texts.iter().map(|text| (*text).to_owned()).collect())
}

fn numbers(numbers: &[&str]) -> Value {
    Value::Numbers(numbers.iter().map(|number| number.parse().unwrap()).collect())
}

fn binaries(binaries: &[&[u8]]) -> Value {
    Value::Binaries(binaries.iter().map(|bytes| bytes.to_vec().into()).collect())
}

fn map(members: impl IntoIterator<Item = (&'static str, Value)>) -> Item {
    members.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

/// Of each type.
fn some(kind: Kind) -> Value {
    match kind {
        Kind::S => text("a"),
        Kind::N => number("1"),
        Kind::B => binary(b"a"),
        Kind::Bool => Value::Bool(true),
        Kind::Null => Value::Null,
        Kind::L => Value::List(vec![number("1")]),
        Kind::M => Value::Map(map([("k", number("1"))])),
        Kind::Ss => texts(&["a"]),
        Kind::Ns => numbers(&["1"]),
        Kind::Bs => binaries(&[b"a"]),
    }
}

fn test(operator: ComparisonOperator, values: &[Value]) -> Test {
    Test { operator, values: values.to_vec() }
}

fn named<T>(test: T) -> [(String, T); 1] {
    [("a".to_owned(), test)]
}

fn filter(operator: ComparisonOperator, values: &[Value]) -> Result<Condition, String> {
    Condition::of_filter(named(test(operator, values)), None)
        .map(Option::unwrap)
        .map_err(|error| error.to_string())
}

fn invalid(message: &str) -> String {
    format!("One or more parameter values were invalid: {message}")
}

/// Of the values that an operator may have at most.
fn count(operator: ComparisonOperator) -> usize {
    match operator {
        Null | NotNull => 0,
        Between => 2,
        Eq | Ne | In | Le | Lt | Ge | Gt | Contains | NotContains | BeginsWith => 1,
    }
}

#[test]
fn an_operator_has_its_name_and_no_other() {
    for operator in ComparisonOperator::ALL {
        assert_eq!(ComparisonOperator::of(operator.as_str()), Some(operator));
        assert_eq!(ComparisonOperator::of(&operator.as_str().to_lowercase()), None);
    }
}

#[test]
fn an_operator_takes_its_count_of_values_and_no_other() {
    for operator in ComparisonOperator::ALL {
        for values in 0..5 {
            let is_right = values == count(operator) || operator == In && values > 0;
            let tried = filter(operator, &vec![text("a"); values]).map(drop);
            let message =
                invalid(&format!("Invalid number of argument(s) for the {operator} ComparisonOperator"));
            assert_eq!(tried, if is_right { Ok(()) } else { Err(message) }, "{operator} {values}");
        }
    }
}

#[test]
fn an_operator_takes_its_types_of_values_and_no_other() {
    for operator in ComparisonOperator::ALL {
        let kinds: &[Kind] = match operator {
            Eq | Ne => &Kind::ALL,
            Null | NotNull => continue,
            Le | Lt | Ge | Gt | In | Between => &[Kind::S, Kind::N, Kind::B],
            Contains | NotContains => &[Kind::S, Kind::N, Kind::B, Kind::Bool, Kind::Null],
            BeginsWith => &[Kind::S, Kind::B],
        };
        for kind in Kind::ALL {
            let values = vec![some(kind); count(operator)];
            let kind_name = kind.as_str();
            let message = invalid(&format!(
                "ComparisonOperator {operator} is not valid for {kind_name} AttributeValue type"
            ));
            let right = if kinds.contains(&kind) { Ok(()) } else { Err(message) };
            assert_eq!(filter(operator, &values).map(drop), right);
            // The same of what is expected.
            let expectation = Expectation {
                operator: Some(operator),
                values: Some(values.clone()),
                ..Expectation::default()
            };
            let tried = Condition::of_expected(named(expectation), None).map(drop);
            assert_eq!(tried.map_err(|error| error.to_string()), right);
            // And of keys.
            let tried = KeyConditions::new(named(test(operator, &values))).map(drop);
            assert_eq!(tried.map_err(|error| error.to_string()), right);
        }
    }
}

#[test]
fn a_test_is_refused_for_its_first_mistake() {
    let same = invalid("AttributeValues inside AttributeValueList must be of same type");
    let bounds =
        "The BETWEEN condition was provided a range where the lower bound is greater than the upper bound";
    for (operator, values, message) in [
        (In, vec![text("b"), number("1")], same.as_str()),
        (In, vec![texts(&["b"]), number("1")], &same),
        (Between, vec![number("1"), text("b")], &same),
        (Between, vec![text("b"), text("a")], bounds),
        (Between, vec![number("10"), number("9")], bounds),
        (Between, vec![binary(&[200]), binary(&[100])], bounds),
    ] {
        assert_eq!(filter(operator, &values).unwrap_err(), message);
    }
    assert!(filter(Between, &[number("9"), number("10")]).is_ok());
    // The first of several attributes is told.
    let tests =
        [("z", test(Eq, &[])), ("a", test(Null, &[text("a")]))].map(|(name, test)| (name.to_owned(), test));
    assert_eq!(Condition::of_filter(tests, None), Err(LegacyError::Count(Eq)));
}

/// What is asked of an attribute that has a value, or none.
fn holds(value: Option<&Value>, operator: ComparisonOperator, values: &[Value]) -> bool {
    let item = value.map_or_else(Item::new, |value| map([("a", value.clone())]));
    filter(operator, values).unwrap().holds(&item)
}

#[test]
fn operators_hold_as_the_developer_guide_says() {
    let list = Value::List(vec![number("2"), text("x"), Value::Bool(true)]);
    for (value, operator, values, is_so) in [
        (text("b"), Eq, vec![text("b")], true),
        (text("1"), Eq, vec![number("1")], false),
        (number("1.0"), Eq, vec![number("1")], true),
        (texts(&["x", "y"]), Eq, vec![texts(&["y", "x"])], true),
        (texts(&["x", "y"]), Eq, vec![texts(&["x"])], false),
        (texts(&["1"]), Eq, vec![numbers(&["1"])], false),
        (list.clone(), Eq, vec![list.clone()], true),
        (Value::Null, Eq, vec![Value::Null], true),
        (text("b"), Ne, vec![text("c")], true),
        (text("1"), Ne, vec![number("1")], true),
        (numbers(&["1", "2"]), Ne, vec![numbers(&["2", "1"])], false),
        (number("9"), Lt, vec![number("10")], true),
        (text("9"), Lt, vec![text("10")], false),
        (binary(&[1]), Lt, vec![binary(&[200])], true),
        (text("9"), Lt, vec![number("10")], false),
        (number("10"), Le, vec![number("10")], true),
        (number("10"), Ge, vec![number("10")], true),
        (number("10"), Gt, vec![number("10")], false),
        (numbers(&["1"]), Ge, vec![number("0")], false),
        (number("2"), Between, vec![number("1"), number("2")], true),
        (number("3"), Between, vec![number("1"), number("2")], false),
        (text("b"), Between, vec![number("1"), number("2")], false),
        (number("3"), In, vec![number("2"), number("3")], true),
        (number("4"), In, vec![number("2"), number("3")], false),
        // It does not look into sets.
        (numbers(&["2"]), In, vec![number("2")], false),
        (Value::Null, NotNull, vec![], true),
        (Value::Null, Null, vec![], false),
        (text("hello"), Contains, vec![text("ell")], true),
        (text("hello"), Contains, vec![number("1")], false),
        (binary(b"hi there"), Contains, vec![binary(b"here")], true),
        (texts(&["ell", "x"]), Contains, vec![text("ell")], true),
        // A part of an element is none.
        (texts(&["hello"]), Contains, vec![text("ell")], false),
        (numbers(&["2", "4"]), Contains, vec![number("4.0")], true),
        (binaries(&[b"x"]), Contains, vec![binary(b"x")], true),
        (list.clone(), Contains, vec![number("2")], true),
        (list.clone(), Contains, vec![Value::Bool(true)], true),
        (list.clone(), Contains, vec![text("2")], false),
        (number("1234"), Contains, vec![number("23")], false),
        (text("hello"), NotContains, vec![text("dog")], true),
        (text("hello"), NotContains, vec![text("ell")], false),
        (text("hello"), NotContains, vec![number("1")], true),
        (numbers(&["2"]), NotContains, vec![number("2")], false),
        (list, NotContains, vec![number("2")], false),
        (text("hello"), BeginsWith, vec![text("he")], true),
        (text("hello"), BeginsWith, vec![text("el")], false),
        (binary(b"hello"), BeginsWith, vec![binary(b"he")], true),
        (number("3"), BeginsWith, vec![text("3")], false),
        (texts(&["hello"]), BeginsWith, vec![text("he")], false),
    ] {
        assert_eq!(holds(Some(&value), operator, &values), is_so, "{value:?} {operator} {values:?}");
    }
}

#[test]
fn of_an_attribute_that_is_missing_only_ne_and_null_hold() {
    for operator in ComparisonOperator::ALL {
        let values = vec![text("a"); count(operator)];
        assert_eq!(holds(None, operator, &values), matches!(operator, Ne | Null), "{operator}");
    }
}

fn expectation(exists: Option<bool>, value: Option<Value>) -> Expectation {
    Expectation { exists, value, ..Expectation::default() }
}

#[test]
fn an_expectation_is_refused_for_its_first_mistake() {
    let (a, many) = (Some(text("a")), Some(vec![text("a")]));
    let plain = |exists, value: &Option<Value>, operator, values: &Option<Vec<Value>>| Expectation {
        exists,
        value: value.clone(),
        operator,
        values: values.clone(),
    };
    for (expectation, message) in [
        (plain(None, &None, None, &None), "Value must be provided when Exists is null for Attribute: a"),
        (
            plain(Some(true), &None, None, &None),
            "Value must be provided when Exists is true for Attribute: a",
        ),
        (plain(Some(false), &a, None, &None), "Value cannot be used when Exists is false for Attribute: a"),
        (
            plain(None, &None, None, &many),
            "AttributeValueList can only be used with a ComparisonOperator for Attribute: a",
        ),
        (
            plain(Some(true), &None, None, &Some(vec![])),
            "AttributeValueList can only be used with a ComparisonOperator for Attribute: a",
        ),
        (
            plain(None, &a, Some(Lt), &many),
            "Value and AttributeValueList cannot be used together for Attribute: a",
        ),
        (
            plain(Some(true), &None, Some(Lt), &None),
            "Exists and ComparisonOperator cannot be used together for Attribute: a",
        ),
        (
            plain(None, &None, Some(Lt), &None),
            "Value or AttributeValueList must be used with ComparisonOperator: LT for Attribute: a",
        ),
        (
            plain(None, &None, Some(In), &None),
            "Value or AttributeValueList must be used with ComparisonOperator: IN for Attribute: a",
        ),
        (
            plain(None, &None, Some(Eq), &Some(vec![])),
            "Invalid number of argument(s) for the EQ ComparisonOperator",
        ),
        (
            plain(None, &None, Some(Null), &many),
            "Invalid number of argument(s) for the NULL ComparisonOperator",
        ),
        (plain(None, &a, Some(Null), &None), "Invalid number of argument(s) for the NULL ComparisonOperator"),
        (
            plain(None, &a, Some(Between), &None),
            "Invalid number of argument(s) for the BETWEEN ComparisonOperator",
        ),
    ] {
        let error = Condition::of_expected(named(expectation), None).unwrap_err();
        assert_eq!(error.to_string(), invalid(message));
    }
}

#[test]
fn an_expectation_holds_as_the_developer_guide_says() {
    let item = map([("a", number("1"))]);
    let with = |operator, value| Expectation { operator: Some(operator), value, ..Expectation::default() };
    for (expectation, of_item, of_none) in [
        (expectation(None, Some(number("1"))), true, false),
        (expectation(Some(true), Some(number("1"))), true, false),
        (expectation(Some(true), Some(text("1"))), false, false),
        (expectation(Some(false), None), false, true),
        // A type that the other operators do not take.
        (expectation(None, Some(Value::Null)), false, false),
        (with(Ge, Some(number("0"))), true, false),
        (with(NotNull, None), true, false),
        (with(Null, None), false, true),
    ] {
        let condition = Condition::of_expected(named(expectation.clone()), None).unwrap().unwrap();
        assert_eq!(condition.holds(&item), of_item, "{expectation:?}");
        assert_eq!(condition.holds(&Item::new()), of_none, "{expectation:?}");
    }
}

#[test]
fn conditions_are_joined_as_conditional_operator_says() {
    let item = map([("a", number("1")), ("b", number("2"))]);
    let tests = |a: &str, b: &str| {
        [("a", a), ("b", b)].map(|(name, value)| (name.to_owned(), test(Eq, &[number(value)])))
    };
    let expected = |a: &str, b: &str| {
        tests(a, b).map(|(name, test)| (name, expectation(None, test.values.into_iter().next())))
    };
    for (a, b, and, or) in
        [("1", "2", true, true), ("1", "9", false, true), ("9", "2", false, true), ("9", "9", false, false)]
    {
        for (operator, is_so) in
            [(None, and), (Some(ConditionalOperator::And), and), (Some(ConditionalOperator::Or), or)]
        {
            let condition = Condition::of_filter(tests(a, b), operator).unwrap().unwrap();
            assert_eq!(condition.holds(&item), is_so, "{a} {b} {operator:?}");
            let condition = Condition::of_expected(expected(a, b), operator).unwrap().unwrap();
            assert_eq!(condition.holds(&item), is_so, "{a} {b} {operator:?}");
        }
    }
    assert_eq!(Condition::of_filter([], None), Ok(None));
    assert_eq!(Condition::of_expected([], None), Ok(None));
    let or = Some(ConditionalOperator::Or);
    let none = "ConditionalOperator cannot be used without Filter or Expected";
    let one = "ConditionalOperator can only be used when Filter or Expected has two or more elements";
    assert_eq!(Condition::of_filter([], or).unwrap_err().to_string(), none);
    assert_eq!(Condition::of_expected([], or).unwrap_err().to_string(), none);
    // It is told before what is wrong with the one.
    assert_eq!(Condition::of_filter(named(test(Eq, &[])), or).unwrap_err().to_string(), one);
    assert_eq!(Condition::of_expected(named(Expectation::default()), or).unwrap_err().to_string(), one);
}

#[test]
fn many_conditions_are_not_deep() {
    let many = 100_000;
    for operator in [ConditionalOperator::And, ConditionalOperator::Or] {
        let tests = (0..many).map(|index| (index.to_string(), test(Null, &[])));
        let condition = Condition::of_filter(tests, Some(operator)).unwrap().unwrap();
        assert!(condition.clone().holds(&Item::new()));
        let all: Item = (0..many).map(|index| (index.to_string(), Value::Null)).collect();
        assert!(!condition.holds(&all));
    }
}

#[test]
fn key_conditions_are_those_of_an_expression() {
    let (one, two) = (number("1"), number("2"));
    let of =
        |operator, values: &[Value]| KeyConditions::new(named(test(operator, values))).unwrap().condition();
    for (operator, values, key) in [
        (Eq, vec![one.clone()], KeyTest::Equal(one.clone())),
        (Lt, vec![one.clone()], KeyTest::Less(one.clone())),
        (Le, vec![one.clone()], KeyTest::AtMost(one.clone())),
        (Gt, vec![one.clone()], KeyTest::Greater(one.clone())),
        (Ge, vec![one.clone()], KeyTest::AtLeast(one.clone())),
        (Between, vec![one.clone(), two.clone()], KeyTest::Between(one.clone(), two)),
        (BeginsWith, vec![text("a")], KeyTest::BeginsWith(text("a"))),
    ] {
        assert_eq!(of(operator, &values).unwrap().tests(), &BTreeMap::from(named(key)));
    }
    for operator in [Ne, In, Contains, NotContains, Null, NotNull] {
        let error = of(operator, &vec![one.clone(); count(operator)]).unwrap_err();
        assert_eq!(error.to_string(), "Attempted conditional constraint is not an indexable operation");
    }
    let many = |count: usize| (0..count).map(|index| (index.to_string(), test(Null, &[])));
    for (count, is_right) in [(0, false), (1, true), (2, true), (3, false)] {
        let tried = KeyConditions::new(many(count)).map(|conditions| conditions.names().count());
        let message = "Conditions can be of length 1 or 2 only".to_owned();
        assert_eq!(tried.map_err(|error| error.to_string()), if is_right { Ok(count) } else { Err(message) });
    }
    // What is wrong with each is told before that there are too many.
    let wrong = many(3).chain(named(test(Eq, &[])));
    assert_eq!(KeyConditions::new(wrong), Err(LegacyError::Count(Eq)));
}

fn update(action: Option<Action>, value: Option<Value>) -> Result<Update, String> {
    let update = AttributeUpdate::new(action, value).map_err(|error| error.to_string())?;
    Ok(Update::of_attributes(named(update)))
}

#[test]
fn an_action_takes_its_types_of_values_and_no_other() {
    for kind in Kind::ALL {
        let name = kind.as_str();
        let of = |action| update(Some(action), Some(some(kind))).map(drop);
        assert_eq!(of(Action::Put), Ok(()));
        let is_set = matches!(kind, Kind::Ss | Kind::Ns | Kind::Bs);
        let message = invalid(&format!("ADD action is not supported for the type {name}"));
        let is_right = is_set || matches!(kind, Kind::N | Kind::L);
        assert_eq!(of(Action::Add), if is_right { Ok(()) } else { Err(message) });
        let message = invalid(&format!("DELETE action with value is not supported for the type {name}"));
        assert_eq!(of(Action::Delete), if is_set { Ok(()) } else { Err(message) });
    }
    let message = invalid("Only DELETE action is allowed when no attribute value is specified");
    for action in [None, Some(Action::Put), Some(Action::Add)] {
        assert_eq!(update(action, None).unwrap_err(), message);
    }
    assert!(update(Some(Action::Delete), None).is_ok());
}

#[test]
fn an_attribute_is_updated_as_the_developer_guide_says() {
    let (put, add, delete) = (Action::Put, Action::Add, Action::Delete);
    let list = |values: &[&str]| Value::List(values.iter().map(|value| number(value)).collect());
    for (before, action, value, after) in [
        (None, put, Some(text("x")), Some(text("x"))),
        (Some(number("1")), put, Some(text("x")), Some(text("x"))),
        (None, add, Some(number("2")), Some(number("2"))),
        (Some(number("7")), add, Some(number("-3.5")), Some(number("3.5"))),
        (None, add, Some(texts(&["x"])), Some(texts(&["x"]))),
        (Some(texts(&["x"])), add, Some(texts(&["y", "x"])), Some(texts(&["x", "y"]))),
        (Some(numbers(&["1"])), add, Some(numbers(&["2"])), Some(numbers(&["1", "2"]))),
        (Some(binaries(&[b"x"])), add, Some(binaries(&[b"y"])), Some(binaries(&[b"x", b"y"]))),
        (None, add, Some(list(&["1"])), Some(list(&["1"]))),
        (Some(list(&["1", "2"])), add, Some(list(&["2", "3"])), Some(list(&["1", "2", "2", "3"]))),
        (Some(text("x")), delete, None, None),
        (None, delete, None, None),
        (Some(texts(&["x", "y"])), delete, Some(texts(&["x", "z"])), Some(texts(&["y"]))),
        (Some(numbers(&["1", "2"])), delete, Some(numbers(&["1"])), Some(numbers(&["2"]))),
        (Some(binaries(&[b"x", b"y"])), delete, Some(binaries(&[b"x"])), Some(binaries(&[b"y"]))),
        // No set is empty.
        (Some(texts(&["x"])), delete, Some(texts(&["x"])), None),
        (None, delete, Some(texts(&["x"])), None),
    ] {
        let mut item = map([("other", text("stays"))]);
        item.extend(before.clone().map(|value| ("a".to_owned(), value)));
        let update = update(Some(action), value.clone()).unwrap();
        let mut wanted = map([("other", text("stays"))]);
        wanted.extend(after.map(|value| ("a".to_owned(), value)));
        assert_eq!(update.of(&item), Ok(wanted), "{before:?} {action:?} {value:?}");
        assert!(update.paths().map(|path| path.name.as_str()).eq(["a"]));
    }
    // Without an action it is put; a name is not a path.
    let of_name = |name: &str| {
        let value = AttributeUpdate::new(None, Some(text("x"))).unwrap();
        Update::of_attributes([(name.to_owned(), value)]).of(&Item::new()).unwrap()
    };
    assert_eq!(of_name("b.c[0]"), Item::from([("b.c[0]".to_owned(), text("x"))]));
    assert_eq!(of_name("status"), map([("status", text("x"))]));
}

#[test]
fn an_update_of_another_type_than_the_attribute_is_refused() {
    let kinds = [Kind::N, Kind::L, Kind::Ss, Kind::Ns, Kind::Bs];
    for before in Kind::ALL {
        let item = map([("a", some(before))]);
        for kind in kinds {
            for action in [Action::Add, Action::Delete] {
                let Ok(update) = update(Some(action), Some(some(kind))) else { continue };
                let tried = update.of(&item).map(drop).map_err(|error| error.to_string());
                let mismatch = Err("Type mismatch for attribute to update".to_owned());
                assert_eq!(tried, if before == kind { Ok(()) } else { mismatch });
            }
        }
    }
    let most = number(&"9".repeat(38));
    let update = update(Some(Action::Add), Some(number("0.1"))).unwrap();
    let error = update.of(&map([("a", most)])).unwrap_err();
    assert_eq!(error.to_string(), "Attempting to store more than 38 significant digits in a Number");
}

#[test]
fn the_two_families_are_not_mixed() {
    use Parameter::*;
    let refused =
        |used: &[Parameter]| check_families(used.iter().copied()).map_err(|error| error.to_string());
    for (used, legacy, expressions) in [
        (&[UpdateExpression, AttributeUpdates][..], "AttributeUpdates", "UpdateExpression"),
        (
            &[ConditionExpression, UpdateExpression, ConditionalOperator, Expected, AttributeUpdates],
            "AttributeUpdates, Expected, ConditionalOperator",
            "UpdateExpression, ConditionExpression",
        ),
        (
            &[
                KeyConditions,
                ConditionalOperator,
                QueryFilter,
                AttributesToGet,
                KeyConditionExpression,
                FilterExpression,
                ProjectionExpression,
            ],
            "AttributesToGet, QueryFilter, ConditionalOperator, KeyConditions",
            "ProjectionExpression, FilterExpression, KeyConditionExpression",
        ),
        (
            &[KeyConditions, QueryFilter, FilterExpression, ProjectionExpression],
            "QueryFilter",
            "ProjectionExpression, FilterExpression",
        ),
        (
            &[ScanFilter, AttributesToGet, ConditionalOperator, FilterExpression, ProjectionExpression],
            "AttributesToGet, ScanFilter, ConditionalOperator",
            "ProjectionExpression, FilterExpression",
        ),
        (&[Expected, ConditionExpression], "Expected", "ConditionExpression"),
    ] {
        let message = format!(
            "Can not use both expression and non-expression parameters in the same request: Non-expression parameters: \
             {{{legacy}}} Expression parameters: {{{expressions}}}"
        );
        assert_eq!(refused(used), Err(message));
    }
    for used in [
        &[][..],
        &[KeyConditions, FilterExpression, ProjectionExpression],
        &[KeyConditions, QueryFilter, ConditionalOperator, AttributesToGet],
        &[KeyConditionExpression, FilterExpression],
    ] {
        assert_eq!(refused(used), Ok(()));
    }
}

/// Few enough that they often meet.
fn values() -> impl Strategy<Value = Value> {
    let words = || prop::sample::select(vec!["", "a", "ab", "b", "1", "2"]);
    let digits = || prop::sample::select(vec!["0", "1", "2", "1.0", "-1"]);
    let scalar = prop_oneof![
        words().prop_map(text),
        digits().prop_map(number),
        words().prop_map(|word| binary(word.as_bytes())),
        any::<bool>().prop_map(Value::Bool),
        Just(Value::Null),
    ];
    prop_oneof![
        4 => scalar.clone(),
        1 => prop::collection::vec(words(), 1..3).prop_map(|all| texts(&all)),
        1 => prop::collection::vec(digits(), 1..3).prop_map(|all| numbers(&all)),
        1 => words().prop_map(|word| binaries(&[word.as_bytes()])),
        1 => prop::collection::vec(scalar, 0..3).prop_map(Value::List),
        1 => words().prop_map(|word| Value::Map(map([("k", text(word))]))),
    ]
}

/// That are right.
fn tests() -> impl Strategy<Value = Test> {
    prop::sample::select(ComparisonOperator::ALL.to_vec()).prop_flat_map(|operator| {
        let counts = count(operator)..=if operator == In { 3 } else { count(operator) };
        prop::collection::vec(values(), counts).prop_filter_map("refused", move |values| {
            filter(operator, &values).is_ok().then(|| test(operator, &values))
        })
    })
}

/// What an expression says for an operator.
fn expression(operator: ComparisonOperator, name: &str, values: &[String]) -> String {
    let all = values.join(", ");
    match operator {
        Eq => format!("{name} = {all}"),
        Ne => format!("{name} <> {all}"),
        Le => format!("{name} <= {all}"),
        Lt => format!("{name} < {all}"),
        Ge => format!("{name} >= {all}"),
        Gt => format!("{name} > {all}"),
        In => format!("{name} IN ({all})"),
        Between => format!("{name} BETWEEN {}", values.join(" AND ")),
        NotNull => format!("attribute_exists({name})"),
        Null => format!("attribute_not_exists({name})"),
        Contains => format!("contains({name}, {all})"),
        NotContains => format!("attribute_exists({name}) AND NOT contains({name}, {all})"),
        BeginsWith => format!("begins_with({name}, {all})"),
    }
}

proptest! {
    #[test]
    fn a_filter_is_what_its_expression_is(
        tests in prop::collection::vec(tests(), 2..5),
        items in prop::collection::vec(prop::collection::vec(prop::option::of(values()), 5), 1..8),
        is_or: bool,
    ) {
        let names = ["a", "b", "c", "d", "e"];
        let legacy = names.into_iter().map(str::to_owned).zip(tests.clone());
        let operator = if is_or { ConditionalOperator::Or } else { ConditionalOperator::And };
        let condition = Condition::of_filter(legacy.clone(), Some(operator)).unwrap().unwrap();
        let mut substitutes = BTreeMap::new();
        let parts: Vec<_> = tests.iter().zip(names).map(|(Test { operator, values }, name)| {
            let placeholders: Vec<_> = (0..values.len()).map(|index| format!(":{name}{index}")).collect();
            substitutes.extend(placeholders.iter().cloned().zip(values.iter().cloned()));
            let part = expression(*operator, name, &placeholders);
            if part.contains(" AND ") && *operator != Between { format!("({part})") } else { part }
        }).collect();
        let written = parts.join(if is_or { " OR " } else { " AND " });
        let substitutes = Substitutes::new(BTreeMap::new(), substitutes);
        let other = Condition::parse(&written, Which::Filter, &substitutes).unwrap();
        let expected = legacy.map(|(name, Test { operator, values })| {
            (name, Expectation { operator: Some(operator), values: Some(values), ..Expectation::default() })
        });
        let third = Condition::of_expected(expected, Some(operator)).unwrap().unwrap();
        for values in items {
            let item: Item =
                names.iter().zip(values).filter_map(|(name, value)| Some(((*name).to_owned(), value?))).collect();
            prop_assert_eq!(condition.holds(&item), other.holds(&item), "{} of {:?}", written, item);
            prop_assert_eq!(condition.holds(&item), third.holds(&item));
        }
    }

    #[test]
    fn an_update_is_what_its_expression_is(
        action in prop::sample::select(vec![Action::Put, Action::Add, Action::Delete]),
        value in prop::option::of(values()),
        before in prop::option::of(values()),
    ) {
        let Ok(update) = update(Some(action), value.clone()) else { return Ok(()) };
        let is_list = matches!(value, Some(Value::List(_)));
        let written = match (action, &value) {
            (Action::Put, _) => "SET a = :v",
            (Action::Add, _) if is_list && before.is_some() => "SET a = list_append(a, :v)",
            (Action::Add, _) if is_list => "SET a = :v",
            (Action::Add, _) => "ADD a :v",
            (Action::Delete, Some(_)) => "DELETE a :v",
            (Action::Delete, None) => "REMOVE a",
        };
        let values = value.into_iter().map(|value| (":v".to_owned(), value)).collect();
        let other = Update::parse(written, &Substitutes::new(BTreeMap::new(), values)).unwrap();
        let item: Item = before.into_iter().map(|value| ("a".to_owned(), value)).collect();
        prop_assert_eq!(update.of(&item).ok(), other.of(&item).ok(), "{} of {:?}", written, item);
    }
}
