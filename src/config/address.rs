//! Ranges of addresses: `10.0.0.0/8`, `192.168.1.20`, `::1/128`.

use std::net::IpAddr;
use std::str::FromStr;

/// Addresses that begin with the same bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AddressRange {
    first: u128,
    /// Leading bits that must be equal, of 128: IPv4 is taken as mapped into IPv6.
    bits: u32,
}

/// IPv4 addresses lie behind this many bits in IPv6.
const MAPPED_BITS: u32 = 96;

fn number(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(address) => address.to_ipv6_mapped().to_bits(),
        IpAddr::V6(address) => address.to_bits(),
    }
}

impl AddressRange {
    /// Whether an address lies in the range.
    pub fn holds(&self, address: IpAddr) -> bool {
        let differing = number(address) ^ self.first;
        self.bits == 0 || differing >> (128 - self.bits) == 0
    }
}

impl FromStr for AddressRange {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("`{text}` is no address or range such as 10.0.0.0/8");
        let (address, bits) = match text.split_once('/') {
            Some((address, bits)) => (address, Some(bits.parse::<u32>().map_err(|_| wrong())?)),
            None => (text, None),
        };
        let address: IpAddr = address.parse().map_err(|_| wrong())?;
        let (own, offset) = if address.is_ipv4() { (32, MAPPED_BITS) } else { (128, 0) };
        let bits = bits.unwrap_or(own);
        if bits > own {
            return Err(wrong());
        }
        Ok(Self { first: number(address), bits: bits + offset })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_holds_its_own_and_no_others() {
        let range: AddressRange = "10.1.0.0/16".parse().expect("a range");
        assert!(range.holds("10.1.255.3".parse().expect("address")));
        assert!(!range.holds("10.2.0.1".parse().expect("address")));
        let one: AddressRange = "::1".parse().expect("an address");
        assert!(one.holds("::1".parse().expect("address")));
        assert!(!one.holds("127.0.0.1".parse().expect("address")));
        assert!("10.0.0.0/40".parse::<AddressRange>().is_err());
    }
}
