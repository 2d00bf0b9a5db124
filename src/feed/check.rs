//! Trying a feed out for `ringledger check`: what would go wrong, and the cure.

use super::{Fault, FaultKind, Heard, Session, Settings, TRIAL_APP, ami};
use std::time::Duration;

/// How long an answer or event that ought to come is waited for.
const WAIT: Duration = Duration::from_secs(3);

const LISTED: &str = "the calls that are alive can be asked for after a gap";

/// One thing that was tried, and how it went.
pub type Remark = Result<String, String>;

/// Tries a feed: connects, logs in, and looks at what it is given.
pub async fn check(settings: &Settings) -> Vec<Remark> {
    let settings = &Settings { app: TRIAL_APP, ..settings.clone() };
    let opened = match Session::open(settings).await {
        Ok(session) => session,
        Err(fault) => return vec![Err(fault.to_string())],
    };
    let mut remarks = vec![Ok(format!("{}: connected and logged in", settings.address))];
    let ended = match opened {
        Session::Ami(mut session) => manager(&mut session, &mut remarks).await,
        session => alive(session, &mut remarks).await,
    };
    remarks.extend(ended.err().map(|fault| Err(fault.to_string())));
    remarks
}

async fn waited<T>(what: &str, step: impl Future<Output = Result<T, Fault>>) -> Result<T, Fault> {
    let late = |_| Fault::new(FaultKind::Lost, format!("{what} did not come"));
    tokio::time::timeout(WAIT, step).await.map_err(late)?
}

/// Whether the other side lives and lists its calls: what it answers first is that list.
async fn alive(mut session: Session, remarks: &mut Vec<Remark>) -> Result<(), Fault> {
    session.ask_alive().await?;
    remarks.push(match waited("a sign of life", session.heard()).await? {
        Heard::Refused(why) => Err(why),
        _ => Ok(LISTED.into()),
    });
    Ok(())
}

/// What a manager's user may ask and read.
async fn manager(session: &mut ami::Session, remarks: &mut Vec<Remark>) -> Result<(), Fault> {
    let mut restarts_seen = false;
    let alive = waited("the list of calls", async {
        loop {
            let block = session.block().await?;
            restarts_seen |= block.value("Event") == Some("FullyBooted");
            if block.value("Response").is_some()
                && block.value("ActionID") == Some("CoreShowChannels")
            {
                return Ok(block);
            }
        }
    })
    .await?;
    remarks.push(match alive.value("Response") {
        Some("Error") => Err("the calls that are alive cannot be asked for after a gap: give the \
                              user `write = reporting`"
            .into()),
        _ => Ok(LISTED.into()),
    });
    remarks.push(match restarts_seen {
        true => Ok("restarts of the phone system are told".into()),
        false => {
            Err("restarts of the phone system are not told: give the user `system` in `read`, \
                      beside call, cdr, agent, reporting and dialplan"
                .into())
        }
    });
    remarks.push(own_event(session).await?);
    Ok(())
}

/// Events of calls cannot be asked for, but one of our own can.
async fn own_event(session: &mut ami::Session) -> Result<Remark, Fault> {
    session.send("UserEvent", &[("UserEvent", "RingledgerCheck")]).await?;
    let mut allowed = None;
    let event = waited("our own event", async {
        loop {
            let block = session.block().await?;
            if block.value("Event") == Some("UserEvent") {
                return Ok(Some(block));
            }
            if block.value("ActionID") == Some("UserEvent") {
                allowed = Some(block.value("Response") == Some("Success"));
                if allowed == Some(false) {
                    return Ok(None);
                }
            }
        }
    })
    .await;
    Ok(match (event, allowed) {
        (Ok(Some(block)), _) if block.value("Timestamp").is_some() => {
            Ok("events come, with their times".into())
        }
        (Ok(Some(_)), _) => Err("events come without their times, so rings are counted by our \
                                 clock: set `timestampevents = yes` in the manager's [general]"
            .into()),
        (Ok(None), _) => {
            Ok("whether events come was not tried: with `user` in `read` and `write` \
                             an event of our own is"
                .into())
        }
        (Err(_), Some(true)) => Err("no events come: give the user `user` in `read` beside the \
                                     others, and look at its eventfilter"
            .into()),
        (Err(fault), _) => return Err(fault),
    })
}
