//! How often, and when, a message is posted to an HTTP endpoint that does not take it (SNS Developer Guide, "Amazon SNS
//! message delivery retries", "Creating an HTTP/S delivery policy").

use std::time::Duration;

use serde::{Deserialize, Serialize};
use sonagi_model::limits;

use super::Refusal;

/// `DeliveryPolicy` of a subscription.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SubscriptionDelivery {
    #[serde(default)]
    pub healthy_retry_policy: Option<Retries>,
    /// SNS shows it, and knows no values for it.
    #[serde(default)]
    sickly_retry_policy: Option<()>,
    #[serde(default)]
    pub throttle_policy: Option<Throttle>,
    #[serde(default)]
    pub request_policy: Option<RequestPolicy>,
    #[serde(default)]
    guaranteed: bool,
}

/// `DeliveryPolicy` of a topic: what its subscriptions have that say nothing.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct TopicDelivery {
    #[serde(default)]
    pub http: TopicHttp,
}

#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct TopicHttp {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    default_healthy_retry_policy: Option<Retries>,
    #[serde(default)]
    disable_subscription_overrides: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    default_throttle_policy: Option<Throttle>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    default_request_policy: Option<RequestPolicy>,
}

/// Seconds and counts of the four phases of retrying.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Retries {
    min_delay_target: u32,
    max_delay_target: u32,
    num_retries: u32,
    num_max_delay_retries: u32,
    num_no_delay_retries: u32,
    num_min_delay_retries: u32,
    backoff_function: Backoff,
}

/// How the delay grows between the second and the last phase.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Backoff {
    Arithmetic,
    Exponential,
    Geometric,
    #[default]
    Linear,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Throttle {
    /// From 1.
    pub max_receives_per_second: u32,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RequestPolicy {
    pub header_content_type: String,
}

const CONTENT_TYPE: &str = "text/plain; charset=UTF-8";
const CONTENT_TYPES: [&str; 18] = [
    "application/json",
    "application/xml",
    "application/x-www-form-urlencoded",
    "application/atom+xml",
    "application/octet-stream",
    "application/soap+xml",
    "application/svg+xml",
    "application/xhtml+xml",
    "application/ld+json",
    "application/jwt",
    "application/jwk+json",
    "application/jose",
    "text/css",
    "text/csv",
    "text/html",
    "text/plain",
    "text/xml",
    "text/markdown",
];

impl Default for Retries {
    fn default() -> Self {
        Self {
            min_delay_target: 20,
            max_delay_target: 20,
            num_retries: 3,
            num_max_delay_retries: 0,
            num_no_delay_retries: 0,
            num_min_delay_retries: 0,
            backoff_function: Backoff::default(),
        }
    }
}

impl Retries {
    /// How long to wait after so many attempts that failed; none: it is not tried again.
    pub fn wait(&self, failed: u32) -> Option<Duration> {
        if failed == 0 || failed > self.num_retries {
            return None;
        }
        let (min, max) = (self.min_delay_target, self.max_delay_target);
        let before = self.num_no_delay_retries + self.num_min_delay_retries;
        let seconds = if failed <= self.num_no_delay_retries {
            0.0
        } else if failed <= before {
            f64::from(min)
        } else if failed > self.num_retries - self.num_max_delay_retries {
            f64::from(max)
        } else {
            let all = self.num_retries - before - self.num_max_delay_retries;
            self.backoff_function.between(f64::from(min), f64::from(max), failed - before, all)
        };
        Some(Duration::from_secs_f64(seconds))
    }

    fn check(&self, at: &str) -> Result<(), Refusal> {
        let wrong = |text: String| Err(Refusal::parameter(format!("DeliveryPolicy: {at}.{text}")));
        let Self { min_delay_target: min, max_delay_target: max, num_retries: all, .. } = *self;
        let most = limits::TOPIC_RETRY_DELAY_MAX;
        if !(1..=most).contains(&max) {
            return wrong(format!("maxDelayTarget must be from 1 to {most}"));
        }
        if !(1..=max).contains(&min) {
            return wrong("minDelayTarget must be from 1 to maxDelayTarget".into());
        }
        if all > limits::TOPIC_RETRIES_MAX {
            return wrong(format!("numRetries must be from 0 to {}", limits::TOPIC_RETRIES_MAX));
        }
        let phases = [self.num_no_delay_retries, self.num_min_delay_retries, self.num_max_delay_retries];
        if phases.iter().map(|count| u64::from(*count)).sum::<u64>() > u64::from(all) {
            return wrong(
                "numRetries must be as many as numNoDelayRetries, numMinDelayRetries and numMaxDelayRetries together"
                    .into(),
            );
        }
        let total: Duration = (1..=all).filter_map(|failed| self.wait(failed)).sum();
        if total > Duration::from_secs(most.into()) {
            return wrong(format!(
                "numRetries: the retries take {} seconds together, and {most} are the most",
                total.as_secs()
            ));
        }
        Ok(())
    }
}

impl Backoff {
    /// The delay of the retry that is the `at`th of `all`: it grows to `max` with the last.
    fn between(self, min: f64, max: f64, at: u32, all: u32) -> f64 {
        let (at, all) = (f64::from(at), f64::from(all));
        match self {
            Self::Linear => min + (max - min) * at / all,
            Self::Arithmetic => min + (max - min) * at * (at + 1.0) / (all * (all + 1.0)),
            Self::Geometric => min * (max / min).powf(at / all),
            Self::Exponential => min + (max - min) * (at.exp2() - 1.0) / (all.exp2() - 1.0),
        }
    }
}

impl SubscriptionDelivery {
    pub fn parse(text: &str) -> Result<Self, Refusal> {
        let policy: Self = read(text)?;
        if let Some(retries) = &policy.healthy_retry_policy {
            retries.check("healthyRetryPolicy")?;
        }
        check_others(policy.throttle_policy, policy.request_policy.as_ref())?;
        Ok(policy)
    }

    /// What a subscription of a topic goes by.
    pub fn effective(own: Option<&Self>, topic: Option<&TopicDelivery>) -> Self {
        let http = topic.map(|topic| topic.http.clone()).unwrap_or_default();
        let own = own.filter(|_| !http.disable_subscription_overrides).cloned().unwrap_or_default();
        let retries = own.healthy_retry_policy.or(http.default_healthy_retry_policy).unwrap_or_default();
        let request = own.request_policy.or(http.default_request_policy).unwrap_or_default();
        Self {
            healthy_retry_policy: Some(retries),
            throttle_policy: own.throttle_policy.or(http.default_throttle_policy),
            request_policy: Some(request),
            ..Self::default()
        }
    }

    pub(super) fn retries(&self) -> Retries {
        self.healthy_retry_policy.unwrap_or_default()
    }

    pub(super) fn content_type(&self) -> &str {
        self.request_policy.as_ref().map_or(CONTENT_TYPE, |policy| &policy.header_content_type)
    }

    pub fn text(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }
}

impl TopicDelivery {
    pub fn parse(text: &str) -> Result<Self, Refusal> {
        let policy: Self = read(text)?;
        if let Some(retries) = &policy.http.default_healthy_retry_policy {
            retries.check("http.defaultHealthyRetryPolicy")?;
        }
        check_others(policy.http.default_throttle_policy, policy.http.default_request_policy.as_ref())?;
        Ok(policy)
    }

    /// With all that it says nothing of.
    pub fn effective(own: Option<&Self>) -> Self {
        let mut http = own.map(|own| own.http.clone()).unwrap_or_default();
        http.default_healthy_retry_policy.get_or_insert_default();
        http.default_request_policy.get_or_insert_default();
        Self { http }
    }

    pub fn text(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }
}

impl Default for RequestPolicy {
    fn default() -> Self {
        Self { header_content_type: CONTENT_TYPE.to_owned() }
    }
}

fn read<'a, T: Deserialize<'a>>(text: &'a str) -> Result<T, Refusal> {
    serde_json::from_str(text)
        .map_err(|error| Refusal::parameter(format!("DeliveryPolicy: failed to parse JSON. {error}")))
}

fn check_others(throttle: Option<Throttle>, request: Option<&RequestPolicy>) -> Result<(), Refusal> {
    if throttle.is_some_and(|throttle| throttle.max_receives_per_second == 0) {
        return Err(Refusal::parameter("DeliveryPolicy: throttlePolicy.maxReceivesPerSecond must be from 1"));
    }
    if let Some(RequestPolicy { header_content_type: given }) = request {
        let (kind, charset) = match given.split_once(';') {
            Some((kind, rest)) => (kind.trim(), Some(rest.trim())),
            None => (given.as_str(), None),
        };
        let plain = charset
            .is_none_or(|rest| ["charset=utf-8", "charset=utf-16"].contains(&&*rest.to_ascii_lowercase()));
        if !plain || !CONTENT_TYPES.contains(&kind.to_ascii_lowercase().as_str()) {
            return Err(Refusal::parameter(format!(
                "DeliveryPolicy: requestPolicy.headerContentType must be one of {}, and may have a charset",
                CONTENT_TYPES.join(", ")
            )));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn waits(text: &str) -> Vec<u64> {
        let policy = SubscriptionDelivery::parse(text).unwrap();
        let retries = SubscriptionDelivery::effective(Some(&policy), None).retries();
        (1..).map_while(|failed| retries.wait(failed)).map(|wait| wait.as_secs()).collect()
    }

    #[test]
    fn retries_go_through_their_phases() {
        assert_eq!(waits("{}"), [20, 20, 20]);
        assert_eq!(waits(r#"{"healthyRetryPolicy": {"numRetries": 0}}"#), Vec::<u64>::new());
        let phases = |function: &str| {
            waits(&format!(
                r#"{{"healthyRetryPolicy": {{"minDelayTarget": 10, "maxDelayTarget": 90, "numRetries": 9,
                    "numNoDelayRetries": 2, "numMinDelayRetries": 1, "numMaxDelayRetries": 2,
                    "backoffFunction": "{function}"}}}}"#
            ))
        };
        assert_eq!(phases("linear"), [0, 0, 10, 30, 50, 70, 90, 90, 90]);
        assert_eq!(phases("arithmetic"), [0, 0, 10, 18, 34, 58, 90, 90, 90]);
        assert_eq!(phases("geometric"), [0, 0, 10, 17, 30, 51, 90, 90, 90]);
        assert_eq!(phases("exponential"), [0, 0, 10, 15, 26, 47, 90, 90, 90]);
    }

    #[test]
    fn a_subscription_says_what_its_topic_leaves_to_it() {
        let own =
            SubscriptionDelivery::parse(r#"{"requestPolicy": {"headerContentType": "text/csv"}}"#).unwrap();
        assert_eq!(
            own.text(),
            r#"{"healthyRetryPolicy":null,"sicklyRetryPolicy":null,"throttlePolicy":null,"requestPolicy":{"headerContentType":"text/csv"},"guaranteed":false}"#
        );
        let topic = |overrides: bool| {
            TopicDelivery::parse(&format!(
                r#"{{"http": {{"defaultHealthyRetryPolicy": {{"numRetries": 7}}, "disableSubscriptionOverrides": {overrides}}}}}"#
            ))
            .unwrap()
        };
        let effective = SubscriptionDelivery::effective(Some(&own), Some(&topic(false)));
        assert_eq!((effective.retries().num_retries, effective.content_type()), (7, "text/csv"));
        let effective = SubscriptionDelivery::effective(Some(&own), Some(&topic(true)));
        assert_eq!((effective.retries().num_retries, effective.content_type()), (7, CONTENT_TYPE));
        assert_eq!(SubscriptionDelivery::parse(&effective.text()).unwrap(), effective);
    }

    #[test]
    fn a_policy_that_is_none_is_refused_with_its_place() {
        for (text, part) in [
            ("x", "failed to parse JSON"),
            (r#"{"healthy": 1}"#, "unknown field `healthy`"),
            (
                r#"{"healthyRetryPolicy": {"minDelayTarget": 21}}"#,
                "minDelayTarget must be from 1 to maxDelayTarget",
            ),
            (r#"{"healthyRetryPolicy": {"maxDelayTarget": 3601}}"#, "maxDelayTarget must be from 1 to 3600"),
            (r#"{"healthyRetryPolicy": {"numRetries": 101}}"#, "numRetries must be from 0 to 100"),
            (r#"{"healthyRetryPolicy": {"numNoDelayRetries": 4}}"#, "numRetries must be as many as"),
            (r#"{"healthyRetryPolicy": {"maxDelayTarget": 3600}}"#, "and 3600 are the most"),
            (r#"{"throttlePolicy": {"maxReceivesPerSecond": 0}}"#, "maxReceivesPerSecond must be from 1"),
            (r#"{"requestPolicy": {"headerContentType": "image/png"}}"#, "headerContentType must be one of"),
        ] {
            let error = SubscriptionDelivery::parse(text).unwrap_err().to_string();
            assert!(error.starts_with("Invalid parameter: DeliveryPolicy: "), "{error}");
            assert!(error.contains(part), "{error} lacks {part}");
        }
    }
}
