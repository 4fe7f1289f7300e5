//! Before the first step of an `up`, under its lock: Capacity Blocks have begun, and there is room for the nodes.

use super::block::{self, Waited};
use super::capacity::{self, Hold, NoRoom, Prober, Secured};
use super::converge::{Outcome, Session, looked, objection};
use super::event::{Event, FORMAT_VERSION, Failure};
use super::keeper::Keeper;
use super::lease::Lease;
use super::moving;
use super::patience::patiently;
use super::prepare::{Failed, Prepared, Request};
use crate::cloud::{Clock, Cloud};
use crate::plan::Purpose;

/// Waits for Capacity Blocks that have not begun, and looks again. The inner error: the run ends here.
pub(super) async fn await_blocks<C: Cloud, K: Clock>(
    cloud: &C,
    clock: &K,
    session: &Session<'_>,
    request: &Request,
    prepared: Prepared,
    lease: Lease,
) -> Result<Result<(Lease, Prepared), Outcome>, Failed> {
    if !block::is_awaited(session, &prepared) {
        return Ok(Ok((lease, prepared)));
    }
    let (waited, lease) = block::wait(cloud, clock, session, &prepared, lease).await?;
    let ended = match waited {
        Waited::Stopped => Ok(Outcome::Declined),
        Waited::NotBegun => {
            let refused = block::not_begun(session, &prepared);
            Ok(Outcome::NotBegun { prepared: Box::new(prepared), refused })
        }
        // Hours or days have passed.
        Waited::Begun => {
            let looked = looked(cloud, clock, request).await;
            match looked.and_then(|now| Ok((objection(session.reviewed.as_ref(), &now, None)?, now))) {
                Ok((None, now)) => return Ok(Ok((lease, now))),
                Ok((Some(objection), _)) => Ok(objection),
                Err(failed) => Err(failed),
            }
        }
    };
    let _ = lease.release(cloud).await;
    ended.map(Err)
}

/// Finds a zone with room for the nodes, if that is to be found out. The inner error: the run ends here.
pub(super) async fn secure<C: Cloud, K: Clock>(
    cloud: &C,
    clock: &K,
    session: &Session<'_>,
    request: &Request,
    mut prepared: Prepared,
    lease: Lease,
) -> Result<Result<(Lease, Prepared, Vec<Hold>), Outcome>, Failed> {
    let say = |what| {
        let _ = session.events.send(Event { format_version: FORMAT_VERSION, at: clock.now(), elapsed_s: 0.0, what });
    };
    if session.request.purpose == Purpose::Down || !capacity::is_to_be_asked(session, &prepared) {
        let holds = capacity::left(&prepared);
        for hold in holds.iter().filter(|hold| hold.is_kept) {
            say(hold.held());
        }
        return Ok(Ok((lease, prepared, holds)));
    }
    let deployed = prepared.desired.id.clone();
    let keeper = Keeper::new(lease, cloud.clone(), clock.clone());
    let mut prober = Prober::new(cloud, clock, session, &prepared, keeper);
    let asked = Box::pin(prober.ask()).await;
    let (lease, store, holds) = prober.hand_over().await;
    let Some(lease) = lease else { return Err(Failed::Unsecured(Failure::LostLock)) };
    let room = match asked {
        Ok(Secured::Unasked) => {
            let record = store.record().await;
            if prepared.unmoved.is_some() {
                prepared.record.tries = record.tries;
            } else {
                prepared.record = record;
            }
            return Ok(Ok((lease, prepared, holds)));
        }
        Ok(Secured::Room((place, choice, types)))
            if prepared.unmoved.is_none()
                && prepared.record.pins.place.as_ref() == Some(&place)
                && prepared
                    .record
                    .pins
                    .types
                    .iter()
                    .all(|(group, taken)| types.get(group).is_none_or(|it| it == taken)) =>
        {
            prepared.record = store.record().await;
            prepared.record.pins.choice = Some(choice);
            return Ok(Ok((lease, prepared, holds)));
        }
        Ok(Secured::Room(room)) => Ok(room),
        Ok(Secured::NoRoom(room)) => Err(Ok(Some(room))),
        Err(Failure::Interrupted) => Err(Ok(None)),
        Err(failure) => Err(Err(failure)),
    };
    let ended = match room {
        Ok(room) => {
            let request = Request { room: Some(room), ..request.clone() };
            let flushed = patiently(|| store.flush()).await;
            let looked = match flushed {
                Ok(()) => looked(cloud, clock, &request).await,
                Err(error) => Err(error.into()),
            };
            match looked {
                Ok(now) if now.plan.is_refused() => Ok(Outcome::Refused(Box::new(now))),
                Ok(now) => return Ok(Ok((lease, now, holds))),
                Err(failed) => Err(failed),
            }
        }
        Err(ended) => {
            // What cannot be written is found by looking next time.
            let record = store.record().await;
            let is_nothing = prepared.is_new && !record.may_hold_capacity() && record.waiting.is_none();
            let _ = if is_nothing { patiently(|| store.delete()).await } else { patiently(|| store.flush()).await };
            match ended {
                Ok(Some(room)) if prepared.unmoved.is_some() => {
                    let answers = [request.left.clone(), room.answers].concat();
                    let room = NoRoom { answers, ..room };
                    return Ok(Err(moving::withdraw(cloud, clock, session, lease, room).await?));
                }
                Ok(Some(room)) => Ok(Outcome::NoRoom { prepared: Box::new(prepared), room }),
                Ok(None) => Ok(Outcome::Declined),
                Err(failure) => Err(Failed::Unsecured(failure)),
            }
        }
    };
    let lease = if holds.is_empty() {
        Some(lease)
    } else {
        let keeper = Keeper::new(lease, cloud.clone(), clock.clone());
        for hold in &holds {
            // What cannot be given back ends by itself, or by the next run.
            if capacity::cancel(cloud, &keeper, &store, &deployed, hold).await.is_ok() {
                say(hold.given_back());
            }
        }
        let _ = patiently(|| store.flush()).await;
        keeper.hand_over().await
    };
    if let Some(lease) = lease {
        let _ = lease.release(cloud).await;
    }
    ended.map(Err)
}
