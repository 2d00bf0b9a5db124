//! What handlers share.

use super::session::Door;
use crate::flow::answer::Answers;
use crate::flow::archive::Archive;
use crate::flow::desk::Desk;
use crate::flow::error::Result;
use crate::flow::intake::Intake;
use crate::flow::keeping::{Keeping, Limits};
use crate::flow::rendition::Renditions;
use crate::metrics::Metrics;
use axum::http::HeaderMap;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use tokio::sync::Notify;

/// What handlers share.
pub struct State {
    pub intake: Arc<Intake>,
    pub archive: Arc<Archive>,
    pub renditions: Renditions,
    pub metrics: Arc<Metrics>,
    pub door: Door,
    pub columns: BTreeMap<String, String>,
    pub upload_bytes_max: u64,
    /// How much room must be left on the disk.
    pub limits: Limits,
    /// False from the moment the daemon is told to stop.
    pub ready: AtomicBool,
    /// Wakes whoever links.
    pub changed: Arc<Notify>,
}

impl State {
    /// The route of questions, under the rules in force.
    pub fn answers(&self) -> Answers {
        Answers::new(self.archive.store.clone(), self.intake.rules())
    }

    /// The route of what people do.
    pub fn desk(&self) -> Desk {
        Desk {
            store: self.archive.store.clone(),
            rules: self.intake.rules(),
            columns: self.columns.clone(),
        }
    }

    /// The route of keeping, under the rules in force.
    pub fn keeping(&self) -> Keeping {
        let (archive, rules) = (self.archive.clone(), self.intake.rules());
        Keeping { archive, rules, limits: self.limits }
    }

    /// Who is asking.
    ///
    /// # Errors
    /// When he may not come in.
    pub fn enter(&self, headers: &HeaderMap, peer: SocketAddr) -> Result<String> {
        self.door.enter(headers, peer)
    }

    /// The route of questions for somebody who may come in, and the id of the site he asks about.
    ///
    /// # Errors
    /// When he may not come in, or there is no such site.
    pub fn asked(
        &self,
        headers: &HeaderMap,
        peer: SocketAddr,
        site: Option<&str>,
    ) -> Result<(Answers, String)> {
        self.enter(headers, peer)?;
        let answers = self.answers();
        let site = answers.site(site)?.id.clone();
        Ok((answers, site))
    }

    /// Whether deliveries are taken.
    pub fn is_ready(&self) -> bool {
        self.ready.load(Ordering::Relaxed)
    }
}
