//! What goes wrong, and when: by script at one request, or by chance from a seed.

use std::collections::BTreeMap;
use std::time::Duration;

use super::random::Random;
use crate::cloud::Class;

/// Before the cloud has handled a request, or after.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum When {
    Before,
    After,
}

/// What befalls one request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// Refused, and not handled.
    FailBefore(Class),
    /// Handled, and the answer is an error all the same.
    FailAfter(Class),
    Throttle,
    /// So long on its way to the cloud.
    Slow(Duration),
    /// The connection is half open: no answer ever comes, and the client gives up after a while.
    Hang(When),
    /// The client's process ends here.
    Crash(When),
}

/// How often what goes wrong by chance, in requests of a thousand.
#[derive(Debug, Clone, Copy, Default)]
pub struct Weather {
    pub fail_before: u64,
    pub fail_after: u64,
    pub throttle: u64,
    pub slow: u64,
    pub hang: u64,
    pub crash: u64,
}

/// The longest delay of a request that is slow by chance.
const SLOWEST: Duration = Duration::from_secs(40);

/// The faults that await one client.
#[derive(Debug)]
pub(super) struct Faults {
    by_number: BTreeMap<usize, Fault>,
    /// At the n-th request of an operation.
    by_operation: Vec<(String, usize, Fault)>,
    weather: Weather,
    random: Random,
}

impl Faults {
    pub(super) const fn none(random: Random) -> Self {
        let weather = Weather { fail_before: 0, fail_after: 0, throttle: 0, slow: 0, hang: 0, crash: 0 };
        Self { by_number: BTreeMap::new(), by_operation: Vec::new(), weather, random }
    }

    pub(super) fn at(&mut self, number: usize, fault: Fault) {
        self.by_number.insert(number, fault);
    }

    pub(super) fn at_operation(&mut self, operation: &str, nth: usize, fault: Fault) {
        self.by_operation.push((operation.to_owned(), nth, fault));
    }

    pub(super) const fn weather(&mut self, weather: Weather) {
        self.weather = weather;
    }

    /// What befalls this request: what the script says, else what chance brings.
    pub(super) fn draw(&mut self, number: usize, operation: &str, nth: usize) -> Option<Fault> {
        let chance = self.chance();
        let scripted = self.by_number.get(&number).copied().or_else(|| {
            let fits = |(name, when, _): &&(String, usize, Fault)| name == operation && *when == nth;
            self.by_operation.iter().find(fits).map(|(_, _, fault)| *fault)
        });
        scripted.or(chance)
    }

    /// Draws the same number of times whatever comes out, so that one fault does not shift all later ones.
    fn chance(&mut self) -> Option<Fault> {
        let Weather { fail_before, fail_after, throttle, slow, hang, crash } = self.weather;
        let when = if self.random.below(2) == 0 { When::Before } else { When::After };
        let delay = self.random.up_to(SLOWEST);
        let mut left = self.random.below(1000);
        let faults = [
            (fail_before, Fault::FailBefore(Class::Transient)),
            (fail_after, Fault::FailAfter(Class::Transient)),
            (throttle, Fault::Throttle),
            (slow, Fault::Slow(delay)),
            (hang, Fault::Hang(when)),
            (crash, Fault::Crash(when)),
        ];
        for (often, fault) in faults {
            if left < often {
                return Some(fault);
            }
            left -= often;
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_script_goes_before_chance() {
        let mut faults = Faults::none(Random::new(1));
        faults.weather(Weather { throttle: 1000, ..Weather::default() });
        faults.at(2, Fault::Hang(When::Before));
        faults.at_operation("a", 3, Fault::Crash(When::After));
        assert_eq!(faults.draw(1, "a", 1), Some(Fault::Throttle));
        assert_eq!(faults.draw(2, "a", 2), Some(Fault::Hang(When::Before)));
        assert_eq!(faults.draw(3, "a", 3), Some(Fault::Crash(When::After)));
        assert_eq!(faults.draw(4, "b", 3), Some(Fault::Throttle));
    }

    #[test]
    fn chance_comes_about_as_often_as_said() {
        let mut faults = Faults::none(Random::new(1));
        faults.weather(Weather { fail_after: 100, crash: 100, ..Weather::default() });
        let drawn: Vec<_> = (0..10_000).filter_map(|n| faults.draw(n, "a", n)).collect();
        let crashes = drawn.iter().filter(|fault| matches!(fault, Fault::Crash(_))).count();
        assert!((1_800..2_200).contains(&drawn.len()) && (800..1_200).contains(&crashes), "{} {crashes}", drawn.len());
    }
}
