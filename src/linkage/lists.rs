//! Lists of places by a whole number, all in one piece of memory: a site has as many lists as
//! numbers, and most have one place.

/// Places by key, each list in the order given.
#[derive(Debug, Default)]
pub struct Lists {
    starts: Vec<u32>,
    places: Vec<u32>,
}

impl Lists {
    /// Sorts places by their keys, which must be below `count`.
    pub fn of(count: usize, items: &[(u32, u32)]) -> Self {
        let mut starts = vec![0_u32; count + 1];
        for (key, _) in items {
            starts[*key as usize + 1] += 1;
        }
        for key in 0..count {
            starts[key + 1] += starts[key];
        }
        let mut next = starts.clone();
        let mut places = vec![0; items.len()];
        for (key, place) in items {
            let at = &mut next[*key as usize];
            places[*at as usize] = *place;
            *at += 1;
        }
        Self { starts, places }
    }

    /// The places of a key; none where it is beyond all.
    pub fn get(&self, key: u32) -> &[u32] {
        match self.starts.get(key as usize..).unwrap_or_default() {
            [from, to, ..] => &self.places[*from as usize..*to as usize],
            _ => &[],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_key_keeps_the_order_of_its_places() {
        let lists = Lists::of(3, &[(2, 7), (0, 1), (2, 5)]);
        assert_eq!([lists.get(0), lists.get(1), lists.get(2)], [&[1][..], &[], &[7, 5]]);
        assert_eq!(lists.get(3), &[0_u32; 0]);
        assert_eq!(Lists::default().get(u32::MAX), &[0_u32; 0]);
    }
}
