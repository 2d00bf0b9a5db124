//! What the store is told of the business: how each source's deliveries are read and each site's
//! calls folded.

use crate::call::{Call, CallEvent, CallRules, FeedGap, Moment, fold};
use crate::pbx::body;
use crate::pbx::generic::FieldMap;
use crate::pbx::signature::PublicUrl;
use crate::pbx::{self, Delivery, Dialect, FEED, Pbx, Reading, Refusal, Secret};
use crate::recording::name::NamePattern;
use crate::recording::reference::{self, Way};
use crate::site::Site;
use crate::store::Interpreter;
use std::collections::BTreeMap;
use std::net::IpAddr;

/// A configured sender of deliveries: site, adapter and proof.
pub struct Source {
    pub name: String,
    pub site: String,
    pub pbx: &'static dyn Pbx,
    /// Zone of times without one; the site's where the source has none of its own.
    pub zone: chrono_tz::Tz,
    pub field_map: Option<FieldMap>,
    pub secret: Secret,
    /// Where its sender calls us, where the settings say so.
    pub public_url: Option<PublicUrl>,
    /// Addresses that may send.
    pub allow: Vec<crate::config::AddressRange>,
    /// How this source names its recordings.
    pub names: NamePattern,
    /// It has folders of its own.
    pub has_folders: bool,
    /// Recordings that it announces by name are fetched too.
    pub fetches_names: bool,
}

impl Source {
    /// What the adapter must know in order to read.
    pub fn dialect(&self) -> Dialect<'_> {
        Dialect { zone: self.zone, field_map: self.field_map.as_ref() }
    }

    /// Checks the proof of a delivery, which may cover the address that its sender called.
    ///
    /// # Errors
    /// [`Refusal`] with what was missing or wrong.
    pub fn authenticate(&self, delivery: &Delivery) -> Result<(), Refusal> {
        match &self.public_url {
            Some(public) => self.pbx.authenticate(&public.called(delivery), &self.secret),
            None => self.pbx.authenticate(delivery, &self.secret),
        }
    }

    /// What a delivery says: of the feed's own connection, or as the dialect has it.
    ///
    /// # Errors
    /// [`Refusal`] when it cannot be understood.
    pub fn read(&self, delivery: &Delivery) -> Result<Reading, Refusal> {
        let own = (delivery.method == FEED).then(|| body::connection(delivery)).flatten();
        own.unwrap_or_else(|| self.pbx.parse(delivery, &self.dialect()))
    }

    /// Whether an address may send deliveries of this source.
    pub fn allows(&self, peer: IpAddr) -> bool {
        self.allow.iter().any(|range| range.holds(peer))
    }
}

/// All sources and sites, as configured. Immutable: a reload makes another.
pub struct Rules {
    pub sources: BTreeMap<String, Source>,
    pub sites: BTreeMap<String, Site>,
}

impl Rules {
    /// The names of a site's sources.
    pub fn sources_of(&self, site: &str) -> Vec<String> {
        let own = self.sources.values().filter(|source| source.site == site);
        own.map(|source| source.name.clone()).collect()
    }

    /// The sites with their sources' names, as the store registers them.
    pub fn names(&self) -> Vec<(String, Vec<String>)> {
        self.sites.keys().map(|site| (site.clone(), self.sources_of(site))).collect()
    }
}

impl Interpreter for Rules {
    fn read(&self, source: &str, delivery: &Delivery) -> Result<Reading, Refusal> {
        let gone = || {
            let why =
                format!("source `{source}` is no longer configured, so nothing can read this");
            Refusal::NotUnderstood(why)
        };
        let source = self.sources.get(source).ok_or_else(gone)?;
        source.read(delivery)
    }

    fn fold(
        &self,
        site: &str,
        events: &[CallEvent],
        gaps: &[FeedGap],
        as_of: Option<Moment>,
    ) -> Option<Call> {
        // A call is judged by the settings valid when it was offered: at its first event.
        let offered_at = events.iter().map(|event| event.at.earliest).min()?;
        let rules = CallRules::of(self.sites.get(site)?.settings_at(offered_at));
        fold(&pbx::settled(events, &rules), gaps, &rules, as_of)
    }

    fn fetches(&self, source: &str, reference: &str) -> bool {
        let Some(source) = self.sources.get(source) else { return false };
        match reference::way(reference) {
            // Without hosts that may be asked the call's page says so.
            Way::Address => true,
            Way::Path => source.has_folders || source.fetches_names,
            Way::Name => source.fetches_names,
        }
    }

    fn day(&self, site: &str, at: Moment) -> String {
        let day = self.sites.get(site).map(|site| site.settings_at(at).local_day(at));
        day.unwrap_or_else(|| at.date_naive()).to_string()
    }
}
