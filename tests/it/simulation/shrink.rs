//! Makes a failing story shorter as long as it fails in the same way.

use super::story::{Act, Command, End, Keeps, Queue, Sky, Story};
use super::{Failed, live};

/// So many lives are lived to find a shorter one.
const MOST_TRIES: usize = 400;

pub(super) fn shrink(mut story: Story, mut failed: Failed) -> (Story, Failed) {
    let mut tries = 0;
    loop {
        let mut shorter = candidates(&story).into_iter().filter_map(|candidate| {
            tries += 1;
            let other = (tries <= MOST_TRIES).then(|| live(&candidate).err())??;
            (kind(&other.why) == kind(&failed.why)).then_some((candidate, other))
        });
        let Some((next, why)) = shorter.next() else { return (story, failed) };
        drop(shorter);
        (story, failed) = (next, why);
    }
}

/// What broke, without the names and numbers.
fn kind(why: &str) -> &str {
    why.split(':').next().unwrap_or(why)
}

/// Every story that is simpler in one respect.
fn candidates(story: &Story) -> Vec<Story> {
    let mut all = Vec::new();
    let mut push = |change: &dyn Fn(&mut Story)| {
        let mut other = story.clone();
        change(&mut other);
        if other != *story {
            all.push(other);
        }
    };
    for index in 0..story.acts.len() {
        push(&|other| drop(other.acts.remove(index)));
    }
    push(&|other| other.neighbours = false);
    push(&|other| other.lag_s = 0);
    push(&|other| other.slow = false);
    push(&|other| other.creation_holds = false);
    push(&|other| other.queue = Queue::Truth);
    push(&|other| other.exports_stall = false);
    push(&|other| other.asks = false);
    push(&|other| other.scarce = None);
    push(&|other| other.storage = Keeps::Fsx);
    push(&|other| other.elsewhere = false);
    push(&|other| other.last_up = None);
    for index in 0..story.acts.len() {
        let act = |change: fn(&mut Act)| move |other: &mut Story| change(&mut other.acts[index]);
        push(&act(|act| act.beside = None));
        push(&act(|act| act.sleep = None));
        push(&act(|act| act.weather = Sky::Fair));
        push(&act(|act| act.end = End::ByItself));
        push(&act(|act| act.rest_s = 0));
        push(&act(|act| {
            act.before.pop();
        }));
        push(&act(|act| act.before = act.before.iter().skip(1).copied().collect()));
        push(&act(|act| {
            if let Command::Up(wish) | Command::Replace(wish) = &mut act.command {
                wish.groups.truncate(1);
            }
        }));
        push(&act(|act| {
            if let Command::Up(wish) | Command::Replace(wish) = &mut act.command {
                wish.datasets.truncate(1);
            }
        }));
        push(&act(|act| {
            if let Command::Up(wish) | Command::Replace(wish) = &mut act.command {
                wish.groups.iter_mut().for_each(|group| group.count = 1);
            }
        }));
    }
    all
}
