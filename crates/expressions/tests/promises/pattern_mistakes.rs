//! Every mistake is told where it stands, in AWS's words.

use sonagi_expressions::pattern::{Dialect, Pattern, Reason};
use sonagi_model::limits;

fn error(pattern: &str) -> (String, usize) {
    let error = Pattern::parse(pattern, Dialect::Bus).unwrap_err();
    (error.reason().to_string(), error.offset())
}

#[test]
fn a_mistake_is_told_with_its_place_and_how_to_mend_it() {
    let pattern = "{\n  \"source\": [\"a\"],\n  \"détail\": 42\n}";
    let error = Pattern::parse(pattern, Dialect::Bus).unwrap_err();
    assert_eq!((error.line(), error.column(), error.offset()), (3, 13, 34));
    assert_eq!(
        error.to_string(),
        "Event pattern is not valid. Reason: \"détail\" must be an object or an array (line 3, column 13): write the \
         values as a list: {\"détail\": [\"value\"]}"
    );
    let error = Pattern::parse("{\"a\": []}", Dialect::Mapping).unwrap_err();
    assert!(error.to_string().starts_with("Invalid filter pattern definition. Empty arrays are not allowed"));
}

#[test]
fn every_mistake_has_awss_text() {
    for (pattern, reason, at) in [
        ("[]", "Filter is not an object", 0),
        ("{}", "Empty objects are not allowed", 0),
        ("", "Filter is not valid JSON", 0),
        (r#"{"a": ["b"}"#, "Filter is not valid JSON", 10),
        (r#"{"a": "b"}"#, "\"a\" must be an object or an array", 6),
        (r#"{"a": {}}"#, "Empty objects are not allowed", 6),
        (r#"{"a": [[1]]}"#, "Match value must be String, number, true, false, or null", 7),
        (r#"{"a": [{}]}"#, "Match expression name not found", 7),
        (r#"{"a": [{"prefix": "x", "suffix": "y"}]}"#, "Only one key allowed in match expression", 23),
        (r#"{"a": [{"EXISTS": true}]}"#, "Unrecognized match type EXISTS", 8),
        (r#"{"a": [{"exists": "true"}]}"#, "exists match pattern must be either true or false.", 18),
        (r#"{"a": [{"prefix": 1}]}"#, "prefix match pattern must be a string", 18),
        (r#"{"a": [{"suffix": [1]}]}"#, "suffix match pattern must be a string", 18),
        (r#"{"a": [{"wildcard": 1}]}"#, "wildcard match pattern must be a string", 20),
        (
            r#"{"a": [{"equals-ignore-case": ["x"]}]}"#,
            "equals-ignore-case match pattern must be a string",
            30,
        ),
        (r#"{"a": [{"prefix": {"suffix": "x"}}]}"#, "Unsupported prefix pattern: suffix", 19),
        (
            r#"{"a": [{"suffix": {"equals-ignore-case": 1}}]}"#,
            "equals-ignore-case match pattern must be a string",
            41,
        ),
        (r#"{"a": [{"wildcard": "a**b"}]}"#, "Consecutive wildcard characters at pos 2", 20),
        (r#"{"a": [{"wildcard": "a\\b"}]}"#, "Invalid escape character at pos 2", 20),
        (
            r#"{"a": [{"anything-but": true}]}"#,
            "Value of anything-but must be an array or single string/number value.",
            24,
        ),
        (
            r#"{"a": [{"anything-but": ["x", null]}]}"#,
            "Inside anything but list, start|null|boolean is not supported.",
            30,
        ),
        (
            r#"{"a": [{"anything-but": ["x", 1]}]}"#,
            "Inside anything but list, either all values are number or string, mixed type is not supported",
            24,
        ),
        (
            r#"{"a": [{"anything-but": {"numeric": [">", 1]}}]}"#,
            "Unsupported anything-but pattern: numeric",
            25,
        ),
        (r#"{"a": [{"anything-but": {"prefix": ""}}]}"#, "Null prefix/suffix not allowed", 35),
        (r#"{"a": [{"anything-but": {"prefix": 1}}]}"#, "prefix/suffix match pattern must be a string", 35),
        (
            r#"{"a": [{"anything-but": {"equals-ignore-case": [1]}}]}"#,
            "Inside anything-but/equals-ignore-case list, number|start|null|boolean is not supported.",
            48,
        ),
        (r#"{"a": [{"numeric": 5}]}"#, "Value of numeric must be an array.", 19),
        (r#"{"a": [{"numeric": []}]}"#, "Invalid member in numeric match: ]", 19),
        (r#"{"a": [{"numeric": [5]}]}"#, "Invalid member in numeric match: 5", 20),
        (r#"{"a": [{"numeric": ["!", 5]}]}"#, "Unrecognized numeric range operator: !", 20),
        (r#"{"a": [{"numeric": ["=", "5"]}]}"#, "Value of equals must be numeric", 25),
        (r#"{"a": [{"numeric": [">", 0, ">", 0]}]}"#, "Bad numeric range operator: >", 28),
        (r#"{"a": [{"numeric": [">", 0, 1]}]}"#, "Bad value in numeric range: 1", 28),
        (r#"{"a": [{"numeric": [">", 0, "<"]}]}"#, "Value of < must be numeric", 28),
        (r#"{"a": [{"numeric": ["<", 0, ">", 5]}]}"#, "Too many elements in numeric expression", 28),
        (r#"{"a": [{"numeric": [">", 0, "<", 5, 6]}]}"#, "Too many terms in numeric range expression", 36),
        (r#"{"a": [{"numeric": [">", 5, "<", 5]}]}"#, "Bottom must be less than top", 28),
        (r#"{"a": [{"numeric": [">", 1e999]}]}"#, "Cannot compare number : 1e999", 25),
        (r#"{"a": [{"anything-but": 9007199254740993}]}"#, "Cannot compare number : 9007199254740993", 24),
        (r#"{"a": [{"anything-but": {}}]}"#, "Anything-But expression name not found", 24),
        (r#"{"a": [{"suffix": {}}]}"#, "Suffix expression name not found", 18),
        (r#"{"a": [{"anything-but": {"suffix": []}}]}"#, "Empty arrays are not allowed", 35),
        (
            r#"{"a": [{"numeric": ["=", 0.1234567890123456789]}]}"#,
            "Cannot compare number : 0.1234567890123456789",
            25,
        ),
        (r#"{"a": [{"cidr": 5}]}"#, "prefix match pattern must be a string", 16),
        (r#"{"a": [{"cidr": "10.0.0.0"}]}"#, "Malformed CIDR, one '/' required", 16),
        (r#"{"a": [{"cidr": "10.0.0.0/a"}]}"#, "Malformed CIDR, mask bits must be an integer", 16),
        (r#"{"a": [{"cidr": "10.0.0.0/-1"}]}"#, "Malformed CIDR, mask bits must not be negative", 16),
        (r#"{"a": [{"cidr": "10.0.0.0/32"}]}"#, "IPv4 mask bits must be < 32", 16),
        (r#"{"a": [{"cidr": "::/128"}]}"#, "IPv6 mask bits must be < 128", 16),
        (r#"{"a": [{"cidr": "xx.11.xx/8"}]}"#, "Nonstandard IP address: xx.11.xx", 16),
        (r#"{"$or": [{"a": [1]}]}"#, "There must have at least 2 Objects in $or relationship.", 8),
        (r#"{"$or": [{"a": [1]}, [1]]}"#, "Only JSON object is allowed in array of $or relationship.", 21),
        // In one pattern, it is one or the other.
        (
            r#"{"$or": ["x"], "a": {"$or": [{"b": [1]}, {"c": [1]}]}}"#,
            "Only JSON object is allowed in array of $or relationship.",
            9,
        ),
        (r#"{"$or": {"a": "b"}}"#, "\"a\" must be an object or an array", 14),
        (r#"{"$or": [{"a": [1]}, {}]}"#, "Empty objects are not allowed", 21),
        (
            r#"{"$or": [{"a": {"prefix": [1]}}, {"b": [1]}]}"#,
            "prefix is Ruler reserved fieldName which cannot be used inside $or.",
            16,
        ),
    ] {
        assert_eq!(error(pattern), (reason.to_owned(), at), "{pattern}");
    }
}

#[test]
fn patterns_have_a_size() {
    let text = |size: usize| format!("{{\"a\": [\"{}\"]}}", "한".repeat(size - 11));
    for (dialect, limit) in
        [(Dialect::Bus, limits::BUS_PATTERN_SIZE), (Dialect::Mapping, limits::MAPPING_PATTERN_SIZE)]
    {
        assert!(Pattern::parse(&text(limit), dialect).is_ok());
        let error = Pattern::parse(&text(limit + 1), dialect).unwrap_err();
        assert_eq!(error.reason(), &Reason::TooLong { size: limit + 1, limit, unit: "characters" });
    }
}

#[test]
fn patterns_have_a_depth() {
    let nested = |depth: usize| format!("{}[1]{}", "{\"a\":".repeat(depth), "}".repeat(depth));
    assert!(Pattern::parse(&nested(limits::PATTERN_DEPTH - 1), Dialect::Bus).is_ok());
    assert_eq!(
        Pattern::parse(&nested(limits::PATTERN_DEPTH), Dialect::Bus).unwrap_err().reason(),
        &Reason::TooDeep
    );
    let dotted = |depth: usize| format!("{{\"{}a\": [1]}}", "a.".repeat(depth - 1));
    assert!(Pattern::parse(&dotted(limits::PATTERN_DEPTH), Dialect::Bus).is_ok());
    assert_eq!(
        Pattern::parse(&dotted(limits::PATTERN_DEPTH + 1), Dialect::Bus).unwrap_err().reason(),
        &Reason::TooDeep
    );
}

#[test]
fn ors_have_a_number_of_combinations() {
    let ors = |counts: &[usize]| {
        let levels = counts.iter().enumerate().map(|(level, count)| {
            let alternatives: Vec<String> =
                (0..*count).map(|index| format!("{{\"f{index}\":[{level}]}}")).collect();
            format!("\"l{level}\":{{\"$or\":[{}]}}", alternatives.join(","))
        });
        format!("{{{}}}", levels.collect::<Vec<_>>().join(","))
    };
    assert!(Pattern::parse(&ors(&[10, 10, 10]), Dialect::Bus).is_ok());
    let error = Pattern::parse(&ors(&[11, 10, 10]), Dialect::Bus).unwrap_err();
    assert_eq!(error.reason(), &Reason::Combinations);
    let fields: Vec<String> = (0..100).map(|index| format!("\"z{index}\":[1]")).collect();
    let many = ors(&[8, 8, 8]).replacen('{', &format!("{{{},", fields.join(",")), 1);
    assert_eq!(Pattern::parse(&many, Dialect::Bus).unwrap_err().reason(), &Reason::Combinations);
}

#[test]
fn wildcards_have_a_number() {
    let stars = |count: usize| {
        let items: Vec<&str> = vec!["{\"wildcard\":\"*a*\"}"; count / 2];
        format!("{{\"a\":[{}]}}", items.join(","))
    };
    assert!(Pattern::parse(&stars(limits::PATTERN_WILDCARDS), Dialect::Bus).is_ok());
    let error = Pattern::parse(&stars(limits::PATTERN_WILDCARDS + 2), Dialect::Bus).unwrap_err();
    assert_eq!(error.reason(), &Reason::Wildcards);
}
