use proptest::prelude::*;

use super::*;

const USUAL: Duration = Duration::from_secs(600);

fn minutes(minutes: u64) -> Duration {
    Duration::from_secs(minutes * 60)
}

/// Calls that take no time, with so much between them.
fn history(idle: impl IntoIterator<Item = Duration>) -> History {
    let mut history = History::new();
    let mut at = Tick(minutes(7));
    history.arrived(at);
    for idle in idle {
        history.rested(at);
        at = at + idle;
        history.arrived(at);
    }
    history.rested(at);
    history
}

fn kept(keep_alive: Duration) -> Plan {
    Plan { keep_alive, prewarm: None }
}

fn ahead(start: Duration, stop: Duration) -> Plan {
    Plan { keep_alive: LINGER, prewarm: Some(Prewarm { start, stop }) }
}

/// Numbers that look random and are the same each time.
struct Random(u64);

impl Random {
    /// From 0 up to 1.
    fn next(&mut self) -> f64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// Times between calls that come at random, so long on average.
    fn poisson(&mut self, mean: Duration) -> Duration {
        mean.mul_f64(-(1.0 - self.next()).ln())
    }
}

/// What it cost to follow the plan: calls that found no environment, and the time that one was kept for nothing.
#[derive(Default, Debug)]
struct Cost {
    cold: u32,
    kept: Duration,
}

impl Cost {
    fn pay(&mut self, plan: Plan, idle: Duration) {
        let Plan { keep_alive, prewarm } = plan;
        let second = prewarm.map(|window| (window.start, window.stop));
        let mut warm = false;
        for (start, stop) in [Some((Duration::ZERO, keep_alive)), second].into_iter().flatten() {
            warm |= (start..stop).contains(&idle);
            self.kept += idle.min(stop).saturating_sub(start);
        }
        self.cold += u32::from(!warm);
    }
}

/// What the history's plans and what the usual keep-alive cost.
fn simulate(idle: impl IntoIterator<Item = Duration>) -> [Cost; 2] {
    let (mut history, mut at) = (History::new(), Tick::default());
    let mut costs = [Cost::default(), Cost::default()];
    history.arrived(at);
    for idle in idle {
        history.rested(at);
        costs[0].pay(history.plan(USUAL), idle);
        costs[1].pay(kept(USUAL), idle);
        at = at + idle;
        history.arrived(at);
    }
    costs
}

#[test]
fn a_history_is_small() {
    assert!(size_of::<History>() < 300, "{}", size_of::<History>());
}

#[test]
fn nothing_is_said_of_one_call_or_of_a_few() {
    assert_eq!(History::new().plan(USUAL), kept(USUAL));
    for calls in 0..usize::from(IDLE_TIMES_MIN) {
        assert_eq!(history(vec![minutes(60); calls]).plan(USUAL), kept(USUAL), "{calls}");
    }
    assert_ne!(history(vec![minutes(60); IDLE_TIMES_MIN.into()]).plan(USUAL), kept(USUAL));
}

#[test]
fn what_is_called_within_the_usual_time_is_kept_for_the_usual_time() {
    assert_eq!(history([minutes(5); 50]).plan(USUAL), kept(USUAL));
    // Rounded up and with its margin the window ends later than the usual time, so that the next call is in it.
    assert_eq!(history([Duration::from_secs(9 * 60 + 58); 50]).plan(USUAL), kept(minutes(11)));
}

#[test]
fn what_is_called_a_little_less_often_is_kept_for_a_little_longer() {
    assert_eq!(history([minutes(11); 50]).plan(USUAL), kept(Duration::from_secs(12 * 66)));
    let two_ways = history((0..50).map(|number| minutes(if number % 4 == 0 { 40 } else { 3 })));
    assert_eq!(two_ways.plan(USUAL), kept(Duration::from_secs(41 * 66)));
}

#[test]
fn what_is_called_every_hour_is_started_before_its_call() {
    let plan = ahead(minutes(54), Duration::from_secs(61 * 66));
    assert_eq!(history([minutes(60); 4]).plan(USUAL), plan);
    assert_eq!(history([minutes(60); 1_000]).plan(USUAL), plan);
    let [policy, usual] = simulate([Duration::from_millis(3_599_300); 500]);
    assert_eq!((policy.cold, usual.cold), (4, 500));
    assert!(policy.kept < usual.kept * 8 / 10, "{policy:?} {usual:?}");
}

#[test]
fn bursts_do_not_hide_what_is_between_them() {
    let burst = (0..2_000).map(|number| {
        if number % 100 == 99 { minutes(60) } else { Duration::from_millis(number % 100 * 20) }
    });
    assert_eq!(history(burst.clone()).plan(USUAL), ahead(minutes(54), Duration::from_secs(61 * 66)));
    let [policy, usual] = simulate(burst);
    assert_eq!((policy.cold, usual.cold), (4, 20));
}

#[test]
fn what_is_called_at_random_is_not_guessed() {
    for seed in 0..200 {
        let mut random = Random(seed);
        let mut history = History::new();
        let mut at = Tick::default();
        for calls in 0..300 {
            history.arrived(at);
            history.rested(at);
            let plan = history.plan(USUAL);
            // By mere chance a few are close together, and an environment is kept for longer.
            assert!(calls < 30 || plan == kept(USUAL), "seed {seed}, call {calls}: {plan:?}");
            at = at + random.poisson(minutes(90));
        }
    }
}

#[test]
fn at_random_no_more_calls_are_cold_than_with_the_usual_time() {
    for mean in [1, 3, 8, 15, 30, 60, 180, 400] {
        let mut random = Random(mean);
        let [policy, usual] = simulate((0..5_000).map(|_| random.poisson(minutes(mean))));
        assert!(policy.cold <= usual.cold + 10, "every {mean} minutes: {policy:?} {usual:?}");
    }
}

#[test]
fn a_day_apart_is_beyond_the_histogram_and_forecast() {
    let day = minutes(24 * 60);
    let plan = ahead(day - minutes(10), day + minutes(11));
    assert_eq!(history([day; 3]).plan(USUAL), kept(USUAL));
    assert_eq!(history([day; 4]).plan(USUAL), plan);
    // Weekends are the exception, and calls that come in pairs are the rule: these environments are kept for both.
    let weeks = |number: u64| if number % 5 == 4 { day * 3 } else { day };
    assert_eq!(history((0..40).map(weeks)).plan(USUAL), plan);
    let pairs = (0..40).map(|number| if number % 2 == 0 { minutes(3) } else { day });
    assert_eq!(history(pairs).plan(USUAL), Plan { keep_alive: USUAL, ..plan });
    // An hour more or less each day.
    let drifting = (0..40).map(|number| day + minutes(number % 2 * 60));
    assert_eq!(history(drifting).plan(USUAL), ahead(day - minutes(60), day + minutes(181)));
}

#[test]
fn a_forecast_is_not_made_of_what_does_not_agree_nor_of_what_is_too_long() {
    let hours = |list: [u64; 4]| history(list.map(|hours| minutes(hours * 60)).repeat(3));
    assert_eq!(hours([5, 9, 20, 40]).plan(USUAL), kept(USUAL));
    assert_eq!(hours([1_000; 4]).plan(USUAL).prewarm.unwrap().start, minutes(60_000 - 10));
    assert_eq!(hours([2_000_000; 4]).plan(USUAL), kept(USUAL));
    // However much it may differ, an environment does not wait for hours and hours.
    let window = hours([600, 610, 600, 590]).plan(USUAL).prewarm.unwrap();
    assert_eq!(window.stop - window.start, FORECAST_MARGIN * 2 + minutes(1));
}

#[test]
fn a_change_is_noticed() {
    let mut idle = vec![minutes(60); 1_000];
    assert!(history(idle.clone()).plan(USUAL).prewarm.is_some());
    // As often again as it takes for the calls before to weigh less than one in twenty.
    idle.extend([minutes(30); 10]);
    assert_eq!(history(idle.clone()).plan(USUAL).prewarm.unwrap().start, minutes(27));
    // The one in a hundred takes longer to be forgotten.
    idle.extend([minutes(30); 500]);
    assert_eq!(history(idle).plan(USUAL), ahead(minutes(27), Duration::from_secs(31 * 66)));
}

#[test]
fn a_clock_that_stands_still_or_goes_back_is_no_idle_time() {
    let mut history = History::new();
    let at = Tick(minutes(100));
    for _ in 0..1_000_000 {
        assert_eq!(history.arrived(at), Recorded::No);
        history.rested(at);
    }
    assert_eq!(history.arrived(Tick(minutes(10))), Recorded::No);
    assert_eq!(history, History::new());
}

#[test]
fn calls_while_something_runs_are_no_idle_times() {
    let mut history = History::new();
    for at in 0..100 {
        assert_eq!(history.arrived(Tick(minutes(at * 5))), Recorded::No);
    }
    history.rested(Tick(minutes(1_000)));
    history.rested(Tick(minutes(1_030)));
    assert_eq!(history.idle(), Some(Tick(minutes(1_000))));
    assert_eq!(history.arrived(Tick(minutes(1_060))), Recorded::Yes);
    assert_eq!(history.bins[60 - 1], 1);
}

#[test]
fn the_bins_are_one_minute_wide_and_end_with_the_range() {
    let at = |seconds: u64| history([Duration::from_secs(seconds)]);
    assert_eq!((at(59).within(), at(59).beyond), (0, 0));
    let place = |history: &History| history.bins.iter().position(|count| *count == 1);
    assert_eq!(place(&at(60)), Some(0));
    assert_eq!(place(&at(119)), Some(0));
    assert_eq!(place(&at(120)), Some(1));
    let end = IDLE_TIME_RANGE.as_secs();
    assert_eq!((place(&at(end - 1)), at(end - 1).beyond), (Some(BINS - 1), 0));
    assert_eq!((place(&at(end)), at(end).beyond), (None, 1));
}

#[test]
fn halving_keeps_what_is_rare() {
    // One in eight is long: after many halvings it still is.
    let history = history((0..2_000).map(|number| minutes(if number % 8 == 0 { 100 } else { 20 })));
    let known = history.within();
    assert!((u32::from(IDLE_TIMES) / 2..IDLE_TIMES.into()).contains(&known), "{known}");
    let rare = u32::from(history.bins[100 - 1]);
    assert!((known / 10..known / 6).contains(&rare), "{rare} of {known}");
}

/// The same plan from the plain list of all idle times, while they are too few to be halved.
fn model(idle: &[Duration], usual: Duration) -> Plan {
    let all: Vec<u64> = idle.iter().map(|idle| idle.as_secs() / 60).filter(|minutes| *minutes > 0).collect();
    let (mut within, beyond): (Vec<u64>, Vec<u64>) = all.iter().partition(|minutes| **minutes < 240);
    within.sort_unstable();
    let too_few = |list: &[u64]| list.len() < 4;
    let window = if too_few(&all) {
        None
    } else if beyond.len() >= within.len() {
        let mut last: Vec<u64> = beyond.iter().rev().take(8).map(|minutes| *minutes.min(&65_535)).collect();
        last.sort_unstable();
        (!too_few(&last))
            .then(|| {
                let median = last[last.len() / 2];
                let mut errors: Vec<u64> = last.iter().map(|minutes| minutes.abs_diff(median)).collect();
                errors.sort_unstable();
                let error = errors[(last.len() as f64 * 0.75).ceil() as usize - 1];
                let limit = median * 15 / 100;
                let margin = (error * 2).max(10).min(limit).min(120);
                (error <= limit && median < 65_535)
                    .then(|| Prewarm { start: minutes(median - margin), stop: minutes(median + margin + 1) })
            })
            .flatten()
    } else {
        let mut pairs = 0;
        for (index, one) in within.iter().enumerate() {
            pairs += within[..index].iter().filter(|other| *other == one).count();
        }
        let count = within.len();
        let chance = (count * count.saturating_sub(1) / 2) as f64 * 5.0 / 239.0;
        (!too_few(&within) && pairs as f64 >= chance + 2.0 * chance.sqrt() + 1.0).then(|| {
            let head = within[(count * 5).div_ceil(100) - 1];
            let tail = within[(count * 99).div_ceil(100) - 1];
            Prewarm { start: minutes(head) * 9 / 10, stop: minutes(tail + 1) * 11 / 10 }
        })
    };
    match window {
        None => kept(usual),
        Some(window) if window.start <= usual => kept(window.stop.max(usual)),
        Some(window) => {
            let sooner = all.iter().filter(|minutes| **minutes < usual.as_secs() / 60).count();
            let keep_alive = if sooner * 20 > all.len() { usual } else { LINGER.min(usual) };
            Plan { keep_alive, prewarm: Some(window) }
        }
    }
}

/// Idle times of one of the kinds that there are: about the same, some of them short, any.
fn idle_times(most: usize) -> impl Strategy<Value = Vec<Duration>> {
    let about = (0_u64..100_000, 0_u64..200).prop_flat_map(|(seconds, more)| seconds..=seconds + more);
    let one = prop_oneof![
        4 => about.boxed(),
        2 => (0_u64..1_000).boxed(),
        1 => any::<u64>().boxed(),
    ];
    let same = (0_u64..2_000_000, 0_u64..600)
        .prop_flat_map(move |(seconds, more)| prop::collection::vec(seconds..=seconds + more, 0..most));
    prop_oneof![prop::collection::vec(one, 0..most), same].prop_map(|all| {
        all.into_iter().map(|seconds| Duration::from_secs(seconds >> 8 << 8 | seconds & 255)).collect()
    })
}

proptest! {
    #[test]
    fn a_plan_is_what_the_plain_list_says(idle in idle_times(120), usual in 0_u64..8_000) {
        let usual = Duration::from_secs(usual);
        // Past the end of time nothing is longer than what is left of it.
        let total: u128 = idle.iter().map(Duration::as_nanos).sum();
        prop_assume!(total < Duration::MAX.as_nanos() / 2);
        prop_assert_eq!(history(idle.clone()).plan(usual), model(&idle, usual));
    }

    #[test]
    fn a_plan_is_always_within_its_limits(idle in idle_times(600), usual in 0_u64..8_000) {
        let usual = Duration::from_secs(usual);
        let history = history(idle);
        let known = history.within() + u32::from(history.beyond);
        prop_assert!(known < IDLE_TIMES.into());
        let Plan { keep_alive, prewarm } = history.plan(usual);
        match prewarm {
            None => {
                prop_assert!(keep_alive >= usual);
                prop_assert!(keep_alive <= usual.max(IDLE_TIME_RANGE * 11 / 10));
            }
            Some(Prewarm { start, stop }) => {
                prop_assert!(keep_alive <= usual && usual < start && start < stop);
                prop_assert!(stop - start <= IDLE_TIME_RANGE * 11 / 10);
            }
        }
    }
}
