//! `ringledger why`: the evidence for a link, its rivals, and what would change it.

use super::data::{Place, block_on};
use super::{Failure, Outcome};
use crate::app;
use crate::linkage::why::Why;

/// Arguments of `why`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// An entry's number, a call's id, or the content hash of a recording.
    pub what: String,
    #[command(flatten)]
    pub place: Place,
    /// The site; the first one where none is named.
    #[arg(long)]
    pub site: Option<String>,
}

/// Runs the command.
///
/// # Errors
/// [`Failure`] when there is nothing of that name, or the data cannot be read.
pub fn run(args: &Args, json: bool) -> Result<Outcome, Failure> {
    let (_, data) = args.place.open()?;
    let answers = app::answers(&data);
    let site = answers.site(args.site.as_deref())?.id.clone();
    let why = block_on(answers.why(&site, &args.what))??;
    if json {
        println!("{}", serde_json::to_string(&why).unwrap_or_default());
    } else {
        print(&args.what, &why);
    }
    data.store.close();
    Ok(Outcome::Clean)
}

fn print(what: &str, why: &Why) {
    let standing = serde_json::to_value(why.standing).unwrap_or_default();
    println!("{what}: {}", standing.as_str().unwrap_or_default());
    if let Some(chosen) = &why.chosen {
        println!(
            "contact {} and entry {}, probability {:.4}",
            chosen.contact, chosen.entry, chosen.probability
        );
    }
    for one in &why.candidates {
        println!("contact {}, entry {}: {:+.1} bits", one.contact, one.entry, one.bits);
        for field in &one.evidence {
            println!("  {:+6.1}  {}: {}", field.weight, field.field, field.level);
        }
    }
    why.changes.iter().for_each(|change| println!("{change}"));
}
