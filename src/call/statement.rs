//! What several statements about one moment come to: exact ones beat bounds, bounds are
//! intersected.

use super::event::Bounds;

/// The first moment that a list tells of. Statements that overlap the first speak of the same
/// moment and narrow it; the others speak of a later one.
pub fn first_told(told: &[Bounds]) -> Option<Bounds> {
    let first = *told.iter().min_by_key(|at| (at.latest, at.earliest))?;
    let narrowed = |known: Bounds, at: &Bounds| known.intersection(*at).unwrap_or(known);
    let mut ordered: Vec<Bounds> = told.to_vec();
    ordered.sort_by_key(|at| (at.latest, at.earliest));
    Some(ordered.iter().fold(first, narrowed))
}

/// What statements about one and the same moment come to; `None` when they exclude each other.
pub fn agreed(told: &[Bounds]) -> Option<Bounds> {
    let exact = told.iter().filter(|at| at.is_exact()).min_by_key(|at| at.earliest);
    if let Some(exact) = exact {
        return Some(*exact);
    }
    let (first, rest) = told.split_first()?;
    rest.iter().try_fold(*first, |both, at| both.intersection(*at))
}
