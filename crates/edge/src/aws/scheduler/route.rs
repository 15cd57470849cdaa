//! Every operation and its path (botocore's model `scheduler/2021-06-30`).

use http::Method;

use crate::aws::query::decode_segment;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Operation {
    CreateSchedule,
    GetSchedule,
    ListSchedules,
    UpdateSchedule,
    DeleteSchedule,
    CreateScheduleGroup,
    GetScheduleGroup,
    ListScheduleGroups,
    DeleteScheduleGroup,
    TagResource,
    UntagResource,
    ListTagsForResource,
}

/// An operation and the name in its path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Route {
    pub(super) operation: Operation,
    pub(super) name: String,
}

pub(super) fn find(method: &Method, path: &str) -> Option<Route> {
    use Operation as O;
    let segments: Vec<&str> = path.trim_matches('/').split('/').collect();
    let operation = match (method.as_str(), segments.as_slice()) {
        ("POST", ["schedules", _]) => O::CreateSchedule,
        ("GET", ["schedules", _]) => O::GetSchedule,
        ("GET", ["schedules"]) => O::ListSchedules,
        ("PUT", ["schedules", _]) => O::UpdateSchedule,
        ("DELETE", ["schedules", _]) => O::DeleteSchedule,
        ("POST", ["schedule-groups", _]) => O::CreateScheduleGroup,
        ("GET", ["schedule-groups", _]) => O::GetScheduleGroup,
        ("GET", ["schedule-groups"]) => O::ListScheduleGroups,
        ("DELETE", ["schedule-groups", _]) => O::DeleteScheduleGroup,
        ("POST", ["tags", _, ..]) => O::TagResource,
        ("DELETE", ["tags", _, ..]) => O::UntagResource,
        ("GET", ["tags", _, ..]) => O::ListTagsForResource,
        _ => return None,
    };
    // Some clients leave the slash in an ARN as it is.
    let name = segments.get(1..).map(|rest| decode_segment(&rest.join("/"))).unwrap_or_default();
    Some(Route { operation, name })
}

/// Whether an unsigned request is likely one of these.
pub(in crate::aws) fn is_path(method: &Method, path: &str) -> bool {
    let first = path.trim_start_matches('/').split('/').next().unwrap_or_default();
    matches!(first, "schedules" | "schedule-groups") && find(method, path).is_some()
        || path.strip_prefix("/tags/arn").is_some_and(|arn| decode_segment(arn).contains(":scheduler:"))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every operation of botocore's model: method, path, name.
    const MODEL: &str = include_str!("../../../tests/data/scheduler_operations.txt");

    #[test]
    fn every_operation_of_the_model_has_a_route() {
        for line in MODEL.lines() {
            let words: Vec<&str> = line.split(' ').collect();
            let [method, path, name] = words[..] else { panic!("{line}") };
            let method: Method = method.parse().unwrap();
            let route = find(&method, path).unwrap_or_else(|| panic!("{line}"));
            assert_eq!(format!("{:?}", route.operation), name);
        }
        assert_eq!(MODEL.lines().count(), 12);
        assert_eq!(find(&Method::PATCH, "/schedules/x"), None);
        assert_eq!(find(&Method::GET, "/schedules/x/y"), None);
    }

    #[test]
    fn an_arn_in_a_path_is_decoded() {
        let arn = "arn:aws:scheduler:us-east-1:000000000000:schedule-group/pets";
        for path in [
            "/tags/arn%3Aaws%3Ascheduler%3Aus-east-1%3A000000000000%3Aschedule-group%2Fpets",
            &format!("/tags/{arn}"),
        ] {
            assert_eq!(find(&Method::GET, path).unwrap().name, arn);
            assert!(is_path(&Method::GET, path));
        }
        assert!(!is_path(&Method::GET, "/tags/arn:aws:lambda:us-east-1:000000000000:function:x"));
    }
}
