//! Deliveries of one adapter, all the way to calls. `ADAPTER` in the environment names it; without it the first byte
//! of an input does.
#![no_main]

use libfuzzer_sys::fuzz_target;
use ringledger::pbx::{self, Pbx};
use ringledger_fuzz::{deliveries, fold, samples, sow};
use std::sync::OnceLock;

static ADAPTER: OnceLock<&'static dyn Pbx> = OnceLock::new();

fuzz_target!(
    init: {
        if let Ok(name) = std::env::var("ADAPTER") {
            let pbx = pbx::named(&name).unwrap_or_else(|| panic!("no adapter `{name}`"));
            ADAPTER.get_or_init(|| pbx);
            sow(|| samples(&name));
        }
    },
    |input: &[u8]| {
        if let Some(pbx) = ADAPTER.get() {
            return fold(*pbx, None, &deliveries(input));
        }
        let Some((first, rest)) = input.split_first() else { return };
        fold(pbx::ALL[usize::from(*first) % pbx::ALL.len()], None, &deliveries(rest));
    }
);
