//! Conditions, filters and projections.
#![expect(clippy::unwrap_used, reason = "a test ends where something is wrong")]

use std::collections::BTreeMap;

use proptest::prelude::*;
use sonagi_items::{
    Item, Value,
    expression::{Condition, KeyCondition, KeyTest, Projection, Substitutes, Update, Which},
};
use sonagi_model::limits;

fn text(text: &str) -> Value {
    Value::Text(text.into())
}

fn number(text: &str) -> Value {
    Value::Number(text.parse().unwrap())
}

fn map(members: impl IntoIterator<Item = (&'static str, Value)>) -> Item {
    members.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

/// One of each type.
fn item() -> Item {
    map([
        ("s", text("hello")),
        ("n", number("5")),
        ("b", Value::Binary(vec![0, 1, 2].into())),
        ("t", Value::Bool(true)),
        ("nil", Value::Null),
        ("l", Value::List(vec![text("a"), number("5"), Value::Map(map([("deep", text("x"))]))])),
        ("m", Value::Map(map([("k", number("1.50")), ("status", text("on"))]))),
        ("ss", Value::Texts(["a".into(), "b".into()].into())),
        ("ns", Value::Numbers(["1".parse().unwrap(), "2.0".parse().unwrap()].into())),
        ("bs", Value::Binaries([vec![1].into()].into())),
    ])
}

fn substitutes() -> Substitutes {
    let names = [("#status", "status"), ("#l", "l")].map(|(key, name)| (key.to_owned(), name.to_owned()));
    let values = [
        (":hello", text("hello")),
        (":he", text("he")),
        (":a", text("a")),
        (":z", text("z")),
        (":S", text("S")),
        (":five", number("5.0")),
        (":one", number("1")),
        (":nine", number("9")),
        (":true", Value::Bool(true)),
        (":bytes", Value::Binary(vec![1, 2].into())),
        (":ss", Value::Texts(["b".into(), "a".into()].into())),
        (":null", Value::Null),
    ];
    Substitutes::new(names.into(), values.map(|(key, value)| (key.to_owned(), value)).into())
}

fn holds(expression: &str) -> bool {
    Condition::parse(expression, Which::Condition, &substitutes()).unwrap().holds(&item())
}

fn refused(expression: &str) -> String {
    Condition::parse(expression, Which::Condition, &substitutes()).unwrap_err().to_string()
}

#[test]
fn conditions_hold_as_the_developer_guide_says() {
    for expression in [
        "s = :hello",
        "n = :five",
        "n <> :one",
        "gone <> :one",
        "n > :one AND n <= :five",
        "s BETWEEN :a AND :z",
        "n IN (:one, :five)",
        "attribute_exists(m.k) and attribute_not_exists(m.nothing)",
        "attribute_type(s, :S)",
        "begins_with(s, :he)",
        "contains(s, :he) AND contains(ss, :a) AND contains(ns, :one) AND contains(l, :five)",
        "contains(b, :bytes)",
        "size(s) = :five AND size(l) > :one",
        "ss = :ss AND nil = :null AND t = :true",
        "l[0] = :a AND #l[1] = :five AND l[2].deep < :z",
        "m.#status <> :a",
        "NOT s = :a AND NOT (n = :one OR n = :nine)",
        "s = :a OR n = :five AND t = :true",
        "(s) = (:hello)",
        "(size(s)) = :five",
        "NOT NOT attribute_exists(s)",
    ] {
        assert!(holds(expression), "{expression}");
    }
    for expression in [
        "s = :five",
        "n < :he",
        "gone = :one",
        "gone < :one",
        "l[9] = :a",
        "s.k = :a",
        "m[0] = :a",
        "begins_with(n, :he)",
        "contains(gone, :a)",
        "size(n) = :one",
        "attribute_exists(l[3])",
        "NOT s = :hello",
        "n BETWEEN :a AND :z",
        "gone IN (:one)",
    ] {
        assert!(!holds(expression), "{expression}");
    }
}

#[test]
fn mistakes_are_told_in_dynamodbs_words() {
    for (expression, message) in [
        ("", "The expression can not be empty;"),
        ("  ", "The expression can not be empty;"),
        ("!!!", "Syntax error; token: \"!\", near: \"!!\""),
        ("s = ", "Syntax error; token: \"<EOF>\", near: \"s =\""),
        ("s :a", "Syntax error; token: \":a\", near: \"s :a\""),
        ("s = :a extra", "Syntax error; token: \"extra\", near: \":a extra\""),
        ("l[x] = :a", "Syntax error; token: \"x\", near: \"[x]\""),
        ("((s = :a))", "The expression has redundant parentheses;"),
        ("foo(s)", "Invalid function name; function: foo"),
        ("size(s)", "The function is not allowed to be used this way in an expression; function: size"),
        (
            "attribute_exists(s) = :a",
            "The function is not allowed to be used this way in an expression; function: attribute_exists",
        ),
        ("Status = :a", "Attribute name is a reserved keyword; reserved keyword: Status"),
        ("m.status = :a", "Attribute name is a reserved keyword; reserved keyword: status"),
        (
            "#x = :a",
            "An expression attribute name used in the document path is not defined; attribute name: #x",
        ),
        ("s = :x", "An expression attribute value used in expression is not defined; attribute value: :x"),
        (
            "attribute_exists(s, n)",
            "Incorrect number of operands for operator or function; operator or function: attribute_exists, number of operands: 2",
        ),
        (
            "s = s",
            "The first operand must be distinct from the remaining operands for this operator or function; operator: =, first \
             operand: [s]",
        ),
        (
            "l[0].a IN (:a, l[0].a)",
            "The first operand must be distinct from the remaining operands for this operator or function; operator: IN, first \
             operand: [l, [0], a]",
        ),
        (
            "attribute_exists(:a)",
            "Operator or function requires a document path; operator or function: attribute_exists",
        ),
        (
            "begins_with(s, :five)",
            "Incorrect operand type for operator or function; operator or function: begins_with, operand type: N",
        ),
        (
            "s < :true",
            "Incorrect operand type for operator or function; operator or function: <, operand type: BOOL",
        ),
        (
            "size(:one) = :one",
            "Incorrect operand type for operator or function; operator or function: size, operand type: N",
        ),
        (
            "attribute_type(s, :a)",
            "Invalid attribute type name found; type: a, valid types: {B,NULL,SS,BOOL,L,BS,N,NS,S,M}",
        ),
        (
            "s BETWEEN :a AND :one",
            "The BETWEEN operator requires same data type for lower and upper bounds; lower bound operand: AttributeValue: {S:a}, \
             upper bound operand: AttributeValue: {N:1}",
        ),
        (
            "s BETWEEN :z AND :a",
            "The BETWEEN operator requires upper bound to be greater than or equal to lower bound; lower bound operand: \
             AttributeValue: {S:z}, upper bound operand: AttributeValue: {S:a}",
        ),
    ] {
        assert_eq!(refused(expression), format!("Invalid ConditionExpression: {message}"), "{expression}");
    }
    let long = "s".repeat(limits::EXPRESSION_SIZE + 1);
    assert!(refused(&long).contains("Expression size has exceeded the maximum allowed size"));
    for deep in ["(".repeat(4_000), "NOT ".repeat(1_000), "size(".repeat(800)] {
        assert!(refused(&deep).contains("nested too deeply"), "{deep:.20}");
    }
    let nested = format!("{}s = :a{}", "NOT (".repeat(50), ")".repeat(50));
    assert!(!holds(&nested));
}

#[test]
fn what_no_expression_used_is_known() {
    let substitutes = substitutes();
    Condition::parse("#l[0] = :a", Which::Filter, &substitutes).unwrap();
    Projection::parse("s, #status", &substitutes).unwrap();
    assert_eq!(substitutes.unused_names(), [""; 0]);
    assert!(!substitutes.unused_values().contains(&":a") && substitutes.unused_values().contains(&":z"));
}

#[test]
fn a_projection_has_what_is_wanted_and_there() {
    let project = |expression: &str| Projection::parse(expression, &substitutes()).unwrap().of(&item());
    assert_eq!(project("s, gone"), map([("s", text("hello"))]));
    assert_eq!(
        project("m.#status, l[2].deep, l[0], l[7]"),
        map([
            ("m", Value::Map(map([("status", text("on"))]))),
            ("l", Value::List(vec![text("a"), Value::Map(map([("deep", text("x"))]))])),
        ])
    );
    assert_eq!(project("s.x, n[0], m.nothing, l.x"), Item::new());
    let names = Projection::of_names(["n".to_owned(), "none".to_owned()]);
    assert_eq!(names.of(&item()), map([("n", number("5"))]));
    let refused = |expression: &str| Projection::parse(expression, &substitutes()).unwrap_err().to_string();
    assert_eq!(refused("!!!"), "Invalid ProjectionExpression: Syntax error; token: \"!\", near: \"!!\"");
    assert_eq!(
        refused("a.b, a"),
        "Invalid ProjectionExpression: Two document paths overlap with each other; must remove or rewrite one of these paths; \
         path one: [a, b], path two: [a]"
    );
    assert_eq!(
        refused("a.b, a[1]"),
        "Invalid ProjectionExpression: Two document paths conflict with each other; must remove or rewrite one of these paths; \
         path one: [a, b], path two: [a, [1]]"
    );
    assert!(refused("pk, status").contains("reserved keyword: status"));
}

proptest! {
    #[test]
    fn no_text_makes_a_parser_panic(text in "\\PC{0,60}") {
        drop(Condition::parse(&text, Which::Filter, &substitutes()));
        drop(Projection::parse(&text, &substitutes()));
    }

    #[test]
    fn what_looks_like_a_condition_is_one_or_is_refused(
        words in prop::collection::vec(prop::sample::select(vec![
            "s", "n", "#l", "m.k", "l[0]", ":a", ":five", ":true", "=", "<>", "<", ">=", "AND", "or", "NOT", "(", ")", ",",
            "BETWEEN", "IN", "attribute_exists(", "size(", "contains(", "begins_with(", "attribute_type(",
        ]), 0..24),
    ) {
        let expression = words.join(" ");
        if let Ok(condition) = Condition::parse(&expression, Which::Condition, &substitutes()) {
            let negated = Condition::parse(&format!("NOT ({expression})"), Which::Condition, &substitutes());
            // Unless it has become too long, or had parentheses around it already.
            if let Ok(negated) = negated {
                prop_assert_ne!(condition.holds(&item()), negated.holds(&item()), "{}", expression);
            }
            condition.holds(&BTreeMap::new());
        }
    }
}

fn updated(expression: &str) -> Result<Item, String> {
    let update = Update::parse(expression, &substitutes()).map_err(|error| error.to_string())?;
    update.of(&item()).map_err(|error| error.to_string())
}

/// What an update leaves at a place.
fn becomes(expression: &str, place: &str) -> Option<Value> {
    let update = Update::parse(expression, &substitutes()).unwrap();
    assert_ne!(update.paths().count(), 0);
    let after = update.of(&item()).unwrap();
    Projection::of_names([place.to_owned()]).of(&after).remove(place)
}

#[test]
fn an_update_changes_what_it_names_and_reads_what_was_there_before() {
    for (expression, place, value) in [
        ("SET s = :a", "s", Some(text("a"))),
        ("set n = n + :five", "n", Some(number("10"))),
        ("SET n = n - :nine", "n", Some(number("-4"))),
        ("SET fresh = :a, n = :one", "fresh", Some(text("a"))),
        // Both read the item as it was.
        ("SET s = n, n = s", "s", Some(number("5"))),
        ("SET s = n, n = s", "n", Some(text("hello"))),
        ("SET n = if_not_exists(n, :one)", "n", Some(number("5"))),
        ("SET n = if_not_exists(gone, :one) + :five", "n", Some(number("6"))),
        ("SET s = l[1]", "s", Some(number("5"))),
        ("REMOVE s", "s", None),
        ("REMOVE gone", "gone", None),
        ("ADD n :one", "n", Some(number("6"))),
        ("ADD fresh :five", "fresh", Some(number("5"))),
        ("ADD ss :ss", "ss", Some(Value::Texts(["a".into(), "b".into()].into()))),
        ("DELETE ss :ss", "ss", None),
        ("DELETE gone :ss", "gone", None),
        (
            "SET l[1] = :a REMOVE l[0]",
            "l",
            Some(Value::List(vec![text("a"), Value::Map(map([("deep", text("x"))]))])),
        ),
        // Behind the end, in the order of the indexes.
        (
            "SET l[9] = :z, l[7] = :a REMOVE l[0], l[2]",
            "l",
            Some(Value::List(vec![number("5"), text("a"), text("z")])),
        ),
        ("SET l = list_append(l, l) REMOVE s", "s", None),
    ] {
        assert_eq!(becomes(expression, place), value, "{expression}");
    }
    let Some(Value::Map(m)) = becomes("SET m.#status = :z, m.more = :one REMOVE m.k", "m") else { panic!() };
    assert_eq!(m, map([("status", text("z")), ("more", number("1"))]));
    let Some(Value::List(l)) = becomes("SET l = list_append(l, l)", "l") else { panic!() };
    assert_eq!(l.len(), 6);
}

#[test]
fn an_update_that_cannot_be_is_told_in_dynamodbs_words() {
    for (expression, message) in [
        ("", "The expression can not be empty;"),
        ("INVALID SYNTAX HERE", "Syntax error; token: \"INVALID\", near: \"INVALID SYNTAX\""),
        ("SET s", "Syntax error; token: \"<EOF>\", near: \"SET s\""),
        ("ADD n s", "Syntax error; token: \"s\", near: \"n s\""),
        ("SET status = :a", "Attribute name is a reserved keyword; reserved keyword: status"),
        ("SET s = size(s)", "Invalid function name; function: size"),
        ("SET s = :a SET n = :one", "The \"SET\" section can only be used once in an update expression;"),
        (
            "SET #x = :a",
            "An expression attribute name used in the document path is not defined; attribute name: #x",
        ),
        (
            "SET s = :x",
            "An expression attribute value used in expression is not defined; attribute value: :x",
        ),
        (
            "SET s = :a, s = :z",
            "Two document paths overlap with each other; must remove or rewrite one of these paths; path one: [s], path two: [s]",
        ),
        (
            "SET m.k = :a REMOVE m[0]",
            "Two document paths conflict with each other; must remove or rewrite one of these paths; path one: [m, k], path \
             two: [m, [0]]",
        ),
        (
            "ADD s :a",
            "Incorrect operand type for operator or function; operator: ADD, operand type: STRING, typeSet: \
             ALLOWED_FOR_ADD_OPERAND",
        ),
        (
            "DELETE n :one",
            "Incorrect operand type for operator or function; operator: DELETE, operand type: NUMBER, typeSet: \
             ALLOWED_FOR_DELETE_OPERAND",
        ),
        (
            "SET n = n + :a",
            "Incorrect operand type for operator or function; operator or function: +, operand type: S",
        ),
        (
            "SET n = if_not_exists(n)",
            "Incorrect number of operands for operator or function; operator or function: if_not_exists, number of operands: 1",
        ),
        (
            "SET n = if_not_exists(:one, :one)",
            "Operator or function requires a document path; operator or function: if_not_exists",
        ),
        (
            "SET l = list_append(l, :a)",
            "Incorrect operand type for operator or function; operator or function: list_append, operand type: S",
        ),
    ] {
        assert_eq!(updated(expression), Err(format!("Invalid UpdateExpression: {message}")), "{expression}");
    }
    for (expression, message) in [
        ("SET s = gone", "The provided expression refers to an attribute that does not exist in the item"),
        (
            "SET n = gone + :one",
            "The provided expression refers to an attribute that does not exist in the item",
        ),
        ("SET n = s + :one", "An operand in the update expression has an incorrect data type"),
        ("ADD s :one", "An operand in the update expression has an incorrect data type"),
        ("DELETE s :ss", "An operand in the update expression has an incorrect data type"),
        ("SET gone.k = :a", "The document path provided in the update expression is invalid for update"),
        ("SET s.k = :a", "The document path provided in the update expression is invalid for update"),
        ("SET m[0] = :a", "The document path provided in the update expression is invalid for update"),
        ("REMOVE gone.k", "The document path provided in the update expression is invalid for update"),
    ] {
        assert_eq!(updated(expression), Err(message.to_owned()), "{expression}");
    }
}

proptest! {
    #[test]
    fn what_looks_like_an_update_is_one_or_is_refused(
        words in prop::collection::vec(prop::sample::select(vec![
            "SET", "REMOVE", "ADD", "DELETE", "s", "n", "#l", "m.k", "l[0]", "l[7]", ":a", ":five", ":ss", "=", "+", "-", ",",
            ")", "if_not_exists(", "list_append(",
        ]), 0..24),
    ) {
        let expression = words.join(" ");
        if let Ok(update) = Update::parse(&expression, &substitutes())
            && let Ok(after) = update.of(&item())
        {
            // What it does not name is as it was.
            let names: Vec<_> = update.paths().map(|path| path.name.clone()).collect();
            let others = |item: Item| item.into_iter().filter(|(name, _)| !names.contains(name)).collect::<Item>();
            prop_assert_eq!(others(after), others(item()), "{}", expression);
        }
    }
}

#[test]
fn a_key_condition_has_a_test_for_each_key() {
    let tests = |expression: &str| KeyCondition::parse(expression, &substitutes()).unwrap().tests().clone();
    let one = |name: &str, test: KeyTest| BTreeMap::from([(name.to_owned(), test)]);
    assert_eq!(tests("pk = :a"), one("pk", KeyTest::Equal(text("a"))));
    assert_eq!(tests(":a < pk"), one("pk", KeyTest::Greater(text("a"))));
    assert_eq!(tests("#status >= :one"), one("status", KeyTest::AtLeast(number("1"))));
    let both = tests("(pk = :a) AND (sk BETWEEN :one AND :nine)");
    assert_eq!(both["sk"], KeyTest::Between(number("1"), number("9")));
    assert_eq!(tests("begins_with(sk, :he) and pk = :a")["sk"], KeyTest::BeginsWith(text("he")));
    for (expression, message) in [
        ("", "Invalid KeyConditionExpression: The expression can not be empty;"),
        ("pk = :a OR pk = :z", "Invalid operator used in KeyConditionExpression: OR"),
        ("NOT pk = :a", "Invalid operator used in KeyConditionExpression: NOT"),
        ("pk <> :a", "Invalid operator used in KeyConditionExpression: <>"),
        ("pk IN (:a)", "Invalid operator used in KeyConditionExpression: IN"),
        ("attribute_exists(pk)", "Invalid operator used in KeyConditionExpression: attribute_exists"),
        ("size(pk) = :one", "KeyConditionExpressions cannot contain nested operations"),
        (
            ":one BETWEEN pk AND :nine",
            "Invalid condition in KeyConditionExpression: BETWEEN operator must have the key attribute as its first operand",
        ),
        (
            "begins_with(:a, pk)",
            "Invalid condition in KeyConditionExpression: begins_with operator must have the key attribute as its first operand",
        ),
        (
            "pk = sk",
            "Invalid condition in KeyConditionExpression: Multiple attribute names used in one condition",
        ),
        ("pk.x = :a", "KeyConditionExpressions cannot have conditions on nested attributes"),
        (":a = :z", "Invalid condition in KeyConditionExpression: No key attribute specified"),
        ("pk = :a AND pk = :z", "KeyConditionExpressions must only contain one condition per key"),
    ] {
        let error = KeyCondition::parse(expression, &substitutes()).unwrap_err();
        assert_eq!(error.to_string(), message, "{expression}");
    }
}
