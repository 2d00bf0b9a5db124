//! Addresses of parties as carriers write them, brought to the number or name that a desk list has.

use crate::party::PhoneNumber;

/// The party of an address: without scheme, up to password, host or parameters. As sent otherwise.
///
/// `sip:8001@front.example.net` and `client:8001` are `8001`; `+8613800138001` stays.
pub fn party(address: &str) -> Option<&str> {
    const SCHEMES: [&str; 4] = ["sip:", "sips:", "client:", "tel:"];
    let address = address.trim();
    let scheme = SCHEMES.iter().find(|scheme| {
        address.get(..scheme.len()).is_some_and(|start| start.eq_ignore_ascii_case(scheme))
    });
    let rest = scheme.map_or(address, |scheme| &address[scheme.len()..]);
    let party = rest.split(['@', ';', ':']).next().unwrap_or(rest).trim();
    (!party.is_empty()).then_some(party)
}

/// The number of an address; nothing where the caller hides it, be it by a word or by the word's
/// digits on a telephone's keys.
pub fn number(address: &str) -> Option<PhoneNumber> {
    // ANONYMOUS, RESTRICTED, BLOCKED, UNKNOWN (in two spellings), UNAVAILABLE.
    const HIDDEN: [&str; 6] =
        ["+266696687", "+7378742833", "+2562533", "+8566696", "+8656696", "+86282452253"];
    let party = party(address)?;
    (!HIDDEN.contains(&party)).then(|| PhoneNumber::known(party)).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_party_is_what_stands_between_scheme_and_host() {
        assert_eq!(party("sip:8001@front.example.net"), Some("8001"));
        assert_eq!(party("SIPS:8001;transport=tls"), Some("8001"));
        assert_eq!(party("client:front"), Some("front"));
        assert_eq!(party("sip:8001:secret@front.example.net"), Some("8001"));
        assert_eq!(party("+8613800138001"), Some("+8613800138001"));
        assert_eq!(party("sip:@front.example.net"), None);
    }

    #[test]
    fn a_hidden_number_is_none() {
        for hidden in ["", "Anonymous", "sip:anonymous@anonymous.invalid", "+266696687", "+8656696"]
        {
            assert_eq!(number(hidden), None, "{hidden}");
        }
    }
}
